"""A map whose last entry an apply takes out is null at an API server, and not an empty one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.dynamo import DynamoClient, DynamoWorker
from tests.support.kubernetes.api import WORKERS, Object
from tests.support.kubernetes.dynamo import DynamoPod, selector_of
from tests.support.kubernetes.namespace import KubeNamespace
from tests.support.running import dyntop


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


def data_of(pod: DynamoPod) -> dict[str, Any]:
    found: Object = pod.place.admin.get(WORKERS, pod.place.name, pod.name)
    data: dict[str, Any] = found["spec"]["data"]
    return data


def publish_and_end(pod: DynamoPod) -> None:
    """Apply what a worker applies that has one event publisher, and then none."""
    for channels in ({"prod//kv_metrics/1": {"type": "EventChannel"}}, {}):
        data = {**data_of(pod), "event_channels": channels}
        pod.place.apply_worker(pod.pod, data)


def test_the_map_of_a_worker_whose_last_endpoint_went_is_null(
    pod: DynamoPod, worker: DynamoWorker
) -> None:
    assert data_of(pod)["event_channels"] == {}
    worker.unregister_endpoint()
    worker.unregister_endpoint("clear_kv_blocks")
    assert data_of(pod)["endpoints"] is None


def test_a_client_that_starts_then_sees_the_worker_and_dyntop_finds_nothing_wrong(
    pod: DynamoPod, worker: DynamoWorker, kube: KubeNamespace, tmp_path: Path
) -> None:
    publish_and_end(pod)
    assert data_of(pod)["event_channels"] is None
    with DynamoClient(DynamoPod(kube, "prod-frontend-0", component="frontend")) as client:
        client.wait_for_instances({worker.instance_id})
    env = {"KUBECONFIG": str(kube.kubeconfig()), "XDG_STATE_HOME": str(tmp_path)}
    checked = dyntop("--backend", "kubernetes", "check", env=env)
    assert checked.code == 0, checked.out
