"""`dyntop watch`: what is registered, and every change, as one JSON object a line."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Iterator
from contextlib import aclosing

from backends.discovery import Added, Removed, Resynced
from backends.queries import Query
from backends.records import AnyRecord
from backends.store import Heard, Lost
from tui.commands import (
    check_for_reader,
    end_at_once_on_interrupt,
    query_of,
    say,
    write_lines,
)
from tui.commands.looking import Clock, Publishers, with_sources
from tui.complaints import Exit, explain
from tui.export import as_json, exported_id, record_json
from tui.opening import discovered
from tui.settings import Settings
from tui.stamps import utc_stamp


def run(settings: Settings, arguments: argparse.Namespace, clock: Clock = time.time) -> Exit:
    """Watch, until the reader goes or somebody interrupts.

    Raises `StoreError` for a store that cannot be reached at the start; later losses are told on
    standard error. Raises `OutputFailed`, BrokenPipeError.
    """
    end_at_once_on_interrupt()
    asyncio.run(_watch(settings, arguments, clock))
    return Exit.DONE


async def _watch(settings: Settings, arguments: argparse.Namespace, clock: Clock) -> None:
    wanted = query_of(settings, arguments)
    lines = _Lines(wanted, clock)
    begun = False
    lost = ""
    warnings: tuple[str, ...] = ()
    async with (
        discovered(settings) as discovery,
        aclosing(discovery.watch(with_sources(wanted))) as events,
    ):
        store = discovery.store.name
        async for event in events:
            match event:
                case Resynced():
                    begun, lost = True, ""
                    write_lines(lines.resync(event))
                case Added():
                    write_lines(lines.added(event))
                case Removed():
                    write_lines(lines.removed(event))
                case Heard():
                    # A store that is quiet writes nothing, so nobody would notice.
                    check_for_reader()
                    if event.warnings != warnings:
                        warnings = event.warnings
                        say(f"{store} says: {'; '.join(warnings) or 'all is well again'}")
                case Lost(error=error) if not begun:
                    raise error
                case Lost(error=error):
                    sentence = explain(error, store).sentence
                    if sentence != lost:
                        lost = sentence
                        say(f"{sentence}; still watching")


class _Lines:
    """Events as lines; only of what is wanted. The watch tells of more: of whose channels are."""

    def __init__(self, wanted: Query, clock: Clock) -> None:
        self._wanted = wanted
        self._clock = clock
        self._publishers = Publishers()

    def resync(self, event: Resynced) -> Iterator[str]:
        for gone in event.removed:
            self._publishers.remove(gone.record)
        for new in event.added:
            self._publishers.add(new.record)
        for gone in event.removed:
            yield from self._gone(gone.record)
        for new in event.added:
            yield from self._new(new.record)
        yield as_json({"event": "resync", "time": self._time(), "revision": event.revision})

    def added(self, event: Added) -> Iterator[str]:
        self._publishers.add(event.record)
        yield from self._new(event.record)

    def removed(self, event: Removed) -> Iterator[str]:
        self._publishers.remove(event.record)
        yield from self._gone(event.record)

    def _new(self, record: AnyRecord) -> Iterator[str]:
        if self._wanted.matches(record):
            whole = record_json(record, self._publishers.worker_of(record))
            # It is a line of JSON already: a number that Python has no name for may be in it.
            yield f'{{"event":"added","time":"{self._time()}","record":{whole}}}'

    def _gone(self, record: AnyRecord) -> Iterator[str]:
        if self._wanted.matches(record):
            yield as_json({"event": "removed", "time": self._time(), "id": exported_id(record)})

    def _time(self) -> str:
        return utc_stamp(self._clock())
