"""Parse stored bytes into a record.

`read` never raises and never drops anything. A value that Dynamo would not accept makes a
`malformed` record; one whose names differ from its key makes a `conflict`. A value that is not
known in full is not parsed: Dynamo's own processes may be able to read it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from sys import intern
from typing import Any, TypeVar

import msgspec
import pydantic_core
from pydantic import BaseModel, ValidationError

from backends.dynamo import keys
from backends.dynamo.card_checksum import fingerprint
from backends.dynamo.fast_bodies import (
    ChannelFields,
    EndpointFields,
    ModelFields,
    SourceFields,
    decoded,
    halves,
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
    UnknownRecord,
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


def read(entry: Entry) -> AnyRecord:
    """Return the record of a key and its value. Never raises."""
    record = _read(entry)
    if not entry.problem:
        return record
    # What an object holds in place of entries has no key of its own that could say more.
    by_itself = None if entry.owner is not None else record.malformed
    return msgspec.structs.replace(record, malformed=by_itself or entry.problem)


def _read(entry: Entry) -> AnyRecord:
    parsed = keys.parse(entry.key if entry.owner is None else entry.plain_key)
    if entry.unread:
        return _UNREAD[parsed.id.kind](
            entry, parsed.id, parsed.dialect, readable=False, note=parsed.problem
        )
    reader = _READERS.get(parsed.id.kind)
    if reader is None:
        return UnknownRecord(entry=entry, id=parsed.id, dialect=parsed.dialect)
    return reader(entry, parsed)


def parsed_value(entry: Entry) -> Any:
    """Return the value as parsed JSON, else as text (`\\xNN` for bytes that are not UTF-8)."""
    try:
        return pydantic_core.from_json(entry.value, allow_inf_nan=False)
    except ValueError:
        return entry.value.decode("utf-8", "backslashreplace")


def card_json(entry: Entry) -> Mapping[str, object]:
    """Return a model card's JSON object, without its envelope. Empty: there is none."""
    value = parsed_value(entry)
    if isinstance(value, dict) and isinstance(value.get("card_json"), dict):
        value = value["card_json"]
    return value if isinstance(value, dict) else {}


_Parsed = TypeVar("_Parsed", bound=BaseModel)


class _Malformed(Exception):
    """The value is not what the bucket holds. The text is the reason."""


def _json(value: bytes) -> dict[str, Any]:
    """Parse a value as a JSON object. Raises `_Malformed`."""
    try:
        # Cache keys only: each address is another text, and the cache would keep thousands of old
        # ones.
        raw = pydantic_core.from_json(value, allow_inf_nan=False, cache_strings="keys")
    except ValueError as error:
        raise _Malformed(f"the value is not JSON: {error}") from None
    if not isinstance(raw, dict):
        raise _Malformed("the value is not a JSON object")
    return raw


def _body(raw: dict[str, Any], shape: type[_Parsed], tag: str) -> _Parsed:
    """Validate a JSON object as `shape`. Raises `_Malformed`."""
    # For a body of another kind, name its tag rather than the fields it lacks.
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
    """Parse the transport of an endpoint instance, `{variant: address}`. Raises `_Malformed`."""
    if isinstance(raw, str) and raw not in _ENDPOINT_TRANSPORTS:
        return Transport(kind=raw, address=None)
    if not isinstance(raw, dict) or len(raw) != 1:
        raise _Malformed("transport: not an object with one variant")
    ((kind, address),) = raw.items()
    if kind in _ENDPOINT_TRANSPORTS and not isinstance(address, str):
        raise _Malformed(f"transport.{kind}: not a text")
    return Transport(kind=intern(kind), address=_as_text(address))


_ENDPOINT_TRANSPORTS = ("tcp", "nats_tcp", "http")
"""The variants known today. Their address is a text."""

_CHANNEL_ADDRESS = {"Nats": "subject_prefix", "Zmq": "endpoint", "ZmqBroker": "xpub_endpoints"}
"""The setting of each kind of channel that holds the address to subscribe to."""


def _channel_transport(raw: Any) -> Transport:
    """Parse the transport of a channel, `{"kind": …, "config": {…}}`. Raises `_Malformed`."""
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
    body, at = decoded(EndpointFields, entry.value), parsed.id
    if (
        body is None
        or len(body.transport) != 1
        or body.instance_id != at.instance_id
        or body.endpoint != at.endpoint
        or body.component != at.component
        or body.namespace != at.namespace
    ):
        return _read_odd_instance(entry, parsed)
    ((kind, address),) = body.transport.items()
    return EndpointInstance(
        entry,
        at,
        parsed.dialect,
        malformed=parsed.problem,
        transport=Transport(intern(kind), address),
        device_type=None if body.device_type is None else intern(body.device_type),
    )


def _read_odd_instance(entry: Entry, parsed: ParsedKey[EndpointInstanceId]) -> EndpointInstance:
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
class _CardFields:
    """The fields of a card that dyntop reads, named as in the record."""

    model_name: str
    source_path: str | None
    model_type: str | None
    worker_type: str | None
    needs: tuple[tuple[str, ...], ...]
    context_length: int | None
    ranks: int | None
    fingerprint: str


def _card_fields(card: Card, raw: Mapping[str, object]) -> _CardFields:
    return _CardFields(
        model_name=card.lora.name if card.lora is not None else card.display_name,
        source_path=card.source_path,
        model_type=_as_text(card.model_type),
        worker_type=_as_text(card.worker_type),
        needs=_needs(card.needs),
        context_length=card.context_length,
        ranks=_ranks(card.runtime_config),
        fingerprint=fingerprint(raw),
    )


