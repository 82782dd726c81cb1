"""Which workers a request can reach: for each model card and adapter whether it is routable, and
for each model and worker set how many of its workers are, and why the others are not.

Pure, and kept up to date by change: a change costs work in proportion to the cards whose routing
it changes. Knows places, cards, whether instances are dead and whether a client can connect to
their addresses; verdicts are made elsewhere.

A frontend serves the workers of one model, endpoint, surface and worker type as one set, joins the
sets of one model in one namespace, and serves them once all are there that they need. Source:
`evaluate_readiness` in `readiness.rs`, `evaluate_namespace` and `select_worker_set_with` in
`model.rs` of Dynamo's `lib/llm`, and release 1.6.1 as it ran.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from backends.discovery.models import adapter_name
from backends.dynamo.card_checksum import (
    DECODE,
    PREFILL,
    WorkerSet,
    is_compared,
    is_without_role,
    needs_of,
    worker_set_of,
)
from backends.dynamo.keys import Dialect
from backends.dynamo.records import EndpointInstance, ModelCard
from backends.liveness.frontends import AtFrontends, FrontendReport, Frontends, looks_at
from backends.liveness.routing import (
    ENCODE,
    ROUTABLE,
    ModelServing,
    RoutableCount,
    Routing,
    ServingReason,
    SetServing,
)
from backends.probe.targets import unusable

Place = tuple[str | None, str | None, str | None, int | None]
"""Namespace, component, endpoint and instance id: what joins a card to its instance."""


_NO_INSTANCE = Routing(False, ServingReason.NO_INSTANCE)
_DEAD = Routing(False, ServingReason.DEAD)
_UNUSABLE = Routing(False, ServingReason.UNUSABLE)
_CONFLICT = Routing(False, ServingReason.CONFLICT)


_NO_PARTY, _DEAD_SORT = "", "dead"
"""Stand for the sort of a card that is no party to a conflict: no frontend takes it as it is, or
its worker is dead. No fingerprint is either."""


# One object for thousands of cards, so that few are made at the start.
@dataclass(slots=True, eq=False)
class _Count:
    """The workers of one set whose cards are of one sort."""

    worker_set: WorkerSet | None
    """None: of adapters, which are served as their worker's base model is, and not counted."""
    sort: str
    """The cards' fingerprint, `_NO_PARTY` or `_DEAD_SORT`."""
    needs: tuple[tuple[str, ...], ...] = ()
    total: int = 0
    up: int = 0
    """Those with an instance that is not dead, and that clients can connect to."""
    dead: int = 0
    """Those that are dead, or have dead instances alone."""
    unusable: int = 0
    """Those whose instances that are not dead have addresses that no client can connect to."""
    adapter: str = ""
    """Of adapters, the name by which requests ask for them."""

    @property
    def is_dead(self) -> bool:
        """Whether the cards are dead by their own verdicts, whatever their instances are."""
        return self.sort == _DEAD_SORT


@dataclass(slots=True, eq=False)
class _Adapter:
    """The cards of the adapters of one name."""

    alive: _Count
    dead: _Count
    keys: set[bytes] = field(default_factory=set)
    routable: set[bytes] = field(default_factory=set)
    """Those of them whose workers a request reaches, as it was published."""


class _State(StrEnum):
    """Of an instance; of a place that of its best instance."""

    NONE = "none"
    DEAD = "dead"
    UNUSABLE = "unusable"
    UP = "up"


_Sorts = dict[str, _Count]
_Sets = dict[WorkerSet, tuple[_Sorts, tuple[str, ...]]]
"""Of a model, each with the worker types that are missed in its namespace."""

_RANKS = {
    ServingReason.CONFLICT: 1,
    ServingReason.NEEDS: 3,
    ServingReason.UNUSABLE: 4,
    ServingReason.DEAD: 5,
    ServingReason.NO_INSTANCE: 6,
}
"""Why a worker is not routable at an endpoint, from the least to the worst."""
_UNKNOWN_RANK = 2
"""Of what is not known: worse than in a conflict, where some frontend routes to it."""


