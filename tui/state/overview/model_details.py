"""The detail of a model's line: which workers serve it, on which hosts, and why others do not. No
Textual in here."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from backends.discovery.models import adapter_name
from backends.discovery.record_index import Scope
from backends.dynamo.records import AnyRecord, ModelCard
from tui.state.column import Cell
from tui.state.dashboard import Dashboard
from tui.state.overview.model_lines import ModelLine
from tui.text.cards.model_summary import ModelSummary, summarise, summary_detail
from tui.text.detail import Detail
from tui.text.serving import NOT_SERVED, PARTLY, frontend_fields

SUMMARY_AGE = 5.0
"""Seconds for which a summary is kept though something was judged meanwhile that changes no card of
the model: there may be thousands."""


class _Made(msgspec.Struct, frozen=True):
    """What a summary was made of."""

    name: str
    within: Scope
    cards: Sequence[AnyRecord]
    updates: int
    at: float
    summary: ModelSummary


class ModelDetails:
    """Makes details as Models has them, and keeps the last summary."""

    def __init__(self, dashboard: Dashboard) -> None:
        self._dashboard = dashboard
        self._made: _Made | None = None

    def of(self, line: ModelLine, cards: Sequence[AnyRecord], within: Scope) -> Detail:
        """Return the detail of a model. `cards`: the registered ones in the place, without those of
        adapters."""
        dashboard, view, states = self._dashboard, self._dashboard.view, self._dashboard.states
        serving = view.verdicts.serving
        is_denied = line.state in (NOT_SERVED, PARTLY)
        state = Cell(str(line.state), line.state.tone) if is_denied else states.of_many(cards)
        reports = serving.at_frontends(line.name)
        fields = frontend_fields(
            reports,
            serving.frontends,
            dashboard.clock.shown_at,
            reached=bool(line.figures.most or line.figures.unknown),
        )
        return summary_detail(
            f"{state.text}  model {line.name}",
            state.tone,
            self._summary(line.name, cards, within),
            states.as_of() or states.clock(),
            reason_of=states.reason,
            path_of=self._path_of,
            frontends=fields,
            denied=reports is not None and bool(reports.denied_by),
        )

    def _summary(self, name: str, cards: Sequence[AnyRecord], within: Scope) -> ModelSummary:
        view, made = self._dashboard.view, self._made
        updates, now = view.verdicts.updates, self._dashboard.clock()
        if (
            made is not None
            and (made.name, made.within) == (name, within)
            and made.cards is cards
            and (made.updates == updates or now - made.at < SUMMARY_AGE)
        ):
            return made.summary
        adapters = {adapter_name(one) for one in view.models.cards(name) if one.is_lora}
        found = summarise(
            name,
            [one for one in cards if isinstance(one, ModelCard)],
            view.cluster,
            view.verdicts.serving,
            view.verdicts.of,
            within=within,
            adapters=sorted(adapters),
            known=self._dashboard.states.as_far_as_known,
        )
        self._made = _Made(name, within, cards, updates, now, found)
        return found

    def _path_of(self, key: bytes) -> str:
        record = self._dashboard.view.cluster.records.get(key)
        return "" if record is None else record.id.path()
