"""What dyntop says and does beside what the API server has and a real client of Dynamo sees."""

from __future__ import annotations

from typing import Any

from tests.kubernetes.truth.conftest import STARTED
from tests.kubernetes.truth.looking import Commands
from tests.support.dynamo import DynamoClient, DynamoWorker
from tests.support.kubernetes.dynamo import DynamoPod
from tests.support.kubernetes.namespace import KubeNamespace
from tests.support.waiting import wait_for

BUCKETS = {"endpoints": "v1/instances", "model_cards": "v1/mdc"}


def stored(pod: DynamoPod) -> dict[str, Any]:
    """What the API server has of instances and cards, read without dyntop, by dyntop's keys."""
    found = pod.worker()
    data = {} if found is None else found["spec"]["data"]
    return {
        f"{bucket}/{key}": value
        for name, bucket in BUCKETS.items()
        # The server has null for a map whose last entry was taken out.
        for key, value in (data.get(name) or {}).items()
    }


def instance(worker: DynamoWorker) -> str:
    return f"v1/instances/prod/backend/generate/{worker.instance_id}"


def test_what_a_real_worker_registered_is_listed_as_the_server_has_it(
    pod: DynamoPod, worker: DynamoWorker, operator: Commands
) -> None:
    listed = operator.listed()
    assert {key: one["value"] for key, one in listed.items()} == stored(pod)
    assert {one["verdict"] for one in listed.values()} == {"live"}
    of = listed[instance(worker)]["kubernetes"]
    assert (of["namespace"], of["object"]) == (pod.place.name, pod.name)
    assert (of["pod_uid"], of["readiness"]) == (pod.uid, "discoverable")
    assert operator.run("check").code == 0


def test_a_worker_whose_pod_is_not_ready_is_not_ready_and_clients_do_not_discover_it(
    pod: DynamoPod, worker: DynamoWorker, client: DynamoClient, operator: Commands
) -> None:
    client.wait_for_instances({worker.instance_id})
    pod.set_ready(False, started=STARTED)
    client.wait_for_instances(set())
    wait_for(lambda: operator.verdict_of(instance(worker)) == "not ready", "it is not ready")
    assert operator.run("check").code == 1
    pod.set_ready(started=STARTED)
    client.wait_for_instances({worker.instance_id})
    wait_for(lambda: operator.verdict_of(instance(worker)) == "live", "it is ready again")


def test_a_drain_takes_it_from_clients_and_a_restore_gives_it_back_to_its_worker(
    pod: DynamoPod, worker: DynamoWorker, client: DynamoClient, operator: Commands
) -> None:
    client.wait_for_instances({worker.instance_id})
    before = stored(pod)
    drained = operator.run("drain", "--yes", worker.instance_id)
    assert drained.code == 0, drained.err
    client.wait_for_instances(set())
    assert stored(pod) == {key: one for key, one in before.items() if key.startswith("v1/mdc/")}
    restored = operator.run("restore", drained.act)
    assert restored.code == 0, restored.err
    assert stored(pod) == before
    client.wait_for_instances({worker.instance_id})
    # The entries are the worker's own again: its unregistering takes them out.
    worker.unregister_endpoint()
    client.wait_for_instances(set())
    assert instance(worker) not in stored(pod)


def test_all_keys_of_a_worker_go_with_its_object_and_come_back_with_it(
    pod: DynamoPod, worker: DynamoWorker, client: DynamoClient, operator: Commands
) -> None:
    before = stored(pod)
    removed = operator.run("unregister", "--yes", *before)
    assert removed.code == 0, removed.err
    assert pod.worker() is None
    client.wait_for_instances(set())
    restored = operator.run("restore", removed.act)
    assert restored.code == 0, restored.err
    assert stored(pod) == before
    client.wait_for_instances({worker.instance_id})


def test_a_restore_is_refused_once_the_pod_is_gone(
    pod: DynamoPod, worker: DynamoWorker, operator: Commands
) -> None:
    drained = operator.run("drain", "--yes", worker.instance_id)
    pod.place.delete_pod(pod.name)
    wait_for(lambda: pod.worker() is None, "the garbage collector removed the object")
    restored = operator.run("restore", drained.act)
    assert restored.code == 1
    assert pod.worker() is None


def test_what_an_orderly_end_leaves_behind_is_leftover(
    pod: DynamoPod, worker: DynamoWorker, operator: Commands
) -> None:
    worker.terminate()
    wait_for(lambda: instance(worker) not in stored(pod), "it unregistered its endpoints")
    pod.set_ready(False, started=STARTED)
    card = f"v1/mdc/prod/backend/generate/{worker.instance_id}"
    wait_for(lambda: operator.verdicts() == {card: "leftover"}, "only its card is left")
    assert stored(pod).keys() == {card}


def test_an_object_whose_pod_was_replaced_is_orphaned_until_kubernetes_removes_it(
    kube: KubeNamespace, operator: Commands
) -> None:
    gone = {"metadata": {"name": "prod-backend-7", "uid": "00000000-0000-4000-8000-000000000000"}}
    entry = {"type": "Endpoint", "namespace": "prod", "component": "backend"}
    kube.apply_worker(gone, {"endpoints": {"prod/backend/generate/1a": entry}})
    # The garbage collector may be quicker than the command.
    assert set(operator.verdicts().values()) <= {"orphaned", "malformed"}
    wait_for(lambda: kube.worker("prod-backend-7") is None, "the garbage collector removed it")
    assert operator.verdicts() == {}
