"""How things are said: durations, states, kinds. No Textual in here.

A state is always a glyph and a word, so that it can be told without colour.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from backends.discovery.cluster import FirstSeen
from backends.discovery.history import EventType
from backends.dynamo.ids import Kind
from backends.dynamo.records import AnyRecord, EventSource, ModelCard
from backends.liveness.judge import LeaseTtl, Verdict
from tui.text.host_clock import ShownAt, as_it_is
from tui.text.timestamps import time_of_day

if TYPE_CHECKING:
    # It brings the client along that asks for metrics, which no list needs.
    from backends.metrics.in_flight import InFlight

NOTHING = "–"
"""Stands where there is nothing to say, or not yet."""

MANY_MINUTES = 120.0
"""Seconds from which on a time that goes down is told in minutes."""

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


@dataclass(frozen=True, slots=True)
class State:
    """What is to be known of a record at a glance."""

    glyph: str
    word: str
    tone: str
    """`good`, `warn`, `bad` or `dim`, for whoever can see colours."""
    brief: str = ""
    """A word for a column where `word` is too long for one. Empty: it is not."""

    @property
    def in_column(self) -> str:
        """Return it in at most 13 characters."""
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
        "unreachable from here: this host cannot reach its address, and its worker may live, "
        "behind a firewall or a tunnel"
    ),
    STATES[Verdict.EXPIRED]: "its time to live ran out, and nobody removed it",
    STATES[Verdict.ORPHANED]: "a card, channel or source whose worker is gone",
    STATES[Verdict.UNLEASED]: "registered without a lease: nothing will ever remove it",
    STATES[Verdict.DRAINED]: "drained or deleted: its worker is not routed to, and has not ended",
    STATES[Verdict.UNROUTABLE]: "a card whose worker no request reaches: no instance, or no peer",
    STATES[Verdict.CONFLICT]: "its body names another, or its worker set has several sorts of card",
    STATES[Verdict.MALFORMED]: "not as Dynamo writes it; Dynamo skips it",
    STATES[Verdict.UNKNOWN]: "no evidence yet, for or against",
    GONE: "not registered any more; shown as it last was, for ten minutes",
}
"""Every state with what it means, for the help."""


HAPPENING_GLYPHS = {
    EventType.ADDED: ("+", "good"),
    EventType.CHANGED: ("~", "accent"),
    EventType.EXPIRED: ("○", "warn"),
    EventType.REVIVED: ("●", "good"),
    EventType.REMOVED: ("-", "bad"),
    EventType.RESYNCED: ("=", "dim"),
    EventType.LOST: ("✗", "bad"),
}


def hex_id(value: int | None) -> str:
    """A u64 as keys write it."""
    return NOTHING if value is None else f"{value:x}"


def duration(seconds: float) -> str:
    """A length of time in at most three characters and its unit, as `kubectl` would: `42s`, `3m`.

    Rounded down, so that it never says more than has passed.
    """
    seconds = max(0, int(seconds))
    if seconds < 60:
        return f"{seconds}s"
    if seconds < 3600:
        return f"{seconds // 60}m"
    if seconds < 2 * 86400:
        return f"{seconds // 3600}h"
    return f"{seconds // 86400}d"


def time_left(life: LeaseTtl, now: float, shown_at: ShownAt = as_it_is) -> str:
    """How long a lease (or key) still has, of what it was granted: `29 of 30 s left`; of what has
    many minutes only these, `58 of 60 min left`, since nobody waits for its seconds.

    What may have been renewed since is as it was told: `20 of 30 s left as of 09:12:03`. Only for
    what exists: with a time that was granted.
    """
    is_current = life.is_current(now)
    as_of = "" if is_current else f" as of {time_of_day(shown_at(life.at))}"
    left, granted = life.remaining(now if is_current else life.at), life.ttl.granted or 0.0
    if left < MANY_MINUTES:
        return f"{left:.0f} of {granted:.0f} s left{as_of}"
    return f"{left / 60:.0f} of {granted / 60:.0f} min left{as_of}"


def seen(first_seen: FirstSeen, now: float) -> str:
    """For how long a record is known; `>` before it where it is older than this dyntop."""
    age = duration(now - first_seen.at)
    return f">{age}" if first_seen.was_there else age


def seen_in_words(first_seen: FirstSeen, now: float) -> str:
    """As `seen`, to go on a sentence with."""
    age = duration(now - first_seen.at)
    return f"seen for more than {age}" if first_seen.was_there else f"seen for {age}"


def count(number: int, noun: str) -> str:
    """`1 instance`, `1,234 instances`, `2 entries`, `2 keys`, `2 addresses`."""
    if number != 1:
        if re.search("[^aeiou]y$", noun):
            noun = f"{noun[:-1]}ies"
        else:
            noun = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{number:,} {noun}"


def in_flight_words(found: InFlight) -> str:
    """What is to be known of a drained worker's requests before it is stopped."""
    if found.is_idle:
        return "idle: safe to stop"
    if not found.requests:
        return "none in flight: looking once more"
    return f"{found.requests:,} in flight"


def name_of(record: AnyRecord) -> str:
    """A record in a line: where it is, and of a model which."""
    parts = [record.id.path() or NOTHING]
    if isinstance(record, ModelCard) and record.model_name is not None:
        parts.append(record.model_name)
    return " ".join(parts)


def transport_of(record: AnyRecord) -> str:
    """How a record is reached, kind and address."""
    if record.transport is None:
        return NOTHING
    return f"{record.transport.kind} {record.transport.address or ''}".rstrip()


def short_transport(record: AnyRecord) -> str:
    """As `transport_of`, without what the path of a TCP address says once more."""
    if record.transport is None or record.transport.kind != "tcp":
        return transport_of(record)
    return f"tcp {(record.transport.address or '').partition('/')[0]}"


def worker_word(record: AnyRecord, worker: int | None) -> str:
    """The worker that something belongs to, or that it cannot be told."""
    if worker is not None:
        return hex_id(worker)
    if isinstance(record, EventSource) and record.worker_id == 0:
        return "unknown (the source says 0)"
    return "unknown"


def revision_word(revision: str) -> str:
    """A revision for people: of the NATS store's, which name their stream by when it was made, the
    number and that."""
    number, at, made = revision.partition("@")
    if not at or not number.isdigit():
        return revision
    return f"{number} of the bucket made {made[:19].replace('T', ' ')}"
