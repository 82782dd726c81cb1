"""Reading everything under some prefixes, page by page, at one revision."""

from __future__ import annotations

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
    limit = min(FIRST_PAGE, page_size)
    for asked in sight.ranges:
        start = asked.start
        while True:
            yield Loading(len(entries), total)
            page = await _ask(client, asked, start, revision, limit=limit)
            entries += map(rpc.entry, page.kvs)
            if page.kvs:
                limit = min(page_size, max(1, PAGE_BYTES * len(page.kvs) // page.ByteSize()))
            if not page.more:
                break
            start = page.kvs[-1].key + b"\0"
    yield Snapshot(tuple(entries), revision, cluster_id, sight)


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
