"""The API server and controllers of the tests do what a cluster's do."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from tests.support.kubernetes import program
from tests.support.kubernetes.api import WORKERS
from tests.support.kubernetes.cluster import Kubernetes
from tests.support.kubernetes.namespace import DISCOVERABLE, Container, KubeNamespace
from tests.support.waiting import wait_for

SELECTOR = {"nvidia.com/dynamo-component": "backend"}
DATA: dict[str, dict[str, object]] = {"endpoints": {}, "model_cards": {}}


def test_the_server_is_of_the_release_that_the_module_requires(
    shared_kubernetes: Kubernetes,
) -> None:
    found = shared_kubernetes.admin.request("GET", "/version")
    assert found["gitVersion"] == f"v{program.release()}"


def test_all_of_it_listens_on_loopback_only(shared_kubernetes: Kubernetes) -> None:
    for process in (shared_kubernetes.server, shared_kubernetes.controllers):
        assert process.listening() == {"127.0.0.1"}


def test_a_ready_pod_is_in_a_slice_with_its_uid_and_the_labels_of_the_service(
    kube: KubeNamespace,
) -> None:
    kube.service("prod-backend", SELECTOR)
    pod = kube.pod("prod-backend-0", labels=SELECTOR)
    kube.set_status("prod-backend-0", ready=True, ip="10.1.0.7")
    endpoint = kube.wait_until_ready(pod)
    assert endpoint["targetRef"] == {
        "kind": "Pod",
        "name": "prod-backend-0",
        "namespace": kube.name,
        "uid": pod["metadata"]["uid"],
    }
    assert endpoint["addresses"] == ["10.1.0.7"]
    assert endpoint["nodeName"] == "node-1"
    (slice_,) = kube.admin.list("endpointslices", kube.name)["items"]
    assert DISCOVERABLE.items() <= slice_["metadata"]["labels"].items()


def test_an_unready_pod_stays_in_its_slice_unready(kube: KubeNamespace) -> None:
    kube.service("prod-backend", SELECTOR)
    pod = kube.pod("prod-backend-0", labels=SELECTOR)
    kube.set_status("prod-backend-0")
    kube.wait_until_ready(pod)
    kube.set_status("prod-backend-0", ready=False)
    endpoint = kube.wait_until_ready(pod, ready=False)
    assert endpoint["conditions"] == {"ready": False, "serving": False, "terminating": False}


def test_a_terminating_pod_is_unready_serves_and_terminates(kube: KubeNamespace) -> None:
    kube.service("prod-backend", SELECTOR)
    pod = kube.pod("prod-backend-0", labels=SELECTOR)
    kube.set_status("prod-backend-0")
    kube.wait_until_ready(pod)
    kube.delete_pod("prod-backend-0", at_once=False)
    endpoint = kube.wait_until_ready(pod, ready=False)
    assert endpoint["conditions"] == {"ready": False, "serving": True, "terminating": True}
    assert "deletionTimestamp" in kube.admin.get("pods", kube.name, "prod-backend-0")["metadata"]
    kube.delete_pod("prod-backend-0")
    wait_for(lambda: not kube.endpoints(), "the pod is in no slice")


def test_a_pod_without_a_label_of_the_selector_leaves_its_slice(kube: KubeNamespace) -> None:
    kube.service("prod-backend", SELECTOR)
    pod = kube.pod("prod-backend-0", labels=SELECTOR)
    kube.set_status("prod-backend-0")
    kube.wait_until_ready(pod)
    off = {"metadata": {"labels": dict.fromkeys(SELECTOR)}}
    kube.admin.patch("pods", kube.name, off, "prod-backend-0")
    wait_for(lambda: not kube.endpoints(), "the pod is in no slice")
    kube.admin.patch("pods", kube.name, {"metadata": {"labels": SELECTOR}}, "prod-backend-0")
    kube.wait_until_ready(pod)


def test_the_object_of_a_worker_goes_with_its_pod(kube: KubeNamespace) -> None:
    pods = [kube.pod(name) for name in ("prod-backend-0", "prod-backend-1")]
    for pod in pods:
        kube.apply_worker(pod, DATA)
    kube.delete_pod("prod-backend-0")
    wait_for(lambda: kube.worker("prod-backend-0") is None, "the object is collected")
    assert kube.worker("prod-backend-1") is not None


def test_the_object_of_an_earlier_pod_of_the_same_name_goes_too(kube: KubeNamespace) -> None:
    kube.apply_worker(kube.pod("prod-backend-0"), DATA)
    kube.delete_pod("prod-backend-0")
    again = kube.pod("prod-backend-0")
    wait_for(lambda: kube.worker("prod-backend-0") is None, "the object is collected")
    kube.apply_worker(again, DATA)
    assert kube.worker("prod-backend-0") is not None


def test_the_facts_of_a_kubelet_are_kept(kube: KubeNamespace) -> None:
    started = datetime.now(UTC) - timedelta(hours=3)
    kube.pod("prod-backend-0", containers=("main", "sidecar"))
    kube.set_status(
        "prod-backend-0",
        Container("main", started=started, restarts=4),
        Container("sidecar", ready=False),
        ready=False,
    )
    status = kube.admin.get("pods", kube.name, "prod-backend-0")["status"]
    found = {c["name"]: (c["ready"], c["restartCount"]) for c in status["containerStatuses"]}
    assert found == {"main": (True, 4), "sidecar": (False, 0)}
    running = status["containerStatuses"][0]["state"]["running"]
    assert running["startedAt"] == started.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_after_a_restart_the_data_is_there_and_the_controllers_work(
    stoppable_kubernetes: Kubernetes,
) -> None:
    kube = KubeNamespace(stoppable_kubernetes)
    kube.apply_worker(kube.pod("prod-backend-0"), DATA)
    before = kube.worker("prod-backend-0")
    stoppable_kubernetes.restart()
    assert kube.worker("prod-backend-0") == before
    kube.delete_pod("prod-backend-0")
    wait_for(lambda: kube.worker("prod-backend-0") is None, "the object is collected")


def test_wiped_it_is_empty_and_works(stoppable_kubernetes: Kubernetes) -> None:
    kube = KubeNamespace(stoppable_kubernetes)
    kube.apply_worker(kube.pod("prod-backend-0"), DATA)
    stoppable_kubernetes.wipe()
    assert stoppable_kubernetes.admin.list(WORKERS)["items"] == []
    again = KubeNamespace(stoppable_kubernetes, kube.name)
    again.apply_worker(again.pod("prod-backend-0"), DATA)
    assert again.worker("prod-backend-0") is not None


def test_a_kubeconfig_leads_to_the_namespace(kube: KubeNamespace) -> None:
    config = json.loads(kube.kubeconfig().read_text())
    assert config["contexts"][0]["context"]["namespace"] == kube.name
    assert config["clusters"][0]["cluster"]["server"] == kube.kubernetes.server.url
