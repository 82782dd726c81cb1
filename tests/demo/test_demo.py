"""The demo's cluster: it has everything, it lives, and it is the same for the same seed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import cache

import pytest
from msgspec.structs import astuple

from backends.demo.cluster import TICKS_BETWEEN_EVENTS, Demo
from backends.dynamo import keys, parse
from backends.dynamo.ids import Kind
from backends.dynamo.keys import Dialect
from backends.dynamo.records import AnyRecord, EndpointInstance, EventChannel, ModelCard
from backends.store import Entry

read = cache(parse.read)
"""Most of the world stays as it is from tick to tick."""

LONG_ENOUGH = 300
"""Ticks in which everything that the demo does has happened several times."""

SEEDS = range(3)


class World:
    """A demo with a clock of its own, which a step moves on by one second."""

    def __init__(self, seed: int = 0) -> None:
        self.now = 1_700_000_000.0
        self.demo = Demo(seed=seed, clock=lambda: self.now)

    def step(self) -> None:
        self.now += 1
        self.demo.step()

    def entries(self) -> dict[bytes, Entry]:
        return {entry.key: entry for entry in self.demo.keyspace.read(keys.ROOTS).entries}

    def records(self) -> list[AnyRecord]:
        return [read(entry) for entry in self.entries().values()]

    def history(self, ticks: int) -> Iterator[tuple[dict[bytes, Entry], dict[bytes, Entry]]]:
        """The contents before and after each tick."""
        before = self.entries()
        for _ in range(ticks):
            self.step()
            after = self.entries()
            yield before, after
            before = after


def odd(record: AnyRecord) -> bool:
    return bool(record.malformed or record.conflict or record.note)


def test_at_the_start_there_is_every_kind_of_record_and_some_fifty_instances() -> None:
    records = World().records()

    assert {record.kind for record in records} == set(Kind)
    assert 40 <= sum(record.kind is Kind.ENDPOINT for record in records) <= 60
    assert {record.id.namespace for record in records} == {
        "prod", "prod.canary", "staging", None,
    }  # fmt: skip
    transports = {
        r.transport.kind for r in records if isinstance(r, EndpointInstance) and r.transport
    }
    assert transports == {"tcp", "nats_tcp", "http"}


def test_at_the_start_there_are_prefill_and_decode_workers_several_models_and_adapters() -> None:
    cards = [record for record in World().records() if isinstance(record, ModelCard)]

    assert {card.worker_type for card in cards} >= {"prefill", "decode", "aggregated"}
    assert len({card.model_name for card in cards if not card.is_lora}) >= 3
    assert {card.base_model for card in cards if card.is_lora} <= {c.model_name for c in cards}
    assert any(card.is_lora for card in cards)


def test_at_the_start_there_are_channels_of_two_dialects_and_sources_that_join_them() -> None:
    records = World().records()
    channels = [record for record in records if isinstance(record, EventChannel)]
    sources = [record for record in records if record.kind is Kind.EVENT_SOURCE]

    assert {channel.dialect for channel in channels} == {Dialect.V1, Dialect.V1_SCOPED}
    assert "" in {channel.id.component for channel in channels}
    named = {(*astuple(c.id), c.lease) for c in channels}
    assert sources
    assert {(*astuple(s.id), s.lease) for s in sources} <= named


@pytest.mark.parametrize("seed", SEEDS)
def test_only_one_record_is_malformed_and_only_one_names_another_id_at_any_time(seed: int) -> None:
    world = World(seed)
    for _ in range(LONG_ENOUGH):
        records = [record for record in world.records() if odd(record)]
        assert len([record for record in records if record.malformed]) == 1
        assert len([record for record in records if record.conflict]) == 1
        assert len(records) == 2
        world.step()


def test_what_is_odd_hangs_on_no_lease_and_all_else_on_its_workers() -> None:
    records = World().records()
    leased = [record for record in records if record.lease is not None]
    unleased = [record for record in records if record.lease is None]

    workers = {r.lease for r in leased if r.kind is Kind.ENDPOINT}
    assert {record.lease for record in leased} == workers
    assert sorted(record.kind for record in unleased) == [Kind.ENDPOINT, Kind.ENDPOINT, Kind.MODEL]
    left_behind = next(record for record in unleased if record.kind is Kind.MODEL)
    assert not odd(left_behind)
    assert left_behind.id.instance_id not in workers


@pytest.mark.parametrize("seed", SEEDS)
def test_a_worker_dies_all_of_it_goes_at_once_when_its_lease_ends_and_it_returns(seed: int) -> None:
    world = World(seed)
    deaths = returns = 0
    expected: list[tuple[str | None, str | None]] = []
    for before, after in world.history(LONG_ENOUGH):
        gone = {entry.lease for entry in before.values()} - {e.lease for e in after.values()}
        came = {entry.lease for entry in after.values()} - {e.lease for e in before.values()}
        for lease in gone - {None}:
            assert lease is not None
            assert world.demo.keyspace.time_to_live(lease).granted is None
            names = role_of(before, lease)
            if names[0] == "prod":
                deaths += 1
                expected.append(names)
        for lease in came - {None}:
            assert lease is not None
            names = role_of(after, lease)
            if names in expected:
                expected.remove(names)
                returns += 1

    assert deaths >= 3
    assert returns >= deaths - 1


def role_of(entries: dict[bytes, Entry], lease: int) -> tuple[str | None, str | None]:
    """Namespace and component of the worker that a lease is of."""
    record = next(read(e) for e in entries.values() if e.lease == lease and b"inst" in e.key)
    return record.id.namespace, record.id.component


def test_before_a_worker_goes_its_lease_is_seen_to_run_down_and_others_are_kept_alive() -> None:
    world = World()
    lowest: dict[int, float] = defaultdict(lambda: 30.0)
    gone: set[int] = set()
    for before, after in world.history(60):
        leases = {e.lease for e in after.values() if e.lease is not None}
        gone |= {e.lease for e in before.values() if e.lease is not None} - leases
        for lease in leases:
            ttl = world.demo.keyspace.time_to_live(lease)
            assert ttl.granted in (10.0, 30.0)
            lowest[lease] = min(lowest[lease], ttl.remaining / ttl.granted)

    run_down = {lease for lease, share in lowest.items() if share < 0.45}
    assert len(run_down) == 1
    assert run_down <= gone


@pytest.mark.parametrize("seed", SEEDS)
def test_adapters_are_loaded_and_unloaded(seed: int) -> None:
    loaded: set[bytes] = set()
    unloaded: set[bytes] = set()
    for before, after in World(seed).history(LONG_ENOUGH):
        if {e.lease for e in before.values()} == {e.lease for e in after.values()}:
            loaded |= {key for key in after.keys() - before.keys() if key.startswith(b"v1/mdc/")}
            unloaded |= {key for key in before.keys() - after.keys() if key.startswith(b"v1/mdc/")}

    assert loaded & unloaded
    assert all(key.count(b"/") == 6 for key in loaded | unloaded)


@pytest.mark.parametrize("seed", SEEDS)
def test_it_never_rests_for_long_and_never_changes_much_at_once(seed: int) -> None:
    quiet_ticks = 0
    sizes = set()
    for before, after in World(seed).history(LONG_ENOUGH):
        changed = set(before.items()) ^ set(after.items())
        quiet_ticks = 0 if changed else quiet_ticks + 1
        assert quiet_ticks < TICKS_BETWEEN_EVENTS[1]
        leases = {e.lease for e in before.values()} ^ {e.lease for e in after.values()}
        assert len(leases) <= 2
        sizes.add(sum(read(entry).kind is Kind.ENDPOINT for entry in after.values()))

    assert min(sizes) >= 40
    assert max(sizes) <= 60


def test_the_same_seed_gives_the_same_world_and_another_seed_another() -> None:
    one, same, other = World(7), World(7), World(8)
    for world in (one, same, other):
        for _ in range(120):
            world.step()

    assert one.entries() == same.entries()
    assert one.entries().keys() != other.entries().keys()


def test_a_pause_of_the_whole_process_kills_nobody() -> None:
    world = World()
    before = world.entries().keys()
    world.now += 3600
    world.step()

    assert world.entries().keys() == before


async def test_what_a_person_unregisters_in_the_demo_is_gone_and_the_demo_lives_on() -> None:
    world = World()
    entries = world.entries()
    targets = {key: entry for key, entry in entries.items() if b"/prod/" in key}
    await world.demo.store.delete(targets.values())
    assert not world.entries().keys() & targets.keys()

    for _ in range(LONG_ENOUGH):
        world.step()
    assert world.entries()
