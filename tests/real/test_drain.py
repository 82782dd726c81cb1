"""Draining real workers that live, and bringing them back, as real clients see it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.support.dashboard import Dashboard, leading_to
from tests.support.dynamo import (
    DynamoClient,
    DynamoWorker,
    Store,
    files_of,
    registered_keys,
    registered_values,
)
from tests.support.etcd_places import QUICK
from tests.support.etcd_server import EtcdServer
from tests.support.running import dyntop
from tests.support.waiting import wait_for

ADAPTER = "acme/SQL_v2"
ENDPOINTS = 2
"""Of a worker."""
ROWS_OF_MODEL = 3
"""Of a model that is open: itself, its adapter, and its own card."""
MOST_ATTEMPTS = 20
"""At getting a file with a number that was another's."""


@pytest.fixture(params=["etcd", "file"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    if request.param == "etcd":
        with EtcdServer(*QUICK) as etcd:
            yield etcd
    else:
        # Not pytest's: its path is so long that no header has room for it.
        with TemporaryDirectory() as above:
            yield Path(above) / "kv"


@pytest.fixture
def worker(store: Store) -> Iterator[DynamoWorker]:
    with DynamoWorker(store, loras=[ADAPTER], publishers=False) as worker:
        yield worker


@pytest.fixture
def client(store: Store, worker: DynamoWorker) -> Iterator[DynamoClient]:
    """A client that routes to that worker."""
    with DynamoClient(store) as client:
        client.wait_for_instances({worker.instance_id})
        yield client


def instances(worker: DynamoWorker) -> set[str]:
    """The keys of its endpoint instances."""
    return {worker.instance_key("generate"), worker.instance_key("clear_kv_blocks")}


def leases(store: Store) -> dict[str, int]:
    """The lease of every key; a file store has none."""
    if isinstance(store, Path):
        return {}
    return {key.decode(): entry.lease for key, entry in store.entries("v1/").items()}


def inode(store: Store, key: str) -> int | None:
    """The number of a key's file; where there are no files, always the same."""
    return files_of(store)[key].stat().st_ino if isinstance(store, Path) else None


def register_again(store: Store, worker: DynamoWorker) -> None:
    """Let a worker put back the instance that it took out."""
    worker.register_endpoint()
    wait_for(lambda: worker.instance_key() in registered_keys(store), "the instance again")


def assert_serves(client: DynamoClient, worker: DynamoWorker) -> None:
    """A real request reaches that very process, by its id and by routing."""
    client.wait_for_instances({worker.instance_id})
    for instance_id in (worker.instance_id, None):
        assert [frame["pid"] for frame in client.generate(instance_id)] == [worker.process.pid]


def assert_kept_alive(store: Store, worker: DynamoWorker) -> None:
    """In a file store: the worker touches its file, which it did not write, as if it had."""
    if isinstance(store, Path):
        file = files_of(store)[worker.instance_key()]
        put_back_at = file.stat().st_mtime
        wait_for(lambda: file.stat().st_mtime > put_back_at, "the next touch")


def test_a_worker_drained_from_the_keyboard_is_not_routed_to_until_it_is_put_back(
    store: Store, worker: DynamoWorker, client: DynamoClient, tmp_path: Path
) -> None:
    with Dashboard(store, state=tmp_path) as dashboard:
        dashboard.wait_for_rows("● live", worker.instance_id, count=ENDPOINTS)
        before, before_leases = registered_values(store), leases(store)

        dashboard.press("*")
        dashboard.wait_for(f"{ENDPOINTS} marked")
        dashboard.press("d")
        # An answer that is not the id, and a yes, remove nothing.
        dashboard.wait_for(f"Drain {ENDPOINTS} instances?")
        dashboard.type(f"Y{worker.instance_id}")
        dashboard.press("enter")
        dashboard.wait_for("does not match")
        assert client.instance_ids() == {worker.instance_id}
        dashboard.press("escape")
        dashboard.wait_until_gone("instances?")

        dashboard.drain(worker.instance_id)
        dashboard.wait_for_rows("† gone", worker.instance_id, count=ENDPOINTS)
        client.wait_for_instances(set())
        # Its process runs on, and what is left of it says why.
        assert worker.running
        assert registered_keys(store) == {*before} - instances(worker)
        dashboard.open("Models")
        dashboard.press("l")
        dashboard.wait_for_rows("▽ drained", count=ROWS_OF_MODEL)
        dashboard.wait_for("this dyntop drained its worker")

        dashboard.press("u")
        dashboard.wait_for(f"Put {ENDPOINTS} instances back?")
        assert registered_keys(store) == {*before} - instances(worker)
        dashboard.say_yes("Put 2 instances back?")
        dashboard.wait_for_rows("● live", count=ROWS_OF_MODEL)
        dashboard.open("Instances")
        dashboard.wait_for_rows("● live", worker.instance_id, count=ENDPOINTS)
        assert registered_values(store) == before
        assert leases(store) == before_leases
        assert_serves(client, worker)
        assert_kept_alive(store, worker)


def test_a_worker_drained_on_the_command_line_is_restored_by_a_later_process(
    store: Store, worker: DynamoWorker, client: DynamoClient, tmp_path: Path
) -> None:
    env = leading_to(store, tmp_path)
    before, before_leases = registered_values(store), leases(store)

    drained = dyntop("drain", worker.instance_id, "--yes", env=env)
    assert drained.code == 0, drained.err
    assert {*drained.lines} == {f"removed {key}" for key in instances(worker)}
    client.wait_for_instances(set())
    assert worker.running
    assert registered_keys(store) == {*before} - instances(worker)

    restored = dyntop("restore", drained.act, env=env)
    assert (restored.code, restored.err) == (0, "")
    assert {*restored.lines} == {f"put back {key}" for key in instances(worker)}
    assert registered_values(store) == before
    assert leases(store) == before_leases
    assert_serves(client, worker)
    assert_kept_alive(store, worker)


def test_what_registered_again_while_it_was_asked_for_is_kept(
    store: Store, worker: DynamoWorker, client: DynamoClient, tmp_path: Path
) -> None:
    key = worker.instance_key()
    with Dashboard(store, state=tmp_path) as dashboard:
        dashboard.wait_for_rows("● live", worker.instance_id, count=ENDPOINTS)
        dashboard.filter(f"{worker.instance_id} generate")
        dashboard.wait_for(lambda _: len(dashboard.table()) == 1)
        dashboard.wait_for_rows("● live", "prod/backend/generate", count=1)
        dashboard.press("d")
        dashboard.choose_endpoint_alone()

        number = inode(store, key)
        # Many file systems give a new file the number of one that is gone, and what the worker
        # writes is the same to the byte: nothing else would tell them apart.
        for _ in range(MOST_ATTEMPTS):
            worker.unregister_endpoint()
            register_again(store, worker)
            if inode(store, key) == number:
                break
        dashboard.wait_for("changed meanwhile: it stays")
        before, before_leases = registered_values(store), leases(store)

        dashboard.answer_by_typing(worker.instance_id, to="unregister")
        dashboard.wait_for(lambda text: "not removed" in " ".join(text.split()))
        dashboard.wait_for_rows("● live", "prod/backend/generate", count=1)
        assert registered_values(store) == before
        assert leases(store) == before_leases
        assert_serves(client, worker)

        (act,) = dyntop("history", "-o", "json", env=dashboard.env).records
        assert [(one["key"], one["outcome"]) for one in act["keys"]] == [(key, "changed")]
