"""Messages as Dynamo puts them on the wire, made by hand."""

from __future__ import annotations

from typing import Any

import msgpack


def envelope(
    content: Any, *, publisher: int = 5, sequence: int = 0, topic: str = "kv-events"
) -> bytes:
    """As 1.2.1, 1.4.2 and 1.6.1 do, over any transport."""
    whole = {
        "publisher_id": publisher,
        "sequence": sequence,
        "published_at": 1_700_000_000_500,
        "topic": topic,
        "payload": msgpack.packb(content),
    }
    packed: bytes = msgpack.packb(whole)
    return packed


def frames(
    content: Any, *, publisher: int = 5, sequence: int = 0, topic: str = "kv-events"
) -> list[bytes]:
    """The same over ZMQ."""
    body = envelope(content, publisher=publisher, sequence=sequence, topic=topic)
    head = b"\x01" + len(body).to_bytes(4)
    return [topic.encode(), publisher.to_bytes(8), sequence.to_bytes(8), head + body]


def stored(*hashes: int, parent: int | None = None) -> dict[str, Any]:
    """A KV event, as 1.6.1 writes it."""
    blocks = [{"block_hash": one, "tokens_hash": 7, "mm_extra_info": None} for one in hashes]
    return _event({"stored": {"parent_hash": parent, "start_position": None, "blocks": blocks}})


def removed(*hashes: int) -> dict[str, Any]:
    return _event({"removed": {"block_hashes": list(hashes)}})


def _event(data: Any) -> dict[str, Any]:
    event = {"event_id": 1, "data": data, "dp_rank": 0}
    worker = {"worker_id": 0x7D7B, "storage_tier": "device", "residency_domain": "worker"}
    return worker | {"event": event}
