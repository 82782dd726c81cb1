"""A label off a pod takes its processes out of discovery until it is back, on a real API server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from backends.kubernetes import KubernetesConfig, KubernetesStore
from backends.store import LabelOutcome, NoLabel, Owner, PodLabel, PodLabels
from tests.kubernetes.labelled import (
    COMPONENT,
    ENTRY,
    POD,
    deployment,
    in_pod_mode,
    reference,
    replica_set,
)
from tests.support.dynamo import DynamoClient, DynamoWorker
from tests.support.kubernetes.api import JSON_PATCH
from tests.support.kubernetes.dynamo import DynamoPod, selector_of
from tests.support.kubernetes.namespace import DISCOVERABLE, LOOKING, Container, KubeNamespace
from tests.support.running import Ended, dyntop
from tests.support.waiting import wait_for

ENABLED = "nvidia.com/dynamo-discovery-enabled"
PATCHING = {"apiGroups": [""], "resources": ["pods"], "verbs": ["patch"]}
READING = {"apiGroups": [""], "resources": ["services"], "verbs": ["get"]}


def in_container_mode(kube: KubeNamespace) -> dict[str, Any]:
    """Make the ready workers of two containers."""
    pod = kube.pod(POD, labels=DISCOVERABLE, containers=("main", "engine-0"))
    kube.set_status(POD, Container("main"), Container("engine-0"))
    for name, number in ((POD, "1a"), (f"{POD}-engine-0", "1b")):
        data = {"endpoints": {f"prod/backend/generate/{number}": ENTRY}}
        body = kube.worker_body(pod, data, name=name)
        body["metadata"]["ownerReferences"][0]["controller"] = False
        kube.apply_object(body)
    return pod


@pytest.fixture
async def store(kube: KubeNamespace) -> AsyncIterator[KubernetesStore]:
    async with KubernetesStore(KubernetesConfig(kubeconfig=str(kube.kubeconfig()))) as store:
        yield store


def labels_of(store: KubernetesStore) -> PodLabels:
    assert store.pod_labels is not None
    return store.pod_labels


async def owners(store: KubernetesStore) -> list[Owner]:
    entries = (await store.snapshot([b"v1/"])).entries
    return [one.owner for one in entries if one.owner is not None]


async def found(store: KubernetesStore) -> PodLabel | NoLabel:
    (first, *_) = await owners(store)
    return await labels_of(store).find(first)


async def label(store: KubernetesStore) -> PodLabel:
    one = await found(store)
    assert isinstance(one, PodLabel), one
    return one


async def test_in_container_mode_all_containers_go_out_and_come_back(
    kube: KubeNamespace, store: KubernetesStore
) -> None:
    in_container_mode(kube)
    before = kube.admin.get("pods", kube.name, POD)["metadata"]
    off = await label(store)
    assert off.text == f"{ENABLED}=true"
    assert await labels_of(store).take_off(off) is LabelOutcome.TAKEN_OFF
    assert [one.readiness.value for one in await owners(store)] == ["taken out"] * 2
    assert {one.taken_out_by for one in await owners(store)} == {off}
    # Nothing is changed twice, nor by a dry run.
    assert await labels_of(store).take_off(off) is LabelOutcome.OFF_ALREADY
    assert await labels_of(store).put_back(off, dry_run=True) is LabelOutcome.PUT_BACK
    assert {one.taken_out_by for one in await owners(store)} == {off}
    assert await labels_of(store).put_back(off) is LabelOutcome.PUT_BACK
    assert [one.readiness.value for one in await owners(store)] == ["discoverable"] * 2
    assert await labels_of(store).put_back(off) is LabelOutcome.THERE
    after = kube.admin.get("pods", kube.name, POD)["metadata"]
    assert after["labels"] == before["labels"]
    assert "annotations" not in after


async def test_the_only_label_of_a_pod_goes_and_comes_back(
    kube: KubeNamespace, store: KubernetesStore
) -> None:
    """Without labels the server leaves the whole map out."""
    pod = kube.pod(POD, labels={ENABLED: "true"})
    kube.set_status(POD, Container("main"))
    body = kube.worker_body(pod, {"endpoints": {"prod/backend/generate/1a": ENTRY}})
    body["metadata"]["ownerReferences"][0]["controller"] = False
    kube.apply_object(body)
    off = await label(store)
    assert await labels_of(store).take_off(off) is LabelOutcome.TAKEN_OFF
    assert "labels" not in kube.admin.get("pods", kube.name, POD)["metadata"]
    assert await labels_of(store).put_back(off) is LabelOutcome.PUT_BACK
    assert kube.admin.get("pods", kube.name, POD)["metadata"]["labels"] == {ENABLED: "true"}


def relabel(kube: KubeNamespace) -> None:
    kube.admin.patch("pods", kube.name, {"metadata": {"labels": {COMPONENT: "other"}}}, POD)


def replace_pod(kube: KubeNamespace) -> None:
    kube.delete_pod(POD)
    kube.pod(POD, labels=selector_of("backend"))


def forget_what_was_off(kube: KubeNamespace) -> None:
    path = "/metadata/annotations/dyntop~1label-off"
    kube.admin.patch("pods", kube.name, [{"op": "remove", "path": path}], POD, kind=JSON_PATCH)


@pytest.mark.parametrize(
    ("change", "taking_off", "putting_back"),
    [
        (relabel, LabelOutcome.CHANGED, LabelOutcome.CHANGED),
        (replace_pod, LabelOutcome.POD_GONE, LabelOutcome.POD_GONE),
        (lambda kube: kube.delete_pod(POD), LabelOutcome.POD_GONE, LabelOutcome.POD_GONE),
        (forget_what_was_off, LabelOutcome.OFF_ALREADY, LabelOutcome.NOT_KEPT),
    ],
    ids=["another value", "pod replaced", "pod gone", "annotation gone"],
)
async def test_a_pod_that_changed_meanwhile_is_left_alone(
    kube: KubeNamespace,
    store: KubernetesStore,
    change: Callable[[KubeNamespace], None],
    taking_off: LabelOutcome,
    putting_back: LabelOutcome,
) -> None:
    in_pod_mode(kube)
    off = await label(store)
    assert off.text == f"{COMPONENT}=backend"
    assert await labels_of(store).take_off(off) is LabelOutcome.TAKEN_OFF
    change(kube)
    assert await labels_of(store).take_off(off) is taking_off
    assert await labels_of(store).put_back(off) is putting_back


async def test_a_label_that_the_controller_selects_by_stays(
    kube: KubeNamespace, store: KubernetesStore
) -> None:
    made = replica_set(kube)
    kube.service("backend", {"nvidia.com/selector": "backend"})
    pod = kube.pod(POD, labels={"nvidia.com/selector": "backend"}, owner=made)
    kube.set_status(POD)
    kube.wait_until_ready(pod)
    kube.apply_worker(pod, {"endpoints": {"prod/backend/generate/1a": ENTRY}})
    refused = await found(store)
    assert isinstance(refused, NoLabel)
    assert "by no label of Dynamo's operator that its controller does not select by" in (
        refused.reason
    )


@pytest.mark.parametrize(
    ("over", "said"),
    [
        (None, None),
        (("apps/v1", "Deployment", "backend"), None),
        (("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet", "backend"), "LeaderWorkerSet backend"),
    ],
    ids=["nothing", "deployment", "leader worker set"],
)
async def test_pods_of_controllers_that_are_not_known_are_refused(
    kube: KubeNamespace,
    store: KubernetesStore,
    over: tuple[str, str, str] | None,
    said: str | None,
) -> None:
    uid = "00000000-0000-4000-8000-000000000000"
    if over is not None and over[1] == "Deployment":
        # The garbage collector removes what is owned by a Deployment that does not exist.
        uid = kube.admin.create("deployments", kube.name, deployment(over[2]))["metadata"]["uid"]
    made = replica_set(kube, None if over is None else reference(*over, uid))
    in_pod_mode(kube, made)
    answer = await found(store)
    if said is None:
        assert isinstance(answer, PodLabel)
    else:
        assert isinstance(answer, NoLabel)
        assert said in answer.reason


@pytest.mark.parametrize(
    ("rules", "missing"),
    [
        ([], "patch pods"),
        ([PATCHING], "get services"),
        ([PATCHING, READING], "get replicasets.apps"),
    ],
)
async def test_without_a_right_it_is_not_offered_and_the_right_is_named(
    kube: KubeNamespace, rules: list[dict[str, Any]], missing: str
) -> None:
    in_pod_mode(kube, replica_set(kube))
    account = kube.account("looks", *LOOKING, *rules)
    config = KubernetesConfig(kubeconfig=str(account.kubeconfig()))
    async with KubernetesStore(config) as store:
        assert await found(store) == NoLabel(f"this user may not {missing}")


class Operator:
    """Runs commands as on one machine."""

    def __init__(self, kube: KubeNamespace, folder: Path) -> None:
        self._env = {"KUBECONFIG": str(kube.kubeconfig()), "XDG_STATE_HOME": str(folder)}

    def run(self, *arguments: str) -> Ended:
        return dyntop("--backend", "kubernetes", *arguments, env=self._env)

    def verdicts(self) -> set[str]:
        ended = self.run("list", "endpoints", "--liveness", "-o", "json")
        return {one["verdict"] for one in ended.records}


def test_real_clients_lose_a_worker_until_another_machine_puts_it_back(
    kube: KubeNamespace, tmp_path: Path
) -> None:
    kube.service("prod-backend", selector_of("backend"))
    labels = {"nvidia.com/selector": "backend"}
    pod = DynamoPod(kube, POD, labels=labels, owner=replica_set(kube))
    here, elsewhere = (Operator(kube, tmp_path / name) for name in ("here", "elsewhere"))
    front = DynamoPod(kube, "prod-frontend-0", component="frontend")
    with DynamoWorker(pod, publishers=False) as worker, DynamoClient(front) as client:
        pod.set_ready()
        pod.wait_until_ready()
        client.wait_for_instances({worker.instance_id})

        foreseen = here.run("drain", "--lasting", "--dry-run", worker.instance_id)
        assert foreseen.code == 0, foreseen.err
        name = f"{kube.name}/{POD}"
        assert foreseen.out.decode() == f"would take out {name} {COMPONENT}=backend\n"
        assert client.instance_ids() == {worker.instance_id}

        drained = here.run("drain", "--lasting", "--yes", worker.instance_id)
        assert drained.code == 0, drained.err
        client.wait_for_instances(set())
        wait_for(lambda: here.verdicts() == {"drained"}, "the pod's slice follows")
        # An apply of all that it registered, which would undo a drain of its keys.
        kube.apply_worker(pod.pod, (pod.worker() or {})["spec"]["data"])
        assert client.instance_ids() == set()

        listed = elsewhere.run("restore")
        assert listed.out.decode().split()[3:5] == [name, f"{COMPONENT}=backend"]
        back = elsewhere.run("restore", POD)
        assert back.out.decode() == f"put back {name} {COMPONENT}=backend\n", back.err
        client.wait_for_instances({worker.instance_id})
        wait_for(lambda: here.verdicts() == {"live"}, "the pod's slice follows")
        # The act on the first machine finds it done; the second one's audit has it.
        again = here.run("restore", drained.act)
        assert again.code == 1
        assert "the pod has the label" in again.err
        (act,) = elsewhere.run("history", "-o", "json").records
        assert (act["act"], act["keys"][0]["pod"]) == ("put back", name)
