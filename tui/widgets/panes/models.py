"""The Models tab: base models with their LoRA adapters and workers."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from typing import TYPE_CHECKING, ClassVar

import msgspec
from msgspec.structs import replace
from textual.binding import BindingType
from textual.message import Message

from backends.dynamo.ids import Kind
from backends.dynamo.records import AnyRecord, ModelCard
from backends.liveness.routing import RoutableCount
from tui.runtime.textual_bindings import bindings
from tui.state.charts.chart_subject import ChartSubject, of_model
from tui.state.cluster_view import Changes
from tui.state.column import REASONS, Cell, Column, SortOrder
from tui.state.columns.of_processes import process_columns
from tui.state.dashboard import Dashboard
from tui.state.models_tab.model_rows import ModelRow, ModelRows
from tui.state.models_tab.row_summaries import RowSummary, cards_among
from tui.state.record_states import NO_REASON
from tui.state.sorted_rows import ListedRows
from tui.state.tabs import TabId
from tui.text.cards.model_summary import ModelSummary, summarise, summary_detail
from tui.text.detail import Detail
from tui.text.format import NOTHING, hex_id
from tui.text.sanitize import plain
from tui.text.serving import (
    frontend_fields,
)
from tui.text.short import SHORTEST, shortest
from tui.widgets.panes.tree_pane import TreePane

if TYPE_CHECKING:
    from tui.text.cards.card_comparison import ComparedCards

SUMMARY_AGE = 5.0
"""Seconds after which a model's summary is made anew, if anything was judged meanwhile that does
not change its row: it is made of all of its cards, which may be thousands."""

BEFORE = ("of", "key", "state", "gone", "requests", "serving")
"""The fields of a card's detail that come before the reports of frontends."""


class _Detailed(msgspec.Struct, frozen=True):
    """What the detail of a row was made of."""

    row: RowSummary
    updates: int
    """`LivenessTracker.updates` of then."""
    at: float
    """When, in POSIX seconds."""
    summary: ModelSummary


