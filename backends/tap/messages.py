"""What comes over a channel: one message, from the wire and not yet decoded.

Over NATS a message is an envelope: a msgpack map of `publisher_id`, `sequence` (from 0, one more
for each), `published_at` (ms), `topic` and `payload` (bytes). Over ZMQ there are four frames: the
topic, the publisher and the sequence (eight bytes each, big-endian), and the envelope behind a
header of five bytes (version 1, length). So `ai-dynamo-runtime` 1.2.1, 1.4.2 and 1.6.1, as seen on
the wire.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

KEPT = 1 << 16
"""Bytes of a message that are kept: the largest events of a real worker are some 10 KB."""

LONGEST_TOPIC = 1024
"""Bytes of a topic or subject that are kept."""

HEADER = 5
"""Bytes before the envelope in a ZMQ frame."""
VERSION = 1


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it came."""

    at: float
    """When it was heard, in POSIX seconds."""
    publisher: int | None
    """Its publisher's id (u64). None: it does not say, or not as Dynamo does."""
    sequence: int | None
    topic: str
    """The topic frame, over NATS the whole subject."""
    size: int
    """Bytes on the wire, without those that say where it goes."""
    body: bytes
    """The envelope, or whatever came in its place; the first of it if it is long."""

    @property
    def is_cut(self) -> bool:
        """Whether only the first of it was kept."""
        return len(self.body) < self.size


def of_zmq(frames: Sequence[bytes], at: float, kept: int = KEPT) -> Message:
    """The message that these frames are, whatever is in them."""
    topic = _text(frames[0]) if frames else ""
    if len(frames) != 4 or len(frames[1]) != 8 or len(frames[2]) != 8:
        rest = b"".join(frames[1:])
        return Message(at, None, None, topic, len(rest), rest[:kept])
    body = frames[3]
    start = HEADER if _has_header(body) else 0
    return Message(
        at,
        int.from_bytes(frames[1]),
        int.from_bytes(frames[2]),
        topic,
        len(body) - start,
        body[start : start + kept],
    )


def of_nats(subject: str, data: bytes, at: float, kept: int = KEPT) -> Message:
    """The message that came on a subject, whatever is in it."""
    publisher, sequence = _identity(data, kept)
    topic = subject[:LONGEST_TOPIC]
    return Message(at, publisher, sequence, topic, len(data), data[:kept])


def unpacked_envelope(data: bytes) -> Any:
    """What msgpack says of an envelope; raises whatever the library does.

    An envelope holds no array and few names. What holds more could take memory without end: an
    array's length is believed before its elements are read.
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
    """The number, if it is one that ids and sequences can be."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number and 0 <= value < 1 << 64 else None  # type: ignore[return-value,operator]


def _has_header(body: bytes) -> bool:
    return (
        len(body) >= HEADER
        and body[0] == VERSION
        and int.from_bytes(body[1:HEADER]) == len(body) - HEADER
    )


def _identity(data: bytes, kept: int) -> tuple[int | None, int | None]:
    """Publisher and sequence of an envelope; None for what it does not say."""
    try:
        # JSON is not written by any release that was seen; early sources had it.
        if data[:1] == b"{":
            envelope = json.loads(data) if len(data) <= kept else None
        else:
            envelope = unpacked_envelope(data)
    except Exception:  # whatever the bytes make the library say, they are no envelope
        return None, None
    if not isinstance(envelope, dict):
        return None, None
    return u64(envelope.get("publisher_id")), u64(envelope.get("sequence"))


def _text(data: bytes) -> str:
    return data[:LONGEST_TOPIC].decode("utf-8", "backslashreplace")
