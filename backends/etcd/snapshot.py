"""Reading everything under some prefixes, page by page, at one revision."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from backends.etcd import rpc
from backends.etcd.client import Client
from backends.etcd.ranges import KeyRange
from backends.etcd.rpc import Message
from backends.etcd.sight import Sight, readable
from backends.followed import LostPlace
from backends.store import Entry, Forbidden, Loading, Refused

ATTEMPTS = 5
"""Times that a snapshot is begun anew because its revision was compacted while it was read."""


FIRST_PAGE = 100
"""Keys in the first page, when nothing is known of the size of the values."""
PAGE_BYTES = 4_000_000
"""What a page may weigh, about: it is unpacked in one go, which holds up the event loop (16 ms),
and must come within one request's time. Values may be anything from 0.5 KB to 1.5 MB."""
UNPACKED_AT_ONCE = 500
"""Keys of a page that are made entries of in one go: some 2 ms."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All entries at `revision`, in the order of their keys."""

    entries: tuple[Entry, ...]
    revision: int
    cluster_id: int
    """A store restored from a backup has another one."""
    sight: Sight
    """Where they were read."""


async def read_snapshot(
    client: Client, ranges: Sequence[KeyRange], page_size: int
) -> AsyncGenerator[Loading | Snapshot, None]:
    """Yields `Loading` before each page, and one `Snapshot` at the end: of what may be read.

    Raises `StoreError`; `Forbidden` where nothing may be read.
    """
    sight = Sight(tuple(ranges))
    for _ in range(ATTEMPTS):
        try:
            async with aclosing(_read_once(client, sight, page_size)) as steps:
                async for step in steps:
                    yield step
        except LostPlace:
            continue
        except Forbidden as denial:
            sight = await readable(client, ranges, denial)
            continue
        return
    raise Refused(client.address, f"compacted {ATTEMPTS} times while it was read")


async def _read_once(
    client: Client, sight: Sight, page_size: int
) -> AsyncGenerator[Loading | Snapshot, None]:
    # The first answer names the revision that all others are asked for.
    revision = cluster_id = total = 0
    for asked in sight.ranges:
        count = await _ask(client, asked, asked.start, revision, count_only=True)
        if not revision:
            revision, cluster_id = count.header.revision, count.header.cluster_id
        total += count.count
    entries: list[Entry] = []
    told = 0
    size = _PageSize(page_size)
    for asked in sight.ranges:
        yield Loading(len(entries), total, tuple(entries[told:]))
        told = len(entries)
        async with aclosing(_pages(client, asked, revision, size)) as pages:
            async for page in pages:
                for number in range(0, len(page.kvs), UNPACKED_AT_ONCE):
                    # The event loop has a turn, and so the request for the next page goes out.
                    await asyncio.sleep(0)
                    entries += map(rpc.entry, page.kvs[number : number + UNPACKED_AT_ONCE])
                if page.more:
                    yield Loading(len(entries), total, tuple(entries[told:]))
                    told = len(entries)
    yield Snapshot(tuple(entries), revision, cluster_id, sight)


class _PageSize:
    """How many keys to ask for, by what the last page weighed."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.keys = min(FIRST_PAGE, most)

    def learn(self, page: Message) -> None:
        if page.kvs:
            fitting = PAGE_BYTES * len(page.kvs) // page.ByteSize()
            self.keys = min(self._most, max(1, fitting))


async def _pages(
    client: Client, asked: KeyRange, revision: int, size: _PageSize
) -> AsyncGenerator[Message, None]:
    """A range, page by page. The server looks for the next one while one is looked at."""

    def ask(start: bytes) -> asyncio.Task[Message]:
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
) -> Message:
    request = rpc.RangeRequest(
        key=start, range_end=asked.end, revision=revision, limit=limit, count_only=count_only
    )
    try:
        return await client.call(rpc.RANGE, request)
    except Forbidden as error:
        raise Forbidden(error.address, f"{error.detail}: {asked}") from error
