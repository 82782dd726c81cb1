"""The Models tab: base models with their LoRA adapters and workers."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

import msgspec
from msgspec.structs import replace
from textual.binding import BindingType
from textual.message import Message

from backends.discovery import models
from backends.discovery.models import Model
from backends.discovery.record_index import scopes_of
from backends.dynamo.ids import Kind
from backends.dynamo.records import AnyRecord, ModelCard
from backends.dynamo.roles import role_of_card
from backends.liveness.judge import FINDINGS, Verdict
from backends.liveness.routing import RoutableCount
from backends.liveness.workers import SEVERITY
from tui.runtime.textual_bindings import bindings
from tui.state.charts.chart_subject import ChartSubject, of_model
from tui.state.cluster_view import Changes
from tui.state.column import REASONS, Cell, Column, SortOrder
from tui.state.columns.of_processes import process_columns
from tui.state.dashboard import Dashboard
from tui.state.record_states import NO_REASON
from tui.state.sorted_rows import ListedRows
from tui.state.tabs import TabId
from tui.text.cards.model_summary import ModelSummary, summarise, summary_detail
from tui.text.detail import Detail
from tui.text.format import NOTHING, State, hex_id
from tui.text.sanitize import plain
from tui.text.serving import (
    PARTLY,
    denial_in_brief,
    denial_words,
    frontend_fields,
    state_at_frontends,
    why_not,
    why_not_routed,
    why_not_served,
    words_why_not,
    words_why_not_routed,
    words_why_not_served,
)
from tui.text.short import SHORTEST, shortest
from tui.widgets.panes.tree_pane import TreePane

if TYPE_CHECKING:
    from tui.text.cards.card_comparison import ComparedCards

_Key = tuple[Hashable, ...]

SUMMARY_AGE = 5.0
"""Seconds after which a model's summary is made anew, if anything was judged meanwhile that does
not change its row: it is made of all of its cards, which may be thousands."""

BEFORE = ("of", "key", "state", "gone", "requests", "serving")
"""The fields of a card's detail that come before the reports of frontends."""


class ModelRow(msgspec.Struct, frozen=True):
    """A model, a LoRA adapter on it, or one worker's card of either."""

    key: _Key
    """The names from the model down, then the card's key."""
    kind: str
    """`model`, `LoRA` or `card`."""
    name: str
    """Of the model or adapter; of a card, its endpoint."""
    cards: tuple[ModelCard, ...]
    """The cards that the row stands for, also those that are gone. A model's do not include its
    adapters'."""
    workers: int
    """How many workers have them, by the ids that routers know, whatever a filter leaves out."""
    adapters: int
    """How many LoRA adapters a model has."""
    opened: bool | None
    """Whether it is expanded. None: there is nothing below it."""

    @property
    def level(self) -> int:
        """How far it is below its model."""
        return len(self.key) - 1


class _Summary(msgspec.Struct, frozen=True):
    """A summary of all cards of a row."""

    there: Sequence[AnyRecord]
    """Those that are registered."""
    state: Cell
    severity: int
    """Of the worst state; the worst is the least."""
    workers: int
    """As `ModelRow.workers`."""
    roles: str
    routable: RoutableCount
    """How many of the workers a request reaches, whatever a filter leaves out."""
    why: str
    """Why not all of them, in a few words."""
    words: tuple[str, ...]
    """Shorter forms of `why`."""
    worst: AnyRecord | None
    """The record whose evidence is shown behind `why`. None: it would say the same."""
    everything: Sequence[AnyRecord]
    """All registered cards of the row in the selected place, whatever a filter leaves out."""


