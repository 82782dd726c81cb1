"""Real Dynamo workers and clients on a real API server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.real.released import NEWEST, environment_of
from tests.support.dynamo import DynamoClient, DynamoWorker
from tests.support.kubernetes.api import DYNAMO, MERGE_PATCH, WORKERS, Object
from tests.support.kubernetes.dynamo import DynamoPod, selector_of
from tests.support.kubernetes.namespace import WORKING, KubeNamespace
from tests.support.nats_server import NatsServer
from tests.support.waiting import wait_for


@pytest.fixture
def pod(kube: KubeNamespace) -> DynamoPod:
    kube.service("prod-backend", selector_of("backend"))
    return DynamoPod(kube, "prod-backend-0")


@pytest.fixture
def worker(pod: DynamoPod) -> Iterator[DynamoWorker]:
    with DynamoWorker(pod, publishers=False) as worker:
        pod.set_ready()
        pod.wait_until_ready()
        yield worker


@pytest.fixture
def client(kube: KubeNamespace) -> Iterator[DynamoClient]:
    with DynamoClient(DynamoPod(kube, "prod-frontend-0", component="frontend")) as client:
        yield client


def object_of(pod: DynamoPod) -> Object:
    found = pod.worker()
    assert found is not None
    return found


def keys_of(pod: DynamoPod) -> set[str]:
    """The keys of its endpoints."""
    return {*object_of(pod)["spec"]["data"]["endpoints"]}


def key_of(worker: DynamoWorker, endpoint: str = "generate") -> str:
    return f"prod/backend/{endpoint}/{worker.instance_id}"


def undone(before: Object, now: Object) -> Object:
    """What puts all of an object back: its data and its owner, if nothing changed since `now`."""
    metadata = now["metadata"]
    return {
        "apiVersion": before["apiVersion"],
        "kind": before["kind"],
        "metadata": {
            "name": metadata["name"],
            "ownerReferences": before["metadata"]["ownerReferences"],
            "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"],
        },
        "spec": before["spec"],
    }


def unregister(pod: DynamoPod, worker: DynamoWorker) -> None:
    """Let a worker unregister, and wait until the server has had that.

    Where it changes nothing, nothing shows it; but the worker applies everything each time, so what
    it registers afterwards does.
    """
    worker.unregister_endpoint()
    worker.load_lora("acme/later")
    wait_for(
        lambda: f"{key_of(worker)}/acme_later" in object_of(pod)["spec"]["data"]["model_cards"],
        "the worker applied",
    )


def test_a_worker_registers_one_object_of_its_pod(pod: DynamoPod, worker: DynamoWorker) -> None:
    (found,) = pod.place.admin.list(WORKERS, pod.place.name)["items"]
    metadata = found["metadata"]
    assert metadata["name"] == pod.name
    assert metadata["ownerReferences"] == [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "name": pod.name,
            "uid": pod.uid,
            "controller": True,
            "blockOwnerDeletion": False,
        }
    ]
    assert not metadata.keys() & {"labels", "annotations", "finalizers"}
    (managed,) = metadata["managedFields"]
    assert (managed["manager"], managed["operation"]) == (DYNAMO, "Apply")
    assert "subresource" not in managed
    assert keys_of(pod) == {key_of(worker), key_of(worker, "clear_kv_blocks")}
    assert {*found["spec"]["data"]["model_cards"]} == {key_of(worker)}


def test_the_instance_id_follows_from_the_name_of_the_pod(worker: DynamoWorker) -> None:
    # SipHash-1-3 of `prod-backend-0` and 0xff, the low 53 bits.
    assert worker.instance_id == "50dd3cb66b259"


def test_a_client_routes_to_a_worker_whose_pod_is_ready(
    pod: DynamoPod, worker: DynamoWorker, client: DynamoClient
) -> None:
    client.wait_for_instances({worker.instance_id})
    assert client.generate(worker.instance_id)[0]["pid"] == worker.process.pid
    pod.set_ready(False)
    client.wait_for_instances(set())
    pod.set_ready()
    client.wait_for_instances({worker.instance_id})


def test_rights_of_the_operator_suffice_for_a_worker(kube: KubeNamespace) -> None:
    account = kube.account("worker", *WORKING)
    pod = DynamoPod(kube, "prod-backend-0", kubeconfig=account.kubeconfig())
    with DynamoWorker(pod, publishers=False) as worker:
        assert key_of(worker) in keys_of(pod)


def test_in_container_mode_the_object_is_named_after_pod_and_container(
    kube: KubeNamespace, client: DynamoClient
) -> None:
    pod = DynamoPod(kube, "prod-backend-0", container="engine-0")
    with DynamoWorker(pod, publishers=False) as worker:
        metadata = object_of(pod)["metadata"]
        assert metadata["name"] == "prod-backend-0-engine-0"
        assert metadata["ownerReferences"][0]["uid"] == pod.uid
        assert metadata["ownerReferences"][0]["controller"] is False
        assert key_of(worker) in keys_of(pod)


def test_an_entry_removed_by_hand_comes_back_with_the_next_change(
    pod: DynamoPod, worker: DynamoWorker, client: DynamoClient
) -> None:
    client.wait_for_instances({worker.instance_id})
    pod.place.remove_entry(pod.name, "endpoints", key_of(worker))
    client.wait_for_instances(set())
    worker.load_lora("acme/sql")
    client.wait_for_instances({worker.instance_id})
    assert key_of(worker) in keys_of(pod)


def test_an_object_deleted_under_a_worker_comes_back_whole_with_the_next_change(
    pod: DynamoPod, worker: DynamoWorker, client: DynamoClient
) -> None:
    before = object_of(pod)
    pod.place.admin.delete(WORKERS, pod.place.name, pod.name)
    client.wait_for_instances(set())
    worker.unregister_endpoint("clear_kv_blocks")
    client.wait_for_instances({worker.instance_id})
    now = object_of(pod)
    assert keys_of(pod) == {key_of(worker)}
    assert now["metadata"]["uid"] != before["metadata"]["uid"]


def test_after_an_undo_as_dynamo_the_worker_can_unregister(
    pod: DynamoPod, worker: DynamoWorker, client: DynamoClient
) -> None:
    before = object_of(pod)
    now = pod.place.remove_entry(pod.name, "endpoints", key_of(worker))
    client.wait_for_instances(set())
    pod.place.apply_object(undone(before, now), manager=DYNAMO)
    client.wait_for_instances({worker.instance_id})
    assert object_of(pod)["spec"] == before["spec"]
    worker.unregister_endpoint()
    client.wait_for_instances(set())
    assert keys_of(pod) == {key_of(worker, "clear_kv_blocks")}


def test_after_an_undo_under_another_name_the_entry_stays_when_the_worker_unregisters(
    pod: DynamoPod, worker: DynamoWorker, client: DynamoClient
) -> None:
    before = object_of(pod)
    now = pod.place.remove_entry(pod.name, "endpoints", key_of(worker))
    client.wait_for_instances(set())
    pod.place.apply_object(undone(before, now), manager="dyntop")
    client.wait_for_instances({worker.instance_id})
    unregister(pod, worker)
    assert key_of(worker) in keys_of(pod)
    assert client.instance_ids() == {worker.instance_id}


def test_after_an_undo_by_merge_patch_the_entry_stays_too(
    pod: DynamoPod, worker: DynamoWorker
) -> None:
    body: Any = object_of(pod)["spec"]["data"]["endpoints"][key_of(worker)]
    pod.place.remove_entry(pod.name, "endpoints", key_of(worker))
    back = {"spec": {"data": {"endpoints": {key_of(worker): body}}}}
    where = (WORKERS, pod.place.name)
    patched = pod.place.admin.patch(*where, back, pod.name, kind=MERGE_PATCH, fieldManager=DYNAMO)
    # The same name, but by `Update`: that is another manager to the server.
    kinds = {(m["manager"], m["operation"]) for m in patched["metadata"]["managedFields"]}
    assert kinds == {(DYNAMO, "Apply"), (DYNAMO, "Update")}
    unregister(pod, worker)
    assert key_of(worker) in keys_of(pod)


def test_a_whole_object_put_back_as_dynamo_is_the_workers_again(
    pod: DynamoPod, worker: DynamoWorker, client: DynamoClient
) -> None:
    before = object_of(pod)
    pod.place.admin.delete(WORKERS, pod.place.name, pod.name)
    client.wait_for_instances(set())
    body = undone(before, before)
    del body["metadata"]["uid"], body["metadata"]["resourceVersion"]
    pod.place.apply_object(body, manager=DYNAMO)
    client.wait_for_instances({worker.instance_id})
    worker.unregister_endpoint()
    client.wait_for_instances(set())
    assert keys_of(pod) == {key_of(worker, "clear_kv_blocks")}


def test_a_worker_without_endpoints_has_none_as_null(pod: DynamoPod, worker: DynamoWorker) -> None:
    worker.unregister_endpoint("clear_kv_blocks")
    worker.unregister_endpoint("generate")
    assert object_of(pod)["spec"]["data"]["endpoints"] is None
    worker.register_endpoint("generate")
    assert keys_of(pod) == {key_of(worker)}


def test_after_an_orderly_end_only_cards_are_left(pod: DynamoPod, worker: DynamoWorker) -> None:
    card = key_of(worker)
    worker.terminate()
    worker.wait_for_end()
    data = object_of(pod)["spec"]["data"]
    assert {kind for kind, entries in data.items() if entries} == {"model_cards"}
    assert {*data["model_cards"]} == {card}


@pytest.mark.parametrize("kind", ["model_cards", "event_channels", "event_sources"])
@pytest.mark.parametrize("release", [NEWEST, "1.2.1"])
def test_clients_read_a_map_that_is_null_as_an_empty_one(
    kube: KubeNamespace, pod: DynamoPod, kind: str, release: str
) -> None:
    with NatsServer() as nats, DynamoWorker(pod, nats=nats) as worker:
        pod.set_ready()
        found = object_of(pod)
        names = ("name", "ownerReferences")
        found["metadata"] = {name: found["metadata"][name] for name in names}
        found["spec"]["data"][kind] = {}
        assert pod.place.apply_object(found)["spec"]["data"][kind] is None
        env = {"NATS_SERVER": nats.url, **environment_of(release)}
        begun = DynamoPod(kube, "prod-frontend-0", component="frontend")
        with DynamoClient(begun, env=env) as client:
            client.wait_for_instances({worker.instance_id})
