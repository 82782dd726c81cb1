"""One value of each shape as Dynamo writes it, to be bent by tests."""

from __future__ import annotations

import json
from typing import Any

from backends.dynamo.parse import read
from backends.dynamo.records import AnyRecord
from backends.store import Entry, Revision

INSTANCE_KEY = "v1/instances/prod/backend/generate/1a"
INSTANCE = {
    "type": "Endpoint",
    "namespace": "prod",
    "component": "backend",
    "endpoint": "generate",
    "instance_id": 0x1A,
    "transport": {"tcp": "10.0.0.1:9000/1a/prod/backend/generate"},
    "device_type": "cuda",
}
CARD_KEY = "v1/mdc/prod/backend/generate/1a"
CARD = {
    "type": "Model",
    "namespace": "prod",
    "component": "backend",
    "endpoint": "generate",
    "instance_id": 0x1A,
    "card_json": {"display_name": "acme/tiny-llm", "context_length": 2048},
}
CHANNEL_KEY = "v1/event_channels/namespace/prod/component/backend/topic/t/2b"
CHANNEL = {
    "type": "EventChannel",
    "scope": {"kind": "component", "namespace": "prod", "component": "backend"},
    "topic": "t",
    "instance_id": 0x2B,
    "transport": {"kind": "Zmq", "config": {"endpoint": "tcp://10.0.0.1:9000"}},
}
OLD_CHANNEL_KEY = "v1/event_channels/prod//t/2b"
OLD_CHANNEL = {
    "type": "EventChannel",
    "namespace": "prod",
    "component": "",
    "topic": "t",
    "instance_id": 0x2B,
    "transport": {"kind": "Nats", "config": {"subject_prefix": "namespace.prod"}},
}
SOURCE_KEY = "v1/event_sources/namespace/prod/topic/t/2b"
SOURCE = {
    "type": "EventSource",
    "scope": {"kind": "namespace", "name": "prod"},
    "topic": "t",
    "publisher_id": 0x2B,
    "metadata": {"worker": {"worker_id": 7, "dp_rank": 0}},
}
WELL = {
    INSTANCE_KEY: INSTANCE,
    CARD_KEY: CARD,
    CHANNEL_KEY: CHANNEL,
    OLD_CHANNEL_KEY: OLD_CHANNEL,
    SOURCE_KEY: SOURCE,
}
"""One of each shape, as Dynamo writes it."""


def record_of(key: str | bytes, value: Any, lease: int | None = None) -> AnyRecord:
    """What is read of a key with this value: bytes as they are, all else as JSON."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return read(Entry(key if isinstance(key, bytes) else key.encode(), raw, Revision("1"), lease))


def without(body: dict[str, Any], field: str) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != field}
