"""How things are said: durations, states, kinds. No Textual in here.

A state is always a glyph and a word, so that it can be told without colour.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from backends.cluster import FirstSeen
from backends.history import What
from backends.ids import Kind
from backends.liveness import Life, Verdict
from backends.records import AnyRecord, EventSource, ModelCard
from tui.monitor import Link, Monitor

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

    def __str__(self) -> str:
        return f"{self.glyph} {self.word}"


STATES: dict[Verdict, State] = {
    Verdict.LIVE: State("●", "live", "good"),
    Verdict.LATE: State("◐", "late", "warn"),
    Verdict.UNREACHABLE: State("✗", "unreachable", "bad"),
    Verdict.EXPIRED: State("○", "expired", "bad"),
    Verdict.ORPHANED: State("⊘", "orphaned", "bad"),
    Verdict.UNLEASED: State("∞", "unleased", "warn"),
    Verdict.DRAINED: State("▽", "drained", "dim"),
    Verdict.CONFLICT: State("≠", "conflict", "bad"),
    Verdict.MALFORMED: State("!", "malformed", "bad"),
    Verdict.UNKNOWN: State("?", "unknown", "dim"),
}
GONE = State("†", "gone", "dim")

MEANINGS: dict[State, str] = {
    STATES[Verdict.LIVE]: "registered, and kept alive",
    STATES[Verdict.LATE]: "a keep-alive was missed; its lease has not ended yet",
    STATES[Verdict.UNREACHABLE]: "registered, but nobody answers where it says it is",
    STATES[Verdict.EXPIRED]: "its time to live ran out, and nobody removed it",
    STATES[Verdict.ORPHANED]: "a card, channel or source whose worker is gone",
    STATES[Verdict.UNLEASED]: "registered without a lease: nothing will ever remove it",
    STATES[Verdict.DRAINED]: "this dyntop drained its worker, which runs on",
    STATES[Verdict.CONFLICT]: "its body names another, or its card differs from its model's others",
    STATES[Verdict.MALFORMED]: "not as Dynamo writes it; Dynamo skips it",
    STATES[Verdict.UNKNOWN]: "no evidence yet, for or against",
    GONE: "not registered any more; shown as it last was, for ten minutes",
}
"""Every state with what it means, for the help."""


HAPPENING_GLYPHS = {
    What.ADDED: ("+", "good"),
    What.CHANGED: ("~", "accent"),
    What.EXPIRED: ("○", "warn"),
    What.REVIVED: ("●", "good"),
    What.REMOVED: ("-", "bad"),
    What.RESYNCED: ("=", "dim"),
    What.LOST: ("✗", "bad"),
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


def time_left(life: Life, now: float) -> str:
    """How long a lease (or key) still has, of what it was granted: `29 of 30 s left`; of what has
    many minutes only these, `58 of 60 min left`, since nobody waits for its seconds.

    Only for what exists: with a time that was granted.
    """
    left, granted = life.remaining(now), life.ttl.granted or 0.0
    if left < MANY_MINUTES:
        return f"{left:.0f} of {granted:.0f} s left"
    return f"{left / 60:.0f} of {granted / 60:.0f} min left"


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


def nothing_to_show(monitor: Monitor, store: str, namespace: str | None) -> str:
    """What a table without rows says. `store` is its name and address."""
    if not monitor.complete:
        if monitor.store.link is Link.DISCONNECTED:
            return f"Not connected to {store}: trying again"
        if monitor.frozen:
            return "Frozen before anything was read: f lets it go on"
        return f"Reading {store} …"
    if monitor.only_findings and not monitor.filter:
        return "All is live here, as far as there is evidence: ! shows everything"
    if monitor.filter:
        return f"Nothing here matches “{monitor.filter}”: Esc clears the filter"
    if monitor.cluster.records:
        return "None here"
    of = f" in namespace {namespace}" if namespace else ""
    return f"Nothing is registered{of} yet: workers show up here when they start"


def revision_word(revision: str) -> str:
    """A revision for people: of the NATS store's, which name their stream by when it was made, the
    number and that."""
    number, at, made = revision.partition("@")
    if not at or not number.isdigit():
        return revision
    return f"{number} of the bucket made {made[:19].replace('T', ' ')}"
