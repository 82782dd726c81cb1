"""`dyntop watch`: print the registered records and every change, one JSON object a line."""

from __future__ import annotations

import argparse
import asyncio
import time
from contextlib import aclosing

from msgspec.structs import replace

from backends.discovery.discovery import Added, Removed, Resynced
from backends.dynamo.queries import EVERYTHING, Query
from backends.store import Heartbeat, Lost
from tui.cli.output import query_of
from tui.cli.shared.reading import Clock
from tui.cli.shared.removal_reasons import reading_leases
from tui.cli.shared.watched_lines import JsonLines, WatchedLines
from tui.config.settings import Settings
from tui.runtime.standard_streams import (
    check_for_reader,
    end_at_once_on_interrupt,
    print_message,
    write_lines,
)
from tui.session import open_discovery
from tui.state.batches import batches
from tui.text.errors import Exit, explain

ANSWER = 2.0
"""Seconds that a store gets to say why something went: its line is not held back for longer."""


def run(settings: Settings, arguments: argparse.Namespace, clock: Clock = time.time) -> Exit:
    """Watch until the reader closes or the user interrupts.

    Raises `StoreError` if the store cannot be reached at the start; later losses are printed on
    standard error. Raises `OutputFailed`, BrokenPipeError.
    """
    end_at_once_on_interrupt()
    asyncio.run(_watch(settings, arguments, clock))
    return Exit.DONE


async def _watch(
    settings: Settings, arguments: argparse.Namespace, clock: Clock, answer: float = ANSWER
) -> None:
    wanted = query_of(settings, arguments)
    await follow(settings, wanted, JsonLines(wanted, clock), clock, answer)


async def follow(
    settings: Settings,
    wanted: Query,
    lines: WatchedLines,
    clock: Clock,
    answer: float = ANSWER,
) -> None:
    """Write the lines of a watch as they come, each at once, until the reader closes.

    `answer`: seconds that a store has to say why a record went. Raises as `run`.
    """
    # Why a record went is told by what else its worker has, of whatever kind: where a worker stops
    # in order an instance goes 15 ms before the rest of its lease, and with it where the lease was
    # revoked at once; a channel is a frontend's if its lease has no card and no instance. That
    # costs what is read at the start: of a worker of 1.6.1 with one adapter 8 keys of 6.9 KB, of
    # which 2 of 0.6 KB are endpoint instances. Later only changes are read.
    everything = replace(EVERYTHING, namespace=wanted.namespace, nested=wanted.nested)
    begun = False
    lost = ""
    warnings: tuple[str, ...] = ()
    async with (
        open_discovery(settings) as discovery,
        reading_leases(settings, discovery, clock, answer) as reasons,
        aclosing(discovery.watch(everything)) as events,
        aclosing(batches(events)) as watched,
    ):
        store = discovery.store.name
        async for batch in watched:
            gone = reasons.note(batch)
            if any(gone):
                reasons.take_in(batch)
                await reasons.explain(gone)
            await reasons.ask_again()
            write_lines(lines.explained(reasons.take_changed()))
            for event, removals in zip(batch, gone, strict=True):
                match event:
                    case Resynced():
                        begun, lost = True, ""
                        write_lines(lines.resync(event, removals))
                    case Added():
                        write_lines(lines.added(event))
                    case Removed():
                        write_lines(lines.removed(event, removals))
                    case Heartbeat():
                        # A store that is quiet writes nothing, so nobody would notice.
                        check_for_reader()
                        if event.warnings != warnings:
                            warnings = event.warnings
                            print_message(
                                f"{store} says: {'; '.join(warnings) or 'no more warnings'}"
                            )
                    case Lost(error=error) if not begun:
                        raise error
                    case Lost(error=error):
                        sentence = explain(error, store).sentence
                        if sentence != lost:
                            lost = sentence
                            print_message(f"{sentence}; still watching")
            if not any(gone):
                # Of 20,000 records it takes a second: what is new waits for no reason.
                reasons.take_in(batch)
