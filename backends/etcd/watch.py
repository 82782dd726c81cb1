"""Watch without end: a snapshot, then every change, and a new snapshot after any gap."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from backends.etcd.client import Client
from backends.etcd.key_ranges import KeyRange, key_ranges
from backends.etcd.permissions import readable
from backends.etcd.snapshot import Snapshot, read_snapshot
from backends.etcd.watch_stream import Watcher
from backends.store import Forbidden, Loading, Resync, StoreEvent
from backends.store.resync_loop import PositionLost, repeat_watch


def watch(
    client: Client, prefixes: Sequence[bytes], page_size: int, look_again: float
) -> AsyncGenerator[StoreEvent, None]:
    """Watch as `repeat_watch`. Ends when the client is closed.

    `look_again`: seconds between checks whether a user with partial permissions may read more now.

    Each key's changes come in order. Changes of keys under different prefixes may come out of
    order.
    """
    ranges = key_ranges(prefixes)
    return repeat_watch(
        lambda: _follow(client, ranges, page_size, look_again), lambda: client.closed
    )


async def _follow(
    client: Client, ranges: Sequence[KeyRange], page_size: int, look_again: float
) -> AsyncGenerator[StoreEvent, None]:
    """Yield one snapshot and the changes after it. Raises `StoreError` when the watch breaks."""
    snapshot = None
    async with aclosing(read_snapshot(client, ranges, page_size)) as steps:
        async for step in steps:
            match step:
                case Loading():
                    yield step
                case Snapshot():
                    snapshot = step
    assert snapshot is not None
    permissions = snapshot.permissions
    async with aclosing(await Watcher.start(client, snapshot)) as watcher:
        yield Resync(snapshot.entries, str(snapshot.revision), permissions.unread)
        # The watch may go on for weeks: do not keep its first snapshot in memory.
        del snapshot, step
        looked = time.monotonic()
        while True:
            for event in await watcher.changes():
                yield event
            if permissions.unread and time.monotonic() - looked > look_again:
                looked = time.monotonic()
                denial = Forbidden(client.address, permissions.unread)
                if await readable(client, ranges, denial) != permissions:
                    raise PositionLost("this user's permissions changed")
