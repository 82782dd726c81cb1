"""What the etcd tests share: following a watch, waiting for states, running things aside."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from backends.etcd import EtcdStore
from backends.etcd.rpc import Message
from backends.store import Delete, Entry, Lost, Put, Resync, StoreError, StoreEvent, Unreachable
from tests.servers import EtcdServer

DEADLINE = 30.0
"""Seconds within which an awaited state must come: generous, these machines are shared."""

QUICK = ("--heartbeat-interval=20", "--election-timeout=200")
"""A single member elects itself the sooner."""

V1 = (b"v1/",)

Opener = Callable[..., EtcdStore]

Spy = list[Message]
"""Requests, in the order in which they were made."""


class View:
    """Follows a watch the way a consumer must: a resync replaces, a change amends."""

    def __init__(self, events: AsyncIterator[StoreEvent]) -> None:
        self._events = events
        self.values: dict[bytes, bytes] = {}
        self.seen: list[StoreEvent] = []
        self.connected = False

    @property
    def lost(self) -> list[StoreError]:
        return [event.error for event in self.seen if isinstance(event, Lost)]

    @property
    def causes(self) -> list[object]:
        return [error.cause for error in self.lost if isinstance(error, Unreachable)]

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(DEADLINE):
            while not condition():
                self._take(await anext(self._events))

    async def until_event(self, kind: type[StoreEvent]) -> Any:
        start = len(self.seen)
        found: list[StoreEvent] = []

        def come() -> bool:
            found[:] = [event for event in self.seen[start:] if isinstance(event, kind)]
            return bool(found)

        await self.until(come)
        return found[0]

    def _take(self, event: StoreEvent) -> None:
        self.seen.append(event)
        match event:
            case Resync(entries=entries):
                self.values = {entry.key: entry.value for entry in entries}
                self.connected = True
            case Put(entry=Entry(key=key, value=value)):
                self.values[key] = value
            case Delete(key=key):
                del self.values[key]
            case Lost():
                self.connected = False


@asynccontextmanager
async def watching(store: EtcdStore, prefixes: tuple[bytes, ...] = V1) -> AsyncIterator[View]:
    events = store.watch(prefixes)
    try:
        yield View(events)
    finally:
        await events.aclose()


async def until(condition: Callable[[], Awaitable[object]]) -> None:
    """Ask again and again until the answer is true."""
    async with asyncio.timeout(DEADLINE):
        while not await condition():  # noqa: ASYNC110 - what is asked is elsewhere
            await asyncio.sleep(0.05)


def stored(server: EtcdServer, prefix: str = "v1/") -> dict[bytes, bytes]:
    """An independent reading: keys and values as etcdctl gives them."""
    return {key: entry.value for key, entry in server.entries(prefix).items()}


def switch_auth_on(server: EtcdServer, password: str = "secret") -> None:
    """Make a `root` user, and a user `joe` who may read and write below `v1/instances/` only."""
    for command in (
        f"user add root:{password}",
        "user grant-role root root",
        "role add some",
        "role grant-permission some readwrite v1/instances/ --prefix=true",
        f"user add joe:{password}",
        "user grant-role joe some",
        "auth enable",
    ):
        server.etcdctl(*command.split())
    server.client_flags = ["--user", f"root:{password}"]
