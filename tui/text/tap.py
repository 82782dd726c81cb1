"""Messages and statistics of an event channel as text. No Textual in here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime

from backends.dynamo.records import EventChannel
from backends.tap import (
    SILENCE,
    Decoded,
    MatchingMessages,
    NatsRoute,
    NumberedMessage,
    SeveralRoutes,
    Tap,
    TapLink,
    TapMessage,
    TapStanding,
    ZmqRoute,
    payload_bytes,
    summary,
)
from tui.text.detail import Detail
from tui.text.format import NOTHING, count, duration, hex_id
from tui.text.host_clock import ShownAt, as_it_is
from tui.text.sanitize import width
from tui.text.sparkline import sparkline

DUMPED = 16
"""Bytes in a line of a dump."""


def channel_name(channel: EventChannel) -> str:
    """Return `kv-events of prod/backend/generate`."""
    names = (channel.id.namespace, channel.id.component, channel.id.endpoint)
    where = "/".join(name for name in names if name)
    return f"{channel.id.topic or NOTHING} of {where or NOTHING}"


def channels_name(channels: Sequence[EventChannel]) -> str:
    """Return `kv-events of prod/backend/generate, 4 channels`."""
    names = list(dict.fromkeys(map(channel_name, channels)))
    if len(channels) == 1:
        return names[0]
    what = names[0] if len(names) == 1 else f"{names[0]} and {count(len(names) - 1, 'other')}"
    return f"{what}, {count(len(channels), 'channel')}"


def route_in_words(tap: Tap) -> str:
    """Return the address it listens at, after the transport's name."""
    match tap.route:
        case NatsRoute():
            return f"NATS {tap.route}"
        case ZmqRoute(topic=b""):
            return f"ZMQ broker {tap.route}"
        case ZmqRoute():
            return f"ZMQ {tap.route}"
        case SeveralRoutes():
            return str(tap.route)
    return "no route"


def standing_in_words(tap: Tap, now: float, own: int | None = None) -> tuple[str, str]:
    """Return the state of the connection, and its tone.

    `own`: the publisher of the selected channel; others may publish to the same place.
    """
    standing, last_message_at = tap.standing, tap.statistics.last_message_at
    since = now - standing.since
    match standing.link:
        case TapLink.IMPOSSIBLE:
            return f"cannot be listened to: {standing.why}", "bad"
        case TapLink.LOST:
            why = f": {standing.why}" if standing.why else ""
            return f"connection lost {duration(since)} ago{why}; trying again", "bad"
        case TapLink.CONNECTING if standing.why:
            return f"no connection for {duration(since)}: {standing.why}; trying again", "bad"
        case TapLink.CONNECTING:
            return "connecting …", "dim"
    if standing.is_partial:
        why = f": {standing.why}" if standing.why else ""
        return f"{connected_in_words(standing)}{why}; trying again", "warn"
    silent = since if last_message_at is None else min(since, now - last_message_at)
    if silent < SILENCE:
        return _among_others(tap, now, own) or ("connected, listening", "good")
    text = f"connected, nothing published for {duration(silent)}"
    if standing.why:
        return f"{text}; {standing.why}", "bad"
    return f"{text}; its process still answers" if standing.answers else text, "dim"


def connected_in_words(standing: TapStanding) -> str:
    """Return `3 of 4 connected`."""
    return f"{standing.connected:,} of {standing.of:,} connected"


def _among_others(tap: Tap, now: float, own: int | None) -> tuple[str, str] | None:
    """Return a warning if all messages come from other publishers. None: not so."""
    publishers = tap.statistics.publishers()
    if own is None or not publishers or has_any_topic(tap):
        return None
    last_message_at = next((one.last_message_at for one in publishers if one.id == own), None)
    silent = now - max(tap.standing.since, last_message_at or 0.0)
    if silent < SILENCE:
        return None
    what = "its own publisher has published nothing"
    return f"connected; others publish here, {what} for {duration(silent)}", "warn"


def figures(tap: Tap, now: float) -> list[str]:
    """Return rates and totals."""
    statistics = tap.statistics
    messages, size = statistics.rates(now)
    parts = [
        f"{rate(messages)} msg/s",
        f"{in_bytes(size)}/s",
        count(statistics.messages, "message"),
        in_bytes(statistics.bytes),
        f"{statistics.gaps:,} missed",
        f"for {duration(now - statistics.began_at)}",
    ]
    # ZMQ drops silently: its drops are among the missed.
    if statistics.dropped or isinstance(tap.route, NatsRoute):
        parts.insert(5, f"{statistics.dropped:,} dropped")
    if statistics.restarts:
        parts.insert(5, count(statistics.restarts, "restart"))
    return parts


def fill(parts: Sequence[str], cells: int) -> str:
    """Arrange parts beside each other, in as many lines as needed."""
    lines = [""]
    for part in parts:
        longer = f"{lines[-1]}  {part}" if lines[-1] else part
        if len(longer) <= cells or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(part)
    return "\n".join(lines)


