"""Read all keys under some prefixes, page by page, at one revision."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from backends.etcd import rpc
from backends.etcd.client import Client
from backends.etcd.key_ranges import KeyRange
from backends.etcd.permissions import Permissions, readable
from backends.store import Entry, Forbidden, Loading, Refused
from backends.store.resync_loop import PositionLost

ATTEMPTS = 5
"""Times that a snapshot is restarted because its revision was compacted during reading."""


FIRST_PAGE = 100
"""Keys in the first page, while the size of the values is unknown."""
PAGE_BYTES = 4_000_000
"""Bytes of a page, about: it is decoded in one go, which blocks the event loop (16 ms), and must
arrive within one request's time. Values may have from 0.5 KB to 1.5 MB.
"""
UNPACKED_AT_ONCE = 500
"""Keys of a page converted to entries in one go: about 2 ms."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All entries at `revision`, sorted by key."""

    entries: tuple[Entry, ...]
    revision: int
    cluster_id: int
    """A store restored from a backup has another id."""
    permissions: Permissions
    """The ranges that were read."""


async def read_snapshot(
    client: Client, ranges: Sequence[KeyRange], page_size: int
) -> AsyncGenerator[Loading | Snapshot, None]:
    """Yield `Loading` before each page, and one `Snapshot` at the end, of the keys that may be
    read.

    Raises `StoreError`; `Forbidden` if nothing may be read.
    """
    permissions = Permissions(tuple(ranges))
    for _ in range(ATTEMPTS):
        try:
            async with aclosing(_read_once(client, permissions, page_size)) as steps:
                async for step in steps:
                    yield step
        except PositionLost:
            continue
        except Forbidden as denial:
            permissions = await readable(client, ranges, denial)
            continue
        return
    raise Refused(client.address, f"compacted {ATTEMPTS} times while it was read")


async def _read_once(
    client: Client, permissions: Permissions, page_size: int
) -> AsyncGenerator[Loading | Snapshot, None]:
    # The first answer gives the revision for all other requests.
    revision = cluster_id = total = 0
    for asked in permissions.ranges:
        count = await _ask(client, asked, asked.start, revision, count_only=True)
        if not revision:
            revision, cluster_id = count.header.revision, count.header.cluster_id
        total += count.count
    entries: list[Entry] = []
    reported = 0
    size = _PageSize(page_size)
    for asked in permissions.ranges:
        yield Loading(len(entries), total, tuple(entries[reported:]))
        reported = len(entries)
        async with aclosing(_pages(client, asked, revision, size)) as pages:
            async for page in pages:
                for number in range(0, len(page.kvs), UNPACKED_AT_ONCE):
                    # The event loop gets a turn, so the request for the next page is sent.
                    await asyncio.sleep(0)
                    entries += map(rpc.entry, page.kvs[number : number + UNPACKED_AT_ONCE])
                if page.more:
                    yield Loading(len(entries), total, tuple(entries[reported:]))
                    reported = len(entries)
    yield Snapshot(tuple(entries), revision, cluster_id, permissions)


class _PageSize:
    """Chooses the number of keys to request, from the size of the last page."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.keys = min(FIRST_PAGE, most)

    def learn(self, page: rpc.RangeResponse) -> None:
        if page.kvs:
            fitting = PAGE_BYTES * len(page.kvs) // page.ByteSize()
            self.keys = min(self._most, max(1, fitting))


async def _pages(
    client: Client, asked: KeyRange, revision: int, size: _PageSize
) -> AsyncGenerator[rpc.RangeResponse, None]:
    """Yield the pages of a range. The next one is requested while one is processed."""

    def ask(start: bytes) -> asyncio.Task[rpc.RangeResponse]:
        page = _ask(client, asked, start, revision, limit=size.keys)
        return asyncio.create_task(page, name="etcd page")

    asking = ask(asked.start)
    try:
        more = True
        while more:
            page = await asking
            size.learn(page)
            if more := page.more:
                asking = ask(page.kvs[-1].key + b"\0")
            yield page
    finally:
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)


async def _ask(
    client: Client,
    asked: KeyRange,
    start: bytes,
    revision: int,
    *,
    limit: int = 0,
    count_only: bool = False,
) -> rpc.RangeResponse:
    request = rpc.RangeRequest(
        key=start, range_end=asked.end, revision=revision, limit=limit, count_only=count_only
    )
    try:
        return await client.call(rpc.RANGE, request)
    except Forbidden as error:
        raise Forbidden(error.address, f"{error.detail}: {asked}") from error
