"""The rows of the tab Metrics: models, and below each its frontends and workers. No Textual."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterator
from typing import Any

import msgspec
from msgspec.structs import replace

from backends.discovery.record_index import Scope
from backends.dynamo.ids import Kind
from backends.dynamo.records import AnyRecord
from backends.liveness.judge import Verdict
from backends.liveness.routing import ServingReason
from backends.liveness.serving import Serving
from backends.metrics.catalogue import UNKNOWN_MODEL
from backends.metrics.hour import SeriesKey, key_of_frontend, key_of_model, key_of_worker
from backends.metrics.latest import ScrapedProcess
from backends.metrics.overview import AtFrontend, AtWorker, MeteredModel, Overview
from backends.metrics.rates import Rates
from tui.state.record_states import RecordStates
from tui.text.format import GONE, STATES, State, hex_id
from tui.text.serving import NOT_SERVED, PARTLY

SERVED = State("●", "served", "good")
NOT_REGISTERED = State("≠", "unregistered", "bad")
IN_CONFLICT = STATES[Verdict.CONFLICT]
UNROUTABLE = STATES[Verdict.UNROUTABLE]
ANSWERS = State("●", "answers", "good")
FAILING = State("✗", "failing", "bad")
NO_METRICS = State("?", "not Dynamo's", "dim")
NOT_ASKED = State("?", "not asked", "dim")
NO_SUCH_MODEL = State("?", "no such model", "dim")
"""Of the requests that named no model which a frontend serves."""
STATE_UNKNOWN = State("·", "", "dim")

FINDINGS = (NOT_SERVED, PARTLY, NOT_REGISTERED, IN_CONFLICT, UNROUTABLE, FAILING)
"""States by metrics and frontends; registered records have verdicts of their own."""


Trend = tuple[float | None, ...]
"""Requests a second in equal steps, the newest last. None: nothing was measured in a step."""


class MetricsRow(msgspec.Struct, frozen=True):
    """A model, one of its frontends or workers, a worker of no model, or a process without any."""

    key: tuple[Hashable, ...]
    """The sort key; rows below a model begin with the model's."""
    of: MeteredModel | AtFrontend | AtWorker | ScrapedProcess
    name: str
    state: State
    rates: Rates
    trend: Trend
    opened: bool | None
    """Whether it is expanded. None: there is nothing below it."""
    series: SeriesKey | None = None
    """Names its figures over time. None: it has none."""
    records: tuple[AnyRecord, ...] = ()
    """Its registered records, the instance of a worker first."""

    @property
    def level(self) -> int:
        return len(self.key) - 2


