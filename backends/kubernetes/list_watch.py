"""List the objects of one resource, then watch them: the API server's own protocol.

Pages, bookmarks, and 410, which comes as the status of a list and as an `ERROR` event of a watch,
follow Kubernetes' API concepts ("Efficient detection of changes"). A watch that the server ends by
its time limit goes on at once from the last version.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import msgspec

from backends.kubernetes import errors
from backends.kubernetes.client import KubeClient
from backends.kubernetes.decode import Projection
from backends.kubernetes.resources import Resource
from backends.store import Refused, Unreachable
from backends.store.resync_loop import PositionLost

_log = logging.getLogger(__name__)

PAGE = 250
"""Objects of one answer: 3 MB, of which JSON is parsed in some 15 ms."""
WATCH_TIME = 290
"""Seconds after which the server ends a watch, as Dynamo asks for: below the five minutes after
which load balancers cut connections."""
LONGEST_SILENCE = 100.0
"""Seconds without a byte after which a watch is taken for cut. A server sends a bookmark about once
a minute."""
PAUSE = 1.0
"""Seconds from the start of a watch to that of the next, at least."""
EXPIRED_LISTS = 3
"""Lists whose `continue` token expired, before a list without pages is asked for."""
OBJECTS_BETWEEN_YIELDS = 50
"""Objects read before the event loop gets a turn: some 5 ms of work."""

Object = dict[str, Any]


class ObjectList(msgspec.Struct, frozen=True):
    """All objects of a resource, as `read` made them, at one version."""

    items: list[Any]
    version: str


class ObjectChange(msgspec.Struct, frozen=True):
    """An object was added or changed, or with `gone` removed: then as it was last."""

    item: Any
    gone: bool


class ListWatch:
    """One resource in one namespace (empty: in all). `read` makes what is kept of an object; an
    object of which it makes None is left out."""

    def __init__(
        self,
        client: KubeClient,
        resource: Resource,
        namespace: str,
        read: Callable[[Object], object | None],
        *,
        page: int = PAGE,
        watch_time: int = WATCH_TIME,
        longest_silence: float = LONGEST_SILENCE,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`clock` returns seconds."""
        self._client = client
        self._path = resource.path(namespace)
        selectors = (("labelSelector", resource.selector), ("fieldSelector", resource.fields))
        self._selectors = [(name, selector) for name, selector in selectors if selector]
        self._read = read
        self._projection = Projection(resource)
        self._page = page
        self._watch_time = watch_time
        self._longest_silence = longest_silence
        self._clock = clock
        self._sleep = sleep

    async def list(self, progress: Callable[[int], None] = lambda _: None) -> ObjectList:
        """Return all objects. `progress` is called with the number of those read so far.

        A `continue` token that expired begins the list again. Raises `StoreError`.
        """
        for _ in range(EXPIRED_LISTS):
            try:
                return await self._list(self._page, progress)
            except PositionLost:
                continue
        # In one answer, as `kubectl` does then: slow, but it cannot expire.
        return await self._list(0, progress)

    async def _list(self, page: int, progress: Callable[[int], None]) -> ObjectList:
        """Return all objects. `page`: objects of one answer; 0: all in one."""
        items: list[Any] = []
        token = ""
        while True:
            params = [*self._selectors]
            if page:
                params.append(("limit", str(page)))
            if token:
                params.append(("continue", token))
            body = await self._client.get(self._path, params, self._projection.page)
            if not isinstance(body, dict) or not isinstance(body.get("items"), list):
                raise Refused(self._client.address, f"{self._path}: the answer is no list")
            for number, one in enumerate(body["items"], 1):
                if not number % OBJECTS_BETWEEN_YIELDS:
                    await asyncio.sleep(0)
                if isinstance(one, dict) and (item := self._read(one)) is not None:
                    items.append(item)
            progress(len(items))
            metadata = body.get("metadata") or {}
            token = metadata.get("continue") or ""
            if not token:
                return ObjectList(items, str(metadata.get("resourceVersion", "")))

    async def watch(self, version: str) -> AsyncGenerator[ObjectChange, None]:
        """Yield each change after a version, without end.

        A watch that ends or is cut goes on from its last version. Raises `PositionLost` once the
        server no longer has that version, or not yet: it was restored from a backup. Raises other
        `StoreError`s if no new watch can be opened.
        """
        while True:
            opened_at = self._clock()
            params = (
                *self._selectors,
                ("watch", "true"),
                ("allowWatchBookmarks", "true"),
                ("resourceVersion", version),
                # Spread, so that the watches of many dashboards do not end together.
                ("timeoutSeconds", str(round(self._watch_time * random.uniform(0.85, 1.0)))),
            )
            async with self._client.stream(self._path, params, self._longest_silence) as lines:
                try:
                    async for line in lines:
                        kind, item = self._parsed(line)
                        version = self._after(version, _version(item))
                        if kind == "BOOKMARK":
                            continue
                        if (read := self._read(item)) is not None:
                            yield ObjectChange(read, gone=kind == "DELETED")
                except Unreachable as error:
                    _log.info("watch of %s: %s", self._path, error)
            # Not at once if it is short-lived each time.
            if (early := PAUSE - (self._clock() - opened_at)) > 0:
                await self._sleep(early)
            # A watch from a version to come is silent until then.
            body = await self._client.get(self._path, (*self._selectors, ("limit", "1")))
            self._after(version, _version(body) if isinstance(body, dict) else "")

    def _after(self, before: str, version: str) -> str:
        """Return the later one of two versions. Empty: none. Raises `PositionLost` if they went
        back. They are numbers that can be compared (Kubernetes since 1.35, and before in fact)."""
        if version.isdecimal() and before.isdecimal() and int(version) < int(before):
            raise PositionLost("the server's versions went back")
        return version or before

    def _parsed(self, line: bytes) -> tuple[str, Object]:
        """Return an event's type and object. Raises `StoreError` for an `ERROR` event and for what
        is no event."""
        event = self._projection.event(line)
        if not isinstance(event, dict):
            raise Refused(self._client.address, "an event that is no JSON object")
        if event.get("type") == "ERROR":
            status = errors.event_status(event)
            raise errors.of_status(self._client.address, status, event.get("object"))
        item = event.get("object")
        if not isinstance(item, dict):
            raise Refused(self._client.address, "an event without an object")
        return str(event.get("type")), item


def _version(item: Object) -> str:
    metadata = item.get("metadata")
    version = metadata.get("resourceVersion") if isinstance(metadata, dict) else None
    return version if isinstance(version, str) else ""
