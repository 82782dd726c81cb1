"""Typed ids of records: one class for each kind.

An id holds the names in a key. All ids have the same attributes, so that filters and sorting need
not look at the kind first; a name that a kind does not have is None.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, TypeVar

import msgspec


class Kind(StrEnum):
    """The kind of record in a key's bucket."""

    ENDPOINT = "endpoint"
    MODEL = "model"
    EVENT_CHANNEL = "event_channel"
    EVENT_SOURCE = "event_source"
    UNKNOWN = "unknown"


class _Id(msgspec.Struct, frozen=True, gc=False):
    kind: ClassVar[Kind] = Kind.UNKNOWN

    namespace: str | None = None
    """May be nested with dots. None: neither key nor body names one."""
    component: str | None = None
    """Empty for a channel of a whole namespace in releases 0.9 to 1.3; None from 1.4 on."""
    endpoint: str | None = None
    topic: str | None = None
    """The subject of a channel or source, e.g. `kv-events`."""
    instance_id: int | None = None
    """The worker's id; of a channel or source, its publisher's. A u64. None: static, or not
    readable.
    """
    model_suffix: str | None = None
    """The slug of a LoRA adapter. None: the base model."""

    def path(self) -> str:
        """Join the names that are set with `/`, from the namespace down."""
        names = (self.namespace, self.component, self.endpoint, self.topic)
        return "/".join(name for name in names if name)


class EndpointInstanceId(_Id, frozen=True, gc=False):
    """One worker's registration of one endpoint."""

    kind: ClassVar[Kind] = Kind.ENDPOINT


class ModelCardId(_Id, frozen=True, gc=False):
    """One worker's card of a model, or of a LoRA adapter (`model_suffix`) on it."""

    kind: ClassVar[Kind] = Kind.MODEL


class EventChannelId(_Id, frozen=True, gc=False):
    """One publisher's channel."""

    kind: ClassVar[Kind] = Kind.EVENT_CHANNEL


class EventSourceId(_Id, frozen=True, gc=False):
    """The subject of one publisher's events. Equal names and id join it to its channel."""

    kind: ClassVar[Kind] = Kind.EVENT_SOURCE


class UnknownId(_Id, frozen=True, gc=False):
    """A key in a bucket that this release of dyntop does not know. Its names are not guessed."""

    kind: ClassVar[Kind] = Kind.UNKNOWN


RecordId = EndpointInstanceId | ModelCardId | EventChannelId | EventSourceId | UnknownId
Id = TypeVar("Id", bound=RecordId)
