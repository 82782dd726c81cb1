"""The files as last read, the entries as last reported, and the events that lead from one to the
other.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping

from backends.file.folder import Listing
from backends.file.names import KeyFile, encoded, is_dynamos, key_of, name_mark, own_key
from backends.file.safe_open import NOT_ALLOWED, TOO_LARGE, FileContent, FolderId, Identity
from backends.store import Delete, Entry, Put, Revision

_OF_FILES = {
    NOT_ALLOWED: "files that may not be read",
    TOO_LARGE: "files larger than 8 MiB, read up to there",
}
"""The warning for several files, by the reason why a value is incomplete."""


SHARED = "another file of the bucket decodes to the same key, and Dynamo reads either"


class Namesakes:
    """Finds files of a folder that decode to the same key.

    Only names that Dynamo would not write can do so. A folder with Dynamo's own names costs
    nothing.
    """

    def __init__(self, files: Iterable[KeyFile] = ()) -> None:
        self._files = set(files)
        self._unusual: dict[bytes, set[KeyFile]] = {}
        """By the key that they decode to."""
        for file in self._files:
            self._index(file)

    def add(self, file: KeyFile) -> None:
        """Add a file."""
        self._files.add(file)
        self._index(file)

    def discard(self, file: KeyFile) -> None:
        """Remove a file."""
        self._files.discard(file)
        if not is_dynamos(file) and (names := self._unusual.get(key_of(file))) is not None:
            names.discard(file)
            if not names:
                del self._unusual[key_of(file)]

    def clear(self) -> None:
        """Remove all files."""
        self._files.clear()
        self._unusual.clear()

    def of(self, file: KeyFile) -> set[KeyFile]:
        """Return the files that decode to the same key, this one included if it exists."""
        key = key_of(file)
        dynamos = KeyFile(file.bucket, encoded(key[len(file.bucket) + 1 :]))
        return self._unusual.get(key, set()) | ({file, dynamos} & self._files)

    def shares(self, file: KeyFile) -> bool:
        """Return whether another file decodes to the same key."""
        return bool(self._unusual) and len(self.of(file)) > 1

    def _index(self, file: KeyFile) -> None:
        if not is_dynamos(file):
            self._unusual.setdefault(key_of(file), set()).add(file)


def entry_of(
    file: KeyFile, reading: FileContent, end: float, now: float, *, shared: bool = False
) -> Entry:
    """Return the entry for a file. `end`: when its time to live ends. Both in POSIX seconds.

    `shared`: another file decodes to the same key.
    """
    return Entry(
        own_key(file) if shared and not is_dynamos(file) else key_of(file),
        reading.value,
        _revision(file, reading),
        expired_at=_if_past(end, now),
        unread=reading.problem,
        problem=SHARED if shared else "",
    )


def _revision(file: KeyFile, reading: FileContent) -> Revision:
    """Return a token for the content, which ends with the mark that restores the file's name."""
    return Revision(reading.revision + name_mark(file))


def end_of(identity: Identity, ttl: float) -> float:
    """Return when a file's time to live ends, in POSIX seconds, unless it is touched again."""
    return identity.modified_ns / 1e9 + ttl


def _if_past(end: float, now: float) -> float | None:
    return end if end < now else None


def _is_touched(reading: FileContent, identity: Identity) -> bool:
    """Return whether a file was touched since it was read, if its content did not change. What
    could not be read may have got other permissions."""
    before = reading.identity
    return (
        not reading.problem
        and (before.inode, before.size) == (identity.inode, identity.size)
        and before.modified_ns != identity.modified_ns
    )


