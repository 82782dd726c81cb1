"""The discovery library and real Dynamo processes see what the other registers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from backends.discovery.discovery import Added, Discovery, Removed
from backends.dynamo.ids import Kind
from backends.dynamo.queries import EVERYTHING
from backends.dynamo.records import AnyRecord, EndpointInstance, Transport
from backends.dynamo.registration import EndpointSpec
from backends.etcd import EtcdConfig, EtcdStore
from backends.file import FileStore
from backends.store import Removal
from tests.support.dynamo import DynamoClient, DynamoWorker, Store, files_of
from tests.support.etcd_places import QUICK, Renewals
from tests.support.etcd_server import EtcdServer
from tests.support.ports import LOOPBACK
from tests.support.waiting import wait_for

ADAPTERS = ["acme/SQL-Adapter_v2", "acme/poet"]
LEASE_TTL = 10
"""Seconds; etcd. On a busy machine a much shorter one ends for want of time."""

# Nothing listens there: being seen is all that is asked of it.
GENERATE = EndpointSpec(
    namespace="prod",
    component="backend",
    endpoint="generate",
    transport=Transport(kind="tcp", address=f"{LOOPBACK}:9/prod/backend/generate"),
)


@pytest.fixture(params=["etcd", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "file":
        yield tmp_path / "kv"
    else:
        with EtcdServer(*QUICK) as etcd:
            yield etcd


@pytest.fixture
async def discovery(store: Store) -> AsyncIterator[Discovery]:
    if isinstance(store, Path):
        opened: EtcdStore | FileStore = FileStore(store)
    else:
        opened = EtcdStore(EtcdConfig([store.endpoint], lease_ttl=LEASE_TTL))
    yield Discovery(opened)
    await opened.aclose()


@pytest.fixture
def client(store: Store) -> Iterator[DynamoClient]:
    with DynamoClient(store) as client:
        yield client


async def seen(client: DynamoClient, expected: set[str]) -> None:
    """Wait until a real client would route to exactly these; what keeps alive goes on meanwhile."""
    await asyncio.to_thread(client.wait_for_instances, expected)


async def test_a_client_sees_what_is_registered_until_it_is_unregistered(
    discovery: Discovery, client: DynamoClient
) -> None:
    record = await discovery.register(GENERATE)
    name = f"{await discovery.instance_id():x}"
    await seen(client, {name})
    assert client.instances() == [
        {
            "name": "prod/backend/generate",
            "instance_id": name,
            "transport": {"kind": "tcp", "address": f"{LOOPBACK}:9/prod/backend/generate"},
        }
    ]

    assert await discovery.unregister(record) is Removal.REMOVED
    await seen(client, set())
    assert await discovery.unregister(record) is Removal.GONE


async def test_what_is_registered_is_kept_alive_again_and_again_as_a_client_wants_it(
    store: Store, discovery: Discovery, client: DynamoClient
) -> None:
    record = await discovery.register(GENERATE)
    name = f"{await discovery.instance_id():x}"
    await seen(client, {name})
    if isinstance(store, Path):
        file = files_of(store)[record.key.decode()]
        for _ in range(2):
            touched = file.stat().st_mtime
            await asyncio.to_thread(wait_for, lambda: file.stat().st_mtime > touched, "a touch")  # noqa: B023
    else:
        renewals = Renewals(store, await discovery.instance_id())
        await asyncio.to_thread(wait_for, lambda: renewals.look() >= 2, "two renewals")
    assert await asyncio.to_thread(client.instance_ids) == {name}
    assert (await discovery.time_to_live([record]))[record.key].remaining > 0


async def test_a_closed_store_takes_its_registrations_along(
    discovery: Discovery, client: DynamoClient
) -> None:
    await discovery.register(GENERATE)
    await seen(client, {f"{await discovery.instance_id():x}"})
    await discovery.store.aclose()
    await seen(client, set())


async def test_a_worker_and_the_library_stand_side_by_side(
    store: Store, discovery: Discovery, client: DynamoClient
) -> None:
    with DynamoWorker(store, publishers=False) as worker:
        await discovery.register(GENERATE)
        own = f"{await discovery.instance_id():x}"
        await seen(client, {own, worker.instance_id})

        theirs = find(await discovery.list(EVERYTHING), worker.instance_key())
        assert await discovery.unregister(theirs.id) is Removal.REMOVED
        await seen(client, {own})
        assert worker.running


async def test_everything_that_a_worker_registers_is_listed(
    store: Store, discovery: Discovery
) -> None:
    with DynamoWorker(store, loras=ADAPTERS) as worker:
        records = await discovery.list(EVERYTHING)
        assert {record.key.decode(): parsed(record) for record in records} == raw(store)
        assert {record.key.decode() for record in records} == worker.registered()
        assert [record for record in records if record.malformed or record.conflict] == []

        found = sorted(
            (record.kind, record.id.endpoint, record.id.topic, record.id.model_suffix)
            for record in records
            if record.kind is not Kind.MODEL
        )
        assert found == [
            (Kind.ENDPOINT, "clear_kv_blocks", None, None),
            (Kind.ENDPOINT, "generate", None, None),
            (Kind.EVENT_CHANNEL, "generate", "kv-events", None),
            (Kind.EVENT_CHANNEL, "generate", "kv_metrics", None),
            (Kind.EVENT_SOURCE, "generate", "kv-events", None),
        ]
        cards = {
            record.id.model_suffix: record.model_name
            for record in records
            if record.kind is Kind.MODEL
        }
        assert cards == {
            None: "acme/tiny-llm",
            "acme_sql-adapter_v2": ADAPTERS[0],
            "acme_poet": ADAPTERS[1],
        }
        owned = {Kind.ENDPOINT, Kind.MODEL}
        assert {f"{record.id.instance_id:x}" for record in records if record.kind in owned} == {
            worker.instance_id
        }
        lease = None if isinstance(store, Path) else int(worker.instance_id, 16)
        assert {record.lease for record in records} == {lease}

        transport = find(records, worker.instance_key())
        assert isinstance(transport, EndpointInstance)
        assert transport.transport is not None
        assert transport.transport.kind == "tcp"


async def test_what_a_worker_does_is_watched(store: Store, discovery: Discovery) -> None:
    known: set[str] = set()

    async def follow() -> None:
        async for event in discovery.list_and_watch(EVERYTHING):
            match event:
                case Added(record=record):
                    known.add(record.key.decode())
                case Removed(record=record):
                    known.remove(record.key.decode())

    async def until(worker: DynamoWorker) -> None:
        def same() -> bool:
            return known == worker.registered()

        await asyncio.to_thread(wait_for, same, f"what {worker.registered()} are")

    with DynamoWorker(store, publishers=False) as worker:
        following = asyncio.create_task(follow())
        await until(worker)
        worker.load_lora(ADAPTERS[0])
        await until(worker)
        worker.unload_lora(ADAPTERS[0])
        worker.unregister_endpoint()
        await until(worker)
        assert len(known) == 2
        following.cancel()


def find(records: list[AnyRecord], key: str) -> AnyRecord:
    """The record of a key."""
    return next(record for record in records if record.key == key.encode())


def parsed(record: AnyRecord) -> object:
    """Its value as it is stored."""
    return json.loads(record.entry.value)


def raw(store: Store) -> dict[str, object]:
    """Every key under `v1/` with its parsed value, without this library."""
    if isinstance(store, EtcdServer):
        entries = store.entries("v1/").items()
        return {key.decode(): json.loads(entry.value) for key, entry in entries}
    files = [file for file in store.glob("v1/*/*") if not file.name.startswith(".tmp")]
    return {
        f"v1/{file.parent.name}/{unquote(file.name)}": json.loads(file.read_bytes())
        for file in files
    }
