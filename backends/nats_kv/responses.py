"""Parse JetStream's answers: buckets, messages, and removal markers.

After ADR-2 and the schemas of nats-server 2.15.
"""

from __future__ import annotations

import base64
import contextlib
import math
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from backends.nats_kv.names import STREAM, SUBJECT, bucket_of

NANOSECONDS = 1_000_000_000

MISREAD = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)
"""The errors from reading a malformed answer. A number may be 1e999."""

OPERATION = "KV-Operation"
"""The header of a removal marker: DEL, or PURGE."""
MARKER_REASON = "Nats-Marker-Reason"
"""The header of a removal marker that the server itself wrote (2.11 and later)."""


class Bucket(msgspec.Struct, frozen=True):
    """A KV bucket's stream at one moment."""

    name: str
    """Without `KV_`."""
    created: str
    """As the server writes it, to the nanosecond. Another time means another stream."""
    max_age: float
    """Seconds. 0: messages do not expire."""
    first: int
    """The first sequence number present, or one after the last if there is none."""
    last: int
    messages: int
    subjects: int | None
    """The number of subjects with a message, markers included. None: not reported (before 2.8)."""
    now: float | None
    """The server's own time, in POSIX seconds. None: not reported (before 2.10)."""
    left: int | None = None
    """Bytes of room, in a bucket that refuses messages once full. None: it has no such limit."""
    origin: str | None = None
    """The bucket or stream that it is a read-only mirror of. None: it is not a mirror."""
    silent: float = 0.0
    """Seconds since a mirror had contact to its origin. Infinite: it never had."""
    alias: str | None = None
    """The beginning of subjects in a mirror that keeps those of its origin. Here the mirror's own
    subjects stand for them, since a publish under the origin's subjects goes to the origin.
    """
    made_at: int = 0
    """`created` in microseconds of POSIX time. 0: not reported in a way that is understood."""
    last_at: int = 0
    """When the last message was stored, also if it is gone: microseconds of POSIX time. 0: none
    was.
    """
    begins: int = 1
    """The sequence number of the first message that it ever had, or will have."""
    history: int = 0
    """How many messages of a subject are kept. 0: all."""
    expires: bool = False
    """Whether messages may go by their age."""
    is_plain: bool = False
    """Whether only a limit of each subject drops messages, apart from a purge by hand."""
    size: int = 0
    """Bytes of all messages."""

    @property
    def stream(self) -> str:
        return f"KV_{self.name}"

    def own_subject(self, subject: bytes) -> bytes:
        """Return the own subject that stands for a subject in the stream."""
        if self.alias is None or not subject.startswith(self.alias.encode()):
            return subject
        return f"{SUBJECT}{self.name}.".encode() + subject[len(self.alias) :]

    def stored_under(self, subject: str) -> str:
        """Return the subject in the stream that an own subject stands for."""
        own = f"{SUBJECT}{self.name}."
        if self.alias is None or not subject.startswith(own):
            return subject
        return self.alias + subject.removeprefix(own)


class Buckets(msgspec.Struct, frozen=True):
    """All buckets with names as Dynamo gives them."""

    present: tuple[Bucket, ...]
    missing: frozenset[str]
    """Names of buckets that exist but that no server of the cluster could report. Each may be
    unchanged, and none is in `present`.
    """


class StoredMessage(msgspec.Struct, frozen=True):
    """The last message of a subject."""

    sequence: int
    value: bytes
    is_marker: bool
    """Whether it marks the key as removed."""
    at: float
    """When the server stored it, in POSIX seconds."""


def is_marker(headers: dict[str, str] | None) -> bool:
    """Return whether a message with these headers marks its key as removed."""
    return headers is not None and (
        headers.get(OPERATION) in ("DEL", "PURGE") or MARKER_REASON in headers
    )


def _microseconds(text: object) -> int:
    """Convert a time as the server writes it to whole microseconds of POSIX time. 0: it is none, or
    one before then, as is that of a message that never was.
    """
    try:
        passed = datetime.fromisoformat(str(text)) - datetime.fromtimestamp(0, UTC)
    except (ValueError, TypeError):
        return 0
    return max(0, passed // timedelta(microseconds=1))


def seconds(text: str) -> float:
    """Convert a time as the server writes it to POSIX seconds. Raises `ValueError`."""
    return datetime.fromisoformat(text).timestamp()


def changed_at(bucket: Bucket) -> int:
    """Return the last moment at which a bucket is known to have changed: microseconds of POSIX
    time."""
    return max(bucket.last_at, bucket.made_at)


def read_message(stored: dict[str, Any]) -> StoredMessage:
    """Parse a stored message. Raises one of `MISREAD`."""
    return StoredMessage(
        int(stored["seq"]),
        base64.b64decode(stored.get("data") or ""),
        _is_marker(base64.b64decode(stored.get("hdrs") or "")),
        seconds(stored["time"]),
    )


def _is_marker(block: bytes) -> bool:
    """Do as `is_marker`, for headers as they are stored."""
    headers: dict[str, str] = {}
    for line in block.decode("utf-8", "replace").split("\r\n")[1:]:
        name, colon, value = line.partition(":")
        if colon:
            headers[name] = value.strip()
    return is_marker(headers)


def _mirrored(stream: dict[str, Any]) -> tuple[str | None, float, str | None]:
    """Return the origin of a mirror, the seconds since its last contact, and the alias. Raises one
    of `MISREAD`.
    """
    mirror = stream["config"].get("mirror")
    if not mirror:
        return None, 0.0, None
    active = int((stream.get("mirror") or {}).get("active", 0))
    # For an origin without any contact the server reports -1, or the age of the universe.
    silent = math.inf if active < 0 else active / NANOSECONDS
    name = str(mirror["name"])
    keeps = name.startswith(STREAM) and not mirror.get("subject_transforms")
    alias = f"{SUBJECT}{name.removeprefix(STREAM)}."
    is_other = name != stream["config"]["name"]
    return name.removeprefix(STREAM), silent, alias if keeps and is_other else None


def read_bucket(stream: dict[str, Any]) -> Bucket | None:
    """Parse a stream's information. None: not a bucket of Dynamo's, or malformed."""
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
            _left(config, state),
            *_mirrored(stream),
            made_at=_microseconds(stream["created"]),
            last_at=_microseconds(state.get("last_ts")),
            begins=int(config.get("first_seq") or 1),
            history=max(0, int(config.get("max_msgs_per_subject", 0))),
            expires=int(config.get("max_age", 0)) > 0 or bool(config.get("allow_msg_ttl")),
            is_plain=_is_plain(config),
            size=int(state.get("bytes", 0)),
        )
    return None


def _is_plain(config: dict[str, Any]) -> bool:
    is_limited = any(int(config.get(limit, -1)) > 0 for limit in ("max_msgs", "max_bytes"))
    drops_oldest = is_limited and config.get("discard") != "new"
    # What a mirror or source did not copy is missing without any trace here. A message that is
    # deleted by itself may have been any of its subject.
    is_copy = bool(config.get("mirror")) or bool(config.get("sources"))
    keeps = config.get("retention") == "limits" and bool(config.get("deny_delete"))
    return keeps and not drops_oldest and not is_copy


def _left(config: dict[str, Any], state: dict[str, Any]) -> int | None:
    most = int(config.get("max_bytes", -1))
    if most <= 0 or config.get("discard") != "new":
        return None
    return max(0, most - int(state.get("bytes", 0)))
