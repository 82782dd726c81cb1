"""One Kubernetes namespace of a test: its pods, services, workers' objects and users.

pod = namespace.pod("prod-backend-0", labels=labels)
namespace.set_ready(pod, ip="10.1.0.7")
namespace.apply_worker(pod, {"endpoints": {...}})
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.support.kubernetes.api import DYNAMO, JSON_PATCH, WORKERS, Api, Object, Refused
from tests.support.kubernetes.cluster import Kubernetes
from tests.support.kubernetes.servers import ISSUER
from tests.support.kubernetes.tokens import LEEWAY, signed
from tests.support.waiting import wait_for

DISCOVERABLE = {
    "nvidia.com/dynamo-discovery-enabled": "true",
    "nvidia.com/dynamo-discovery-backend": "kubernetes",
}
"""Labels of the services, and in container mode the pods, whose readiness counts to Dynamo."""

LOOKING = (
    {
        "apiGroups": ["nvidia.com"],
        "resources": [WORKERS],
        "verbs": ["get", "list", "watch"],
    },
    {
        "apiGroups": ["discovery.k8s.io"],
        "resources": ["endpointslices"],
        "verbs": ["get", "list", "watch"],
    },
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]},
)
"""Rules of a role that may look."""

WORKING = (
    {"apiGroups": ["nvidia.com"], "resources": [WORKERS], "verbs": ["*"]},
    {
        "apiGroups": ["discovery.k8s.io"],
        "resources": ["endpointslices"],
        "verbs": ["get", "list", "watch"],
    },
    {
        "apiGroups": [""],
        "resources": ["endpoints"],
        "verbs": ["get", "list", "watch"],
    },
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch", "patch"]},
)
"""Rules that Dynamo's operator gives to workers."""

RBAC = "rbac.authorization.k8s.io"
NOW = {"gracePeriodSeconds": 0}


@dataclass(frozen=True)
class Container:
    """What a kubelet says of one container of a pod."""

    name: str = "main"
    ready: bool = True
    restarts: int = 0
    """How often it was started again."""
    started: datetime | None = None
    """Since when it runs. None: it does not run."""

    def status(self) -> Object:
        """Return it in the form of `containerStatuses`."""
        running = {"startedAt": rfc3339(self.started)} if self.started else None
        return {
            "name": self.name,
            "image": "dynamo",
            "imageID": "",
            "ready": self.ready,
            "started": running is not None,
            "restartCount": self.restarts,
            "state": {"running": running} if running else {"waiting": {"reason": "NotRunning"}},
        }


