"""Decode the bodies of values as Dynamo writes them: what most values need, at a tenth of the cost.

The fast path of `parse`. It decodes only what leaves no question: all fields known, each of its
right type. For any other value it returns None, and `parse` reads the value in full and words what
is wrong with it. So no record depends on which path made it; a property test holds both to one
result.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

import msgspec

from backends.dynamo.card_split import split_entry, split_sorted_body
from backends.dynamo.ids import RecordId
from backends.store import Entry


class _Fields(
    msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, frozen=True, gc=False
):
    """Fields in the order in which Dynamo writes them."""


class EndpointFields(_Fields, frozen=True, gc=False):
    """The body of an endpoint instance, from 0.7 on."""

    type: Literal["Endpoint"]
    component: str
    endpoint: str
    namespace: str
    instance_id: int
    transport: dict[str, str]
    device_type: str | None = None
    request_plane_codec: str | None = None


class ModelFields(_Fields, frozen=True, gc=False):
    """A model's body, from 0.7 on, without its card and what follows it."""

    type: Literal["Model"]
    namespace: str
    component: str
    endpoint: str
    instance_id: int
    model_suffix: str | msgspec.UnsetType = msgspec.UNSET


class _Lora(msgspec.Struct, gc=False):
    name: str


class UsualCard(msgspec.Struct, gc=False):
    """The fields of a card that dyntop reads, each of its right type. It has many more."""

    display_name: str
    source_path: str | None = None
    lora: _Lora | None = None
    model_type: Any = None
    worker_type: Any = None
    needs: Any = None
    context_length: Annotated[int, msgspec.Meta(ge=0)] | None = None
    runtime_config: Any = None


class _EndpointName(_Fields, frozen=True, gc=False):
    namespace: str
    component: str
    name: str


class ScopeFields(_Fields, frozen=True, gc=False):
    """The scope of a channel or source. `kind` decides which other fields count."""

    kind: Literal["namespace", "component", "endpoint"]
    name: str | None = None
    namespace: str | None = None
    component: str | None = None
    endpoint: _EndpointName | None = None

    def is_of(self, at: RecordId) -> bool:
        """Return whether it names what a key names, and all that its kind needs."""
        names: tuple[str | None, ...] = (self.name,)
        if self.kind == "component":
            names = (self.namespace, self.component)
        elif self.kind == "endpoint":
            of = self.endpoint
            names = (None,) if of is None else (of.namespace, of.component, of.name)
        there = (at.namespace, at.component, at.endpoint)
        return None not in names and (*names, None, None)[:3] == there


class _ChannelTransport(_Fields, frozen=True, gc=False):
    kind: Literal["Nats", "Zmq"]
    config: dict[str, str]


class ChannelFields(_Fields, frozen=True, gc=False):
    """The body of an event channel, from 1.4 on."""

    type: Literal["EventChannel"]
    scope: ScopeFields
    topic: str
    instance_id: int
    transport: _ChannelTransport
    namespace: str | None = None
    component: str | None = None


class _Worker(_Fields, frozen=True, gc=False):
    worker_id: int
    dp_rank: int


class _Target(_Fields, frozen=True, gc=False):
    component: str
    endpoint: str
    namespace: str
    instance_id: int
    transport: dict[str, str]
    device_type: str | None = None
    request_plane_codec: str | None = None


class _KvMetadata(_Fields, frozen=True, gc=False):
    kv_state_endpoint: _EndpointName
    worker: _Worker
    publisher_id: int
    recovery_target: _Target | None = None


class SourceFields(_Fields, frozen=True, gc=False):
    """The body of a source of KV events, from 1.4 on."""

    type: Literal["EventSource"]
    scope: ScopeFields
    topic: str
    publisher_id: int
    metadata: _KvMetadata


Fields = TypeVar("Fields", EndpointFields, ModelFields, ChannelFields, SourceFields)
_DECODERS = {
    of: msgspec.json.Decoder(of).decode
    for of in (EndpointFields, ModelFields, ChannelFields, SourceFields)
}


def decoded(of: type[Fields], text: bytes) -> Fields | None:
    """Decode a body, of a model the worker's own part (see `halves`). None: it is not as Dynamo
    writes it.
    """
    try:
        return _DECODERS[of](text)  # type: ignore[return-value]
    except ValueError:
        return None


def is_plain(fields: msgspec.Struct, text: bytes) -> bool:
    """Return whether `text` is what any JSON encoder makes of the fields that it was decoded to:
    ASCII without DEL, no blanks, members in Dynamo's order, none twice.
    """
    return text.isascii() and b"\x7f" not in text and _encode(fields) == text


_encode = msgspec.json.Encoder().encode


def halves(entry: Entry) -> tuple[bytes, bytes] | None:
    """Split a model's body into its worker's own part, and the part with the card, which many
    workers share. None: it must be parsed as a whole.
    """
    if (found := split_entry(entry)) is not None:
        return found
    if (found := split_sorted_body(entry.head)) is not None:
        shared, own = found
        return own, shared
    return None
