"""How models are served: how many workers of each a request can reach, and why not the others.

Pure; `card_routings` keeps each card's routing up to date, from which this is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from itertools import chain

from backends.dynamo.card_checksum import WorkerSet
from backends.liveness.frontends import FrontendReport, ModelReports
from backends.liveness.routing import ModelServing, RoutableCount, ServingReason, SetServing
from backends.liveness.serving.card_routings import CardRoutings
from backends.liveness.serving.denials import Denials
from backends.liveness.serving.worker_endpoints import InstanceState, WorkerEndpoint
from backends.liveness.serving.worker_sets import (
    CardGroup,
    CardSet,
    Deployment,
    Groups,
    in_order,
    set_serving,
)

_Sets = dict[WorkerSet, tuple[Groups, tuple[str, ...]]]
"""Worker sets of a model, each with the worker types that its deployment misses."""
_Counts = dict[tuple[CardGroup, InstanceState], int]
"""How many cards of a group there are whose endpoint is in a state."""

_RANKS = {
    ServingReason.CONFLICT: 1,
    ServingReason.NEEDS: 3,
    ServingReason.UNUSABLE: 4,
    ServingReason.NOT_READY: 5,
    ServingReason.DEAD: 6,
    ServingReason.NO_INSTANCE: 7,
}
"""Why a worker is not routable at an endpoint, from the least to the worst."""
_UNKNOWN_RANK = 2
"""Routing not known: worse than in a conflict, where some frontend routes to it."""


class Serving(CardRoutings):
    """How each model and adapter is served, after a change and `take_changes`."""

    def __init__(self) -> None:
        super().__init__()
        self._denials = Denials(
            self._namespaces, lambda: self._models.keys(), lambda: self._adapters.names
        )

    def model(self, name: str, within: tuple[str, ...] = ()) -> ModelServing | None:
        """Return how a base model is served. `within`: only in this namespace, component, endpoint.

        None: nothing of it is registered there. The cost grows with its worker sets there.
        """
        found: _Sets = {
            worker_set: (card_set.groups, deployment.missing)
            for deployment in self._deployments(name, within)
            for worker_set, card_set in deployment.sets.items()
            if worker_set[1 : 1 + len(within)] == within
        }
        if not found:
            return None
        sets = self._served(found)
        # Each worker once in all, and once in each role.
        once = in_role = sets
        if several := self._of_workers.several_of(name):
            once = self._served(self._without(found, self._surplus(several, found, by_role=False)))
            in_role = once
            if len({worker_set.role for worker_set in found}) > 1:
                in_role = self._served(
                    self._without(found, self._surplus(several, found, by_role=True))
                )
        reasons: Counter[ServingReason] = Counter()
        by_role: dict[str, RoutableCount] = {}
        for one in once:
            reasons.update(one.reasons)
        for one in in_role:
            role = one.worker_set.role
            by_role[role] = by_role.get(role, RoutableCount()) + one.figures
        return ModelServing(
            name,
            sets,
            sum((one.figures for one in once), RoutableCount()),
            reasons,
            dict(sorted(by_role.items())),
        )

    def models(self) -> Iterable[str]:
        """Return the base models that are registered, unsorted. Do not keep it over a change."""
        return self._models.keys()

    @property
    def unserved(self) -> set[str]:
        """The base models of which no request is answered. Do not change it, nor keep it."""
        return self._unserved if self._is_complete else set()

    @property
    def unserved_adapters(self) -> set[str]:
        """The adapters that no request reaches at any worker. Do not change it, nor keep it."""
        return self._adapters.unserved if self._is_complete else set()

    def keys_of_adapter(self, name: str) -> Iterable[bytes]:
        """Return the keys of an adapter's cards. Do not keep it over a change."""
        return self._adapters.keys(name)

    @property
    def adapters(self) -> int:
        """How many adapters are registered, each name counted once."""
        return len(self._adapters)

    def figures(self, keys: Iterable[bytes]) -> tuple[RoutableCount, Counter[ServingReason]]:
        """Return how many workers of some cards are routable, and for the others why not.

        A worker on several endpoints counts once, as its best one is. Cards that cannot be read,
        and those of up to 0.5, are left out. The cost grows with their number; `model` has the
        figures of all cards of a model.
        """
        reasons: Counter[ServingReason] = Counter()
        least = unknown = 0
        sorts: dict[CardSet, Counter[str]] = {}
        of_worker: dict[int | None, bytes] = {}
        for key in keys:
            if key in self._cards:
                worker = self._cards[key][1].place[3]
                other = of_worker.get(worker)
                if other is None or self._rank(key) < self._rank(other):
                    of_worker[worker] = key
        for key in of_worker.values():
            routing = self.routing(key)
            if routing is None:
                unknown += 1
                continue
            if routing.routable:
                least += 1
            elif routing.reason is not None:
                reasons[routing.reason] += 1
            group, _ = self._cards[key]
            if routing.reason is ServingReason.CONFLICT and group.card_set is not None:
                sorts.setdefault(group.card_set, Counter())[group.sort] += 1
        most = least
        for card_set, counted in sorts.items():
            least += min(counted[sort] for sort, one in card_set.groups.items() if one.is_party)
            most += max(counted.values())
        return RoutableCount(least, most, len(of_worker), unknown), reasons

    def left_with(self, key: bytes, without: Iterable[bytes]) -> dict[str, int]:
        """Return how many routable workers each sort of a card's worker set has once some cards, or
        their instances, are gone. By fingerprint; empty: the card is in no set."""
        if key not in self._cards or (mine := self._cards[key][0].card_set) is None:
            return {}
        left = {sort: one.up for sort, one in mine.groups.items() if one.is_party}
        for endpoint in self._endpoints_of(without):
            if endpoint.state is InstanceState.UP:
                for one in endpoint.cards:
                    group, _ = self._cards[one]
                    if group.card_set is mine and group.sort in left:
                        left[group.sort] -= 1
        return left

    def bearing_on(self, keys: Iterable[bytes]) -> set[bytes]:
        """Return the base models' cards that decide, beside a card's own worker, how some cards are
        routed: in a conflict those of all sorts, and where a model has several worker sets those of
        all sets. Empty: their own workers decide alone."""
        deployments: set[Deployment] = set()
        for key in keys:
            if key not in self._cards:
                continue
            group, endpoint = self._cards[key]
            card_set = group.card_set or self._base_at(endpoint)
            if card_set is None:
                continue
            if len(card_set.deployment.sets) > 1 or card_set.in_conflict:
                deployments.add(card_set.deployment)
        return set(chain.from_iterable(one.card_keys() for one in deployments))

    def at_frontends(self, name: str) -> ModelReports | None:
        """Return the reports of frontends of a model or adapter. None: none was asked, or nothing
        of that name is registered."""
        return self._denials.at_frontends(name)

    @property
    def denied(self) -> set[str]:
        """The base models that no frontend serves, whether their workers are routable or not. Do
        not change it, nor keep it over a change."""
        return self._up_to_date().models

    @property
    def denied_adapters(self) -> set[str]:
        """As `denied`, of adapters."""
        return self._up_to_date().adapters

    @property
    def partly_denied(self) -> set[str]:
        """The base models that one of the frontends that were asked does not serve, and another
        may. Do not change it, nor keep it over a change."""
        return self._up_to_date().models_in_part

    @property
    def partly_denied_adapters(self) -> set[str]:
        """As `partly_denied`, of adapters."""
        return self._up_to_date().adapters_in_part

    @property
    def is_any_denied(self) -> bool:
        """Whether a frontend that was asked does not serve a model or adapter of where it looks."""
        return self._up_to_date().is_any

    @property
    def frontends(self) -> tuple[FrontendReport, ...]:
        """The last report of each frontend, in the order of their names."""
        return self._denials.reports

    def observe_frontends(self, reports: Iterable[FrontendReport]) -> set[str]:
        """Replace all reports of frontends. Returns the names of the models and adapters whose
        reports changed."""
        return self._denials.take(reports)

    # --- inside -------------------------------------------------------------------------------

    def _deployments(self, name: str, within: tuple[str, ...]) -> Iterable[Deployment]:
        """Return those of a model that may be in a place: each is in one namespace."""
        everywhere = self._models.get(name, {})
        if not within:
            return everywhere.values()
        here = everywhere.get(within[0])
        return () if here is None else (here,)

    def _up_to_date(self) -> Denials:
        if self._names_changed:
            self._names_changed = False
            self._denials.registered_anew()
        return self._denials

    def _namespaces(self, name: str) -> frozenset[str | None]:
        """Return the namespaces of a model or adapter."""
        if (deployments := self._models.get(name)) is not None:
            return frozenset(deployments)
        return frozenset(self._cards[key][1].place[0] for key in self._adapters.keys(name))

    def _endpoints_of(self, keys: Iterable[bytes]) -> set[WorkerEndpoint]:
        """Return the endpoints of these cards and instances."""
        found: set[WorkerEndpoint] = set()
        for key in keys:
            if key in self._cards:
                found.add(self._cards[key][1])
            elif key in self._instances:
                found.add(self._instances[key][0])
        return found

    def _served(self, found: _Sets) -> tuple[SetServing, ...]:
        made = (
            set_serving(worker_set, groups, missing, is_complete=self._is_complete)
            for worker_set, (groups, missing) in found.items()
        )
        return tuple(sorted(made, key=in_order))

    def _surplus(
        self, several: Iterable[Collection[bytes]], found: _Sets, *, by_role: bool
    ) -> _Counts:
        """Count the cards of workers that have a better card, of any role or of the same.
        `several`: the cards of each worker that has several."""
        surplus: _Counts = {}
        ranks: dict[tuple[CardGroup, InstanceState], int] = {}
        for of_worker in several:
            best: dict[str, tuple[int, bytes, tuple[CardGroup, InstanceState]]] = {}
            for key in of_worker:
                group, endpoint = self._cards[key]
                if group.card_set is None or (of := group.card_set.worker_set) not in found:
                    continue
                # All cards of a group are routed alike where their endpoints are in one state.
                at = (group, InstanceState.DEAD if group.is_dead else endpoint.state)
                if (rank := ranks.get(at)) is None:
                    rank = ranks[at] = self._rank(key)[0]
                role = of.role if by_role else ""
                if (other := best.get(role)) is None:
                    best[role] = rank, key, at
                    continue
                if (rank, key) < other[:2]:
                    best[role], at = (rank, key, at), other[2]
                surplus[at] = surplus.get(at, 0) + 1
        return surplus

    def _without(self, found: _Sets, surplus: _Counts) -> _Sets:
        """Return these sets without some of their cards. Each sort stays, if with no worker."""
        reduced = dict(found)
        copied: set[WorkerSet] = set()
        for (group, state), number in surplus.items():
            if group.card_set is None:
                continue
            worker_set = group.card_set.worker_set
            groups, missing = reduced[worker_set]
            if worker_set not in copied:
                copied.add(worker_set)
                groups = {sort: one.counts() for sort, one in groups.items()}
                reduced[worker_set] = groups, missing
            mine = groups[group.sort]
            mine.total -= number
            mine.count(state, -number)
        return reduced

    def _rank(self, key: bytes) -> tuple[int, bytes]:
        """Sort the cards of a worker, the best routed first."""
        routing = self.routing(key)
        if routing is None:
            return _UNKNOWN_RANK, key
        return 0 if routing.reason is None else _RANKS[routing.reason], key
