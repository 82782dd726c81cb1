"""What Kubernetes wrote down about a pod."""

from __future__ import annotations

from typing import Any

import pytest

from backends.kubernetes import KubernetesConfig, KubernetesStore
from backends.kubernetes.client import KubeClient
from backends.kubernetes.pods import KubePods, pod_event
from backends.store import Forbidden, PodEvent
from tests.support.kubernetes import shapes
from tests.support.kubernetes.namespace import LOOKING, KubeNamespace
from tests.support.kubernetes.standin import StandIn

TEN = 1_763_719_200.0
"""2025-11-21T10:00:00Z, in POSIX seconds."""
MAY_LIST = {"apiGroups": [""], "resources": ["events"], "verbs": ["list"]}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (
            {
                "involvedObject": {"fieldPath": "spec.containers{engine}"},
                "type": "Warning",
                "reason": "Unhealthy",
                "message": "Readiness probe failed",
                "count": 12,
                "firstTimestamp": "2025-11-21T10:00:00Z",
                "lastTimestamp": "2025-11-21T10:02:00Z",
                "eventTime": None,
                "source": {"component": "kubelet", "host": "node-1"},
            },
            PodEvent(
                "Unhealthy", "Readiness probe failed", True, 12, TEN, TEN + 120, "engine", "kubelet"
            ),
        ),
        (
            {
                "type": "Normal",
                "reason": "Scheduled",
                "message": "assigned",
                "eventTime": "2025-11-21T10:00:00.500000Z",
                "series": {"count": 3, "lastObservedTime": "2025-11-21T10:01:00.000000Z"},
                "reportingComponent": "default-scheduler",
            },
            PodEvent(
                "Scheduled",
                "assigned",
                False,
                3,
                TEN + 0.5,
                TEN + 60,
                reporter="default-scheduler",
            ),
        ),
    ],
    ids=["counted by a kubelet", "a series"],
)
def test_an_event_is_read_in_the_shape_of_each_component(
    raw: dict[str, Any], expected: PodEvent
) -> None:
    assert pod_event(raw) == expected


@pytest.mark.parametrize("odd", [None, 7, "x", [1], {"a": 1}, True])
def test_odd_values_in_an_event_are_as_if_they_were_not_there(odd: object) -> None:
    names = (
        *("type", "reason", "message", "firstTimestamp", "lastTimestamp", "eventTime"),
        *("series", "source", "involvedObject", "reportingComponent"),
    )
    found = pod_event(dict.fromkeys(names, odd))
    text = odd if isinstance(odd, str) else ""
    assert found == PodEvent(text, text, False, 1, None, None, reporter=text)


async def test_the_events_of_one_pod_come_the_latest_first(
    server: StandIn, client: KubeClient
) -> None:
    for name, at in (("a", "10:00:00"), ("b", "10:02:00"), ("c", "10:01:00")):
        one = shapes.event(name, "uid-1", name.upper(), "it failed", at=f"2026-11-21T{at}Z")
        server.store.put("events", one)
    server.store.put("events", shapes.event("d", "uid-2", "D", "of another pod"))
    found = await KubePods(client).events(shapes.NAMESPACE, "uid-1")
    assert [one.reason for one in found] == ["B", "C", "A"]
    assert await KubePods(client).events(shapes.NAMESPACE, "") == ()


async def test_the_warnings_about_all_pods_come_with_the_uid_of_each(
    server: StandIn, client: KubeClient
) -> None:
    server.store.put("events", shapes.event("a", "uid-1", "BackOff", "it failed", count=3))
    server.store.put("events", shapes.event("b", "uid-2", "Started", "it began", warning=False))
    server.store.put("events", shapes.event("c", "uid-2", "Unhealthy", "no answer"))
    node = shapes.event("d", "uid-3", "NotReady", "of a node")
    node["involvedObject"]["kind"] = "Node"
    server.store.put("events", node)
    found = await KubePods(client).warnings()
    assert {(one.pod_uid, one.event.reason, one.event.count) for one in found} == {
        ("uid-1", "BackOff", 3),
        ("uid-2", "Unhealthy", 1),
    }


async def test_on_a_real_server_events_are_found_by_the_pod_and_need_their_right(
    kube: KubeNamespace,
) -> None:
    pods = [kube.pod(name) for name in ("prod-backend-0", "prod-backend-1")]
    for number, pod in enumerate(pods):
        uid = pod["metadata"]["uid"]
        one = shapes.event(f"e{number}", uid, "BackOff", f"of {number}", namespace=kube.name)
        one["involvedObject"]["name"] = pod["metadata"]["name"]
        kube.admin.create("events", kube.name, one)
    uid = pods[1]["metadata"]["uid"]
    account = kube.account("looks", *LOOKING, MAY_LIST)
    async with KubernetesStore(KubernetesConfig(kubeconfig=str(account.kubeconfig()))) as store:
        (found,) = await store.pods.events(kube.name, uid)
        assert (found.reason, found.message, found.is_warning) == ("BackOff", "of 1", True)
        assert {(one.pod_uid, one.event.message) for one in await store.pods.warnings()} == {
            (pod["metadata"]["uid"], f"of {number}") for number, pod in enumerate(pods)
        }
        # What a uid may contain is not taken for a part of the question.
        assert await store.pods.events(kube.name, f"{uid},type=Warning") == ()
    lacking = kube.account("lacks", *LOOKING)
    async with KubernetesStore(KubernetesConfig(kubeconfig=str(lacking.kubeconfig()))) as store:
        with pytest.raises(Forbidden):
            await store.pods.events(kube.name, uid)
        with pytest.raises(Forbidden):
            await store.pods.warnings()
