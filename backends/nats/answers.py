"""What JetStream's answers say: buckets, messages, and which of these are removal markers.

After ADR-2 and the schemas of nats-server 2.15.
"""

from __future__ import annotations

import base64
import contextlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from backends.nats.names import bucket_of

NANOSECONDS = 1_000_000_000

MISREAD = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)
"""What comes of reading an answer that is not as it should be. A number may be 1e999."""

OPERATION = "KV-Operation"
"""The header of a removal marker: DEL, or PURGE."""
MARKER_REASON = "Nats-Marker-Reason"
"""The header of a removal marker that the server itself wrote (2.11 and later)."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """A KV bucket's stream, as it was at one moment."""

    name: str
    """Without `KV_`."""
    created: str
    """As the server writes it, to the nanosecond: another one is another stream."""
    max_age: float
    """Seconds. 0: what is in it stays."""
    first: int
    """The first sequence number that is there, or one after the last if none is."""
    last: int
    messages: int
    subjects: int | None
    """How many have a message, markers too. None: the server does not say (before 2.8)."""
    now: float | None
    """The server's own time, in POSIX seconds. None: it does not say (before 2.10)."""

    @property
    def stream(self) -> str:
        return f"KV_{self.name}"


@dataclass(frozen=True, slots=True)
class Buckets:
    """All buckets that are named as Dynamo names them."""

    there: tuple[Bucket, ...]
    missing: frozenset[str]
    """Names of those that exist, and of which no server of the cluster could tell: each of them may
    be as it was, and none is among the others."""


@dataclass(frozen=True, slots=True)
class Message:
    """The last message under a subject."""

    sequence: int
    value: bytes
    is_marker: bool
    """Whether it says that the key was removed."""
    at: float
    """When the server took it, in POSIX seconds."""


def is_marker(headers: dict[str, str] | None) -> bool:
    """Whether a message with these headers says that its key was removed."""
    return headers is not None and (
        headers.get(OPERATION) in ("DEL", "PURGE") or MARKER_REASON in headers
    )


def seconds(text: str) -> float:
    """A time as the server writes it, in POSIX seconds. Raises `ValueError`."""
    return datetime.fromisoformat(text).timestamp()


def read_message(stored: dict[str, Any]) -> Message:
    """A message as it is stored. Raises one of `MISREAD`."""
    return Message(
        int(stored["seq"]),
        base64.b64decode(stored.get("data") or ""),
        _is_marker(base64.b64decode(stored.get("hdrs") or "")),
        seconds(stored["time"]),
    )


def _is_marker(block: bytes) -> bool:
    """The same, of headers as they are stored."""
    headers: dict[str, str] = {}
    for line in block.decode("utf-8", "replace").split("\r\n")[1:]:
        name, colon, value = line.partition(":")
        if colon:
            headers[name] = value.strip()
    return is_marker(headers)


def read_bucket(stream: dict[str, Any]) -> Bucket | None:
    """None for a stream that is none of Dynamo's, or is not understood."""
    with contextlib.suppress(*MISREAD):
        config, state = stream["config"], stream["state"]
        name = bucket_of(config["name"])
        if name is None:
            return None
        messages = int(state["messages"])
        subjects = state.get("num_subjects", 0 if not messages else None)
        if subjects is None and config.get("max_msgs_per_subject") == 1:
            subjects = messages
        return Bucket(
            name,
            str(stream["created"]),
            int(config.get("max_age", 0)) / NANOSECONDS,
            int(state["first_seq"]),
            int(state["last_seq"]),
            messages,
            None if subjects is None else int(subjects),
            seconds(stream["ts"]) if "ts" in stream else None,
        )
    return None