@dataclass(slots=True)
class _Deployment:
    """A model in one namespace: what its worker sets need they must find there."""

    sets: dict[WorkerSet, _Sorts] = field(default_factory=dict)
    keys: set[bytes] = field(default_factory=set)
    without_role: set[bytes] = field(default_factory=set)
    """Those of its cards that do not tell their worker's role, as up to 1.3."""
    missing: tuple[str, ...] = ()
    """As it was published last."""


class Serving:
    """The routing of each card, after `put_card`, `put_instance` and their like told what changed
    and `take_changes` was called."""

    def __init__(self) -> None:
        self._state_of: dict[bytes, _State] = {}
        """Of each instance."""
        self._place_of: dict[bytes, Place] = {}
        """Of each instance and card."""
        self._up: dict[Place, int] = {}
        self._unusable: dict[Place, int] = {}
        self._down: dict[Place, int] = {}
        """How many instances of each place are up, are not dead and cannot be connected to, and are
        dead."""
        self._counts: dict[bytes, _Count] = {}
        """Where each card is counted."""
        self._at: dict[Place, tuple[bytes, ...]] = {}
        """The cards of a place, adapters too. Mostly it is one."""
        self._of_worker: dict[int | None, bytes | tuple[bytes, ...]] = {}
        """The base models' cards of each instance id. Mostly it is one."""
        self._doubled: dict[str, set[int | None]] = {}
        """By model the instance ids that have several cards of it, on as many endpoints."""
        self._models: dict[str, dict[str | None, _Deployment]] = {}
        self._before: dict[Place, _State] = {}
        """As it was published, of each place whose state may be another now."""
        self._touched: set[tuple[str, str | None]] = set()
        """The deployments whose needs are to be looked at again."""
        self._based: set[Place] = set()
        """Where the base model's card came or went beside others, which may be adapters."""
        self._unserved: set[str] = set()
        self._adapters: dict[str, _Adapter] = {}
        self._adapters_put: set[bytes] = set()
        """The cards of adapters that came or changed since the last publication."""
        self._adapters_left: set[str] = set()
        """The names of adapters of which a card went since then."""
        self._unserved_adapters: set[str] = set()
        self._frontends = Frontends()
        self._denied_now: tuple[set[str], set[str]] | None = None
        """As far as it was asked for since cards or frontends changed."""
        self._sees_all = True

    # --- what is known ------------------------------------------------------------------------

    def routing(self, key: bytes) -> Routing | None:
        """Whether a card's worker can be reached. None: it is no card of Dynamo 0.6 or later, or
        what it would be joined to may be there and not be seen."""
        count = self._counts.get(key)
        if count is None:
            return None
        place = self._place_of[key]
        if count.sort == _DEAD_SORT:
            return _DEAD
        if place not in self._up:
            if place in self._unusable:
                return _UNUSABLE
            if place in self._down:
                return _DEAD
            return _NO_INSTANCE if self._sees_all else None
        worker_set = count.worker_set or self._base_at(place)
        if worker_set is None:
            return ROUTABLE
        deployment = self._models[worker_set.model][worker_set.namespace]
        if deployment.missing:
            missing = deployment.missing
            return Routing(False, ServingReason.NEEDS, missing) if self._sees_all else None
        if count.worker_set is not None and count.sort != _NO_PARTY:
            sorts = deployment.sets[worker_set]
            if len(sorts) > 1 and _parties(sorts) > 1:
                return _CONFLICT
        return ROUTABLE

    def model(self, name: str, within: tuple[str, ...] = ()) -> ModelServing | None:
        """How a base model is served. `within`: in this namespace, component and endpoint alone.

        None: nothing of it is registered there. The cost grows with its worker sets.
        """
        found = {
            worker_set: (sorts, deployment.missing)
            for deployment in self._models.get(name, {}).values()
            for worker_set, sorts in deployment.sets.items()
            if worker_set[1 : 1 + len(within)] == within
        }
        if not found:
            return None
        sets = self._sets(found)
        # Each worker once in all, and once in each role.
        once = in_role = sets
        if name in self._doubled:
            once = self._sets(self._without(found, self._surplus(name, found, by_role=False)))
            in_role = self._sets(self._without(found, self._surplus(name, found, by_role=True)))
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

    @property
    def unserved(self) -> set[str]:
        """The base models of which no request is answered. Do not change it, nor keep it."""
        return self._unserved if self._sees_all else set()

    @property
    def unserved_adapters(self) -> set[str]:
        """The adapters that no request reaches at any worker. Do not change it, nor keep it."""
        return self._unserved_adapters if self._sees_all else set()

    @property
    def adapters(self) -> int:
        """How many adapters are registered, each name counted once."""
        return len(self._adapters)

    def models(self) -> Iterable[str]:
        """The base models that are registered, in no order. Do not keep it over a change."""
        return self._models.keys()

    def figures(self, keys: Iterable[bytes]) -> tuple[RoutableCount, Counter[ServingReason]]:
        """Of the workers of some cards: how many are routable, and of the others why not.

        A worker on several endpoints counts once, as its best one is. Cards of which nothing can be
        known are left out: those that cannot be read, and those of up to 0.5. The cost grows with
        their number; `model` knows it of all that a model has.
        """
        reasons: Counter[ServingReason] = Counter()
        least = unknown = 0
        sorts: dict[WorkerSet, Counter[str]] = {}
        of_worker: dict[int | None, bytes] = {}
        for key in keys:
            if key in self._counts:
                worker = self._place_of[key][3]
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
            count = self._counts[key]
            if routing.reason is ServingReason.CONFLICT and count.worker_set is not None:
                sorts.setdefault(count.worker_set, Counter())[count.sort] += 1
        most = least
        for worker_set, counted in sorts.items():
            deployment = self._models[worker_set.model][worker_set.namespace]
            everywhere = deployment.sets[worker_set].keys() - {_NO_PARTY, _DEAD_SORT}
            least += min(counted[sort] for sort in everywhere)
            most += max(counted.values())
        return RoutableCount(least, most, len(of_worker), unknown), reasons

    def left_with(self, key: bytes, without: Iterable[bytes]) -> dict[str, int]:
        """How many routable workers each sort of a card's worker set has once some cards, or the
        instances that they belong to, are gone. By fingerprint; empty: the card is in no set."""
        mine = self._counts.get(key)
        if mine is None or mine.worker_set is None:
            return {}
        deployment = self._models[mine.worker_set.model][mine.worker_set.namespace]
        left = {
            sort: count.up
            for sort, count in deployment.sets[mine.worker_set].items()
            if sort not in (_NO_PARTY, _DEAD_SORT)
        }
        places = {self._place_of[one] for one in without if one in self._place_of}
        for place in places & self._up.keys():
            for one in self._at.get(place, ()):
                count = self._counts[one]
                if count.worker_set == mine.worker_set and count.sort in left:
                    left[count.sort] -= 1
        return left

    def bearing_on(self, keys: Iterable[bytes]) -> set[bytes]:
        """The base models' cards that decide, beside a card's own worker, how some are routed: in a
        conflict which sorts of card still have a worker, and where a model has several worker sets
        whether each of them is there. Empty: their own workers decide alone."""
        deployments: dict[tuple[str, str | None], _Deployment] = {}
        for key in keys:
            count = self._counts.get(key)
            if count is None:
                continue
            worker_set = count.worker_set or self._base_at(self._place_of[key])
            if worker_set is None or worker_set[:2] in deployments:
                continue
            deployment = self._models[worker_set.model][worker_set.namespace]
            if len(deployment.sets) > 1 or _parties(deployment.sets[worker_set]) > 1:
                deployments[worker_set[:2]] = deployment
        return set().union(*(one.keys for one in deployments.values()))

    def is_dead(self, key: bytes) -> bool:
        """Whether a card was told to be dead."""
        count = self._counts.get(key)
        return count is not None and count.is_dead

    def at_frontends(self, name: str) -> AtFrontends | None:
        """What frontends say of a model or adapter. None: none was asked, or nothing of that name
        is registered."""
        namespaces = self._namespaces(name)
        return self._frontends.of(name, namespaces) if namespaces else None

    @property
    def denied(self) -> set[str]:
        """The base models that no frontend serves that was asked, wherever they are registered and
        whatever their workers are. Do not change it, nor keep it over a change."""
        return self._both_denied()[0]

    @property
    def denied_adapters(self) -> set[str]:
        """As `denied`, of adapters."""
        return self._both_denied()[1]

    @property
    def frontends(self) -> tuple[FrontendReport, ...]:
        """What was heard of frontends last, in the order of their names."""
        return self._frontends.reports

    # --- what is told -------------------------------------------------------------------------

    def hear_frontends(self, reports: Iterable[FrontendReport]) -> set[str]:
        """Take what frontends said when they were asked last, in place of what they said before.
        Returns the names of the models and adapters of which they say something else now."""
        before = self._frontends
        told = tuple(sorted(reports, key=lambda one: one.name))
        if told == before.reports:
            return set()
        names = {one.name: one.told for one in told}
        where = {name: self._namespaces(name) for name in set().union(*names.values())}
        self._frontends = Frontends(told, looks_at(names, where))
        self._denied_now = None
        return {
            name
            for name in {*self._models, *self._adapters}
            if before.of(name, spaces := self._namespaces(name)) != self._frontends.of(name, spaces)
        }

    def sees_all(self, all_of_it: bool) -> None:
        """Whether all is known that is registered. If not, nothing is taken for missing."""
        self._sees_all = all_of_it

    def put_instance(self, instance: EndpointInstance, *, dead: bool) -> None:
        """An instance came, or changed. `dead`: whether its verdict says that its worker is."""
        key, was = instance.key, self._state_of.get(instance.key)
        place = place_of(instance)
        now = _State.DEAD if dead else _State.UNUSABLE if unusable(instance) else _State.UP
        if was is now and self._place_of[key] == place:
            return
        if was is not None and self._place_of[key] != place:
            self.discard_instance(key)
            was = None
        before = self._state(place)
        if was is not None:
            _decrease(self._counted(was), place)
        counted = self._counted(now)
        counted[place] = counted.get(place, 0) + 1
        self._state_of[key], self._place_of[key] = now, place
        self._moved(place, before)

    def discard_instance(self, key: bytes) -> None:
        """An instance went, if it is known."""
        was = self._state_of.pop(key, None)
        if was is None:
            return
        place = self._place_of.pop(key)
        before = self._state(place)
        _decrease(self._counted(was), place)
        self._moved(place, before)

    def put_card(self, card: ModelCard, *, dead: bool) -> None:
        """A card came, or changed. `dead`: whether its own verdict says that its worker is."""
        key, place = card.key, place_of(card)
        if key in self._counts:
            self.discard_card(key)
        self._denied_now = None
        worker_set = worker_set_of(card)
        # It names no place, or no model.
        if place[3] is None or card.dialect is Dialect.OLD or not (worker_set or card.is_lora):
            return
        there = self._at.get(place)
        self._at[place] = (key,) if there is None else (*there, key)
        self._place_of[key] = place
        if worker_set is None:
            self._join_adapter(key, adapter_name(card), dead=dead)
        else:
            self._join(card, place, worker_set, dead=dead)

    def discard_card(self, key: bytes) -> None:
        """A card went, if it is known."""
        count = self._counts.pop(key, None)
        if count is None:
            return
        self._denied_now = None
        place = self._place_of.pop(key)
        left = tuple(one for one in self._at[place] if one != key)
        if left:
            self._at[place] = left
        else:
            del self._at[place]
        if count.worker_set is not None:
            self._leave(key, count, place, count.worker_set)
        else:
            self._leave_adapter(key, count.adapter)

    def take_changes(self) -> set[bytes]:
        """The keys of the cards that may be routed otherwise than at the last call, but for those
        that were put themselves, and for those in a conflict that came or went."""
        changed: set[bytes] = set()
        if not (self._before or self._based or self._touched):
            self._look_at_adapters(changed)
            return changed
        for place, before in self._before.items():
            if place in self._at and self._state(place) is not before:
                changed.update(self._at[place])
        self._before.clear()
        changed.update(*(self._at.get(place, ()) for place in self._based))
        self._based.clear()
        for model, namespace in self._touched:
            deployment = self._models.get(model, {}).get(namespace)
            if deployment is None:
                continue
            missing = _missing(deployment)
            if missing != deployment.missing:
                deployment.missing = missing
                changed.update(*(self._at[self._place_of[key]] for key in deployment.keys))
        for model in {model for model, _ in self._touched}:
            deployments = self._models.get(model)
            if deployments is None or any(map(_is_served, deployments.values())):
                self._unserved.discard(model)
            else:
                self._unserved.add(model)
        self._touched.clear()
        self._look_at_adapters(changed)
        return changed

    # --- how ----------------------------------------------------------------------------------

    def _namespaces(self, name: str) -> frozenset[str | None]:
        """Where a model or adapter is registered."""
        if (deployments := self._models.get(name)) is not None:
            return frozenset(deployments)
        adapter = self._adapters.get(name)
        keys = () if adapter is None else adapter.keys
        return frozenset(self._place_of[key][0] for key in keys)

    def _both_denied(self) -> tuple[set[str], set[str]]:
        """The base models and adapters that no frontend serves that was asked."""
        if self._denied_now is None:
            self._denied_now = (set(), set())
            if self._frontends.reports:
                self._denied_now = self._denied(self._models), self._denied(self._adapters)
        return self._denied_now

    def _denied(self, names: Iterable[str]) -> set[str]:
        said = ((name, self.at_frontends(name)) for name in names)
        return {name for name, one in said if one is not None and one.is_denied}

    def _sets(self, found: _Sets) -> tuple[SetServing, ...]:
        made = (
            _set_serving(worker_set, sorts, missing, sees_all=self._sees_all)
            for worker_set, (sorts, missing) in found.items()
        )
        return tuple(sorted(made, key=_order))

    def _surplus(self, name: str, found: _Sets, *, by_role: bool) -> list[bytes]:
        """The cards of a model's workers that have a better one, in all or in the same role."""
        surplus: list[bytes] = []
        for worker in self._doubled.get(name, ()):
            groups: dict[str, list[bytes]] = {}
            for key in self._cards_of(worker):
                worker_set = self._counts[key].worker_set
                if worker_set in found:
                    groups.setdefault(worker_set.role if by_role else "", []).append(key)
            for keys in groups.values():
                surplus += sorted(keys, key=self._rank)[1:]
        return surplus

    def _without(self, found: _Sets, surplus: Iterable[bytes]) -> _Sets:
        """These sets without some of their cards, the sorts that they are of left in place."""
        reduced = dict(found)
        copied: set[WorkerSet] = set()
        for key in surplus:
            count = self._counts[key]
            if count.worker_set is None:
                continue
            sorts, missing = reduced[count.worker_set]
            if count.worker_set not in copied:
                copied.add(count.worker_set)
                sorts = {sort: replace(one) for sort, one in sorts.items()}
                reduced[count.worker_set] = sorts, missing
            mine = sorts[count.sort]
            mine.total -= 1
            _add(mine, _State.DEAD if count.is_dead else self._state(self._place_of[key]), -1)
        return reduced

    def _rank(self, key: bytes) -> tuple[int, bytes]:
        """Sorts the cards of a worker, the one that says most for it first."""
        routing = self.routing(key)
        if routing is None:
            return _UNKNOWN_RANK, key
        return 0 if routing.reason is None else _RANKS[routing.reason], key

    def _cards_of(self, worker: int | None) -> tuple[bytes, ...]:
        """The base models' cards of an instance id."""
        found = self._of_worker.get(worker, ())
        return found if isinstance(found, tuple) else (found,)

    def _note_worker(self, worker: int | None, model: str, keys: tuple[bytes, ...]) -> None:
        """These are the base models' cards of an instance id now; one of `model` came or went."""
        if keys:
            self._of_worker[worker] = keys[0] if len(keys) == 1 else keys
        else:
            self._of_worker.pop(worker, None)
        sets = (self._counts[key].worker_set for key in keys)
        if sum(one is not None and one.model == model for one in sets) > 1:
            self._doubled.setdefault(model, set()).add(worker)
        elif model in self._doubled:
            self._doubled[model].discard(worker)
            if not self._doubled[model]:
                del self._doubled[model]

    def _state(self, place: Place) -> _State:
        if place in self._up:
            return _State.UP
        if place in self._unusable:
            return _State.UNUSABLE
        return _State.DEAD if place in self._down else _State.NONE

    def _counted(self, state: _State) -> dict[Place, int]:
        """Where instances of a state are counted."""
        match state:
            case _State.UP:
                return self._up
            case _State.UNUSABLE:
                return self._unusable
            case _:
                return self._down

    def _base_at(self, place: Place) -> WorkerSet | None:
        sets = (self._counts[key].worker_set for key in sorted(self._at.get(place, ())))
        return next((one for one in sets if one is not None), None)

    def _moved(self, place: Place, before: _State) -> None:
        """The instances of a place changed."""
        now = self._state(place)
        if now is before:
            return
        self._before.setdefault(place, before)
        for key in self._at.get(place, ()):
            count = self._counts[key]
            if count.worker_set is not None and not count.is_dead:
                _add(count, before, -1)
                _add(count, now, 1)
                self._touched.add(count.worker_set[:2])

    def _join(self, card: ModelCard, place: Place, worker_set: WorkerSet, *, dead: bool) -> None:
        deployments = self._models.setdefault(worker_set.model, {})
        deployment = deployments.get(worker_set.namespace)
        if deployment is None:
            deployment = deployments[worker_set.namespace] = _Deployment()
        deployment.keys.add(card.key)
        sort = _DEAD_SORT
        if not dead:
            sort = (card.fingerprint if is_compared(card) else None) or _NO_PARTY
        sorts = deployment.sets.get(worker_set)
        if sorts is None:
            sorts = deployment.sets[worker_set] = {}
        count = sorts.get(sort)
        if count is None:
            is_party = sort not in (_DEAD_SORT, _NO_PARTY)
            count = sorts[sort] = _Count(worker_set, sort, needs_of(card) if is_party else ())
        self._counts[card.key] = count
        self._note_worker(place[3], worker_set.model, (*self._cards_of(place[3]), card.key))
        count.total += 1
        if is_without_role(card):
            deployment.without_role.add(card.key)
        _add(count, _State.DEAD if dead else self._state(place), 1)
        self._changed(card.key, place, worker_set)

    def _leave(self, key: bytes, count: _Count, place: Place, worker_set: WorkerSet) -> None:
        left = tuple(one for one in self._cards_of(place[3]) if one != key)
        self._note_worker(place[3], worker_set.model, left)
        count.total -= 1
        _add(count, _State.DEAD if count.is_dead else self._state(place), -1)
        deployments = self._models[worker_set.model]
        deployment = deployments[worker_set.namespace]
        deployment.keys.discard(key)
        deployment.without_role.discard(key)
        if not count.total:
            del deployment.sets[worker_set][count.sort]
            if not deployment.sets[worker_set]:
                del deployment.sets[worker_set]
            if not deployment.sets:
                del deployments[worker_set.namespace]
            if not deployments:
                del self._models[worker_set.model]
        self._changed(key, place, worker_set)

    def _join_adapter(self, key: bytes, name: str, *, dead: bool) -> None:
        adapter = self._adapters.get(name)
        if adapter is None:
            alive = _Count(None, _NO_PARTY, adapter=name)
            adapter = _Adapter(alive, _Count(None, _DEAD_SORT, adapter=name))
            self._adapters[name] = adapter
        adapter.keys.add(key)
        self._counts[key] = adapter.dead if dead else adapter.alive
        self._adapters_put.add(key)

    def _leave_adapter(self, key: bytes, name: str) -> None:
        adapter = self._adapters[name]
        adapter.keys.discard(key)
        adapter.routable.discard(key)
        self._adapters_put.discard(key)
        self._adapters_left.add(name)
        if not adapter.keys:
            del self._adapters[name]

    def _look_at_adapters(self, changed: Iterable[bytes]) -> None:
        """See which adapters a request reaches, after some cards were routed otherwise."""
        names = self._adapters_left
        for key in self._adapters_put.union(changed):
            count = self._counts.get(key)
            if count is None or not count.adapter:
                continue
            names.add(count.adapter)
            routing = self.routing(key)
            if routing is not None and routing.routable:
                self._adapters[count.adapter].routable.add(key)
            else:
                self._adapters[count.adapter].routable.discard(key)
        for name in names:
            adapter = self._adapters.get(name)
            if adapter is None or adapter.routable:
                self._unserved_adapters.discard(name)
            else:
                self._unserved_adapters.add(name)
        self._adapters_left = set()
        self._adapters_put.clear()

    def _changed(self, key: bytes, place: Place, worker_set: WorkerSet) -> None:
        """A base model's card came to a place, or went from there."""
        self._touched.add(worker_set[:2])
        there = self._at.get(place)
        if there and (len(there) > 1 or key not in there):
            self._based.add(place)


