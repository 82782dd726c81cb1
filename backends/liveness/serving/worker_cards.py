"""The base models' cards of each worker, and which workers have several of one model. Pure.

A worker that serves a model on several endpoints counts once, as its best endpoint is.
"""

from __future__ import annotations


class WorkerCards:
    """Cards by the instance id in their keys."""

    def __init__(self) -> None:
        self._only: dict[int | None, tuple[bytes, str]] = {}
        """Of each worker with one card, its key and its model. Nearly all are so."""
        self._several: dict[int | None, dict[bytes, str]] = {}
        """Of each other worker the model of each card."""
        self._doubled: dict[str, set[int | None]] = {}

    def put(self, worker: int | None, key: bytes, model: str) -> None:
        """Add a card of a worker that is not known yet."""
        cards = self._several.get(worker)
        if cards is None:
            card = (key, model)
            only = self._only.setdefault(worker, card)
            if only is card:
                return
            del self._only[worker]
            cards = self._several[worker] = dict([only])
        if model in cards.values():
            self._doubled.setdefault(model, set()).add(worker)
        cards[key] = model

    def discard(self, worker: int | None, key: bytes, model: str) -> None:
        """Forget a card that is known."""
        cards = self._several.get(worker)
        if cards is None:
            del self._only[worker]
            return
        del cards[key]
        doubled = self._doubled.get(model)
        if doubled and sum(its_model == model for its_model in cards.values()) < 2:
            doubled.discard(worker)
            if not doubled:
                del self._doubled[model]
        if len(cards) == 1:
            del self._several[worker]
            self._only[worker] = cards.popitem()

    def several_of(self, model: str) -> list[list[bytes]]:
        """Return, of each worker with several cards of a model, the keys of those cards."""
        return [
            [key for key, its_model in self._several[worker].items() if its_model == model]
            for worker in self._doubled.get(model, ())
        ]
