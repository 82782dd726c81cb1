"""`EtcdPast`: what etcd still has of earlier revisions, which is all that was not compacted.

etcd keeps no time of any revision, and does not tell a removal by hand from the end of a lease.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager

import msgspec

from backends.etcd import rpc
from backends.etcd.client import Client
from backends.etcd.connection import Connection, Stream
from backends.etcd.key_ranges import KeyRange, key_ranges
from backends.etcd.permissions import readable
from backends.etcd.reads import read_all
from backends.etcd.snapshot import Snapshot, read_snapshot
from backends.store import (
    Cause,
    Compacted,
    Entry,
    Forbidden,
    NotYet,
    Refused,
    Resync,
    Revision,
    StoreError,
    Unreachable,
)
from backends.store.past import PastChange
from backends.store.resync_loop import PositionLost

COMPACTED = "its value is compacted"
"""As `Entry.unread`."""
NOT_ALL = "not all changes came"

ANSWERS, PAUSE = 3, 0.15
"""After so many answers in a row without a change before them no more changes come; and the seconds
between the requests for them. etcd before 3.4.25 and 3.5.8 may answer before it sends changes of
the past: it looks for them every 100 ms, on a busy host more seldom. Later releases send them
first. So what came is held to what must have come (`_Expected`)."""


MOST = 2**63 - 1
"""The greatest number that a request can name as revision."""


class _Expected(msgspec.Struct, frozen=True):
    """What the changes between two revisions must have, whatever else came and went."""

    puts: Mapping[bytes, int]
    """The last change of each key that is there at the later revision."""
    more: int
    """How many keys more there are then."""

    def is_met(self, found: Sequence[rpc.Event]) -> bool:
        """Return whether these are all changes, as far as that can be known."""
        came = {(one.kv.key, one.kv.mod_revision) for one in found}
        if not came.issuperset(self.puts.items()):
            return False
        removed = sum(one.type == rpc.EVENT_DELETE for one in found)
        created = sum(
            one.type != rpc.EVENT_DELETE and one.kv.create_revision == one.kv.mod_revision
            for one in found
        )
        return created - removed == self.more


class EtcdPast:
    """The past of an etcd cluster, as `backends.store.past.Past` says."""

    def __init__(
        self, client: Client, page_size: int, limit: float, *, pause: float = PAUSE
    ) -> None:
        """`limit`: seconds of silence after which the server counts as lost. `pause`: seconds
        between two requests for an answer."""
        self._client = client
        self._pause = pause
        self._page_size = page_size
        self._limit = limit

    def time_of(self, revision: int) -> float | None:
        """Return None: etcd keeps no times."""
        return None

    def revision_at(self, at: float) -> int | None:
        """Return None: etcd keeps no times."""
        return None

    async def newest(self) -> int:
        """Return the newest revision that the member in use has."""
        status = await self._client.call(rpc.STATUS, rpc.StatusRequest())
        return int(status.header.revision)

    async def oldest(self, prefixes: Sequence[bytes]) -> int:
        """Return the revision up to which was compacted last. 1: nothing was."""
        first, *_ = await self._readable(key_ranges(prefixes))
        try:
            await self._client.call(rpc.RANGE, _one_key(first, 1))
            return 1
        except PositionLost:
            return await self._compacted(first.start)

    async def at(self, prefixes: Sequence[bytes], revision: int) -> Resync:
        _check(revision)
        if revision > MOST:
            raise NotYet(self._client.address, revision, await self.newest())
        ranges = key_ranges(prefixes)
        try:
            async with aclosing(
                read_snapshot(self._client, ranges, self._page_size, revision)
            ) as steps:
                async for step in steps:
                    if isinstance(step, Snapshot):
                        return Resync(step.entries, str(revision), step.permissions.unread)
        except PositionLost:
            raise await self._why_not(prefixes, revision) from None
        raise AssertionError("a snapshot ends with a Snapshot")

    async def changes(
        self, prefixes: Sequence[bytes], after: int, until: int
    ) -> tuple[PastChange, ...]:
        _check(after)
        if (newest := await self.newest()) < max(after, until):
            raise NotYet(self._client.address, max(after, until), newest)
        if until <= after:
            return ()
        try:
            ranges = await self._readable(key_ranges(prefixes))
            expected = await self._expected(ranges, after, until)
            async with self._watch(ranges, after + 1) as (connection, stream):
                found = await self._read(connection, stream, len(ranges), until, expected)
            # A watch that begins where was compacted lacks the removals of that revision, and says
            # nothing. All of them came if what was before is still there.
            await self._client.call(rpc.RANGE, _one_key(ranges[0], after))
        except PositionLost:
            raise await self._why_not(prefixes, after) from None
        # Each range's come in order, but the ranges do not wait for each other.
        return tuple(sorted(map(_change, found), key=lambda change: change.revision))

    async def recent(
        self, prefixes: Sequence[bytes], until: int, most: int
    ) -> tuple[PastChange, ...]:
        after = max(1, until - most)
        try:
            return await self.changes(prefixes, after, until)
        except Compacted as error:
            if not after < error.oldest < until:
                return ()
            return await self.changes(prefixes, error.oldest, until)

    async def _readable(self, ranges: Sequence[KeyRange]) -> Sequence[KeyRange]:
        """Return the parts of some ranges that this user may read, without reading them."""
        try:
            await self._touch(ranges)
        except Forbidden as denial:
            return (await readable(self._client, ranges, denial)).ranges
        return ranges

    async def _touch(self, ranges: Sequence[KeyRange]) -> None:
        """Read next to nothing of some ranges. Raises `Forbidden`."""
        await read_all(
            self._client,
            [
                rpc.RangeRequest(key=one.start, range_end=one.end, limit=1, keys_only=True)
                for one in ranges
            ],
        )

    async def _expected(self, ranges: Sequence[KeyRange], after: int, until: int) -> _Expected:
        """Return what the changes between two revisions must have."""
        answers = await read_all(
            self._client,
            [
                request
                for one in ranges
                for request in (
                    _all_of(one, after, count_only=True),
                    _all_of(one, until, count_only=True),
                    _all_of(one, until, keys_only=True, min_mod_revision=after + 1),
                )
            ],
        )
        before, then, changed = answers[::3], answers[1::3], answers[2::3]
        more = sum(one.count for one in then) - sum(one.count for one in before)
        return _Expected({kv.key: kv.mod_revision for one in changed for kv in one.kvs}, more)

    async def _why_not(self, prefixes: Sequence[bytes], revision: int) -> StoreError:
        """Return why a revision could not be read."""
        newest = await self.newest()
        if revision > newest:
            return NotYet(self._client.address, revision, newest)
        oldest = await self.oldest(prefixes)
        if revision < oldest:
            return Compacted(self._client.address, revision, oldest)
        return Refused(self._client.address, f"revision {revision} could not be read")

    async def _compacted(self, key: bytes) -> int:
        """Return the revision up to which was compacted: a watch of what is gone is told it. Of a
        single key there is little else to tell."""
        one = KeyRange(key, key + b"\0")
        async with self._watch([one], 1) as (connection, stream):
            while True:
                response = await self._next(connection, stream)
                if response.compact_revision:
                    return int(response.compact_revision)
                if response.canceled:
                    raise _cancelled(connection, response)

    async def _read(
        self,
        connection: Connection,
        stream: Stream[rpc.WatchRequest, rpc.WatchResponse],
        ranges: int,
        until: int,
        expected: _Expected,
    ) -> list[rpc.Event]:
        """Return the changes up to a revision that a stream has, in so many watched ranges. Raises
        `Refused` if those that must come do not, for as long as silence is waited out."""
        asking = asyncio.create_task(_request_progress(stream, self._pause), name="etcd progress")
        found: list[rpc.Event] = []
        created = answers = 0
        most = max(ANSWERS, round(self._limit / self._pause))
        try:
            while answers < ANSWERS or not expected.is_met(found):
                if answers >= most:
                    raise Refused(str(connection.endpoint), NOT_ALL)
                response = await self._next(connection, stream)
                if response.canceled:
                    raise _cancelled(connection, response)
                wanted = [one for one in response.events if one.kv.mod_revision <= until]
                found += wanted
                created += response.created
                if wanted:
                    answers = 0
                elif (
                    not response.events
                    and not response.created
                    and created == ranges
                    and response.header.revision >= until
                ):
                    answers += 1
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
        return found

    @asynccontextmanager
    async def _watch(
        self, ranges: Sequence[KeyRange], start: int
    ) -> AsyncGenerator[tuple[Connection, Stream[rpc.WatchRequest, rpc.WatchResponse]], None]:
        """Watch ranges from a revision on, and end the stream with the block."""
        connection, stream = await self._client.stream(rpc.WATCH)
        try:
            for one in ranges:
                create = rpc.WatchCreateRequest(
                    key=one.start,
                    range_end=one.end,
                    start_revision=start,
                    prev_kv=True,
                    fragment=True,
                )
                await stream.write(rpc.WatchRequest(create_request=create))
            yield connection, stream
        except Unreachable as failure:
            await self._client.leave(connection, failure)
            raise
        finally:
            stream.close()

    async def _next(
        self, connection: Connection, stream: Stream[rpc.WatchRequest, rpc.WatchResponse]
    ) -> rpc.WatchResponse:
        try:
            async with asyncio.timeout(self._limit):
                return await stream.read()
        except TimeoutError:
            address = str(connection.endpoint)
            raise Unreachable(address, Cause.TIMEOUT, f"silent for {self._limit:g} s") from None


async def _request_progress(
    stream: Stream[rpc.WatchRequest, rpc.WatchResponse], pause: float
) -> None:
    """Request answers at intervals, without end."""
    while True:
        await asyncio.sleep(pause)
        await stream.write(rpc.WatchRequest(progress_request=rpc.WatchProgressRequest()))


def _check(revision: int) -> None:
    if revision < 1:
        # etcd takes these for the newest one.
        raise ValueError(f"no revision is {revision}")


def _all_of(
    one: KeyRange,
    revision: int,
    *,
    count_only: bool = False,
    keys_only: bool = False,
    min_mod_revision: int = 0,
) -> rpc.RangeRequest:
    return rpc.RangeRequest(
        key=one.start,
        range_end=one.end,
        revision=revision,
        count_only=count_only,
        keys_only=keys_only,
        min_mod_revision=min_mod_revision,
    )


def _one_key(of: KeyRange, revision: int) -> rpc.RangeRequest:
    """Return a request that is refused if a revision is not there, and costs next to nothing."""
    return rpc.RangeRequest(key=of.start, revision=revision, count_only=True)


def _cancelled(connection: Connection, response: rpc.WatchResponse) -> StoreError:
    if response.compact_revision:
        return PositionLost(f"compacted up to revision {response.compact_revision}")
    # As Go prints it: `rpc error: code = PermissionDenied desc = etcdserver: …`.
    return connection.error_for(response.cancel_reason.rpartition("desc = ")[2])


def _change(event: rpc.Event) -> PastChange:
    kv = event.kv
    removed = event.type == rpc.EVENT_DELETE
    previous = None
    if event.HasField("prev_kv"):
        previous = rpc.entry(event.prev_kv)
    elif removed or kv.create_revision != kv.mod_revision:
        previous = Entry(kv.key, b"", Revision(""), unread=COMPACTED)
    return PastChange(kv.mod_revision, kv.key, None if removed else rpc.entry(kv), previous)
