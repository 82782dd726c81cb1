"""Decode a message: from its bytes to values and to one line. Never raises.

Every release that was seen (1.2.1, 1.4.2, 1.6.1) writes msgpack with names, in envelope and payload
alike. A channel's record does not name the encoding, so the first byte tells msgpack from JSON. The
durable KV events of 1.2.1 are JSON without an envelope.

KV events (topic `kv-events`) are a list of `{worker_id, storage_tier, event: {event_id, dp_rank,
data}}`, where `data` is `{"stored": {parent_hash, blocks: [{block_hash, …}]}}`, `{"removed":
{block_hashes}}` or `"cleared"`. The number of tokens of a block is not on the wire.

Events of active sequences (topic `active_sequences_events`, between synchronised routers) are
`{request_id, worker: {worker_id, dp_rank}, data, router_id, lora_name}`, where `data` is
`{"AddRequest": {token_sequence, …}}`, `"MarkPrefillCompleted"` or `"Free"`: over ZMQ in batches,
`{"events": […]}` (1.6.1, recorded), over NATS one by one. Older sources have `isl` in place of
`prefill_load_hint`.

Forward-pass metrics (`forward-pass-metrics`) are `{worker_id, dp_rank, counter_id, wall_time,
scheduled_requests, queued_requests}` of one iteration of an engine; `worker_id` is a text, the id
in decimal. `kv_metrics` are names and numbers.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import msgspec

from backends.tap.messages import TapMessage, u64, unpacked_envelope

LONGEST_ARRAY = 8192
"""Elements of a list in a payload: memory is reserved before they are read, and lists may be
nested.
"""
MOST_SHOWN = 8
"""Events, or metrics of a kind, that one line shows."""
LONGEST_ID = 20
"""Digits of a u64."""
LONGEST_LINE = 1000
"""Characters of a line: names in a message may make it longer."""

# Ids, not quantities: JSON tools round numbers over 2^53, and keys have them in hex.
_IDS = frozenset(
    {"worker_id", "publisher_id", "instance_id", "router_id", "token_sequence"}
    | {"parent_hash", "block_hash", "tokens_hash", "block_hashes", "mm_hash"}
)


# The source of the numbers, printed after them.
_BEHIND = frozenset({"version", "worker_id", "router_id", "dp_rank", "counter_id"})

_WORKS = ("scheduled", "queued")
_STEPS = {"Free": "free", "MarkPrefillCompleted": "prefilled"}
"""Events of a sequence that have no values, and their names in a line."""


class Decoded(msgspec.Struct, frozen=True):
    """A decoded message, as far as possible."""

    summary: str
    """In one line."""
    payload: Any
    """As JSON, with ids in lower-case hex. None: there is a problem."""
    codec: str | None
    """`msgpack` or `json`."""
    published_at: float | None
    """When it was published, by the publisher's clock, in POSIX seconds."""
    problem: str | None = None
    """Why it could not be decoded."""


def decode(message: TapMessage) -> Decoded:
    """Decode a message in full. An unreadable one has a `problem`."""
    return _decode(message, in_full=True)


def summary(message: TapMessage) -> str:
    """Decode a message into one line, for half the work."""
    return _decode(message, in_full=False).summary


def _decode(message: TapMessage, *, in_full: bool) -> Decoded:
    if message.is_cut:
        kept = len(message.body)
        return _unread(f"{message.size:,} bytes, of which only the first {kept:,} were kept")
    try:
        return _decoded(message.body, in_full)
    except RecursionError:
        return _unread("nested too deeply")
    except Exception as error:  # the libraries may raise anything on such bytes
        return _unread(f"neither msgpack nor JSON ({type(error).__name__})")


def payload_bytes(message: TapMessage) -> bytes:
    """Return the encoded payload of an envelope, or the whole message if it has none."""
    try:
        envelope = unpacked_envelope(message.body)
    except Exception:  # the library may raise anything on such bytes
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
        # To msgpack either of these would be a small number with much data after it.
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
    if isinstance(content, dict) and _is_forward_pass(content):
        return _forward_pass(content)
    batch = content.get("events") if isinstance(content, dict) else content
    events = batch if isinstance(batch, list) else [content]
    lines = [_event(event) for event in events[:MOST_SHOWN]]
    if lines and all(lines):
        more = len(events) - MOST_SHOWN
        return "; ".join(filter(None, lines)) + (f"; and {more:,} more" if more > 0 else "")
    if isinstance(content, dict):
        return _figures(content) or "empty"
    if isinstance(content, list):
        return f"a list of {len(content):,}"
    return _short(content)


