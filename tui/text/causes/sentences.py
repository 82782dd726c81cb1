"""A cause of events in a line, whole or by column."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from backends.discovery.causes import CauseKind, EventCause
from backends.discovery.history import Event, History
from backends.discovery.reasons import Reason, ReasonKind
from backends.dynamo import keys
from backends.dynamo.records import ModelCard
from backends.dynamo.roles import Role, role_of
from backends.liveness.workers import Worker
from tui.text.format import (
    SHORT_KIND_NAMES,
    count,
    duration,
    hex_id,
    name_of,
)
from tui.text.host_clock import ShownAt, as_it_is
from tui.text.reasons import AFTER_GAP, before_start, in_the_past, reason_text
from tui.text.short import without_last_clauses
from tui.text.short.reason_words import reason_words
from tui.text.timestamps import time_of_day

CAUSE_GLYPHS: dict[CauseKind, tuple[str, str]] = {
    CauseKind.STARTED: ("+", "good"),
    CauseKind.BACK: ("+", "good"),
    CauseKind.ADDED: ("+", "good"),
    CauseKind.LOADED: ("+", "good"),
    CauseKind.STOPPED: ("-", "bad"),
    CauseKind.ENDED: ("-", "bad"),
    CauseKind.EXPIRED: ("○", "bad"),
    CauseKind.REVIVED: ("●", "good"),
    CauseKind.DRAINED: ("▽", "warn"),
    CauseKind.REMOVED: ("-", "bad"),
    CauseKind.CHANGED: ("~", "accent"),
    CauseKind.READY: ("●", "good"),
    CauseKind.NOT_READY: ("◌", "warn"),
    CauseKind.RESTARTED: ("~", "warn"),
    CauseKind.REPORTED: ("!", "warn"),
    CauseKind.RESYNCED: ("=", "dim"),
    CauseKind.LOST: ("✗", "bad"),
}
"""The glyph of each kind, and its tone."""

STORE = "store"
LORA = "LoRA"
POD = "pod"


def process_of(cause: EventCause) -> Worker | None:
    """Return the process of a cause, as far as its events show it. None: it is about the store, or
    its process is not known."""
    worker = cause.worker
    return None if worker is None else Worker(worker, tuple(cause.records))


def cause_subject(cause: EventCause) -> str:
    """Return what a cause is about, in one word: the role of a process, the kind of a key, or
    `store`."""
    records = cause.records
    if not records:
        return STORE
    if cause.kind is CauseKind.REPORTED:
        return POD
    if len(records) == 1 and cause.kind is not CauseKind.STARTED:
        (record,) = records
        is_lora = isinstance(record, ModelCard) and record.is_lora
        return LORA if is_lora else SHORT_KIND_NAMES[record.kind]
    role = role_of(records)
    return "process" if role is Role.OTHER else role.value


def cause_name(cause: EventCause) -> str:
    """Return the name of what a cause is about: of a process its components, of one key its own.
    Empty: it is about the store."""
    records = cause.records
    if len(records) == 1 and cause.kind is not CauseKind.STARTED:
        (record,) = records
        if isinstance(record, ModelCard) and record.is_lora and record.model_name is not None:
            return " ".join((*Worker(0, (record,)).components, record.model_name))
        return name_of(record) if record.id.path() else keys.spell(record.key)
    return ", ".join(Worker(0, tuple(records)).components) if records else ""


def cause_why(cause: EventCause) -> str:
    """Return why it happened, as far as known, without the word of its kind; of what started what
    it is. Empty: not known (yet)."""
    event = cause.events[0]
    match cause.kind:
        case CauseKind.STARTED:
            return ": ".join(filter(None, (_in_gap(event.why), _what_started(cause))))
        case CauseKind.BACK if event.went_before is not None:
            # What it was of the past says when it went, and not when it came back.
            why = event.why if _is_in_the_past(cause.why) else cause.why
            return ": ".join(filter(None, (_in_gap(why), after_it_went(event, event.went_before))))
        case CauseKind.LOST if len(cause.events) > 1:
            return f"{len(cause.events):,} attempts: {reason_text(cause.why)}"
    return _without_kind(cause.why, cause.kind)


def words_of_cause(cause: EventCause) -> tuple[str, ...]:
    """Return shorter and shorter forms of `cause_why`. Empty: there is none."""
    why = cause.why
    if cause.kind is CauseKind.STARTED:
        every = without_last_clauses(cause_why(cause))
        process = process_of(cause)
        if process is None or _in_gap(cause.events[0].why):
            return every
        # The beginning of a model's name tells more than the role alone.
        return tuple(one for one in every if all(model in one for model in process.models))
    if cause.kind is CauseKind.BACK:
        return (cause_why(cause).partition(": ")[0],)
    if why is None:
        return ()
    if why.revision and why.kind in (ReasonKind.BEFORE_START, ReasonKind.IN_THE_PAST):
        return (f"revision {why.revision}",)
    kind = cause.kind.value
    return tuple(one.removeprefix(f"{kind} ") for one in reason_words(why) if one != kind)


def after_it_went(event: Event, went: Event) -> str:
    """Return how long after it went something is back, if that is known, and why it went."""
    is_untimed = event.is_untimed or went.is_untimed
    text = "after it went" if is_untimed else f"{duration(event.at - went.at)} after it went"
    why = reason_text(went.why)
    if went.why is not None and _is_in_the_past(went.why):
        return f"{text} at {why}" if went.why.revision else text
    return f"{text}: {why}" if why else text


def cause_sentence(cause: EventCause) -> str:
    """Return a cause as one sentence, without its time: `worker 697a prod/three stopped: lease
    revoked with 22 of 30 s left, 8 keys`."""
    records, why = cause.records, cause_why(cause)
    worker = hex_id(cause.worker) if records and cause.worker is not None else ""
    parts = [cause_subject(cause), worker, cause_name(cause), cause.kind.value]
    text = " ".join(filter(None, parts))
    if why:
        goes_on = cause.kind is CauseKind.BACK or why.startswith(("in order", "by "))
        text += (" " if goes_on else ": ") + why
    return ", ".join(filter(None, (text, number_of_keys(cause))))


def number_of_keys(cause: EventCause) -> str:
    """Return of how many keys a cause is: `8 keys`. Empty: of one, or it is about the store."""
    keys = len(cause.records)
    return count(keys, "key") if keys > 1 else ""


def _what_started(cause: EventCause) -> str:
    process = process_of(cause)
    if process is None:
        return ""
    return ", ".join((*process.roles, *process.models, *process.hosts))


def _in_gap(why: Reason | None) -> str:
    """Return that it happened while the store was not followed. Empty: it did not."""
    if why is not None and why.kind is ReasonKind.BEFORE_START:
        return before_start(why)
    if _is_in_the_past(why) and why is not None and why.revision:
        return in_the_past(why)
    return AFTER_GAP.removesuffix(": ") if why is not None and why.kind is ReasonKind.GAP else ""


def _is_in_the_past(why: Reason | None) -> bool:
    return why is not None and why.kind is ReasonKind.IN_THE_PAST


def time_text(
    at: float,
    shown_at: ShownAt = as_it_is,
    *,
    is_untimed: bool,
    start: float | None = None,
) -> str:
    """Return a time of day; with `<` before it if it is only known that it happened before that. Of
    a day before that of the `start`, the date and the minute."""
    then = shown_at(at)
    if start is not None and not is_untimed and at < start:
        first = shown_at(start)
        if datetime.fromtimestamp(then).date() != datetime.fromtimestamp(first).date():
            return f"{datetime.fromtimestamp(then):%m-%d %H:%M}"
    return "<" * is_untimed + time_of_day(then)


def _without_kind(why: Reason | None, kind: CauseKind) -> str:
    """Return a reason without its first word if that is its kind's: `stopped in order: …`."""
    if why is None:
        return ""
    if why.kind is ReasonKind.GAP:
        return reason_text(why)
    text = reason_text(replace(why, after_gap=False))
    for start in (f"{kind.value}: ", f"{kind.value} "):
        text = text.removeprefix(start)
    return (AFTER_GAP if why.after_gap else "") + text


