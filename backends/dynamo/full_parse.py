"""Parse any value in full, and word what is wrong with it: whatever `parse` finds to be unusual.

Imported with the first such value: pydantic takes a third of the time in which a command starts.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from sys import intern
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from backends.dynamo import keys
from backends.dynamo.body_parts import (
    CHANNEL_ADDRESS,
    MalformedValue,
    as_text,
    card_fields,
    json_object,
    model_card,
)
from backends.dynamo.ids import (
    EndpointInstanceId,
    EventChannelId,
    EventSourceId,
    Kind,
    ModelCardId,
    RecordId,
)
from backends.dynamo.keys import ParsedKey
from backends.dynamo.records import (
    AnyRecord,
    EndpointInstance,
    EventChannel,
    EventSource,
    ModelCard,
    Transport,
)
from backends.dynamo.schemas import (
    Card,
    ChannelBody,
    EndpointBody,
    ModelBody,
    ModelEntry,
    OldChannelBody,
    SourceBody,
    SourceMetadata,
)
from backends.store import Entry


def read_in_full(entry: Entry, parsed: ParsedKey[Any]) -> AnyRecord:
    """Return the record of a key of a known kind and its value. Never raises."""
    return _READERS[parsed.id.kind](entry, parsed)


_Parsed = TypeVar("_Parsed", bound=BaseModel)


def _body(raw: dict[str, Any], shape: type[_Parsed], tag: str) -> _Parsed:
    """Validate a JSON object as `shape`. Raises `MalformedValue`."""
    # For a body of another kind, name its tag rather than the fields it lacks.
    if raw.get("type", tag) != tag:
        raise MalformedValue(f"the body is tagged {raw['type']}, the bucket holds {tag}")
    try:
        return shape.model_validate(raw)
    except ValidationError as error:
        raise MalformedValue(_describe(error)) from None


_NOT = {
    "model_type": "not an object",
    "dict_type": "not an object",
    "list_type": "not a list",
    "tuple_type": "not a list",
    "string_type": "not a text",
}
"""What a value is not, by the type of pydantic's error."""


def _describe(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    # pydantic's own words name the class that reads it.
    words = _NOT.get(first["type"]) or f"{first['msg'][:1].lower()}{first['msg'][1:]}"
    return f"{where}: {words}"


def _transport(raw: Any) -> Transport:
    """Parse an instance's transport, `{variant: address}`. Raises `MalformedValue`."""
    if isinstance(raw, str) and raw not in _ENDPOINT_TRANSPORTS:
        return Transport(kind=raw, address=None)
    if not isinstance(raw, dict) or len(raw) != 1:
        raise MalformedValue("transport: not an object with one variant")
    ((kind, address),) = raw.items()
    if kind in _ENDPOINT_TRANSPORTS and not isinstance(address, str):
        raise MalformedValue(f"transport.{kind}: not a text")
    return Transport(kind=intern(kind), address=as_text(address))


_ENDPOINT_TRANSPORTS = ("tcp", "nats_tcp", "http")
"""The variants known today. Their address is a text."""


def _channel_transport(raw: Any) -> Transport:
    """Parse the transport of a channel, `{"kind": …, "config": {…}}`. Raises `MalformedValue`."""
    if not isinstance(raw, dict) or not isinstance(raw.get("kind"), str):
        raise MalformedValue("transport: not an object with a kind")
    kind, config = raw["kind"], raw.get("config")
    address = config.get(CHANNEL_ADDRESS.get(kind, "")) if isinstance(config, dict) else None
    if isinstance(address, list) and all(isinstance(part, str) for part in address):
        address = ", ".join(address)
    if kind in CHANNEL_ADDRESS and not isinstance(address, str):
        raise MalformedValue(f"transport.config.{CHANNEL_ADDRESS[kind]}: not an address")
    return Transport(intern(kind), as_text(config) if address is None else address)


def _differs(record_id: RecordId, **body: str | int | None) -> str | None:
    """Describe how the body's names differ from those in the key. None: they do not."""
    differing = [
        f"{label} {_show(value)} (key: {_show(getattr(record_id, label))})"
        for label, value in body.items()
        if getattr(record_id, label) != value
    ]
    return "the body names " + ", ".join(differing) if differing else None


def _show(value: str | int | None) -> str:
    return f"{value:x}" if isinstance(value, int) else value or "none"


UNTAGGED = "untagged: written by a release up to 0.6, ignored by releases from 0.7 on"


def _note(entry: Entry, raw: dict[str, Any], rounded: int | None = None) -> str | None:
    if entry.key.startswith(b"v1/") and "type" not in raw:
        return UNTAGGED
    return None if rounded is None else f"Kubernetes rounded the id in the body to {rounded:x}"


def _read_instance(entry: Entry, parsed: ParsedKey[EndpointInstanceId]) -> EndpointInstance:
    make = partial(EndpointInstance, entry=entry, id=parsed.id, dialect=parsed.dialect)

    try:
        raw = json_object(entry.value)
        body = _body(raw, EndpointBody, "Endpoint")
        transport = _transport(body.transport)
    except MalformedValue as problem:
        return make(malformed=parsed.problem or str(problem), readable=False)
    device_type = as_text(body.device_type)
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


def _read_model(entry: Entry, parsed: ParsedKey[ModelCardId]) -> ModelCard:
    conflict = None
    try:
        if entry.key.startswith(keys.OLD_MODELS):
            return _read_old_model(entry, parsed)
        raw = json_object(entry.value)
        if entry.key.startswith(keys.MODELS) and "type" in raw:
            body = _body(raw, ModelBody, "Model")
            card = card_fields(body.card_json, raw["card_json"])
            conflict = _card_conflict(parsed.id, body)
        else:
            card = card_fields(_body(raw, Card, "Model"), raw)
    except MalformedValue as problem:
        malformed = parsed.problem or str(problem)
        return ModelCard(entry, parsed.id, parsed.dialect, malformed, readable=False)
    return model_card(entry, parsed, card, conflict, _note(entry, raw))


def _read_old_model(entry: Entry, parsed: ParsedKey[ModelCardId]) -> ModelCard:
    """Parse the value of `models/{uuid}` (to 0.5). Raises `MalformedValue`."""
    old = _body(json_object(entry.value), ModelEntry, "Model")
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
        model_type=as_text(old.model_type),
    )