class _Detailed(msgspec.Struct, frozen=True):
    """What the detail of a row was made of."""

    row: _Summary
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
        host, role, ranks, release = process_columns(
            dashboard.store.lifetime, dashboard.processes, _card, ticks=True
        )
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
        self._names = dashboard.view.models
        self._gone: dict[bytes, tuple[ModelCard, str]] = {}
        """The cards that went and are still shown, each with the name of its model."""
        self._models: dict[str, Model] = {}
        self._summaries: dict[_Key, _Summary] = {}
        """Summaries of rows, computed since the last change."""
        self._card_rows: dict[_Key, list[ModelRow]] = {}
        """The rows below an expanded model or adapter."""
        self._opened: set[Hashable] = set()
        self._listed: ListedRows[ModelRow] = ListedRows()
        self._detailed: _Detailed | None = None

    def rebuild(self) -> None:
        self._gone = self._gone_cards()
        gone = (card for card, _ in self._gone.values())
        cards = list(self.dashboard.shown.of_type(ModelCard, self.dashboard.scope))
        cards += [
            card for card in self._denied_cards() if card.key not in self.dashboard.shown.records
        ]
        found = models.group([*cards, *gone], self.view.cluster)
        self._models = {model.name: model for model in found}
        self._summaries.clear()
        self._card_rows.clear()
        self._lay_out()

    def amend(self, changes: Changes) -> None:
        before, self._gone = self._gone, self._gone_cards()
        names, here = set(changes.models), self._keys()
        for one, other in ((before, self._gone), (self._gone, before)):
            names |= {name for key, (_, name) in one.items() if other.get(key, ("", ""))[1] != name}
        for name in names:
            gone = [card for card, its_name in self._gone.values() if its_name == name]
            cards = [card for card in self._names.cards(name) if card.key in here]
            found = models.group([*cards, *gone], self.view.cluster)
            self._models.pop(name, None)
            self._models |= {model.name: model for model in found}
        for kept in (self._summaries, self._card_rows):
            for key in [key for key in kept if key[0] in names]:
                del kept[key]
        self._lay_out(names)

    def refresh_models(self, names: Collection[str]) -> None:
        """Draw the rows of some models and adapters again, after new reports of frontends."""
        if self.view.only_findings:
            self.rebuild()
            return
        touched = {key for key in self._summaries if not {*names}.isdisjoint(key)}
        for key in touched:
            del self._summaries[key]
        self._lay_out({str(key[0]) for key in touched})

    def count(self) -> int:
        if self.dashboard.scope or self.view.narrowed:
            return self._names.count(self._keys())
        return len(self._names)

    def _lay_out(self, touched: set[str] | None = None) -> None:
        """Show the rows. `touched`: only these models changed since the last time."""
        tops = [(self._model_row(model), model) for _, model in sorted(self._models.items())]
        tops.sort(key=lambda top: self.sort_column.sort_value(top[0]), reverse=self.order.reverse)
        rows: list[ModelRow] = []
        for row, model in tops:
            rows.append(row)
            if row.opened:
                rows += self._below(model)
        listed, before = ListedRows(rows), self._listed
        changed: set[Hashable] | None = None
        if touched is not None and listed.has_keys_of(before):
            changed = {row.key for row in rows if row.key[0] in touched}
        self._listed = listed
        self.show(listed, changed)

    def chart_subject(self) -> ChartSubject | None:
        row = self.row
        if row is not None and row.kind != "card":
            return of_model(row.name)
        return super().chart_subject()

    def records_of(self, row: ModelRow) -> Sequence[AnyRecord]:
        return self._summary(row.key, row.cards).there

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
        if row is None or row.kind == "card" or not self.records_of(row):
            return None
        shown, name = self._summary(row.key, row.cards), str(row.key[-1])
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

    def _model_summary(self, row: ModelRow, shown: _Summary) -> ModelSummary:
        known, updates, now = self._detailed, self.view.verdicts.updates, self.states.clock()
        if (
            known is not None
            and known.row is shown
            and (updates == known.updates or now - known.at < SUMMARY_AGE)
        ):
            return known.summary
        model = self._models.get(str(row.key[0])) if row.kind == "model" else None
        found = summarise(
            str(row.key[-1]),
            list(_cards(shown.everything)),
            self.view.cluster,
            self.view.verdicts.serving,
            self.view.verdicts.of,
            within=self.dashboard.scope,
            adapters=() if model is None else [one.name for one in model.adapters],
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
        summary = self._summaries.get(row.key[:-1])
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
            cards = {card.key: card for some in of_rows for card in _cards(some)}
            key = self.dashboard.keys.shown("compare")
            return card_comparison.comparison_of_marked(list(cards.values()), cluster, key)
        if row is None or not self._or_told(self.records_of(row)):
            return None
        return card_comparison.comparison_of_sorts(
            row.name if row.kind != "card" else str(row.key[-2]),
            _cards(self._summary(row.key, row.cards).everything),
            self.view.verdicts.serving,
            cluster,
        )

    def set_open(self, row: ModelRow, opened: bool) -> None:
        if opened:
            self._opened.add(row.key)
        else:
            self._opened.discard(row.key)
        self._lay_out()

    def _keys(self) -> Collection[bytes]:
        shown = self.dashboard.shown.keys(Kind.MODEL, self.dashboard.scope)
        denied = self._denied_cards()
        return {*shown, *(card.key for card in denied)} if denied else shown

    def _denied_cards(self) -> list[ModelCard]:
        """Return, while only findings are shown, the matching cards of models that frontends do not
        serve: that is a finding, whatever the verdicts of the cards."""
        view, serving = self.view, self.view.verdicts.serving
        if not view.only_findings or not serving.is_any_denied:
            return []
        denied = serving.denied | serving.partly_denied
        adapters = serving.denied_adapters | serving.partly_denied_adapters
        cards = view.cluster.of_type(ModelCard, self.dashboard.scope)
        loras = [one for one in cards if one.is_lora and models.adapter_name(one) in adapters]
        bases = [one for one in cards if not one.is_lora and one.model_name in denied]
        return [one for one in (*loras, *bases) if view.is_found(one)]

    def _gone_cards(self) -> dict[bytes, tuple[ModelCard, str]]:
        cluster = self.view.cluster
        return {
            card.key: (card, models.base_name(card, cluster))
            for card in self.view.gone(self.KINDS, self.dashboard.scope)
            if isinstance(card, ModelCard)
        }

    def _model_row(self, model: Model) -> ModelRow:
        key = (model.name,)
        return ModelRow(
            key,
            "model",
            model.name,
            model.cards,
            self._summary(key, model.cards).workers,
            len(model.adapters),
            # What a filter finds may be an adapter: it is not to be looked for.
            key in self._opened or self.view.narrowed,
        )

    def _below(self, model: Model) -> Iterator[ModelRow]:
        for adapter in model.adapters:
            key = (model.name, adapter.name)
            opened = key in self._opened
            workers = self._summary(key, adapter.cards).workers
            yield ModelRow(key, "LoRA", adapter.name, adapter.cards, workers, 0, opened)
            if opened:
                yield from self._rows_of_cards(key, adapter.cards)
        yield from self._rows_of_cards((model.name,), model.cards)

    def _rows_of_cards(self, parent: _Key, cards: Sequence[ModelCard]) -> list[ModelRow]:
        if parent not in self._card_rows:
            self._card_rows[parent] = [_card_row(parent, card) for card in cards]
        return self._card_rows[parent]

    def _summary(self, key: _Key, cards: Sequence[ModelCard]) -> _Summary:
        """Return the summary of a row's cards, which may be thousands."""
        if key not in self._summaries:
            there = self.states.registered(cards)
            everything = self._unfiltered(key, there)
            workers = models.workers_of(_cards(everything), self.view.cluster)
            routable, why, words = self._serving(key, everything)
            worst = self.states.worst_of(everything or cards)
            verdict = self.states.worst([] if worst is None else [worst])
            state = self.states.of_many(everything or cards)
            if everything and (denied := self._at_frontends(key, verdict, routable)):
                # What frontends say is in `why`.
                state, verdict, worst = Cell(str(denied), denied.tone), Verdict.UNROUTABLE, None
            says_it = verdict is Verdict.UNROUTABLE or (
                verdict is Verdict.CONFLICT and worst is not None and worst.conflict is None
            )
            if why and says_it and not isinstance(key[-1], bytes):
                worst = None  # `why` says it already
            self._summaries[key] = _Summary(
                there,
                state,
                -SEVERITY.index(verdict),
                len(workers),
                _roles(everything or cards),
                routable,
                why,
                words,
                worst,
                everything,
            )
        return self._summaries[key]

    def _unfiltered(self, key: _Key, there: Sequence[AnyRecord]) -> Sequence[AnyRecord]:
        """Return all registered cards of a row in the selected scope: cards that a filter hides
        decide its state, too. A model with one orphaned card is not orphaned."""
        if not self.view.narrowed or isinstance(key[-1], bytes):
            return there
        scope, names = self.dashboard.scope, self._names
        return [
            card
            for card in names.cards(str(key[0]))
            if scope in scopes_of(card)
            and card.is_lora is (len(key) > 1)
            and (len(key) == 1 or models.adapter_name(card) == key[1])
        ]

    def _serving(
        self, key: _Key, there: Sequence[AnyRecord]
    ) -> tuple[RoutableCount, str, tuple[str, ...]]:
        """Return how many of a row's workers are routable, and why not all, with shorter forms."""
        serving = self.view.verdicts.serving
        if isinstance(key[-1], bytes):
            routing = serving.routing(key[-1])
            return RoutableCount(), why_not_routed(routing), words_why_not_routed(routing)
        reports = serving.at_frontends(str(key[-1]))
        model = serving.model(str(key[0]), self.dashboard.scope) if len(key) == 1 else None
        if model is not None:
            figures, why = model.figures, why_not_served(model)
            words = words_why_not_served(model)
        else:
            figures, reasons = serving.figures(card.key for card in there)
            why = why_not(reasons, {}, unknown=figures.unknown)
            words = words_why_not(reasons, {}, unknown=figures.unknown)
        why = ", ".join(filter(None, (denial_in_brief(reports), why)))
        return figures, why, shortest(denial_words(reports), words)

    def _at_frontends(self, key: _Key, verdict: Verdict, routable: RoutableCount) -> State | None:
        """Return the state of a model or adapter by frontends. None: show the store's, since none
        of its workers is routable anyway, or a frontend serves those that are."""
        if isinstance(key[-1], bytes) or not (routable.most or routable.unknown):
            return None
        state = state_at_frontends(self.view.verdicts.serving.at_frontends(str(key[-1])))
        return None if state is PARTLY and verdict in FINDINGS else state

    def _state(self, row: ModelRow) -> Cell:
        return self._summary(row.key, row.cards).state

    def _severity(self, row: ModelRow) -> int:
        return self._summary(row.key, row.cards).severity

    def _routable(self, row: ModelRow) -> Cell:
        """Return the routable workers of a model or adapter. A worker in a conflict is routable at
        some frontends."""
        figures = self._summary(row.key, row.cards).routable
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
        figures = self._summary(row.key, row.cards).routable
        return figures.least - figures.total

    def _why(self, row: ModelRow) -> Cell:
        """Return why not all of its workers are routable, and why its state is not live."""
        summary = self._summary(row.key, row.cards)
        reason = NO_REASON if summary.worst is None else self.states.why(summary.worst)
        is_said = bool(reason.text) and row.kind == "card"
        why, words = ("", ()) if is_said else (summary.why, summary.words)
        text = "; ".join(filter(None, (why, reason.text)))
        return Cell(text, shorter=shortest(words, reason.shorter))

    def _role(self, row: ModelRow) -> Cell:
        """Return what the row's workers do, as far as their cards show it."""
        return Cell(self._summary(row.key, row.cards).roles or NOTHING, "dim")


def _cards(records: Iterable[AnyRecord]) -> Iterator[ModelCard]:
    return (one for one in records if isinstance(one, ModelCard))


def _roles(cards: Sequence[AnyRecord]) -> str:
    """Of those that are registered; of a model that is gone, as they were."""
    return ", ".join(sorted({role for card in _cards(cards) if (role := role_of_card(card))}))


def _card_row(parent: _Key, card: ModelCard) -> ModelRow:
    return ModelRow((*parent, card.key), "card", card.id.path() or NOTHING, (card,), 1, 0, None)


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
