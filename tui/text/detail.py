"""A record with all its details, as text. No Textual in here. Untrusted text is not escaped yet."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache

import msgspec
from msgspec.structs import replace

from backends.discovery.cluster import Cluster, FirstSeen
from backends.discovery.history import Event
from backends.dynamo import keys
from backends.dynamo.parse import parsed_value
from backends.dynamo.records import (
    AnyRecord,
    EndpointInstance,
    EventChannel,
    EventSource,
    ModelCard,
)
from backends.dynamo.roles import Role
from backends.liveness.evidence import Evidence
from backends.liveness.judge import LeaseTtl, Verdict
from backends.liveness.workers import Worker
from backends.store import Entry, Owner, PodEvents, Readiness
from tui.text.format import (
    EVENT_GLYPHS,
    KIND_NAMES,
    LEFT_BEHIND,
    MEANINGS,
    NOTHING,
    SHORT_KIND_NAMES,
    STATES,
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
from tui.text.host_clock import ShownAt, as_it_is
from tui.text.owner import owner_fields
from tui.text.reasons import reason_text
from tui.text.timestamps import time_of_day

JUST_NOW = 5.0
"""Seconds for which evidence counts as of now. Rows on screen are checked again within them, so a
finer age would only go up and down."""

EventsOf = Callable[[Owner], PodEvents | None]
"""Returns what was read of the events of an object's pod. None: they were not read."""


def _not_read(_: Owner) -> None:
    return None


MOST_RECORDS = 100
"""Records listed for a worker: many times as many as any worker registers."""


class Detail(msgspec.Struct, frozen=True):
    """The content of the detail pane."""

    title: str
    """Begins with a glyph."""
    tone: str
    """The tone of the field `state`."""
    fields: tuple[tuple[str, str], ...]
    """Labels and texts, in reading order."""
    json: str
    """The value: indented if it is JSON, else as text."""


def detail_of(
    record: AnyRecord,
    state: State,
    cluster: Cluster,
    lease_ttl: LeaseTtl | None,
    first_seen: FirstSeen | None,
    now: float,
    *,
    evidence: Sequence[Evidence] = (),
    gone: str = "",
    restarts: int = 0,
    requests: str = "",
    alike: int = 1,
    as_of: float | None = None,
    shown_at: ShownAt = as_it_is,
    serving: str = "",
    pod_events: EventsOf = _not_read,
) -> Detail:
    """Return the detail of a record. `lease_ttl`, `first_seen`: None while unknown, or if there
    is none.

    `gone`: when the record went, and why; empty while it is registered. `restarts`: how often an
    instance was replaced here recently. `requests`: requests that a drained worker still has to
    finish. `alike`: how many records the row stands for; this is the first. `as_of`: when the store
    last reported it, if that is not now. `shown_at`: what the host's clock showed. `serving`: a
    sentence on how the model of a card is served. `pod_events`: returns those of an object's pod.
    """
    then = "" if as_of is None else f" as of {time_of_day(shown_at(as_of))}"
    at = now if as_of is None else as_of
    known = "" if first_seen is None else seen_in_words(first_seen, at) + then
    fields = [
        # Of a drained worker this is what one waits for: it needs no scrolling.
        ("requests", requests),
        ("of", f"{alike:,} cards; showing the first" if alike > 1 else ""),
        ("key", keys.spell(record.key)),
        ("state", f"{state.word}: {meaning(state, record.entry.owner)}"),
        ("gone", gone),
        ("serving", serving),
        *evidence_fields(evidence, now, lease_ttl),
        ("note", record.note or ""),
        ("value", f"not known in full: {record.unread}" if record.unread else ""),
        *_holder_fields(record, lease_ttl, at, then, shown_at, pod_events),
        ("restarts", f"{count(restarts, 'restart')} in 10 min" if restarts else ""),
        *_own_fields(record, cluster),
        ("worker", _worker(record, cluster)),
        _identity(record),
        ("revision", "" if record.entry.owner is not None else revision_word(record.revision)),
        ("seen", known.removeprefix("seen ")),
    ]
    shown = tuple((label, text) for label, text in fields if text)
    name = record.model_name or record.id.path()
    title = f"{state}  {KIND_NAMES[record.kind]} {name}"
    return Detail(title.rstrip(), state.tone, shown, value_text(record))


