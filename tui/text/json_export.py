"""Records as JSON, for scripts: the objects that `dyntop list` and `dyntop watch` print."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

from backends.dynamo import keys
from backends.dynamo.card_split import CARDS_KEPT, as_object, split_entry
from backends.dynamo.fast_bodies import (
    ChannelFields,
    EndpointFields,
    ModelFields,
    SourceFields,
    decoded,
    is_plain,
)
from backends.dynamo.ids import Kind
from backends.dynamo.json_values import from_json
from backends.dynamo.parse import parsed_value
from backends.dynamo.records import AnyRecord, Transport

if TYPE_CHECKING:
    from backends.discovery.reasons import Reason
    from backends.liveness.evidence import Assessment
    from backends.store import Owner, TimeToLive

# ASCII only, with DEL escaped: harmless on any terminal. Python's `Infinity` is no JSON, so it
# raises.
_KINDS = {kind: kind.value for kind in Kind}
_ENCODER = json.JSONEncoder(allow_nan=False, separators=(",", ":"))


class _Line(msgspec.Struct, gc=False):
    """What is printed of a record besides its value, in the order printed. None: does not apply."""

    kind: str
    key: str
    namespace: str | None
    component: str | None
    endpoint: str | None
    topic: str | None
    instance_id: str | None
    model_suffix: str | None
    model_name: str | None
    transport: Transport | None
    worker: str | None
    lease: str | None
    ttl_granted: float | None
    ttl_remaining: float | None
    expired_at: float | None
    """POSIX seconds: a file's own time need not be one that a calendar has."""
    revision: str
    kubernetes: dict[str, Any] | msgspec.UnsetType
    """Only of records in Kubernetes."""
    verdict: str | None
    evidence: list[str] | None
    evidence_data: list[dict[str, Any]] | None
    routable: bool | None
    not_routable: str | None
    malformed: str | None
    conflict: str | None
    note: str | None
    unread: str | None


def _line(
    record: AnyRecord, worker: int | None, ttl: TimeToLive | None, assessment: Assessment | None
) -> _Line:
    entry, at = record.entry, record.id
    routing = None if assessment is None else assessment.routing
    return _Line(
        _KINDS[record.kind],
        keys.spell(entry.key),
        at.namespace,
        at.component,
        at.endpoint,
        at.topic,
        hex_or_none(at.instance_id),
        at.model_suffix,
        record.model_name,
        record.transport,
        hex_or_none(worker),
        hex_or_none(entry.lease),
        None if ttl is None else ttl.granted,
        None if ttl is None else ttl.remaining,
        entry.expired_at,
        entry.revision,
        msgspec.UNSET if entry.owner is None else _exported_owner(entry.owner),
        None if assessment is None else assessment.verdict.value,
        None if assessment is None else [one.text for one in assessment.evidence],
        None if assessment is None else _exported_evidence(assessment),
        None if routing is None else routing.routable,
        None if routing is None or routing.reason is None else routing.reason.value,
        record.malformed,
        record.conflict,
        record.note,
        entry.unread or None,
    )


def _exported_evidence(assessment: Assessment) -> list[dict[str, Any]]:
    # Imported here, as below: a list without evidence takes less time without these modules.
    from tui.text.evidence import exported_evidence

    return exported_evidence(assessment.evidence)


def _exported_owner(owner: Owner) -> dict[str, Any]:
    from tui.text.owner import exported_owner

    return exported_owner(owner)


def exported_id(record: AnyRecord) -> dict[str, str | None]:
    """Return the fields that identify a record. Ids are lower-case hex."""
    return {
        "kind": record.kind.value,
        "key": keys.spell(record.key),
        "namespace": record.id.namespace,
        "component": record.id.component,
        "endpoint": record.id.endpoint,
        "topic": record.id.topic,
        "instance_id": hex_or_none(record.id.instance_id),
        "model_suffix": record.id.model_suffix,
    }


