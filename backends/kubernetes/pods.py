"""What Kubernetes wrote down about a pod: its Events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backends.kubernetes.client import KubeClient
from backends.kubernetes.list_watch import ListWatch
from backends.kubernetes.objects import timestamp
from backends.kubernetes.resources import Resource
from backends.store.pods import PodEvent

_ESCAPED = str.maketrans({one: f"\\{one}" for one in "\\,="})
"""What a field selector takes for its own signs."""


class KubePods:
    """Answers questions about pods, as `backends.store.pods.Pods`."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client

    async def events(self, namespace: str, uid: str) -> tuple[PodEvent, ...]:
        if not uid:
            return ()
        selector = f"involvedObject.uid={uid.translate(_ESCAPED)}"
        resource = Resource("events", "/api/v1", fields=selector)
        found = await ListWatch(self._client, resource, namespace, pod_event).list()
        return tuple(sorted(found.items, key=_latest_first))


def pod_event(raw: Mapping[str, Any]) -> PodEvent:
    """Return a `v1` Event. Never raises.

    Older components count in `count` with two times; newer ones (`events.k8s.io/v1`) write
    `eventTime`, and count in `series`.
    """
    series = _map(raw.get("series"))
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
        reason=_text(raw.get("reason")),
        message=_text(raw.get("message")),
        is_warning=raw.get("type") == "Warning",
        count=max((one for one in counts if type(one) is int), default=1) or 1,
        first_at=min(known, default=None),
        last_at=max(known, default=None),
        container=_container(_text(_map(raw.get("involvedObject")).get("fieldPath"))),
        reporter=_text(_map(raw.get("source")).get("component"))
        or _text(raw.get("reportingComponent")),
    )


def _container(path: str) -> str:
    """Return the name in `spec.containers{main}`. Empty: the path names no container."""
    kind, _, rest = path.partition("{")
    is_one = kind in ("spec.containers", "spec.initContainers") and rest.endswith("}")
    return rest.removesuffix("}") if is_one else ""


def _latest_first(event: PodEvent) -> tuple[float, str, str]:
    return (-(event.last_at or 0.0), event.reason, event.message)


def _map(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
