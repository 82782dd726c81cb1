"""Versions that the API server has forgotten: HTTP 410 for a list, an ERROR event in a watch."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.kubernetes.api import WORKERS, Refused
from tests.support.kubernetes.cluster import Kubernetes
from tests.support.kubernetes.namespace import KubeNamespace
from tests.support.waiting import wait_for

COUNT = 3


@pytest.fixture
def kube(stoppable_kubernetes: Kubernetes) -> KubeNamespace:
    place = KubeNamespace(stoppable_kubernetes)
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


def test_after_a_restore_a_watch_from_a_later_version_misses_changes_silently(
    kube: KubeNamespace, tmp_path: Path
) -> None:
    kubernetes = kube.kubernetes
    pod = kube.admin.get("pods", kube.name, "prod-backend-0")

    def change(number: int) -> int:
        changed = kube.apply_worker(pod, {"endpoints": {"key": {"number": number}}})
        return int(changed["metadata"]["resourceVersion"])

    kubernetes.save(tmp_path / "backup")
    for number in range(10):
        seen = change(number)
    kubernetes.restore(tmp_path / "backup")
    # What shows it: a list that shall be at least as new, or a version that is lower.
    with pytest.raises(Refused, match="Too large resource version") as refused:
        kube.admin.list(
            WORKERS, kube.name, resourceVersion=seen, resourceVersionMatch="NotOlderThan"
        )
    assert refused.value.status == 504
    assert int(kube.admin.list(WORKERS, kube.name)["metadata"]["resourceVersion"]) < seen
    with kube.admin.watch(WORKERS, kube.name, resourceVersion=seen) as events:
        given = [change(100)]
        while given[-1] <= seen:
            given.append(change(100 + len(given)))
        event = next(events)
    assert event["type"] == "MODIFIED"
    assert int(event["object"]["metadata"]["resourceVersion"]) == given[-1]
    assert len(given) > 1
