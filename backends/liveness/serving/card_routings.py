"""The routing of each model card: whether a request can reach its worker, and why not.

Pure, and kept up to date by change: a change costs work in proportion to the cards whose routing
it changes. Verdicts are passed in: whether an instance or card is dead.

Of workers that are served as one set, Dynamo 1.6.1's frontend keeps to the sort of card that it
accepted first; a frontend that starts later takes either, neither the majority nor the oldest, and
some older releases drop the whole set (`card_checksum.py` names the sources). A store does not
show what a frontend accepted, so no card is the odd one: all cards of a set with several sorts are
in conflict.
"""

from __future__ import annotations

from collections.abc import Set

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
from backends.liveness.owned import is_not_ready
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
    CardSet,
    Deployment,
)
from backends.probe.probe_targets import is_usable

_NO_INSTANCE = Routing(False, ServingReason.NO_INSTANCE)
_DEAD = Routing(False, ServingReason.DEAD)
_NOT_READY = Routing(False, ServingReason.NOT_READY)
_UNUSABLE = Routing(False, ServingReason.UNUSABLE)
_CONFLICT = Routing(False, ServingReason.CONFLICT)

_NO_KEYS: frozenset[bytes] = frozenset()

# Looked up thousands of times at the start.
_NONE, _DOWN, _HIDDEN, _UNFIT, _UP = InstanceState


_REASONS = {_DOWN: _DEAD, _HIDDEN: _NOT_READY, _UNFIT: _UNUSABLE}