def place_of(record: EndpointInstance | ModelCard) -> Place:
    """Where an instance or card is."""
    at = record.id
    return (at.namespace, at.component, at.endpoint, at.instance_id)


def _decrease(counted: dict[Place, int], place: Place) -> None:
    if counted[place] == 1:
        del counted[place]
    else:
        counted[place] -= 1


def _order(one: SetServing) -> tuple[str, ...]:
    at = one.worker_set
    names = (at.namespace, at.component, at.endpoint)
    return (*(name or "" for name in names), at.role, *sorted(at.surfaces))


def _add(count: _Count, state: _State, more: int) -> None:
    if state is _State.UP:
        count.up += more
    elif state is _State.UNUSABLE:
        count.unusable += more
    elif state is _State.DEAD:
        count.dead += more


def _parties(sorts: _Sorts) -> int:
    return len(sorts) - (_NO_PARTY in sorts) - (_DEAD_SORT in sorts)


def _missing(deployment: _Deployment) -> tuple[str, ...]:
    """The worker types that a model misses in one namespace: nothing of it is served then.

    Each worker type that is registered must be there, and all that one of those needs that are
    there. Where cards have no worker type (up to 1.3) roles cannot be told, and nothing is missed
    but a worker that answers: a prefill worker does not.
    """
    sets = deployment.sets
    present = {
        worker_set.role
        for worker_set, sorts in sets.items()
        if any(count.up for count in sorts.values())
    }
    if deployment.without_role:
        return (DECODE,) if present and present <= {PREFILL, ENCODE} else ()
    missing = {worker_set.role for worker_set in sets} - present
    for sorts in sets.values():
        for count in sorts.values():
            if count.up and count.needs and not any(present.issuperset(one) for one in count.needs):
                missing.update(role for one in count.needs for role in one if role not in present)
    return tuple(sorted(missing))


