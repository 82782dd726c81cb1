"""The rows of the tab Events: causes, and below an expanded one its events."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterator, Sequence

from backends.discovery.causes import EventCause
from backends.discovery.history import Event
from backends.discovery.record_index import Scope, scopes_of
from backends.dynamo.records import AnyRecord
from tui.state.cluster_view import ClusterView
from tui.state.conditions import is_of_kind, kind_words
from tui.state.narrowing import searchable
from tui.text.causes.sentences import (
    cause_name,
    cause_subject,
    cause_why,
    number_of_keys,
    words_of_cause,
)
from tui.text.format import EVENT_GLYPHS, SHORT_KIND_NAMES, hex_id, name_of
from tui.text.reasons import reason_text
from tui.text.short import forms
from tui.text.short.reason_words import reason_words


class CauseRow:
    """A cause, or below it one of its events."""

    __slots__ = ("cause", "event", "opened")

    def __init__(self, cause: EventCause, event: Event | None, opened: bool | None) -> None:
        """`event`: the only one, or the one of a row below. `opened`: None: there is nothing
        below."""
        self.cause = cause
        self.event = event
        self.opened = opened

    @property
    def is_below(self) -> bool:
        """Return whether it is one event of several."""
        return self.event is not None and len(self.cause.events) > 1

    @property
    def level(self) -> int:
        return int(self.is_below)

    @property
    def key(self) -> tuple[Hashable, ...]:
        number = self.cause.number
        return (number, self.event.number) if self.is_below and self.event else (number,)

    @property
    def at(self) -> float:
        """When it was seen first, in POSIX seconds."""
        return self.cause.at if self.event is None else self.event.at

    @property
    def is_untimed(self) -> bool:
        """Whether it is only known that it happened before that."""
        return self.cause.is_untimed if self.event is None else self.event.is_untimed

    @property
    def records(self) -> Sequence[AnyRecord]:
        """The records, as they were. Empty: it is about the store."""
        if self.event is None:
            return self.cause.records
        return () if self.event.record is None else (self.event.record,)

    @property
    def id_text(self) -> str:
        """The id of its process, or that in its only key. Empty: it is about the store."""
        if not self.records:
            return ""
        worker = self.cause.worker if self.event is None else self.records[0].id.instance_id
        return hex_id(worker)


class CauseRows:
    """Makes the rows that a filter shows."""

    def __init__(self, view: ClusterView, now: Callable[[], float]) -> None:
        """`now`: POSIX seconds."""
        self._view = view
        self._now = now
        self._texts: dict[int, tuple[object, str]] = {}
        """Of each cause, as it was searched last, while there is a filter: what it rests on, and
        the searched text."""
        self.without_time = 0
        """Causes that the filter would show, but for their time, which is not known."""
        self._ages_at: float | None = None
        """When the next of the rows is too old to be shown. None: none will be."""
        self._stands_at: float | None = None
        """As of when the rows are shown while the view is frozen. None: it is not."""

    def rows(
        self, opened: Collection[int], arrange: Callable[[list[CauseRow]], None]
    ) -> list[CauseRow]:
        """Return the rows, newest first, unless `arrange` puts those of causes in another order.
        `opened`: the numbers of the expanded ones."""
        tops = [_top(cause, opened) for cause in self._shown()]
        arrange(tops)
        rows: list[CauseRow] = []
        for row in tops:
            rows.append(row)
            if row.opened:
                rows += [CauseRow(row.cause, event, None) for event in reversed(row.cause.events)]
        return rows

    def newest(self, scope: Scope) -> Iterator[CauseRow]:
        """Yield the rows of causes, newest first: those in a place, and those about the store."""
        for cause in self._shown():
            records = cause.records if scope else ()
            if not records or any(scope in scopes_of(one) for one in records):
                yield _top(cause, ())

    def is_outdated(self) -> bool:
        """Return whether a row is too old by now."""
        return self._ages_at is not None and not self._view.frozen and self._now() >= self._ages_at

    def why(self, row: CauseRow) -> str:
        """Return why it happened, by what a process that is gone was replaced, and of how many keys
        it is."""
        if row.is_below and row.event is not None:
            # What all have in common is in the row above.
            alone = reason_text(row.event.why)
            above = reason_text(row.cause.why)
            if row.is_untimed:
                # Keys of a start have a revision each, of which the first is above.
                above = reason_text(row.cause.events[0].why)
            return self._replaced("" if alone == above else alone, [row.event])
        why = self._replaced(cause_why(row.cause), row.cause.events)
        return ", ".join(filter(None, (why, number_of_keys(row.cause))))

    def words(self, row: CauseRow) -> tuple[str, ...]:
        """Return shorter and shorter forms of `why`."""
        whole = self.why(row)
        if row.is_below and row.event is not None:
            return forms(whole, *reason_words(row.event.why))[1:] if whole else ()
        why = self._replaced(cause_why(row.cause), row.cause.events)
        return forms(whole, why, *words_of_cause(row.cause))[1:]

    def replacement(self, events: Sequence[Event]) -> str:
        """Return the id of the process that took the place of what was removed. Empty: none did."""
        stones = self._view.tombstones
        for event in events:
            stone = None if event.record is None else stones.get(event.record.key)
            if stone is not None and stone.event is event and stone.replaced_by is not None:
                return hex_id(stone.replaced_by.id.instance_id)
        return ""

    def rests_on(self, cause: EventCause) -> tuple[object, ...]:
        """Return what decides the texts of a cause, except its time: while it is the same, so are
        they."""
        before = cause.events[0].went_before
        reasons = [(one.number, one.why) for one in cause.events]
        return self.replacement(cause.events), before and before.why, reasons

    def _shown(self) -> Iterator[EventCause]:
        """Yield the causes that the filter shows."""
        view, wanted = self._view, self._view.conditions
        self._ages_at, self.without_time = None, 0
        if not wanted.words or len(self._texts) > 2 * len(view.history):
            self._texts.clear()
        # A view that stands still goes on showing what was new enough.
        self._stands_at = (self._stands_at or self._now()) if view.frozen else None
        now = self._stands_at or self._now()
        for cause in view.newest_causes():
            is_aging = wanted.since is not None and not cause.is_untimed
            until = cause.until + (wanted.since or 0.0)
            if is_aging and until <= now:
                continue
            if wanted.kinds and not is_of_kind(_kinds(cause), wanted.kinds):
                continue
            if wanted.namespaces and not any(map(wanted.is_in_namespace, cause.records)):
                continue
            if wanted.words and not view.finds(self._text(cause)):
                continue
            if wanted.since is not None and not is_aging:
                self.without_time += 1
                continue
            if is_aging:
                self._ages_at = until if self._ages_at is None else min(self._ages_at, until)
            yield cause

    def _text(self, cause: EventCause) -> str:
        """Return the searched text of a cause: its cells, and those of its events."""
        rests_on = self.rests_on(cause)
        known = self._texts.get(cause.number)
        if known is not None and known[0] == rests_on:
            return known[1]
        row = _top(cause, ())
        parts = [cause.kind.value, cause_subject(cause), cause_name(cause), self.why(row)]
        parts += [hex_id(cause.worker)] if cause.records else []
        for event in cause.events:
            parts += [EVENT_GLYPHS[event.type][0], event.type.value, reason_text(event.why)]
            if (record := event.record) is not None:
                parts += [SHORT_KIND_NAMES[record.kind], name_of(record), searchable(record)]
        text = "\n".join(dict.fromkeys(parts)).lower()
        self._texts[cause.number] = rests_on, text
        return text

    def _replaced(self, why: str, events: Sequence[Event]) -> str:
        by = self.replacement(events)
        return "; ".join(filter(None, (why, by and f"replaced by {by}")))


def _top(cause: EventCause, opened: Collection[int]) -> CauseRow:
    if len(cause.events) == 1:
        return CauseRow(cause, cause.events[0], None)
    return CauseRow(cause, None, cause.number in opened)


def _kinds(cause: EventCause) -> list[str]:
    """Return the words for a cause that `kind:` may name."""
    words = [cause.kind.value, cause_subject(cause)]
    return words + [word for record in cause.records for word in kind_words(record)]