def kept_since(history: History, shown_at: ShownAt = as_it_is) -> str:
    """Return since when events are kept. Empty: there is none yet."""
    oldest = next(iter(history), None)
    if oldest is None:
        return ""
    since = time_of_day(shown_at(oldest.at))
    if oldest.number < 1 and (start := history.start) is not None:
        since = time_of_day(shown_at(start.at))
        known = f"{1 - oldest.number:,} that the store still knew"
        return f"Kept since {since}, dyntop's start; before it {known}"
    if oldest.number == 1:
        return f"Kept since {since}, dyntop's start; earlier events are not known"
    return f"The last {len(history):,} events are kept, since {since}"


def hidden_before(history: History, number: int, shown_at: ShownAt = as_it_is) -> str:
    """Return since when events are kept, and how many causes of before a filter by time hides."""
    start = history.start
    since = "" if start is None else f"Kept since {time_of_day(shown_at(start.at))}; "
    verb = "it has" if number == 1 else "they have"
    return f"{since}the filter hides {number:,} from before: {verb} no time"


def known_until(history: History, shown_at: ShownAt = as_it_is) -> str:
    """Return of an earlier moment which events up to it are known. Empty: none is."""
    oldest = next(iter(history), None)
    if oldest is None:
        return ""
    number = "event" if len(history) == 1 else f"{len(history):,} events"
    since = "" if oldest.is_untimed else f", since {time_of_day(shown_at(oldest.at))}"
    return f"The last {number} up to this moment{since}"


def nothing_found(sought: str, kept: str) -> str:
    """Return the text of a table of causes of which a filter hides all. `kept`: since when events
    are kept."""
    return f"Nothing that happened matches “{sought}”: Esc clears the filter. {kept}"
