"""From stored bytes to a record, whatever they are.

`read` never raises and never drops anything. A body that Dynamo would not accept makes a
`malformed` record, one that names somebody else a `conflict`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from sys import intern
from typing import Any, TypeVar

import pydantic_core
from pydantic import BaseModel, ValidationError

from backends import keys
from backends.bodies import (
    Card,
    ChannelBody,
    EndpointBody,
    ModelBody,
    ModelEntry,
    ModelNames,
    OldChannelBody,
    SourceBody,
    SourceMetadata,
)
from backends.checksum import fingerprint
from backends.ids import (
    EndpointInstanceId,
    EventChannelId,
    EventSourceId,
    Kind,
    ModelCardId,
    RecordId,
    UnknownId,
)
from backends.keys import ParsedKey
from backends.records import (
    AnyRecord,
    EndpointInstance,
    EventChannel,
    EventSource,
    ModelCard,
    Transport,
    UnknownRecord,
)
from backends.store import Entry
from backends.values import in_two


def read(entry: Entry) -> AnyRecord:
    """The record that a key and its bytes make. Never raises."""
    parsed = keys.parse(entry.key)
    reader = _READERS.get(parsed.id.kind)
    if reader is None:
        return UnknownRecord(entry=entry, id=UnknownId(), dialect=parsed.dialect)
    return reader(entry, parsed)


def parsed_value(entry: Entry) -> Any:
    """The value as JSON has it, or as text where it is not JSON (`\\xNN` for what is not UTF-8)."""
    try:
        return pydantic_core.from_json(entry.value, allow_inf_nan=False)
    except ValueError:
        return entry.value.decode("utf-8", "backslashreplace")


def card_json(entry: Entry) -> Mapping[str, object]:
    """A model card's own JSON object, out of its envelope if it has one; empty if there is none."""
    value = parsed_value(entry)
    if isinstance(value, dict) and isinstance(value.get("card_json"), dict):
        value = value["card_json"]
    return value if isinstance(value, dict) else {}


_Parsed = TypeVar("_Parsed", bound=BaseModel)


class _Malformed(Exception):
    """The value is not what the bucket holds; the text says why."""


def _json(value: bytes) -> dict[str, Any]:
    """A value as a JSON object. Raises `_Malformed`."""
    try:
        # Of texts it would keep thousands that nobody has any more: each address is another one.
        raw = pydantic_core.from_json(value, allow_inf_nan=False, cache_strings="keys")
    except ValueError as error:
        raise _Malformed(f"the value is not JSON: {error}") from None
    if not isinstance(raw, dict):
        raise _Malformed("the value is not a JSON object")
    return raw


def _body(raw: dict[str, Any], shape: type[_Parsed], tag: str) -> _Parsed:
    """A JSON object as `shape`. Raises `_Malformed`."""
    # A body of another kind is best described by its tag, not by what it lacks.
    if raw.get("type", tag) != tag:
        raise _Malformed(f"the body is tagged {raw['type']}, the bucket holds {tag}")
    try:
        return shape.model_validate(raw)
    except ValidationError as error:
        raise _Malformed(_describe(error)) from None


def _describe(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg'][:1].lower()}{first['msg'][1:]}"


def _transport(raw: Any) -> Transport:
    """Of an endpoint instance: `{variant: address}`. Raises `_Malformed`."""
    if isinstance(raw, str) and raw not in _ENDPOINT_TRANSPORTS:
        return Transport(kind=raw, address=None)
    if not isinstance(raw, dict) or len(raw) != 1:
        raise _Malformed("transport: not an object with one variant")
    ((kind, address),) = raw.items()
    if kind in _ENDPOINT_TRANSPORTS and not isinstance(address, str):
        raise _Malformed(f"transport.{kind}: not a text")
    return Transport(kind=intern(kind), address=_as_text(address))


_ENDPOINT_TRANSPORTS = ("tcp", "nats_tcp", "http")
"""The variants known today, whose address is a text."""

_CHANNEL_ADDRESS = {"Nats": "subject_prefix", "Zmq": "endpoint", "ZmqBroker": "xpub_endpoints"}
"""Which setting of each kind of channel tells a subscriber where to go."""


def _channel_transport(raw: Any) -> Transport:
    """Of a channel: `{"kind": …, "config": {…}}`. Raises `_Malformed`."""
    if not isinstance(raw, dict) or not isinstance(raw.get("kind"), str):
        raise _Malformed("transport: not an object with a kind")
    kind, config = raw["kind"], raw.get("config")
    address = config.get(_CHANNEL_ADDRESS.get(kind, "")) if isinstance(config, dict) else None
    if isinstance(address, list) and all(isinstance(part, str) for part in address):
        address = ", ".join(address)
    if kind in _CHANNEL_ADDRESS and not isinstance(address, str):
        raise _Malformed(f"transport.config.{_CHANNEL_ADDRESS[kind]}: not an address")
    return Transport(intern(kind), _as_text(config) if address is None else address)


def _as_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value)


