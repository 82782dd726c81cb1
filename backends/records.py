"""What is registered: one record for each key, and what could be read of it.

Records are made by `backends.reading.read`. Identity is in the key; the body adds to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Generic

from backends.ids import (
    EndpointInstanceId,
    EventChannelId,
    EventSourceId,
    Id,
    Kind,
    ModelCardId,
    UnknownId,
)
from backends.keys import Dialect
from backends.store import Entry, Revision


@dataclass(frozen=True, slots=True)
class Transport:
    """How an instance or channel is reached."""

    kind: str
    """As stored: `tcp`, `nats_tcp`, `http`, `Zmq`, `Nats`, `ZmqBroker`, or one to come."""
    address: str | None
    """As stored; of a broker, where to subscribe; of a variant to come, its JSON."""


@dataclass(frozen=True, slots=True)
class Record(Generic[Id]):
    """One key and what could be read of it."""

    kind: ClassVar[Kind]

    entry: Entry
    id: Id
    dialect: Dialect
    malformed: str | None = None
    """Why Dynamo would skip it, or why its key is not as Dynamo writes it. None: it is well."""
    readable: bool = True
    """Whether the value is what its bucket holds: then clients of Dynamo 1.6 go by it, however odd
    the key is."""
    conflict: str | None = None
    """How the body's names differ from the key's. Clients of Dynamo 1.6 route by the body."""
    note: str | None = None
    """What is worth knowing, though nothing is wrong."""
    transport: Transport | None = None
    model_name: str | None = None
    """The name a model or LoRA adapter is served under."""

    @property
    def key(self) -> bytes:
        """In full, as stored."""
        return self.entry.key

    @property
    def revision(self) -> Revision:
        return self.entry.revision

    @property
    def lease(self) -> int | None:
        """The lease (u64) that the key hangs on, where the store has leases."""
        return self.entry.lease

    @property
    def expired_at(self) -> float | None:
        """When its time to live ran out (POSIX seconds), in stores that keep such keys."""
        return self.entry.expired_at


@dataclass(frozen=True, slots=True)
class EndpointInstance(Record[EndpointInstanceId]):
    """One worker serves one endpoint."""

    kind: ClassVar[Kind] = Kind.ENDPOINT

    device_type: str | None = None
    """E.g. `cuda` (from 1.2 on)."""


@dataclass(frozen=True, slots=True)
class ModelCard(Record[ModelCardId]):
    """One worker serves a model, or a LoRA adapter on it."""

    kind: ClassVar[Kind] = Kind.MODEL

    base_model: str | None = None
    """What a LoRA adapter is an adapter of, as far as its card says (`source_path`)."""
    model_type: str | None = None
    """E.g. `Chat | Completions`."""
    worker_type: str | None = None
    """E.g. `aggregated`, `prefill`, `decode` (from 1.4 on)."""
    context_length: int | None = None
    """In tokens."""
    fingerprint: str | None = None
    """Of what Dynamo's checksum covers (see `checksum.py`): equal texts, equal configuration."""

    @property
    def is_lora(self) -> bool:
        return self.id.model_suffix is not None


@dataclass(frozen=True, slots=True)
class EventChannel(Record[EventChannelId]):
    """One publisher's channel on the event plane."""

    kind: ClassVar[Kind] = Kind.EVENT_CHANNEL


@dataclass(frozen=True, slots=True)
class EventSource(Record[EventSourceId]):
    """What one publisher's events are about."""

    kind: ClassVar[Kind] = Kind.EVENT_SOURCE

    worker_id: int | None = None
    """What the publishing program passed: the instance id if it passed nothing, and often 0."""


@dataclass(frozen=True, slots=True)
class UnknownRecord(Record[UnknownId]):
    """A key in a bucket that this release of dyntop does not know."""

    kind: ClassVar[Kind] = Kind.UNKNOWN


AnyRecord = EndpointInstance | ModelCard | EventChannel | EventSource | UnknownRecord
