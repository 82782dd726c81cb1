"""The routing of each model card: whether a request can reach its worker, and why not.

Pure, and kept up to date by change: a change costs work in proportion to the cards whose routing
it changes. Knows places, cards, whether instances are dead and whether a client can connect to
their addresses; verdicts are made elsewhere.
"""

from __future__ import annotations

from backends.discovery.models import adapter_name
from backends.dynamo.card_checksum import (
    WorkerSet,
    is_compared,
    is_without_role,
    needs_of,
    worker_set_of,
)
from backends.dynamo.keys import Dialect
from backends.dynamo.records import EndpointInstance, ModelCard
from backends.liveness.routing import ROUTABLE, Routing, ServingReason
from backends.liveness.serving.adapter_serving import AdapterServing
from backends.liveness.serving.worker_cards import WorkerCards
from backends.liveness.serving.worker_endpoints import (
    InstanceState,
    Place,
    WorkerEndpoint,
    place_of,
)
from backends.liveness.serving.worker_sets import (
    DEAD_SORT,
    NO_PARTY,
    CardGroup,
    Deployment,
    parties,
)
from backends.probe.targets import unusable

_NO_INSTANCE = Routing(False, ServingReason.NO_INSTANCE)
_DEAD = Routing(False, ServingReason.DEAD)
_UNUSABLE = Routing(False, ServingReason.UNUSABLE)
_CONFLICT = Routing(False, ServingReason.CONFLICT)


