"""All that is known of one cause: when and why, what its process was, and each of its events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from backends.discovery.causes import EventCause
from backends.discovery.history import Event
from backends.liveness.workers import Worker
from tui.text.causes.sentences import (
    CAUSE_GLYPHS,
    after_it_went,
    cause_name,
    cause_subject,
    process_of,
    time_text,
)
from tui.text.detail import Detail, kind_and_name
from tui.text.format import EVENT_GLYPHS, count, duration
from tui.text.host_clock import ShownAt, as_it_is
from tui.text.reasons import reason_text
from tui.text.timestamps import time_of_day

MOST_EVENTS = 100
"""Events listed of a cause."""


def cause_detail(
    cause: EventCause,
    *,
    now: str = "",
    replaced_by: str = "",
    shown_at: ShownAt = as_it_is,
    is_past: bool = False,
) -> Detail:
    """Return the detail of a cause with several events. `now`: what is registered of its process
    now. `replaced_by`: the process that took its place. `shown_at`: what the host's clock
    showed. `is_past`: whether that is at an earlier moment."""
    glyph, tone = CAUSE_GLYPHS[cause.kind]
    process = process_of(cause)
    fields = [
        ("when", _when(cause, shown_at)),
        ("why", _why(cause)),
        *_evidence(cause),
        *(() if process is None else _process(process)),
        ("replaced", replaced_by and f"by {replaced_by}"),
        ("then" if is_past else "now", now),
        *_events(cause.events, shown_at),
    ]
    names = (glyph, cause_subject(cause), cause_name(cause), cause.kind.value)
    shown = tuple((label, text) for label, text in fields if text)
    return Detail(" ".join(filter(None, names)), tone, shown, "")


def _when(cause: EventCause, shown_at: ShownAt) -> str:
    at = datetime.fromtimestamp(shown_at(cause.at))
    if cause.is_untimed:
        revisions = dict.fromkeys(_revision(one) for one in (cause.events[0], cause.events[-1]))
        steps = " to ".join(filter(None, revisions))
        named = f", {'revision' if len(revisions) == 1 else 'revisions'} {steps}" if steps else ""
        return f"before {at:%Y-%m-%d %H:%M:%S}{named}; the store keeps no time of it"
    took = cause.until - cause.at
    until = f" to {time_of_day(shown_at(cause.until))}" if took >= 1 else ""
    return f"{at:%Y-%m-%d %H:%M:%S}{until}"


def _why(cause: EventCause) -> str:
    """Return the reason; of keys that are back why they went."""
    went = cause.events[0].went_before
    if went is None:
        return "" if cause.is_untimed else reason_text(cause.why)
    return f"registered again, {after_it_went(cause.events[0], went)}"


def _evidence(cause: EventCause) -> list[tuple[str, str]]:
    """Return what the lease of removed keys had left when it was read last before they went."""
    for event in reversed(cause.events):
        if event.removal is None or (reading := event.removal.reading) is None:
            continue
        granted = reading.ttl.granted
        if granted is None:
            return []
        before = duration(event.removal.at - reading.at)
        left = f"its lease had {reading.ttl.remaining:.0f} of {granted:.0f} s left"
        return [("evidence", f"{left} when it was read last, {before} before")]
    return []


def _process(process: Worker) -> list[tuple[str, str]]:
    """Return what a process was, as far as the records of a cause show it."""
    ids = process.instance_ids or [process.id]
    endpoints = [one.id.path() for one in process.served]
    return [
        (process.role.value, ", ".join(f"{one:x}, in decimal {one}" for one in ids)),
        ("role", ", ".join(process.roles)),
        ("models", ", ".join(process.models)),
        ("host", ", ".join(process.hosts)),
        ("endpoints", ", ".join(endpoints)),
    ]


def _events(events: Sequence[Event], shown_at: ShownAt) -> list[tuple[str, str]]:
    """Return a line for each event, the first with their number."""
    lines = [_event(one, shown_at) for one in events[:MOST_EVENTS]]
    if len(events) > MOST_EVENTS:
        lines.append(f"… {len(events):,} in all")
    labels = [_label(events), *(" " for _ in lines)]
    return list(zip(labels, lines, strict=False))


def _label(events: Sequence[Event]) -> str:
    return count(len(events), "key" if events[0].record is not None else "event")


def _event(event: Event, shown_at: ShownAt) -> str:
    glyph, _ = EVENT_GLYPHS[event.type]
    what = reason_text(event.why) if event.record is None else kind_and_name(event.record)
    time = time_text(event.at, shown_at, is_untimed=event.is_untimed)
    if event.is_untimed and (revision := _revision(event)):
        time = f"revision {revision}"
    return f"{time}  {glyph} {event.type.value}  {what}"


def _revision(event: Event) -> str:
    return "" if event.why is None else event.why.revision
