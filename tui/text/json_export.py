"""Records as JSON, for scripts: the objects that `dyntop list` and `dyntop watch` print."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import fields
from functools import lru_cache
from typing import Any

from pydantic_core import from_json

from backends.discovery.reasons import Reason
from backends.dynamo import keys
from backends.dynamo.card_split import split_body
from backends.dynamo.parse import CARDS_KEPT, parsed_value
from backends.dynamo.records import AnyRecord
from backends.liveness.evidence import Assessment
from backends.store import Entry, Owner, TimeToLive
from tui.text.evidence import exported_evidence
from tui.text.owner import exported_owner

# ASCII only, with DEL escaped: harmless on any terminal. Python's `Infinity` is no JSON, so it
# raises.
_ENCODER = json.JSONEncoder(allow_nan=False, separators=(",", ":"))


def exported(
    record: AnyRecord,
    worker: int | None,
    ttl: TimeToLive | None = None,
    assessment: Assessment | None = None,
) -> dict[str, Any]:
    """Return the object of one record without its value; None: does not apply.

    Keys are in the order printed. `worker`: the instance id of its worker, if known. `ttl`: the TTL
    that the store reported. `assessment`: verdict and evidence, if evidence was asked for.
    """
    transport = record.transport
    routing = None if assessment is None else assessment.routing
    return {
        **exported_id(record),
        "model_name": record.model_name,
        "transport": transport and {"kind": transport.kind, "address": transport.address},
        "worker": hex_or_none(worker),
        "lease": hex_or_none(record.lease),
        "ttl_granted": ttl.granted if ttl is not None else None,
        "ttl_remaining": ttl.remaining if ttl is not None else None,
        # POSIX seconds: a file's own time need not be one that a calendar has.
        "expired_at": record.expired_at,
        "revision": record.revision,
        **_exported_owner(record.entry.owner),
        "verdict": assessment and assessment.verdict.value,
        "evidence": assessment and [one.text for one in assessment.evidence],
        "evidence_data": assessment and exported_evidence(assessment.evidence),
        "routable": routing and routing.routable,
        "not_routable": routing and routing.reason and routing.reason.value,
        "malformed": record.malformed,
        "conflict": record.conflict,
        "note": record.note,
        "unread": record.unread or None,
    }


def _exported_owner(owner: Owner | None) -> dict[str, Any]:
    """Return the field that only records in Kubernetes have."""
    return {} if owner is None else {"kubernetes": exported_owner(owner)}


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
    known: dict[str, Any] = {
        one.name: round(value, 3) if isinstance(value, float) else value
        for one in fields(reason)
        if (value := getattr(reason, one.name)) != one.default
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
    """Return `exported` with the value as one line of ASCII JSON, without the line end."""
    whole = exported(record, worker, ttl, assessment)
    value, shared = _value(record.entry)
    try:
        line = as_json(whole | {"value": value})
    except ValueError:
        # A number that is valid JSON but too large for Python (1e400): show it as written.
        return as_json(whole | {"value": record.entry.value.decode("utf-8", "backslashreplace")})
    return f"{line[:-2]},{shared}}}" if shared else line


def _value(entry: Entry) -> tuple[Any, str]:
    """Return a record's value and the text that follows it. None: the value is not known in full.

    For a model's body: the part before its card, and the card as text up to the closing brace.
    Equal cards of many workers are encoded once.
    """
    if entry.unread:
        return None, ""
    if (halves := split_body(entry.value)) is not None:
        with suppress(ValueError):
            first = from_json(halves[0], allow_inf_nan=False)
            names, second = _second_half(halves[1])
            # JSON readers keep the last of several members with one name.
            if isinstance(first, dict) and first and names.isdisjoint(first):
                return first, second
    return parsed_value(entry), ""


@lru_cache(maxsize=CARDS_KEPT)
def _second_half(text: bytes) -> tuple[frozenset[str], str]:
    """Return the names of its members, and the JSON of `as_json` without the opening brace.

    Raises ValueError.
    """
    members = from_json(text, allow_inf_nan=False)
    return frozenset(members), as_json(members)[1:]


def as_json(whole: Mapping[str, Any]) -> str:
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
