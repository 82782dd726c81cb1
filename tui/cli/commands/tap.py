"""`dyntop tap`: print the messages of an event channel, one a line."""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from backends.discovery.cluster import Cluster, FirstSeen
from backends.discovery.discovery import Discovery
from backends.dynamo import keys
from backends.dynamo.ids import Kind
from backends.dynamo.queries import Query
from backends.dynamo.records import AnyRecord, EventChannel
from backends.store import StoreError
from backends.tap import (
    MOST_TAPPED,
    Decoded,
    Inbox,
    MessageFilter,
    NoRoute,
    Route,
    SeveralRoutes,
    Tap,
    TapLink,
    TapMessage,
    TapStanding,
    ZmqRoute,
    decode,
    summary,
)
from tui.config.settings import Settings, as_name
from tui.runtime.standard_streams import check_for_reader, print_message, write_lines
from tui.session import open_session
from tui.text.errors import Exit
from tui.text.format import NOTHING, count, hex_id
from tui.text.host_clock import HostClock
from tui.text.json_export import as_json, hex_or_none
from tui.text.sanitize import plain, plain_key
from tui.text.tap import clock_time, connected_in_words, in_bytes
from tui.text.timestamps import utc_stamp

KEPT = 1 << 20
"""Bytes of a message that are decoded and printed."""

LOOK_INTERVAL = 0.1
"""Seconds between two looks at how it stands."""

MOST_CANDIDATES = 20
"""Channels that are listed where a name means several."""


class _Ending(msgspec.Struct, frozen=True):
    """When it ends; None: not for that reason."""

    count: int | None
    seconds: float | None


def run(settings: Settings, arguments: argparse.Namespace) -> Exit:
    """Print messages until the reader closes, the user interrupts, or the limits are reached.

    Raises `StoreError`, `OutputFailed`, BrokenPipeError.
    """
    ending = _Ending(arguments.count, arguments.seconds)
    wanted = MessageFilter.parse(arguments.filter or "")
    return asyncio.run(_run(settings, arguments.channel, arguments.output, ending, wanted))


async def _run(
    settings: Settings, name: str, output: str, ending: _Ending, wanted: MessageFilter
) -> Exit:
    # Only times of day are told.
    async with open_session(settings, HostClock(time.time, time.time)) as session:
        found, by_key, cluster = await _found(session.discovery, settings, name)
        if not found:
            print_message(
                f"no event channel {as_name(name)} in {session.discovery.store.name}: dyntop list "
                "channels prints all channels"
            )
            return Exit.REFUSED
        if len({channel.id.path() for channel in found}) > 1:
            _print_candidates(name, found)
            return Exit.USAGE
        if len(found) > MOST_TAPPED:
            most = f"the first {MOST_TAPPED:,} are listened to"
            print_message(f"{as_name(name)} is {count(len(found), 'channel')}: {most}")
            found = found[:MOST_TAPPED]
        # Nobody looks at what a ring keeps.
        tap, channel = session.taps.open_all(found, kept=KEPT, ring=0), found[0]
        routes = tap.route.routes if isinstance(tap.route, SeveralRoutes) else (tap.route,)
        for route in routes:
            if isinstance(route, NoRoute):
                of = keys.spell(channel.key) if len(found) == 1 else "a channel of it"
                print_message(f"{of} cannot be listened to: {route}")
        if all(isinstance(route, NoRoute) for route in routes):
            return Exit.REFUSED
        only = channel.id.instance_id if by_key and tap.route.is_shared else None
        channels = _Channels(tap, found, cluster)
        if len(found) > 1:
            _print_tapped(channels, routes)
        return await _listen(tap, channels, only, output, ending, wanted)


async def _found(
    discovery: Discovery, settings: Settings, name: str
) -> tuple[list[EventChannel], bool, Cluster]:
    """Return the channels that a name matches: a key in full, or
    `namespace[/component[/endpoint]]/topic`; whether it is a key; and what shows their workers.
    Raises `StoreError`."""
    cluster = Cluster()
    channels = []
    for record in await _listed(discovery, settings, Kind.EVENT_CHANNEL):
        cluster.put(record, FirstSeen(0.0, was_there=True))
        if isinstance(record, EventChannel):
            channels.append(record)
    # A user who may read no other keys can listen, too.
    with contextlib.suppress(StoreError):
        for record in await _listed(discovery, settings, Kind.EVENT_SOURCE, Kind.ENDPOINT):
            cluster.put(record, FirstSeen(0.0, was_there=True))
    channels.sort(key=lambda one: one.key)
    with contextlib.suppress(ValueError):
        key = keys.unspell(name)
        if by_key := [channel for channel in channels if channel.key == key]:
            return by_key, True, cluster
    path = as_name(name)
    return [channel for channel in channels if path in _paths(channel)], False, cluster


