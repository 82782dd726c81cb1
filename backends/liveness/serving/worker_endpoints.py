"""Endpoints of workers: where instances and cards are joined. Pure.

An instance and a card belong together if namespace, component, endpoint and instance id are equal.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

from backends.dynamo.records import EndpointInstance, ModelCard

Place = tuple[str | None, str | None, str | None, int | None]
"""Namespace, component, endpoint and instance id."""


class InstanceState(StrEnum):
    """The state of an instance; of a worker's endpoint, that of its best instance."""

    NONE = "none"
    """No instance is registered."""
    DEAD = "dead"
    """Its verdict says so."""
    NOT_READY = "not ready"
    """It is not dead, and clients do not discover it."""
    UNUSABLE = "unusable"
    """It is not dead, and no client can connect to its address."""
    UP = "up"


class WorkerEndpoint:
    """One endpoint of one worker, with its cards and the number of its instances in each state."""

    __slots__ = ("base_cards", "cards", "dead", "not_ready", "place", "state", "unusable", "up")

    def __init__(self, place: Place) -> None:
        self.place = place
        self.cards: Collection[bytes] = ()
        """Keys, those of adapters too. Mostly one; of thousands each is found at once."""
        self.base_cards: tuple[bytes, ...] = ()
        """Keys, without those of adapters, sorted."""
        self.state = InstanceState.NONE
        self.up = 0
        self.unusable = 0
        self.not_ready = 0
        self.dead = 0

    @property
    def is_empty(self) -> bool:
        return self.state is InstanceState.NONE and not self.cards

    def add_card(self, key: bytes) -> None:
        """Add the key of a card that is new here."""
        if not self.cards:
            # As of nearly all, of which there are many: a dictionary takes four times the memory.
            self.cards = (key,)
            return
        if not isinstance(self.cards, dict):
            self.cards = dict.fromkeys(self.cards)
        self.cards[key] = None

    def drop_card(self, key: bytes) -> None:
        """Forget the key of a card that is here."""
        if isinstance(self.cards, dict):
            del self.cards[key]
        else:
            self.cards = ()

    def count(self, state: InstanceState, more: int) -> None:
        """Count `more` instances in a state, or fewer."""
        if state is InstanceState.UP:
            self.up += more
        elif state is InstanceState.UNUSABLE:
            self.unusable += more
        elif state is InstanceState.NOT_READY:
            self.not_ready += more
        else:
            self.dead += more
        if self.up:
            self.state = InstanceState.UP
        elif self.unusable:
            self.state = InstanceState.UNUSABLE
        elif self.not_ready:
            self.state = InstanceState.NOT_READY
        else:
            self.state = InstanceState.DEAD if self.dead else InstanceState.NONE


def place_of(record: EndpointInstance | ModelCard) -> Place:
    """Return where an instance or card is registered."""
    at = record.id
    return (at.namespace, at.component, at.endpoint, at.instance_id)
