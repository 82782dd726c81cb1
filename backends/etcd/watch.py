"""The endless watch: a snapshot, then every change, and again from the start after any gap."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from backends.etcd.client import Client
from backends.etcd.errors import Forbidden, LostPlace
from backends.etcd.ranges import KeyRange, key_ranges
from backends.etcd.sight import readable
from backends.etcd.snapshot import Snapshot, read_snapshot
from backends.etcd.watcher import Watcher
from backends.store import (
    Heard,
    Loading,
    Lost,
    Resync,
    StoreError,
    StoreEvent,
    Unreachable,
)

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 3.0
"""Seconds between attempts: twice as long each time. Somebody may be watching the screen."""
LOOK_AGAIN = 30.0
"""Seconds after which a user who may not read everything is asked for again: he may read more."""


async def watch(
    client: Client, prefixes: Sequence[bytes], page_size: int
) -> AsyncGenerator[StoreEvent, None]:
    """Never raises a `StoreError`: it yields `Lost`, once for each new cause, and tries again.

    Ends when the client is closed. Each key's changes come in order; those of keys under different
    prefixes may come in another order than they were made in.
    """
    ranges = key_ranges(prefixes)
    pause = FIRST_PAUSE
    said: tuple[object, ...] | None = None
    while not client.closed:
        try:
            async with aclosing(_follow(client, ranges, page_size)) as events:
                async for event in events:
                    match event:
                        case Resync():
                            said = None
                        case Heard():
                            pause = FIRST_PAUSE
                    yield event
        except LostPlace:
            # The connection is well; all that is needed is a new snapshot.
            pass
        except StoreError as error:
            if client.closed:
                return
            if said != _cause(error):
                said = _cause(error)
                # Its frames hold whole snapshots, and the error may be kept for a long time.
                yield Lost(error.with_traceback(None))
        # Jitter, so that not everybody who lost the same server comes back at once.
        await asyncio.sleep(pause * random.uniform(0.5, 1.0))
        pause = min(2 * pause, LONGEST_PAUSE)


def _cause(error: StoreError) -> tuple[object, ...]:
    """What tells one reason from another; gRPC's own texts differ without any difference."""
    if isinstance(error, Unreachable):
        return (type(error), error.cause)
    return (type(error), str(error))


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