def _card_conflict(record_id: ModelCardId, body: ModelBody) -> str | None:
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
        raw = json_object(entry.value)
        body: ChannelBody | OldChannelBody
        if "namespace" in raw and "scope" not in raw:
            body = _body(raw, OldChannelBody, "EventChannel")
        else:
            body = _body(raw, ChannelBody, "EventChannel")
        transport = _channel_transport(body.transport)
    except MalformedValue as problem:
        return make(malformed=parsed.problem or str(problem), readable=False)
    rounded = _rounded(entry, parsed.id, body.instance_id)
    publisher = body.instance_id if rounded is None else parsed.id.instance_id
    return make(
        malformed=parsed.problem,
        conflict=_differs(parsed.id, **body.names(), topic=body.topic, instance_id=publisher),
        note=_note(entry, raw, rounded),
        transport=transport,
        rounded_id=rounded,
    )


def _read_source(entry: Entry, parsed: ParsedKey[EventSourceId]) -> EventSource:
    make = partial(EventSource, entry=entry, id=parsed.id, dialect=parsed.dialect)

    try:
        raw = json_object(entry.value)
        body = _body(raw, SourceBody, "EventSource")
    except MalformedValue as problem:
        return make(malformed=parsed.problem or str(problem), readable=False)
    rounded = _rounded(entry, parsed.id, body.publisher_id)
    publisher = body.publisher_id if rounded is None else parsed.id.instance_id
    return make(
        malformed=parsed.problem,
        conflict=_differs(parsed.id, **body.scope.names(), topic=body.topic, instance_id=publisher),
        note=_note(entry, raw, rounded),
        worker_id=_worker_id(body.metadata),
        rounded_id=rounded,
    )


LARGEST_KEPT = (1 << 63) - 1
"""The largest integer in a value that Kubernetes keeps: a larger one becomes the nearest float."""


def _rounded(entry: Entry, record_id: RecordId, body: int) -> int | None:
    """Return the publisher id in a body that Kubernetes has rounded. None: it is as written.

    Releases up to 1.3 choose any u64; half of those are too large.
    """
    in_key = record_id.instance_id
    if entry.owner is None or in_key is None or in_key == body or in_key <= LARGEST_KEPT:
        return None
    return body if float(in_key) == float(body) else None


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
