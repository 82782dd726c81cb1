"""`dyntop watch`: what is registered, and every change, as one JSON object a line."""

from __future__ import annotations

import argparse
import asyncio
import select
import sys
from collections.abc import Callable, Iterator
from contextlib import aclosing
from datetime import UTC, datetime

from backends.discovery import Added, Removed, Resynced
from backends.store import Heard, Lost
from tui.commands import end_at_once_on_interrupt, query, say, write_lines
from tui.complaints import Exit, explain
from tui.export import as_json, exported_id, record_json
from tui.opening import opened
from tui.settings import Settings

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


def run(settings: Settings, arguments: argparse.Namespace, clock: Clock = utc_now) -> Exit:
    """Watch, until the reader goes or somebody interrupts.

    Raises `StoreError` for a store that cannot be reached at the start; later losses are told on
    standard error. Raises `OutputFailed`, BrokenPipeError.
    """
    end_at_once_on_interrupt()
    asyncio.run(_watch(settings, arguments, clock))
    return Exit.DONE


async def _watch(settings: Settings, arguments: argparse.Namespace, clock: Clock) -> None:
    wanted = query(
        settings, arguments.what, arguments.component, arguments.endpoint, arguments.topic
    )
    begun = False
    lost = ""
    warnings: tuple[str, ...] = ()
    async with opened(settings) as plane, aclosing(plane.watch(wanted)) as events:
        async for event in events:
            match event:
                case Resynced():
                    begun, lost = True, ""
                    write_lines(_resync(event, clock))
                case Added():
                    write_lines([_added(event, clock)])
                case Removed():
                    write_lines([_removed(event, clock)])
                case Heard():
                    # A store that is quiet writes nothing, so nobody would notice.
                    _check_for_reader()
                    if event.warnings != warnings:
                        warnings = event.warnings
                        say(
                            f"{plane.store.name} says: {'; '.join(warnings) or 'all is well again'}"
                        )
                case Lost(error=error) if not begun:
                    raise error
                case Lost(error=error):
                    sentence = explain(error, plane.store.name).sentence
                    if sentence != lost:
                        lost = sentence
                        say(f"{sentence}; still watching")


def _resync(event: Resynced, clock: Clock) -> Iterator[str]:
    for removed in event.removed:
        yield _removed(removed, clock)
    for added in event.added:
        yield _added(added, clock)
    yield as_json({"event": "resync", "time": _time(clock), "revision": event.revision})


def _added(event: Added, clock: Clock) -> str:
    # The record is a line of JSON already: a number that Python has no name for may be in it.
    return f'{{"event":"added","time":"{_time(clock)}","record":{record_json(event.record)}}}'


def _removed(event: Removed, clock: Clock) -> str:
    return as_json({"event": "removed", "time": _time(clock), "id": exported_id(event.record)})


def _time(clock: Clock) -> str:
    return clock().astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _check_for_reader() -> None:
    """Raises BrokenPipeError if standard output is a pipe that nobody reads any more."""
    if sys.stdout is None:
        return
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    if any(event & select.POLLERR for _, event in poll.poll(0)):
        raise BrokenPipeError
