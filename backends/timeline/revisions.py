"""`RevisionTimeline`: the revisions of a store that keeps them, as far as they are not compacted.

The numbers of its moments are the revisions. Only changes of Dynamo's own keys are steps: whatever
else is written to the store moves its revision, and nothing that is shown. Where a revision is a
time (NATS), all that the store still has is read at once.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from backends.discovery.cluster import FirstSeen
from backends.discovery.discovery import Discovery
from backends.discovery.past_records import RecordChange, changes_between, holds_alike
from backends.dynamo.queries import Query
from backends.store import Compacted, Delete, Lifetime, NotYet, Put, Resync, StoreEvent
from backends.timeline.known_times import KnownTimes
from backends.timeline.moments import CountsAnew, Moment, Opening, Stepped, StoreEvents

FIRST_CHUNK, LONGEST_CHUNK = 1_000, 64_000
"""Revisions whose changes are read at once. Each next time twice as many: where other programs
write to the store, changes of Dynamo's keys are far apart, and revisions without one cost little.
"""
KEPT = 5_000
"""Changes that are kept, those around the last move."""
EARLIER = 500
"""Changes before a moment that it opens with."""
EVERYTHING_AT_ONCE = 2**62
"""More revisions than there are, where a revision is a time."""
MOST_STEPS = 500
"""Changes that are folded one by one. What is further is read anew."""


class RevisionTimeline:
    """Earlier revisions of a store, and the changes that led from one to the next."""

    has_times = True
    """As far as the store keeps them, or was followed."""

    def __init__(
        self,
        discovery: Discovery,
        query: Query,
        times: KnownTimes,
        *,
        first_chunk: int = FIRST_CHUNK,
        kept: int = KEPT,
    ) -> None:
        """`query`: the records that are shown. Raises `NoPast` if the store keeps none."""
        self._discovery = discovery
        self._past = discovery.past
        self._query = query
        self._times = times
        self._is_timed = self._past.time_of(1) is not None
        """Whether a revision is a time."""
        self._first_chunk = EVERYTHING_AT_ONCE if self._is_timed else first_chunk
        self._longest_chunk = EVERYTHING_AT_ONCE if self._is_timed else LONGEST_CHUNK
        self._earlier_chunk = EVERYTHING_AT_ONCE if self._is_timed else EARLIER
        self._kept = kept
        self._after = self._until = 0
        """All changes after one revision, and up to another, are those in `_changes`."""
        self._changes: list[RecordChange] = []
        self._revisions: list[int] = []
        """Of each of them."""
        self._restores = times.restores
        """How often the store had begun to count anew when changes were read."""
        self._opened_in: int | None = None
        """The same when a moment was opened last. None: none was."""

    @property
    def name(self) -> str:
        if self._is_timed:
            # An operator may have them keep more.
            return f"what {self.store}' buckets keep by their history (max-msgs-per-subject)"
        return f"the revisions of {self.store}"

    @property
    def store(self) -> str:
        return self._discovery.store.name

    @property
    def address(self) -> str:
        return self._discovery.store.address

    @property
    def lifetime(self) -> Lifetime:
        return self._discovery.store.lifetime

    async def first(self) -> Moment:
        return self._moment(await self._past.oldest(self._query.prefixes))

    async def last(self) -> Moment:
        """Return the moment of the last change."""
        newest = await self._past.newest()
        return await self.change_from(self._moment(newest), 0)

    async def change_from(self, moment: Moment, by: int) -> Moment:
        """As `Timeline.change_from`. By 0 it is the last change up to the moment."""
        self._forget_if_restored()
        if by and self._is_of_before():
            raise CountsAnew(self.store, self.address)
        if by > 0:
            return await self._later(moment, by)
        return await self._earlier(moment, -by)

    async def at_time(self, at: float) -> Moment:
        revision = self._past.revision_at(at)
        if revision is None:
            return self._moment(self._times.revision_at(at))
        return self._moment(max(revision, await self._past.oldest(self._query.prefixes)))

    async def at_revision(self, revision: int) -> Moment:
        # A time after the last change is one, too; one that is still to come cannot be opened.
        if not self._is_timed and revision > (newest := await self._past.newest()):
            raise NotYet(self.address, revision, newest)
        return self._moment(revision)

    async def open(self, moment: Moment) -> Opening:
        self._forget_if_restored()
        entries = await self._past.at(self._query.prefixes, moment.number)
        try:
            await self._cover(max(1, moment.number - self._earlier_chunk), moment.number)
        except Compacted as error:
            if error.oldest < moment.number:
                await self._cover(error.oldest, moment.number)
        until = bisect_right(self._revisions, moment.number)
        earlier = self._changes[max(0, until - EARLIER) : until] if self._has(moment) else []
        self._opened_in = self._restores
        return Opening(
            base=moment,
            entries=entries,
            first_seen=self._first_seen(entries, moment),
            evidence=(),
            steps=(),
            earlier=[self._timed(change) for change in earlier],
        )

    async def between(self, after: Moment, until: Moment) -> Sequence[Stepped] | None:
        self._forget_if_restored()
        if self._is_of_before():
            return None
        if not 0 <= until.number - after.number <= self._longest_chunk:
            return None
        try:
            await self._cover(after.number, until.number)
        except Compacted:
            return None
        start = bisect_right(self._revisions, after.number)
        end = bisect_right(self._revisions, until.number)
        if end - start > MOST_STEPS:
            return None
        steps = [
            Stepped(self._change(revision), StoreEvents([*_events(changes)]))
            for revision, changes in groupby(
                self._changes[start:end], lambda change: change.revision or 0
            )
        ]
        if not steps or steps[-1].moment.number != until.number:
            steps.append(Stepped(until, StoreEvents(())))
        return steps

    # --- inside -------------------------------------------------------------------------------

    def _forget_if_restored(self) -> None:
        """Forget the changes that were read, if their revisions were given a second time since."""
        if self._restores != self._times.restores:
            self._restores = self._times.restores
            self._put([])
            self._after = self._until = 0

    def _is_of_before(self) -> bool:
        """Return whether the moment that was opened last lies before a restore."""
        return self._opened_in not in {None, self._restores}

    def _moment(self, revision: int) -> Moment:
        at = self._past.time_of(revision)
        # Where a revision is a time, that says it all.
        return (
            Moment(revision, str(revision), self._times.of(revision))
            if at is None
            else Moment(revision, at=at)
        )

    def _change(self, revision: int) -> Moment:
        """Return the moment of a change, with the time at which it came."""
        if self._is_timed:
            return self._moment(revision)
        return Moment(revision, str(revision), self._times.came_at(revision))

    async def _earlier(self, moment: Moment, by: int) -> Moment:
        """Return the moment so many changes before the last one up to a moment."""
        chunk, oldest = self._first_chunk, 1
        start = self._after if self._has(moment) else max(1, moment.number - chunk)
        while True:
            try:
                await self._cover(start, moment.number)
            except Compacted as error:
                oldest = start = error.oldest
                if oldest >= moment.number:
                    return await self._only(moment, oldest)
                await self._cover(start, moment.number)
            found = self._distinct(start, moment.number)
            if len(found) > by:
                return self._moment(found[-1 - by])
            if start <= oldest:
                return self._moment(start)
            start = max(oldest, start - chunk)
            chunk = min(2 * chunk, self._longest_chunk)

    async def _only(self, moment: Moment, oldest: int) -> Moment:
        """Return a moment before which nothing is left. Raises `Compacted` if the moment itself is
        not left either."""
        if moment.number < oldest:
            raise Compacted(self.address, moment.number, oldest)
        return moment

    async def _later(self, moment: Moment, by: int) -> Moment:
        chunk = self._first_chunk
        is_read = self._after <= moment.number <= self._until
        end, newest = (self._until, 0) if is_read else (moment.number, 0)
        while True:
            await self._cover(moment.number, end)
            found = self._distinct(moment.number, end)
            if len(found) >= by or end == newest:
                return self._moment(found[min(by, len(found)) - 1]) if found else moment
            newest = newest or max(end, await self._past.newest())
            end = min(newest, end + chunk)
            chunk = min(2 * chunk, self._longest_chunk)

    def _distinct(self, after: int, until: int) -> list[int]:
        """Return the revisions in which something changed, of those that are covered."""
        start, end = bisect_right(self._revisions, after), bisect_right(self._revisions, until)
        return list(dict.fromkeys(self._revisions[start:end]))

    def _has(self, moment: Moment) -> bool:
        return self._after < moment.number <= self._until

    async def _cover(self, after: int, until: int) -> None:
        """Read the changes after one revision and up to another, as far as they were not read."""
        if until <= after or (self._after <= after and until <= self._until):
            return
        if len(self._changes) > self._kept:
            self._narrow(after, until)
        if until < self._after or self._until < after or not self._until:
            self._put(await self._read(after, until))
            self._after, self._until = after, until
            return
        if after < self._after:
            self._put([*await self._read(after, self._after), *self._changes])
            self._after = after
        if self._until < until:
            self._put([*self._changes, *await self._read(self._until, until)])
            self._until = until

    def _narrow(self, after: int, until: int) -> None:
        """Forget all changes but those between two revisions."""
        start, end = bisect_right(self._revisions, after), bisect_right(self._revisions, until)
        self._put(self._changes[start:end])
        self._after, self._until = max(after, self._after), min(until, self._until)
        if self._until <= self._after:
            self._put([])
            self._after = self._until = 0

    async def _read(self, after: int, until: int) -> list[RecordChange]:
        found = await changes_between(self._discovery, self._query, after, until)
        return [one for one in found if _is_seen(one)]

    def _put(self, changes: list[RecordChange]) -> None:
        self._changes = changes
        self._revisions = [change.revision or 0 for change in changes]

    def _timed(self, change: RecordChange) -> RecordChange:
        if change.at is not None or change.revision is None:
            return change
        at = self._times.came_at(change.revision)
        return RecordChange(change.record, change.previous, change.revision, at)

    def _first_seen(self, entries: Resync, moment: Moment) -> Mapping[bytes, FirstSeen]:
        """Return since when keys are known to have been there."""
        if self._is_timed:
            return self._first_seen_by_changes(moment)
        if moment.at is None:
            return {}
        came = {
            change.record.key: change.revision
            for change in self._changes
            if change.record is not None and change.previous is None
        }
        found = {}
        for entry in entries.entries:
            if not entry.revision.isdigit():
                continue
            revision = int(entry.revision)
            at = self._times.came_at(revision)
            if at is not None:
                found[entry.key] = FirstSeen(at, was_there=came.get(entry.key) != revision)
            elif (at := self._times.latest_of(revision)) is not None and at <= moment.at:
                found[entry.key] = FirstSeen(at, was_there=True)
        return found

    def _first_seen_by_changes(self, moment: Moment) -> Mapping[bytes, FirstSeen]:
        """Return when each key was written last, as far as the known changes tell."""
        return {
            change.record.key: FirstSeen(change.at, was_there=change.previous is not None)
            for change in self._changes[: bisect_right(self._revisions, moment.number)]
            if change.record is not None and change.at is not None
        }


def _is_seen(change: RecordChange) -> bool:
    """Return whether a change makes a difference: a key may be written again with the same
    value."""
    if change.record is None or change.previous is None:
        return True
    return not holds_alike(change.previous, change.record)


def _events(changes: Iterator[RecordChange]) -> Iterator[StoreEvent]:
    for change in changes:
        if change.record is not None:
            yield Put(change.record.entry)
        else:
            yield Delete(change.latest.key, str(change.revision))
