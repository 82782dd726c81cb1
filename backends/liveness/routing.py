"""The answers of `Serving`: whether a request reaches a worker, and how a model is served."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum

import msgspec

from backends.dynamo.card_checksum import PREFILL, WorkerSet

ENCODE = "encode"


class ServingReason(StrEnum):
    """Why no request reaches a card's worker."""

    NO_INSTANCE = "no instance"
    """None is registered on the card's endpoint for that worker: it is drained, deleted, stopping,
    or not there yet."""
    DEAD = "worker dead"
    """All that are registered there are dead by their verdicts, or the card itself is."""
    NOT_READY = "not ready"
    """Kubernetes: of those that are registered there and not dead, clients discover none."""
    UNUSABLE = "address unusable"
    """Of those that are registered there and not dead, none has an address that a client can
    connect to, as its record shows."""
    NEEDS = "needs not met"
    """Its model needs workers of another role in its namespace, and none is routable."""
    CONFLICT = "conflict"
    """Its worker set has several sorts of card: a frontend serves one sort alone."""


class Routing(msgspec.Struct, frozen=True):
    """Whether a request can reach the worker of a card."""

    routable: bool
    reason: ServingReason | None = None
    """None: it is routable."""
    missing: tuple[str, ...] = ()
    """With `NEEDS`: the worker types that are not there, in order."""

    @property
    def unroutable(self) -> bool:
        """Whether no request reaches it from any frontend. In a conflict some may."""
        return not self.routable and self.reason is not ServingReason.CONFLICT


ROUTABLE = Routing(True)


class RoutableCount(msgspec.Struct, frozen=True):
    """How many of some workers are routable."""

    least: int = 0
    """At each frontend, whichever sort of card it accepted."""
    most: int = 0
    """At a frontend that accepted the sort that most have."""
    total: int = 0
    """That are registered."""
    unknown: int = 0
    """Not known: their instances, or the other roles that they need, may be there unseen."""

    def __add__(self, other: RoutableCount) -> RoutableCount:
        return RoutableCount(
            self.least + other.least,
            self.most + other.most,
            self.total + other.total,
            self.unknown + other.unknown,
        )

    def without(self, number: int) -> RoutableCount:
        """Return the same if of so many of the routable ones it is not known."""
        number = min(number, self.most)
        least = max(0, self.least - number)
        return RoutableCount(least, self.most - number, self.total, self.unknown + number)

    def __str__(self) -> str:
        """`6/8`; in a conflict `1–2/3`; `?/3` where it is not known of any."""
        return f"{self.routable('–')}/{self.total:,}"

    def routable(self, to: str) -> str:
        """Return how many are, with `to` between the least and the most."""
        most = self.most + self.unknown
        if self.unknown and not self.most:
            return "?"
        return f"{self.least:,}" + (f"{to}{most:,}" if most != self.least else "")


class SetServing(msgspec.Struct, frozen=True):
    """How one worker set of a model is served."""

    worker_set: WorkerSet
    figures: RoutableCount
    reasons: Mapping[ServingReason, int]
    """How many of its workers are not routable, by why."""
    missing: tuple[str, ...]
    """The worker types that its model misses in its namespace."""
    sorts: int
    """Of card, among workers that are not dead."""


class ModelServing(msgspec.Struct, frozen=True):
    """How a model is served, in all namespaces or in a place."""

    model: str
    sets: tuple[SetServing, ...]
    """In the order of their names. A worker on several endpoints is in several of them."""
    figures: RoutableCount
    """Of its workers, each counted once, as its best endpoint is."""
    reasons: Counter[ServingReason]
    """How many workers are not routable, by why."""
    by_role: dict[str, RoutableCount]
    """By worker type, in order; cards without one (up to 1.3) count as `aggregated`."""

    @property
    def missing(self) -> dict[str | None, tuple[str, ...]]:
        """By namespace the worker types that are missed there."""
        return {one.worker_set.namespace: one.missing for one in self.sets if one.missing}

    @property
    def is_served(self) -> bool:
        """Whether a request gets an answer at every frontend that looks at all of its namespaces.

        A prefill or encode worker alone answers none.
        """
        return any(
            one.figures.least and one.worker_set.role not in (PREFILL, ENCODE) for one in self.sets
        )
