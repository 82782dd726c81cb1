"""Watch without end: everything once, then every change, and again from the start after a gap."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any

from backends.kubernetes.errors import Busy
from backends.kubernetes.list_watch import ListWatch, ObjectChange
from backends.kubernetes.permissions import PermissionReview, no_puts, warnings
from backends.kubernetes.reader import Reader, Reading
from backends.kubernetes.view import ObjectView
from backends.store import (
    Delete,
    Heartbeat,
    Loading,
    Put,
    Resync,
    StoreError,
    StoreEvent,
)
from backends.store.resync_loop import PositionLost

HEARTBEAT = 2.0
"""Seconds between two questions whether the server answers."""
PROGRESS = 0.2
"""Seconds between two reports while everything is read."""
AHEAD = 1000
"""Changes read ahead. More wait in the connections."""
LONGEST_RETRY = 30.0
"""Seconds that are waited at most when the server asks to come back later."""

_Apply = Callable[[ObjectView, ObjectChange], list[Put | Delete]]
_Item = tuple[_Apply, ObjectChange] | Heartbeat | StoreError


def resync(reading: Reading, prefixes: tuple[bytes, ...]) -> Resync:
    """Return the entries under some prefixes, sorted by key."""
    found = [entry for entry in reading.view.entries() if entry.key.startswith(prefixes)]
    found.sort(key=lambda entry: entry.key)
    return Resync(tuple(found), reading.workers)


async def follow(
    reader: Reader, review: PermissionReview, prefixes: Sequence[bytes]
) -> AsyncGenerator[StoreEvent, None]:
    """Yield a resync, then changes and heartbeats. Raises `StoreError`, `PositionLost`."""
    starts = tuple(prefixes)
    try:
        read = 0

        def progress(number: int) -> None:
            nonlocal read
            read = number

        rights = (await review.permissions()).rights
        listing = asyncio.create_task(reader.read(rights, progress), name="kubernetes list")
        try:
            while not (await asyncio.wait({listing}, timeout=PROGRESS))[0]:
                yield Loading(read, None)
            reading = listing.result()
        finally:
            await _end(listing)
        yield resync(reading, starts)
        async with aclosing(_changes(reader, review, reading)) as events:
            async for event in events:
                match event:
                    case Put(entry=entry) if not entry.key.startswith(starts):
                        continue
                    case Delete(key=key) if not key.startswith(starts):
                        continue
                yield event
    except Busy as error:
        await asyncio.sleep(min(error.retry_after, LONGEST_RETRY))
        raise


async def _changes(
    reader: Reader, review: PermissionReview, reading: Reading
) -> AsyncGenerator[StoreEvent, None]:
    view = reading.view
    queue: asyncio.Queue[_Item] = asyncio.Queue(AHEAD)
    pumps: list[Awaitable[None]] = [
        _pump(reader.workers, reading.workers, _worker, queue),
        _beat(review, view, queue),
    ]
    if reading.slices is not None:
        pumps.append(_pump(reader.slices, reading.slices, _slice, queue))
    if reading.pods is not None:
        pumps.append(_pump(reader.pods, reading.pods, _pod, queue))
    tasks = [asyncio.ensure_future(pump) for pump in pumps]
    try:
        while True:
            match await queue.get():
                case Heartbeat() as heartbeat:
                    yield heartbeat
                case StoreError() as error:
                    raise error
                case (apply, change):
                    for event in apply(view, change):
                        yield event
    finally:
        await _end(*tasks)


async def _pump(
    resource: ListWatch, version: str, apply: _Apply, queue: asyncio.Queue[_Item]
) -> None:
    try:
        async with aclosing(resource.watch(version)) as changes:
            async for change in changes:
                await queue.put((apply, change))
    except StoreError as error:
        await queue.put(error)


async def _end(*tasks: asyncio.Future[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _beat(review: PermissionReview, view: ObjectView, queue: asyncio.Queue[_Item]) -> None:
    """Ask whether the server answers, what this user may do, and may read by now."""
    try:
        while True:
            found = await review.beat()
            if found.rights != view.rights:
                raise PositionLost("this user's rights changed")
            await queue.put(Heartbeat(warnings(view.rights), no_puts(found)))
            await asyncio.sleep(HEARTBEAT)
    except StoreError as error:
        await queue.put(error)


def _worker(view: ObjectView, change: ObjectChange) -> list[Put | Delete]:
    return view.change_worker(change.item, gone=change.gone)


def _slice(view: ObjectView, change: ObjectChange) -> list[Put | Delete]:
    return view.change_slice(change.item, gone=change.gone)


def _pod(view: ObjectView, change: ObjectChange) -> list[Put | Delete]:
    return view.change_pod(change.item, gone=change.gone)
