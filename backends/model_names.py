"""Which models there are among some cards, kept as cards come, change and go.

Pure. A change costs work in proportion to what it bears on: a card, and the adapters on it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from backends.cluster import Cluster
from backends.models import base_name
from backends.records import ModelCard

_Value = TypeVar("_Value")


class ModelNames:
    """The base model of each card. What it holds depends only on the cards that are in it."""

    def __init__(self, cluster: Cluster) -> None:
        """`cluster`: everything that is registered, where an adapter's base model is found."""
        self._cluster = cluster
        self._cards: dict[bytes, ModelCard] = {}
        self._name_of: dict[bytes, str] = {}
        self._keys: dict[str, set[bytes]] = {}
        self._adapters_at: dict[object, set[bytes]] = {}

    def __len__(self) -> int:
        """How many models there are."""
        return len(self._keys)

    def cards(self, name: str) -> list[ModelCard]:
        """Those of a model and of its adapters, in no order. Empty: there is no such model."""
        return [self._cards[key] for key in self._keys.get(name, ())]

    def rebuild(self, cards: Iterable[ModelCard]) -> None:
        """Hold these cards and no others."""
        self._cards, self._name_of, self._keys, self._adapters_at = {}, {}, {}, {}
        for card in cards:
            self._put(card)

    def amend(self, changed: Iterable[bytes], cards: Iterable[ModelCard]) -> set[str]:
        """The cards of these keys came, changed or went; `cards` are those of them that are there.

        Returns the names of the models that they bear on, also of those that are no more.
        """
        gone = [was for key in changed if (was := self._discard(key)) is not None]
        names = {name for _, name in gone}
        there = list(cards)
        names.update(map(self._put, there))
        # An adapter's model is named by the card that it is on.
        on_them = {_place(card) for card in (*there, *(card for card, _ in gone))}
        for place in on_them & self._adapters_at.keys():
            for key in list(self._adapters_at[place]):
                if (before := self._discard(key)) is not None:
                    names |= {before[1], self._put(before[0])}
        return names

    def _put(self, card: ModelCard) -> str:
        key, name = card.key, base_name(card, self._cluster)
        self._cards[key], self._name_of[key] = card, name
        self._keys.setdefault(name, set()).add(key)
        if card.is_lora:
            self._adapters_at.setdefault(_place(card), set()).add(key)
        return name

    def _discard(self, key: bytes) -> tuple[ModelCard, str] | None:
        """Returns the card and the name of its model; None: it was not there."""
        card = self._cards.pop(key, None)
        if card is None:
            return None
        name = self._name_of.pop(key)
        _take_out(self._keys, name, key)
        if card.is_lora:
            _take_out(self._adapters_at, _place(card), key)
        return card, name


def _take_out(index: dict[_Value, set[bytes]], value: _Value, key: bytes) -> None:
    index[value].discard(key)
    if not index[value]:
        del index[value]


def _place(card: ModelCard) -> object:
    return (card.id.namespace, card.id.component, card.id.endpoint, card.id.instance_id)
