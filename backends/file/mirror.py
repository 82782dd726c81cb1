"""What one watch has told of the files, and what telling the rest comes to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from backends.file.folder import Listing
from backends.file.names import Place, key_of
from backends.file.opening import FolderId, Reading
from backends.store import Delete, Entry, Put


def entry_of(place: Place, reading: Reading, ttl: float, now: float) -> Entry:
    """The entry for a file; `ttl` in seconds, `now` in POSIX seconds."""
    ended = _expired_at(reading, ttl, now)
    return Entry(key_of(place), reading.value, reading.revision, expired_at=ended)


def _expired_at(reading: Reading, ttl: float, now: float) -> float | None:
    end = reading.identity.modified_ns / 1e9 + ttl
    return end if end < now else None


class Mirror:
    """The files as they were last read, and the entries as they were last told."""

    def __init__(self, ttl: float) -> None:
        self._ttl = ttl
        self.readings: dict[Place, Reading] = {}
        self._told: dict[Place, Entry] = {}
        self.root: FolderId | None = None
        """The root folder that was mirrored; None: nothing is, so everything is to be told."""

    def forget(self) -> None:
        """There was a gap: begin again with nothing."""
        self.root = None
        self.readings.clear()
        self._told.clear()

    def outdated(self, listing: Listing) -> list[Place]:
        """The files to read: new, or not as they were.

        A change that keeps inode and size and falls into the same tick of the file system's clock
        (some milliseconds) as the last one read is seen with the next touch, or not by a file that
        nobody touches; Dynamo itself never writes in place.
        """
        known = self.readings.get
        return [
            place
            for place, identity in listing.files.items()
            if (reading := known(place)) is None or reading.identity != identity
        ]

    def take(self, found: Mapping[Place, Reading | None]) -> None:
        """Keep what was read."""
        for place, reading in found.items():
            if reading is None:
                self.readings.pop(place, None)
            else:
                self.readings[place] = reading

    def keep_only(self, listing: Listing) -> None:
        """Drop the files that are not there any more."""
        for place in self.readings.keys() - listing.files.keys():
            del self.readings[place]

    def changes(self, now: float, places: Iterable[Place] | None = None) -> list[Put | Delete]:
        """What differs from what was told, in the order of the keys, and is told herewith.

        `places`: look at these only.
        """
        if places is None:
            places = self.readings.keys() | self._told.keys()
        events: list[tuple[bytes, Put | Delete]] = []
        for place in places:
            reading = self.readings.get(place)
            told = self._told.get(place)
            if reading is None:
                if told is not None:
                    del self._told[place]
                    events.append((told.key, Delete(told.key)))
                continue
            # An entry is made only of what is to be told: most files are as they were.
            if (
                told is None
                or told.revision != reading.revision
                or told.expired_at != _expired_at(reading, self._ttl, now)
            ):
                entry = entry_of(place, reading, self._ttl, now)
                self._told[place] = entry
                events.append((entry.key, Put(entry)))
        return [event for _, event in sorted(events, key=lambda event: event[0])]

    def entries(self) -> tuple[Entry, ...]:
        """Everything as it was told, in the order of the keys."""
        return tuple(sorted(self._told.values(), key=lambda entry: entry.key))

    def warnings(self) -> tuple[str, ...]:
        """How many files could not be read as they are, by reason."""
        counts: dict[str, int] = {}
        for reading in self.readings.values():
            if reading.problem is not None:
                counts[reading.problem] = counts.get(reading.problem, 0) + 1
        return tuple(f"files that {problem}: {count}" for problem, count in sorted(counts.items()))
