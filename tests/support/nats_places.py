"""What the tests of the NATS store share: stores, plain clients, and a watch that is followed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

import nats
import nats.errors
from nats.aio.client import Client
from nats.js.kv import KeyValue

from backends.nats.config import NatsConfig
from backends.nats_kv.store import NatsStore
from tests.support.ports import LOOPBACK
from tests.support.watching import DEADLINE

KEY = b"v1/instances/prod/backend/generate/1a"
RELATIVE = "prod/backend/generate/1a"
BUCKET = "prod_v1_instances"
STREAM = f"KV_{BUCKET}"


class Opener(Protocol):
    def __call__(self, config: NatsConfig | None = None, **limits: float) -> NatsStore: ...


async def client_of(url: str, **options: Any) -> Client:
    """A plain client, let in at last where it was too slow at first: a server by itself ends the
    connection of whoever takes longer than 2 s to say who it is."""
    async with asyncio.timeout(DEADLINE):
        while True:
            try:
                return await nats.connect(
                    url, allow_reconnect=False, connect_timeout=int(DEADLINE), **options
                )
            except (OSError, nats.errors.Error) as error:
                if "authorization" in str(error).lower():
                    raise
                await asyncio.sleep(0.05)


@asynccontextmanager
async def connected(url: str, **options: Any) -> AsyncIterator[Client]:
    client = await client_of(url, **options)
    try:
        yield client
    finally:
        await client.close()


async def make_bucket(client: Client, name: str = BUCKET, **config: Any) -> KeyValue:
    """As a worker would, by a plain client."""
    return await client.jetstream().create_key_value(bucket=name, **config)


async def api(client: Client, call: str, **request: Any) -> dict[str, Any]:
    answer = await client.request(f"$JS.API.{call}", json.dumps(request).encode(), timeout=60)
    read: dict[str, Any] = json.loads(answer.data)
    assert "error" not in read, read
    return read


async def make_as_dynamo(
    client: Client, name: str = BUCKET, history: int = 1, **config: Any
) -> KeyValue:
    """Make a bucket as Dynamo's client and most others do. nats-py lets keys run out."""
    settings = {
        "name": f"KV_{name}",
        "subjects": [f"$KV.{name}.>"],
        "retention": "limits",
        "storage": "file",
        "discard": "new",
        "num_replicas": 1,
        "max_msgs_per_subject": history,
        "deny_delete": True,
        "allow_rollup_hdrs": True,
        "allow_direct": True,
    }
    await api(client, f"STREAM.CREATE.KV_{name}", **(settings | config))
    return await client.jetstream().key_value(name)


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