async def _listed(discovery: Discovery, settings: Settings, *kinds: Kind) -> Sequence[AnyRecord]:
    return await discovery.list(Query(frozenset(kinds), namespace=settings.namespace, nested=True))


def _paths(channel: EventChannel) -> Iterator[str]:
    place = channel.id
    names = [name for name in (place.component, place.endpoint) if name]
    # The endpoint may be left out, and the component with it.
    for kept in range(len(names) + 1):
        yield "/".join(filter(None, (place.namespace, *names[:kept], place.topic)))


def _print_candidates(name: str, found: Sequence[EventChannel]) -> None:
    paths = sorted({channel.id.path() for channel in found})
    print_message(
        f"{as_name(name)} matches {count(len(found), 'event channel')} of several places: pass one "
        "of these names"
    )
    for path in paths[:MOST_CANDIDATES]:
        print(f"  {plain(path)}", file=sys.stderr)
    if len(paths) > MOST_CANDIDATES:
        print(f"  and {len(paths) - MOST_CANDIDATES:,} more", file=sys.stderr)


def _print_tapped(channels: _Channels, routes: Sequence[Route]) -> None:
    """Print which channels are listened to, each with its worker."""
    has_own = any(isinstance(one, ZmqRoute) and not one.is_shared for one in routes)
    later = "; those that are registered later are not" if has_own else ""
    found = channels.channels
    print_message(f"listens to {count(len(found), 'channel')}{later}")
    for channel in found[:MOST_CANDIDATES]:
        worker = hex_id(channels.worker_of(channel.id.instance_id))
        print(f"  {plain_key(channel.key)}  worker {worker}", file=sys.stderr)
    if len(found) > MOST_CANDIDATES:
        print(f"  and {len(found) - MOST_CANDIDATES:,} more", file=sys.stderr)


# --- listening ------------------------------------------------------------------------------------


