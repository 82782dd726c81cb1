"""Which models there are in a cluster, kept as cards come, change and go.

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
    """The base model of each card, after `amend` told of what changed."""

    def __init__(self, cluster: Cluster) -> None:
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

    def count(self, keys: Iterable[bytes]) -> int:
        """How many models cards of these keys belong to."""
        return len(self.of(keys))

    def of(self, keys: Iterable[bytes]) -> set[str]:
        """The models that cards of these keys belong to."""
        return {self._name_of[key] for key in keys if key in self._name_of}

    def amend(self, changed: Iterable[bytes]) -> set[str]:
        """The cards of these keys came, changed or went in the cluster.

        Returns the names of the models that they bear on, also of those that are no more.
        """
        names: set[str] = set()
        places: set[object] = set()
        for key in changed:
            card = self._cluster.records.get(key)
            if (before := self._cards.get(key)) is not None:
                names.add(self._discard(before))
                places.add(_place(before))
            if isinstance(card, ModelCard):
                names.add(self._put(card))
                places.add(_place(card))
        # An adapter's model is named by the card that it is on.
        for place in places & self._adapters_at.keys():
            for key in list(self._adapters_at[place]):
                adapter = self._cards[key]
                names |= {self._discard(adapter), self._put(adapter)}
        return names

    def _put(self, card: ModelCard) -> str:
        """Returns the name of its model."""
        key, name = card.key, base_name(card, self._cluster)
        self._cards[key], self._name_of[key] = card, name
        self._keys.setdefault(name, set()).add(key)
        if card.is_lora:
            self._adapters_at.setdefault(_place(card), set()).add(key)
        return name

    def _discard(self, card: ModelCard) -> str:
        """Returns the name that its model had."""
        key = card.key
        del self._cards[key]
        name = self._name_of.pop(key)
        _take_out(self._keys, name, key)
        if card.is_lora:
            _take_out(self._adapters_at, _place(card), key)
        return name


def _take_out(index: dict[_Value, set[bytes]], value: _Value, key: bytes) -> None:
    index[value].discard(key)
    if not index[value]:
        del index[value]


def _place(card: ModelCard) -> object:
    return (card.id.namespace, card.id.component, card.id.endpoint, card.id.instance_id)
