"""Worker sets: how many workers of each are routable, by what their cards and instances show.

A frontend serves the workers of one model, endpoint, surface and worker type as one set, joins the
sets of one model in one namespace, and serves them once all are there that they need. Source:
`evaluate_readiness` in `readiness.rs`, `evaluate_namespace` and `select_worker_set_with` in
`model.rs` of Dynamo's `lib/llm`, and release 1.6.1 as it ran.

Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from backends.dynamo.card_checksum import DECODE, PREFILL, WorkerSet
from backends.liveness.routing import ENCODE, RoutableCount, ServingReason, SetServing
from backends.liveness.serving.worker_endpoints import InstanceState

NO_PARTY, DEAD_SORT = "", "dead"
"""In place of the fingerprint of a card that is no party to a conflict: no frontend accepts it as
it is, none discovers its worker, or its worker is dead. No fingerprint is either."""


# One object for thousands of cards, so that few are made at the start.
class CardGroup:
    """The workers of one set whose cards have one fingerprint, or those of one adapter's cards."""

    __slots__ = (
        "adapter",
        "card_set",
        "dead",
        "is_dead",
        "is_party",
        "keys",
        "needs",
        "not_ready",
        "sort",
        "total",
        "unusable",
        "up",
    )

    def __init__(
        self,
        card_set: CardSet | None,
        sort: str,
        needs: tuple[tuple[str, ...], ...] = (),
        adapter: str = "",
    ) -> None:
        self.card_set = card_set
        """None: of an adapter's cards. Adapters are served as their worker's base model is, and not
        counted."""
        self.sort = sort
        """The cards' fingerprint, `NO_PARTY` or `DEAD_SORT`."""
        self.needs = needs
        self.adapter = adapter
        """The name by which requests ask for the adapter."""
        self.is_dead = sort == DEAD_SORT
        """Whether the cards are dead by their own verdicts, whatever their instances are."""
        self.is_party = card_set is not None and sort not in (NO_PARTY, DEAD_SORT)
        """Whether frontends compare the cards with the others of the set."""
        self.keys: dict[bytes, None] = {}
        """The cards of a set, in the order in which they came."""
        self.total = 0
        self.up = 0
        """Workers with an instance that is not dead, and that clients can connect to."""
        self.dead = 0
        """Those that are dead, or have dead instances alone."""
        self.not_ready = 0
        """Those whose instances that are not dead are not discovered by clients."""
        self.unusable = 0
        """Those whose instances that are not dead have addresses that no client can connect to."""

    def count(self, state: InstanceState, more: int) -> None:
        """Count `more` workers whose endpoint is in a state, or fewer."""
        if state is InstanceState.UP:
            self.up += more
        elif state is InstanceState.UNUSABLE:
            self.unusable += more
        elif state is InstanceState.NOT_READY:
            self.not_ready += more
        elif state is InstanceState.DEAD:
            self.dead += more

    def counts(self) -> CardGroup:
        """Return a copy of the counts, to be changed."""
        copy = CardGroup(self.card_set, self.sort)
        copy.total, copy.up = self.total, self.up
        copy.dead, copy.unusable, copy.not_ready = self.dead, self.unusable, self.not_ready
        return copy


Groups = Mapping[str, CardGroup]
"""Those of one worker set, by sort."""


class CardSet:
    """The cards of one worker set, in groups by sort."""

    __slots__ = ("deployment", "groups", "was_in_conflict", "worker_set")

    def __init__(self, worker_set: WorkerSet, deployment: Deployment) -> None:
        self.worker_set = worker_set
        self.deployment = deployment
        self.groups: dict[str, CardGroup] = {}
        self.was_in_conflict = False
        """At the last `CardRoutings.take_changes`."""

    @property
    def in_conflict(self) -> bool:
        """Whether several sorts of card are parties."""
        return len(self.groups) > 1 and parties(self.groups) > 1

    def is_served(self) -> bool:
        """Return whether each frontend routes to some worker, whichever sort it accepted."""
        up = [one.up for one in self.groups.values() if one.is_party]
        return (bool(up) and all(up)) or (NO_PARTY in self.groups and self.groups[NO_PARTY].up > 0)


