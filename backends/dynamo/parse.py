"""Parse stored bytes into a record.

`read` never raises and never drops anything. A value that Dynamo would not accept makes a
`malformed` record; one whose names differ from its key makes a `conflict`. A value that is not
known in full is not parsed: Dynamo's own processes may be able to read it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from sys import intern
from typing import Any

import msgspec

from backends.dynamo import keys
from backends.dynamo.body_parts import (
    CHANNEL_ADDRESS,
    CardFields,
    MalformedValue,
    card_fields,
    json_object,
    model_card,
)
from backends.dynamo.card_split import CARDS_KEPT, as_object
from backends.dynamo.fast_bodies import (
    ChannelFields,
    EndpointFields,
    ModelFields,
    SourceFields,
    UsualCard,
    decoded,
    halves,
)
from backends.dynamo.ids import (
    EndpointInstanceId,
    EventChannelId,
    EventSourceId,
    Kind,
    ModelCardId,
)
from backends.dynamo.json_values import from_json
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


def _read_in_full(entry: Entry, parsed: ParsedKey[Any]) -> AnyRecord:
    # Not before it is needed: with pydantic.
    from backends.dynamo.full_parse import read_in_full

    return read_in_full(entry, parsed)


def parsed_value(entry: Entry) -> Any:
    """Return the value as parsed JSON, else as text (`\\xNN` for bytes that are not UTF-8)."""
    try:
        return from_json(entry.value)
    except ValueError:
        return entry.value.decode("utf-8", "backslashreplace")


def card_json(entry: Entry) -> Mapping[str, object]:
    """Return a model card's JSON object, without its envelope. Empty: there is none."""
    value = parsed_value(entry)
    if isinstance(value, dict) and isinstance(value.get("card_json"), dict):
        value = value["card_json"]
    return value if isinstance(value, dict) else {}


def _read_instance(entry: Entry, parsed: ParsedKey[EndpointInstanceId]) -> AnyRecord:
    body, at = decoded(EndpointFields, entry.value), parsed.id
    if (
        body is None
        or len(body.transport) != 1
        or body.instance_id != at.instance_id
        or body.endpoint != at.endpoint
        or body.component != at.component
        or body.namespace != at.namespace
    ):
        return _read_in_full(entry, parsed)
    ((kind, address),) = body.transport.items()
    return EndpointInstance(
        entry,
        at,
        parsed.dialect,
        malformed=parsed.problem,
        transport=Transport(intern(kind), address),
        device_type=None if body.device_type is None else intern(body.device_type),
    )


@lru_cache(maxsize=CARDS_KEPT)
def _shared_card(value: bytes) -> tuple[object, CardFields]:
    """Parse what `halves` calls shared: return the adapter's suffix behind the card (UNSET: there
    is none) and the card. Raises `MalformedValue`.
    """
    raw = json_object(as_object(value))
    card, suffix = raw.pop("card_json"), raw.pop("model_suffix", msgspec.UNSET)
    if raw or not isinstance(card, dict):
        raise MalformedValue
    try:
        return suffix, card_fields(msgspec.convert(card, UsualCard), card)
    except ValueError:
        raise MalformedValue from None


def _read_model(entry: Entry, parsed: ParsedKey[ModelCardId]) -> AnyRecord:
    split = halves(entry) if entry.key.startswith(keys.MODELS) else None
    body = None if split is None else decoded(ModelFields, split[0])
    if split is None or body is None:
        return _read_in_full(entry, parsed)
    try:
        suffix, card = _shared_card(split[1])
    except MalformedValue:
        return _read_in_full(entry, parsed)
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
        return _read_in_full(entry, parsed)
    return model_card(entry, parsed, card)


def _read_channel(entry: Entry, parsed: ParsedKey[EventChannelId]) -> AnyRecord:
    body, at = decoded(ChannelFields, entry.value), parsed.id
    if (
        body is None
        or body.instance_id != at.instance_id
        or body.topic != at.topic
        or not body.scope.is_of(at)
        or (address := body.transport.config.get(CHANNEL_ADDRESS[body.transport.kind])) is None
    ):
        return _read_in_full(entry, parsed)
    transport = Transport(intern(body.transport.kind), address)
    return EventChannel(entry, at, parsed.dialect, parsed.problem, transport=transport)


def _read_source(entry: Entry, parsed: ParsedKey[EventSourceId]) -> AnyRecord:
    body, at = decoded(SourceFields, entry.value), parsed.id
    if (
        body is None
        or body.publisher_id != at.instance_id
        or body.topic != at.topic
        or not body.scope.is_of(at)
    ):
        return _read_in_full(entry, parsed)
    worker_id = body.metadata.worker.worker_id
    return EventSource(entry, at, parsed.dialect, parsed.problem, worker_id=worker_id)


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
