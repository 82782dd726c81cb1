"""Read all keys under some prefixes, page by page, at one revision.

The first page has the beginnings of all ranges, and the number of keys in each. Most often that is
all there is. Its first range gives the revision for all others, which are read at once: two round
trips. Each further page is one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from itertools import chain

import msgspec

from backends.etcd import rpc
from backends.etcd.client import Client
from backends.etcd.key_ranges import KeyRange
from backends.etcd.permissions import Permissions, readable
from backends.etcd.reads import read_each
from backends.store import Entry, Forbidden, Loading, Refused
from backends.store.resync_loop import PositionLost

ATTEMPTS = 5
"""Times that a snapshot is restarted because its revision was compacted during reading."""


FIRST_PAGE, FIRST_OF_RANGE = 500, 100
"""Keys in the first page, and of each range in it, while the size of the values is unknown."""
MOST_PAGES = 10
"""Pages of a large snapshot, about. For each of them etcd counts all keys that follow."""
PAGE_BYTES = 4_000_000
"""Bytes of a page of a small snapshot, about. Values may have from 0.5 KB to 1.5 MB."""
PAGE_TIME = 2.0
"""Seconds that a larger page may take, about: it must arrive within one request's time."""
SAMPLE = 1000
"""Keys of a page that are measured: measuring all of a large page would block the event loop."""
UNPACKED_AT_ONCE = 500
"""Keys of a page converted to entries in one go: about 2 ms."""


class Snapshot(msgspec.Struct, frozen=True):
    """All entries at `revision`, sorted by key."""

    entries: tuple[Entry, ...]
    revision: int
    cluster_id: int
    """A store restored from a backup has another id."""
    permissions: Permissions
    """The ranges that were read."""


async def read_snapshot(
    client: Client, ranges: Sequence[KeyRange], page_size: int, revision: int = 0
) -> AsyncGenerator[Loading | Snapshot, None]:
    """Yield `Loading` with the total and after each page but the last one, and one `Snapshot` at
    the end, of the keys that may be read. `revision`: which one to read. 0: the newest.

    Raises `StoreError`; `Forbidden` if nothing may be read, `PositionLost` if a given revision is
    not there.
    """
    permissions = Permissions(tuple(ranges))
    for _ in range(ATTEMPTS):
        try:
            async with aclosing(_read_once(client, permissions, page_size, revision)) as steps:
                async for step in steps:
                    yield step
        except PositionLost:
            if revision:
                raise
            continue
        except Forbidden as denial:
            permissions = await readable(client, ranges, denial)
            continue
        return
    raise Refused(client.address, f"compacted {ATTEMPTS} times while it was read")


class _Part(msgspec.Struct):
    """The keys of one range."""

    range: KeyRange
    start: bytes
    """Where the next page begins."""
    left: int = 0
    """Keys from there on."""
    entries: list[Entry] = msgspec.field(default_factory=list)


class _Page(msgspec.Struct, frozen=True):
    """Keys of some ranges, at one revision."""

    answers: Sequence[tuple[_Part, rpc.RangeResponse]]
    revision: int
    cluster_id: int
    seconds: float
    """How long it took."""


async def _read_once(
    client: Client, permissions: Permissions, page_size: int, revision: int
) -> AsyncGenerator[Loading | Snapshot, None]:
    parts = [_Part(one, one.start) for one in permissions.ranges]
    first = await _read_page(client, _beginnings(parts, page_size), revision)
    done, total = 0, sum(answer.count for _, answer in first.answers)
    yield Loading(done, total)
    size = _PageSize(page_size, total)
    async with aclosing(_pages(client, parts, first, size)) as pages:
        async for page in pages:
            read: list[Entry] = []
            for part, answer in page.answers:
                for number in range(0, len(answer.kvs), UNPACKED_AT_ONCE):
                    # The event loop gets a turn, so the request for the next page is sent.
                    await asyncio.sleep(0)
                    some = [*map(rpc.entry, answer.kvs[number : number + UNPACKED_AT_ONCE])]
                    part.entries += some
                    read += some
            done += len(read)
            if done < total:
                yield Loading(done, total, tuple(read))
    entries = tuple(chain.from_iterable(part.entries for part in parts))
    yield Snapshot(entries, first.revision, first.cluster_id, permissions)