def _is_served(deployment: _Deployment) -> bool:
    """As `ModelServing.is_served`, of a model in one namespace."""
    if deployment.missing:
        return False
    for worker_set, sorts in deployment.sets.items():
        if worker_set.role in (PREFILL, ENCODE):
            continue
        if len(sorts) == 1:
            (count,) = sorts.values()
            if count.up:
                return True
        elif _set_serving(worker_set, sorts, ()).figures.least:
            return True
    return False


def _set_serving(
    worker_set: WorkerSet, sorts: _Sorts, missing: tuple[str, ...], *, sees_all: bool = True
) -> SetServing:
    total, up, dead, lost = (
        sum(count.total for count in sorts.values()),
        sum(count.up for count in sorts.values()),
        sum(count.dead for count in sorts.values()),
        sum(count.unusable for count in sorts.values()),
    )
    alone = total - up - dead - lost
    unknown = 0 if sees_all else alone
    reasons = {
        ServingReason.NO_INSTANCE: alone - unknown,
        ServingReason.DEAD: dead,
        ServingReason.UNUSABLE: lost,
    }
    least = most = up
    if missing and not sees_all:
        # The other role may be there.
        least, most, unknown, missing = 0, 0, unknown + up, ()
    elif missing:
        least = most = 0
        reasons[ServingReason.NEEDS] = up
    elif _parties(sorts) > 1:
        parties = [count.up for sort, count in sorts.items() if sort not in (_NO_PARTY, _DEAD_SORT)]
        others = up - sum(parties)
        least, most = others + min(parties), others + max(parties)
        reasons[ServingReason.CONFLICT] = sum(parties)
    return SetServing(
        worker_set,
        RoutableCount(least, most, total, unknown),
        {reason: number for reason, number in reasons.items() if number},
        missing,
        _parties(sorts),
    )
