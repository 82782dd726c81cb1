"""Who is discoverable, as measured on Dynamo 0.8.1 to 1.6.1."""

from __future__ import annotations

from typing import Any

import pytest

from backends.kubernetes import objects
from backends.kubernetes.readiness import LIST_PODS, LIST_SLICES, Rights, owner_of
from backends.kubernetes.resources import ENABLED, LABEL_OFF
from backends.kubernetes.view import ObjectView
from backends.store import Mode, Owner, PodExistence, Readiness
from tests.support.kubernetes import shapes
from tests.support.kubernetes.shapes import endpoint, endpoint_slice


def owner(
    worker: dict[str, Any],
    slices: list[dict[str, Any]] | None = None,
    pods: list[dict[str, Any]] | None = None,
    rights: Rights = Rights(),  # noqa: B008
) -> Owner:
    """What is known of a worker's process, from objects as the server has them."""
    read = objects.worker_object(worker)
    assert read is not None
    view = ObjectView(
        [read],
        [one for raw in slices or () if (one := objects.endpoint_slice(raw))],
        [pod for raw in pods or () if (pod := objects.pod(raw))],
        rights,
    )
    return view.owner(read)


def in_pod_mode(*endpoints: dict[str, Any], uid: str = "u") -> Readiness:
    slices = [endpoint_slice(f"s{n}", one) for n, one in enumerate(endpoints)]
    return owner(shapes.worker("a", pod_uid=uid), slices).readiness


def conditions(**given: bool) -> dict[str, Any]:
    return {**endpoint("a", "u"), "conditions": given}


@pytest.mark.parametrize(
    ("endpoints", "uid", "readiness"),
    [
        ([endpoint("a", "u")], "u", Readiness.DISCOVERABLE),
        ([], "u", Readiness.NO_ENDPOINT),
        ([endpoint("other", "u")], "u", Readiness.NO_ENDPOINT),
        ([endpoint("a", "u", False)], "u", Readiness.NOT_READY),
        ([conditions(ready=False, serving=True)], "u", Readiness.NOT_READY),
        ([conditions(ready=False, terminating=True)], "u", Readiness.NOT_READY),
        ([conditions(ready=True, terminating=True)], "u", Readiness.DISCOVERABLE),
        ([endpoint("a", "u", None)], "u", Readiness.READY_ABSENT),
        ([conditions(serving=True)], "u", Readiness.READY_ABSENT),
        ([endpoint("a", None)], "u", Readiness.NO_UID),
        ([endpoint("a", "v")], "u", Readiness.OTHER_UID),
        ([endpoint("a", "u")], "", Readiness.NO_OWNER),
        ([endpoint("a", "u"), endpoint("a", "u")], "u", Readiness.DISCOVERABLE),
        ([endpoint("a", "u"), endpoint("a", "u", False)], "u", Readiness.DISCOVERABLE),
        ([endpoint("a", "u"), endpoint("a", "v")], "u", Readiness.TWO_UIDS),
        ([endpoint("a", "u"), endpoint("a", "v", False)], "u", Readiness.DISCOVERABLE),
        ([endpoint("a", "u", False), endpoint("a", "v")], "u", Readiness.OTHER_UID),
        ([endpoint("a", "u", None), endpoint("a", "u", False)], "u", Readiness.NOT_READY),
    ],
)
def test_pod_mode(endpoints: list[dict[str, Any]], uid: str, readiness: Readiness) -> None:
    assert in_pod_mode(*endpoints, uid=uid) is readiness


def test_releases_differ_where_the_endpoints_pod_is_not_proved_to_be_the_owner() -> None:
    assert {one for one in Readiness if one.is_by_old_releases_only} == {
        Readiness.NO_UID,
        Readiness.OTHER_UID,
        Readiness.NO_OWNER,
        Readiness.TWO_UIDS,
    }


def test_endpoints_that_are_no_pods_and_slices_of_other_namespaces_do_not_count() -> None:
    external = {**endpoint("a", "u"), "targetRef": {"kind": "Node", "name": "a"}}
    elsewhere = endpoint_slice("s", endpoint("a", "u", namespace="far"), namespace="far")
    worker = shapes.worker("a", pod_uid="u")
    found = owner(worker, [endpoint_slice("t", external), elsewhere])
    assert found.readiness is Readiness.NO_ENDPOINT


def test_a_pod_whose_label_is_off_is_taken_out_once_its_slices_let_go_of_it() -> None:
    pod = shapes.pod("a", "u", annotations={LABEL_OFF: "nvidia.com/dynamo-component=backend"})
    worker = shapes.worker("a", pod_uid="u")
    ready = endpoint_slice("s", endpoint("a", "u"))
    assert owner(worker, [ready], [pod]).readiness is Readiness.DISCOVERABLE
    found = owner(worker, [], [pod])
    assert found.readiness is Readiness.TAKEN_OUT
    assert found.taken_out_by is not None
    assert found.taken_out_by.text == "nvidia.com/dynamo-component=backend"


