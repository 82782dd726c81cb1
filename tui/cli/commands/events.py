"""`dyntop events`: print what happened in a recording, when, and why."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable, Iterable, Sequence

import msgspec

from backends.discovery.causes import EventCause
from backends.discovery.record_index import own_worker
from backends.dynamo import keys
from backends.dynamo.records import AnyRecord
from backends.recording.recorded_events import RecordedEvent, recorded_causes, recorded_events
from backends.recording.recording_timeline import RecordingTimeline
from backends.store import Misconfigured
from tui.cli.output import STRUCTURED, described, query, write_objects
from tui.cli.tables import write_table
from tui.config.settings import Settings
from tui.runtime.standard_streams import end_at_once_on_interrupt, print_message, write_lines
from tui.state.narrowing import Words, searchable
from tui.text.causes.sentences import (
    STORE,
    cause_name,
    cause_sentence,
    cause_subject,
    cause_why,
    number_of_keys,
)
from tui.text.errors import Exit
from tui.text.format import SHORT_KIND_NAMES, count, hex_id, name_of
from tui.text.json_export import as_json, exported_id, exported_reason, hex_or_none
from tui.text.past.typed_time import TypedTime
from tui.text.reasons import reason_text
from tui.text.sanitize import plain, plain_key
from tui.text.timestamps import day_and_time, time_of_day, utc_stamp

HEADER = ("TIME", "WHAT", "KIND", "NAME", "ID", "WHY")

DAY = 86_400.0
"""Seconds."""

Cells = Sequence[str]
IsShown = Callable[[Sequence[AnyRecord], Iterable[str]], bool]
"""Returns whether the filters show something with these records and texts."""


class Span(msgspec.Struct, frozen=True):
    """A part of a recording, in POSIX seconds."""

    since: float
    until: float
    start: float
    end: float
    """Those of the recording."""
    is_part: bool
    """Whether it was asked for."""

    @property
    def bounds(self) -> tuple[float | None, float | None]:
        """Where it begins and ends. None: as the recording does."""
        return (self.since, self.until) if self.is_part else (None, None)

    @property
    def is_outside(self) -> bool:
        """Whether nothing of it was recorded."""
        return self.since > self.end or self.until < self.start

    @property
    def recorded(self) -> tuple[str, str]:
        """Between which times something was recorded of it, in words."""
        return day_and_time(max(self.start, self.since)), day_and_time(min(self.end, self.until))

    def __str__(self) -> str:
        """Return why there is nothing in what is outside."""
        start, end, since, until = map(day_and_time, (self.start, self.end, self.since, self.until))
        if self.since <= self.until:
            return f"nothing was recorded from {since} to {until}: it is of {start} to {end}"
        asked = f"after {since}" if self.since > self.end else f"before {until}"
        return f"nothing was recorded {asked}: it is of {start} to {end}"

    @property
    def time(self) -> Callable[[float], str]:
        """How times in it are written: without the day, if it is the same for all."""
        first, last = self.recorded
        return time_of_day if first.split()[0] == last.split()[0] else day_and_time


def run(settings: Settings, arguments: argparse.Namespace) -> Exit:
    """Print the events. Raises `StoreError`, `OutputFailed`, BrokenPipeError."""
    end_at_once_on_interrupt()
    asyncio.run(_print(settings, arguments))
    return Exit.DONE


async def _print(settings: Settings, arguments: argparse.Namespace) -> None:
    is_shown = _filter(settings, arguments.filter)
    timeline = await RecordingTimeline.load(arguments.file)
    span = await span_of(timeline, arguments.since, arguments.until)
    if arguments.causes:
        causes = [
            one
            for one in await recorded_causes(timeline, *span.bounds)
            if is_shown(one.records, _texts_of_cause(one))
        ]
        number = len(causes)
        if arguments.output in STRUCTURED:
            write_objects(arguments.output, map(_cause_json, causes))
        else:
            time = span.time
            write_table(HEADER, (_cause_cells(one, time) for one in causes))
    else:
        number = await _print_events(timeline, span, is_shown, arguments.output)
    if span.is_outside:
        print_message(f"{timeline.name}: {span}")
    elif arguments.output not in STRUCTURED:
        part = "from {} to {}".format(*span.recorded)
        of = f"{timeline.name} ({timeline.store} {timeline.address}){described(settings)}"
        print_message(f"{part} of {of}: {count(number, 'cause' if arguments.causes else 'event')}")
    if timeline.damage:
        print_message(f"{timeline.name}: {timeline.damage}")


async def _print_events(
    timeline: RecordingTimeline, span: Span, is_shown: IsShown, output: str
) -> int:
    """Print events, as they are found if that is asked for. Returns how many."""
    found: list[RecordedEvent] = []
    number = 0
    async for one in recorded_events(timeline, *span.bounds):
        record = one.event.record
        if not is_shown(() if record is None else (record,), _texts_of(one)):
            continue
        number += 1
        if output == "ndjson":
            write_lines([_event_json(one)])
        else:
            found.append(one)
    if output in STRUCTURED:
        if output != "ndjson":
            write_objects(output, map(_event_json, found))
    else:
        time = span.time
        write_table(HEADER, (_event_cells(one, time) for one in found))
    return number


async def span_of(
    timeline: RecordingTimeline, since: TypedTime | None, until: TypedTime | None
) -> Span:
    """Return the part of a recording that was typed. Raises `StoreError`."""
    begun, last = timeline.recording.header.at, (await timeline.last()).at
    start = timeline.timed_from
    start = begun if start is None else start
    end = start if last is None else last
    since_at = start if since is None else since.at(start, end)
    until_at = end if until is None else until.at(start, end)
    if until is not None and until.time_of_day is not None and until_at < since_at:
        # The last such time before the end lies before: the next one is meant.
        until_at = until.at(start, since_at + DAY)
    if start - 1.0 < until_at < start:
        # Its beginning, as it is printed.
        until_at = start
    found = Span(since_at, until_at, start, end, since is not None or until is not None)
    if since is not None and until is not None and until_at < since_at:
        raise Misconfigured(
            "--until", f"{day_and_time(until_at)} is before {day_and_time(since_at)}"
        )
    return found


def _filter(settings: Settings, text: str | None) -> IsShown:
    wanted = query(settings, "all", None, None, None)
    words = Words(text or "")
    if words.conditions.since is not None:
        raise Misconfigured("--filter", "it names a time: use --since for that")
    conditions = words.conditions

    def is_shown(records: Sequence[AnyRecord], texts: Iterable[str]) -> bool:
        if records and not any(map(wanted.matches, records)):
            return False
        if (conditions.kinds or conditions.namespaces) and not any(map(conditions.fit, records)):
            return False
        return not conditions.words or words.are_in("\n".join(texts).lower())

    return is_shown


def _texts_of(one: RecordedEvent) -> list[str]:
    event = one.event
    texts = [event.type.value, reason_text(event.why)]
    if (record := event.record) is not None:
        texts += [SHORT_KIND_NAMES[record.kind], name_of(record), searchable(record)]
    return texts


def _texts_of_cause(cause: EventCause) -> list[str]:
    return [cause_sentence(cause), *map(searchable, cause.records)]


def _event_cells(one: RecordedEvent, time: Callable[[float], str] = day_and_time) -> Cells:
    event, record = one.event, one.event.record
    at = "<" * event.is_untimed + time(event.at)
    if record is None:
        return at, event.type.value, STORE, "", "", reason_text(event.why)
    name = name_of(record) if record.id.path() else plain_key(record.key)
    kind, number = SHORT_KIND_NAMES[record.kind], hex_id(record.id.instance_id)
    return at, event.type.value, kind, name, number, reason_text(event.why)


def _cause_cells(cause: EventCause, time: Callable[[float], str] = day_and_time) -> Cells:
    why = ", ".join(filter(None, (cause_why(cause), number_of_keys(cause))))
    worker = hex_id(cause.worker) if cause.records else ""
    at, name = "<" * cause.is_untimed + time(cause.at), cause_name(cause)
    return at, cause.kind.value, cause_subject(cause), name, worker, why


def _event_json(one: RecordedEvent) -> str:
    event, record = one.event, one.event.record
    return as_json(
        {
            "event": event.type.value,
            "time": None if event.is_untimed else utc_stamp(event.at),
            "revision": one.moment.revision or None,
            "id": None if record is None else exported_id(record),
            "worker": None if record is None else hex_or_none(own_worker(record)),
            "lease": None if record is None else hex_or_none(record.lease),
            "why": plain(reason_text(event.why)) or None,
            "reason": exported_reason(event.why),
        }
    )


def _cause_json(cause: EventCause) -> str:
    return as_json(
        {
            "cause": cause.kind.value,
            "time": None if cause.is_untimed else utc_stamp(cause.at),
            "until": None if cause.is_untimed else utc_stamp(cause.until),
            "subject": cause_subject(cause),
            "worker": hex_or_none(cause.worker) if cause.records else None,
            "keys": [keys.spell(record.key) for record in cause.records],
            "sentence": plain(cause_sentence(cause)),
            "why": plain(reason_text(cause.why)) or None,
            "reason": exported_reason(cause.why),
        }
    )
