"""What a message says: from its bytes to values and to one line. Never raises.

Every release that was seen (1.2.1, 1.4.2, 1.6.1) writes msgpack with names, envelope and payload
alike, and a channel's record says nothing of it; so the first byte tells msgpack from JSON. The
durable KV events of 1.2.1 are JSON without an envelope.

KV events (topic `kv-events`) are a list of `{worker_id, storage_tier, event: {event_id, dp_rank,
data}}`, where `data` is `{"stored": {parent_hash, blocks: [{block_hash, …}]}}`, `{"removed":
{block_hashes}}` or `"cleared"`. How many tokens a block has is not on the wire. Metrics
(`kv_metrics`, `forward-pass-metrics`) are names and numbers.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from backends.tap.messages import Message, u64, unpacked_envelope

LONGEST_ARRAY = 8192
"""Elements of a list in a payload: it is reserved before it is read, and lists may be nested."""
MOST_SAID = 8
"""Events, or metrics of a kind, that one line tells of."""
LONGEST_LINE = 1000
"""Characters of a line: it is as long as the names in a message make it."""

# Numbers that are names: JSON tools round those over 2^53, and keys have them in hex.
_IDS = frozenset(
    {"worker_id", "publisher_id", "instance_id"}
    | {"parent_hash", "block_hash", "tokens_hash", "block_hashes", "mm_hash"}
)


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a message says, as far as it can be told."""

    summary: str
    """In one line."""
    payload: Any
    """As JSON has it, ids in lower-case hex. None where there is a problem."""
    codec: str | None
    """`msgpack` or `json`."""
    published_at: float | None
    """When its publisher says that it published it, in POSIX seconds."""
    problem: str | None = None
    """Why it could not be decoded."""


def decode(message: Message) -> Decoded:
    """What it says; of what cannot be read, why."""
    return _decode(message, in_full=True)


def summary(message: Message) -> str:
    """What it says in one line, for half the work."""
    return _decode(message, in_full=False).summary


def _decode(message: Message, *, in_full: bool) -> Decoded:
    if message.is_cut:
        kept = len(message.body)
        return _unread(f"{message.size:,} bytes, of which only the first {kept:,} were kept")
    try:
        return _decoded(message.body, in_full)
    except RecursionError:
        return _unread("nested too deeply")
    except Exception as error:  # whatever the bytes make the libraries say
        return _unread(f"neither msgpack nor JSON ({type(error).__name__})")


def payload_bytes(message: Message) -> bytes:
    """What is in the envelope, not decoded; of what has none, all of it."""
    try:
        envelope = unpacked_envelope(message.body)
    except Exception:  # whatever the bytes make the library say
        return message.body
    payload = envelope.get("payload") if isinstance(envelope, dict) else None
    return payload if isinstance(payload, bytes) else message.body


def _unread(problem: str) -> Decoded:
    return Decoded(f"not decoded: {problem}", None, None, None, problem)


def _decoded(body: bytes, in_full: bool) -> Decoded:
    published_at = None
    codec, content = _content(body)
    if isinstance(content, dict) and "payload" in content and "sequence" in content:
        milliseconds = u64(content.get("published_at"))
        if milliseconds is not None:
            published_at = milliseconds / 1000
        inner = content["payload"]
        if codec == "json" and isinstance(inner, list):
            inner = bytes(inner)
        if isinstance(inner, bytes):
            codec, content = _content(inner)
        else:
            content = inner
    line = _summary(content)
    if len(line) > LONGEST_LINE:
        line = line[:LONGEST_LINE] + "…"
    return Decoded(line, _as_json(content) if in_full else None, codec, published_at)


def _content(data: bytes) -> tuple[str, Any]:
    if data[:1] in (b"{", b"["):
        # To msgpack either of these would be a small number, with much left over behind it.
        return "json", json.loads(data)
    try:
        return "msgpack", unpacked_envelope(data)
    except ValueError:
        import msgpack

        return "msgpack", msgpack.unpackb(
            data,
            strict_map_key=False,
            unicode_errors="backslashreplace",
            max_array_len=LONGEST_ARRAY,
        )


# --- in one line ----------------------------------------------------------------------------------


def _summary(content: Any) -> str:
    events = content if isinstance(content, list) else [content]
    told = [_event(event) for event in events[:MOST_SAID]]
    if told and all(told):
        more = len(events) - MOST_SAID
        return "; ".join(filter(None, told)) + (f"; and {more:,} more" if more > 0 else "")
    if isinstance(content, dict):
        return _figures(content) or "empty"
    if isinstance(content, list):
        return f"a list of {len(content):,}"
    return _short(content)


def _event(content: Any) -> str | None:
    """A KV event in words. None: it is none."""
    if not isinstance(content, dict) or not isinstance(event := content.get("event"), dict):
        return None
    match event.get("data"):
        case {"stored": {"blocks": list(blocks)} as stored}:
            said = f"stored {_count(len(blocks))}"
            if (parent := stored.get("parent_hash")) is not None:
                said += f", parent {_short_hash(parent)}"
        case {"removed": {"block_hashes": list(hashes)}}:
            said = f"removed {_count(len(hashes))}"
        case "cleared" | {"cleared": _}:
            said = "cleared all blocks"
        case _:
            return None
    tier, rank = content.get("storage_tier"), event.get("dp_rank")
    if isinstance(tier, str) and tier != "device":
        said += f" ({tier})"
    return f"{said} (rank {rank})" if isinstance(rank, int) and rank else said


def _count(blocks: int) -> str:
    return "1 block" if blocks == 1 else f"{blocks:,} blocks"


def _short_hash(value: Any) -> str:
    number = u64(value)
    text = _short(value) if number is None else f"{number:x}"
    return text if len(text) <= 6 else f"{text[:4]}…"


def _figures(content: dict[Any, Any]) -> str:
    """Metrics by name; what is null is left out."""
    parts = []
    for name, value in content.items():
        if isinstance(value, dict):
            if value:
                inner = list(_named(value))
                more = " …" if len(inner) > MOST_SAID else ""
                parts.append(f"{name}: {' '.join(inner[:MOST_SAID])}{more};")
        else:
            parts += _named({name: value})
    return " ".join(parts).rstrip(";")


def _named(content: dict[Any, Any]) -> Iterator[str]:
    for name, value in content.items():
        number = u64(value) if name in _IDS else None
        if value is not None:
            yield f"{name}={_short(value) if number is None else f'{number:x}'}"


def _short(value: Any) -> str:
    if isinstance(value, bytes):
        return f"{len(value):,} bytes"
    if isinstance(value, list | tuple):
        return f"[{len(value):,}]"
    if isinstance(value, dict):
        return f"{{{len(value):,}}}"
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)[:200]


# --- in full --------------------------------------------------------------------------------------


def _as_json(value: Any, name: Any = None) -> Any:
    match value:
        case None | bool() | str():
            return value
        case int():
            number = u64(value) if name in _IDS else None
            return value if number is None else f"{number:x}"
        case float():
            return value if math.isfinite(value) else str(value)
        case bytes():
            return value.hex()
        case dict():
            return {str(key): _as_json(inner, key) for key, inner in value.items()}
        case list() | tuple():
            return [_as_json(inner, name) for inner in value]
        case _:
            return str(value)
