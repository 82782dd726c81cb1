"""What the messages that one bucket still has prove of its past. Pure.

A bucket keeps the last messages of each subject, as many as its history says. Numbers that are
missing between them show that something was dropped, and not of which key. So the content at a
moment is known if nothing that was there then can be among what was dropped:

- Nothing is missing at all: then all is known since the bucket was made.
- Otherwise from a moment on, after which nothing is missing, if every key that appears later is
  proven not to have been there before. A limit drops the oldest message of a subject first, so what
  is left of a subject is its end. A first message proves that nothing came before it if the server
  stored it on that condition (`create` of KV clients, as Dynamo's), or if the subject never had as
  many messages as the limit, which was at least the number of messages that another subject has.

A purge by hand past the API of KV buckets leaves no trace: see docs/limits.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from backends.nats_kv.bucket_state import revision_of
from backends.nats_kv.names import KeyLocation, key_of
from backends.nats_kv.responses import Bucket
from backends.store import Entry
from backends.store.past import PastChange

MICROSECONDS = 1_000_000


class KeptMessage(msgspec.Struct, frozen=True, gc=False):
    """One message of a bucket."""

    subject: bytes
    """The bucket's own, as `Bucket.own_subject`."""
    sequence: int
    stored_at: int
    """Microseconds of POSIX time."""
    value: bytes
    is_marker: bool
    """Whether it marks its key as removed."""
    is_first: bool
    """Whether the server stored it on the condition that its subject had no message."""
    is_rollup: bool
    """Whether the server dropped all earlier messages of its subject when it came, as for a purge
    by a KV client."""


class BucketPast:
    """The past of one bucket. Moments are microseconds of POSIX time.

    `messages` are all that the bucket had when it was read, in their order.
    """

    def __init__(self, bucket: Bucket, messages: Sequence[KeptMessage]) -> None:
        self.bucket = bucket
        self._messages = messages
        self._moments = tuple(_moments(messages))
        """Of each message: when it was stored. A clock that was set back does not count."""
        last = messages[-1].sequence if messages else bucket.begins - 1
        self._last = max(last, bucket.last)
        gap = self._newest_gap()
        self.why_lost = "" if gap is None else self._why_lost()
        """Why nothing is known of any moment before now, as a clause. Empty: this is not so."""
        self.is_whole = gap is None
        """Whether no message was ever dropped."""
        made = bucket.made_at or self._newest()
        self.oldest = made if gap is None else max(made, self._known_from(gap))
        """The first moment of which all is known."""

    def entries(self, moment: int, prefixes: tuple[bytes, ...]) -> list[Entry]:
        """Return what was there at a moment that is known."""
        held: dict[bytes, Entry] = {}
        for change in self._changes(prefixes):
            if change.revision > moment:
                break
            if change.entry is None:
                held.pop(change.key, None)
            else:
                held[change.key] = change.entry
        return list(held.values())

    def changes(self, after: int, until: int, prefixes: tuple[bytes, ...]) -> list[PastChange]:
        """Return every change after a moment that is known, up to and with another."""
        return [one for one in self._changes(prefixes) if after < one.revision <= until]

    def _changes(self, prefixes: tuple[bytes, ...]) -> Iterator[PastChange]:
        held: dict[bytes, Entry] = {}
        for message, moment in zip(self._messages, self._moments, strict=True):
            key = key_of(KeyLocation(self.bucket.name, message.subject))
            if not key.startswith(prefixes):
                continue
            previous = held.pop(key, None)
            entry = None
            if not message.is_marker:
                revision = revision_of(message.sequence, self.bucket.created)
                entry = held[key] = Entry(key, message.value, revision)
            if entry is not None or previous is not None:
                yield PastChange(moment, key, entry, previous, moment / MICROSECONDS)

    def _newest_gap(self) -> int | None:
        """Return the greatest number that is missing. None: none is."""
        expected = self._last
        for message in reversed(self._messages):
            if message.sequence != expected:
                break
            expected -= 1
        return expected if expected >= self.bucket.begins else None

    def _why_lost(self) -> str:
        """Return why something may have gone at any time after the last message."""
        if self.bucket.expires:
            return (
                "has messages run out (max_age or allow_msg_ttl), which leaves no trace of when "
                "they went, and some are missing"
            )
        if not self._messages:
            return "has no message left, and nothing tells when they went"
        return ""

    def _newest(self) -> int:
        return max(self.bucket.last_at, self._moments[-1] if self._moments else 0)

    def _known_from(self, gap: int) -> int:
        """Return the moment from which on all is known, with this number missing last."""
        newest = self._newest()
        if not self.bucket.is_plain:
            return newest
        doubtful = self._doubtful()
        known_from = 0
        seen: set[bytes] = set()
        for message, moment in zip(self._messages, self._moments, strict=True):
            is_first = message.subject not in seen
            seen.add(message.subject)
            if is_first and message.subject in doubtful:
                known_from = moment
        # The missing message itself was stored at the next one's moment at the latest.
        after_gap = (
            moment
            for message, moment in zip(self._messages, self._moments, strict=True)
            if message.sequence > gap
        )
        return max(known_from, next(after_gap, newest))

    def _doubtful(self) -> set[bytes]:
        """Return the subjects that may have had earlier messages, which were dropped."""
        proven = 1
        counts: dict[bytes, int] = {}
        created: set[bytes] = set()
        doubtful: set[bytes] = set()
        expected = self.bucket.begins
        is_whole = True
        for message in self._messages:
            # Up to the first gap there was nothing but what is still there.
            is_whole = is_whole and message.sequence == expected
            expected += 1
            count = counts[message.subject] = counts.get(message.subject, 0) + 1
            if count == 1 and (message.is_first or is_whole):
                created.add(message.subject)
            # Two messages that are both there show that the limit was two since the second came.
            # While a bucket with a smaller one is read, one may go before the other comes.
            proven = max(proven, min(count, self.bucket.history or count))
            if message.subject in created:
                continue
            if count >= proven or message.is_rollup:
                doubtful.add(message.subject)
        return doubtful


def _moments(messages: Sequence[KeptMessage]) -> Iterator[int]:
    latest = 0
    for message in messages:
        latest = max(latest, message.stored_at)
        yield latest