def worker_detail(
    worker: Worker,
    state: State,
    state_of: Callable[[AnyRecord], State],
    now: float,
    *,
    evidence: Sequence[Evidence] = (),
    gone: str = "",
    requests: str = "",
    serving: str = "",
    lease_ttl: LeaseTtl | None = None,
    left: str = "",
    shown_at: ShownAt = as_it_is,
    pod_events: EventsOf = _not_read,
) -> Detail:
    """Return the detail of a process: its role, ids, lease, and one line for each of its records.

    `lease_ttl`: the last reading of its lease; `left`: the time left, in words; `gone`: when the
    worker went, and why; `requests`: its unfinished requests once drained; `serving`: whether each
    of its models gets requests; `pod_events`: returns those of an object's pod.
    """
    records, role = worker.records, worker.role.value
    left_behind = not gone and all(state_of(one) is STATES[Verdict.ORPHANED] for one in records)
    fields = [
        ("requests", requests),
        *_ids_of(worker, role),
        ("state", f"{state.word}: {meaning(state, records[0].entry.owner)}"),
        ("gone", gone),
        ("process", f"none: only what a {role} left behind is registered" * left_behind),
        ("serving", serving),
        *evidence_fields(evidence, now, lease_ttl),
        *_owner_of(worker, shown_at(now), pod_events),
        ("lease", "  ".join(filter(None, (_leases(worker), left)))),
        ("models", ", ".join(worker.models)),
        ("ranks", f"{worker.ranks:,}" if worker.ranks > 1 else ""),
        *(
            ("registered" if number == 0 else " ", f"{state_of(one)}  {kind_and_name(one)}")
            for number, one in enumerate(records[:MOST_RECORDS])
        ),
        ("", "") if len(records) <= MOST_RECORDS else (" ", f"… {len(records):,} in all"),
    ]
    shown = tuple((label, text) for label, text in fields if text)
    title = f"{state}  {LEFT_BEHIND if left_behind else role} {', '.join(worker.components)}"
    return Detail(title, state.tone, shown, "")


def meaning(state: State, owner: Owner | None) -> str:
    """Return what a state means. `owner`: of the record, in a store with owners, where nothing is
    renewed."""
    if owner is not None and state is STATES[Verdict.LIVE]:
        is_ready = owner.readiness is Readiness.DISCOVERABLE
        return "registered, and its pod is ready" if is_ready else "registered, and alive"
    return MEANINGS[state]


def _ids_of(worker: Worker, role: str) -> list[tuple[str, str]]:
    """Return its role, and its ids as keys write them (hex) and as logs do (decimal)."""
    spelled = [f"{one:x}, in decimal {one}" for one in worker.instance_ids or [worker.id]]
    labels = [role, *(" " for _ in spelled)]
    return list(zip(labels, spelled, strict=False))


def _leases(worker: Worker) -> str:
    """Return its leases. Empty: they equal its instance ids."""
    leases = worker.leases
    return "" if leases == worker.instance_ids else ", ".join(f"{one:x}" for one in leases)


NO_TIME = "the store keeps no time of it: before"


def with_event(detail: Detail | None, event: Event, shown_at: ShownAt = as_it_is) -> Detail:
    """Return a detail with an event on top. None: the event is about the whole store, not a
    record."""
    at = f"{datetime.fromtimestamp(shown_at(event.at)):%Y-%m-%d %H:%M:%S}"
    why = reason_text(event.why)
    text = f"{why} ({NO_TIME} {at})" if event.is_untimed else f"{at}  {why}".rstrip()
    field = (event.type.value, text)
    if detail is None:
        glyph, _ = EVENT_GLYPHS[event.type]
        return Detail(f"{glyph} store {event.type.value}", "", (field,), "")
    return replace(detail, fields=(field, *detail.fields))


def value_text(record: AnyRecord) -> str:
    """Return the known part of a value: indented if it is JSON."""
    return _laid_out(record.entry)


# The detail is made anew each second, and a value in etcd may have 1.4 MB.
@lru_cache(maxsize=4)
def _laid_out(entry: Entry) -> str:
    value = parsed_value(entry)
    if isinstance(value, str):
        return entry.value.decode("utf-8", "backslashreplace")
    return json.dumps(value, indent=2, ensure_ascii=False)


