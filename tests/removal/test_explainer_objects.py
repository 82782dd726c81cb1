"""Why entries of objects in Kubernetes went: by what else is left in the object."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import count

from msgspec.structs import replace

from backends.discovery.cluster import Cluster, FirstSeen
from backends.discovery.discovery import Discovery
from backends.discovery.history import Event, EventType
from backends.discovery.reasons import ObservedRemoval, ReasonKind
from backends.dynamo.records import AnyRecord
from backends.memory import MemoryStore
from backends.removal.audit.operation import Item, Operation
from backends.removal.explainer import STOPPING, Explainer
from backends.store import Entry, Lifetime
from tests.support import registered
from tests.support.owned import GONE, POD_STATE, READY, WORKER, owned

NOW = 1000.0
INSTANCE = owned(registered.instance(WORKER))
INTERNAL = owned(registered.instance(WORKER, endpoint="clear_kv_blocks"))
CARD = owned(registered.card(WORKER))
LORA = owned(registered.card(WORKER, lora="acme/sql"))
CHANNEL = owned(registered.channel(9))
ALL = (INSTANCE, INTERNAL, CARD, LORA, CHANNEL)


class Objects(MemoryStore):
    """As Kubernetes: objects hold the keys."""

    lifetime = Lifetime.OWNED


class World:
    """What is registered as a watch has it, and the explainer."""

    def __init__(self, *records: AnyRecord) -> None:
        self.now = NOW
        self.cluster = Cluster()
        self.audit: dict[bytes, Operation] = {}
        discovery = Discovery(Objects())
        self.explainer = Explainer(
            discovery, self.cluster, clock=lambda: self.now, find_operations=self._operations
        )
        self._numbers = count(1)
        for one in records:
            self.cluster.put(one, FirstSeen(NOW, was_there=True))

    async def _operations(self, entries: Collection[Entry]) -> Mapping[bytes, Operation]:
        return {one.key: self.audit[one.key] for one in entries if one.key in self.audit}

    async def gone(self, *records: AnyRecord, version: str = "7") -> list[Event]:
        """They went in one change of the object, and were asked about."""
        events = []
        for one in records:
            self.cluster.discard(one.key)
            removal = ObservedRemoval(one, self.now, self.now, revision=version)
            event = Event(next(self._numbers), self.now, EventType.REMOVED, one, removal=removal)
            self.explainer.note(event)
            events.append(event)
        await self.explainer.explain(events)
        return events


def kinds(events: list[Event]) -> set[ReasonKind]:
    return {one.why.kind for one in events if one.why is not None}


async def test_all_at_once_is_an_object_that_was_deleted() -> None:
    assert kinds(await World(*ALL).gone(*ALL)) == {ReasonKind.OBJECT_DELETED}


async def test_with_its_pod_it_is_told_so() -> None:
    for owner in (GONE, replace(READY, pod=replace(POD_STATE, deleted_at=990.0))):
        left = [owned((one.key, one.entry.value), owner) for one in ALL]
        assert kinds(await World(*left).gone(*left)) == {ReasonKind.POD_ENDED}


async def test_what_a_worker_removes_as_it_shuts_down_is_told_so_once_only_cards_are_left() -> None:
    world = World(*ALL)
    first = await world.gone(INSTANCE, version="7")
    assert kinds(first) == {ReasonKind.ENTRY_REMOVED}
    world.now += 0.2
    rest = await world.gone(CHANNEL, version="8") + await world.gone(INTERNAL, version="9")
    assert kinds(first + rest) == {ReasonKind.SHUT_DOWN}


async def test_a_worker_without_cards_that_empties_its_object_shut_down() -> None:
    world = World(INSTANCE, INTERNAL)
    first = await world.gone(INSTANCE, version="7")
    rest = await world.gone(INTERNAL, version="8")
    assert kinds(first + rest) == {ReasonKind.SHUT_DOWN}


async def test_a_removal_long_before_is_not_part_of_a_shutdown() -> None:
    world = World(*ALL)
    first = await world.gone(INSTANCE, version="7")
    world.now += STOPPING + 1
    await world.gone(CHANNEL, INTERNAL, version="9")
    assert kinds(first) == {ReasonKind.ENTRY_REMOVED}


async def test_one_entry_of_many_was_removed_from_its_object() -> None:
    for one in (INSTANCE, CARD, CHANNEL):
        assert kinds(await World(*ALL).gone(one)) == {ReasonKind.ENTRY_REMOVED}
    assert kinds(await World(*ALL).gone(LORA)) == {ReasonKind.LORA_UNLOADED}


async def test_an_object_of_the_same_name_elsewhere_is_another() -> None:
    elsewhere = replace(READY, namespace="staging")
    other = owned((b"v1/instances/x/y/z/1@staging/" + READY.name.encode(), b"{}"), elsewhere)
    assert kinds(await World(INSTANCE, other).gone(INSTANCE)) == {ReasonKind.OBJECT_DELETED}


async def test_what_another_dyntop_removed_is_told_by_the_audit() -> None:
    world = World(*ALL)
    items = (Item(1, INSTANCE.entry, "live", ()),)
    act = Operation("20261121-1", NOW, "drain", "kubernetes", "", "joe", "node-1", items)
    world.audit[INSTANCE.key] = act
    (event,) = await world.gone(INSTANCE)
    assert event.why is not None
    assert (event.why.kind, event.why.user) == (ReasonKind.ANOTHER_DYNTOP, "joe")
