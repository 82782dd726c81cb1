"""Records as JSON, for scripts: the objects that `dyntop list` and `dyntop watch` print."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any

from pydantic_core import from_json

from backends import keys
from backends.liveness import Judgement
from backends.reading import CARDS_KEPT, parsed_value
from backends.records import AnyRecord
from backends.store import Entry, TimeToLive
from backends.values import in_two

# ASCII only, and DEL escaped too, so that it is harmless on any terminal. What Python would write
# as `Infinity` is no JSON: then it raises.
_ENCODER = json.JSONEncoder(allow_nan=False, separators=(",", ":"))


def exported(
    record: AnyRecord,
    worker: int | None,
    ttl: TimeToLive | None = None,
    judgement: Judgement | None = None,
) -> dict[str, Any]:
    """The object for one record but for its value; what does not apply is None. Keys are in the
    order printed, and the value comes last.

    `worker` is the instance id of its worker, as far as it can be told; `ttl` what the store said
    of its life, and `judgement` what is thought of it, if evidence was asked for.
    """
    transport = record.transport
    return {
        **exported_id(record),
        "model_name": record.model_name,
        "transport": transport and {"kind": transport.kind, "address": transport.address},
        "worker": hex_or_none(worker),
        "lease": hex_or_none(record.lease),
        "ttl_granted": ttl.granted if ttl is not None else None,
        "ttl_remaining": ttl.remaining if ttl is not None else None,
        # In POSIX seconds; it is the file's own time, which need not be one that a calendar has.
        "expired_at": record.expired_at,
        "revision": record.revision,
        "verdict": judgement and judgement.verdict.value,
        "evidence": judgement and [one.text for one in judgement.evidence],
        "malformed": record.malformed,
        "conflict": record.conflict,
        "note": record.note,
    }


def exported_id(record: AnyRecord) -> dict[str, str | None]:
    """What tells a record from all others; ids are lower-case hex."""
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


def record_json(
    record: AnyRecord,
    worker: int | None,
    ttl: TimeToLive | None = None,
    judgement: Judgement | None = None,
) -> str:
    """`exported` and the record's value as one line of ASCII JSON, without its line end."""
    whole = exported(record, worker, ttl, judgement)
    value, shared = _value(record.entry)
    try:
        line = as_json(whole | {"value": value})
    except ValueError:
        # A number that is valid JSON and too large for Python's own (1e400): show it as written.
        return as_json(whole | {"value": record.entry.value.decode("utf-8", "backslashreplace")})
    return f"{line[:-2]},{shared}}}" if shared else line


def _value(entry: Entry) -> tuple[Any, str]:
    """A record's value; of a model's body what is before its card, and as text what follows, to the
    closing brace: that is written once for all workers that have the same."""
    if (halves := in_two(entry.value)) is not None:
        with suppress(ValueError):
            first = from_json(halves[0], allow_inf_nan=False)
            names, second = _second_half(halves[1])
            # Of members of the same name only the last one counts.
            if isinstance(first, dict) and first and names.isdisjoint(first):
                return first, second
    return parsed_value(entry), ""


@lru_cache(maxsize=CARDS_KEPT)
def _second_half(text: bytes) -> tuple[frozenset[str], str]:
    """The names of its members, and itself as `as_json` writes it but for the opening brace.

    Raises ValueError.
    """
    members = from_json(text, allow_inf_nan=False)
    return frozenset(members), as_json(members)[1:]


def as_json(whole: Mapping[str, Any]) -> str:
    """One line of ASCII JSON, without its line end. Raises ValueError for NaN and infinity."""
    return _ENCODER.encode(whole)


def json_list(objects: Iterable[str]) -> Iterator[str]:
    """The lines of a JSON list, one object a line, made while they are taken."""
    start = "["
    for one in objects:
        yield start + one
        start = ","
    yield "[]" if start == "[" else "]"


def hex_or_none(number: int | None) -> str | None:
    """An id (u64) as keys write it: JSON tools round numbers over 2^53."""
    return None if number is None else f"{number:x}"
