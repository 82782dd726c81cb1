"""One message of a channel, as received and not yet decoded.

Over NATS a message is an envelope: a msgpack map of `publisher_id`, `sequence` (counted up from 0),
`published_at` (ms), `topic` and `payload` (bytes). Over ZMQ there are four frames: the topic, the
publisher and the sequence (eight bytes each, big-endian), and the envelope after a header of five
bytes (version 1, length). As `ai-dynamo-runtime` 1.2.1, 1.4.2 and 1.6.1 write them, seen on the
wire.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec

KEPT = 1 << 16
"""Bytes of a message that are kept: the largest events of a real worker have about 10 KB."""

LONGEST_TOPIC = 1024
"""Bytes of a topic or subject that are kept."""

HEADER = 5
"""Bytes before the envelope in a ZMQ frame."""
VERSION = 1


class TapMessage(msgspec.Struct, frozen=True):
    """One message as received."""

    at: float
    """When it was received, in POSIX seconds."""
    publisher: int | None
    """Its publisher's id (u64). None: missing, or not as Dynamo writes it."""
    sequence: int | None
    topic: str
    """The topic frame; over NATS the whole subject."""
    size: int
    """Bytes on the wire, without those for routing."""
    body: bytes
    """The envelope, or whatever came in its place; the beginning of it if it is long."""

    @property
    def is_cut(self) -> bool:
        """Return whether only the beginning was kept."""
        return len(self.body) < self.size


def of_zmq(frames: Sequence[bytes], at: float, kept: int = KEPT) -> TapMessage:
    """Make a message of these frames, whatever is in them."""
    topic = _text(frames[0]) if frames else ""
    if len(frames) != 4 or len(frames[1]) != 8 or len(frames[2]) != 8:
        rest = b"".join(frames[1:])
        return TapMessage(at, None, None, topic, len(rest), rest[:kept])
    body = frames[3]
    start = HEADER if _has_header(body) else 0
    return TapMessage(
        at,
        int.from_bytes(frames[1]),
        int.from_bytes(frames[2]),
        topic,
        len(body) - start,
        body[start : start + kept],
    )


def of_nats(subject: str, data: bytes, at: float, kept: int = KEPT) -> TapMessage:
    """Make a message of data received on a subject, whatever is in it."""
    publisher, sequence = _identity(data, kept)
    topic = subject[:LONGEST_TOPIC]
    return TapMessage(at, publisher, sequence, topic, len(data), data[:kept])


RANK = b"\xa7dp_rank"
"""The name of a data-parallel rank in msgpack; its number follows."""


def rank_of(message: TapMessage) -> int | None:
    """Return a message's data-parallel rank below 128, without decoding it. None: it has none."""
    found = message.body.find(RANK)
    number = found + len(RANK)
    # msgpack encodes a number below 128 as one byte.
    if found < 0 or number >= len(message.body) or message.body[number] > 127:
        return None
    return message.body[number]


def unpacked_envelope(data: bytes) -> Any:
    """Unpack an envelope; raises whatever the library raises.

    An envelope holds no array and few names. Anything more could take unlimited memory: the library
    trusts an array's length before it reads its elements.
    """
    import msgpack

    return msgpack.unpackb(
        data,
        strict_map_key=False,
        unicode_errors="backslashreplace",
        max_array_len=0,
        max_map_len=16,
        max_ext_len=0,
    )


def u64(value: object) -> int | None:
    """Return the number, if ids and sequences can have it. None: they cannot."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number and 0 <= value < 1 << 64 else None  # type: ignore[return-value,operator]


def _has_header(body: bytes) -> bool:
    return (
        len(body) >= HEADER
        and body[0] == VERSION
        and int.from_bytes(body[1:HEADER]) == len(body) - HEADER
    )


def _identity(data: bytes, kept: int) -> tuple[int | None, int | None]:
    """Return publisher and sequence of an envelope. None: missing."""
    try:
        # No release that was seen writes JSON; early sources did.
        if data[:1] == b"{":
            envelope = json.loads(data) if len(data) <= kept else None
        else:
            envelope = unpacked_envelope(data)
    except Exception:  # the library may raise anything on bytes that are no envelope
        return None, None
    if not isinstance(envelope, dict):
        return None, None
    return u64(envelope.get("publisher_id")), u64(envelope.get("sequence"))


def _text(data: bytes) -> str:
    return data[:LONGEST_TOPIC].decode("utf-8", "backslashreplace")
