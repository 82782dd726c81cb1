"""Durations, states and kinds as text. No Textual in here.

A state is always a glyph and a word: it reads without colour.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from backends.discovery.cluster import FirstSeen
from backends.discovery.history import EventType
from backends.dynamo import naming
from backends.dynamo.ids import Kind
from backends.dynamo.records import AnyRecord, EventSource, ModelCard
from backends.liveness.judge import LeaseTtl, Verdict
from tui.text.host_clock import ShownAt, as_it_is
from tui.text.timestamps import time_of_day

if TYPE_CHECKING:
    # It imports the metrics client, which no list needs.
    from backends.metrics.in_flight import InFlight

NOTHING = "–"
"""Shown where there is no value, or none yet."""

MANY_MINUTES = 120.0
"""Seconds from which a countdown is shown in minutes."""

KIND_NAMES = {
    Kind.ENDPOINT: "instance",
    Kind.MODEL: "model card",
    Kind.EVENT_CHANNEL: "event channel",
    Kind.EVENT_SOURCE: "event source",
    Kind.UNKNOWN: "unknown key",
}

SHORT_KIND_NAMES = {
    Kind.ENDPOINT: "instance",
    Kind.MODEL: "card",
    Kind.EVENT_CHANNEL: "channel",
    Kind.EVENT_SOURCE: "source",
    Kind.UNKNOWN: "unknown",
}


class State(msgspec.Struct, frozen=True):
    """A record's state as glyph, word and tone."""

    glyph: str
    word: str
    tone: str
    """`good`, `warn`, `bad` or `dim`: its colour."""
    brief: str = ""
    """A shorter word for columns. Empty: `word` is short enough."""

    @property
    def in_column(self) -> str:
        """Return glyph and word in at most 13 characters."""
        return f"{self.glyph} {self.brief or self.word}"

    def __str__(self) -> str:
        return f"{self.glyph} {self.word}"


STATES: dict[Verdict, State] = {
    Verdict.LIVE: State("●", "live", "good"),
    Verdict.LATE: State("◐", "late", "warn"),
    Verdict.UNREACHABLE: State("✗", "unreachable", "bad"),
    Verdict.UNREACHABLE_FROM_HERE: State("⇥", "unreachable from here", "warn", "unreached"),
    Verdict.EXPIRED: State("○", "expired", "bad"),
    Verdict.ORPHANED: State("⊘", "orphaned", "bad"),
    Verdict.NOT_READY: State("◌", "not ready", "warn"),
    Verdict.LEFTOVER: State("◇", "leftover", "dim"),
    Verdict.UNLEASED: State("∞", "unleased", "warn"),
    Verdict.DRAINED: State("▽", "drained", "dim"),
    Verdict.UNROUTABLE: State("↛", "unroutable", "bad"),
    Verdict.CONFLICT: State("≠", "conflict", "bad"),
    Verdict.MALFORMED: State("!", "malformed", "bad"),
    Verdict.UNKNOWN: State("?", "unknown", "dim"),
}
GONE = State("†", "gone", "dim")
LEFT_BEHIND = "left behind"
"""Of an id under which only orphaned records are registered: there is no process."""

MEANINGS: dict[State, str] = {
    STATES[Verdict.LIVE]: "registered, and kept alive",
    STATES[Verdict.LATE]: "a keep-alive was missed; its lease has not ended yet",
    STATES[Verdict.UNREACHABLE]: "registered, but nothing answers at its address",
    STATES[Verdict.UNREACHABLE_FROM_HERE]: (
        "unreachable from here: this host cannot reach its address; its worker may be alive, "
        "behind a firewall or a tunnel"
    ),
    STATES[Verdict.EXPIRED]: "its time to live has expired, but the key is still there",
    STATES[Verdict.ORPHANED]: "its worker is gone, and it was left behind",
    STATES[Verdict.NOT_READY]: "registered, but its pod is not ready: clients do not discover it",
    STATES[Verdict.LEFTOVER]: "a card that a worker left in its object when it shut down",
    STATES[Verdict.UNLEASED]: "registered without a lease: it will never expire",
    STATES[Verdict.DRAINED]: "drained or deleted: its worker still runs, and gets no requests",
    STATES[Verdict.UNROUTABLE]: "a card whose worker gets no requests: no instance, or no peer",
    STATES[Verdict.CONFLICT]: "key and body differ, or its worker set has several sorts of card",
    STATES[Verdict.MALFORMED]: "not as Dynamo writes it; Dynamo skips it",
    STATES[Verdict.UNKNOWN]: "no evidence yet, for or against",
    GONE: "no longer registered; shown as it last was, for ten minutes",
}
"""The meaning of each state, for the help."""


EVENT_GLYPHS = {
    EventType.ADDED: ("+", "good"),
    EventType.CHANGED: ("~", "accent"),
    EventType.EXPIRED: ("○", "warn"),
    EventType.REVIVED: ("●", "good"),
    EventType.REMOVED: ("-", "bad"),
    EventType.REPORTED: ("!", "warn"),
    EventType.RESYNCED: ("=", "dim"),
    EventType.LOST: ("✗", "bad"),
}


def hex_id(value: int | None) -> str:
    """Return a u64 as keys write it."""
    return NOTHING if value is None else f"{value:x}"


