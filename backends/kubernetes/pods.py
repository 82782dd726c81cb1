"""Whether a pod exists, and what Kubernetes wrote down about it: its Events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backends.kubernetes.client import KubeClient
from backends.kubernetes.list_watch import ListWatch
from backends.kubernetes.objects import as_map, as_text, timestamp
from backends.kubernetes.resources import PODS, Resource
from backends.store import Owner, PodEvent, PodExistence
from backends.store.pods import PodWarning

_ESCAPED = str.maketrans({one: f"\\{one}" for one in "\\,="})
"""What a field selector takes for its own signs."""


class KubePods:
    """Answers questions about pods, as `backends.store.pods.Pods`."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client

    async def existence(self, owner: Owner) -> PodExistence:
        return await pod_existence(self._client, owner)

    async def events(self, namespace: str, uid: str) -> tuple[PodEvent, ...]:
        if not uid:
            return ()
        selector = f"involvedObject.uid={uid.translate(_ESCAPED)}"
        resource = Resource("events", "/api/v1", fields=selector)
        found = await ListWatch(self._client, resource, namespace, pod_event).list()
        return tuple(sorted(found.items, key=_latest_first))

    async def warnings(self) -> tuple[PodWarning, ...]:
        resource = Resource("events", "/api/v1", fields="involvedObject.kind=Pod,type=Warning")
        namespace = (await self._client.access()).namespace
        found = await ListWatch(self._client, resource, namespace, _pod_warning).list()
        return tuple(found.items)


async def pod_existence(client: KubeClient, owner: Owner) -> PodExistence:
    """Return whether the pod that owned an object exists, as `Pods.existence`."""
    if not owner.pod_uid:
        return PodExistence.UNKNOWN
    answer = await client.request("GET", PODS.path(owner.namespace, owner.pod_name))
    if answer.status == 403:
        return PodExistence.UNKNOWN
    if answer.status == 404:
        return PodExistence.GONE
    if not answer.ok:
        raise client.error_of(answer)
    metadata = as_map(as_map(answer.body).get("metadata"))
    same = metadata.get("uid") == owner.pod_uid
    return PodExistence.EXISTS if same else PodExistence.REPLACED


def pod_event(raw: Mapping[str, Any]) -> PodEvent:
    """Return a `v1` Event. Never raises.

    Older components count in `count` with two times; newer ones (`events.k8s.io/v1`) write
    `eventTime`, and count in `series`.
    """
    series = as_map(raw.get("series"))
    counts = [raw.get("count"), series.get("count")]
    times = [
        timestamp(one)
        for one in (
            series.get("lastObservedTime"),
            raw.get("lastTimestamp"),
            raw.get("eventTime"),
            raw.get("firstTimestamp"),
        )
    ]
    known = [one for one in times if one is not None]
    return PodEvent(
        reason=as_text(raw.get("reason")),
        message=as_text(raw.get("message")),
        is_warning=raw.get("type") == "Warning",
        count=max((one for one in counts if type(one) is int), default=1) or 1,
        first_at=min(known, default=None),
        last_at=max(known, default=None),
        container=_container(as_text(as_map(raw.get("involvedObject")).get("fieldPath"))),
        reporter=as_text(as_map(raw.get("source")).get("component"))
        or as_text(raw.get("reportingComponent")),
    )


def _pod_warning(raw: Mapping[str, Any]) -> PodWarning | None:
    """Return a `v1` Event with the uid of its pod. None: it names none. Never raises."""
    uid = as_text(as_map(raw.get("involvedObject")).get("uid"))
    return PodWarning(uid, pod_event(raw)) if uid else None


def _container(path: str) -> str:
    """Return the name in `spec.containers{main}`. Empty: the path names no container."""
    kind, _, rest = path.partition("{")
    is_one = kind in ("spec.containers", "spec.initContainers") and rest.endswith("}")
    return rest.removesuffix("}") if is_one else ""


def _latest_first(event: PodEvent) -> tuple[float, str, str]:
    return (-(event.last_at or 0.0), event.reason, event.message)
