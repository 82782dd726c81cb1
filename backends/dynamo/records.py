"""Records: one for each registered key, with the fields that could be read.

Records are made by `backends.dynamo.parse.read`. Identity is in the key; the value adds to it.
"""

from __future__ import annotations

from typing import ClassVar, Generic

import msgspec

from backends.dynamo.ids import (
    EndpointInstanceId,
    EventChannelId,
    EventSourceId,
    Id,
    Kind,
    ModelCardId,
    UnknownId,
)
from backends.dynamo.keys import Dialect, spell
from backends.redact import printable
from backends.store import Entry, Revision


class Transport(msgspec.Struct, frozen=True, gc=False):
    """How an instance or channel is reached."""

    kind: str
    """As stored: `tcp`, `nats_tcp`, `http`, `Zmq`, `Nats`, `ZmqBroker`, or a future one."""
    address: str | None
    """As stored. Of a broker: where to subscribe. Of a future variant: its JSON."""


class Record(msgspec.Struct, Generic[Id], frozen=True, gc=False):
    """One key, and the fields that could be read from its value."""

    kind: ClassVar[Kind]

    entry: Entry
    id: Id
    dialect: Dialect
    malformed: str | None = None
    """Why Dynamo would skip it, or why its key is not as Dynamo writes it. None: it is well-formed.
    """
    readable: bool = True
    """Whether the value is known and is what its bucket holds. If so, clients of Dynamo 1.6 use it,
    whatever the key looks like.
    """
    conflict: str | None = None
    """How the body's names differ from the key's. Clients of Dynamo 1.6 route by the body."""
    note: str | None = None
    """A remark about something that is not a fault."""
    transport: Transport | None = None
    model_name: str | None = None
    """The name a model or LoRA adapter is served under."""

    def __str__(self) -> str:
        """Return one line: kind, names, id, model, address. Control characters are escaped."""
        names = [self.kind.value.replace("_", " "), self.id.path() or spell(self.key)]
        if self.id.instance_id is not None:
            names.append(f"{self.id.instance_id:x}")
        if self.model_name is not None:
            names.append(self.model_name)
        if self.transport is not None:
            names.append(f"at {self.transport.kind} {self.transport.address or '-'}")
        return printable(" ".join(names))

    @property
    def key(self) -> bytes:
        """The key in full, as stored."""
        return self.entry.key

    @property
    def revision(self) -> Revision:
        return self.entry.revision

    @property
    def unread(self) -> str:
        """Why the value is not known in full, as `Entry.unread`. Empty: it is known."""
        return self.entry.unread

    @property
    def lease(self) -> int | None:
        """The lease (u64) that the key is bound to, in stores that have leases."""
        return self.entry.lease

    @property
    def expired_at(self) -> float | None:
        """When its time to live ended (POSIX seconds), in stores that keep such keys."""
        return self.entry.expired_at


class EndpointInstance(Record[EndpointInstanceId], frozen=True, gc=False):
    """The registration of one worker on one endpoint."""

    kind: ClassVar[Kind] = Kind.ENDPOINT

    device_type: str | None = None
    """E.g. `cuda` (from 1.2 on)."""


class ModelCard(Record[ModelCardId], frozen=True, gc=False):
    """The card of one worker for a model, or for a LoRA adapter on it."""

    kind: ClassVar[Kind] = Kind.MODEL

    base_model: str | None = None
    """The base model of a LoRA adapter, if its card names one (`source_path`)."""
    model_type: str | None = None
    """E.g. `Chat | Completions`."""
    worker_type: str | None = None
    """E.g. `aggregated`, `prefill`, `decode` (from 1.4 on)."""
    needs: tuple[tuple[str, ...], ...] = ()
    """Worker types that must run beside it (from 1.4 on): all of one of the inner tuples. Empty: it
    serves alone.
    """
    context_length: int | None = None
    """In tokens."""
    ranks: int | None = None
    """Data-parallel ranks of the worker (`runtime_config.data_parallel_size`)."""
    fingerprint: str | None = None
    """Hash of the fields that Dynamo's checksum covers (see `card_checksum.py`). Equal texts: equal
    configuration.
    """

    @property
    def is_lora(self) -> bool:
        return self.id.model_suffix is not None


class EventChannel(Record[EventChannelId], frozen=True, gc=False):
    """One publisher's channel on the event plane."""

    kind: ClassVar[Kind] = Kind.EVENT_CHANNEL

    rounded_id: int | None = None
    """The publisher id (u64) in its body, which Kubernetes rounded: the key has the true one. None:
    it was not rounded.
    """


class EventSource(Record[EventSourceId], frozen=True, gc=False):
    """The subject of one publisher's events."""

    kind: ClassVar[Kind] = Kind.EVENT_SOURCE

    worker_id: int | None = None
    """The id that the publishing program passed: its instance id by default, and often 0."""
    rounded_id: int | None = None
    """As `EventChannel.rounded_id`."""


class UnknownRecord(Record[UnknownId], frozen=True, gc=False):
    """A key in a bucket that this release of dyntop does not know."""

    kind: ClassVar[Kind] = Kind.UNKNOWN


AnyRecord = EndpointInstance | ModelCard | EventChannel | EventSource | UnknownRecord
