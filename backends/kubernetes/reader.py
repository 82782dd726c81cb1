"""Read everything once: objects, and with what rights there are, slices and pods."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from backends.kubernetes import objects
from backends.kubernetes.client import KubeClient
from backends.kubernetes.errors import PathNotFound
from backends.kubernetes.list_watch import ListWatch, ObjectList
from backends.kubernetes.readiness import Rights
from backends.kubernetes.resources import PODS, SLICES, WORKERS
from backends.kubernetes.view import ObjectView
from backends.store import Forbidden, Refused

NOT_INSTALLED = (
    "this cluster has no DynamoWorkerMetadata (nvidia.com/v1alpha1): Dynamo's custom resources are "
    "not installed"
)


class Reading(msgspec.Struct, frozen=True):
    """All that was read, and the versions from which to watch on."""

    view: ObjectView
    workers: str
    slices: str | None
    """None: this user may not read them."""
    pods: str | None
    """None: this user may not read them."""


class Reader:
    """Lists the three resources of one namespace, or of all."""

    def __init__(self, client: KubeClient, namespace: str) -> None:
        """`namespace`: empty for all."""
        self.workers = ListWatch(client, WORKERS, namespace, objects.worker_object)
        self.slices = ListWatch(client, SLICES, namespace, objects.endpoint_slice)
        self.pods = ListWatch(client, PODS, namespace, objects.pod)

    async def read(
        self, rights: Rights, progress: Callable[[int], None] = lambda _: None
    ) -> Reading:
        """Return everything, of slices and pods what `rights` allow. `progress` is called with the
        number of objects read so far.

        Raises `StoreError`.
        """
        tasks = [
            asyncio.create_task(one)
            for one in (
                self._workers(progress),
                _if_allowed(self.slices, allowed=rights.slices),
                _if_allowed(self.pods, allowed=rights.pods),
            )
        ]
        try:
            workers, slices, pods = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
        assert workers is not None
        view = ObjectView(
            (),
            slices.items if slices is not None else (),
            pods.items if pods is not None else (),
            Rights(slices is not None, pods is not None),
        )
        for _ in view.adding(workers.items):
            await asyncio.sleep(0)
        return Reading(
            view,
            workers.version,
            None if slices is None else slices.version,
            None if pods is None else pods.version,
        )

    async def _workers(self, progress: Callable[[int], None]) -> ObjectList | None:
        try:
            return await self.workers.list(progress)
        except PathNotFound as error:
            raise Refused(error.address, NOT_INSTALLED) from None


async def _if_allowed(resource: ListWatch, *, allowed: bool) -> ObjectList | None:
    if not allowed:
        return None
    try:
        return await resource.list()
    except Forbidden:
        return None
