"""Why records went is asked of the store and the audit; later goings complete earlier ones."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import count

from backends.discovery.cluster import Cluster, FirstSeen
from backends.discovery.discovery import Discovery
from backends.discovery.history import KEPT, Event, EventType
from backends.discovery.lease_ttl import LeaseTtl
from backends.discovery.reasons import ObservedRemoval, Reason, ReasonKind
from backends.dynamo.ids import Kind
from backends.dynamo.queries import Query
from backends.memory import Keyspace, MemoryStore
from backends.removal.audit.operation import Item, Operation
from backends.removal.explainer import Explainer
from backends.store import Entry, Lifetime, TimeToLive
from tests.support.registered import KeyAndValue, card, channel, instance, source

NOW = 1000.0
LEASE = 0xA7


class Files(MemoryStore):
    """As a file store: without leases, and what lives is touched."""

    lifetime = Lifetime.TOUCHED


class Bucket(MemoryStore):
    """As NATS: nothing is renewed."""

    lifetime = Lifetime.UNBOUNDED


class World:
    """A keyspace, what is registered in it as a watch has it, and the explainer."""

    def __init__(self, store: type[MemoryStore] = MemoryStore, kept: int = KEPT) -> None:
        self.now = NOW
        self.keyspace = Keyspace(lambda: self.now)
        self.discovery = Discovery(store(self.keyspace))
        self.cluster = Cluster()
        self.audit: dict[bytes, Operation] = {}
        self.explainer = Explainer(
            self.discovery,
            self.cluster,
            clock=lambda: self.now,
            find_operations=self._acts,
            kept=kept,
        )
        self._numbers = count(1)

    async def _acts(self, entries: Collection[Entry]) -> Mapping[bytes, Operation]:
        return {one.key: self.audit[one.key] for one in entries if one.key in self.audit}

    async def register(self, *contents: KeyAndValue, lease: int | None = None) -> None:
        if lease is not None:
            self.keyspace.grant(lease, 30.0)
        for key, value in contents:
            self.keyspace.put(key, value, lease)
        for record in await self.discovery.list(Query(frozenset(Kind))):
            self.cluster.put(record, FirstSeen(self.now, was_there=False))

    def gone(self, content: KeyAndValue, revision: int, left: float | None = 25.0) -> Event:
        """The watch told that it went; its lease was read just before."""
        record = self.cluster.records[content[0]]
        self.cluster.discard(content[0])
        reading = None if left is None else LeaseTtl(TimeToLive(30.0, left), self.now)
        going = ObservedRemoval(record, self.now, self.now, revision=str(revision), reading=reading)
        event = Event(next(self._numbers), self.now, EventType.REMOVED, record, removal=going)
        self.explainer.note(event)
        return event


def kinds(*events: Event) -> list[str]:
    return ["" if one.why is None else one.why.kind.value for one in events]


async def test_the_first_step_of_a_stop_gets_its_reason_when_the_rest_went() -> None:
    world = World()
    await world.register(instance(1), card(1), channel(9), lease=LEASE)
    first = world.gone(instance(1), 11)
    # The watch was quicker than the worker: its lease is there still.
    assert await world.explainer.explain([first]) == []
    assert kinds(first) == ["deleted"]
    world.keyspace.end_lease(LEASE)
    rest = [world.gone(card(1), 12), world.gone(channel(9), 12)]
    await world.explainer.explain(rest)
    assert kinds(first, *rest) == ["stopped"] * 3


async def test_an_instance_alone_on_its_lease_is_asked_about_once_more() -> None:
    world = World()
    await world.register(instance(1), lease=LEASE)
    only = world.gone(instance(1), 11)
    assert await world.explainer.explain([only]) == [only]
    world.keyspace.end_lease(LEASE)
    await world.explainer.explain([only], again=True)
    assert kinds(only) == ["stopped"]


async def test_a_drain_whose_worker_stops_much_later_stays_what_it_was() -> None:
    world = World()
    await world.register(instance(1), card(1), lease=LEASE)
    drained = world.gone(instance(1), 11)
    await world.explainer.explain([drained])
    world.now += 95
    world.keyspace.end_lease(LEASE)
    rest = world.gone(card(1), 12)
    await world.explainer.explain([rest])
    assert kinds(drained, rest) == ["deleted", "stopped"]
    assert drained.why is not None
    assert drained.why.ended_after == 95


async def test_what_was_drained_and_put_back_is_no_step_of_a_later_end() -> None:
    world = World()
    await world.register(instance(1), card(1), lease=LEASE)
    drained = world.gone(instance(1), 11)
    await world.explainer.explain([drained])
    await world.register()
    world.keyspace.end_lease(LEASE)
    rest = [world.gone(instance(1), 14), world.gone(card(1), 14)]
    await world.explainer.explain(rest)
    assert kinds(drained, *rest) == ["deleted", "lease revoked", "lease revoked"]


async def test_a_lora_card_alone_was_unloaded() -> None:
    world = World()
    adapter = card(1, lora="acme/sql")
    await world.register(instance(1), card(1), adapter, lease=LEASE)
    unloaded = world.gone(adapter, 11)
    await world.explainer.explain([unloaded])
    assert kinds(unloaded) == ["LoRA unloaded"]


async def test_a_frontends_channel_was_dropped_and_a_workers_was_not() -> None:
    world = World()
    await world.register(channel(9), lease=1)
    await world.register(instance(2), channel(8), lease=2)
    dropped, deleted = world.gone(channel(9), 11), world.gone(channel(8), 12)
    await world.explainer.explain([dropped, deleted])
    assert kinds(dropped, deleted) == ["channel dropped", "deleted"]
    assert dropped.why is not None
    assert dropped.why.model_gone


async def test_what_another_dyntop_here_removed_has_its_act() -> None:
    world = World()
    await world.register(instance(1), card(1), lease=LEASE)
    record = world.cluster.records[instance(1)[0]]
    items = (Item(1, record.entry, "live", ()),)
    act = Operation("20261121-134501-3f2a", NOW, "drain", "memory", "", "joe", "node-1", items)
    world.audit[record.key] = act
    drained = world.gone(instance(1), 11)
    await world.explainer.explain([drained])
    assert drained.why is not None
    assert (drained.why.kind, drained.why.user, drained.why.act_kind) == (
        ReasonKind.ANOTHER_DYNTOP,
        "joe",
        "drain",
    )


async def test_what_this_dyntop_did_is_left_as_it_is() -> None:
    world = World()
    await world.register(instance(1), card(1), lease=LEASE)
    drained = world.gone(instance(1), 11)
    by_this = drained.why = Reason(ReasonKind.THIS_DYNTOP)
    world.keyspace.end_lease(LEASE)
    rest = world.gone(card(1), 12)
    await world.explainer.explain([drained, rest])
    assert (drained.why, kinds(rest)) == (by_this, ["stopped"])


async def test_files_of_one_worker_that_all_went_are_a_stop() -> None:
    world = World(Files)
    await world.register(instance(1), card(1), source(9, 1))
    gone = [world.gone(one, 0, None) for one in (instance(1), card(1), source(9, 1))]
    await world.explainer.explain(gone)
    assert kinds(*gone) == ["all removed"] * 3


async def test_one_file_of_a_worker_whose_others_stay_went_alone_until_they_follow() -> None:
    world = World(Files)
    await world.register(instance(1), card(1))
    first = world.gone(instance(1), 0, None)
    await world.explainer.explain([first])
    assert kinds(first) == ["deleted alone"]
    last = world.gone(card(1), 0, None)
    await world.explainer.explain([last])
    assert kinds(first, last) == ["all removed"] * 2


async def test_without_a_lease_or_a_worker_no_more_is_said_than_is_known() -> None:
    for store, kind in ((MemoryStore, "no lease"), (Bucket, "not kept alive")):
        world = World(store)
        await world.register(instance(1))
        gone = world.gone(instance(1), 0, None)
        await world.explainer.explain([gone])
        assert kinds(gone) == [kind]
    world = World(Files)
    await world.register(channel(9))
    gone = world.gone(channel(9), 0, None)
    await world.explainer.explain([gone])
    assert kinds(gone) == ["removed"]


async def test_what_is_remembered_is_bounded() -> None:
    world = World(kept=4)
    await world.register(instance(1), card(1), lease=1)
    await world.register(instance(2), card(2), instance(2, endpoint="clear"), lease=2)
    first = [world.gone(instance(1), 11), world.gone(card(1), 12)]
    last = [world.gone(one, 13) for one in (instance(2), card(2), instance(2, endpoint="clear"))]
    for lease in (1, 2):
        world.keyspace.end_lease(lease)
    # Of the worker that was forgotten each key is told for itself.
    await world.explainer.explain([*first, *last])
    assert kinds(*first) == ["lease revoked"] * 2
    assert kinds(*last) == ["lease revoked"] * 3
    assert world.explainer._remembered == 3
