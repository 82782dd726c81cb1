"""Group model cards into models: one name, served by many workers, with its LoRA adapters.

Pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import msgspec

from backends.discovery.cluster import Cluster
from backends.dynamo.records import AnyRecord, ModelCard

UNNAMED = "(unreadable card)"
"""The name shown for a model whose cards cannot be parsed."""


class Adapter(msgspec.Struct, frozen=True):
    """A LoRA adapter on one base model."""

    name: str
    cards: tuple[ModelCard, ...]
    """The card of each worker that has the adapter, sorted by key."""


class Model(msgspec.Struct, frozen=True):
    """A base model with its cards and adapters."""

    name: str
    cards: tuple[ModelCard, ...]
    """The base model's own cards, one for each worker, sorted by key. Empty: only adapters of it
    are registered.
    """
    adapters: tuple[Adapter, ...]
    """Sorted by name."""


def group(cards: Iterable[ModelCard], cluster: Cluster) -> list[Model]:
    """Group cards into models, sorted by name.

    An adapter belongs to the base model that the same worker serves on the same endpoint. Without
    that card it belongs to the base model named in its own card, else it counts as a model.
    """
    base_cards: dict[str, list[ModelCard]] = defaultdict(list)
    adapter_cards: dict[str, dict[str, list[ModelCard]]] = defaultdict(lambda: defaultdict(list))
    for card in sorted(cards, key=lambda card: card.key):
        if card.is_lora:
            name = adapter_name(card)
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


def base_name(card: ModelCard, cluster: Cluster) -> str:
    """Return the name of the base model of a card, or of its adapter's base model."""
    if not card.is_lora:
        return card.model_name or UNNAMED
    base = cluster.base_of(card)
    if base is not None and base.model_name is not None:
        return base.model_name
    return card.base_model or adapter_name(card)


def beside(records: Iterable[AnyRecord], cluster: Cluster) -> list[ModelCard]:
    """Return all cards of the models that these records' workers serve, unsorted. Whether a worker
    is served depends on all of them.
    """
    workers = {cluster.worker_of(one) for one in records} - {None}
    cards = [
        card
        for worker in workers
        if worker is not None
        for card in cluster.registered_by(worker)
        if isinstance(card, ModelCard)
    ]
    names = {base_name(card, cluster) for card in cards}
    if not names:
        return []
    return [card for card in cluster.of_type(ModelCard) if base_name(card, cluster) in names]


def workers_of(cards: Iterable[ModelCard], cluster: Cluster) -> set[int]:
    """Return the instance ids (u64) of the workers with these cards, as routers know them.

    If a card's key has no id, as up to 0.5, it is the id of its process, if known.
    """
    found = (
        cluster.worker_of(card) if card.id.instance_id is None else card.id.instance_id
        for card in cards
    )
    return {one for one in found if one is not None}


def adapter_name(card: ModelCard) -> str:
    """Return the name of a card's LoRA adapter."""
    return card.model_name or card.id.model_suffix or UNNAMED
