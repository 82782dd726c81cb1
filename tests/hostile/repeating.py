"""A NATS server that repeats in its errors what it was told to connect."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tests.support.listening import listening
from tests.support.ports import LOOPBACK

INFO = {
    "server_id": "FAKE",
    "version": "2.15.0",
    "proto": 1,
    "headers": True,
    "max_payload": 1 << 20,
    "auth_required": True,
}

Words = Callable[[str, bytes], bytes]
"""What it sends: from what it repeats, and the reply subject (with its `sid`, as `MSG` has them) of
a call of JetStream."""


def permissions_violation(repeated: str, _: bytes) -> bytes:
    said = f"-ERR 'Permissions Violation for Publish to \"$JS.API.STREAM.LIST\" by {repeated}'\r\n"
    return said.encode()


def refused_call(repeated: str, reply: bytes) -> bytes:
    error = {"code": 400, "err_code": 10025, "description": f"no: {repeated} \x1b[2J"}
    body = json.dumps({"error": error}).encode()
    return b"MSG %s %d\r\n%s\r\n" % (reply, len(body), body)


@asynccontextmanager
async def repeating(words: Words, *more: str) -> AsyncIterator[str]:
    """Where such a server is, as `host:port`. `more` is repeated besides the credentials."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"INFO %s\r\n" % json.dumps(INFO).encode())
        repeated = " ".join(more)
        sids: dict[bytes, bytes] = {}
        while line := await reader.readline():
            command, *fields = line.split()
            if command == b"CONNECT":
                told = json.loads(line.partition(b" ")[2])
                names = ("user", "pass", "auth_token")
                repeated = " ".join([*(told[one] for one in names if told.get(one)), *more])
            elif command == b"PING":
                writer.write(b"PONG\r\n")
            elif command == b"SUB":
                sids[fields[0].rstrip(b"*")] = fields[-1]
            elif command in (b"PUB", b"HPUB"):
                await reader.readexactly(int(fields[-1]) + 2)
                if fields[0].startswith(b"$JS.API."):
                    sid = next(sid for inbox, sid in sids.items() if fields[1].startswith(inbox))
                    writer.write(words(repeated, fields[1] + b" " + sid))

    async with listening(serve) as port:
        yield f"{LOOPBACK}:{port}"