def _ranks(runtime_config: object) -> int | None:
    size = runtime_config.get("data_parallel_size") if isinstance(runtime_config, dict) else None
    return size if type(size) is int and 0 < size < 1 << 32 else None


def _needs(raw: Any) -> tuple[tuple[str, ...], ...]:
    """Return the alternatives, each a list of worker types. Anything that Dynamo would not write
    needs nothing.
    """
    if not isinstance(raw, list):
        return ()
    alternatives = (tuple(one) for one in raw if isinstance(one, list))
    return tuple(one for one in alternatives if all(isinstance(role, str) for role in one))


CARDS_KEPT = 2048
"""Parsed cards that are cached: more than a cluster has models and LoRA adapters."""


@lru_cache(maxsize=CARDS_KEPT)
def _shared_card(value: bytes) -> tuple[object, _CardFields]:
    """Parse what `halves` calls shared: return the adapter's suffix behind the card (UNSET: there
    is none) and the card. Raises `_Malformed`.
    """
    raw = _json(value)
    card, suffix = raw.pop("card_json"), raw.pop("model_suffix", msgspec.UNSET)
    if raw or not isinstance(card, dict):
        raise _Malformed
    try:
        return suffix, _card_fields(Card.model_validate(card), card)
    except ValidationError:
        raise _Malformed from None


def _read_model(entry: Entry, parsed: ParsedKey[ModelCardId]) -> ModelCard:
    split = halves(entry.value) if entry.key.startswith(keys.MODELS) else None
    body = None if split is None else decoded(ModelFields, split[0])
    if split is None or body is None:
        return _read_odd_model(entry, parsed)
    try:
        suffix, card = _shared_card(split[1])
    except _Malformed:
        return _read_odd_model(entry, parsed)
    at = parsed.id
    wanted = at.model_suffix or msgspec.UNSET
    if (
        body.instance_id != at.instance_id
        or body.endpoint != at.endpoint
        or body.component != at.component
        or body.namespace != at.namespace
        # Kubernetes, which sorts members by name, has the suffix in the other half.
        or (suffix, body.model_suffix) not in ((wanted, msgspec.UNSET), (msgspec.UNSET, wanted))
    ):
        return _read_odd_model(entry, parsed)
    return _model_card(entry, parsed, card)


def _read_odd_model(entry: Entry, parsed: ParsedKey[ModelCardId]) -> ModelCard:
    conflict = None
    try:
        if entry.key.startswith(keys.OLD_MODELS):
            return _read_old_model(entry, parsed)
        raw = _json(entry.value)
        if entry.key.startswith(keys.MODELS) and "type" in raw:
            body = _body(raw, ModelBody, "Model")
            card = _card_fields(body.card_json, raw["card_json"])
            conflict = _card_conflict(parsed.id, body)
        else:
            card = _card_fields(_body(raw, Card, "Model"), raw)
    except _Malformed as problem:
        malformed = parsed.problem or str(problem)
        return ModelCard(entry, parsed.id, parsed.dialect, malformed, readable=False)
    return _model_card(entry, parsed, card, conflict, _note(entry, raw))


def _model_card(
    entry: Entry,
    parsed: ParsedKey[ModelCardId],
    card: _CardFields,
    conflict: str | None = None,
    note: str | None = None,
) -> ModelCard:
    return ModelCard(
        entry,
        parsed.id,
        parsed.dialect,
        malformed=parsed.problem,
        conflict=conflict,
        note=note,
        model_name=card.model_name,
        base_model=card.source_path if parsed.id.model_suffix else None,
        model_type=card.model_type,
        worker_type=card.worker_type,
        needs=card.needs,
        context_length=card.context_length,
        ranks=card.ranks,
        fingerprint=None if entry.key.startswith(keys.OLD_CARDS) else card.fingerprint,
    )


def _read_old_model(entry: Entry, parsed: ParsedKey[ModelCardId]) -> ModelCard:
    """Parse the value of `models/{uuid}` (to 0.5). Raises `_Malformed`."""
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
    body, at = decoded(ChannelFields, entry.value), parsed.id
    if (
        body is None
        or body.instance_id != at.instance_id
        or body.topic != at.topic
        or not body.scope.is_of(at)
        or (address := body.transport.config.get(_CHANNEL_ADDRESS[body.transport.kind])) is None
    ):
        return _read_odd_channel(entry, parsed)
    transport = Transport(intern(body.transport.kind), address)
    return EventChannel(entry, at, parsed.dialect, parsed.problem, transport=transport)


def _read_odd_channel(entry: Entry, parsed: ParsedKey[EventChannelId]) -> EventChannel:
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
    body, at = decoded(SourceFields, entry.value), parsed.id
    if (
        body is None
        or body.publisher_id != at.instance_id
        or body.topic != at.topic
        or not body.scope.is_of(at)
    ):
        return _read_odd_source(entry, parsed)
    worker_id = body.metadata.worker.worker_id
    return EventSource(entry, at, parsed.dialect, parsed.problem, worker_id=worker_id)


def _read_odd_source(entry: Entry, parsed: ParsedKey[EventSourceId]) -> EventSource:
    make = partial(EventSource, entry=entry, id=parsed.id, dialect=parsed.dialect)

    try:
        raw = _json(entry.value)
        body = _body(raw, SourceBody, "EventSource")
    except _Malformed as problem:
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

_UNREAD: dict[Kind, Callable[..., AnyRecord]] = {
    Kind.ENDPOINT: EndpointInstance,
    Kind.MODEL: ModelCard,
    Kind.EVENT_CHANNEL: EventChannel,
    Kind.EVENT_SOURCE: EventSource,
    Kind.UNKNOWN: UnknownRecord,
}
"""The record class for a key whose value is not read."""