class CardRoutings:
    """The routing of each card, once `take_changes` was called after the last change."""

    def __init__(self) -> None:
        self._endpoints: dict[Place, WorkerEndpoint] = {}
        self._instances: dict[bytes, tuple[WorkerEndpoint, InstanceState]] = {}
        self._cards: dict[bytes, tuple[CardGroup, WorkerEndpoint]] = {}
        """Where each card is counted."""
        self._sets: dict[WorkerSet, CardSet] = {}
        self._models: dict[str, dict[str | None, Deployment]] = {}
        """By namespace."""
        self._of_workers = WorkerCards()
        self._adapters = AdapterServing()
        self._unserved: set[str] = set()
        self._is_complete = True
        self._moved: set[WorkerEndpoint] = set()
        """Endpoints whose state changed, or whose base model's card came or went beside others,
        which may be adapters'."""
        self._touched: set[Deployment] = set()
        """Those in which a sort of card came or went, or got its first routable worker or lost its
        last. The missing roles and the conflicts depend on nothing else."""
        self.is_behind = False
        """Whether a card may be routed otherwise since the last `take_changes`."""
        self._names_changed = False
        """Whether a model, an adapter or a namespace of one came or went."""

    def routing(self, key: bytes) -> Routing | None:
        """Return whether a request can reach a card's worker.

        None: it is no card of Dynamo 0.6 or later, or what it would be joined to may be there and
        not be seen.
        """
        found = self._cards.get(key)
        if found is None:
            return None
        group, endpoint = found
        if group.is_dead:
            return _DEAD
        state = endpoint.state
        if state is not _UP:
            if state is _NONE:
                return _NO_INSTANCE if self._is_complete else None
            return _REASONS[state]
        card_set = group.card_set or self._base_at(endpoint)
        if card_set is None:
            return ROUTABLE
        if missing := card_set.deployment.missing:
            return Routing(False, ServingReason.NEEDS, missing) if self._is_complete else None
        return _CONFLICT if group.is_party and card_set.in_conflict else ROUTABLE

    def disagrees(self, key: bytes) -> bool:
        """Return whether a card's worker set has cards of another sort."""
        party = self.party(key)
        return party is not None and party[1].in_conflict

    def party(self, key: bytes) -> tuple[str, CardSet] | None:
        """Return a card's sort, by its fingerprint, and its worker set. None: the card is compared
        with no other. Do not keep it over a change."""
        found = self._cards.get(key)
        if found is None or not found[0].is_party or found[0].card_set is None:
            return None
        return found[0].sort, found[0].card_set

    def has_instance(self, key: bytes) -> bool:
        """Return whether an instance is registered on a card's endpoint for its worker."""
        found = self._cards.get(key)
        return found is not None and found[1].state is not _NONE

    def is_dead(self, key: bytes) -> bool:
        """Return whether a card was put as dead."""
        found = self._cards.get(key)
        return found is not None and found[0].is_dead

    def set_complete(self, complete: bool) -> None:
        """Set whether all is known that is registered. If not, nothing is taken for missing."""
        self._is_complete = complete

    def put_instance(self, instance: EndpointInstance, *, dead: bool) -> None:
        """Add an instance, or replace it. `dead`: whether its verdict says that its worker is."""
        entry, at = instance.entry, instance.id
        key, place = entry.key, (at.namespace, at.component, at.endpoint, at.instance_id)
        now = _DOWN if dead else _UP if is_usable(instance) else _UNFIT
        if not dead and entry.owner is not None and is_not_ready(entry.owner):
            now = _HIDDEN
        known = self._instances.get(key)
        if known is not None and known[0].place != place:
            self.discard_instance(key)
            known = None
        endpoint = self._endpoints.get(place)
        if endpoint is None:
            endpoint = self._endpoints[place] = WorkerEndpoint(place)
        before = endpoint.state
        if known is not None:
            if known[1] is now:
                return
            endpoint.count(known[1], -1)
        endpoint.count(now, 1)
        self._instances[key] = endpoint, now
        if endpoint.cards and endpoint.state is not before:
            self._move(endpoint, before)

    def discard_instance(self, key: bytes) -> None:
        """Forget an instance, if it is known."""
        known = self._instances.pop(key, None)
        if known is None:
            return
        endpoint, was = known
        before = endpoint.state
        endpoint.count(was, -1)
        if not endpoint.cards:
            self._drop_if_empty(endpoint)
        elif endpoint.state is not before:
            self._move(endpoint, before)

    def put_card(self, card: ModelCard, *, dead: bool) -> None:
        """Add a card, or replace it. `dead`: whether its own verdict says that its worker is."""
        key, place = card.entry.key, place_of(card)
        worker_set = worker_set_of(card)
        if worker_set is not None:
            adapter, sort = "", DEAD_SORT
            if not dead:
                sort = (card.fingerprint if _is_party(card) else None) or NO_PARTY
        else:
            adapter = adapter_name(card) if card.is_lora else ""
            sort = DEAD_SORT if dead else NO_PARTY
        known = self._cards.get(key)
        if known is not None:
            if known[1].place == place and self._is_counted_so(
                card, known[0], worker_set, adapter, sort
            ):
                return
            self.discard_card(key)
        # It names no place, or no model.
        if place[3] is None or card.dialect is Dialect.OLD or not (worker_set or adapter):
            return
        endpoint = self._endpoints.get(place)
        if endpoint is None:
            endpoint = self._endpoints[place] = WorkerEndpoint(place)
        endpoint.add_card(key)
        if worker_set is None:
            self._names_changed = self.is_behind = True
            self._cards[key] = self._adapters.put(key, adapter, dead=dead), endpoint
        else:
            self._join(card, endpoint, worker_set, sort)

    def discard_card(self, key: bytes) -> None:
        """Forget a card, if it is known."""
        known = self._cards.pop(key, None)
        if known is None:
            return
        group, endpoint = known
        endpoint.drop_card(key)
        if group.card_set is not None:
            self._leave(key, group, endpoint, group.card_set)
        else:
            self._names_changed = self.is_behind = True
            self._adapters.discard(key, group.adapter)
        self._drop_if_empty(endpoint)

    def take_changes(self) -> Set[bytes]:
        """Return the keys of the cards that may be routed otherwise than at the last call, but for
        those that were put themselves."""
        if not self.is_behind:
            return _NO_KEYS
        self.is_behind = False
        changed: set[bytes] = set()
        for endpoint in self._moved:
            changed.update(endpoint.cards)
        self._moved.clear()
        if self._touched:
            self._look_at_deployments(changed)
        self._adapters.update(changed, self._adapter_name, self._is_routable)
        return changed

    def _look_at_deployments(self, changed: set[bytes]) -> None:
        """Find the missing roles and the conflicts in the deployments touched."""
        for deployment in self._touched:
            missing = deployment.missing_roles()
            if missing != deployment.missing:
                deployment.missing = missing
                changed.update(*(self._cards[key][1].cards for key in deployment.card_keys()))
            for card_set in deployment.sets.values():
                if card_set.in_conflict is not card_set.was_in_conflict:
                    card_set.was_in_conflict = not card_set.was_in_conflict
                    parties = [one.keys for one in card_set.groups.values() if one.is_party]
                    changed.update(*parties)
        for model in {deployment.model for deployment in self._touched}:
            deployments = self._models.get(model)
            if deployments is None or any(one.is_served() for one in deployments.values()):
                self._unserved.discard(model)
            else:
                self._unserved.add(model)
        self._touched.clear()

    def _is_counted_so(
        self,
        card: ModelCard,
        group: CardGroup,
        worker_set: WorkerSet | None,
        adapter: str,
        sort: str,
    ) -> bool:
        """Return whether a card that is put again is in the right group already."""
        if group.sort != sort or group.adapter != adapter:
            return False
        if group.card_set is None or worker_set is None:
            return group.card_set is None and worker_set is None
        was_without_role = card.key in group.card_set.deployment.without_role
        return group.card_set.worker_set == worker_set and was_without_role is is_without_role(card)

    def _is_routable(self, key: bytes) -> bool:
        routing = self.routing(key)
        return routing is not None and routing.routable

    def _adapter_name(self, key: bytes) -> str:
        return self._cards[key][0].adapter if key in self._cards else ""

    def _base_at(self, endpoint: WorkerEndpoint) -> CardSet | None:
        """Return the worker set of the base model's card beside an adapter's."""
        bases = endpoint.base_cards
        return self._cards[bases[0]][0].card_set if bases else None

    def _drop_if_empty(self, endpoint: WorkerEndpoint) -> None:
        if endpoint.is_empty:
            del self._endpoints[endpoint.place]

    def _move(self, endpoint: WorkerEndpoint, before: InstanceState) -> None:
        """Count the cards of an endpoint by its state, which is another now."""
        self.is_behind = True
        self._moved.add(endpoint)
        for key in endpoint.cards:
            group, _ = self._cards[key]
            if group.card_set is not None and not group.is_dead:
                self._count(group, group.card_set, before, -1)
                self._count(group, group.card_set, endpoint.state, 1)

    def _count(self, group: CardGroup, card_set: CardSet, state: InstanceState, more: int) -> None:
        if state is not _UP:
            group.count(state, more)
            return
        were_up, group.up = group.up, group.up + more
        if not were_up or not group.up:
            self._touch(card_set.deployment)

    def _touch(self, deployment: Deployment) -> None:
        self.is_behind = True
        self._touched.add(deployment)

    def _join(
        self, card: ModelCard, endpoint: WorkerEndpoint, worker_set: WorkerSet, sort: str
    ) -> None:
        key, card_set = card.entry.key, self._sets.get(worker_set)
        if card_set is None:
            card_set = self._new_set(worker_set)
        group = card_set.groups.get(sort)
        if group is None:
            group = CardGroup(card_set, sort)
            if group.is_party:
                group.needs = needs_of(card)
            card_set.groups[sort] = group
            self._touch(card_set.deployment)
        self._cards[key] = group, endpoint
        bases = endpoint.base_cards
        endpoint.base_cards = tuple(sorted((*bases, key))) if bases else (key,)
        self._of_workers.put(endpoint.place[3], key, worker_set.model)
        group.keys[key] = None
        group.total += 1
        if is_without_role(card):
            without_role = card_set.deployment.without_role
            if not without_role:
                self._touch(card_set.deployment)
            without_role.add(key)
        self._count(group, card_set, _DOWN if group.is_dead else endpoint.state, 1)
        if len(endpoint.cards) > 1:
            self.is_behind = True
            self._moved.add(endpoint)

    def _leave(
        self, key: bytes, group: CardGroup, endpoint: WorkerEndpoint, card_set: CardSet
    ) -> None:
        deployment = card_set.deployment
        endpoint.base_cards = tuple([one for one in endpoint.base_cards if one != key])
        self._of_workers.discard(endpoint.place[3], key, deployment.model)
        del group.keys[key]
        group.total -= 1
        if key in deployment.without_role:
            deployment.without_role.discard(key)
            if not deployment.without_role:
                self._touch(deployment)
        self._count(group, card_set, _DOWN if group.is_dead else endpoint.state, -1)
        if not group.total:
            del card_set.groups[group.sort]
            self._touch(deployment)
            if not card_set.groups:
                self._drop_set(card_set)
        if endpoint.cards:
            self.is_behind = True
            self._moved.add(endpoint)

    def _new_set(self, worker_set: WorkerSet) -> CardSet:
        deployments = self._models.setdefault(worker_set.model, {})
        deployment = deployments.get(worker_set.namespace)
        if deployment is None:
            deployment = Deployment(worker_set.model, worker_set.namespace)
            deployments[worker_set.namespace] = deployment
            self._names_changed = True
        card_set = self._sets[worker_set] = CardSet(worker_set, deployment)
        deployment.sets[worker_set] = card_set
        return card_set

    def _drop_set(self, card_set: CardSet) -> None:
        deployment = card_set.deployment
        del self._sets[card_set.worker_set]
        del deployment.sets[card_set.worker_set]
        if not deployment.sets:
            self._names_changed = True
            deployments = self._models[deployment.model]
            del deployments[deployment.namespace]
            if not deployments:
                del self._models[deployment.model]


def _is_party(card: ModelCard) -> bool:
    """Return whether frontends compare a card with the others of its worker set. They see none of a
    worker that they do not discover."""
    owner = card.entry.owner
    return is_compared(card) and (owner is None or not is_not_ready(owner))