def in_container_mode(name: str, *pods: dict[str, Any]) -> Owner:
    worker = shapes.worker(name, pod="p", pod_uid="u", container_mode=True)
    # A slice has no say in container mode.
    return owner(worker, [endpoint_slice("s", endpoint("p", "u"))], list(pods))


@pytest.mark.parametrize(
    ("name", "pod", "readiness"),
    [
        ("p", shapes.pod("p", "u"), Readiness.DISCOVERABLE),
        ("p-engine", shapes.pod("p", "u", containers={"engine": True}), Readiness.DISCOVERABLE),
        (
            "p-engine",
            shapes.pod("p", "u", containers={"main": True, "engine": False}),
            Readiness.NOT_READY,
        ),
        (
            "p",
            shapes.pod("p", "u", containers={"main": True, "engine": False}, ready=False),
            Readiness.DISCOVERABLE,
        ),
        (
            "p",
            shapes.pod("p", "u", deletionTimestamp="2026-11-21T10:00:00Z"),
            Readiness.DISCOVERABLE,
        ),
        ("p-engine", shapes.pod("p", "u"), Readiness.NO_CONTAINER),
        ("p", shapes.pod("p", "u", enabled=False), Readiness.NO_LABEL),
        (
            "p",
            shapes.pod("p", "u", enabled=False, annotations={LABEL_OFF: f"{ENABLED}=true"}),
            Readiness.TAKEN_OUT,
        ),
        (
            "p",
            shapes.pod("p", "u", enabled=False, annotations={LABEL_OFF: "another=label"}),
            Readiness.NO_LABEL,
        ),
        ("p", shapes.pod("q", "u"), Readiness.NO_POD),
    ],
)
def test_container_mode(name: str, pod: dict[str, Any], readiness: Readiness) -> None:
    found = in_container_mode(name, pod)
    assert (found.mode, found.readiness) == (Mode.CONTAINER, readiness)


def test_a_container_that_does_not_run_is_not_ready_and_says_why() -> None:
    pod = shapes.pod("p", "u", containers={"engine": False})
    pod["status"]["containerStatuses"][0] |= {
        "restartCount": 7,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
    }
    found = in_container_mode("p-engine", pod)
    assert found.readiness is Readiness.NOT_READY
    assert found.pod is not None
    assert found.pod.container is not None
    state = found.pod.container
    assert (state.restarts, state.state, state.reason, state.started_at) == (
        7,
        "waiting",
        "CrashLoopBackOff",
        None,
    )


@pytest.mark.parametrize(
    ("pods", "existence"),
    [
        ([shapes.pod("a", "u")], PodExistence.EXISTS),
        ([shapes.pod("a", "v")], PodExistence.REPLACED),
        ([], PodExistence.GONE),
    ],
)
def test_whether_the_pod_exists_is_told_by_its_uid(
    pods: list[dict[str, Any]], existence: PodExistence
) -> None:
    assert owner(shapes.worker("a", pod_uid="u"), [], pods).existence is existence
    assert owner(shapes.worker("a"), [], pods).existence is PodExistence.UNKNOWN


@pytest.mark.parametrize(
    ("endpoints", "existence"),
    [
        ([endpoint("a", "u", False)], PodExistence.EXISTS),
        ([endpoint("a", "v")], PodExistence.REPLACED),
        ([endpoint("a", None)], PodExistence.UNKNOWN),
        ([], PodExistence.UNKNOWN),
    ],
)
def test_without_pods_the_slices_tell_which_pods_exist(
    endpoints: list[dict[str, Any]], existence: PodExistence
) -> None:
    worker, slices = shapes.worker("a", pod_uid="u"), [endpoint_slice("s", *endpoints)]
    found = owner(worker, slices, rights=Rights(pods=False))
    assert (found.existence, found.unread) == (existence, (LIST_PODS,))


def test_what_may_not_be_read_is_unknown_and_the_right_is_named() -> None:
    in_pod = owner(shapes.worker("a", pod_uid="u"), rights=Rights(slices=False))
    assert (in_pod.readiness, in_pod.unread) == (Readiness.UNKNOWN, (LIST_SLICES,))
    worker = shapes.worker("a", pod_uid="u", container_mode=True)
    in_container = owner(worker, rights=Rights(slices=False, pods=False))
    assert (in_container.readiness, in_container.unread) == (Readiness.UNKNOWN, (LIST_PODS,))


def test_the_node_is_the_pods_or_else_its_endpoints() -> None:
    worker = shapes.worker("a", pod_uid="u")
    slices = [endpoint_slice("s", endpoint("a", "v", node="far"), endpoint("a", "u", node="near"))]
    assert owner(worker, slices, [shapes.pod("a", "u", node="here")]).node == "here"
    assert owner(worker, slices, [shapes.pod("a", "v", node="here")]).node == "near"
    assert owner(worker, slices, rights=Rights(pods=False)).node == "near"
    assert owner(worker).node == ""


def test_an_owner_is_the_same_from_the_same_objects() -> None:
    read = objects.worker_object(shapes.worker("a", pod_uid="u"))
    assert read is not None
    assert owner_of(read, (), None, Rights()) == owner_of(read, (), None, Rights())
