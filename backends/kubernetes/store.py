"""A `Store` on the objects that Dynamo's processes write to Kubernetes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing
from weakref import WeakValueDictionary

import msgspec

from backends.aio.steady import steady
from backends.kubernetes.client import KubeClient
from backends.kubernetes.config import KubernetesConfig
from backends.kubernetes.current_object import owner_path
from backends.kubernetes.delete import delete
from backends.kubernetes.label_acts import LabelActs
from backends.kubernetes.objects import Path
from backends.kubernetes.own_object import OwnObject
from backends.kubernetes.permissions import (
    ASK_AGAIN,
    PermissionReview,
    no_puts,
    read_only,
    server_version,
)
from backends.kubernetes.pods import KubePods
from backends.kubernetes.put_back import put_back
from backends.kubernetes.reader import Reader, Reading
from backends.kubernetes.watch import HEARTBEAT, follow, resync
from backends.store import (
    Entry,
    Lifetime,
    NoPuts,
    Outcome,
    PodLabels,
    PutBack,
    Removal,
    Resync,
    Revision,
    StoreError,
    StoreEvent,
    TimeToLive,
)
from backends.store.closing import ClosedAtExit
from backends.store.resync_loop import repeat_watch

CLOSE_LIMIT = 2.0
"""Seconds within which the server has to delete this process's own object at the end."""


class _Namespace(msgspec.Struct, frozen=True):
    """What is known once the configuration is read: which namespace, and so what asks of it."""

    name: str
    """Empty: all."""
    reader: Reader
    review: PermissionReview


class KubernetesStore(ClosedAtExit):
    """The `DynamoWorkerMetadata` objects of a namespace, or of all. The constructor does no I/O.

    An entry is one of an object's `spec.data`; its key is that of the other stores. `Entry.owner`
    has the object, its readiness and its pod. Every method raises only `StoreError`s. See `Store`.
    """

    name = "kubernetes"
    lifetime = Lifetime.OWNED
    past = None

    def __init__(
        self,
        config: KubernetesConfig,
        *,
        client: KubeClient | None = None,
        heartbeat: float = HEARTBEAT,
        ask_again: float = ASK_AGAIN,
        clock: Callable[[], float] = steady,
    ) -> None:
        """`heartbeat`: seconds between two heartbeats. `ask_again`: seconds for which this user's
        rights are taken for what they were. `clock`: seconds; it is never set."""
        self._clock = clock
        self._heartbeat = heartbeat
        self._ask_again = ask_again
        self._client = KubeClient(config) if client is None else client
        self.pods = KubePods(self._client)
        self._own = OwnObject(self._client)
        self.pod_labels: PodLabels | None = LabelActs(self._client)
        self._found: _Namespace | None = None
        self._writing: WeakValueDictionary[Path | None, asyncio.Lock] = WeakValueDictionary()
        """A lock for each object that is being written."""
        self._closed = False

    @property
    def address(self) -> str:
        """The context and the namespace; before the first call what the settings say of them."""
        return self._client.place

    async def locate(self) -> None:
        """Read the configuration, so that `address` is final. Raises `Misconfigured`."""
        await self._client.access()

    async def instance_id(self) -> int:
        """Return the id of this process's own object: a hash of its name. Writes nothing."""
        return self._own.instance_id

    async def snapshot(self, prefixes: Sequence[bytes]) -> Resync:
        return resync(await self._read(), tuple(prefixes))

    async def get(self, keys: Iterable[bytes]) -> dict[bytes, Entry]:
        wanted = set(keys)
        if not wanted:
            return {}
        # An entry's object does not follow from its key, so all are read.
        entries = (await self._read()).view.entries()
        return {entry.key: entry for entry in entries if entry.key in wanted}

    def watch(self, prefixes: Sequence[bytes]) -> AsyncGenerator[StoreEvent, None]:
        async def once() -> AsyncGenerator[StoreEvent, None]:
            found = await self._namespace()
            async with aclosing(
                follow(found.reader, found.review, prefixes, self._heartbeat, self._clock)
            ) as events:
                async for event in events:
                    yield event

        return repeat_watch(once, lambda: self._closed)

    async def put(self, key: bytes, value: bytes) -> Revision:
        """Write an entry of this process's own object. Raises `KeyNotAllowed` also for a value that
        is not JSON."""
        return await self._own.put(key, value, (await self._namespace()).name)

    async def delete(self, entries: Iterable[Entry]) -> dict[bytes, Outcome]:
        """Remove entries as `Store.delete`; see `delete.py`."""
        seen = list(entries)
        outcomes = await delete(self._client, seen)
        for entry in seen:
            own = entry.owner is not None and entry.owner.name == self._own.name
            if own and outcomes[entry.key] is Removal.REMOVED:
                self._own.forget(entry.plain_key)
        return outcomes

    async def put_back(self, entry: Entry) -> PutBack:
        """Put an entry back into its object, as `Store.put_back`. `POD_GONE`: its pod is gone."""
        # Else the entries of one object, put back at once, would be in each other's way.
        path = owner_path(entry)
        async with self._writing.setdefault(path, asyncio.Lock()):
            return await put_back(self._client, entry)

    async def no_puts(self) -> tuple[NoPuts, ...]:
        return no_puts(await (await self._namespace()).review.permissions())

    async def read_only(self) -> str:
        return read_only(await (await self._namespace()).review.permissions())

    async def server_version(self) -> str:
        return await server_version(self._client)

    async def time_to_live(self, entries: Iterable[Entry]) -> dict[bytes, TimeToLive]:
        """Return nothing: no entry has a time limit here."""
        return {}

    async def aclose(self) -> None:
        """End the connections. This process's own object is deleted."""
        self._closed = True
        with contextlib.suppress(StoreError, TimeoutError):
            async with asyncio.timeout(CLOSE_LIMIT):
                await self._own.remove()
        await self._client.aclose()

    async def _read(self) -> Reading:
        found = await self._namespace()
        return await found.reader.read((await found.review.permissions()).rights)

    async def _namespace(self) -> _Namespace:
        if self._found is None:
            name = (await self._client.access()).namespace
            review = PermissionReview(self._client, name, ask_again=self._ask_again)
            self._found = _Namespace(name, Reader(self._client, name), review)
        return self._found