def kind_and_name(record: AnyRecord) -> str:
    """Return `instance prod/backend/generate`. A record without a name: its key."""
    name = record.model_name if isinstance(record, ModelCard) else record.id.path()
    return f"{SHORT_KIND_NAMES[record.kind]} {name or keys.spell(record.key)}"


def keeps(records: Sequence[AnyRecord]) -> str:
    """Return `2 instances, 1 model card`, in the order of the tabs."""
    kinds = Counter(record.kind for record in records)
    return ", ".join(count(kinds[kind], name) for kind, name in KIND_NAMES.items() if kinds[kind])


def evidence_fields(
    evidence: Sequence[Evidence], now: float, lease_ttl: LeaseTtl | None = None
) -> list[tuple[str, str]]:
    """Return a line for each piece of evidence, the first with the label.

    Evidence from the reading of the lease (`lease_ttl`) shows its age to the second: the time left
    beside it counts down each second, and "28 of 30 s, now" must not stand beside 25 s left.
    """
    labels = ("evidence", *([" "] * len(evidence)))
    read_at = None if lease_ttl is None else lease_ttl.at
    return [
        (label, f"{one.text}  ({_ago(now - one.at, exact=one.at == read_at)})")
        for label, one in zip(labels, evidence, strict=False)
    ]


def _ago(seconds: float, *, exact: bool = False) -> str:
    return "now" if seconds < (1.0 if exact else JUST_NOW) else f"{duration(seconds)} ago"


def _identity(record: AnyRecord) -> tuple[str, str]:
    """Return the id as keys write it (hex) and as bodies and logs do (decimal)."""
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
            about = count(sources, "source") if sources else "none registered"
            return [("transport", transport_of(record)), ("sources", about)]
        case EventSource():
            channel = cluster.channel_of(record)
            return [
                ("about", _about(record, cluster)),
                ("channel", "not registered" if channel is None else transport_of(channel)),
            ]
    return []


def _about(source: EventSource, cluster: Cluster) -> str:
    """Return the worker that a source's events are about: the one it names, else its owner."""
    worker = cluster.worker_of(source)
    if source.worker_id:
        return f"worker {hex_id(source.worker_id)}"
    named = " (its own worker_id is 0)" if source.worker_id == 0 and worker is not None else ""
    return f"worker {worker_word(source, worker)}{named}"


def _worker(record: AnyRecord, cluster: Cluster) -> str:
    worker = cluster.worker_of(record)
    if worker is None:
        return worker_word(record, None)
    siblings = cluster.siblings(record)
    parts = [hex_id(worker)]
    if (role := cluster.role(worker)) is not Role.WORKER:
        parts.append(f"not a worker: {role.value}")
    if siblings:
        parts.append(f"also has {keeps(siblings)}")
    return "  ".join(parts)


def _owner_of(worker: Worker, now: float, pod_events: EventsOf) -> list[tuple[str, str]]:
    """Return the fields on its pod, in a store with owners. Several objects may have one id."""
    owners = {one.entry.owner.path: one.entry.owner for one in worker.records if one.entry.owner}
    return [
        field for owner in owners.values() for field in owner_fields(owner, now, pod_events(owner))
    ]


def _holder_fields(
    record: AnyRecord,
    lease_ttl: LeaseTtl | None,
    now: float,
    as_of: str,
    shown_at: ShownAt,
    pod_events: EventsOf,
) -> list[tuple[str, str]]:
    """Return what keeps the record: its owner, or its lease."""
    if (owner := record.entry.owner) is not None:
        return owner_fields(owner, shown_at(now), pod_events(owner))
    return [("lease", _lease(record, lease_ttl, now, as_of, shown_at))]


def _lease(
    record: AnyRecord, lease_ttl: LeaseTtl | None, now: float, as_of: str, shown_at: ShownAt
) -> str:
    if record.expired_at is not None:
        # Times of files are by the host's clock.
        return f"expired {duration(shown_at(now) - record.expired_at)} ago{as_of}"
    lease = "" if record.lease is None else hex_id(record.lease)
    if lease_ttl is None:
        return lease or "none"
    if lease_ttl.ttl.granted is None:
        return f"{lease}  gone".strip()
    left = time_left(lease_ttl, now, shown_at)
    return f"{lease}  {left}{as_of if lease_ttl.is_current(now) else ''}".strip()