def _beginnings(parts: Sequence[_Part], page_size: int) -> list[tuple[_Part, int]]:
    limit = min(page_size, FIRST_OF_RANGE, max(1, FIRST_PAGE // max(1, len(parts))))
    return [(part, limit) for part in parts]


class _PageSize:
    """Chooses the number of keys to request, from the size and the speed of the last page."""

    def __init__(self, page_size: int, total: int) -> None:
        self._most = max(page_size, total // MOST_PAGES)
        self._most_bytes = PAGE_BYTES * self._most // page_size
        self.keys = 0
        """Of the next page."""

    def learn(self, page: _Page) -> None:
        number = sum(len(answer.kvs) for _, answer in page.answers)
        step = number // SAMPLE + 1
        sample = [kv for _, answer in page.answers for kv in answer.kvs[::step]]
        if sample:
            of_each = sum(len(kv.key) + len(kv.value) for kv in sample) / len(sample)
            in_time = of_each * number * PAGE_TIME / max(page.seconds, 0.001)
            fitting = max(PAGE_BYTES, min(self._most_bytes, in_time)) // of_each
            self.keys = min(self._most, max(1, int(fitting)))


async def _pages(
    client: Client, parts: Sequence[_Part], first: _Page, size: _PageSize
) -> AsyncGenerator[_Page, None]:
    """Yield the first page and all others. The next one is requested while one is processed."""
    page: _Page | None = first
    while page is not None:
        for part, answer in page.answers:
            part.left = answer.count - len(answer.kvs)
            if part.left:
                part.start = answer.kvs[-1].key + b"\0"
        size.learn(page)
        asking: asyncio.Task[_Page] | None = None
        if asked := _next(parts, size.keys):
            reading = _read_page(client, asked, first.revision)
            asking = asyncio.create_task(reading, name="etcd page")
        try:
            yield page
            page = None if asking is None else await asking
        finally:
            if asking is not None:
                asking.cancel()
                await asyncio.gather(asking, return_exceptions=True)


def _next(parts: Iterable[_Part], keys: int) -> list[tuple[_Part, int]]:
    """Choose what to read of the ranges in a page of so many keys."""
    asked = []
    for part in parts:
        if limit := min(part.left, keys):
            asked.append((part, limit))
            keys -= limit
    return asked


async def _read_page(
    client: Client, asked: Sequence[tuple[_Part, int]], revision: int = 0
) -> _Page:
    """Read at most so many keys of each range, at a revision. 0: the newest one."""
    began = time.monotonic()
    answers: list[rpc.RangeResponse] = []
    if asked and not revision:
        answers += await _read_some(client, asked[:1])
        revision = answers[0].header.revision
    answers += await _read_some(client, asked[len(answers) :], revision)
    found = [(part, answer) for (part, _), answer in zip(asked, answers, strict=True)]
    cluster_id = answers[0].header.cluster_id if answers else 0
    return _Page(found, revision, cluster_id, time.monotonic() - began)


async def _read_some(
    client: Client, asked: Sequence[tuple[_Part, int]], revision: int = 0
) -> list[rpc.RangeResponse]:
    requests = [
        rpc.RangeRequest(key=part.start, range_end=part.range.end, revision=revision, limit=limit)
        for part, limit in asked
    ]
    answers: list[rpc.RangeResponse] = []
    try:
        async with aclosing(read_each(client, requests)) as coming:
            async for answer in coming:
                answers.append(answer)  # noqa: PERF401 - those before a denial count.
    except Forbidden as error:
        # A denial does not tell which range it is for.
        part, _ = asked[len(answers)]
        raise Forbidden(error.address, f"{error.detail}: {part.range}") from error
    return answers