def rate(number: float) -> str:
    """Return a rate in about three digits: `0`, `0.4`, `12.3`, `1,234`."""
    return f"{number:,.0f}" if number >= 100 or number == 0 else f"{number:.1f}"


def in_bytes(number: float) -> str:
    """Return a size: `512 B`, `4.1 KB`, `2.3 MB`. A KB is 1,000 bytes."""
    for unit in ("B", "KB", "MB", "GB"):
        if number < 1000 or unit == "GB":
            break
        number /= 1000
    return f"{number:.0f} {unit}" if unit == "B" or number >= 100 else f"{number:.1f} {unit}"


def bar_line(label: str, history: Sequence[int], most: str, cells: int) -> str:
    """Return `msg/s ▁▂▁█ most 12`: a bar for each second of `history`, whose highest is `most`."""
    ending = f" most {most}" if max(history, default=0) else ""
    room = cells - width(label) - 1 - width(ending)
    return f"{label} {bars(history, min(len(history), room))}{ending}"


def bars(history: Sequence[int], cells: int) -> str:
    """Return a bar for each second. If they do not fit, a bar is the highest of several seconds."""
    step = max(1, -(-len(history) // max(1, cells)))
    shown = [max(history[start : start + step]) for start in range(0, len(history), step)]
    return sparkline(shown, len(shown))


def clock_time(at: float) -> str:
    """Return `17:05:23.123`, in the reader's time zone."""
    return datetime.fromtimestamp(at).isoformat(timespec="milliseconds")[11:]


def raw_line(message: TapMessage) -> str:
    """Return the first bytes of the payload, in hex and as text. The envelope before it is alike in
    all."""
    data = payload_bytes(message)
    return f"{data[: DUMPED // 2].hex(' ')}  {_printable(data[:400])}"


def dump(data: bytes) -> str:
    """Return all bytes, in hex and as text."""
    return "\n".join(_dumped(data))


def message_detail(
    channel: EventChannel,
    numbered: NumberedMessage,
    decoded: Decoded,
    *,
    raw: bool,
    worker: int | None = None,
    shown_at: ShownAt = as_it_is,
) -> Detail:
    """Return one message in full: decoded, or as bytes. `worker`: of its publisher, if known.
    `shown_at`: what the host's clock showed."""
    message = numbered.message
    at = shown_at(message.at)
    published = ""
    if decoded.published_at is not None:
        behind = at - decoded.published_at
        by = f"by the publisher's clock; received {behind:.3f} s later"
        published = f"{_moment(decoded.published_at)}  {by}"
    fields = [
        ("channel", channel_name(channel)),
        ("summary", decoded.summary if decoded.problem is None else ""),
        ("not decoded", decoded.problem or ""),
        ("publisher", "" if message.publisher is None else hex_id(message.publisher)),
        ("worker", "" if worker is None else hex_id(worker)),
        ("sequence", "" if message.sequence is None else str(message.sequence)),
        ("received", f"{_moment(at)}  as number {numbered.number:,}"),
        ("published", published),
        ("topic", message.topic),
        ("size", f"{message.size:,} bytes"),
        ("codec", decoded.codec or ""),
    ]
    body = json.dumps(decoded.payload, indent=2, ensure_ascii=False)
    if raw or decoded.problem is not None:
        body = dump(message.body)
    shown = tuple((label, text) for label, text in fields if text)
    return Detail(f"message {numbered.number:,}", "", shown, body)


def has_any_topic(tap: Tap) -> bool:
    """Return whether messages of any topic arrive: what a broker passes on."""
    routes = tap.route.routes if isinstance(tap.route, SeveralRoutes) else (tap.route,)
    return any(isinstance(one, ZmqRoute) and one.is_shared for one in routes)


def filter_in_words(text: str, found: MatchingMessages) -> str:
    """Return `filter “stored”: 3 of 120 match`. Messages that passed by are counted apart."""
    missed = f", {found.missed:,} passed by" if found.missed else ""
    return f"filter “{text}”: {found.matching:,} of {found.looked_at:,} match{missed}"


def message_line(numbered: NumberedMessage, *, raw: bool, with_topic: bool) -> str:
    """Return a message in one line."""
    text = raw_line(numbered.message) if raw else summary(numbered.message)
    return f"{numbered.message.topic}  {text}" if with_topic else text


def _moment(at: float) -> str:
    try:
        moment = datetime.fromtimestamp(at)
    except (ValueError, OverflowError, OSError):
        return f"{at:g} s after 1970"
    return moment.isoformat(sep=" ", timespec="milliseconds")


def _dumped(data: bytes) -> Iterator[str]:
    for start in range(0, len(data), DUMPED):
        line = data[start : start + DUMPED]
        yield f"{start:06x}  {line.hex(' '):<{DUMPED * 3 - 1}}  {_printable(line)}"


def _printable(data: bytes) -> str:
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else "·" for byte in data)