async def _listen(
    tap: Tap,
    channels: _Channels,
    only: int | None,
    output: str,
    ending: _Ending,
    wanted: MessageFilter,
) -> Exit:
    """`only`: the publisher whose messages are printed. None: all."""
    inbox = Inbox()
    tap.follow(inbox, only=only)
    interrupted = asyncio.Event()
    printer = _Printer(inbox, channels, output, wanted)
    loop = asyncio.get_running_loop()
    # Somebody who started us with Ctrl-C ignored meant it.
    if handles := signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        loop.add_signal_handler(signal.SIGINT, interrupted.set)
    printing = asyncio.create_task(printer.run(ending.count))
    tasks: list[asyncio.Task[Any]] = [
        asyncio.create_task(tap.run()),
        asyncio.create_task(_watch_standing(tap)),
        printing,
        asyncio.create_task(interrupted.wait()),
    ]
    try:
        await asyncio.wait(tasks, timeout=ending.seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        if handles:
            loop.remove_signal_handler(signal.SIGINT)
        for task in tasks:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome
    _print_end(tap, printer, channels)
    link, code = tap.standing.link, Exit.DONE
    if link is TapLink.IMPOSSIBLE:
        code = Exit.REFUSED
    elif link is TapLink.CONNECTING and not tap.statistics.messages:
        code = Exit.UNREACHABLE
    elif ending.count is not None and printing.cancelled():
        # Who asked for so many wants to know that they did not come.
        code = Exit.REFUSED
    if interrupted.is_set():
        code = Exit.INTERRUPTED
    if printer.writing:
        # The reader takes nothing, and Python would wait for the thread that writes.
        os._exit(code)
    return code


class _Channels:
    """Return the channel of a message, and its worker, if known."""

    def __init__(self, tap: Tap, channels: Sequence[EventChannel], cluster: Cluster) -> None:
        """`channels`: those that the tap listens to."""
        self.channels = channels
        self._workers = {one.id.instance_id: cluster.worker_of(one) for one in channels}
        self._keys = {
            channel.id.instance_id: keys.spell(channel.key)
            for channel in channels
            if channel.id.instance_id is not None
        }
        # Where nobody else publishes it does not matter what a message says of itself.
        is_one = len(channels) == 1 and not tap.route.is_shared
        self._one = keys.spell(channels[0].key) if is_one else None
        self._worker = self._workers[channels[0].id.instance_id] if is_one else None

    def key_of(self, message: TapMessage) -> str | None:
        """None: it is another publisher's."""
        if self._one is not None or message.publisher is None:
            return self._one
        return self._keys.get(message.publisher)

    def worker_of(self, publisher: int | None) -> int | None:
        """None: it is another publisher's, or its worker is not known."""
        return self._workers.get(publisher) if self._one is None else self._worker


class _Printer:
    """Prints messages in a thread: a reader may be slow, and the tap must be read on."""

    def __init__(
        self, inbox: Inbox, channels: _Channels, output: str, wanted: MessageFilter
    ) -> None:
        self.writing = False
        """Whether something is being written, now."""
        self.looked_at = 0
        self.matching = 0
        """Messages that matched the filter, of those that were looked at."""
        self.wanted = wanted
        self._inbox = inbox
        self._channels = channels
        self._output = output

    async def run(self, most: int | None) -> None:
        """Returns after so many. Raises `OutputFailed`, BrokenPipeError."""
        printed = 0
        while most is None or printed < most:
            messages = await self._inbox.get()
            if self.wanted:
                self.looked_at += len(messages)
                messages = await asyncio.to_thread(self._matching, messages)
                self.matching += len(messages)
            if most is not None:
                messages = messages[: most - printed]
            printed += len(messages)
            await asyncio.to_thread(self._write, messages)

    def _matching(self, messages: Sequence[TapMessage]) -> list[TapMessage]:
        of = self._channels.worker_of
        return [one for one in messages if self.wanted.matches(one, of(one.publisher))]

    def _write(self, messages: Sequence[TapMessage]) -> None:
        self.writing = True
        try:
            write_lines(_line(message, self._channels, self._output) for message in messages)
        finally:
            self.writing = False


async def _watch_standing(tap: Tap) -> None:
    """Print changes of the connection on standard error. Returns when no message can come any more.
    Raises BrokenPipeError."""
    said = ""
    while True:
        text = _standing(tap.standing)
        if text and text != said:
            said = text
            print_message(f"{tap.route}: {text}")
        if tap.standing.link is TapLink.IMPOSSIBLE:
            return
        # On a quiet channel nobody would notice.
        check_for_reader()
        await asyncio.sleep(LOOK_INTERVAL)


def _standing(standing: TapStanding) -> str:
    """Empty: there is nothing to say, or not yet."""
    match standing.link:
        case TapLink.CONNECTED if standing.is_partial:
            why = f": {standing.why}" if standing.why else ""
            return f"{connected_in_words(standing)}{why}; still trying"
        case TapLink.CONNECTED if standing.why:
            return f"connected, nothing published; {standing.why}"
        case TapLink.CONNECTED:
            return "connected, listening"
        case TapLink.IMPOSSIBLE:
            return f"cannot be listened to: {standing.why}"
        case _ if standing.why:
            return f"no connection: {standing.why}; still trying"
    return ""


def _print_end(tap: Tap, printer: _Printer, channels: _Channels) -> None:
    statistics = tap.statistics
    if len(channels.channels) > 1:
        for one in statistics.publishers()[:MOST_TAPPED]:
            figures = f"{count(one.messages, 'message')}, {in_bytes(one.bytes)}"
            missed = f", {one.gaps:,} missed" if one.gaps else ""
            worker = hex_id(channels.worker_of(one.id))
            text = f"  worker {worker} publisher {hex_id(one.id)}: {figures}{missed}"
            print(text, file=sys.stderr)
    parts = [f"heard {count(statistics.messages, 'message')}, {in_bytes(statistics.bytes)}"]
    if printer.wanted:
        parts.append(f"{printer.matching:,} of {printer.looked_at:,} match the filter")
    if tap.left_out:
        parts.append(f"{tap.left_out:,} of other publishers left out")
    if statistics.gaps:
        parts.append(f"{statistics.gaps:,} missed before they came here")
    if statistics.dropped:
        parts.append(f"{statistics.dropped:,} dropped: the reader was too slow")
    print_message("; ".join(parts))


# --- lines ----------------------------------------------------------------------------------------


def _line(message: TapMessage, channels: _Channels, output: str) -> str:
    worker = channels.worker_of(message.publisher)
    if output == "json":
        return _json(message, decode(message), channels.key_of(message), worker)
    several = f"{hex_id(worker):<16}" if len(channels.channels) > 1 else None
    return _text(message, summary(message), several)


def _text(message: TapMessage, said: str, worker: str | None) -> str:
    """`worker`: the column of the message's worker. None: there is none."""
    sequence = NOTHING if message.sequence is None else str(message.sequence)
    columns = (
        clock_time(message.at),
        *(() if worker is None else (worker,)),
        f"{hex_id(message.publisher):<16}",
        f"{sequence:>9}",
        f"{in_bytes(message.size):>8}",
        plain(said),
    )
    return "  ".join(columns)


def _json(message: TapMessage, decoded: Decoded, channel: str | None, worker: int | None) -> str:
    readable = decoded.problem is None
    whole: dict[str, Any] = {
        "time": utc_stamp(message.at),
        "channel": channel,
        "topic": message.topic,
        "publisher": hex_or_none(message.publisher),
        "worker": hex_or_none(worker),
        "sequence": message.sequence,
        "published_at": decoded.published_at,
        "size": message.size,
        "codec": decoded.codec,
        "summary": decoded.summary,
        "payload": decoded.payload,
        "problem": decoded.problem,
        "raw": None if readable else base64.b64encode(message.body).decode(),
    }
    return as_json(whole)
