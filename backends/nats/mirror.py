"""What is known of one bucket, and what follows from the next message or count. Pure.

A consumer tells of every message, and of no removal that leaves no marker: a time to live that ran
out, a purge, a deleted message. The counts that the server gives of a stream do: whatever is older
than its first message is gone, and if it has another number of subjects than is known here, then
something else went.
"""

from __future__ import annotations

from collections.abc import Sequence

from backends.followed import LostPlace
from backends.nats.answers import Bucket
from backends.nats.names import Place, key_of
from backends.store import Delete, Entry, Put, Revision


def revision_of(sequence: int, created: str) -> Revision:
    """A stream that is made again counts from 1 again, so its birth is part of it."""
    return Revision(f"{sequence}@{created}")


def sequence_of(revision: Revision, created: str) -> int | None:
    """The sequence number, if the revision is of the stream that was made then."""
    number, _, born = revision.partition("@")
    return int(number) if born == created and number.isascii() and number.isdigit() else None


class Mirror:
    """The subjects of one bucket. `bucket` is as it was before the first message was asked for."""

    def __init__(self, bucket: Bucket, prefixes: Sequence[bytes]) -> None:
        self.bucket = bucket
        self._prefixes = tuple(prefixes)
        self._position = bucket.last
        """Everything up to here is known."""
        self._sequences: dict[bytes, int] = {}
        """The last message under each subject, markers too, oldest first."""
        self._there: dict[bytes, bytes] = {}
        """The key of each subject that was not removed and is asked for."""
        self._awaited: Bucket | None = None
        """Counts that are ahead of what is known."""
        self._moved = False
        """Whether anything came since they are awaited."""

    @property
    def is_settled(self) -> bool:
        """Whether all that the last counts told of is known."""
        return self._awaited is None

    def deletes(self) -> list[Delete]:
        """What follows if the bucket is gone."""
        return [Delete(key) for key in self._there.values()]

    def message(
        self, subject: bytes, sequence: int, value: bytes, *, is_marker: bool
    ) -> list[Put | Delete]:
        """What follows from a message. Raises `LostPlace`."""
        self._moved = True
        self._position = max(self._position, sequence)
        # The order of a dict is that of what was put in first.
        self._sequences.pop(subject, None)
        self._sequences[subject] = sequence
        events: list[Put | Delete] = []
        if is_marker:
            events += self._gone(subject)
        else:
            key = key_of(Place(self.bucket.name, subject))
            if key.startswith(self._prefixes):
                self._there[subject] = key
                revision = revision_of(sequence, self.bucket.created)
                events.append(Put(Entry(key, value, revision)))
        if self._awaited is not None and self._position >= self._awaited.last:
            events += self._settle(self._awaited)
        return events

    def counts(self, bucket: Bucket) -> list[Put | Delete]:
        """What follows from the counts of the same stream later. Raises `LostPlace`."""
        if bucket.last < self._position and bucket.last < self.bucket.last:
            raise LostPlace(f"{bucket.name} went back to {bucket.last}")
        quiet, before, self.bucket = self.bucket.last == bucket.last, self.bucket, bucket
        if not bucket.messages:
            self._position = max(self._position, bucket.last)
        if bucket.last > self._position:
            if self._awaited is not None and not self._moved:
                raise LostPlace(f"{bucket.name} has messages that did not come")
            self._awaited, self._moved = bucket, False
            return []
        if quiet and bucket.first == before.first and bucket.messages < before.messages:
            # An older message may have become the last one under its subject.
            raise LostPlace(f"messages of {bucket.name} were deleted")
        return self._settle(bucket)

    def _settle(self, bucket: Bucket) -> list[Put | Delete]:
        self._awaited = None
        events: list[Put | Delete] = []
        while self._sequences:
            subject, sequence = next(iter(self._sequences.items()))
            if sequence >= bucket.first:
                break
            del self._sequences[subject]
            events += self._gone(subject)
        known = len(self._sequences)
        if self._position == bucket.last and bucket.subjects not in (None, known):
            raise LostPlace(f"{bucket.name} has {bucket.subjects} keys, of which {known} are known")
        return events

    def _gone(self, subject: bytes) -> list[Put | Delete]:
        key = self._there.pop(subject, None)
        return [] if key is None else [Delete(key)]
