"""The verdict on what an API server holds is what clients of Dynamo were seen to discover.

Measured with real clients of releases 0.8.1 to 1.6.1.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from backends.dynamo.object_ids import instance_id_of
from backends.dynamo.parse import read
from backends.liveness.judge import Verdict
from backends.liveness.owned import is_undiscovered
from backends.store import Lifetime
from tests import corpus
from tests.liveness.watched import NOW, Watched
from tests.support import registered
from tests.support.owned import POD

ALL, OLD, NONE = "all", "0.8 to 1.5", "none"
LABEL = {"nvidia.com/dynamo-discovery-enabled": "true"}


def worker(pod_uid: str = "uid-1", container: str = "") -> dict[str, Any]:
    name = f"{POD}-{container}" if container else POD
    owner = {
        "kind": "Pod",
        "name": POD,
        "uid": pod_uid,
        "controller": not container,
    }
    key, value = registered.instance(instance_id_of(name))
    data = {"endpoints": {key.decode().removeprefix("v1/instances/"): json.loads(value)}}
    return {
        "kind": "DynamoWorkerMetadata",
        "metadata": {
            "namespace": "dynamo",
            "name": name,
            "uid": f"object-{name}",
            "ownerReferences": [owner] if pod_uid else [],
        },
        "spec": {"data": data},
    }


def endpoint_slice(
    name: str = "a", uid: str | None = "uid-1", conditions: dict[str, bool] | None = None
) -> dict[str, Any]:
    target = {"kind": "Pod", "namespace": "dynamo", "name": POD}
    if uid is not None:
        target["uid"] = uid
    conditions = {"ready": True} if conditions is None else conditions
    return {
        "kind": "EndpointSlice",
        "metadata": {"namespace": "dynamo", "name": name},
        "endpoints": [{"targetRef": target, "conditions": conditions}],
    }


def pod(
    *,
    ready: bool = True,
    labels: dict[str, str] = LABEL,
    phase: str = "Running",
    ends: bool = False,
) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "namespace": "dynamo",
        "name": POD,
        "uid": "uid-1",
        "labels": labels,
    }
    if ends:
        metadata["deletionTimestamp"] = "2026-11-29T03:18:47Z"
    containers = [{"name": "engine-0", "ready": ready, "state": {"running": {}}}]
    return {
        "kind": "Pod",
        "metadata": metadata,
        "status": {
            "phase": phase,
            "containerStatuses": containers,
            "conditions": [{"type": "Ready", "status": "False"}],
        },
    }


# Each case: what there is, and which clients discover the process.
POD_MODE = {
    "a ready endpoint": ([worker(), endpoint_slice()], ALL),
    "no endpoint": ([worker()], NONE),
    "not ready, serving": (
        [worker(), endpoint_slice(conditions={"ready": False, "serving": True})],
        NONE,
    ),
    "not ready, terminating": (
        [worker(), endpoint_slice(conditions={"ready": False, "terminating": True})],
        NONE,
    ),
    "ready and terminating": (
        [worker(), endpoint_slice(conditions={"ready": True, "terminating": True})],
        ALL,
    ),
    "ready absent": ([worker(), endpoint_slice(conditions={})], NONE),
    "no uid": ([worker(), endpoint_slice(uid=None)], OLD),
    "no owner": ([worker(pod_uid=""), endpoint_slice()], OLD),
    "two slices of one pod": ([worker(), endpoint_slice("a"), endpoint_slice("b")], ALL),
    "two slices, two uids": (
        [worker(), endpoint_slice("a"), endpoint_slice("b", uid="uid-2")],
        OLD,
    ),
}
CONTAINER_MODE = {
    "a ready container": ([worker(container="engine-0"), pod()], ALL),
    "not ready": ([worker(container="engine-0"), pod(ready=False)], NONE),
    "another container": ([worker(container="engine-1"), pod()], NONE),
    "no label": ([worker(container="engine-0"), pod(labels={})], NONE),
    "a pod that ends": ([worker(container="engine-0"), pod(ends=True)], ALL),
    "a pod that failed": ([worker(container="engine-0"), pod(phase="Failed")], ALL),
}


def cases() -> Iterator[Any]:
    for mode, table in (("pod", POD_MODE), ("container", CONTAINER_MODE)):
        for name, (there, who) in table.items():
            yield pytest.param(there, who, id=f"{mode} mode: {name}")


@pytest.mark.parametrize(("there", "who"), cases())
def test_the_verdict_is_what_clients_were_seen_to_discover(
    there: list[dict[str, Any]], who: str
) -> None:
    (record,) = map(read, corpus.entries_of(there))
    assert record.entry.owner is not None
    assert is_undiscovered(record.entry.owner) is (who != ALL)
    watched = Watched(record, lifetime=Lifetime.OWNED)
    first = watched.verdicts.assessment(record, NOW).evidence[0]
    if who == ALL:
        assert watched.of(record) is Verdict.LIVE
        return
    assert watched.of(record) is Verdict.NOT_READY
    assert ("those of 0.8 to 1.5 do" in first.text) is (who == OLD)


def test_an_object_of_the_pod_before_is_discovered_by_old_releases_and_orphaned() -> None:
    there = [worker(), endpoint_slice(uid="uid-2")]
    (record,) = map(read, corpus.entries_of(there))
    watched = Watched(record, lifetime=Lifetime.OWNED)
    assert watched.of(record) is Verdict.ORPHANED
    texts = [one.text for one in watched.verdicts.assessment(record, NOW).evidence]
    assert any("those of 0.8 to 1.5 do" in text for text in texts)
