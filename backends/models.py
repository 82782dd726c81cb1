"""Models as people think of them: one name, served by many workers, with its LoRA adapters.

Pure functions over model cards.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from backends.cluster import Cluster
from backends.records import ModelCard

UNNAMED = "(unreadable card)"
"""Stands for the name of a model whose cards cannot be read."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """A LoRA adapter on one base model."""

    name: str
    cards: tuple[ModelCard, ...]
    """One for each worker that has it, in the order of the keys."""


@dataclass(frozen=True, slots=True)
class Model:
    """A base model with what serves it."""

    name: str
    cards: tuple[ModelCard, ...]
    """The base model's own, one for each worker, in the order of the keys.

    Empty where only adapters of it are registered.
    """
    adapters: tuple[Adapter, ...]
    """In the order of their names."""


def group(cards: Iterable[ModelCard], cluster: Cluster) -> list[Model]:
    """Models in the order of their names.

    An adapter belongs to the base model that the same worker serves on the same endpoint. Where
    that card is missing it belongs to what its own card names as its base, else to itself.
    """
    base_cards: dict[str, list[ModelCard]] = defaultdict(list)
    adapter_cards: dict[str, dict[str, list[ModelCard]]] = defaultdict(lambda: defaultdict(list))
    for card in sorted(cards, key=lambda card: card.key):
        if card.is_lora:
            name = _adapter_name(card)
            adapter_cards[base_name(card, cluster)][name].append(card)
        else:
            base_cards[card.model_name or UNNAMED].append(card)
    return [
        Model(
            name,
            tuple(base_cards[name]),
            tuple(
                Adapter(adapter, tuple(its_cards))
                for adapter, its_cards in sorted(adapter_cards[name].items())
            ),
        )
        for name in sorted({*base_cards, *adapter_cards})
    ]


def count(cards: Iterable[ModelCard], cluster: Cluster) -> int:
    """How many models `group` would make of these cards."""
    return len({base_name(card, cluster) for card in cards})


def base_name(card: ModelCard, cluster: Cluster) -> str:
    """The name of the base model that a card stands for or is an adapter of."""
    if not card.is_lora:
        return card.model_name or UNNAMED
    base = cluster.base_of(card)
    if base is not None and base.model_name is not None:
        return base.model_name
    return card.base_model or _adapter_name(card)


def _adapter_name(card: ModelCard) -> str:
    return card.model_name or card.id.model_suffix or UNNAMED
