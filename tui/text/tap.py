"""How what is heard on a channel is said. No Textual in here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime

from backends.dynamo.records import EventChannel
from backends.tap import (
    SILENCE,
    Decoded,
    NatsRoute,
    NumberedMessage,
    Tap,
    TapLink,
    TapMessage,
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
    """`kv-events of prod/backend/generate`."""
    names = (channel.id.namespace, channel.id.component, channel.id.endpoint)
    where = "/".join(name for name in names if name)
    return f"{channel.id.topic or NOTHING} of {where or NOTHING}"


def route_in_words(tap: Tap) -> str:
    """Where it listens, after the transport's name."""
    match tap.route:
        case NatsRoute():
            return f"NATS {tap.route}"
        case ZmqRoute(topic=b""):
            return f"ZMQ broker {tap.route}"
        case ZmqRoute():
            return f"ZMQ {tap.route}"
    return "no route"


def standing_in_words(tap: Tap, now: float, own: int | None = None) -> tuple[str, str]:
    """How it stands with the connection, and its tone.

    `own`: the publisher whose channel it is; others may publish in the same place.
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
    silent = since if last_message_at is None else min(since, now - last_message_at)
    if silent < SILENCE:
        return _among_others(tap, now, own) or ("connected, listening", "good")
    text = f"connected, nothing published for {duration(silent)}"
    if standing.why:
        return f"{text}; {standing.why}", "bad"
    return f"{text}; its process still answers" if standing.answers else text, "dim"


def _among_others(tap: Tap, now: float, own: int | None) -> tuple[str, str] | None:
    """What is to be said where all that is heard is others'."""
    publishers = tap.statistics.publishers()
    if own is None or not publishers or _is_broker(tap):
        return None
    last_message_at = next((one.last_message_at for one in publishers if one.id == own), None)
    silent = now - max(tap.standing.since, last_message_at or 0.0)
    if silent < SILENCE:
        return None
    what = "its own publisher has published nothing"
    return f"connected; others publish here, {what} for {duration(silent)}", "warn"


def figures(tap: Tap, now: float) -> list[str]:
    """Rates and totals."""
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
    # What ZMQ drops nobody is told: there it is among the missed.
    if statistics.dropped or isinstance(tap.route, NatsRoute):
        parts.insert(5, f"{statistics.dropped:,} dropped")
    if statistics.restarts:
        parts.insert(5, count(statistics.restarts, "restart"))
    return parts


def fill(parts: Sequence[str], cells: int) -> str:
    """Parts beside each other, in as many lines as it takes."""
    lines = [""]
    for part in parts:
        longer = f"{lines[-1]}  {part}" if lines[-1] else part
        if len(longer) <= cells or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(part)
    return "\n".join(lines)


def rate(number: float) -> str:
    """Three digits or so: `0`, `0.4`, `12.3`, `1,234`."""
    return f"{number:,.0f}" if number >= 100 or number == 0 else f"{number:.1f}"


def in_bytes(number: float) -> str:
    """`512 B`, `4.1 KB`, `2.3 MB`; a KB is 1,000."""
    for unit in ("B", "KB", "MB", "GB"):
        if number < 1000 or unit == "GB":
            break
        number /= 1000
    return f"{number:.0f} {unit}" if unit == "B" or number >= 100 else f"{number:.1f} {unit}"


def bar_line(label: str, history: Sequence[int], most: str, cells: int) -> str:
    """`msg/s ▁▂▁█ most 12`: a bar for each second of `history`, the highest of which is `most`."""
    told = f" most {most}" if max(history, default=0) else ""
    room = cells - width(label) - 1 - width(told)
    return f"{label} {bars(history, min(len(history), room))}{told}"


def bars(history: Sequence[int], cells: int) -> str:
    """One bar for each second or, where they do not fit, for the most of each few."""
    step = max(1, -(-len(history) // max(1, cells)))
    shown = [max(history[start : start + step]) for start in range(0, len(history), step)]
    return sparkline(shown, len(shown))


def clock_time(at: float) -> str:
    """`17:05:23.123`, where the reader is."""
    return datetime.fromtimestamp(at).isoformat(timespec="milliseconds")[11:]


def raw_line(message: TapMessage) -> str:
    """The first bytes of its payload, in hex and as text: what comes before is alike in all."""
    data = payload_bytes(message)
    return f"{data[: DUMPED // 2].hex(' ')}  {_printable(data[:400])}"


def dump(data: bytes) -> str:
    """All of it, in hex and as text."""
    return "\n".join(_dumped(data))


def message_detail(
    channel: EventChannel,
    heard: NumberedMessage,
    decoded: Decoded,
    *,
    raw: bool,
    shown_at: ShownAt = as_it_is,
) -> Detail:
    """One message in full: what was decoded, or its bytes. `shown_at`: what the host's clock
    showed."""
    message = heard.message
    at = shown_at(message.at)
    published = ""
    if decoded.published_at is not None:
        behind = at - decoded.published_at
        published = f"{_moment(decoded.published_at)}  by its own clock; heard {behind:.3f} s later"
    fields = [
        ("channel", channel_name(channel)),
        ("says", decoded.summary if decoded.problem is None else ""),
        ("not decoded", decoded.problem or ""),
        ("publisher", "" if message.publisher is None else hex_id(message.publisher)),
        ("sequence", "" if message.sequence is None else str(message.sequence)),
        ("heard", f"{_moment(at)}  as number {heard.number:,}"),
        ("published", published),
        ("topic", message.topic),
        ("size", f"{message.size:,} bytes"),
        ("codec", decoded.codec or ""),
    ]
    body = json.dumps(decoded.payload, indent=2, ensure_ascii=False)
    if raw or decoded.problem is not None:
        body = dump(message.body)
    shown = tuple((label, text) for label, text in fields if text)
    return Detail(f"message {heard.number:,}", "", shown, body)


def _is_broker(tap: Tap) -> bool:
    """Whether what comes is of any topic."""
    return isinstance(tap.route, ZmqRoute) and tap.route.is_shared


def said(heard: NumberedMessage, *, raw: bool, with_topic: bool) -> str:
    """A message in a line."""
    text = raw_line(heard.message) if raw else summary(heard.message)
    return f"{heard.message.topic}  {text}" if with_topic else text


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
