"""What this user may do, asked of the API server itself (SelfSubjectAccessReview)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable

import msgspec
from msgspec.structs import replace

from backends.kubernetes.client import KubeClient
from backends.kubernetes.errors import Busy
from backends.kubernetes.readiness import LIST_PODS, LIST_SLICES, Rights
from backends.kubernetes.resources import PODS, SLICES, WORKERS, Resource
from backends.store import Cause, Forbidden, NoPuts, Unreachable

REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
VERSION = "/version"
"""A path that every API server answers at once, without looking at its store."""
ASK_AGAIN = 30.0
"""Seconds for which an answer is taken for true."""

NOTHING = "nvidia.com/dyntop-nothing=true"
"""A selector that selects nothing."""


async def server_version(client: KubeClient) -> str:
    """Return the release of the API server. Empty: it does not tell this user. Raises
    `StoreError`."""
    answer = await client.request("GET", VERSION)
    found = answer.body.get("gitVersion") if answer.ok and isinstance(answer.body, dict) else None
    return found if isinstance(found, str) else ""


class UserRights(msgspec.Struct, frozen=True):
    """What a user may do. Where the server does not answer that, what it is asked for will tell."""

    read_slices: bool = True
    read_pods: bool = True
    patch: bool = True
    """Of `dynamoworkermetadatas`: removing entries and putting them back."""
    delete: bool = True
    """Of `dynamoworkermetadatas`: removing all entries of one."""
    create: bool = True
    """Of `dynamoworkermetadatas`: putting back an object that is gone."""

    @property
    def rights(self) -> Rights:
        """Return what else than objects may be read."""
        return Rights(self.read_slices, self.read_pods)


ALL = UserRights()


class PermissionReview:
    """Asks for this user's permissions in one namespace (empty: in all), and keeps the answers for
    some time. `clock` returns seconds."""

    def __init__(
        self,
        client: KubeClient,
        namespace: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        ask_again: float = ASK_AGAIN,
    ) -> None:
        self._client = client
        self._namespace = namespace
        self._clock = clock
        self._ask_again = ask_again
        self._found = ALL
        self._asked_at: float | None = None
        self._refused: set[Resource] = set()

    async def permissions(self) -> UserRights:
        """Return the permissions, at most some time old. Raises `StoreError`."""
        now = self._clock()
        if self._asked_at is None or now - self._asked_at >= self._ask_again:
            self._found = await self._ask()
            self._asked_at = now
        return self._found

    async def beat(self) -> UserRights:
        """Return the permissions, and raise `StoreError` if the server does not answer now."""
        # A refusal is an answer, too.
        await self._client.request("GET", VERSION)
        return await self.permissions()

    def note_refused(self, resource: Resource) -> None:
        """Note that the server refused to list or watch slices or pods, whatever it answered when
        it was asked. It is tried again when permissions are asked for again."""
        self._refused.add(resource)
        if resource == SLICES:
            self._found = replace(self._found, read_slices=False)
        else:
            self._found = replace(self._found, read_pods=False)

    async def _ask(self) -> UserRights:
        return UserRights(
            *await asyncio.gather(
                self._may_read(SLICES),
                self._may_read(PODS),
                self._may(WORKERS, "patch"),
                self._may(WORKERS, "delete"),
                self._may(WORKERS, "create"),
            )
        )

    async def _may_read(self, resource: Resource) -> bool:
        if not (await self._may(resource, "list") and await self._may(resource, "watch")):
            return False
        if resource in self._refused:
            path = resource.path(self._namespace)
            try:
                await self._client.get(path, (("limit", "1"),))
                watch = (("watch", "true"), ("timeoutSeconds", "1"), ("labelSelector", NOTHING))
                async with self._client.stream(path, watch, 1.0):
                    pass
            except Forbidden:
                return False
            self._refused.discard(resource)
        return True

    async def _may(self, resource: Resource, verb: str) -> bool:
        return await may(self._client, resource, verb, self._namespace)


async def may(client: KubeClient, resource: Resource, verb: str, namespace: str) -> bool:
    """Return whether the server would allow a request in a namespace (empty: in all). True also
    where it does not say. Raises `StoreError`."""
    attributes = {"verb": verb, "resource": resource.plural, "group": resource.group}
    if namespace:
        attributes["namespace"] = namespace
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    try:
        answer = await client.request("POST", REVIEWS, body=review)
    except Busy:
        raise
    except Unreachable as error:
        if error.cause is not Cause.NO_LEADER:
            raise
        # One of its own authorizers fails.
        return True
    status = answer.body.get("status") if isinstance(answer.body, dict) else None
    return not (answer.ok and isinstance(status, dict) and status.get("allowed") is False)


async def lacking(
    client: KubeClient, namespace: str, wanted: Iterable[tuple[str, Resource]]
) -> str:
    """Return which of these verbs and resources this user lacks in a namespace, as a clause. Empty:
    none. Raises `StoreError`."""
    asked = list(wanted)
    allowed = await asyncio.gather(
        *(may(client, resource, verb, namespace) for verb, resource in asked)
    )
    missing = [
        f"{verb} {resource.name}"
        for (verb, resource), is_allowed in zip(asked, allowed, strict=True)
        if not is_allowed
    ]
    if not missing:
        return ""
    neither = "neither" if len(missing) > 1 else "not"
    return f"this user may {neither} {' nor '.join(missing)}"


def warnings(rights: Rights) -> tuple[str, ...]:
    """Return what this user cannot see for lack of rights, for people."""
    lacking = [
        right
        for right, there in ((LIST_SLICES, rights.slices), (LIST_PODS, rights.pods))
        if not there
    ]
    return tuple(f"this user may not {right}: readiness is known in part" for right in lacking)


def no_puts(found: UserRights) -> tuple[NoPuts, ...]:
    """Return why nothing can be put back."""
    lacking = [verb for verb, may in (("create", found.create), ("patch", found.patch)) if not may]
    if not lacking:
        return ()
    verbs = " nor ".join(lacking)
    neither = "neither" if len(lacking) > 1 else "not"
    return (NoPuts(f"this user may {neither} {verbs} dynamoworkermetadatas.nvidia.com"),)


def read_only(found: UserRights) -> str:
    """Return why nothing can be removed or put back. Empty: something can."""
    if found.patch or found.delete:
        return ""
    return "this user may neither patch nor delete dynamoworkermetadatas.nvidia.com"
