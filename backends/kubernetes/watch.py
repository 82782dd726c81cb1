"""Watch without end: everything once, then every change, and again from the start after a gap."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any

from backends.kubernetes.errors import Busy
from backends.kubernetes.list_watch import ListWatch, ObjectChange
from backends.kubernetes.permissions import PermissionReview, no_puts, read_only, warnings
from backends.kubernetes.reader import Reader, Reading
from backends.kubernetes.resources import PODS, SLICES, Resource
from backends.kubernetes.view import ObjectView
from backends.store import (
    Delete,
    Forbidden,
    Heartbeat,
    Loading,
    Put,
    Resync,
    StoreError,
    StoreEvent,
)
from backends.store.resync_loop import PositionLost

_log = logging.getLogger(__name__)

HEARTBEAT = 2.0
"""Seconds between two questions whether the server answers."""
PROGRESS = 0.2
"""Seconds between two reports while everything is read."""
STOOD_STILL = 15.0
"""Seconds by which a heartbeat is late if this process stood still: it was suspended. A server that
lost its data meanwhile, or came back from a backup, may have the version that a watch goes on from
by then, as that of another object."""
AHEAD = 1000
"""Changes read ahead. More wait in the connections."""

_Apply = Callable[[ObjectView, ObjectChange], list[Put | Delete]]
_Item = tuple[_Apply, ObjectChange] | Heartbeat | StoreError


def resync(reading: Reading, prefixes: tuple[bytes, ...]) -> Resync:
    """Return the entries under some prefixes, sorted by key."""
    found = [entry for entry in reading.view.entries() if entry.key.startswith(prefixes)]
    found.sort(key=lambda entry: entry.key)
    return Resync(tuple(found), reading.workers)


async def follow(
    reader: Reader,
    review: PermissionReview,
    prefixes: Sequence[bytes],
    heartbeat: float,
    clock: Callable[[], float],
) -> AsyncGenerator[StoreEvent, None]:
    """Yield a resync, then changes, and a heartbeat every so many seconds by `clock`. Raises
    `StoreError`, `PositionLost`."""
    starts = tuple(prefixes)
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
    for resource, allowed, there in (
        (SLICES, rights.slices, reading.slices),
        (PODS, rights.pods, reading.pods),
    ):
        if allowed and there is None:
            review.note_refused(resource)
    yield resync(reading, starts)
    async with aclosing(_changes(reader, review, reading, heartbeat, clock)) as events:
        async for event in events:
            match event:
                case Put(entry=entry) if not entry.key.startswith(starts):
                    continue
                case Delete(key=key) if not key.startswith(starts):
                    continue
            yield event


async def _changes(
    reader: Reader,
    review: PermissionReview,
    reading: Reading,
    heartbeat: float,
    clock: Callable[[], float],
) -> AsyncGenerator[StoreEvent, None]:
    view = reading.view
    queue: asyncio.Queue[_Item] = asyncio.Queue(AHEAD)

    async def optional(resource: Resource, watch: ListWatch, version: str, apply: _Apply) -> None:
        """Follow what this user may have been allowed to read before, and not now."""
        try:
            await _pump(watch, version, apply, queue)
        except Forbidden:
            review.note_refused(resource)
            raise PositionLost("this user's rights changed") from None

    pumps: list[Awaitable[None]] = [
        _pump(reader.workers, reading.workers, _worker, queue),
        _beat(review, view, queue, heartbeat, clock),
    ]
    if reading.slices is not None:
        pumps.append(optional(SLICES, reader.slices, reading.slices, _slice))
    if reading.pods is not None:
        pumps.append(optional(PODS, reader.pods, reading.pods, _pod))
    tasks = [asyncio.ensure_future(_reporting(pump, queue)) for pump in pumps]
    try:
        while True:
            match await queue.get():
                case Heartbeat() as event:
                    yield event
                case StoreError() as error:
                    raise error
                case (apply, change):
                    for made in apply(view, change):
                        yield made
    finally:
        await _end(*tasks)


async def _pump(
    resource: ListWatch, version: str, apply: _Apply, queue: asyncio.Queue[_Item]
) -> None:
    async with aclosing(resource.watch(version)) as changes:
        async for change in changes:
            await queue.put((apply, change))


async def _reporting(pump: Awaitable[None], queue: asyncio.Queue[_Item]) -> None:
    """Wait for a pump. An error of it comes after the changes before it."""
    try:
        await pump
    except StoreError as error:
        await queue.put(error)


async def _end(*tasks: asyncio.Future[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _beat(
    review: PermissionReview,
    view: ObjectView,
    queue: asyncio.Queue[_Item],
    heartbeat: float,
    clock: Callable[[], float],
) -> None:
    """Ask whether the server answers, what this user may do, and may read by now."""
    now = clock()
    while True:
        try:
            found = await review.beat()
        except Busy as error:
            # To read everything again would make it busier still. The watches go on.
            _log.info("no heartbeat: %s", error)
        else:
            if found.rights != view.rights:
                raise PositionLost("this user's rights changed")
            await queue.put(Heartbeat(warnings(view.rights), no_puts(found), read_only(found)))
        await asyncio.sleep(heartbeat)
        before, now = now, clock()
        if now - before > heartbeat + STOOD_STILL:
            raise PositionLost("this process stood still")


def _worker(view: ObjectView, change: ObjectChange) -> list[Put | Delete]:
    return view.change_worker(change.item, gone=change.gone)


def _slice(view: ObjectView, change: ObjectChange) -> list[Put | Delete]:
    return view.change_slice(change.item, gone=change.gone)


def _pod(view: ObjectView, change: ObjectChange) -> list[Put | Delete]:
    return view.change_pod(change.item, gone=change.gone)