class Deployment:
    """A model in one namespace: its worker sets find there what they need, or are not served."""

    __slots__ = ("missing", "model", "namespace", "sets", "without_role")

    def __init__(self, model: str, namespace: str | None) -> None:
        self.model = model
        self.namespace = namespace
        self.sets: dict[WorkerSet, CardSet] = {}
        self.without_role: set[bytes] = set()
        """Its cards that leave their worker's role open, as up to 1.3."""
        self.missing: tuple[str, ...] = ()
        """The worker types that it missed at the last `CardRoutings.take_changes`."""

    def card_keys(self) -> Iterator[bytes]:
        """Give the keys of its cards."""
        for card_set in self.sets.values():
            for group in card_set.groups.values():
                yield from group.keys

    def missing_roles(self) -> tuple[str, ...]:
        """Return the worker types that the model misses: nothing of it is served then.

        Each worker type that is registered must be there, and all that one of those needs that are
        there. Where cards have no worker type (up to 1.3) roles cannot be told apart, and nothing
        is missing but a worker that answers: a prefill worker does not.
        """
        groups = [one for card_set in self.sets.values() for one in card_set.groups.values()]
        present = {one.card_set.worker_set.role for one in groups if one.up and one.card_set}
        if self.without_role:
            return (DECODE,) if present and present <= {PREFILL, ENCODE} else ()
        missing = {worker_set.role for worker_set in self.sets} - present
        for one in groups:
            if one.up and one.needs and not any(map(present.issuperset, one.needs)):
                missing.update(_absent(one.needs, present))
        return tuple(sorted(missing))

    def is_served(self) -> bool:
        """Return whether a request gets an answer, as `ModelServing.is_served`."""
        if self.missing:
            return False
        return any(
            worker_set.role not in (PREFILL, ENCODE) and card_set.is_served()
            for worker_set, card_set in self.sets.items()
        )


def parties(groups: Groups) -> int:
    """Return how many sorts of card are parties to a conflict. One alone is in none."""
    return len(groups) - (NO_PARTY in groups) - (DEAD_SORT in groups)


def set_serving(
    worker_set: WorkerSet, groups: Groups, missing: tuple[str, ...], *, is_complete: bool = True
) -> SetServing:
    """Return how a worker set is served. `missing`: the worker types that its deployment misses.

    `is_complete`: whether all is known that is registered; if not, nothing is taken for missing.
    """
    total, up, dead, unusable, not_ready = (
        sum(one.total for one in groups.values()),
        sum(one.up for one in groups.values()),
        sum(one.dead for one in groups.values()),
        sum(one.unusable for one in groups.values()),
        sum(one.not_ready for one in groups.values()),
    )
    alone = total - up - dead - unusable - not_ready
    unknown = 0 if is_complete else alone
    reasons = {
        ServingReason.NO_INSTANCE: alone - unknown,
        ServingReason.DEAD: dead,
        ServingReason.NOT_READY: not_ready,
        ServingReason.UNUSABLE: unusable,
    }
    sorts = parties(groups)
    least = most = up
    if missing and not is_complete:
        # The other role may be there.
        least, most, unknown, missing = 0, 0, unknown + up, ()
    elif missing:
        least = most = 0
        reasons[ServingReason.NEEDS] = up
    elif sorts > 1:
        in_conflict = [one.up for one in groups.values() if one.is_party]
        others = up - sum(in_conflict)
        least, most = others + min(in_conflict), others + max(in_conflict)
        reasons[ServingReason.CONFLICT] = sum(in_conflict)
    return SetServing(
        worker_set,
        RoutableCount(least, most, total, unknown),
        {reason: number for reason, number in reasons.items() if number},
        missing,
        sorts,
    )


def in_order(one: SetServing) -> tuple[str, ...]:
    """Sort worker sets by their names."""
    at = one.worker_set
    names = (at.namespace, at.component, at.endpoint)
    return (*(name or "" for name in names), at.role, *sorted(at.surfaces))


def _absent(needs: Iterable[Iterable[str]], present: Collection[str]) -> set[str]:
    return {role for one in needs for role in one if role not in present}
