"""Real Dynamo workers and clients on a real Kubernetes API server.

    pod = DynamoPod(namespace, "prod-backend-0")
    front = DynamoPod(namespace, "prod-frontend-0", component="frontend")
    with DynamoWorker(pod) as worker, DynamoClient(front) as client:
        pod.set_ready()
        client.wait_for_instances({worker.instance_id})

The processes are those of tests/support/dynamo.py; a pod is where they run, as far as they know.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from tests.support.dynamo import Plane
from tests.support.kubernetes.api import WORKERS, Object
from tests.support.kubernetes.namespace import DISCOVERABLE, Container, KubeNamespace

BUCKETS = {
    "endpoints": "v1/instances",
    "model_cards": "v1/mdc",
    "event_channels": "v1/event_channels",
    "event_sources": "v1/event_sources",
}
"""Where other stores have what an object has in a map of its `spec.data`."""


def values_in(worker: Object) -> dict[str, bytes]:
    """Return the entries of a worker's object, by the keys of other stores."""
    return {
        f"{BUCKETS.get(kind, kind)}/{key}": json.dumps(body).encode()
        for kind, entries in worker["spec"]["data"].items()
        # The server has null for a map whose last entry was taken out.
        for key, body in (entries or {}).items()
    }


def selector_of(component: str) -> dict[str, str]:
    """Return labels by which the operator's service selects the pods of a component."""
    return {
        "nvidia.com/dynamo-component": component,
        "nvidia.com/dynamo-component-type": "worker",
        "nvidia.com/dynamo-namespace": "prod",
    }


class DynamoPod(Plane):
    """A pod that a Dynamo process runs in, and so the discovery plane as this process has it.

    With `container` the process is in container mode. `owner`: a reference to the pod's controller.
    """

    def __init__(
        self,
        place: KubeNamespace,
        name: str,
        *,
        component: str = "backend",
        labels: Mapping[str, str] | None = None,
        container: str | None = None,
        kubeconfig: Path | None = None,
        owner: Object | None = None,
    ) -> None:
        self.place = place
        self.name = name
        self.container = container
        self._kubeconfig = kubeconfig or place.kubeconfig()
        marks = DISCOVERABLE if container else {}
        self.pod = place.pod(
            name,
            labels={**selector_of(component), **marks, **(labels or {})},
            containers=(container or "main",),
            owner=owner,
        )

    @property
    def uid(self) -> str:
        """The uid of the pod."""
        uid: str = self.pod["metadata"]["uid"]
        return uid

    @property
    def object_name(self) -> str:
        """The name of the object that its process applies."""
        if self.container in (None, "main"):
            return self.name
        return f"{self.name}-{self.container}"

    def set_ready(
        self, ready: bool = True, *, restarts: int = 0, started: datetime | None = None
    ) -> None:
        """Write what a kubelet would say of it; `started` is now unless it is given.

        Its process listens on loopback, whatever its IP: no slice may have a loopback address.
        """
        name = self.container or "main"
        container = Container(name, ready, restarts, started or datetime.now(UTC))
        self.place.set_status(self.name, container, ready=ready)

    def wait_until_ready(self, ready: bool = True) -> None:
        """Wait until a slice says so too."""
        self.place.wait_until_ready(self.pod, ready)

    def worker(self) -> Object | None:
        """Return the object of its process. None: there is none."""
        return self.place.worker(self.object_name)

    # Plane.

    def environment(self) -> dict[str, str]:
        mode = {"DYN_KUBE_DISCOVERY_MODE": "container", "CONTAINER_NAME": self.container or ""}
        return {
            "DYN_DISCOVERY_BACKEND": "kubernetes",
            "KUBECONFIG": str(self._kubeconfig),
            "POD_NAME": self.name,
            "POD_UID": self.uid,
            "POD_NAMESPACE": self.place.name,
            **(mode if self.container else {}),
        }

    def values(self) -> dict[str, bytes]:
        workers = self.place.admin.list(WORKERS, self.place.name)["items"]
        return {key: value for one in workers for key, value in values_in(one).items()}

    def values_of(self, instance_id: str) -> dict[str, bytes]:
        worker = self.worker()
        return values_in(worker) if worker else {}
