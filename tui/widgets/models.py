"""The Models tab: base models with their LoRA adapters, and who serves them."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import BindingType

from backends import models
from backends.ids import Kind
from backends.models import Model
from backends.records import AnyRecord, ModelCard
from backends.workers import SEVERITY
from tui.columns import Cell, Column, SortOrder
from tui.monitor import Changes
from tui.view import View
from tui.widgets.tree_pane import TreePane
from tui.words import NOTHING, hex_id

_Key = tuple[Hashable, ...]


@dataclass(frozen=True, slots=True)
class ModelRow:
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
    """How many processes registered them, as far as it can be told."""
    adapters: int
    """How many LoRA adapters a model has."""
    opened: bool | None
    """Whether what is below it is shown. None: there is nothing below it."""

    @property
    def level(self) -> int:
        """How far it is below its model."""
        return len(self.key) - 1


@dataclass(frozen=True, slots=True)
class _Summary:
    """What is said of all the cards of a row at once."""

    there: Sequence[AnyRecord]
    """Those that are registered."""
    state: Cell
    severity: int
    """Of the worst state; the worst is the least."""
    workers: int
    """How many processes registered them, as far as it can be told."""
    worker_types: str


class ModelsPane(TreePane[ModelRow]):
    """Models that are served below the selected place; a row opens to what it is made of."""

    TITLE = "Models"
    KINDS = frozenset({Kind.MODEL})
    BINDINGS: ClassVar[list[BindingType]] = TreePane.bindings("models", "Show adapters and cards")

    def __init__(self, view: View) -> None:
        columns = [
            Column(
                "name",
                "MODEL",
                24,
                _name,
                share=3,
                most=64,
                path=True,
                sort=lambda row: row.name.lower(),
            ),
            Column("state", "STATE", 15, self._state, drop=1, sort=self._severity),
            Column("workers", "WORKERS", 7, _workers, right=True, sort=lambda row: row.workers),
            Column(
                "loras", "LORAS", 5, _adapters, right=True, sort=lambda row: row.adapters, drop=5
            ),
            Column("type", "WORKER TYPE", 11, self._worker_type, share=1, most=24, drop=3),
            Column("id", "INSTANCE", 16, _instance, drop=2),
        ]
        super().__init__(view, columns, order=SortOrder("name"), id="models")
        self._names = view.monitor.models
        self._gone: dict[bytes, tuple[ModelCard, str]] = {}
        """The cards that went and are still shown, each with the name of its model."""
        self._models: dict[str, Model] = {}
        self._summaries: dict[_Key, _Summary] = {}
        """Of what rows stand for, as far as it was asked for since it changed."""
        self._card_rows: dict[_Key, list[ModelRow]] = {}
        """What is below a model or adapter that is open."""
        self._opened: set[Hashable] = set()
        self._row_index: dict[Hashable, int] = {}

    def rebuild(self) -> None:
        self._gone = self._gone_cards()
        gone = (card for card, _ in self._gone.values())
        cards = self.view.shown.of_type(ModelCard, self.view.scope)
        found = models.group([*cards, *gone], self.view.monitor.cluster)
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
            found = models.group([*cards, *gone], self.view.monitor.cluster)
            self._models.pop(name, None)
            self._models |= {model.name: model for model in found}
        for kept in (self._summaries, self._card_rows):
            for key in [key for key in kept if key[0] in names]:
                del kept[key]
        self._lay_out(names)

    def count(self) -> int:
        if self.view.scope or self.view.monitor.narrowed:
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
        before, self._row_index = self._row_index, {row.key: n for n, row in enumerate(rows)}
        changed: set[Hashable] | None = None
        if touched is not None and before == self._row_index:
            changed = {row.key for row in rows if row.key[0] in touched}
        self.show(rows, self._row_index.get, changed)

    def records_of(self, row: ModelRow) -> Sequence[AnyRecord]:
        return self._summary(row.key, row.cards).there

    def is_faded(self, row: ModelRow) -> bool:
        """A model of which only adapters are registered is not gone."""
        return bool(row.cards) and not self.records_of(row)

    def detail_record(self) -> AnyRecord | None:
        """What went is shown as it last was."""
        if self.row is None or not self.row.cards:
            return None
        return next(iter(self.records_of(self.row)), self.row.cards[0])

    def set_open(self, row: ModelRow, opened: bool) -> None:
        if opened:
            self._opened.add(row.key)
        else:
            self._opened.discard(row.key)
        self._lay_out()

    def _keys(self) -> Collection[bytes]:
        return self.view.shown.keys(Kind.MODEL, self.view.scope)

    def _gone_cards(self) -> dict[bytes, tuple[ModelCard, str]]:
        cluster = self.view.monitor.cluster
        return {
            card.key: (card, models.base_name(card, cluster))
            for card in self.view.monitor.gone(self.KINDS, self.view.scope)
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
            key in self._opened or self.view.monitor.narrowed,
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
        """What is said of a row's cards, which may be thousands."""
        if key not in self._summaries:
            there = self.view.registered(cards)
            workers = {self.view.monitor.cluster.worker_of(card) for card in there}
            self._summaries[key] = _Summary(
                there,
                self.view.state_of_many(cards),
                -SEVERITY.index(self.view.worst(there)),
                len(workers - {None}),
                ", ".join(sorted({card.worker_type for card in cards if card.worker_type})),
            )
        return self._summaries[key]

    def _state(self, row: ModelRow) -> Cell:
        return self._summary(row.key, row.cards).state

    def _severity(self, row: ModelRow) -> int:
        return self._summary(row.key, row.cards).severity

    def _worker_type(self, row: ModelRow) -> Cell:
        return Cell(self._summary(row.key, row.cards).worker_types or NOTHING, "dim")


def _card_row(parent: _Key, card: ModelCard) -> ModelRow:
    return ModelRow((*parent, card.key), "card", card.id.path() or NOTHING, (card,), 1, 0, None)


def _name(row: ModelRow) -> Cell:
    mark = {True: "▾ ", False: "▸ ", None: "· "}[row.opened]
    kind = "LoRA " if row.kind == "LoRA" else ""
    return Cell("  " * row.level + mark + kind + row.name, "dim" if row.kind == "card" else "")


def _workers(row: ModelRow) -> Cell:
    if row.kind == "card":
        return Cell("")
    return Cell(f"{row.workers:,}" if row.workers else NOTHING)


def _adapters(row: ModelRow) -> Cell:
    return Cell(f"{row.adapters:,}" if row.adapters else "", "dim")


def _instance(row: ModelRow) -> Cell:
    if row.kind != "card":
        return Cell("")
    return Cell(hex_id(row.cards[0].id.instance_id), "accent")
