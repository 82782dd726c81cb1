"""What the detail and the JSON show of an object on Kubernetes and its pod."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from backends.liveness.judge import Verdict
from backends.store import ContainerState, Owner, PodExistence, PodState, Readiness
from tests.support.owned import READY, UNREAD
from tui.text.detail import meaning
from tui.text.format import MEANINGS, STATES
from tui.text.owner import READINESS, exported_owner, owner_fields

NOW = 1_000_000.0
RUNNING = ContainerState("main", True, 2, "running", started_at=NOW - 180)
POD = PodState(
    "backend-0",
    "uid-1",
    node="node-a",
    phase="Running",
    ip="10.0.0.7",
    ready=True,
    ready_since=NOW - 120,
    container=RUNNING,
)
OWNER = Owner(
    namespace="dynamo",
    name="backend-0",
    uid="uid-o",
    created_at=NOW - 7200,
    applied_at=NOW - 60,
    pod_name="backend-0",
    pod_uid="uid-1",
    readiness=Readiness.DISCOVERABLE,
    existence=PodExistence.EXISTS,
    pod=POD,
    node="node-a",
)


def shown(owner: Owner) -> dict[str, str]:
    return {label: text for label, text in owner_fields(owner, NOW) if text}


def test_a_ready_worker_has_its_pod_container_node_and_object() -> None:
    assert shown(OWNER) == {
        "ready": "ready: clients discover it  (pod ready for 2m)",
        "pod": "backend-0  Running  10.0.0.7  uid uid-1",
        "container": "main  running for 3m  2 restarts",
        "node": "node-a",
        "object": "dynamo/backend-0  last written 1m ago  created 2h ago  uid uid-o",
    }


def test_every_readiness_has_words() -> None:
    assert READINESS.keys() == set(Readiness)


def test_what_may_not_be_read_is_named_and_nothing_is_made_up_for_it() -> None:
    owner = replace(
        OWNER,
        pod=None,
        node="",
        readiness=Readiness.UNKNOWN,
        existence=PodExistence.UNKNOWN,
        unread=("list and watch pods",),
    )
    assert shown(owner) == {
        "ready": "not known",
        "pod": "backend-0  uid uid-1",
        "object": "dynamo/backend-0  last written 1m ago  created 2h ago  uid uid-o",
        "not read": "this user may not list and watch pods",
    }


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"existence": PodExistence.GONE, "pod": None}, "backend-0  gone"),
        (
            {"existence": PodExistence.REPLACED, "pod": replace(POD, uid="uid-2")},
            "backend-0  gone: another pod has its name (uid uid-2)",
        ),
        ({"pod_name": "", "pod_uid": ""}, "none: the object has no owner"),
        (
            {"pod": replace(POD, deleted_at=NOW + 20)},
            "backend-0  Running  10.0.0.7  being deleted, 20s left  uid uid-1",
        ),
        (
            {"pod": replace(POD, deleted_at=NOW - 5)},
            "backend-0  Running  10.0.0.7  being deleted, overdue  uid uid-1",
        ),
    ],
)
def test_a_pod_that_is_gone_replaced_or_about_to_go_says_so(
    change: dict[str, object], text: str
) -> None:
    assert shown(replace(OWNER, **change))["pod"] == text


@pytest.mark.parametrize(
    ("container", "text"),
    [
        (
            ContainerState("main", False, 3, "waiting", reason="CrashLoopBackOff"),
            "main  waiting: CrashLoopBackOff  not ready  3 restarts",
        ),
        (
            ContainerState("main", False, 0, "terminated", reason="OOMKilled", exit_code=137),
            "main  terminated: OOMKilled (exit code 137)  not ready",
        ),
    ],
)
def test_a_container_that_waits_or_has_ended_says_why(container: ContainerState, text: str) -> None:
    assert shown(replace(OWNER, pod=replace(POD, container=container)))["container"] == text


def test_the_json_has_the_same_with_times_in_utc_and_null_for_what_is_not_known() -> None:
    exported = exported_owner(OWNER)
    assert exported["applied_at"] == "1970-01-12T13:45:40Z"
    assert exported["readiness"] == "discoverable"
    assert exported["restarts"] == 2
    without_pod = exported_owner(replace(OWNER, pod=None, node="", applied_at=None))
    assert without_pod.keys() == exported.keys()
    assert without_pod["restarts"] is without_pod["node"] is without_pod["applied_at"] is None


def test_of_a_live_record_the_pod_is_named_where_nothing_is_renewed() -> None:
    live = STATES[Verdict.LIVE]
    assert meaning(live, None) == "registered, and kept alive"
    assert meaning(live, READY) == "registered, and its pod is ready"
    assert meaning(live, UNREAD) == "registered, and alive"
    assert meaning(STATES[Verdict.DRAINED], READY) == MEANINGS[STATES[Verdict.DRAINED]]
