"""What the tests of the NATS store share: stores, plain clients, and a watch that is followed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

import nats
from nats.aio.client import Client
from nats.js.kv import KeyValue

from backends.nats.config import NatsConfig
from backends.nats.store import NatsStore
from tests.servers import LOOPBACK

KEY = b"v1/instances/prod/backend/generate/1a"
RELATIVE = "prod/backend/generate/1a"
BUCKET = "prod_v1_instances"
STREAM = f"KV_{BUCKET}"


class Opener(Protocol):
    def __call__(self, config: NatsConfig | None = None) -> NatsStore: ...


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
