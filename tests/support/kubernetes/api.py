"""A small client of a Kubernetes API server that shares no code with dyntop.

Tests read the truth with it. It waits for each answer; from a coroutine that must not stand still,
call it in a thread.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import ssl
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.support.ports import LOOPBACK

Object = dict[str, Any]
"""Any object of the API, as JSON has it."""

WORKERS = "dynamoworkermetadatas"
GROUPS = {
    WORKERS: "apis/nvidia.com/v1alpha1",
    "endpointslices": "apis/discovery.k8s.io/v1",
    "customresourcedefinitions": "apis/apiextensions.k8s.io/v1",
    "deployments": "apis/apps/v1",
    "replicasets": "apis/apps/v1",
    "roles": "apis/rbac.authorization.k8s.io/v1",
    "rolebindings": "apis/rbac.authorization.k8s.io/v1",
    "clusterroles": "apis/rbac.authorization.k8s.io/v1",
    "clusterrolebindings": "apis/rbac.authorization.k8s.io/v1",
}
"""Where each kind of object is; those of the core are not named."""
CORE = "api/v1"

DYNAMO = "dynamo-worker"
"""The field manager by which Dynamo's workers apply."""

APPLY = "application/apply-patch+yaml"
JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"


class Refused(Exception):
    """The server answered, but not with what was asked for."""

    def __init__(self, status: int, answer: Object, retry_after: str | None) -> None:
        super().__init__(f"{status}: {answer.get('message', answer)}")
        self.status = status
        """The status of HTTP, such as 410."""
        self.reason: str | None = answer.get("reason")
        """Kubernetes' word for it, such as `Expired`."""
        self.answer = answer
        """The whole answer, a `Status` as a rule."""
        self.retry_after = retry_after
        """Seconds that the server asks to wait. None: it does not."""


def path_of(resource: str, namespace: str | None = None, *parts: str) -> str:
    """Return the path of a resource; `parts` are an object's name and, after it, a subresource."""
    place = [] if namespace is None else ["namespaces", namespace]
    return "/".join(["", GROUPS.get(resource, CORE), *place, resource, *parts])


@dataclass(frozen=True)
class Api:
    """One user's way to one API server."""

    port: int
    """On loopback."""
    authority: Path
    """The certificate that has to have signed the server's."""
    token: str | None = None
    """Bearer token. None: anonymous."""
    timeout: float = 60.0
    """Seconds that an answer, or one event of a watch, may take."""

    def get(self, resource: str, namespace: str | None, name: str, *parts: str) -> Object:
        """Return one object, or its subresource."""
        return self.request("GET", path_of(resource, namespace, name, *parts))

    def list(self, resource: str, namespace: str | None = None, **query: str | int) -> Object:
        """Return a list as the server gives it; `query` are its parameters, such as `limit`."""
        return self.request("GET", path_of(resource, namespace), query=query)

    def create(self, resource: str, namespace: str | None, body: Object, *parts: str) -> Object:
        """Create an object, or a subresource such as a token, and return the server's answer."""
        return self.request("POST", path_of(resource, namespace, *parts), body)

    def apply(
        self,
        resource: str,
        namespace: str | None,
        body: Object | bytes,
        name: str,
        *,
        manager: str,
        force: bool = True,
    ) -> Object:
        """Apply an object on the server's side as a field manager; bytes are YAML."""
        query = {"fieldManager": manager, "force": str(force).lower()}
        return self.request("PATCH", path_of(resource, namespace, name), body, APPLY, query)

    def patch(
        self,
        resource: str,
        namespace: str | None,
        body: Any,
        name: str,
        *parts: str,
        kind: str = MERGE_PATCH,
        **query: str,
    ) -> Object:
        """Patch an object or its subresource, by a merge patch unless `kind` is another."""
        return self.request("PATCH", path_of(resource, namespace, name, *parts), body, kind, query)

    def delete(
        self, resource: str, namespace: str | None, name: str, options: Object | None = None
    ) -> Object:
        """Delete an object; `options` are `DeleteOptions`, such as `preconditions`."""
        return self.request("DELETE", path_of(resource, namespace, name), options or {})

    def request(
        self,
        method: str,
        path: str,
        body: Object | Sequence[Any] | bytes | None = None,
        kind: str = "application/json",
        query: Mapping[str, str | int] | None = None,
    ) -> Object:
        """Return the answer to one request. Refused: it is no success."""
        with self._asked(method, path, body, kind, query) as answer:
            found: Object = json.loads(answer.read())
        return found

    @contextlib.contextmanager
    def watch(
        self, resource: str, namespace: str | None = None, **query: str | int
    ) -> Iterator[Iterator[Object]]:
        """Give the events of a watch, one by one, until the server ends it.

        `query` are its parameters, such as `resourceVersion`.
        """
        asked = {"watch": "true", **query}
        with self._asked("GET", path_of(resource, namespace), query=asked) as answer:
            yield (json.loads(line) for line in answer)

    def is_ready(self) -> bool:
        """Return whether the server says that it is, to this user."""
        try:
            with self._asked("GET", "/readyz"):
                return True
        except (OSError, http.client.HTTPException, Refused):
            return False

    @contextlib.contextmanager
    def _asked(
        self,
        method: str,
        path: str,
        body: Object | Sequence[Any] | bytes | None = None,
        kind: str = "application/json",
        query: Mapping[str, str | int] | None = None,
    ) -> Iterator[http.client.HTTPResponse]:
        context = ssl.create_default_context(cafile=str(self.authority))
        connection = http.client.HTTPSConnection(
            LOOPBACK, self.port, timeout=self.timeout, context=context
        )
        headers = {"Accept": "application/json"}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        if body is not None:
            headers["Content-Type"] = kind
        sent = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        with contextlib.closing(connection):
            connection.request(method, f"{path}?{urlencode(query or {})}", sent, headers)
            answer = connection.getresponse()
            if answer.status >= 400:
                text = answer.read()
                try:
                    said = json.loads(text)
                except ValueError:
                    said = {"message": text.decode(errors="replace")}
                raise Refused(answer.status, said, answer.headers.get("Retry-After"))
            yield answer