class ModelsPane(TreePane[ModelRow]):
    """Shows the models in the selected scope; a row expands to its cards."""

    TAB = TabId.MODELS
    TITLE = "Models"
    KINDS = frozenset({Kind.MODEL})

    ACTIONS: ClassVar[dict[str, str]] = {"compare": "compare"}
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)

    class CompareAsked(Message):
        """The person wants to see these cards beside each other."""

        def __init__(self, compared: ComparedCards) -> None:
            super().__init__()
            self.compared = compared

    def __init__(self, dashboard: Dashboard) -> None:
        host, role, ranks, release = process_columns(dashboard.processes, _card, ticks=True)
        columns = [
            Column(
                "name",
                "MODEL",
                16,
                _name,
                grow=((3, 24), (5, 36)),
                path=True,
                sort=lambda row: row.name.lower(),
            ),
            Column("state", "STATE", 15, self._state, drop=1, sort=self._severity),
            Column(
                "routable", "ROUTABLE", 8, self._routable, right=True, sort=self._missing, drop=4
            ),
            Column(
                "workers", "WORKERS", 7, _workers, right=True, sort=lambda row: row.workers, drop=9
            ),
            Column(
                "loras", "LORAS", 5, _adapters, right=True, sort=lambda row: row.adapters, drop=10
            ),
            Column("id", "INSTANCE", 16, _instance, drop=2),
            host,
            replace(role, cell=self._role, sort=None),
            ranks,
            release,
            Column(
                "why",
                "WHY",
                SHORTEST,
                self._why,
                drop=3,
                grow=REASONS,
                ticks=True,
                sort=self._severity,
            ),
        ]
        super().__init__(dashboard, columns, order=SortOrder("name"))
        self._models = ModelRows(dashboard)
        self._listed: ListedRows[ModelRow] = ListedRows()
        self._detailed: _Detailed | None = None

    def rebuild(self) -> None:
        self._models.rebuild()
        self._lay_out()

    def amend(self, changes: Changes) -> None:
        self._lay_out(self._models.amend(changes))

    def refresh_models(self, names: Collection[str]) -> None:
        """Draw the rows of some models and adapters again, after new reports of frontends."""
        if self.view.only_findings:
            self.rebuild()
        else:
            self._lay_out(self._models.hear(names))

    def count(self) -> int:
        return self._models.count()

    def _lay_out(self, touched: set[str] | None = None) -> None:
        """Show the rows. `touched`: only these models changed since the last time."""
        rows = self._models.rows(self._arrange)
        listed, before = ListedRows(rows), self._listed
        changed: set[Hashable] | None = None
        if touched is not None and listed.has_keys_of(before):
            changed = {row.key for row in rows if row.key[0] in touched}
        self._listed = listed
        self.show(listed, changed)

    def _arrange(self, rows: list[ModelRow]) -> None:
        rows.sort(key=self.sort_column.sort_value, reverse=self.order.reverse)

    def chart_subject(self) -> ChartSubject | None:
        row = self.row
        if row is not None and row.kind != "card":
            return of_model(row.name)
        return super().chart_subject()

    def records_of(self, row: ModelRow) -> Sequence[AnyRecord]:
        return self._models.summary(row).there

    def is_faded(self, row: ModelRow) -> bool:
        """Return whether a row is faded. A model with registered adapters is not gone."""
        return bool(row.cards) and not self.records_of(row)

    def detail_record(self) -> AnyRecord | None:
        """Return the last record of a row that is gone, too."""
        if self.row is None or not self.row.cards:
            return None
        return next(iter(self.records_of(self.row)), self.row.cards[0])

    def detail_text(self) -> Detail | None:
        """Return the summary of a model or adapter of which something is registered."""
        row = self.row
        if row is None or row.kind == "card":
            return None
        shown, name = self._models.summary(row), str(row.key[-1])
        if not shown.everything:
            return None
        reports = self.view.verdicts.serving.at_frontends(name)
        return summary_detail(
            f"{shown.state.text}  {'LoRA adapter' if row.kind == 'LoRA' else 'model'} {name}",
            shown.state.tone,
            self._model_summary(row, shown),
            self.states.as_of() or self.states.clock(),
            reason_of=self.states.reason,
            path_of=self._path_of,
            frontends=self._frontend_fields(name, shown.routable),
            denied=reports is not None and bool(reports.denied_by),
            compare_key=self.dashboard.keys.shown("compare"),
        )

    def _model_summary(self, row: ModelRow, shown: RowSummary) -> ModelSummary:
        known, updates, now = self._detailed, self.view.verdicts.updates, self.states.clock()
        if (
            known is not None
            and known.row is shown
            and (updates == known.updates or now - known.at < SUMMARY_AGE)
        ):
            return known.summary
        found = summarise(
            str(row.key[-1]),
            list(cards_among(shown.everything)),
            self.view.cluster,
            self.view.verdicts.serving,
            self.view.verdicts.of,
            within=self.dashboard.scope,
            adapters=self._models.adapters_of(row),
            known=self.states.as_far_as_known,
        )
        self._detailed = _Detailed(shown, updates, now, found)
        return found

    def _path_of(self, key: bytes) -> str:
        record = self.view.cluster.records.get(key)
        return "" if record is None else record.id.path()

    def _frontend_fields(self, name: str, figures: RoutableCount) -> list[tuple[str, str]]:
        """Return the report of each frontend on a model or adapter."""
        serving = self.view.verdicts.serving
        return frontend_fields(
            serving.at_frontends(name),
            serving.frontends,
            self.dashboard.clock.shown_at,
            reached=bool(figures.most or figures.unknown),
        )

    def with_pane_fields(self, detail: Detail | None) -> Detail | None:
        """Add the report of each frontend on a card's model or adapter, after its serving."""
        row = self.row
        if detail is None or row is None or row.kind != "card" or not self.records_of(row):
            return detail
        # A card's row is below that of its model or adapter, whose figures they are.
        summary = self._models.summary_above(row)
        figures = RoutableCount() if summary is None else summary.routable
        fields = self._frontend_fields(str(row.key[-2]), figures)
        labels = [label for label, _ in detail.fields]
        behind = 1 + max((labels.index(one) for one in BEFORE if one in labels), default=-1)
        return replace(detail, fields=(*detail.fields[:behind], *fields, *detail.fields[behind:]))

    def action_compare(self) -> None:
        """Compare the cards of the marked rows, or those of each sort in a conflict of the selected
        row."""
        found = self._comparison()
        if isinstance(found, str):
            self.notify(plain(found), severity="warning", markup=False)
        elif found is not None:
            self.post_message(self.CompareAsked(found))

    def _comparison(self) -> ComparedCards | str | None:
        from tui.text.cards import card_comparison  # the first paint need not wait for it

        cluster, row = self.view.cluster, self.row
        if marked := self.table.marked:
            of_rows = [self.records_of(one)[:1] for one in self.rows if one.key in marked]
            cards = {card.key: card for some in of_rows for card in cards_among(some)}
            key = self.dashboard.keys.shown("compare")
            return card_comparison.comparison_of_marked(list(cards.values()), cluster, key)
        if row is None or not self._or_told(self.records_of(row)):
            return None
        return card_comparison.comparison_of_sorts(
            row.name if row.kind != "card" else str(row.key[-2]),
            cards_among(self._models.summary(row).everything),
            self.view.verdicts.serving,
            cluster,
        )

    def set_open(self, row: ModelRow, opened: bool) -> None:
        self._models.set_open(row, opened)
        self._lay_out()

    def _state(self, row: ModelRow) -> Cell:
        return self._models.summary(row).state

    def _severity(self, row: ModelRow) -> int:
        return self._models.summary(row).severity

    def _routable(self, row: ModelRow) -> Cell:
        """Return the routable workers of a model or adapter. A worker in a conflict is routable at
        some frontends."""
        figures = self._models.summary(row).routable
        if row.kind == "card":
            return Cell("")
        if not figures.total:
            return Cell(NOTHING, "dim")
        if figures.least == figures.total:
            return Cell(str(figures))
        if figures.unknown:
            return Cell(str(figures), "dim")
        return Cell(str(figures), "bad" if not figures.least else "warn")

    def _missing(self, row: ModelRow) -> int:
        """Return the sort key: rows that miss most workers come first."""
        figures = self._models.summary(row).routable
        return figures.least - figures.total

    def _why(self, row: ModelRow) -> Cell:
        """Return why not all of its workers are routable, and why its state is not live."""
        summary = self._models.summary(row)
        reason = NO_REASON if summary.worst is None else self.states.why(summary.worst)
        is_said = bool(reason.text) and row.kind == "card"
        why, words = ("", ()) if is_said else (summary.why, summary.words)
        text = "; ".join(filter(None, (why, reason.text)))
        return Cell(text, shorter=shortest(words, reason.shorter))

    def _role(self, row: ModelRow) -> Cell:
        """Return what the row's workers do, as far as their cards show it."""
        return Cell(self._models.summary(row).roles or NOTHING, "dim")


def _name(row: ModelRow) -> Cell:
    mark = {True: "▾ ", False: "▸ ", None: "· "}[row.opened]
    kind = "LoRA " if row.kind == "LoRA" else ""
    lead = "  " * row.level + mark + kind
    return Cell(row.name, "dim" if row.kind == "card" else "", lead)


def _workers(row: ModelRow) -> Cell:
    if row.kind == "card":
        return Cell("")
    return Cell(f"{row.workers:,}" if row.workers else NOTHING)


def _adapters(row: ModelRow) -> Cell:
    return Cell(f"{row.adapters:,}" if row.adapters else "", "dim")


def _card(row: ModelRow) -> ModelCard | None:
    return row.cards[0] if row.kind == "card" else None


def _instance(row: ModelRow) -> Cell:
    if row.kind != "card":
        return Cell("")
    return Cell(hex_id(row.cards[0].id.instance_id), "accent")
