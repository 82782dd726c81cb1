"""What takes a while to work out of a card, remembered as long as the card is the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from backends.records import ModelCard

T = TypeVar("T")


class OfCards(Generic[T]):
    """Remembers what `of` makes of each card. There may be ten thousand, looked at every second."""

    def __init__(self, of: Callable[[ModelCard], T]) -> None:
        self._of = of
        self._found: dict[int, tuple[ModelCard, T]] = {}
        """By `id`, which is nobody else's while the card is in here."""

    def each(self, cards: Iterable[ModelCard]) -> Iterable[tuple[ModelCard, T]]:
        """Of all cards that there are now. The others are forgotten."""
        before, now = self._found, {}
        for card in cards:
            now[id(card)] = before.get(id(card)) or (card, self._of(card))
        self._found = now
        return now.values()
