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

from backends.discovery.discovery import Discovery
from backends.dynamo import keys
from backends.dynamo.ids import Kind
from backends.dynamo.queries import Query
from backends.dynamo.records import EventChannel
from backends.tap import (
    Decoded,
    Inbox,
    NoRoute,
    Tap,
    TapLink,
    TapMessage,
    TapStanding,
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
from tui.text.tap import clock_time, in_bytes
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
    return asyncio.run(_run(settings, arguments.channel, arguments.output, ending))


async def _run(settings: Settings, name: str, output: str, ending: _Ending) -> Exit:
    # Only times of day are told.
    async with open_session(settings, HostClock(time.time, time.time)) as session:
        found, by_key = await _found(session.discovery, settings, name)
        if not found:
            print_message(
                f"no event channel {as_name(name)} in {session.discovery.store.name}: dyntop list "
                "channels prints all channels"
            )
            return Exit.REFUSED
        # Nobody looks at what a ring keeps.
        taps = [session.taps.open(channel, kept=KEPT, ring=0) for channel in found]
        # Publishers on NATS share a subject: then several channels are one to listen to.
        if len({str(tap.route) for tap in taps}) > 1:
            _print_candidates(name, found)
            return Exit.USAGE
        tap, channel = taps[0], found[0]
        if isinstance(tap.route, NoRoute):
            print_message(f"{keys.spell(channel.key)} cannot be listened to: {tap.route}")
            return Exit.REFUSED
        only = channel.id.instance_id if by_key and tap.route.is_shared else None
        return await _listen(tap, found, only, output, ending)


async def _found(
    discovery: Discovery, settings: Settings, name: str
) -> tuple[list[EventChannel], bool]:
    """Return the channels that a name matches: a key in full, or
    `namespace[/component[/endpoint]]/topic`; and whether it is a key. Raises `StoreError`."""
    records = await discovery.list(
        Query(frozenset({Kind.EVENT_CHANNEL}), namespace=settings.namespace, nested=True)
    )
    channels = [record for record in records if isinstance(record, EventChannel)]
    with contextlib.suppress(ValueError):
        key = keys.unspell(name)
        if by_key := [channel for channel in channels if channel.key == key]:
            return by_key, True
    path = as_name(name)
    return [channel for channel in channels if path in _paths(channel)], False


def _paths(channel: EventChannel) -> Iterator[str]:
    place = channel.id
    names = [name for name in (place.component, place.endpoint) if name]
    # The endpoint may be left out, and the component with it.
    for kept in range(len(names) + 1):
        yield "/".join(filter(None, (place.namespace, *names[:kept], place.topic)))


def _print_candidates(name: str, found: Sequence[EventChannel]) -> None:
    print_message(
        f"{as_name(name)} matches {count(len(found), 'event channel')}: pass one of these keys"
    )
    for channel in found[:MOST_CANDIDATES]:
        print(f"  {plain_key(channel.key)}", file=sys.stderr)
    if len(found) > MOST_CANDIDATES:
        print(f"  and {len(found) - MOST_CANDIDATES:,} more", file=sys.stderr)


# --- listening ------------------------------------------------------------------------------------


async def _listen(
    tap: Tap, channels: Sequence[EventChannel], only: int | None, output: str, ending: _Ending
) -> Exit:
    """`only`: the publisher whose messages are printed. None: all."""
    inbox = Inbox()
    tap.follow(inbox, only=only)
    interrupted = asyncio.Event()
    printer = _Printer(inbox, _Channels(tap, channels), output)
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
    _print_end(tap)
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
    """Return the channel of a message, if known."""

    def __init__(self, tap: Tap, channels: Sequence[EventChannel]) -> None:
        """`channels`: those that the tap listens to."""
        self._keys = {
            channel.id.instance_id: keys.spell(channel.key)
            for channel in channels
            if channel.id.instance_id is not None
        }
        # Where nobody else publishes it does not matter what a message says of itself.
        self._one = None if tap.route.is_shared else keys.spell(channels[0].key)

    def key_of(self, message: TapMessage) -> str | None:
        """None: it is another publisher's."""
        if self._one is not None or message.publisher is None:
            return self._one
        return self._keys.get(message.publisher)


class _Printer:
    """Prints messages in a thread: a reader may be slow, and the tap must be read on."""

    def __init__(self, inbox: Inbox, channels: _Channels, output: str) -> None:
        self.writing = False
        """Whether something is being written, now."""
        self._inbox = inbox
        self._channels = channels
        self._output = output

    async def run(self, most: int | None) -> None:
        """Returns after so many. Raises `OutputFailed`, BrokenPipeError."""
        printed = 0
        while most is None or printed < most:
            messages = await self._inbox.get()
            if most is not None:
                messages = messages[: most - printed]
            printed += len(messages)
            await asyncio.to_thread(self._write, messages)

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
        case TapLink.CONNECTED if standing.why:
            return f"connected, nothing published; {standing.why}"
        case TapLink.CONNECTED:
            return "connected, listening"
        case TapLink.IMPOSSIBLE:
            return f"cannot be listened to: {standing.why}"
        case _ if standing.why:
            return f"no connection: {standing.why}; still trying"
    return ""


def _print_end(tap: Tap) -> None:
    statistics = tap.statistics
    parts = [f"heard {count(statistics.messages, 'message')}, {in_bytes(statistics.bytes)}"]
    if tap.left_out:
        parts.append(f"{tap.left_out:,} of other publishers left out")
    if statistics.gaps:
        parts.append(f"{statistics.gaps:,} missed before they came here")
    if statistics.dropped:
        parts.append(f"{statistics.dropped:,} dropped: the reader was too slow")
    print_message("; ".join(parts))


# --- lines ----------------------------------------------------------------------------------------


def _line(message: TapMessage, channels: _Channels, output: str) -> str:
    if output == "json":
        return _json(message, decode(message), channels.key_of(message))
    return _text(message, summary(message))


def _text(message: TapMessage, said: str) -> str:
    sequence = NOTHING if message.sequence is None else str(message.sequence)
    columns = (
        clock_time(message.at),
        f"{hex_id(message.publisher):<16}",
        f"{sequence:>9}",
        f"{in_bytes(message.size):>8}",
        plain(said),
    )
    return "  ".join(columns)


def _json(message: TapMessage, decoded: Decoded, channel: str | None) -> str:
    readable = decoded.problem is None
    whole: dict[str, Any] = {
        "time": utc_stamp(message.at),
        "channel": channel,
        "topic": message.topic,
        "publisher": hex_or_none(message.publisher),
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
