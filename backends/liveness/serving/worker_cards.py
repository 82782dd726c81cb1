"""The base models' cards of each worker, and which workers have several of one model. Pure.

A worker that serves a model on several endpoints counts once, as its best endpoint is.
"""

from __future__ import annotations


class WorkerCards:
    """Cards by the instance id in their keys."""

    def __init__(self) -> None:
        self._only: dict[int | None, tuple[bytes, str]] = {}
        """Of each worker with one card, its key and its model. Nearly all are so."""
        self._several: dict[int | None, dict[str, dict[bytes, None]]] = {}
        """Of each other worker the cards of each model."""
        self._doubled: dict[str, set[int | None]] = {}

    def put(self, worker: int | None, key: bytes, model: str) -> None:
        """Add a card of a worker that is not known yet."""
        models = self._several.get(worker)
        if models is None:
            card = (key, model)
            only = self._only.setdefault(worker, card)
            if only is card:
                return
            del self._only[worker]
            only_key, only_model = only
            models = self._several[worker] = {only_model: {only_key: None}}
        cards = models.setdefault(model, {})
        cards[key] = None
        if len(cards) == 2:
            self._doubled.setdefault(model, set()).add(worker)

    def discard(self, worker: int | None, key: bytes, model: str) -> None:
        """Forget a card that is known."""
        models = self._several.get(worker)
        if models is None:
            del self._only[worker]
            return
        cards = models[model]
        del cards[key]
        if len(cards) == 1:
            self._doubled[model].discard(worker)
            if not self._doubled[model]:
                del self._doubled[model]
        if not cards:
            del models[model]
        if len(models) == 1:
            [(left_model, left)] = models.items()
            if len(left) == 1:
                del self._several[worker]
                self._only[worker] = next(iter(left)), left_model

    def several_of(self, model: str) -> list[list[bytes]]:
        """Return, of each worker with several cards of a model, the keys of those cards."""
        return [list(self._several[worker][model]) for worker in self._doubled.get(model, ())]