class CardRoutings:
    """The routing of each card, once `take_changes` was called after the last change."""

    def __init__(self) -> None:
        self._endpoints: dict[Place, WorkerEndpoint] = {}
        self._instances: dict[bytes, tuple[WorkerEndpoint, InstanceState]] = {}
        self._cards: dict[bytes, tuple[CardGroup, WorkerEndpoint]] = {}
        """Where each card is counted."""
        self._models: dict[str, dict[str | None, Deployment]] = {}
        """By namespace."""
        self._of_workers = WorkerCards()
        self._adapters = AdapterServing()
        self._unserved: set[str] = set()
        self._sees_all = True
        self._before: dict[WorkerEndpoint, InstanceState] = {}
        """At the last `take_changes`, of each endpoint with cards whose state may be another."""
        self._rebased: set[WorkerEndpoint] = set()
        """Where the base model's card came or went beside others, which may be adapters."""
        self._touched: set[tuple[str, str | None]] = set()
        """The deployments whose needs are to be compared anew with what is there."""
        self._names_changed = False
        """Whether a model, an adapter or a namespace of one came or went."""

    def routing(self, key: bytes) -> Routing | None:
        """Whether a card's worker can be reached. None: it is no card of Dynamo 0.6 or later, or
        what it would be joined to may be there and not be seen."""
        found = self._cards.get(key)
        if found is None:
            return None
        group, endpoint = found
        if group.is_dead:
            return _DEAD
        if endpoint.state is not InstanceState.UP:
            if endpoint.state is InstanceState.UNUSABLE:
                return _UNUSABLE
            if endpoint.state is InstanceState.DEAD:
                return _DEAD
            return _NO_INSTANCE if self._sees_all else None
        worker_set = group.worker_set or self._base_at(endpoint)
        if worker_set is None:
            return ROUTABLE
        deployment = self._models[worker_set.model][worker_set.namespace]
        if deployment.missing:
            missing = deployment.missing
            return Routing(False, ServingReason.NEEDS, missing) if self._sees_all else None
        if group.worker_set is not None and group.sort != NO_PARTY:
            groups = deployment.sets[worker_set]
            if len(groups) > 1 and parties(groups) > 1:
                return _CONFLICT
        return ROUTABLE

    def is_dead(self, key: bytes) -> bool:
        """Whether a card was told to be dead."""
        return key in self._cards and self._cards[key][0].is_dead

    def sees_all(self, all_of_it: bool) -> None:
        """Whether all is known that is registered. If not, nothing is taken for missing."""
        self._sees_all = all_of_it

    def put_instance(self, instance: EndpointInstance, *, dead: bool) -> None:
        """An instance came, or changed. `dead`: whether its verdict says that its worker is."""
        key, place = instance.key, place_of(instance)
        if dead:
            now = InstanceState.DEAD
        else:
            now = InstanceState.UNUSABLE if unusable(instance) else InstanceState.UP
        known = self._instances.get(key)
        if known is not None and known[0].place != place:
            self.discard_instance(key)
            known = None
        endpoint = self._endpoint(place)
        before = endpoint.state
        if known is not None:
            if known[1] is now:
                return
            endpoint.count(known[1], -1)
        endpoint.count(now, 1)
        self._instances[key] = endpoint, now
        self._moved(endpoint, before)

    def discard_instance(self, key: bytes) -> None:
        """An instance went, if it is known."""
        known = self._instances.pop(key, None)
        if known is None:
            return
        endpoint, was = known
        before = endpoint.state
        endpoint.count(was, -1)
        self._moved(endpoint, before)
        self._drop_if_empty(endpoint)

    def put_card(self, card: ModelCard, *, dead: bool) -> None:
        """A card came, or changed. `dead`: whether its own verdict says that its worker is."""
        key, place = card.key, place_of(card)
        self.discard_card(key)
        self._names_changed = True
        worker_set = worker_set_of(card)
        # It names no place, or no model.
        if place[3] is None or card.dialect is Dialect.OLD or not (worker_set or card.is_lora):
            return
        endpoint = self._endpoint(place)
        endpoint.cards = (*endpoint.cards, key)
        if worker_set is None:
            group = self._adapters.put(key, adapter_name(card), dead=dead)
            self._cards[key] = group, endpoint
        else:
            self._join(card, endpoint, worker_set, dead=dead)

    def discard_card(self, key: bytes) -> None:
        """A card went, if it is known."""
        known = self._cards.pop(key, None)
        if known is None:
            return
        group, endpoint = known
        self._names_changed = True
        endpoint.cards = tuple(one for one in endpoint.cards if one != key)
        if group.worker_set is not None:
            self._leave(key, group, endpoint, group.worker_set)
        else:
            self._adapters.discard(key, group.adapter)
        self._drop_if_empty(endpoint)

    def take_changes(self) -> set[bytes]:
        """The keys of the cards that may be routed otherwise than at the last call, but for those
        that were put themselves, and for those in a conflict that came or went."""
        changed: set[bytes] = set()
        for endpoint, before in self._before.items():
            if endpoint.state is not before:
                changed.update(endpoint.cards)
        self._before.clear()
        for endpoint in self._rebased:
            changed.update(endpoint.cards)
        self._rebased.clear()
        for model, namespace in self._touched:
            deployment = self._models.get(model, {}).get(namespace)
            if deployment is None:
                continue
            missing = deployment.missing_roles()
            if missing != deployment.missing:
                deployment.missing = missing
                changed.update(*(self._cards[key][1].cards for key in deployment.keys))
        for model in {model for model, _ in self._touched}:
            deployments = self._models.get(model)
            if deployments is None or any(one.is_served() for one in deployments.values()):
                self._unserved.discard(model)
            else:
                self._unserved.add(model)
        self._touched.clear()
        self._adapters.update(changed, self._adapter_name, self._is_routable)
        return changed

    def _is_routable(self, key: bytes) -> bool:
        routing = self.routing(key)
        return routing is not None and routing.routable

    def _adapter_name(self, key: bytes) -> str:
        return self._cards[key][0].adapter if key in self._cards else ""

    def _base_at(self, endpoint: WorkerEndpoint) -> WorkerSet | None:
        sets = (self._cards[key][0].worker_set for key in sorted(endpoint.cards))
        return next((one for one in sets if one is not None), None)

    def _endpoint(self, place: Place) -> WorkerEndpoint:
        endpoint = self._endpoints.get(place)
        if endpoint is None:
            endpoint = self._endpoints[place] = WorkerEndpoint(place)
        return endpoint

    def _drop_if_empty(self, endpoint: WorkerEndpoint) -> None:
        if endpoint.is_empty:
            del self._endpoints[endpoint.place]

    def _moved(self, endpoint: WorkerEndpoint, before: InstanceState) -> None:
        """The instances of an endpoint changed."""
        now = endpoint.state
        if now is before or not endpoint.cards:
            return
        self._before.setdefault(endpoint, before)
        for key in endpoint.cards:
            group, _ = self._cards[key]
            if group.worker_set is not None and not group.is_dead:
                group.count(before, -1)
                group.count(now, 1)
                self._touched.add(group.worker_set[:2])

    def _join(
        self, card: ModelCard, endpoint: WorkerEndpoint, worker_set: WorkerSet, *, dead: bool
    ) -> None:
        deployments = self._models.setdefault(worker_set.model, {})
        deployment = deployments.get(worker_set.namespace)
        if deployment is None:
            deployment = deployments[worker_set.namespace] = Deployment()
        deployment.keys.add(card.key)
        sort = DEAD_SORT
        if not dead:
            sort = (card.fingerprint if is_compared(card) else None) or NO_PARTY
        groups = deployment.sets.get(worker_set)
        if groups is None:
            groups = deployment.sets[worker_set] = {}
        group = groups.get(sort)
        if group is None:
            is_party = sort not in (DEAD_SORT, NO_PARTY)
            group = groups[sort] = CardGroup(worker_set, sort, needs_of(card) if is_party else ())
        self._cards[card.key] = group, endpoint
        self._of_workers.put(endpoint.place[3], card.key, worker_set.model)
        group.total += 1
        if is_without_role(card):
            deployment.without_role.add(card.key)
        group.count(InstanceState.DEAD if dead else endpoint.state, 1)
        self._changed(card.key, endpoint, worker_set)

    def _leave(
        self, key: bytes, group: CardGroup, endpoint: WorkerEndpoint, worker_set: WorkerSet
    ) -> None:
        self._of_workers.discard(endpoint.place[3], key, worker_set.model)
        group.total -= 1
        group.count(InstanceState.DEAD if group.is_dead else endpoint.state, -1)
        deployments = self._models[worker_set.model]
        deployment = deployments[worker_set.namespace]
        deployment.keys.discard(key)
        deployment.without_role.discard(key)
        if not group.total:
            del deployment.sets[worker_set][group.sort]
            if not deployment.sets[worker_set]:
                del deployment.sets[worker_set]
            if not deployment.sets:
                del deployments[worker_set.namespace]
            if not deployments:
                del self._models[worker_set.model]
        self._changed(key, endpoint, worker_set)

    def _changed(self, key: bytes, endpoint: WorkerEndpoint, worker_set: WorkerSet) -> None:
        """A base model's card came to an endpoint, or went from there."""
        self._touched.add(worker_set[:2])
        if any(one != key for one in endpoint.cards):
            self._rebased.add(endpoint)
