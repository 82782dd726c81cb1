"""What both ways of reading a value share: that of `parse` and that of `full_parse`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from backends.dynamo import keys
from backends.dynamo.card_checksum import fingerprint
from backends.dynamo.fast_bodies import UsualCard
from backends.dynamo.ids import ModelCardId
from backends.dynamo.json_values import from_json
from backends.dynamo.keys import ParsedKey
from backends.dynamo.records import ModelCard
from backends.store import Entry

if TYPE_CHECKING:
    from backends.dynamo.schemas import Card


class MalformedValue(Exception):
    """The value is not what the bucket holds. The text is the reason."""


def json_object(value: bytes) -> dict[str, Any]:
    """Parse a value as a JSON object. Raises `MalformedValue`."""
    try:
        raw = from_json(value)
    except ValueError as error:
        is_deep = str(error).startswith("recursion limit")
        what = "is nested too deep" if is_deep else "is not JSON"
        raise MalformedValue(f"the value {what}: {error}") from None
    if not isinstance(raw, dict):
        raise MalformedValue("the value is not a JSON object")
    return raw


CHANNEL_ADDRESS = {"Nats": "subject_prefix", "Zmq": "endpoint", "ZmqBroker": "xpub_endpoints"}
"""The setting of each kind of channel that holds the address to subscribe to."""


def as_text(value: Any) -> str | None:
    """Return a text as it is, None for null, any other value as JSON."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value)


class CardFields(msgspec.Struct, frozen=True):
    """The fields of a card that dyntop reads, named as in the record."""

    model_name: str
    source_path: str | None
    model_type: str | None
    worker_type: str | None
    needs: tuple[tuple[str, ...], ...]
    context_length: int | None
    ranks: int | None
    fingerprint: str


def card_fields(card: Card | UsualCard, raw: Mapping[str, object]) -> CardFields:
    """Return the fields of a card. `raw`: all of it, for the fingerprint."""
    return CardFields(
        model_name=card.lora.name if card.lora is not None else card.display_name,
        source_path=card.source_path,
        model_type=as_text(card.model_type),
        worker_type=as_text(card.worker_type),
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


def model_card(
    entry: Entry,
    parsed: ParsedKey[ModelCardId],
    card: CardFields,
    conflict: str | None = None,
    note: str | None = None,
) -> ModelCard:
    """Return the record of a card below a key."""
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