def _event(content: Any) -> str | None:
    """Describe a KV event, or an event of an active sequence. None: it is neither."""
    if not isinstance(content, dict):
        return None
    if "request_id" in content:
        return _sequence(content)
    if not isinstance(event := content.get("event"), dict):
        return None
    match event.get("data"):
        case {"stored": {"blocks": list(blocks)} as stored}:
            text = f"stored {_count(len(blocks))}"
            if (parent := stored.get("parent_hash")) is not None:
                text += f", parent {_short_hash(parent)}"
        case {"removed": {"block_hashes": list(hashes)}}:
            text = f"removed {_count(len(hashes))}"
        case "cleared" | {"cleared": _}:
            text = "cleared all blocks"
        case _:
            return None
    tier, rank = content.get("storage_tier"), event.get("dp_rank")
    if isinstance(tier, str) and tier != "device":
        text += f" ({tier})"
    return f"{text} (rank {rank})" if isinstance(rank, int) and rank else text


def _sequence(content: dict[Any, Any]) -> str | None:
    """Describe an event of an active sequence, with its worker. None: it is none."""
    match content.get("data"):
        case str(step) if step in _STEPS:
            step, more = _STEPS[step], []
        case {"AddRequest": dict(request)}:
            step, more = "add", list(_of_request(request))
        case _:
            return None
    text = f"{step} {_short(content['request_id'])[:8]}"
    worker = content.get("worker")
    if not isinstance(worker, dict):
        worker = content
    if (number := _id(worker.get("worker_id"))) is not None:
        text += f" at {number}"
    if more:
        text += f": {', '.join(more)}"
    if isinstance(lora := content.get("lora_name"), str):
        text += f" (LoRA {lora[:200]})"
    rank = worker.get("dp_rank")
    return f"{text} (rank {rank})" if isinstance(rank, int) and rank else text


def _of_request(request: dict[Any, Any]) -> Iterator[str]:
    match request.get("token_sequence"):
        case list(blocks):
            yield _count(len(blocks))
    match request:
        case {"prefill_load_hint": {"initial_effective_prefill_tokens": int(tokens)}}:
            yield f"{tokens:,} tokens to prefill"
        case {"isl": int(tokens)}:
            yield f"{tokens:,} tokens"
    if isinstance(expected := request.get("expected_output_tokens"), int):
        yield f"{expected:,} expected"


def _is_forward_pass(content: dict[Any, Any]) -> bool:
    parts = (content.get("scheduled_requests"), content.get("queued_requests"))
    return all(isinstance(part, dict) for part in parts)


def _forward_pass(content: dict[Any, Any]) -> str:
    """Describe one iteration of an engine, its queue, and then its worker."""
    parts: list[str] = []
    wall = content.get("wall_time")
    if isinstance(wall, int | float) and wall:
        parts.append(f"{wall * 1e3:.3g} ms")
    works = ((name, ", ".join(_work(content[f"{name}_requests"]))) for name in _WORKS)
    parts += (f"{name} {found}" for name, found in works if found)
    if not parts:
        parts.append("idle")
    if (number := _id(content.get("worker_id"))) is not None:
        parts.append(f"worker {number}")
    if isinstance(rank := content.get("dp_rank"), int):
        parts.append(f"rank {rank}")
    return "; ".join(parts)


def _work(counts: dict[Any, Any]) -> Iterator[str]:
    for kind, tokens in (("prefill", "sum_prefill_tokens"), ("decode", "sum_decode_kv_tokens")):
        number, size = counts.get(f"num_{kind}_requests"), counts.get(tokens)
        if isinstance(number, int) and isinstance(size, int) and (number or size):
            yield f"{number:,} {kind} ({size:,}{' KV' * (kind == 'decode')} tokens)"


def _id(value: Any) -> str | None:
    """Return an id in hex, also for a text in decimal, as in forward-pass metrics."""
    if isinstance(value, str):
        if value.isascii() and value.isdigit() and len(value) <= LONGEST_ID:
            number = u64(int(value))
            # A small number may be a name of another kind.
            return value if number is None or number < 1 << 32 else f"{number:x}"
        return value[:200] or None
    number = u64(value)
    return None if number is None else f"{number:x}"


def _count(blocks: int) -> str:
    return "1 block" if blocks == 1 else f"{blocks:,} blocks"


def _short_hash(value: Any) -> str:
    number = u64(value)
    text = _short(value) if number is None else f"{number:x}"
    return text if len(text) <= 6 else f"{text[:4]}…"


def _figures(content: dict[Any, Any]) -> str:
    """Format metrics by name, their source last. Null values are left out."""
    parts = []
    for name, value in sorted(content.items(), key=lambda item: item[0] in _BEHIND):
        if isinstance(value, dict):
            if value:
                inner = list(_named(value))
                more = " …" if len(inner) > MOST_SHOWN else ""
                parts.append(f"{name}: {' '.join(inner[:MOST_SHOWN])}{more};")
        else:
            parts += _named({name: value})
    return " ".join(parts).rstrip(";")


def _named(content: dict[Any, Any]) -> Iterator[str]:
    for name, value in content.items():
        if value is not None:
            number = _id(value) if name in _IDS else None
            yield f"{name}={_short(value) if number is None else number}"


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
        case None | bool():
            return value
        case str():
            return _id(value) if name in _IDS else value
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