def worker_ids(worker: int, ids: Sequence[int]) -> str:
    """Return the id of a process, given all its instance ids: `697a`, or `2× 697a` of several."""
    return f"{len(ids)}× {ids[0]:x}" if len(ids) > 1 else hex_id(worker)


def duration(seconds: float) -> str:
    """Return a duration in at most three digits and a unit, as `kubectl` does: `42s`, `3m`.

    Rounded down: never more than has passed.
    """
    seconds = max(0, int(seconds))
    if seconds < 60:
        return f"{seconds}s"
    if seconds < 3600:
        return f"{seconds // 60}m"
    if seconds < 2 * 86400:
        return f"{seconds // 3600}h"
    return f"{seconds // 86400}d"


def time_left(lease_ttl: LeaseTtl, now: float, shown_at: ShownAt = as_it_is) -> str:
    """Return how much of a granted TTL is left: `29 of 30 s left`. From two minutes on in minutes:
    `58 of 60 min left`.

    A reading that a renewal may have overtaken stays as read: `20 of 30 s left as of 09:12:03`. The
    lease (or key) must exist: its granted TTL is known.
    """
    is_current = lease_ttl.is_current(now)
    as_of = "" if is_current else f" as of {time_of_day(shown_at(lease_ttl.at))}"
    left, granted = (
        lease_ttl.remaining(now if is_current else lease_ttl.at),
        lease_ttl.ttl.granted or 0.0,
    )
    if left < MANY_MINUTES:
        return f"{left:.0f} of {granted:.0f} s left{as_of}"
    return f"{left / 60:.0f} of {granted / 60:.0f} min left{as_of}"


def seen(first_seen: FirstSeen, now: float) -> str:
    """Return how long a record has been seen. A leading `>`: it is older than this dyntop's
    start."""
    age = duration(now - first_seen.at)
    return f">{age}" if first_seen.was_there else age


def seen_in_words(first_seen: FirstSeen, now: float) -> str:
    """Return `seen` as words to continue a sentence."""
    age = duration(now - first_seen.at)
    return f"seen for more than {age}" if first_seen.was_there else f"seen for {age}"


def count(number: int, noun: str) -> str:
    """Return a number with its noun: `1 instance`, `1,234 instances`, `2 entries`, `2 keys`, `2
    addresses`."""
    if number != 1:
        if re.search("[^aeiou]y$", noun):
            noun = f"{noun[:-1]}ies"
        else:
            noun = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{number:,} {noun}"


def in_flight_words(found: InFlight) -> str:
    """Return the state of a drained worker's requests: whether it can be stopped."""
    if found.is_idle:
        return "idle: safe to stop"
    if not found.requests:
        return "none in flight: checking once more"
    return f"{found.requests:,} in flight"


def unknown_requests(*, is_asked: bool) -> str:
    """Return that the requests of a drained worker are not known. `is_asked`: a process that may
    have its metrics is asked for them."""
    if is_asked:
        return "not known yet: no metrics of it were read"
    return "not known: no process with its metrics is known (--metrics)"


def name_of(record: AnyRecord) -> str:
    """Return a record's path, and the model's name of a card, in one line."""
    parts = [record.id.path() or NOTHING]
    if isinstance(record, ModelCard) and record.model_name is not None:
        parts.append(record.model_name)
    return " ".join(parts)


def transport_of(record: AnyRecord) -> str:
    """Return the kind of transport and the address."""
    if record.transport is None:
        return NOTHING
    return f"{record.transport.kind} {record.transport.address or ''}".rstrip()


def short_transport(record: AnyRecord) -> str:
    """Return `transport_of` without what repeats the names of the record: the path of an address, a
    NATS subject."""
    if record.transport is None:
        return NOTHING
    kind, address = record.transport.kind, record.transport.address or ""
    match kind:
        case "tcp":
            address = address.partition("/")[0]
        case "http" if "://" in address:
            scheme, _, rest = address.partition("://")
            address = f"{scheme}://{rest.partition('/')[0]}"
        case "nats_tcp" | "Nats" if address == _subject(record):
            address = ""
    return f"{kind} {address}".rstrip()


def _subject(record: AnyRecord) -> str:
    """Return the NATS subject that follows from a record's names; of a channel what its subjects
    begin with."""
    at = record.id
    if record.kind is Kind.ENDPOINT:
        names = (at.namespace or "", at.component or "", at.endpoint or "")
        return naming.subject(*names, at.instance_id)
    labels = {"namespace": at.namespace, "component": at.component, "endpoint": at.endpoint}
    return ".".join(f"{label}.{name}" for label, name in labels.items() if name)


def worker_word(record: AnyRecord, worker: int | None) -> str:
    """Return the worker that a record belongs to, or that it is unknown."""
    if worker is not None:
        return hex_id(worker)
    if isinstance(record, EventSource) and record.worker_id == 0:
        return "unknown (worker_id is 0)"
    return "unknown"


def revision_of(record: AnyRecord) -> str:
    """Return what names the content of a record for people: `revision 7`; in Kubernetes its object,
    `object dynamo/backend-0`."""
    if (owner := record.entry.owner) is not None:
        return f"object {owner.path}"
    return f"revision {revision_word(record.revision)}"


def revision_word(revision: str) -> str:
    """Return a revision for people. NATS revisions name their stream by its creation time: show
    number and time."""
    number, at, made = revision.partition("@")
    if not at or not number.isdigit():
        return revision
    return f"{number} of the bucket made {made[:19].replace('T', ' ')}"
