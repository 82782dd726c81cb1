"""Versions that the API server has forgotten: HTTP 410 for a list, an ERROR event in a watch."""

from __future__ import annotations

import pytest

from tests.support.kubernetes.api import WORKERS, Refused
from tests.support.kubernetes.cluster import Kubernetes
from tests.support.kubernetes.namespace import KubeNamespace
from tests.support.waiting import wait_for

COUNT = 3


@pytest.fixture
def kube(own_kubernetes: Kubernetes) -> KubeNamespace:
    place = KubeNamespace(own_kubernetes)
    for number in range(COUNT):
        name = f"prod-backend-{number}"
        place.apply_worker(place.pod(name), {"endpoints": {}})
    return place


def _refusal(kube: KubeNamespace, token: str) -> Refused | None:
    """How the next page is refused. None: it is not."""
    try:
        kube.admin.list(WORKERS, kube.name, limit=1, **{"continue": token})
    except Refused as refused:
        return refused
    return None


def test_a_continued_list_goes_on_until_its_version_is_compacted(kube: KubeNamespace) -> None:
    first = kube.admin.list(WORKERS, kube.name, limit=1)
    token = first["metadata"]["continue"]
    kube.apply_worker(kube.pod("prod-backend-later"), {"endpoints": {}})
    second = kube.admin.list(WORKERS, kube.name, limit=1, **{"continue": token})
    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    kube.kubernetes.compact()
    refused = wait_for(lambda: _refusal(kube, token), "the list is refused")
    assert refused is not None
    assert (refused.status, refused.reason) == (410, "Expired")
    # What it offers instead goes on from the same name in a newer version.
    inconsistent = refused.answer["metadata"]["continue"]
    rest = kube.admin.list(WORKERS, kube.name, **{"continue": inconsistent})
    names = [item["metadata"]["name"] for item in rest["items"]]
    assert names == ["prod-backend-1", "prod-backend-2", "prod-backend-later"]


def test_a_watch_from_a_forgotten_version_is_one_error_event(kube: KubeNamespace) -> None:
    version = kube.admin.list(WORKERS, kube.name)["metadata"]["resourceVersion"]
    kube.apply_worker(kube.pod("prod-backend-later"), {"endpoints": {}})
    kube.kubernetes.compact()
    kube.kubernetes.restart()
    with kube.admin.watch(WORKERS, kube.name, resourceVersion=version) as events:
        (event,) = events
    assert event["type"] == "ERROR"
    assert event["object"]["kind"] == "Status"
    assert (event["object"]["code"], event["object"]["reason"]) == (410, "Expired")


def test_a_watch_from_a_version_of_the_future_is_refused(kube: KubeNamespace) -> None:
    """As after a restore from a backup."""
    version = int(kube.admin.list(WORKERS, kube.name)["metadata"]["resourceVersion"])
    with kube.admin.watch(WORKERS, kube.name, resourceVersion=version + 10_000) as events:
        event = next(events)
    assert event["type"] == "ERROR"
