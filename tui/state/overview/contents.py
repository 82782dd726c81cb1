"""The lines of the tab Overview, kept up to date, and what each stands for. No Textual in here."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from itertools import islice

from backends.discovery.record_index import Scope, scopes_of
from backends.dynamo.ids import Kind
from backends.dynamo.records import AnyRecord, ModelCard
from backends.liveness.workers import Worker
from backends.liveness.workers import worker as worker_by_id
from backends.metrics.overview import MeteredModel
from tui.state.causes.cause_rows import CauseRow, CauseRows
from tui.state.cluster_view import Changes
from tui.state.column import Cell
from tui.state.dashboard import Dashboard
from tui.state.destinations import Destination
from tui.state.overview.calm import all_is_well, not_known_yet
from tui.state.overview.model_details import ModelDetails
from tui.state.overview.model_lines import ModelLine, ModelLines
from tui.state.overview.rows import (
    OverviewPart,
    OverviewRow,
    RowKind,
    blank_above,
    cut,
    divide,
    remark,
    title_of,
)
from tui.state.overview.store_lines import StoreLine, frontend_lines, store_lines
from tui.state.overview.wrong_lines import WrongKind, WrongLine, WrongLines
from tui.state.tabs import TabId
from tui.text.causes.cause_detail import cause_detail
from tui.text.causes.sentences import CAUSE_GLYPHS, cause_name, cause_subject, time_text
from tui.text.detail import Detail
from tui.text.format import NOTHING, duration
from tui.text.numbers import latency, rate

MOST_LINES = 200
"""Lines of one part, however high the terminal is."""

LEAST_ROOM = 7
"""Lines that are filled, however few there are: for each part its titles and a line, and one that
says how much more is wrong."""
FEWEST_EVENTS = 3
"""Events for which there must be room before parts are set apart by blank lines."""

PANE_OF = {
    Kind.ENDPOINT: TabId.INSTANCES,
    Kind.MODEL: TabId.MODELS,
    Kind.EVENT_CHANNEL: TabId.CHANNELS,
    Kind.EVENT_SOURCE: TabId.CHANNELS,
    Kind.UNKNOWN: TabId.OTHERS,
}


Subject = WrongLine | ModelLine | CauseRow
"""What a line is of."""


class OverviewContents:
    """Makes the rows, and says what each of them stands for."""

    def __init__(self, dashboard: Dashboard) -> None:
        self._dashboard = dashboard
        self._view = dashboard.view
        self._states = dashboard.states
        self._wrong_lines = WrongLines(dashboard.states)
        self._models = ModelLines(dashboard.view, dashboard.states.as_far_as_known)
        self._details = ModelDetails(dashboard)
        self._causes = CauseRows(dashboard.view, dashboard.clock)
        self._metered: Mapping[str, MeteredModel] = {}
        self._subjects: dict[Hashable, Subject] = {}
        self._cards_of: dict[tuple[str, str | None], Sequence[AnyRecord]] = {}
        """The cards of lines, as they were asked for since the last change."""
        self._some_cards: dict[tuple[str, str | None], Sequence[AnyRecord]] = {}
        """A few cards of each line, as they were asked for last."""
        self._events: dict[int, tuple[object, OverviewRow]] = {}
        """The rows of causes as they were listed last, and what they rest on, by number."""
        self._scope: Scope = ()
        self._number_wrong = 0
        """Of causes, as they were listed last."""

    def rebuild(self) -> None:
        """Take in everything: the scope, the filter or the whole cluster is another."""
        self._scope = self._dashboard.scope
        self._cards_of.clear()
        self._some_cards.clear()
        self._wrong_lines.rebuild(self._scope)
        self._models.rebuild(self._scope)
        self.take_figures()

    def amend(self, changes: Changes) -> None:
        """Take in what changed."""
        if changes.served:
            self._cards_of.clear()
        if len(self._some_cards) > MOST_LINES:
            # Of models that are gone, most of them.
            self._some_cards.clear()
        self._wrong_lines.amend(changes.keys)
        # A filter may be of verdicts, which say nothing of how a model is served.
        self._models.amend(changes.models if self._view.narrowed else changes.served)

    def catch_up(self) -> bool:
        """Take in what costs more than may be done at each change. Call it once a second. Returns
        whether there was any of models; what is wrong may be another in any case."""
        self._wrong_lines.catch_up()
        return self._models.catch_up()

    @property
    def is_passing(self) -> bool:
        """Return whether a row may be another by time alone: one of what is wrong, or of an event
        that is too old by now."""
        return bool(self._number_wrong) or self._causes.is_outdated()

    def refresh_models(self, names: Iterable[str]) -> None:
        """Take in what frontends say of some models and adapters."""
        self._models.amend([one for one in names if one in self._view.models.names()])

    def take_figures(self) -> None:
        """Take in new figures, if any are asked for."""
        if self._dashboard.figures.has_addresses:
            found = self._dashboard.figures.overview()
            self._metered = {one.name: one for one in found.models}

    # --- the rows -----------------------------------------------------------------------------

    def rows(self, room: int) -> list[OverviewRow]:
        """Return the rows for a table with so many lines, its first line included, which has the
        titles of the first part. No row: nothing was read yet."""
        if not self._view.complete:
            return []
        room = max(room, LEAST_ROOM)
        self._subjects.clear()
        wrong, number = self._wrong(min(room, MOST_LINES))
        missing = self._missing() if number else []
        models, models_in_all = self._model_rows(min(room, MOST_LINES))
        events = self._event_rows(min(room, MOST_LINES))
        # Each part has one line of titles.
        titles = 1 + bool(models) + bool(events)
        remarks = self._no_figures() if models else []
        wants = (max(1, number) + len(missing), models_in_all + len(remarks), len(events))
        # Whatever the number of events: lines that move are hard to read.
        least = wants[0] + wants[1] + FEWEST_EVENTS
        blanks = titles - 1 if least + 2 * titles - 1 <= room else 0
        for_wrong, for_models, for_events = divide(room - titles - blanks, *wants)
        if for_wrong <= len(missing):
            missing = []
        if for_models <= len(remarks):
            remarks = []
        keys = self._dashboard.keys
        more = {
            OverviewPart.WRONG: f": {keys.shown('not-live')} shows only findings",
            OverviewPart.MODELS: f": {keys.shown('tab-2')} shows Models",
        }
        parts = {
            OverviewPart.WRONG: cut(
                wrong, for_wrong - len(missing), number, more[OverviewPart.WRONG]
            )
            + missing,
            OverviewPart.MODELS: cut(
                models, for_models - len(remarks), models_in_all, more[OverviewPart.MODELS]
            )
            + remarks,
            # Of events the last ones are all that is wanted.
            OverviewPart.EVENTS: events[:for_events],
        }
        rows: list[OverviewRow] = []
        for part, lines in parts.items():
            if part is not OverviewPart.WRONG and lines:
                rows += [blank_above(part)] if blanks else []
                rows.append(title_of(part))
            rows += lines
        return rows

    def _wrong(self, most: int) -> tuple[list[OverviewRow], int]:
        """Return the lines of the worst causes, and how many causes there are."""
        above, below = store_lines(self._dashboard), frontend_lines(self._dashboard)
        found, number = self._wrong_lines.worst(most)
        rows = [
            *(_row_of_store("store", place, line) for place, line in enumerate(above)),
            *(self._row_of_wrong(one) for one in found),
        ]
        if number == len(found):
            rows += (_row_of_store("frontend", place, line) for place, line in enumerate(below))
        self._number_wrong = number = number + len(above) + len(below)
        if number:
            return rows, number
        state, text = all_is_well(self._dashboard)
        return [remark(OverviewPart.WRONG, text, "calm", state.tone, f"{state.glyph} ")], 0

    def _missing(self) -> list[OverviewRow]:
        """Return a line on what is not known yet, below findings. Empty: there is nothing."""
        if (missing := not_known_yet(self._dashboard)) is None:
            return []
        state, text = missing
        more = "more may have been wrong" if self._dashboard.is_past else "more may be wrong"
        text = f"{more}: {text}"
        return [remark(OverviewPart.WRONG, text, "missing", "dim", f"{state.glyph} ")]

    def _no_figures(self) -> list[OverviewRow]:
        """Return a line on why there are no figures, where some might be expected."""
        why = self._dashboard.figures.named_gap()
        return [remark(OverviewPart.MODELS, why, "figures", "dim", "· ")] if why else []

    def _row_of_wrong(self, cause: WrongLine) -> OverviewRow:
        key = ("wrong", cause.id.kind, cause.id.of)
        self._subjects[key] = cause
        cells = {
            "state": Cell(cause.state.in_column, cause.state.tone),
            "name": Cell(cause.name),
            "worker": Cell(cause.worker_text, "accent"),
            "host": Cell(cause.host, "dim"),
            "keys": Cell(f"{cause.findings:,}" if cause.findings else "", "dim"),
            "why": Cell(cause.why, shorter=cause.words),
        }
        return OverviewRow(key, OverviewPart.WRONG, RowKind.LINE, cells)

    def _model_rows(self, most: int) -> tuple[list[OverviewRow], int]:
        lines, number = self._models.lines(most)
        return [self._row_of_model(line) for line in lines], number

    def _row_of_model(self, line: ModelLine) -> OverviewRow:
        key = ("model", line.name, line.namespace if line.is_part else None)
        self._subjects[key] = line
        state = line.state
        tone = state.tone if state.tone in ("bad", "warn") else ""
        lead = f"  {state.glyph} " if line.is_part else f"{state.glyph} "
        name = line.namespace or NOTHING if line.is_part else line.name
        cells = {
            "model": Cell(name, "dim" if line.is_part and not tone else tone, lead),
            "where": Cell("" if line.is_part else line.where, "dim"),
            "routable": Cell(line.roles or NOTHING, tone),
            "why": Cell(line.why, shorter=line.words),
        }
        if not line.is_part:
            cells |= self._figures(line.name)
        return OverviewRow(key, OverviewPart.MODELS, RowKind.LINE, cells)

    def _figures(self, name: str) -> dict[str, Cell]:
        if not self._dashboard.figures.has_addresses:
            return {}
        metered = self._metered.get(name)
        if metered is None:
            return dict.fromkeys(("requests", "tokens", "errors", "ttft"), Cell(NOTHING, "dim"))
        rates = metered.rates
        errors = rates.error_rate
        texts = {
            "requests": rate(rates.request_rate),
            "tokens": rate(rates.token_rate),
            "errors": rate(errors),
            "ttft": latency(rates.first_token.quantile(0.5)),
        }
        cells = {name: Cell(text, "dim" if text == NOTHING else "") for name, text in texts.items()}
        if errors:
            cells["errors"] = Cell(texts["errors"], "bad")
        if self._dashboard.is_past and (read_at := metered.read_at) is not None:
            ago = self._dashboard.clock() - read_at
            cells["read"] = Cell("now" if ago < 1 else f"{duration(ago)} ago", "dim")
        return cells

    def _event_rows(self, most: int) -> list[OverviewRow]:
        rows = islice(self._causes.newest(self._scope), most)
        self._events = {row.cause.number: self._event(row) for row in rows}
        return [row for _, row in self._events.values()]

    def _event(self, row: CauseRow) -> tuple[object, OverviewRow]:
        """Return the row of a cause, as it was if all is the same, and what it rests on."""
        cause = row.cause
        key = ("event", cause.number)
        self._subjects[key] = row
        shown_at = self._dashboard.clock.shown_at
        time = time_text(cause.at, shown_at, is_untimed=cause.is_untimed)
        rests_on = (time, self._causes.rests_on(cause))
        known = self._events.get(cause.number)
        if known is not None and known[0] == rests_on:
            return known
        glyph, tone = CAUSE_GLYPHS[cause.kind]
        cells = {
            "time": Cell(time, "dim"),
            "what": Cell(f"{glyph} {cause.kind.value}", tone),
            "name": Cell(cause_name(cause) or cause_subject(cause)),
            "id": Cell(row.id_text, "accent"),
            "why": Cell(self._causes.why(row), "dim", shorter=self._causes.words(row)),
        }
        return rests_on, OverviewRow(key, OverviewPart.EVENTS, RowKind.LINE, cells)

    # --- what a row stands for ----------------------------------------------------------------

    def subject(self, row: OverviewRow) -> Subject | None:
        """Return what a row is of. None: of nothing in particular."""
        return self._subjects.get(row.key)

    def records(self, row: OverviewRow) -> Sequence[AnyRecord]:
        """Return the registered records that a row stands for."""
        match self.subject(row):
            case WrongLine() as cause:
                return self._states.registered(cause.records)
            case ModelLine() as line:
                return self._cards(line)
            case CauseRow() as events:
                # If one changed since, the store removes nothing, since its revision differs.
                return self._states.registered(events.records)
        return ()

    def some_records(self, row: OverviewRow, most: int) -> Sequence[AnyRecord]:
        """Return a few of `records`; of a model the same as before as long as they are registered:
        it may have thousands, of which some have another verdict each second."""
        line = self.subject(row)
        if not isinstance(line, ModelLine):
            return self.records(row)[:most]
        key = (line.name, line.namespace)
        some, registered = self._some_cards.get(key, ()), self._view.cluster.records
        if len(some) < most or any(registered.get(one.key) is not one for one in some):
            some = self._some_cards[key] = self._cards(line)[:most]
        return some

    def worker(self, row: OverviewRow) -> Worker | None:
        """Return the process that a row is of. None: of none, or of none that is registered."""
        match self.subject(row):
            case WrongLine(worker=int(number)):
                return worker_by_id(self._view.cluster, number)
        return None

    def detail(self, row: OverviewRow) -> Detail | None:
        """Return the detail of a model, or of events that have one cause. None: it is that of the
        row's record, process or event."""
        match self.subject(row):
            case ModelLine() as line:
                cards = self._cards(line)
                return self._details.of(line, cards, self._within(line)) if cards else None
            case CauseRow(event=None, cause=cause):
                by = self._causes.replacement(cause.events)
                shown_at = self._dashboard.clock.shown_at
                return cause_detail(cause, now="", replaced_by=by, shown_at=shown_at)
        return None

    def destination(self, row: OverviewRow) -> Destination | None:
        """Return where Enter on a row leads. None: nowhere."""
        match self.subject(row):
            case WrongLine() as cause:
                return self._destination_of(cause)
            case ModelLine(name=name):
                return Destination(TabId.MODELS, (name,))
            case CauseRow(key=key):
                return Destination(TabId.EVENTS, key)
        if row.key == ("more", OverviewPart.WRONG):
            return Destination(TabId.WORKERS, only_findings=True)
        if row.key == ("more", OverviewPart.MODELS):
            return Destination(TabId.MODELS)
        return None

    def _destination_of(self, cause: WrongLine) -> Destination:
        if cause.id.kind in (WrongKind.MODEL, WrongKind.ADAPTER):
            names = self._view.models.of(one.key for one in cause.records)
            name = cause.id.of if cause.id.kind is WrongKind.MODEL else next(iter(names), None)
            return Destination(TabId.MODELS, None if name is None else (name,))
        if cause.worker is not None:
            return Destination(TabId.WORKERS, cause.worker)
        (record,) = cause.records
        if isinstance(record, ModelCard):
            names = self._view.models.of([record.key])
            return Destination(TabId.MODELS, (next(iter(names)),) if names else None)
        return Destination(PANE_OF[record.kind], record.key)

    def _cards(self, line: ModelLine) -> Sequence[AnyRecord]:
        """Return the cards of a line, without those of adapters. There may be thousands."""
        key = (line.name, line.namespace)
        if key not in self._cards_of:
            self._cards_of[key] = self._sorted_cards(line)
        return self._cards_of[key]

    def _sorted_cards(self, line: ModelLine) -> Sequence[AnyRecord]:
        scope = self._within(line)
        cards = self._view.models.cards(line.name)
        found: list[AnyRecord] = [
            one for one in cards if not one.is_lora and (not scope or scope in scopes_of(one))
        ]
        return sorted(found, key=lambda one: one.key)

    def _within(self, line: ModelLine) -> Scope:
        """Return the place that the line of a model is of."""
        return (line.namespace or "",) if line.is_part else self._scope

    @property
    def findings(self) -> Collection[bytes]:
        """The keys of all records that are in a line of what is wrong. Do not change it."""
        return self._wrong_lines.findings


def _row_of_store(kind: str, place: int, line: StoreLine) -> OverviewRow:
    cells = {
        "state": Cell(line.state.in_column, line.state.tone),
        "name": Cell(line.name),
        "why": Cell(line.why, shorter=line.words),
    }
    return OverviewRow((kind, place), OverviewPart.WRONG, RowKind.LINE, cells)
