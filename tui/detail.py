"""All that is known of a record, as text. No Textual in here; nothing is made plain yet."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

from backends import keys
from backends.cluster import Cluster, FirstSeen
from backends.history import Happening
from backends.liveness import Evidence, Life
from backends.reading import parsed_value
from backends.records import (
    AnyRecord,
    EndpointInstance,
    EventChannel,
    EventSource,
    ModelCard,
)
from backends.store import Entry
from tui.words import (
    HAPPENING_GLYPHS,
    KIND_NAMES,
    MEANINGS,
    NOTHING,
    SHORT_KIND_NAMES,
    State,
    count,
    duration,
    hex_id,
    revision_word,
    seen_in_words,
    time_left,
    transport_of,
    worker_word,
)

JUST_NOW = 5.0
"""Seconds for which evidence counts as of now: what is on screen is confirmed or asked again within
them, so that a finer age would only go up and down."""


@dataclass(frozen=True, slots=True)
class Detail:
    """What the detail shows."""

    title: str
    """Begins with a glyph."""
    tone: str
    """Of the field `state`."""
    fields: tuple[tuple[str, str], ...]
    """Label and text, in the order to be read."""
    json: str
    """The value, laid out if it is JSON, else as text."""


def detail_of(
    record: AnyRecord,
    state: State,
    cluster: Cluster,
    life: Life | None,
    first_seen: FirstSeen | None,
    now: float,
    *,
    evidence: Sequence[Evidence] = (),
    gone: str = "",
    restarts: int = 0,
    alike: int = 1,
) -> Detail:
    """`life` and `first_seen` are None while, or where, they are not known.

    `gone`: when it went, and why; empty for what is there. `restarts`: how often an instance was
    replaced there of late. `alike`: how many records the row stands for, this being the first.
    """
    known = "" if first_seen is None else seen_in_words(first_seen, now)
    fields = [
        ("of", f"the first of {alike:,} cards that this row stands for" if alike > 1 else ""),
        ("key", keys.spell(record.key)),
        ("state", f"{state.word}: {MEANINGS[state]}"),
        ("gone", gone),
        *evidence_fields(evidence, now),
        ("note", record.note or ""),
        ("lease", _lease(record, life, now)),
        ("restarts", f"{count(restarts, 'restart')} in 10 min" if restarts else ""),
        *_own_fields(record, cluster),
        ("worker", _worker(record, cluster)),
        _identity(record),
        ("revision", revision_word(record.revision)),
        ("seen", known.removeprefix("seen ")),
    ]
    shown = tuple((label, text) for label, text in fields if text)
    name = record.model_name or record.id.path()
    title = f"{state}  {KIND_NAMES[record.kind]} {name}"
    return Detail(title.rstrip(), state.tone, shown, value_text(record))


def with_happening(detail: Detail | None, happening: Happening) -> Detail:
    """A detail with what happened on top; None: it concerns no record but the whole store."""
    at = datetime.fromtimestamp(happening.at)
    told = (f"{at:%Y-%m-%d %H:%M:%S}  {happening.why}").rstrip()
    field = (happening.what.value, told)
    if detail is None:
        glyph, _ = HAPPENING_GLYPHS[happening.what]
        return Detail(f"{glyph} store {happening.what.value}", "", (field,), "")
    return replace(detail, fields=(field, *detail.fields))


def value_text(record: AnyRecord) -> str:
    """The value, laid out if it is JSON."""
    return _laid_out(record.entry)


# The detail is put together anew each second, and an etcd's value may have 1.4 MB.
@lru_cache(maxsize=4)
def _laid_out(entry: Entry) -> str:
    value = parsed_value(entry)
    if isinstance(value, str):
        return entry.value.decode("utf-8", "backslashreplace")
    return json.dumps(value, indent=2, ensure_ascii=False)


def kind_and_name(record: AnyRecord) -> str:
    """`instance prod/backend/generate`; of what has no name its key."""
    name = record.model_name if isinstance(record, ModelCard) else record.id.path()
    return f"{SHORT_KIND_NAMES[record.kind]} {name or keys.spell(record.key)}"


def keeps(records: Sequence[AnyRecord]) -> str:
    """`2 instances, 1 model card`."""
    kinds = Counter(KIND_NAMES[record.kind] for record in records)
    return ", ".join(count(number, kind) for kind, number in kinds.items())


def evidence_fields(evidence: Sequence[Evidence], now: float) -> list[tuple[str, str]]:
    """A line for each piece, the first with the label."""
    labels = ("evidence", *([" "] * len(evidence)))
    return [
        (label, f"{one.text}  ({_ago(now - one.at)})")
        for label, one in zip(labels, evidence, strict=False)
    ]


def _ago(seconds: float) -> str:
    return "now" if seconds < JUST_NOW else f"{duration(seconds)} ago"


def _identity(record: AnyRecord) -> tuple[str, str]:
    """The id as keys write it and as bodies and logs do."""
    scoped = isinstance(record, EventChannel | EventSource)
    number = record.id.instance_id
    text = "" if number is None else f"{number:x}, in decimal {number}"
    return ("publisher" if scoped else "instance", text)


def _own_fields(record: AnyRecord, cluster: Cluster) -> list[tuple[str, str]]:
    match record:
        case EndpointInstance():
            return [("transport", transport_of(record)), ("device", record.device_type or "")]
        case ModelCard():
            base = cluster.base_of(record) if record.is_lora else None
            base_name = record.base_model if base is None else base.model_name
            tokens = record.context_length
            return [
                ("LoRA of", (base_name or NOTHING) if record.is_lora else ""),
                ("type", record.model_type or ""),
                ("worker type", record.worker_type or ""),
                ("context", "" if tokens is None else count(tokens, "token")),
            ]
        case EventChannel():
            sources = len(cluster.sources_of(record))
            about = count(sources, "source") if sources else "none says what it is about"
            return [("transport", transport_of(record)), ("sources", about)]
        case EventSource():
            channel = cluster.channel_of(record)
            return [
                ("about", f"worker {worker_word(record, record.worker_id or None)}"),
                ("channel", "not registered" if channel is None else transport_of(channel)),
            ]
    return []


def _worker(record: AnyRecord, cluster: Cluster) -> str:
    worker = cluster.worker_of(record)
    if worker is None:
        return worker_word(record, None)
    siblings = cluster.siblings(record)
    return hex_id(worker) + (f"  also has {keeps(siblings)}" if siblings else "")


def _lease(record: AnyRecord, life: Life | None, now: float) -> str:
    if record.expired_at is not None:
        return f"expired {duration(now - record.expired_at)} ago"
    lease = "" if record.lease is None else hex_id(record.lease)
    if life is None:
        return lease or "none"
    if life.ttl.granted is None:
        return f"{lease}  gone".strip()
    return f"{lease}  {time_left(life, now)}".strip()
