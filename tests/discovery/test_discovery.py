"""Discovery on the memory store: register, unregister, list."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from backends.discovery.discovery import Discovery
from backends.dynamo import queries
from backends.dynamo.ids import EndpointInstanceId
from backends.dynamo.naming import InvalidName
from backends.dynamo.parse import read
from backends.dynamo.queries import EVERYTHING
from backends.dynamo.records import Transport
from backends.dynamo.registration import EndpointSpec, ModelSpec
from backends.memory import Keyspace, MemoryStore
from backends.store import (
    Cause,
    Entry,
    Forbidden,
    Outcome,
    Removal,
    Resync,
    Unreachable,
)

SPEC = EndpointSpec(
    namespace="prod",
    component="backend",
    endpoint="generate",
    transport=Transport(kind="tcp", address="10.0.0.1:9000/x"),
)
GONE = Unreachable("memory", Cause.LOST)
REFUSAL = Forbidden("memory", "permission denied")
KEY = b"v1/instances/prod/backend/generate/1a"
OTHER = b"v1/instances/prod/backend/generate/1b"
ELSEWHERE = b"v1/instances/prod2/backend/generate/1a"


def contents(keyspace: Keyspace) -> list[bytes]:
    return [entry.key for entry in keyspace.read([b""]).entries]


async def test_what_is_registered_is_listed_under_this_process_s_id(discovery: Discovery) -> None:
    record = await discovery.register(SPEC)
    assert record.id == EndpointInstanceId(
        namespace="prod",
        component="backend",
        endpoint="generate",
        instance_id=await discovery.instance_id(),
    )
    assert await discovery.list(queries.all_endpoints()) == [record]


async def test_registering_again_replaces(discovery: Discovery) -> None:
    first = await discovery.register(SPEC)
    moved = SPEC.model_copy(update={"transport": Transport(kind="tcp", address="10.0.0.2:1/x")})
    second = await discovery.register(moved)
    assert first.key == second.key
    assert await discovery.list(EVERYTHING) == [second]


async def test_a_name_that_is_not_allowed_stores_nothing(
    discovery: Discovery, keyspace: Keyspace
) -> None:
    with pytest.raises(InvalidName):
        await discovery.register(SPEC.model_copy(update={"component": "Backend"}))
    assert not contents(keyspace)


async def test_two_processes_see_each_other(keyspace: Keyspace) -> None:
    one, other = Discovery(MemoryStore(keyspace)), Discovery(MemoryStore(keyspace))
    assert await one.instance_id() != await other.instance_id()
    await one.register(SPEC)
    await other.register(SPEC)
    assert await one.list(EVERYTHING) == await other.list(EVERYTHING)
    assert len(await one.list(EVERYTHING)) == 2


async def test_a_record_is_unregistered(discovery: Discovery) -> None:
    record = await discovery.register(SPEC)
    assert await discovery.unregister(record) is Removal.REMOVED
    assert await discovery.list(EVERYTHING) == []


async def test_a_record_that_is_gone_already_is_said_to_be_gone(discovery: Discovery) -> None:
    record = await discovery.register(SPEC)
    await discovery.unregister(record)
    assert await discovery.unregister(record) is Removal.GONE
    assert await discovery.unregister(record.id) is Removal.GONE


async def test_a_record_that_changed_since_it_was_seen_stays(
    discovery: Discovery, keyspace: Keyspace
) -> None:
    seen = await discovery.register(SPEC)
    keyspace.put(seen.key, seen.entry.value)
    assert await discovery.unregister(seen) is Removal.CHANGED
    assert contents(keyspace) == [seen.key]


async def test_an_id_is_unregistered_in_every_dialect_that_spells_it(
    discovery: Discovery, keyspace: Keyspace
) -> None:
    for key in (KEY, b"instances/prod/backend/generate:1a", OTHER):
        keyspace.put(key, b"{}")
    outcome = await discovery.unregister(
        EndpointInstanceId(
            namespace="prod", component="backend", endpoint="generate", instance_id=0x1A
        )
    )
    assert outcome is Removal.REMOVED
    assert contents(keyspace) == [OTHER]


async def test_unregistering_a_model_s_id_leaves_its_adapters(discovery: Discovery) -> None:
    names: dict[str, Any] = {"namespace": "prod", "component": "backend", "endpoint": "generate"}
    card = {"display_name": "acme/tiny"}
    base = await discovery.register(ModelSpec(**names, card=card))
    adapter = await discovery.register(ModelSpec(**names, card=card, lora="acme/sql"))
    assert await discovery.unregister(base.id) is Removal.REMOVED
    assert await discovery.list(queries.all_models()) == [adapter]


async def test_an_id_whose_key_changes_while_it_is_unregistered_stays(keyspace: Keyspace) -> None:
    class Meddled(MemoryStore):
        async def get(self, keys: Iterable[bytes]) -> dict[bytes, Entry]:
            found = await super().get(keys)
            keyspace.put(KEY, b"somebody else's")
            return found

    keyspace.put(KEY, b"{}")
    record = read(keyspace.read([KEY]).entries[0])
    assert await Discovery(Meddled(keyspace)).unregister(record.id) is Removal.CHANGED
    assert contents(keyspace) == [KEY]


async def test_of_several_records_each_has_its_own_outcome(
    discovery: Discovery, keyspace: Keyspace
) -> None:
    for key in (KEY, OTHER, ELSEWHERE):
        keyspace.put(key, b"{}")
    records = await discovery.list(EVERYTHING)
    keyspace.put(OTHER, b"{}")
    keyspace.delete(ELSEWHERE)
    assert await discovery.unregister_all(records) == {
        KEY: Removal.REMOVED,
        OTHER: Removal.CHANGED,
        ELSEWHERE: Removal.GONE,
    }
    assert contents(keyspace) == [OTHER]


async def test_a_store_that_cannot_be_reached_is_an_error_and_not_an_empty_list(
    discovery: Discovery, keyspace: Keyspace
) -> None:
    record = await discovery.register(SPEC)
    keyspace.break_off(GONE)
    with pytest.raises(Unreachable):
        await discovery.list(EVERYTHING)
    with pytest.raises(Unreachable):
        await discovery.unregister(record)
    with pytest.raises(Unreachable):
        await discovery.register(SPEC)


class Guarded(MemoryStore):
    """Would not remove one key, and says so."""

    async def delete(self, entries: Iterable[Entry]) -> dict[bytes, Outcome]:
        entries = list(entries)
        refused: dict[bytes, Outcome] = {one.key: REFUSAL for one in entries if one.key == OTHER}
        return await super().delete(one for one in entries if one.key != OTHER) | refused


class Partial(MemoryStore):
    """Lets this user read a part only."""

    async def snapshot(self, prefixes: Sequence[bytes]) -> Resync:
        return replace(await super().snapshot(prefixes), unread="of v1/ all but one key")


async def test_a_list_of_which_this_user_may_read_a_part_is_forbidden_and_says_which(
    keyspace: Keyspace,
) -> None:
    discovery = Discovery(Partial(keyspace))
    with pytest.raises(Forbidden, match="of v1/ all but one key"):
        await discovery.list(EVERYTHING)


async def test_a_record_that_the_store_would_not_remove_does_not_stop_the_others(
    keyspace: Keyspace,
) -> None:
    discovery = Discovery(Guarded(keyspace))
    for key in (KEY, OTHER):
        keyspace.put(key, b"{}")
    outcomes = await discovery.unregister_all(await discovery.list(EVERYTHING))
    assert outcomes == {KEY: Removal.REMOVED, OTHER: REFUSAL}
    (left,) = await discovery.list(EVERYTHING)
    assert left.key == OTHER
    for target in (left, left.id):
        with pytest.raises(Forbidden):
            await discovery.unregister(target)


async def test_of_several_records_that_cannot_be_reached_each_has_the_error(
    discovery: Discovery, keyspace: Keyspace
) -> None:
    for key in (KEY, OTHER):
        keyspace.put(key, b"{}")
    records = await discovery.list(EVERYTHING)
    keyspace.break_off(GONE)
    assert await discovery.unregister_all(records) == {KEY: GONE, OTHER: GONE}


async def test_time_to_live_is_told_of_what_hangs_on_a_lease() -> None:
    now = 1000.0
    keyspace = Keyspace(lambda: now)
    keyspace.grant(7, 30.0)
    keyspace.put(KEY, b"{}", 7)
    keyspace.put(OTHER, b"{}")
    now += 12
    discovery = Discovery(MemoryStore(keyspace))
    ttl = await discovery.time_to_live(await discovery.list(EVERYTHING))
    assert ttl.keys() == {KEY}
    assert (ttl[KEY].granted, ttl[KEY].remaining) == (30.0, 18.0)
