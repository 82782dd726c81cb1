"""The Models tab: base models with their LoRA adapters, and who serves them."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import BindingType

from backends import models
from backends.ids import Kind
from backends.models import Model
from backends.records import AnyRecord, ModelCard
from backends.workers import SEVERITY
from tui.columns import Cell, Column, SortOrder
from tui.view import View
from tui.widgets.tree_pane import TreePane
from tui.words import NOTHING, hex_id


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A model, a LoRA adapter on it, or one worker's card of either."""

    key: tuple[Hashable, ...]
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
            Column("type", "WORKER TYPE", 11, _worker_type, share=1, most=24, drop=3),
            Column("id", "INSTANCE", 16, _instance, drop=2),
        ]
        super().__init__(view, columns, order=SortOrder("name"), id="models")
        self._opened: set[Hashable] = set()
        self._row_index: dict[Hashable, int] = {}

    def rebuild(self) -> None:
        gone = self.view.monitor.gone(self.KINDS, self.view.scope)
        cards = [*self._cards(), *(one for one in gone if isinstance(one, ModelCard))]
        found = models.group(cards, self.view.monitor.cluster)
        tops = [(self._model_row(model), model) for model in found]
        tops.sort(key=lambda top: self.sort_column.sort_value(top[0]), reverse=self.order.reverse)
        rows: list[ModelRow] = []
        for row, model in tops:
            rows.append(row)
            if row.opened:
                rows += self._below(model)
        self._row_index = {row.key: index for index, row in enumerate(rows)}
        self.show(rows, self._row_index.get)

    def count(self) -> int:
        return models.count(self._cards(), self.view.monitor.cluster)

    def count_all(self) -> int:
        """How many there are, wherever they are."""
        cluster = self.view.monitor.cluster
        return models.count(cluster.of_type(ModelCard), cluster)

    def records_of(self, row: ModelRow) -> Sequence[AnyRecord]:
        return self.view.registered(row.cards)

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
        self.rebuild()

    def _cards(self) -> list[ModelCard]:
        return self.view.shown.of_type(ModelCard, self.view.scope)

    def _model_row(self, model: Model) -> ModelRow:
        key = (model.name,)
        return ModelRow(
            key,
            "model",
            model.name,
            model.cards,
            self._workers(model.cards),
            len(model.adapters),
            # What a filter finds may be an adapter: it is not to be looked for.
            key in self._opened or self.view.monitor.narrowed,
        )

    def _below(self, model: Model) -> Iterator[ModelRow]:
        for adapter in model.adapters:
            key = (model.name, adapter.name)
            opened = key in self._opened
            workers = self._workers(adapter.cards)
            yield ModelRow(key, "LoRA", adapter.name, adapter.cards, workers, 0, opened)
            if opened:
                yield from (_card_row(key, card) for card in adapter.cards)
        yield from (_card_row((model.name,), card) for card in model.cards)

    def _workers(self, cards: Sequence[ModelCard]) -> int:
        cluster = self.view.monitor.cluster
        workers = {cluster.worker_of(card) for card in self.view.registered(cards)}
        return len(workers - {None})

    def _state(self, row: ModelRow) -> Cell:
        return self.view.state_of_many(row.cards)

    def _severity(self, row: ModelRow) -> int:
        return -SEVERITY.index(self.view.worst(row.cards))


def _card_row(parent: tuple[Hashable, ...], card: ModelCard) -> ModelRow:
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


def _worker_type(row: ModelRow) -> Cell:
    types = {card.worker_type for card in row.cards if card.worker_type}
    return Cell(", ".join(sorted(types)) or NOTHING, "dim")


def _instance(row: ModelRow) -> Cell:
    if row.kind != "card":
        return Cell("")
    return Cell(hex_id(row.cards[0].id.instance_id), "accent")