def rfc3339(moment: datetime) -> str:
    """Return a time as Kubernetes writes it, in UTC and whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Account:
    """A service account with a role of its own in a namespace, and a token."""

    def __init__(self, place: KubeNamespace, name: str, rules: Sequence[Object]) -> None:
        self._place = place
        self.name = name
        admin, namespace = place.admin, place.name
        admin.create("serviceaccounts", namespace, {"metadata": {"name": name}})
        admin.create("roles", namespace, {"metadata": {"name": name}, "rules": [*rules]})
        self.allow()
        self.token = self.new_token()
        wait_for(self._is_known, f"the token of {name} is known")

    @property
    def api(self) -> Api:
        """Its way to the server."""
        return self._place.kubernetes.server.api(self.token)

    def kubeconfig(self) -> Path:
        """Write a kubeconfig with its token, and return its path."""
        place = self._place
        return place.kubernetes.kubeconfig(f"{place.name}-{self.name}", self.token, place.name)

    def new_token(self, seconds: int = 3600) -> str:
        """Return one more token; the server refuses fewer than 600 `seconds`."""
        body: Object = {"spec": {"expirationSeconds": seconds}}
        place = self._place
        made = place.admin.create("serviceaccounts", place.name, body, self.name, "token")
        token: str = made["status"]["token"]
        return token

    def token_for(self, seconds: float) -> str:
        """Return one that the server takes for so many seconds, which may be fewer than 600.

        It is signed as the server signs its own.
        """
        place = self._place
        account = place.admin.get("serviceaccounts", place.name, self.name)["metadata"]
        now = time.time()
        claims = {
            "iss": ISSUER,
            "aud": [ISSUER],
            "sub": f"system:serviceaccount:{place.name}:{self.name}",
            "iat": int(now - LEEWAY * 2),
            "nbf": int(now - LEEWAY * 2),
            "exp": int(now - LEEWAY + seconds),
            "kubernetes.io": {
                "namespace": place.name,
                "serviceaccount": {"name": self.name, "uid": account["uid"]},
            },
        }
        return signed(claims, place.kubernetes.tls.server_key)

    def set_rules(self, *rules: Object) -> None:
        """Replace what its role allows; the server heeds it within moments."""
        body = {"rules": [*rules]}
        self._place.admin.patch("roles", self._place.name, body, self.name)

    def forbid(self) -> None:
        """Take its role away; the server heeds it within moments."""
        self._place.admin.delete("rolebindings", self._place.name, self.name)

    def allow(self) -> None:
        """Give it its role."""
        body: Object = {
            "metadata": {"name": self.name},
            "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": self.name},
            "subjects": [
                {"kind": "ServiceAccount", "name": self.name, "namespace": self._place.name}
            ],
        }
        self._place.admin.create("rolebindings", self._place.name, body)

    def may(self, verb: str, resource: str, group: str = "nvidia.com") -> bool:
        """Return whether the server would let it, by SelfSubjectAccessReview."""
        what = {"namespace": self._place.name, "verb": verb, "group": group, "resource": resource}
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        answer = self.api.request("POST", path, {"spec": {"resourceAttributes": what}})
        allowed: bool = answer["status"]["allowed"]
        return allowed

    def _is_known(self) -> bool:
        # Servers know a new account from their own watch, a moment later.
        try:
            return self.may("get", WORKERS) or True
        except Refused as refused:
            if refused.status != 401:
                raise
            return False


class KubeNamespace:
    """A namespace of one test's own."""

    def __init__(self, kubernetes: Kubernetes, name: str | None = None) -> None:
        self.kubernetes = kubernetes
        self.name = name or f"test-{uuid4().hex[:10]}"
        self.admin.create("namespaces", None, {"metadata": {"name": self.name}})

    @property
    def admin(self) -> Api:
        """The way of a user who may do everything, in the other namespaces too."""
        return self.kubernetes.admin

    def kubeconfig(self) -> Path:
        """Write a kubeconfig of that user with this namespace, and return its path."""
        token = self.kubernetes.server.admin.token
        return self.kubernetes.kubeconfig(self.name, token, self.name)

    def account(self, name: str, *rules: Object) -> Account:
        """Make a user who may do only this here."""
        return Account(self, name, rules)

    # Pods, as a kubelet would have them.

    def pod(
        self,
        name: str,
        *,
        node: str | None = "node-1",
        labels: Mapping[str, str] | None = None,
        containers: Sequence[str] = ("main",),
        owner: Object | None = None,
    ) -> Object:
        """Create a pod that a scheduler has put on a node, and return it.

        Deleted in order, one with a node stays Terminating, as nobody ends its containers; see
        `delete_pod`. `owner` is an owner reference, such as one to a ReplicaSet.
        """
        if node is not None:
            self._have_node(node)
        metadata = {
            "name": name,
            "labels": {**(labels or {})},
            "ownerReferences": [owner] if owner else [],
        }
        spec: Object = {"containers": [{"name": n, "image": "dynamo"} for n in containers]}
        if node is not None:
            spec["nodeName"] = node
        return self.admin.create("pods", self.name, {"metadata": metadata, "spec": spec})

    def set_status(
        self,
        name: str,
        *containers: Container,
        ready: bool = True,
        ip: str = "10.1.0.7",
        phase: str = "Running",
    ) -> Object:
        """Write what a kubelet would say of a pod, and return the pod."""
        now = rfc3339(datetime.now(UTC))
        shown = containers or (Container(ready=ready, started=datetime.now(UTC)),)
        conditions = [
            {"type": kind, "status": "True" if ready else "False", "lastTransitionTime": now}
            for kind in ("Ready", "ContainersReady")
        ]
        status = {
            "phase": phase,
            "podIP": ip,
            "podIPs": [{"ip": ip}],
            "hostIP": "10.0.0.1",
            "conditions": conditions,
            "containerStatuses": [container.status() for container in shown],
        }
        return self.admin.patch("pods", self.name, {"status": status}, name, "status")

    def delete_pod(self, name: str, *, at_once: bool = True) -> None:
        """Delete a pod; not `at_once`, it is Terminating until it is deleted at once."""
        self.admin.delete("pods", self.name, name, NOW if at_once else None)

    def _have_node(self, name: str) -> None:
        # The controller leaves pods out of its slices whose node does not exist.
        try:
            self.admin.create("nodes", None, {"metadata": {"name": name}})
        except Refused as refused:
            if refused.status != 409:
                raise

    # Who is ready, as the real controller finds it.

    def service(
        self,
        name: str,
        selector: Mapping[str, str],
        labels: Mapping[str, str] = DISCOVERABLE,
        port: int = 9090,
    ) -> Object:
        """Create a service as Dynamo's operator does; its slices get its labels."""
        body: Object = {
            "metadata": {"name": name, "labels": {**labels}},
            "spec": {"selector": {**selector}, "ports": [{"name": "system", "port": port}]},
        }
        return self.admin.create("services", self.name, body)

    def endpoints(self) -> dict[str, Object]:
        """Return the endpoints of all slices by the uid of their pod."""
        slices = self.admin.list("endpointslices", self.name)["items"]
        found = (endpoint for one in slices for endpoint in one.get("endpoints") or ())
        return {endpoint["targetRef"]["uid"]: endpoint for endpoint in found}

    def wait_until_ready(self, pod: Object, ready: bool = True) -> Object:
        """Wait until a slice says of a pod that it is ready, or is not; return its endpoint."""
        uid = pod["metadata"]["uid"]

        def found() -> Object | None:
            endpoint = self.endpoints().get(uid)
            said = endpoint is not None and endpoint["conditions"].get("ready") == ready
            return endpoint if said else None

        endpoint = wait_for(found, f"ready={ready} of {pod['metadata']['name']} in a slice")
        assert endpoint is not None
        return endpoint

    # The objects of workers.

    def worker_body(
        self, pod: Object, data: Mapping[str, Any], *, name: str | None = None
    ) -> Object:
        """Return a worker's object as Dynamo applies it from a pod."""
        owner = {
            "apiVersion": "v1",
            "kind": "Pod",
            "name": pod["metadata"]["name"],
            "uid": pod["metadata"]["uid"],
            "controller": True,
            "blockOwnerDeletion": False,
        }
        return {
            "apiVersion": "nvidia.com/v1alpha1",
            "kind": "DynamoWorkerMetadata",
            "metadata": {
                "name": name or pod["metadata"]["name"],
                "namespace": self.name,
                "ownerReferences": [owner],
            },
            "spec": {"data": {**data}},
        }

    def apply_worker(
        self,
        pod: Object,
        data: Mapping[str, Any],
        *,
        name: str | None = None,
        manager: str = DYNAMO,
    ) -> Object:
        """Apply a worker's object as Dynamo does, under a manager's name, and return it."""
        body = self.worker_body(pod, data, name=name)
        return self.apply_object(body, manager=manager)

    def apply_object(self, body: Object, *, manager: str = DYNAMO) -> Object:
        """Apply a whole object of a worker, and return it as it is then."""
        name = body["metadata"]["name"]
        return self.admin.apply(WORKERS, self.name, body, name, manager=manager)

    def worker(self, name: str) -> Object | None:
        """Return a worker's object. None: there is none."""
        try:
            return self.admin.get(WORKERS, self.name, name)
        except Refused as refused:
            if refused.status != 404:
                raise
            return None

    def remove_entry(self, name: str, kind: str, key: str) -> Object:
        """Take one entry out of a worker's object unless it changed meanwhile; return the rest."""
        seen = self.admin.get(WORKERS, self.name, name)
        metadata = seen["metadata"]
        at = f"/spec/data/{kind}/{key.replace('~', '~0').replace('/', '~1')}"
        body = [
            {"op": "test", "path": "/metadata/uid", "value": metadata["uid"]},
            {
                "op": "test",
                "path": "/metadata/resourceVersion",
                "value": metadata["resourceVersion"],
            },
            {"op": "test", "path": at, "value": seen["spec"]["data"][kind][key]},
            {"op": "remove", "path": at},
        ]
        return self.admin.patch(WORKERS, self.name, body, name, kind=JSON_PATCH)

    def clear(self) -> None:
        """Remove what other tests might see in all namespaces; the namespace itself stays."""
        for service in self.admin.list("services", self.name)["items"]:
            self.admin.delete("services", self.name, service["metadata"]["name"])
        for resource in (WORKERS, "pods", "endpointslices"):
            for item in self.admin.list(resource, self.name)["items"]:
                with contextlib.suppress(Refused):  # a controller was faster
                    self.admin.delete(resource, self.name, item["metadata"]["name"], NOW)


@contextlib.contextmanager
def kube_namespace(kubernetes: Kubernetes) -> Iterator[KubeNamespace]:
    """Give a namespace that is emptied afterwards."""
    place = KubeNamespace(kubernetes)
    yield place
    place.clear()
