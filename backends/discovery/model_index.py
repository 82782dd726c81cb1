"""The models of a cluster, updated as model cards are added, changed and removed.

Pure. The cost of a change grows with the cards it concerns: a card, and the adapters on it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TypeVar

from backends.discovery.cluster import Cluster
from backends.discovery.models import base_name
from backends.dynamo.records import ModelCard

_Value = TypeVar("_Value")


class ModelIndex:
    """Maps each card to its base model. Up to date after `amend`."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._cards: dict[bytes, ModelCard] = {}
        self._name_of: dict[bytes, str] = {}
        self._keys: dict[str, set[bytes]] = {}
        self._adapters_at: dict[object, set[bytes]] = {}

    def __len__(self) -> int:
        """Return the number of models."""
        return len(self._keys)

    def names(self) -> Collection[str]:
        """Return the names of all models. Do not change it, nor keep it over an `amend`."""
        return self._keys.keys()

    def cards(self, name: str) -> list[ModelCard]:
        """Return the cards of a model and of its adapters, unsorted. Empty: there is no such
        model.
        """
        return [self._cards[key] for key in self._keys.get(name, ())]

    def count(self, keys: Iterable[bytes]) -> int:
        """Return the number of models that the cards of these keys belong to."""
        return len(self.of(keys))

    def of(self, keys: Iterable[bytes]) -> set[str]:
        """Return the models that the cards of these keys belong to."""
        return {self._name_of[key] for key in keys if key in self._name_of}

    def amend(self, changed: Iterable[bytes]) -> set[str]:
        """Update the cards of these keys, which were added, changed or removed in the cluster.

        Returns the names of the affected models, also of models that no longer exist.
        """
        names: set[str] = set()
        endpoints: set[object] = set()
        changed = dict.fromkeys(changed)
        for key in changed:
            card = self._cluster.records.get(key)
            if (before := self._cards.get(key)) is not None:
                names.add(self._discard(before))
                if not before.is_lora:
                    endpoints.add(_worker_endpoint(before))
            if isinstance(card, ModelCard):
                names.add(self._put(card))
                if not card.is_lora:
                    endpoints.add(_worker_endpoint(card))
        # An adapter's model is named by its base model's card.
        for at in endpoints & self._adapters_at.keys():
            for key in self._adapters_at[at] - changed.keys():
                adapter = self._cards[key]
                names |= {self._discard(adapter), self._put(adapter)}
        return names

    def _put(self, card: ModelCard) -> str:
        """Add a card. Return the name of its model."""
        key, name = card.key, base_name(card, self._cluster)
        self._cards[key], self._name_of[key] = card, name
        self._keys.setdefault(name, set()).add(key)
        if card.is_lora:
            self._adapters_at.setdefault(_worker_endpoint(card), set()).add(key)
        return name

    def _discard(self, card: ModelCard) -> str:
        """Remove a card. Return the name its model had."""
        key = card.key
        del self._cards[key]
        name = self._name_of.pop(key)
        _take_out(self._keys, name, key)
        if card.is_lora:
            _take_out(self._adapters_at, _worker_endpoint(card), key)
        return name


def _take_out(index: dict[_Value, set[bytes]], value: _Value, key: bytes) -> None:
    index[value].discard(key)
    if not index[value]:
        del index[value]


def _worker_endpoint(card: ModelCard) -> object:
    return (card.id.namespace, card.id.component, card.id.endpoint, card.id.instance_id)
