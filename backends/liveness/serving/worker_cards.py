"""The base models' cards of each worker, and which workers have several of one model. Pure.

A worker that serves a model on several endpoints counts once, as its best endpoint is.
"""

from __future__ import annotations

_Cards = tuple[tuple[bytes, str], ...]
"""Keys and the names of their models."""


class WorkerCards:
    """Cards by the instance id in their keys."""

    def __init__(self) -> None:
        self._cards: dict[int | None, _Cards] = {}
        """Mostly one of each worker."""
        self._doubled: dict[str, set[int | None]] = {}

    def put(self, worker: int | None, key: bytes, model: str) -> None:
        """Add a card of a worker that is not known yet."""
        cards = self._cards.get(worker)
        if cards is None:
            self._cards[worker] = ((key, model),)
            return
        if any(its_model == model for _, its_model in cards):
            self._doubled.setdefault(model, set()).add(worker)
        self._cards[worker] = (*cards, (key, model))

    def discard(self, worker: int | None, key: bytes, model: str) -> None:
        """Forget a card that is known."""
        left = tuple(one for one in self._cards[worker] if one[0] != key)
        if not left:
            del self._cards[worker]
            return
        self._cards[worker] = left
        doubled = self._doubled.get(model)
        if doubled and sum(its_model == model for _, its_model in left) < 2:
            doubled.discard(worker)
            if not doubled:
                del self._doubled[model]

    def several_of(self, model: str) -> list[list[bytes]]:
        """Return, of each worker with several cards of a model, the keys of those cards."""
        return [
            [key for key, its_model in self._cards[worker] if its_model == model]
            for worker in self._doubled.get(model, ())
        ]
