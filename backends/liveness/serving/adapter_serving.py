"""LoRA adapters: which of them a request reaches at no worker. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, KeysView

import msgspec

from backends.liveness.serving.worker_sets import DEAD_SORT, NO_PARTY, CardGroup


class _Cards(msgspec.Struct, eq=False):
    """The cards of the adapters of one name."""

    alive: CardGroup
    dead: CardGroup
    keys: set[bytes] = msgspec.field(default_factory=set)
    routable: set[bytes] = msgspec.field(default_factory=set)
    """The adapters with a routable worker at the last `update`."""


class AdapterServing:
    """The adapters that are registered, by name, after `put` and `discard` and then `update`."""

    def __init__(self) -> None:
        self._cards: dict[str, _Cards] = {}
        self._put: set[bytes] = set()
        """The cards that came or changed since the last `update`."""
        self._left: set[str] = set()
        """The names of which a card went since then."""
        self.unserved: set[str] = set()
        """The names that no request reaches at any worker."""

    def __len__(self) -> int:
        """Return how many names are registered."""
        return len(self._cards)

    @property
    def names(self) -> KeysView[str]:
        return self._cards.keys()

    def keys(self, name: str) -> Iterable[bytes]:
        """Return the keys of the cards of a name."""
        cards = self._cards.get(name)
        return () if cards is None else cards.keys

    def put(self, key: bytes, name: str, *, dead: bool) -> CardGroup:
        """Add a card, and return the group that it belongs to."""
        cards = self._cards.get(name)
        if cards is None:
            alive = CardGroup(None, NO_PARTY, adapter=name)
            cards = _Cards(alive, CardGroup(None, DEAD_SORT, adapter=name))
            self._cards[name] = cards
        cards.keys.add(key)
        self._put.add(key)
        return cards.dead if dead else cards.alive

    def discard(self, key: bytes, name: str) -> None:
        """Forget a card that is known."""
        cards = self._cards[name]
        cards.keys.discard(key)
        cards.routable.discard(key)
        self._put.discard(key)
        self._left.add(name)
        if not cards.keys:
            del self._cards[name]

    def update(
        self,
        changed: Iterable[bytes],
        name_of: Callable[[bytes], str],
        is_routable: Callable[[bytes], bool],
    ) -> None:
        """Find which names are unserved, after cards came or went and some changed their routing.

        `changed`: these, of base models too. `name_of`: the name of an adapter's card, and nothing
        for any other. `is_routable`: whether a request reaches a card's worker.
        """
        if not (self._cards or self._left):
            return
        names = self._left
        for key in self._put.union(changed):
            if name := name_of(key):
                names.add(name)
                routable = self._cards[name].routable
                (routable.add if is_routable(key) else routable.discard)(key)
        for name in names:
            cards = self._cards.get(name)
            if cards is None or cards.routable:
                self.unserved.discard(name)
            else:
                self.unserved.add(name)
        self._left = set()
        self._put.clear()
