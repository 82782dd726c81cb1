"""Acts on an object that changed meanwhile: what a real API server refuses, and how."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.kubernetes.api import DYNAMO, JSON_PATCH, WORKERS, Object, Refused
from tests.support.kubernetes.namespace import KubeNamespace

NAME = "prod-backend-0"
KEY = "prod/backend/generate/1"
DATA = {"endpoints": {KEY: {"instance_id": 1}}}
AT = "/spec/data/endpoints/" + KEY.replace("/", "~1")

Act = Callable[[KubeNamespace, Object], Object]


def _delete(kube: KubeNamespace, seen: Object) -> Object:
    metadata = seen["metadata"]
    conditions = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
    return kube.admin.delete(WORKERS, kube.name, NAME, {"preconditions": conditions})


def _delete_by_uid(kube: KubeNamespace, seen: Object) -> Object:
    conditions = {"uid": seen["metadata"]["uid"]}
    return kube.admin.delete(WORKERS, kube.name, NAME, {"preconditions": conditions})


def _apply(kube: KubeNamespace, seen: Object) -> Object:
    metadata = {name: seen["metadata"][name] for name in ("name", "uid", "resourceVersion")}
    body = {"apiVersion": seen["apiVersion"], "kind": seen["kind"], "metadata": metadata}
    return kube.apply_object({**body, "spec": {"data": {"endpoints": {}}}}, manager=DYNAMO)


def _apply_by_uid(kube: KubeNamespace, seen: Object) -> Object:
    metadata = {name: seen["metadata"][name] for name in ("name", "uid")}
    body = {"apiVersion": seen["apiVersion"], "kind": seen["kind"], "metadata": metadata}
    return kube.apply_object({**body, "spec": {"data": {"endpoints": {}}}}, manager=DYNAMO)


def _merge(kube: KubeNamespace, seen: Object) -> Object:
    body = {
        "metadata": {"resourceVersion": seen["metadata"]["resourceVersion"]},
        "spec": {"data": {"endpoints": {KEY: None}}},
    }
    return kube.admin.patch(WORKERS, kube.name, body, NAME)


def _remove(kube: KubeNamespace, seen: Object) -> Object:
    version = seen["metadata"]["resourceVersion"]
    body = [
        {"op": "test", "path": "/metadata/resourceVersion", "value": version},
        {"op": "remove", "path": AT},
    ]
    return kube.admin.patch(WORKERS, kube.name, body, NAME, kind=JSON_PATCH)


def _remove_if_it_is(kube: KubeNamespace, seen: Object) -> Object:
    entry = seen["spec"]["data"]["endpoints"][KEY]
    body = [{"op": "test", "path": AT, "value": entry}, {"op": "remove", "path": AT}]
    return kube.admin.patch(WORKERS, kube.name, body, NAME, kind=JSON_PATCH)


ON_VERSION = [(_delete, 409), (_apply, 409), (_merge, 409), (_remove, 422)]


@pytest.fixture
def seen(kube: KubeNamespace) -> Object:
    return kube.apply_worker(kube.pod(NAME), DATA)


@pytest.mark.parametrize("act", [act for act, _ in ON_VERSION] + [_remove_if_it_is])
def test_what_did_not_change_is_acted_on(kube: KubeNamespace, seen: Object, act: Act) -> None:
    act(kube, seen)
    found = kube.worker(NAME)
    assert found is None or KEY not in (found["spec"]["data"]["endpoints"] or {})


@pytest.mark.parametrize(("act", "status"), [*ON_VERSION, (_remove_if_it_is, 422)])
def test_what_changed_is_not(kube: KubeNamespace, seen: Object, act: Act, status: int) -> None:
    pod = kube.admin.get("pods", kube.name, NAME)
    now = kube.apply_worker(pod, {"endpoints": {KEY: {"instance_id": 2}}})
    with pytest.raises(Refused) as refused:
        act(kube, seen)
    assert refused.value.status == status
    assert kube.worker(NAME) == now


@pytest.mark.parametrize(("act", "status"), [(_delete_by_uid, 409), (_apply_by_uid, 422)])
def test_what_was_made_again_is_not(
    kube: KubeNamespace, seen: Object, act: Act, status: int
) -> None:
    kube.admin.delete(WORKERS, kube.name, NAME)
    now = kube.apply_worker(kube.admin.get("pods", kube.name, NAME), DATA)
    with pytest.raises(Refused) as refused:
        act(kube, seen)
    assert refused.value.status == status
    assert kube.worker(NAME) == now


@pytest.mark.parametrize("act", [_apply, _apply_by_uid])
def test_what_is_gone_is_not_made_by_one_who_names_its_uid(
    kube: KubeNamespace, seen: Object, act: Act
) -> None:
    kube.admin.delete(WORKERS, kube.name, NAME)
    with pytest.raises(Refused) as refused:
        act(kube, seen)
    assert refused.value.status == 409
    assert kube.worker(NAME) is None
