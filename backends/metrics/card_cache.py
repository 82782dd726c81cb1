"""Cache values that are expensive to derive from a model card, while the card is the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from backends.dynamo.records import ModelCard

T = TypeVar("T")


class CardCache(Generic[T]):
    """Caches `of(card)` for each card. There may be ten thousand, read every second."""

    def __init__(self, of: Callable[[ModelCard], T]) -> None:
        self._of = of
        self._found: dict[int, tuple[ModelCard, T]] = {}
        """By `id`, which is unique while the card is kept here."""

    def each(self, cards: Iterable[ModelCard]) -> Iterable[tuple[ModelCard, T]]:
        """Yield all current cards with their values. Values of other cards are dropped."""
        before, now = self._found, {}
        for card in cards:
            now[id(card)] = before.get(id(card)) or (card, self._of(card))
        self._found = now
        return now.values()
