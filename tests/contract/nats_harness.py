"""A NATS server behind a forwarder on loopback; changes behind its back are a plain client's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import nats
from nats.aio.client import Client
from nats.js.errors import BucketNotFoundError
from nats.js.kv import KeyValue

from backends.nats.config import NatsConfig
from backends.nats_kv.store import NatsStore
from tests.support.forwarders import Forwarder
from tests.support.nats_places import make_as_dynamo
from tests.support.nats_server import NatsServer
from tests.support.ports import LOOPBACK


class NatsHarness:
    counts_again = True
    keeps_bytes = True
    shares_keys = True
    server: NatsServer
    """Given before the start, since it is shared."""

    def __init__(self, folder: Path) -> None:
        self._backup = folder / "backup"

    async def start(self) -> None:
        async with self._client() as client:
            stream = client.jetstream()
            for info in await stream.streams_info():
                assert info.config.name is not None
                await stream.delete_stream(info.config.name)
        self.forwarder = Forwarder(self.server.ports[0])
        await self.forwarder.open()

    def open(self) -> NatsStore:
        return NatsStore(NatsConfig(servers=(f"nats://{LOOPBACK}:{self.forwarder.port}",)))

    async def break_off(self) -> None:
        await self.forwarder.cut()

    async def mend(self) -> None:
        await self.forwarder.open()

    async def put_while_broken(self, key: bytes, value: bytes) -> None:
        await self.put_by_a_worker(key, value)

    async def delete_while_broken(self, key: bytes) -> None:
        async with self._client() as client:
            bucket, relative = await _bucket(client, key)
            await bucket.delete(relative)

    async def put_by_a_worker(self, key: bytes, value: bytes) -> None:
        async with self._client() as client:
            bucket, relative = await _bucket(client, key)
            await bucket.put(relative, value)

    async def end_the_worker(self) -> None:
        raise NotImplementedError("there are no leases here")

    async def back_up(self) -> None:
        # Not in a thread, with which the server would end: it is there for other tests, too.
        self.server.save(self._backup)

    async def restore(self) -> None:
        await self.forwarder.cut()
        self.server.restore(self._backup)
        await self.forwarder.open()

    async def keep_past(self, key: bytes) -> None:
        async with self._client() as client:
            await make_as_dynamo(client, _bucket_of(key)[0], history=64)

    async def forget_past(self, key: bytes) -> None:
        async with self._client() as client:
            stream = client.jetstream()
            settings = (await stream.stream_info(f"KV_{_bucket_of(key)[0]}")).config
            await stream.update_stream(replace(settings, max_msgs_per_subject=1))

    async def stop(self) -> None:
        await self.forwarder.cut()

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[Client]:
        client = await nats.connect(self.server.url, allow_reconnect=False)
        try:
            yield client
        finally:
            await client.close()


async def _bucket(client: Client, key: bytes) -> tuple[KeyValue, str]:
    """The bucket that Dynamo would keep a key in, and the key in it."""
    bucket, relative = _bucket_of(key)
    stream = client.jetstream()
    try:
        return await stream.key_value(bucket), relative
    except BucketNotFoundError:
        return await stream.create_key_value(bucket=bucket), relative


def _bucket_of(key: bytes) -> tuple[str, str]:
    """The name of that bucket, and the key in it."""
    version, name, relative = key.decode().split("/", 2)
    return f"{relative.partition('/')[0]}_{version}_{name}", relative
