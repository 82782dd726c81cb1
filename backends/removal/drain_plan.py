"""The keys that a drain removes and keeps, and the workers that it leaves each model.

A drain takes workers out of routing while their processes run on. All of their endpoint instances
go, internal ones (`worker_kv_query_*`) too, since a router re-reads a worker's cache only when
those come back. Cards, adapters, channels, sources and the lease stay, so putting the same
instances back undoes it. Seen with Dynamo 1.6.1 in etcd and in a file store.

Pure functions over a cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence
from itertools import chain

import msgspec

from backends.discovery.cluster import Cluster
from backends.discovery.models import base_name
from backends.discovery.record_index import object_of
from backends.dynamo.records import AnyRecord, EndpointInstance, ModelCard
from backends.dynamo.roles import Role, role_of
from backends.liveness.routing import RoutableCount
from backends.liveness.serving import Serving, place_of


class DrainPlan(msgspec.Struct, frozen=True):
    """The keys that a drain of some workers removes and keeps."""

    instances: tuple[EndpointInstance, ...]
    """To be removed, in the order of their keys."""
    kept: tuple[AnyRecord, ...]
    """Other records of the same workers, in the order of their keys."""
    workers: tuple[int, ...]
    """The ids (u64) of the instances, in order: logs, routers and people know the workers by
    them."""


class RemainingWorkers(msgspec.Struct, frozen=True):
    """The workers of one model or LoRA adapter, before and after a removal."""

    model: str
    is_lora: bool
    before: RoutableCount
    """Its workers now."""
    after: RoutableCount
    """Its workers once the keys are gone."""
    missing: tuple[str, ...] = ()
    """The required worker types without a routable worker afterwards."""


def plan_drain(cluster: Cluster, records: Iterable[AnyRecord]) -> DrainPlan:
    """Return the drain of the workers of these records.

    A process may have one lease and several instance ids: a record of one id drains that id's
    instances. A channel or source has no instance id and drains nothing.
    """
    drained = [one for one in records if isinstance(one, EndpointInstance | ModelCard)]
    ids = {(_worker(cluster, one), one.id.instance_id) for one in drained}
    found: list[EndpointInstance] = []
    kept: list[AnyRecord] = []
    for one in sorted(cluster.with_siblings(drained), key=lambda one: one.key):
        is_of_id = (_worker(cluster, one), one.id.instance_id) in ids
        if isinstance(one, EndpointInstance) and is_of_id:
            found.append(one)
        else:
            kept.append(one)
    return DrainPlan(
        tuple(found),
        tuple(kept),
        tuple(sorted({number for one in found if (number := one.id.instance_id) is not None})),
    )


def same_process(cluster: Cluster, instances: Sequence[EndpointInstance]) -> list[int]:
    """Return the ids (u64) of other workers in the processes of these instances, in order.

    A process with several workers (`--num-workers 3`) has a lease and an id for each of them, and
    one TCP address for all; in Kubernetes one object. Takes time in proportion to all instances.
    """
    here = {one for one in map(_process, instances) if one is not None}
    mine = {one.id.instance_id for one in instances}
    if not here:
        return []
    others = {
        one.id.instance_id for one in cluster.of_type(EndpointInstance) if _process(one) in here
    }
    return sorted(one for one in others - mine if one is not None)


def remaining_workers(
    cluster: Cluster, gone: Collection[bytes], is_dead: Callable[[AnyRecord], bool]
) -> list[RemainingWorkers]:
    """Return the workers left to each model and adapter concerned once these keys are gone, by
    name.

    As in `Serving`: required roles and conflicting cards count. Takes time in proportion to all
    cards.
    """
    removed = [cluster.records[key] for key in gone if key in cluster.records]
    places = {place_of(one) for one in removed if isinstance(one, EndpointInstance)}
    based = [(card, base_name(card, cluster)) for card in cluster.of_type(ModelCard)]
    concerned = [one for one in based if one[0].key in gone or place_of(one[0]) in places]
    names = {base for _, base in concerned}
    adapters: dict[tuple[str, str | None], list[bytes]] = {
        (base, card.model_name): [] for card, base in concerned if card.is_lora
    }
    for card, base in based:
        if card.is_lora and (base, card.model_name) in adapters:
            adapters[base, card.model_name].append(card.key)
    cards = [card for card, base in based if base in names]
    at = {place_of(card) for card in cards}
    instances = [one for one in cluster.of_type(EndpointInstance) if place_of(one) in at]
    now = _serving(cards, instances, is_dead, ())
    then = _serving(cards, instances, is_dead, gone)
    found = [_left_of_model(name, now, then) for name in names]
    for (base, name), keys in adapters.items():
        before, _ = now.figures(keys)
        after, _ = then.figures(key for key in keys if key not in gone)
        found.append(RemainingWorkers(name or base, True, before, after))
    return sorted(found, key=lambda one: (one.is_lora, one.model))


def _serving(
    cards: Iterable[ModelCard],
    instances: Iterable[EndpointInstance],
    is_dead: Callable[[AnyRecord], bool],
    gone: Collection[bytes],
) -> Serving:
    """Return how some models are served without the removed keys."""
    serving = Serving()
    for one in instances:
        if one.key not in gone:
            serving.put_instance(one, dead=one.malformed is not None or is_dead(one))
    for card in cards:
        if card.key not in gone:
            serving.put_card(card, dead=is_dead(card))
    # All cards are in: compare the roles that each model requires with those present.
    serving.take_changes()
    return serving


def _left_of_model(name: str, now: Serving, then: Serving) -> RemainingWorkers:
    before, after = now.model(name), then.model(name)
    missing = set() if after is None else set(chain(*after.missing.values()))
    if after is not None and missing.issuperset(after.by_role):
        # Without any role left, no role misses another.
        missing = set()
    return RemainingWorkers(
        name,
        False,
        RoutableCount() if before is None else before.figures,
        RoutableCount() if after is None else after.figures,
        tuple(sorted(missing)),
    )


def of_workers(cluster: Cluster, records: Iterable[AnyRecord]) -> Iterator[AnyRecord]:
    """Yield those of some records that belong to processes that serve model requests. All records
    of a process are looked at once, however many of them are asked about."""
    roles: dict[Hashable, Role] = {}
    for record in records:
        process = _worker(cluster, record)
        if process not in roles:
            roles[process] = role_of([record, *cluster.siblings(record)])
        if roles[process] is Role.WORKER:
            yield record


def _worker(cluster: Cluster, record: AnyRecord) -> Hashable:
    """Return what tells the process of a record from others. What no worker is known of is one by
    itself."""
    worker = cluster.worker_of(record)
    return record.key if worker is None else (worker, object_of(record))


def _process(instance: EndpointInstance) -> str | None:
    """Return what tells the process of an instance from others: its object, else its host and port.
    None: unknown, or on NATS."""
    if (owner := instance.entry.owner) is not None:
        # One object holds what one process registers; pods may have one address in turn.
        return owner.path
    transport = instance.transport
    if transport is None or transport.kind != "tcp" or transport.address is None:
        return None
    return transport.address.partition("/")[0] or None