class Rows:
    """Makes them of an overview, for the selected place and the filter."""

    def __init__(
        self,
        states: RecordStates,
        scope: Scope,
        opened: Collection[Hashable],
        trend_of: Callable[[SeriesKey], Trend] = lambda _: (),
    ) -> None:
        """`opened`: the keys of the models that are open. `trend_of`: the requests of a row."""
        self._trend_of = trend_of
        self._states = states
        self._view = states.view
        self._scope = scope
        self._opened = opened
        self._cluster = states.view.cluster
        self._workers_there = self._cluster.workers(scope)
        self._cards_there = self._cluster.keys(Kind.MODEL, scope)

    def made(
        self, overview: Overview, sort: Callable[[MetricsRow], Any], *, reverse: bool
    ) -> list[MetricsRow]:
        """Return all rows: models in the order of `sort`, then workers and processes."""
        tops = [top for model in overview.models if (top := self._model(model)) is not None]
        tops.sort(key=lambda top: sort(top[0]), reverse=reverse)
        rows = [row for top, below in tops for row in (top, *(below if top.opened else ()))]
        workers = [self._worker(("loose",), one) for one in overview.loose if self._is_here(one)]
        silent = [] if self._scope else [self._silent(one) for one in overview.silent]
        return [*rows, *filter(self._is_wanted, [*workers, *silent])]

    def _model(self, model: MeteredModel) -> tuple[MetricsRow, list[MetricsRow]] | None:
        """Return the row of a model and those below it. None: it is hidden."""
        cards = [card for card in model.cards if card.key in self._cards_there]
        if self._scope and not cards:
            return None
        key = ("model", model.name)
        workers = [one for one in model.workers if self._is_here(one)]
        several = model.frontends if len(model.frontends) > 1 else ()
        below = [self._frontend(key, model.name, one) for one in several]
        below += [self._worker(key, one) for one in workers]
        series = key_of_model(model.name)
        row = MetricsRow(
            key,
            model,
            model.name,
            _state_of(model, self._view.verdicts.serving),
            model.rates,
            self._trend_of(series),
            # What a filter finds may be below: it is not to be looked for.
            (key in self._opened or self._view.is_searched) if below else None,
            series,
            tuple(cards),
        )
        if self._is_wanted(row):
            return row, below
        below = [one for one in below if self._is_wanted(one)]
        return (replace(row, opened=True), below) if below else None

    def _frontend(self, parent: tuple[Hashable, ...], model: str, one: AtFrontend) -> MetricsRow:
        key, series = (*parent, str(one.known.target)), key_of_frontend(model, one.known)
        trend, name = self._trend_of(series), _short(one.known)
        return MetricsRow(key, one, name, ANSWERS, one.rates, trend, None, series)

    def _worker(self, parent: tuple[Hashable, ...], one: AtWorker) -> MetricsRow:
        records = self._records(one)
        components = {record.id.component or "" for record in records[:1]}
        components = components or {place.component for place in one.endpoints}
        address = "" if one.known is None else _short(one.known)
        name = hex_id(one.id) if one.id is not None else address
        if not records:
            state = STATE_UNKNOWN if one.id is None else GONE
        else:
            state = STATES[self._states.worst(records)]
        series = key_of_worker(one.id, one.known)
        return MetricsRow(
            (*parent, (one.id or 0, address)),
            one,
            # The end of an id tells more than its start, and is what is left in little room.
            " ".join([*sorted(components - {""}), name]),
            state,
            one.rates,
            self._trend_of(series),
            None,
            series,
            records,
        )

    def _silent(self, known: ScrapedProcess) -> MetricsRow:
        state = NO_METRICS
        if known.trouble:
            state = NOT_ASKED if known.unasked else FAILING
        return MetricsRow(
            ("process", str(known.target)), known, _short(known), state, Rates(), (), None
        )

    def _records(self, worker: AtWorker) -> tuple[AnyRecord, ...]:
        if worker.id is None:
            return ()
        records = self._cluster.registered_by(worker.id)
        return tuple(sorted(records, key=lambda record: record.kind is not Kind.ENDPOINT))

    def _is_here(self, worker: AtWorker) -> bool:
        return not self._scope or worker.id in self._workers_there

    def _is_wanted(self, row: MetricsRow) -> bool:
        view = self._view
        if view.only_findings and not (
            row.state in FINDINGS or any(one.key in view.verdicts.findings for one in row.records)
        ):
            return False
        return not view.filter or view.finds("\n".join(_texts(row)).lower())


def _short(known: ScrapedProcess) -> str:
    """Return the address of a process, without `http://`."""
    return str(known.target).removeprefix("http://")


def _state_of(model: MeteredModel, serving: Serving) -> State:
    return NO_SUCH_MODEL if is_of_no_model(model) else served_state(model, serving)


def is_of_no_model(model: MeteredModel) -> bool:
    """Return whether a row is of requests for models that no frontend serves."""
    return model.name == UNKNOWN_MODEL and not model.cards


def served_state(model: MeteredModel, serving: Serving) -> State:
    """Return the state of a model: whether frontends serve it and it is registered, and whether all
    frontends that reported it before are in the figures. A list alone proves no service: the state
    of its workers in the store comes first."""
    if model.not_registered:
        return NOT_REGISTERED
    figures, reasons = serving.figures(card.key for card in model.cards)
    if reasons and not figures.most:
        return UNROUTABLE
    if reasons[ServingReason.CONFLICT]:
        return IN_CONFLICT
    if model.not_served:
        return NOT_SERVED
    if model.missing:
        there = len(model.reporting)
        return State("◐", f"{there}/{there + len(model.missing)} frontends", "warn")
    if model.served is None:
        return STATE_UNKNOWN
    if reasons and model.served.by:
        return State("◐", f"{figures} routable", "warn")
    if not model.served.by:
        return STATE_UNKNOWN
    return PARTLY if model.served.not_by else SERVED


def _texts(row: MetricsRow) -> Iterator[str]:
    """Return the searchable texts of a row."""
    yield row.name
    match row.of:
        case AtWorker(known=ScrapedProcess() as known):
            yield str(known.target)
        case AtFrontend(known=known):
            yield str(known.target)
    for record in row.records:
        yield record.id.path()
