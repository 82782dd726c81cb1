"""What selects a pod by its labels: the Services that make it discoverable, and its controller."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from backends.kubernetes import objects
from backends.kubernetes.client import KubeClient
from backends.kubernetes.list_watch import ListWatch
from backends.kubernetes.objects import as_map
from backends.kubernetes.permissions import lacking
from backends.kubernetes.resources import SERVICES, SLICES, Resource
from backends.store import NoLabel

APPS = "/apis/apps/v1"
CONTROLLERS = {
    ("apps", "ReplicaSet"): Resource("replicasets", APPS),
    ("apps", "StatefulSet"): Resource("statefulsets", APPS),
    ("apps", "DaemonSet"): Resource("daemonsets", APPS),
}
"""The kinds of controllers that are known to choose their pods by `spec.selector`."""
OVER_CONTROLLERS = {("apps", "Deployment")}
"""The kinds that are known to choose pods by no other label than the controller under them: a
Deployment's selector is part of that of its ReplicaSets."""


async def service_selectors(
    client: KubeClient, namespace: str, pod: str, uid: str
) -> Sequence[Mapping[str, str]] | NoLabel:
    """Return the selectors of the Services whose slices for discovery name a pod.

    Raises `StoreError`.
    """
    if missing := await lacking(client, namespace, [("list", SLICES), ("get", SERVICES)]):
        return NoLabel(missing)
    slices = await ListWatch(client, SLICES, namespace, objects.endpoint_slice).list()
    naming = [
        one
        for one in slices.items
        if any((at.pod, at.uid) == ((namespace, pod), uid) for at in one.endpoints)
    ]
    if not naming:
        return NoLabel(f"no EndpointSlice for discovery names pod {pod}")
    found = []
    for name in sorted({one.service for one in naming}):
        if not name:
            return NoLabel(f"an EndpointSlice that names pod {pod} belongs to no Service")
        selector = as_map(as_map(await _read(client, SERVICES, namespace, name)).get("spec")).get(
            "selector"
        )
        if not isinstance(selector, dict) or not selector:
            return NoLabel(f"Service {name} selects no pods by labels")
        found.append(selector)
    return found


async def controller_labels(
    client: KubeClient, namespace: str, metadata: Mapping[str, Any]
) -> Collection[str] | NoLabel:
    """Return the names of the labels that a pod's controller selects by. Empty: it has none.

    `metadata`: the pod's. Raises `StoreError`.
    """
    kind, name = controller_of(metadata)
    if not name:
        return frozenset()
    resource = CONTROLLERS.get(kind)
    if resource is None:
        return _unknown(kind, name)
    if missing := await lacking(client, namespace, [("get", resource)]):
        return NoLabel(missing)
    found = as_map(await _read(client, resource, namespace, name))
    over, its_name = controller_of(as_map(found.get("metadata")))
    if its_name and over not in OVER_CONTROLLERS:
        return _unknown(over, its_name)
    selector = as_map(as_map(found.get("spec")).get("selector"))
    expressions = selector.get("matchExpressions")
    keys = {
        str(one.get("key")) for one in expressions or () if isinstance(one, dict) and "key" in one
    }
    if not (keys := keys | set(as_map(selector.get("matchLabels")))):
        return NoLabel(f"{kind[1]} {name} does not say by which labels it chooses its pods")
    return keys


def controller_of(metadata: Mapping[str, Any]) -> tuple[tuple[str, str], str]:
    """Return the API group and kind of what controls an object, and its name. Empty name: nothing
    does."""
    for one in metadata.get("ownerReferences") or ():
        if isinstance(one, dict) and one.get("controller") is True:
            group, has_group, _ = str(one.get("apiVersion", "")).partition("/")
            return (group if has_group else "", str(one.get("kind", ""))), str(one.get("name", ""))
    return ("", ""), ""


def no_label(pod: str, services: int) -> NoLabel:
    """Return why no label of a pod can be taken off that so many Services select."""
    which = "its Service selects" if services == 1 else "all of its Services select"
    return NoLabel(
        f"{which} pod {pod} by no label of Dynamo's operator that its controller does not select by"
    )


async def _read(client: KubeClient, resource: Resource, namespace: str, name: str) -> Any:
    return await client.get(resource.path(namespace, name))


def _unknown(kind: tuple[str, str], name: str) -> NoLabel:
    return NoLabel(
        f"its pod belongs to {kind[1]} {name}, and by which labels such a one chooses its pods is "
        "not known"
    )
