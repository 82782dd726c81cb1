"""What the tests of the NATS store share: stores, plain clients, and a watch that is followed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any, Protocol

import nats
from nats.aio.client import Client
from nats.js.kv import KeyValue

from backends.nats.config import NatsConfig
from backends.nats.store import NatsStore
from backends.store import Delete, Entry, Lost, Put, Resync, Store, StoreEvent
from tests.servers import LOOPBACK

ALL = (b"v1/",)
KEY = b"v1/instances/prod/backend/generate/1a"
RELATIVE = "prod/backend/generate/1a"
BUCKET = "prod_v1_instances"
STREAM = f"KV_{BUCKET}"
DEADLINE = 30.0
"""Seconds within which an awaited state must come: generous, these machines are shared."""


class Opener(Protocol):
    def __call__(self, config: NatsConfig | None = None) -> NatsStore: ...


class View:
    """Follows a watch the way a consumer must: a resync replaces, a change amends."""

    def __init__(self, events: AsyncIterator[StoreEvent]) -> None:
        self._events = events
        self.entries: dict[bytes, Entry] = {}
        self.seen: list[StoreEvent] = []

    @property
    def resyncs(self) -> int:
        return sum(isinstance(event, Resync) for event in self.seen)

    @property
    def losses(self) -> list[Lost]:
        return [event for event in self.seen if isinstance(event, Lost)]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE):
            while not condition():
                self._take(await anext(self._events))

    async def until_event(self, kind: type[StoreEvent]) -> None:
        start = len(self.seen)
        await self.until(lambda: any(isinstance(event, kind) for event in self.seen[start:]))

    def _take(self, event: StoreEvent) -> None:
        self.seen.append(event)
        match event:
            case Resync(entries=entries):
                self.entries = {entry.key: entry for entry in entries}
            case Put(entry=entry):
                self.entries[entry.key] = entry
            case Delete(key=key):
                # Nothing is told to be gone that was not told to be there.
                del self.entries[key]


@asynccontextmanager
async def watching(store: Store, prefixes: tuple[bytes, ...] = ALL) -> AsyncIterator[View]:
    async with aclosing(store.watch(prefixes)) as events:
        view = View(events)
        yield view


@asynccontextmanager
async def connected(url: str, **options: Any) -> AsyncIterator[Client]:
    client = await nats.connect(url, allow_reconnect=False, **options)
    try:
        yield client
    finally:
        await client.close()


async def make_bucket(client: Client, name: str = BUCKET, **config: Any) -> KeyValue:
    """As a worker would, by a plain client."""
    return await client.jetstream().create_key_value(bucket=name, **config)


async def api(client: Client, call: str, **request: Any) -> dict[str, Any]:
    answer = await client.request(f"$JS.API.{call}", json.dumps(request).encode(), timeout=5)
    read: dict[str, Any] = json.loads(answer.data)
    assert "error" not in read, read
    return read


async def publish_raw(port: int, *subjects: bytes, headers: bytes = b"") -> None:
    """Publish as no client library would."""
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    try:
        await reader.readline()
        writer.write(b'CONNECT {"verbose":false,"headers":true}\r\n')
        for subject in subjects:
            if headers:
                sizes = b"%d %d" % (len(headers), len(headers) + 2)
                writer.write(b"HPUB %s %s\r\n%s{}\r\n" % (subject, sizes, headers))
            else:
                writer.write(b"PUB %s 2\r\n{}\r\n" % subject)
        writer.write(b"PING\r\n")
        assert await reader.readline() == b"PONG\r\n"
    finally:
        writer.close()
        await writer.wait_closed()
