"""The endless watch: a snapshot, then every change, and again from the start after any gap."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from backends.etcd.client import Client
from backends.etcd.ranges import KeyRange, key_ranges
from backends.etcd.sight import readable
from backends.etcd.snapshot import Snapshot, read_snapshot
from backends.etcd.watcher import Watcher
from backends.followed import LostPlace, followed
from backends.store import Forbidden, Loading, Resync, StoreEvent

LOOK_AGAIN = 30.0
"""Seconds after which a user who may not read everything is asked for again: he may read more."""


def watch(
    client: Client, prefixes: Sequence[bytes], page_size: int
) -> AsyncGenerator[StoreEvent, None]:
    """As `followed`: ends when the client is closed.

    Each key's changes come in order; those of keys under different prefixes may come in another
    order than they were made in.
    """
    ranges = key_ranges(prefixes)
    return followed(lambda: _follow(client, ranges, page_size), lambda: client.closed)


async def _follow(
    client: Client, ranges: Sequence[KeyRange], page_size: int
) -> AsyncGenerator[StoreEvent, None]:
    """One snapshot and what comes after it, until something breaks: raises `StoreError` then."""
    snapshot = None
    async with aclosing(read_snapshot(client, ranges, page_size)) as steps:
        async for step in steps:
            match step:
                case Loading():
                    yield step
                case Snapshot():
                    snapshot = step
    assert snapshot is not None
    sight = snapshot.sight
    async with aclosing(await Watcher.start(client, snapshot)) as watcher:
        yield Resync(snapshot.entries, str(snapshot.revision), sight.unread)
        # What follows may go on for weeks, and need not hold what was there at its start.
        del snapshot, step
        looked = time.monotonic()
        while True:
            for event in await watcher.changes():
                yield event
            if sight.unread and time.monotonic() - looked > LOOK_AGAIN:
                looked = time.monotonic()
                denial = Forbidden(client.address, sight.unread)
                if await readable(client, ranges, denial) != sight:
                    raise LostPlace("this user may read something else now")
