"""The models in a place, and below each its adapters and the cards of its workers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterator, Sequence

import msgspec

from backends.discovery import models
from backends.discovery.models import Model
from backends.dynamo.ids import Kind
from backends.dynamo.records import ModelCard
from tui.state.cluster_view import Changes
from tui.state.dashboard import Dashboard
from tui.state.models_tab.row_summaries import RowKey, RowSummaries, RowSummary
from tui.text.format import NOTHING


class ModelRow(msgspec.Struct, frozen=True):
    """A model, a LoRA adapter on it, or one worker's card of either."""

    key: RowKey
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


class ModelRows:
    """Makes the rows of the models in the selected place, up to date after `rebuild` or `amend`."""

    def __init__(self, dashboard: Dashboard) -> None:
        self._dashboard = dashboard
        self._view = dashboard.view
        self._names = dashboard.view.models
        self._summaries = RowSummaries(dashboard)
        self._gone: dict[bytes, tuple[ModelCard, str]] = {}
        """The cards that went and are still shown, each with the name of its model."""
        self._models: dict[str, Model] = {}
        self._card_rows: dict[RowKey, list[ModelRow]] = {}
        """The rows below an expanded model or adapter."""
        self._opened: set[Hashable] = set()

    def rebuild(self) -> None:
        """Look at all models anew."""
        self._gone = self._gone_cards()
        gone = (card for card, _ in self._gone.values())
        shown = self._view.shown
        cards = list(shown.of_type(ModelCard, self._dashboard.scope))
        cards += [card for card in self._denied_cards() if card.key not in shown.records]
        found = models.group([*cards, *gone], self._view.cluster)
        self._models = {model.name: model for model in found}
        self._summaries.forget_all()
        self._card_rows.clear()

    def amend(self, changes: Changes) -> set[str]:
        """Look at the models that changed. Returns their names."""
        before, self._gone = self._gone, self._gone_cards()
        names, here = set(changes.models), self._keys()
        for one, other in ((before, self._gone), (self._gone, before)):
            names |= {name for key, (_, name) in one.items() if other.get(key, ("", ""))[1] != name}
        gone: dict[str, list[ModelCard]] = {}
        for card, name in self._gone.values():
            gone.setdefault(name, []).append(card)
        for name in names:
            cards = [card for card in self._names.cards(name) if card.key in here]
            found = models.group([*cards, *gone.get(name, ())], self._view.cluster)
            self._models.pop(name, None)
            self._models |= {model.name: model for model in found}
        self._summaries.forget(names)
        for key in [key for key in self._card_rows if key[0] in names]:
            del self._card_rows[key]
        return names

    def hear(self, names: Collection[str]) -> set[str]:
        """Take in that frontends report something else of models and adapters. Returns the names
        of the models concerned."""
        return self._summaries.forget_named(names)

    def set_open(self, row: ModelRow, opened: bool) -> None:
        """Expand or collapse a row."""
        if opened:
            self._opened.add(row.key)
        else:
            self._opened.discard(row.key)

    def count(self) -> int:
        """Return how many models are registered in the place, and match the filter."""
        if self._dashboard.scope or self._view.narrowed:
            return self._names.count(self._keys())
        return len(self._names)

    def rows(self, arrange: Callable[[list[ModelRow]], None]) -> list[ModelRow]:
        """Return the rows. `arrange` puts those of models into their order; a row below stays with
        its own."""
        tops = [self._model_row(model) for _, model in sorted(self._models.items())]
        arrange(tops)
        rows: list[ModelRow] = []
        for row in tops:
            rows.append(row)
            if row.opened:
                rows += self._below(self._models[row.name])
        return rows

    def summary(self, row: ModelRow) -> RowSummary:
        """Return the summary of a row's cards."""
        return self._summaries.of(row.key, row.cards)

    def summary_above(self, row: ModelRow) -> RowSummary | None:
        """Return the summary of the model or adapter that a card's row is below."""
        return self._summaries.known(row.key[:-1])

    def adapters_of(self, row: ModelRow) -> list[str]:
        """Return the names of a model's adapters."""
        model = self._models.get(row.name) if row.kind == "model" else None
        return [] if model is None else [one.name for one in model.adapters]

    def _keys(self) -> Collection[bytes]:
        shown = self._view.shown.keys(Kind.MODEL, self._dashboard.scope)
        denied = self._denied_cards()
        return {*shown, *(card.key for card in denied)} if denied else shown

    def _denied_cards(self) -> list[ModelCard]:
        """Return, while only findings are shown, the matching cards of models that frontends do not
        serve: that is a finding, whatever the verdicts of the cards."""
        view, serving = self._view, self._view.verdicts.serving
        if not view.only_findings or not serving.is_any_denied:
            return []
        denied = serving.denied | serving.partly_denied
        adapters = serving.denied_adapters | serving.partly_denied_adapters
        cards = view.cluster.of_type(ModelCard, self._dashboard.scope)
        loras = [one for one in cards if one.is_lora and models.adapter_name(one) in adapters]
        bases = [one for one in cards if not one.is_lora and one.model_name in denied]
        return [one for one in (*loras, *bases) if view.is_found(one)]

    def _gone_cards(self) -> dict[bytes, tuple[ModelCard, str]]:
        cluster = self._view.cluster
        return {
            card.key: (card, models.base_name(card, cluster))
            for card in self._view.gone({Kind.MODEL}, self._dashboard.scope)
            if isinstance(card, ModelCard)
        }

    def _model_row(self, model: Model) -> ModelRow:
        key = (model.name,)
        return ModelRow(
            key,
            "model",
            model.name,
            model.cards,
            self._summaries.of(key, model.cards).workers,
            len(model.adapters),
            # What a filter finds may be an adapter: it is not to be looked for.
            key in self._opened or self._view.narrowed,
        )

    def _below(self, model: Model) -> Iterator[ModelRow]:
        for adapter in model.adapters:
            key = (model.name, adapter.name)
            opened = key in self._opened
            workers = self._summaries.of(key, adapter.cards).workers
            yield ModelRow(key, "LoRA", adapter.name, adapter.cards, workers, 0, opened)
            if opened:
                yield from self._rows_of_cards(key, adapter.cards)
        yield from self._rows_of_cards((model.name,), model.cards)

    def _rows_of_cards(self, parent: RowKey, cards: Sequence[ModelCard]) -> list[ModelRow]:
        if parent not in self._card_rows:
            self._card_rows[parent] = [_card_row(parent, card) for card in cards]
        return self._card_rows[parent]


def _card_row(parent: RowKey, card: ModelCard) -> ModelRow:
    return ModelRow((*parent, card.key), "card", card.id.path() or NOTHING, (card,), 1, 0, None)