class FolderState:
    """The files as last read, and the entries as last reported."""

    def __init__(self, ttl: float) -> None:
        self._ttl = ttl
        self.readings: dict[KeyFile, FileContent] = {}
        self._reported: dict[KeyFile, Entry] = {}
        self._ended: dict[KeyFile, float] = {}
        """When the time to live of removed files ends or ended, by their last touch."""
        self._namesakes = Namesakes()
        self._listed: Mapping[KeyFile, Identity] = {}
        """As last listed: of what was only touched since it was read, the times are newer."""
        self.root: FolderId | None = None
        """The root folder that was read. None: none is, so everything must be reported."""

    def forget(self) -> None:
        """Drop everything, after a gap."""
        self.root = None
        self._listed = {}
        self.readings.clear()
        self._reported.clear()
        self._ended.clear()
        self._namesakes.clear()

    def outdated(self, listing: Listing, *, touches_count: bool = True) -> list[KeyFile]:
        """Return the files to read: new, or with another identity.

        `touches_count`: whether another time alone makes another identity. Without it a file whose
        content may have changed is read once it counts again.

        A change that keeps inode and size and falls into the same tick of the file system's clock
        (some milliseconds) as the last one read is seen with the next touch. A file that is never
        touched hides it for good; Dynamo itself never writes in file.
        """
        known = self.readings.get
        return [
            file
            for file, identity in listing.files.items()
            if (reading := known(file)) is None
            or (
                reading.identity != identity
                and (touches_count or not _is_touched(reading, identity))
            )
        ]

    def take(self, found: Mapping[KeyFile, FileContent | None]) -> None:
        """Take the contents of files. None: a file is gone."""
        for file, reading in found.items():
            if reading is None:
                self._drop(file)
            else:
                self.readings[file] = reading
                self._ended.pop(file, None)
                self._namesakes.add(file)

    def keep_only(self, listing: Listing) -> None:
        """Drop the files that no longer exist, and take the times of all others."""
        for file in self.readings.keys() - listing.files.keys():
            self._drop(file)
        self._listed = listing.files

    def changes(self, now: float, files: Iterable[KeyFile] | None = None) -> list[Put | Delete]:
        """Return the changes since the last report, sorted by key, and count them as reported.

        `files`: check only these.
        """
        looks_at_all = files is None
        if files is None:
            files = self.readings.keys() | self._reported.keys()
        else:
            # Adding or removing a file can change the keys of others.
            files = set(files).union(*map(self._namesakes.of, files))
        events: list[Put | Delete] = []
        for file in files:
            reading, reported = self.readings.get(file), self._reported.get(file)
            if reading is None:
                ended = self._ended.pop(file, None)
                if reported is not None:
                    del self._reported[file]
                    overdue = None if ended is None else now - ended
                    events.append(Delete(reported.key, overdue=overdue))
                continue
            shared = self._namesakes.shares(file)
            # Entries are made only for changes: most files are unchanged.
            if (
                reported is None
                or reported.revision != _revision(file, reading)
                or reported.expired_at != _if_past(self._end(file, reading), now)
                or bool(reported.problem) != shared
            ):
                entry = entry_of(file, reading, self._end(file, reading), now, shared=shared)
                self._reported[file] = entry
                if reported is not None and reported.key != entry.key:
                    events.append(Delete(reported.key))
                events.append(Put(entry))
        if looks_at_all:
            # Files added and removed between two reports.
            self._ended.clear()
        return sorted(events, key=_event_order)

    def _drop(self, file: KeyFile) -> None:
        if (reading := self.readings.pop(file, None)) is not None:
            self._ended[file] = self._end(file, reading)
        self._namesakes.discard(file)

    def next_end(self) -> float:
        """Return when a touch or none will next change an entry, in POSIX seconds: once a file
        expires. `now` or earlier: one has expired, and would be touched.
        """
        return min(itertools.starmap(self._end, self.readings.items()), default=math.inf)

    def _end(self, file: KeyFile, reading: FileContent) -> float:
        """Return when a file's time to live ends, unless it is touched again."""
        listed = self._listed.get(file, reading.identity)
        # What was read since it was listed has the newer times.
        latest = max(listed, reading.identity, key=lambda identity: identity.changed_ns)
        return end_of(latest, self._ttl)

    def entries(self) -> tuple[Entry, ...]:
        """Return all entries as reported, sorted by key."""
        return tuple(sorted(self._reported.values(), key=lambda entry: entry.key))

    def warnings(self) -> tuple[str, ...]:
        """Return the number of files with incomplete values, by reason."""
        counts: dict[str, int] = {}
        for reading in self.readings.values():
            if reading.problem:
                counts[reading.problem] = counts.get(reading.problem, 0) + 1
        return tuple(f"{_OF_FILES[problem]}: {count}" for problem, count in sorted(counts.items()))


def _event_order(event: Put | Delete) -> tuple[bytes, bool]:
    """Sort by key; a removal comes before an addition of the same key."""
    return (event.entry.key, True) if isinstance(event, Put) else (event.key, False)
