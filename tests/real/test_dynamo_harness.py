"""The harness itself: real workers register in a real etcd and in a file store as Dynamo does."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.dynamo import DynamoClient, DynamoWorker, Store, registered_keys
from tests.support.etcd_server import EtcdServer
from tests.support.nats_server import NatsServer
from tests.support.programs import ServerError
from tests.support.tls import make_tls
from tests.support.waiting import wait_for

ADAPTER = "acme/SQL-Adapter_v2"
SLUG = "acme_sql-adapter_v2"


@pytest.fixture(params=["etcd", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "file":
        yield tmp_path / "kv"
    else:
        yield request.getfixturevalue("etcd")


def shapes(worker: DynamoWorker) -> list[str]:
    """The worker's keys without what differs from run to run: its id and its publishers'."""
    cut = [key.replace(worker.instance_id, "ID") for key in worker.registered()]
    return sorted(key.rpartition("/")[0] if "/topic/" in key else key for key in cut)


def test_a_worker_registers_every_kind(store: Store) -> None:
    scope = "namespace/prod/component/backend/endpoint/generate"
    with DynamoWorker(store, loras=[ADAPTER]) as worker:
        assert shapes(worker) == [
            f"v1/event_channels/{scope}/topic/kv-events",
            f"v1/event_channels/{scope}/topic/kv_metrics",
            f"v1/event_sources/{scope}/topic/kv-events",
            "v1/instances/prod/backend/clear_kv_blocks/ID",
            "v1/instances/prod/backend/generate/ID",
            "v1/mdc/prod/backend/generate/ID",
            f"v1/mdc/prod/backend/generate/ID/{SLUG}",
        ]


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_all_of_it_listens_on_loopback_only(etcd: EtcdServer) -> None:
    with (
        NatsServer() as nats,
        DynamoWorker(etcd, nats=nats) as worker,
        DynamoClient(etcd) as client,
    ):
        for process in (etcd, nats, worker):
            assert process.listening() == {"127.0.0.1"}, process.name
        assert client.listening() <= {"127.0.0.1"}


def test_everything_of_a_worker_hangs_on_one_lease(etcd: EtcdServer) -> None:
    with DynamoWorker(etcd) as worker:
        answer = etcd.etcdctl("lease", "timetolive", worker.instance_id, "--keys")
        assert all(key in answer.decode() for key in registered_keys(etcd))

        entry = etcd.entries()[worker.instance_key().encode()]
        body = json.loads(entry.value)
        assert body["type"] == "Endpoint"
        assert f"{body['instance_id']:x}" == worker.instance_id
        assert body["transport"]["tcp"].startswith("127.0.0.1:")


def test_a_client_sees_and_reaches_a_worker(store: Store) -> None:
    with DynamoWorker(store, publishers=False) as worker, DynamoClient(store) as client:
        client.wait_for_instances({worker.instance_id})
        assert [frame["pid"] for frame in client.generate()] == [worker.process.pid]
        assert [frame["pid"] for frame in client.generate(worker.instance_id)] == [
            worker.process.pid
        ]

        worker.unregister_endpoint()
        client.wait_for_instances(set())
        worker.register_endpoint()
        client.wait_for_instances({worker.instance_id})


@pytest.mark.parametrize("client_certificates", [False, True])
def test_a_worker_and_a_client_meet_over_tls(tmp_path: Path, client_certificates: bool) -> None:
    tls = make_tls(tmp_path)
    with (
        EtcdServer(tls=tls, client_certificates=client_certificates) as etcd,
        DynamoWorker(etcd, publishers=False) as worker,
        DynamoClient(etcd) as client,
    ):
        client.wait_for_instances({worker.instance_id})


def test_adapters_come_and_go(store: Store) -> None:
    with DynamoWorker(store) as worker:
        before = worker.registered()
        worker.load_lora(ADAPTER)
        card = f"v1/mdc/prod/backend/generate/{worker.instance_id}/{SLUG}"
        wait_for(lambda: worker.registered() - before == {card}, "the adapter's card")
        worker.unload_lora(ADAPTER)
        wait_for(lambda: worker.registered() == before, "the adapter's card gone")


def test_a_worker_that_ends_in_order_takes_its_keys_along(store: Store) -> None:
    with DynamoWorker(store, loras=[ADAPTER]) as worker:
        worker.terminate()
        assert worker.wait_for_end() == 0
        wait_for(lambda: not registered_keys(store), "an empty store")


def test_the_files_of_a_killed_worker_stay(tmp_path: Path) -> None:
    with DynamoWorker(tmp_path) as worker:
        keys = worker.registered()
        worker.kill()
        assert registered_keys(tmp_path) == keys


def test_a_paused_worker_does_not_answer_until_resumed(tmp_path: Path) -> None:
    with DynamoWorker(tmp_path, publishers=False) as worker:
        worker.pause()
        assert worker.running
        worker.timeout = 0.2
        with pytest.raises(ServerError, match="did not reply"):
            worker.load_lora(ADAPTER)
        worker.resume()
        wait_for(lambda: any(SLUG in key for key in worker.registered()), "the adapter's card")


def test_a_failed_start_shows_the_log(tmp_path: Path) -> None:
    with pytest.raises(ServerError, match="NOT-A-BACKEND"):
        DynamoWorker(tmp_path, request_plane="NOT-A-BACKEND").start()


def test_etcd_keeps_its_data_over_a_restart_and_loses_it_by_a_wipe(etcd: EtcdServer) -> None:
    etcd.etcdctl("put", "v1/some/key", input=b"two\nlines")
    endpoint = etcd.endpoint
    etcd.restart()
    etcd.kill()
    etcd.start()
    assert etcd.endpoint == endpoint
    assert {key: entry.value for key, entry in etcd.entries().items()} == {
        b"v1/some/key": b"two\nlines"
    }
    etcd.wipe()
    assert etcd.endpoint == endpoint
    assert etcd.entries() == {}