def exported_reason(reason: Reason | None) -> dict[str, Any] | None:
    """Return why a record went: the kind, and its known values. None: unknown."""
    if reason is None:
        return None
    plain = type(reason)(reason.kind)
    known: dict[str, Any] = {
        name: round(value, 3) if isinstance(value, float) else value
        for name in reason.__struct_fields__
        if (value := getattr(reason, name)) != getattr(plain, name)
    }
    if reason.lease is not None:
        known["lease"] = hex_or_none(reason.lease)
    return known | {"kind": reason.kind.value}


def record_json(
    record: AnyRecord,
    worker: int | None,
    ttl: TimeToLive | None = None,
    assessment: Assessment | None = None,
) -> str:
    """Return a record with its value as one line of ASCII JSON, without the line end.

    `worker`: the instance id of its worker, if known. `ttl`: the TTL that the store reported.
    `assessment`: verdict and evidence, if evidence was asked for.
    """
    line = _line(record, worker, ttl, assessment)
    # Of numbers with a fraction msgspec writes some in another way than Python.
    has_fractions = any((ttl, assessment, record.entry.owner, record.entry.expired_at is not None))
    known = None if has_fractions else _plain_json(line)
    if known is None:
        known = as_json(msgspec.to_builtins(line))
    return f'{known[:-1]},"value":{_value_json(record)}}}'


def _plain_json(line: _Line) -> str | None:
    """Return what `as_json` would, at a fraction of its cost. None: it would escape more."""
    try:
        text = _encode(line)
    except ValueError:
        return None
    return text.decode() if text.isascii() and b"\x7f" not in text else None


_encode = msgspec.json.Encoder().encode


def _value_json(record: AnyRecord) -> str:
    """Return a record's value as JSON. `null`: it is not known in full."""
    entry = record.entry
    if entry.unread:
        return "null"
    if (text := _as_stored(record)) is not None:
        return text
    try:
        return as_json(parsed_value(entry))
    except ValueError:
        # A number that is valid JSON but too large for Python (1e400): show it as written.
        return as_json(entry.value.decode("utf-8", "backslashreplace"))


def _as_stored(record: AnyRecord) -> str | None:
    """Return the text of a usual value, if it is what `as_json` makes of it; else None.

    Equal cards of many workers are encoded once.
    """
    if (of := _BODIES.get(record.kind)) is not None:
        value = record.entry.value
        body = decoded(of, value)
        return value.decode() if body is not None and is_plain(body, value) else None
    if (split := split_entry(record.entry)) is None:
        return None
    own, shared = split
    names = decoded(ModelFields, own)
    if names is None or not is_plain(names, own) or names.model_suffix is not msgspec.UNSET:
        return None
    card = _shared_json(shared)
    return None if card is None else f"{own[:-1].decode()},{card}"


_BODIES: dict[Kind, type[Any]] = {
    Kind.ENDPOINT: EndpointFields,
    Kind.EVENT_CHANNEL: ChannelFields,
    Kind.EVENT_SOURCE: SourceFields,
}
_IN_SHARED = frozenset({"card_json", "model_suffix"})


@lru_cache(maxsize=CARDS_KEPT)
def _shared_json(text: bytes) -> str | None:
    """Return the JSON of the half with the card, without the opening brace. None: it is odd."""
    try:
        members = from_json(as_object(text))
        return as_json(members)[1:] if members.keys() <= _IN_SHARED else None
    except ValueError:
        return None


def as_json(whole: Mapping[str, Any] | str) -> str:
    """Return one line of ASCII JSON, without the line end. Raises ValueError for NaN and
    infinity."""
    return _ENCODER.encode(whole)


def json_list(objects: Iterable[str]) -> Iterator[str]:
    """Yield the lines of a JSON list, one object a line, as they are consumed."""
    start = "["
    for one in objects:
        yield start + one
        start = ","
    yield "[]" if start == "[" else "]"


def hex_or_none(number: int | None) -> str | None:
    """Return an id (u64) as keys write it: JSON tools round numbers over 2^53."""
    return None if number is None else f"{number:x}"
