"""The keys of one bucket, and the events that follow from the next message or count. Pure.

A consumer delivers every message, but no removal without a marker: an expiry, a purge, a deleted
message. The stream's counts show these: every message older than the first one is gone, and a
number of subjects that differs from the known ones means that others are gone too.
"""

from __future__ import annotations

from collections.abc import Sequence

from backends.nats_kv.names import KeyLocation, key_of
from backends.nats_kv.responses import Bucket
from backends.store import Delete, Entry, Put, Revision
from backends.store.resync_loop import PositionLost


def revision_of(sequence: int, created: str) -> Revision:
    """Return a revision. It includes the stream's creation time, since a recreated stream counts
    from 1 again.
    """
    return Revision(f"{sequence}@{created}")


def sequence_of(revision: Revision, created: str) -> int | None:
    """Return the sequence number in a revision. None: it is not of the stream created then."""
    number, _, born = revision.partition("@")
    return int(number) if born == created and number.isascii() and number.isdigit() else None


class BucketState:
    """The subjects of one bucket. `bucket` is its state before the first message was requested."""

    def __init__(self, bucket: Bucket, prefixes: Sequence[bytes]) -> None:
        self.bucket = bucket
        self._prefixes = tuple(prefixes)
        self._position = bucket.last
        """All messages up to this sequence number are known."""
        self._sequences: dict[bytes, int] = {}
        """The sequence of the last message of each subject, markers included, oldest first."""
        self._live: dict[bytes, bytes] = {}
        """The key of each watched subject that was not removed."""
        self._awaited: Bucket | None = None
        """Counts that are ahead of the known messages."""
        self._moved = False
        """Whether any message came since then."""

    @property
    def is_settled(self) -> bool:
        """Return whether all messages of the last counts are known."""
        return self._awaited is None

    def deletes(self) -> list[Delete]:
        """Return the events if the bucket was deleted."""
        return [Delete(key) for key in self._live.values()]

    def message(
        self, subject: bytes, sequence: int, value: bytes, *, is_marker: bool
    ) -> list[Put | Delete]:
        """Apply a message and return its events. Raises `PositionLost`."""
        self._moved = True
        self._position = max(self._position, sequence)
        # A dict keeps the order of insertion, so insert it anew.
        self._sequences.pop(subject, None)
        self._sequences[subject] = sequence
        events: list[Put | Delete] = []
        if is_marker:
            events += self._gone(subject)
        else:
            key = key_of(KeyLocation(self.bucket.name, subject))
            if key.startswith(self._prefixes):
                self._live[subject] = key
                revision = revision_of(sequence, self.bucket.created)
                events.append(Put(Entry(key, value, revision)))
        if self._awaited is not None and self._position >= self._awaited.last:
            events += self._settle(self._awaited)
        return events

    def counts(self, bucket: Bucket) -> list[Put | Delete]:
        """Apply later counts of the same stream and return their events. Raises `PositionLost`."""
        if bucket.last < self._position and bucket.last < self.bucket.last:
            raise PositionLost(f"{bucket.name} went back to {bucket.last}")
        quiet, before, self.bucket = self.bucket.last == bucket.last, self.bucket, bucket
        if not bucket.messages:
            self._position = max(self._position, bucket.last)
        if bucket.last > self._position:
            if self._awaited is not None and not self._moved:
                raise PositionLost(f"{bucket.name} has messages that did not come")
            self._awaited, self._moved = bucket, False
            return []
        if quiet and bucket.first == before.first and bucket.messages < before.messages:
            # An older message may now be the last one of its subject.
            raise PositionLost(f"messages of {bucket.name} were deleted")
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
            raise PositionLost(
                f"{bucket.name} has {bucket.subjects} keys, of which {known} are known"
            )
        return events

    def _gone(self, subject: bytes) -> list[Put | Delete]:
        key = self._live.pop(subject, None)
        return [] if key is None else [Delete(key)]
