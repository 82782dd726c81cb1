"""How an API server is examined: its version, who it takes this user for, and his rights."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Self
from urllib.parse import urlsplit

from backends.connections import KubernetesConnection
from backends.doctor.clocks import difference
from backends.doctor.contact import Contact, ServerAnswer
from backends.doctor.steps import (
    ClockDifference,
    LoggedIn,
    NotApplicable,
    Removable,
    ServerAddress,
    WhyNot,
)
from backends.dynamo.records import AnyRecord
from backends.kubernetes import KubernetesConfig, KubernetesStore
from backends.kubernetes.access import Access
from backends.kubernetes.client import KubeClient
from backends.kubernetes.permissions import VERSION, PermissionReview, no_puts, read_only
from backends.store import Cause, StoreError, Unreachable

WHO_AM_I = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
"""Since Kubernetes 1.28. A request that is answered and kept nowhere."""
PORTS = {"https": 443, "http": 80}
SHARE = 0.9
"""Part of a step's time in which the server has to answer."""


class KubernetesContact(Contact):
    """Asks an API server. Make it with `open`."""

    def __init__(
        self, client: KubeClient, access: Access, store: KubernetesStore, limit: float
    ) -> None:
        self.store = store
        self._client = client
        self._limit = limit * SHARE
        self._clock: Callable[[], float] = time.time
        self._tls = access.tls is not None
        self._namespace = access.namespace
        self.why_no_address = WhyNot.PROXY
        url = urlsplit(access.host)
        if not access.proxy and url.hostname:
            self.addresses = (ServerAddress(url.hostname, url.port or PORTS.get(url.scheme, 443)),)
        self._difference: ClockDifference | None = None

    @classmethod
    async def open(cls, connection: KubernetesConnection, limit: float) -> Self:
        """Read the kubeconfig. `limit`: seconds of a step. Raises `StoreError`."""
        config = KubernetesConfig(
            context=connection.context,
            namespace=connection.namespace,
            all_namespaces=connection.all_namespaces,
        )
        client = KubeClient(config, timeout=limit * SHARE)
        try:
            access = await client.access()
        except BaseException:
            await client.aclose()
            raise
        return cls(client, access, KubernetesStore(config, client=client), limit)

    async def answers(self) -> Sequence[ServerAnswer]:
        address, error = self._client.address, None
        asked = self._clock()
        try:
            async with asyncio.timeout(self._limit):
                answer = await self._client.request("GET", VERSION)
        except TimeoutError:
            error = Unreachable(address, Cause.TIMEOUT)
        except StoreError as raised:
            return (ServerAnswer(address, raised, self._tls),)
        else:
            # Of the moment: an answer to a request that connected has waited longer.
            self._difference = difference(
                answer.date, asked, self._clock(), f"the API server at {address}"
            )
        return (ServerAnswer(address, error, self._tls),)

    async def login(self) -> LoggedIn | NotApplicable:
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        answer = await self._client.request("POST", WHO_AM_I, body=body)
        user = answer.body if answer.ok else None
        for name in ("status", "userInfo", "username"):
            user = user.get(name) if isinstance(user, dict) else None
        return LoggedIn(user if isinstance(user, str) else "")

    async def removable(self, prefixes: Sequence[bytes]) -> Removable | NotApplicable:
        found = await PermissionReview(self._client, self._namespace).permissions()
        if reason := read_only(found):
            return Removable(allowed=False, reason=reason)
        reasons = [one.reason for one in no_puts(found)]
        if not found.delete:
            reasons.append("this user may not delete dynamoworkermetadatas.nvidia.com")
        return Removable(allowed=True, reason="; ".join(reasons) or "by its roles")

    async def clock(self, records: Sequence[AnyRecord]) -> ClockDifference | NotApplicable:
        return self._difference or NotApplicable(WhyNot.NO_CLOCK)
