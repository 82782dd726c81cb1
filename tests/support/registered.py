"""What workers register, as Dynamo 1.6 writes it: key and value, for tests to put and to read."""

from __future__ import annotations

from backends.dynamo.parse import read
from backends.dynamo.records import AnyRecord, Transport
from backends.dynamo.registration import EndpointSpec, EventChannelSpec, EventSourceSpec, ModelSpec
from backends.store import Entry, Revision

KeyAndValue = tuple[bytes, bytes]

UNKNOWN: KeyAndValue = (b"v1/claims/prod/router/leader", b'{"holder": 26}')
"""In a bucket that this release of dyntop does not know."""

MALFORMED: KeyAndValue = (b"v1/instances/prod/backend/generate/bad", b'{"type": "Endpoint", "na')
"""A value that was cut off while it was written."""


def instance(
    worker: int,
    namespace: str = "prod",
    component: str = "backend",
    endpoint: str = "generate",
    address: str | None = None,
) -> KeyAndValue:
    transport = Transport(kind="tcp", address=address or f"10.0.0.{worker % 256}:9000")
    spec = EndpointSpec(
        namespace=namespace, component=component, endpoint=endpoint, transport=transport
    )
    return spec.entry(worker)


def card(
    worker: int,
    model: str = "acme/tiny-llm",
    lora: str | None = None,
    namespace: str = "prod",
    component: str = "backend",
    endpoint: str = "generate",
) -> KeyAndValue:
    """A model's card; of a LoRA adapter on that model if `lora` names one."""
    about = {"display_name": model, "source_path": model}
    spec = ModelSpec(
        namespace=namespace, component=component, endpoint=endpoint, card=about, lora=lora
    )
    return spec.entry(worker)


def channel(
    publisher: int, topic: str = "kv-events", port: int = 5557, host: str = "10.0.0.1"
) -> KeyAndValue:
    config = {"endpoint": f"tcp://{host}:{port}"}
    spec = EventChannelSpec(
        namespace="prod", component="backend", topic=topic, transport="Zmq", config=config
    )
    return spec.entry(publisher)


def source(publisher: int, worker: int, topic: str = "kv-events", rank: int = 0) -> KeyAndValue:
    metadata = {"worker": {"worker_id": worker, "dp_rank": rank}}
    spec = EventSourceSpec(namespace="prod", component="backend", topic=topic, metadata=metadata)
    return spec.entry(publisher)


def record(
    registered: KeyAndValue,
    *,
    lease: int | None = None,
    revision: str = "1",
    expired_at: float | None = None,
) -> AnyRecord:
    """What is read of a key and its value."""
    key, value = registered
    return read(Entry(key, value, Revision(revision), lease, expired_at))