def _differs(record_id: RecordId, **body: str | int | None) -> str | None:
    """How the body's names differ from those that the key could be read to have."""
    differing = [
        f"{label} {_show(value)} (key: {_show(getattr(record_id, label))})"
        for label, value in body.items()
        if getattr(record_id, label) != value
    ]
    return "the body names " + ", ".join(differing) if differing else None


def _show(value: str | int | None) -> str:
    return f"{value:x}" if isinstance(value, int) else value or "none"


UNTAGGED = "untagged: written by a release up to 0.6, ignored by releases from 0.7 on"


def _note(entry: Entry, raw: dict[str, Any]) -> str | None:
    return UNTAGGED if entry.key.startswith(b"v1/") and "type" not in raw else None


def _read_instance(entry: Entry, parsed: ParsedKey[EndpointInstanceId]) -> EndpointInstance:
    make = partial(EndpointInstance, entry=entry, id=parsed.id, dialect=parsed.dialect)

    try:
        raw = _json(entry.value)
        body = _body(raw, EndpointBody, "Endpoint")
        transport = _transport(body.transport)
    except _Malformed as problem:
        return make(malformed=parsed.problem or str(problem), readable=False)
    device_type = _as_text(body.device_type)
    names: dict[str, str | int | None] = {
        "namespace": body.namespace,
        "component": body.component,
        "endpoint": body.endpoint,
    }
    if parsed.id.instance_id is not None:
        names["instance_id"] = body.instance_id
    return make(
        malformed=parsed.problem,
        conflict=_differs(parsed.id, **names),
        note=_note(entry, raw),
        transport=transport,
        device_type=None if device_type is None else intern(device_type),
    )


@dataclass(frozen=True, slots=True)
class _CardFacts:
    """What is read of a card, named as in the record."""

    model_name: str
    source_path: str | None
    model_type: str | None
    worker_type: str | None
    context_length: int | None
    fingerprint: str


def _facts(card: Card, raw: Mapping[str, object]) -> _CardFacts:
    return _CardFacts(
        model_name=card.lora.name if card.lora is not None else card.display_name,
        source_path=card.source_path,
        model_type=_as_text(card.model_type),
        worker_type=_as_text(card.worker_type),
        context_length=card.context_length,
        fingerprint=fingerprint(raw),
    )


CARDS_KEPT = 256
"""Different cards of which it is kept what was read: more than there are models in a cluster."""


def _with_shared_card(value: bytes) -> tuple[dict[str, Any], _CardFacts] | None:
    """A model's body but for its card, and what its card says, which is read once for all workers
    that have the same. None: the value must be read as a whole."""
    if (halves := in_two(value)) is None:
        return None
    try:
        first = _json(halves[0])
        others, card = _card_and_behind(halves[1])
    except _Malformed:
        return None
    return (first | others, card) if first else None


@lru_cache(maxsize=CARDS_KEPT)
def _card_and_behind(value: bytes) -> tuple[dict[str, Any], _CardFacts]:
    """What stands behind the card, and what the card says. Raises `_Malformed`."""
    raw = _json(value)
    card = raw.pop("card_json")
    if not isinstance(card, dict):
        raise _Malformed
    try:
        return raw, _facts(Card.model_validate(card), card)
    except ValidationError:
        raise _Malformed from None


def _read_model(entry: Entry, parsed: ParsedKey[ModelCardId]) -> ModelCard:
    make = partial(ModelCard, entry=entry, id=parsed.id, dialect=parsed.dialect)

    conflict = None
    try:
        if entry.key.startswith(keys.OLD_MODELS):
            return _read_old_model(entry, parsed)
        read = _with_shared_card(entry.value) if entry.key.startswith(keys.MODELS) else None
        if read is not None and "type" in read[0]:
            raw, facts = read
            conflict = _card_conflict(parsed.id, _body(raw, ModelNames, "Model"))
        else:
            raw = _json(entry.value)
            if entry.key.startswith(keys.MODELS) and "type" in raw:
                body = _body(raw, ModelBody, "Model")
                facts = _facts(body.card_json, raw["card_json"])
                conflict = _card_conflict(parsed.id, body)
            else:
                facts = _facts(_body(raw, Card, "Model"), raw)
    except _Malformed as problem:
        return make(malformed=parsed.problem or str(problem), readable=False)
    return make(
        malformed=parsed.problem,
        conflict=conflict,
        note=_note(entry, raw),
        model_name=facts.model_name,
        base_model=facts.source_path if parsed.id.model_suffix else None,
        model_type=facts.model_type,
        worker_type=facts.worker_type,
        context_length=facts.context_length,
        fingerprint=None if entry.key.startswith(keys.OLD_CARDS) else facts.fingerprint,
    )


def _read_old_model(entry: Entry, parsed: ParsedKey[ModelCardId]) -> ModelCard:
    """Raises `_Malformed`."""
    old = _body(_json(entry.value), ModelEntry, "Model")
    return ModelCard(
        entry,
        ModelCardId(
            namespace=old.endpoint.namespace,
            component=old.endpoint.component,
            endpoint=old.endpoint.name,
            instance_id=entry.lease,
        ),
        parsed.dialect,
        malformed=parsed.problem,
        model_name=old.name,
        model_type=_as_text(old.model_type),
    )


def _card_conflict(record_id: ModelCardId, body: ModelNames) -> str | None:
    return _differs(
        record_id,
        namespace=body.namespace,
        component=body.component,
        endpoint=body.endpoint,
        instance_id=body.instance_id,
        model_suffix=body.model_suffix or None,
    )


def _read_channel(entry: Entry, parsed: ParsedKey[EventChannelId]) -> EventChannel:
    make = partial(EventChannel, entry=entry, id=parsed.id, dialect=parsed.dialect)

    try:
        raw = _json(entry.value)
        body: ChannelBody | OldChannelBody
        if "namespace" in raw and "scope" not in raw:
            body = _body(raw, OldChannelBody, "EventChannel")
        else:
            body = _body(raw, ChannelBody, "EventChannel")
        transport = _channel_transport(body.transport)
    except _Malformed as problem:
        return make(malformed=parsed.problem or str(problem), readable=False)
    return make(
        malformed=parsed.problem,
        conflict=_differs(
            parsed.id, **body.names(), topic=body.topic, instance_id=body.instance_id
        ),
        note=_note(entry, raw),
        transport=transport,
    )


def _read_source(entry: Entry, parsed: ParsedKey[EventSourceId]) -> EventSource:
    make = partial(EventSource, entry=entry, id=parsed.id, dialect=parsed.dialect)

    try:
        raw = _json(entry.value)
        body = _body(raw, SourceBody, "EventSource")
    except _Malformed as problem:
        return make(malformed=parsed.problem or str(problem), readable=False)
    return make(
        malformed=parsed.problem,
        conflict=_differs(
            parsed.id, **body.scope.names(), topic=body.topic, instance_id=body.publisher_id
        ),
        note=_note(entry, raw),
        worker_id=_worker_id(body.metadata),
    )


def _worker_id(metadata: Any) -> int | None:
    try:
        worker = SourceMetadata.model_validate(metadata).worker
    except ValidationError:
        return None
    return worker.worker_id if worker is not None and isinstance(worker.worker_id, int) else None


_READERS: dict[Kind, Callable[[Entry, ParsedKey[Any]], AnyRecord]] = {
    Kind.ENDPOINT: _read_instance,
    Kind.MODEL: _read_model,
    Kind.EVENT_CHANNEL: _read_channel,
    Kind.EVENT_SOURCE: _read_source,
}
