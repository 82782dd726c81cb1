"""A real Dynamo client, to be asked on stdin what it sees. Run it as a script, in an own process:

    python -P tests/real/dynamo_client.py --endpoint prod.backend.generate

(-P, since this folder's `dynamo.py` would otherwise hide the runtime's package of that name.)
stdout has JSON lines only: `{"ready": true, "pid": 1}` first, then one reply for each line of
stdin with the command's `id`, `"ok": true` and what is named here, or `"ok": false` and `"error"`:

    {"cmd": "instance_ids"}   "instance_ids": what it would route to, lower-case hex, sorted
    {"cmd": "instances"}      "instances": the same with their transports
    {"cmd": "generate"}       "result": the answer of any instance, or of `"instance_id": "<hex>"`

It ends with its stdin.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from typing import IO, Any

from dynamo._core import Client, DistributedRuntime


async def generate(client: Client, instance_id: str | None) -> list[Any]:
    """Make one request and collect the stream that answers it."""
    request = {"token_ids": [2]}
    if instance_id is None:
        stream = await client.round_robin(request, annotated=False)
    else:
        stream = await client.direct(request, int(instance_id, 16), annotated=False)
    return [item async for item in stream]


async def obey(client: Client, command: dict[str, Any]) -> dict[str, Any]:
    """Do one command of stdin and return what its reply adds."""
    match command:
        case {"cmd": "instance_ids"}:
            return {"instance_ids": sorted(f"{number:x}" for number in client.instance_ids())}
        case {"cmd": "instances"}:
            return {
                "instances": [
                    {
                        "name": f"{seen.namespace}/{seen.component}/{seen.endpoint}",
                        "instance_id": f"{seen.instance_id:x}",
                        "transport": {
                            "kind": seen.transport.kind,
                            "address": seen.transport.address,
                        },
                    }
                    for seen in client.instances()
                ]
            }
        case {"cmd": "generate"}:
            return {"result": await generate(client, command.get("instance_id"))}
        case _:
            raise ValueError(f"unknown command {command}")


def make_runtime(loop: asyncio.AbstractEventLoop, *planes: str) -> DistributedRuntime:
    """Make the runtime, in whichever way this release does."""
    make: Any = DistributedRuntime
    try:
        found: DistributedRuntime = make(loop, *planes, event_plane=None)
    except TypeError:
        # Before that argument there was one for NATS, which is taken to be wanted.
        found = make(loop, *planes, False)
    return found


async def main(replies: IO[str]) -> None:
    """Connect, report, obey, until stdin ends."""
    parser = argparse.ArgumentParser(description="A real Dynamo client for tests.")
    parser.add_argument(
        "--discovery", choices=("etcd", "file", "kubernetes", "mem"), default="etcd"
    )
    parser.add_argument("--request-plane", choices=("tcp", "nats"), default="tcp")
    parser.add_argument("--endpoint", required=True, help="namespace.component.endpoint")
    options = parser.parse_args()

    loop = asyncio.get_running_loop()
    runtime = make_runtime(loop, options.discovery, options.request_plane)
    client = await runtime.endpoint(options.endpoint).client()
    print(json.dumps({"ready": True, "pid": os.getpid()}), file=replies, flush=True)

    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        command = json.loads(line)
        reply = {"id": command.get("id"), "ok": True}
        try:
            reply |= await obey(client, command)
        except Exception as error:  # whatever it is, the test shall see it
            reply |= {"ok": False, "error": repr(error)}
        print(json.dumps(reply), file=replies, flush=True)
    runtime.shutdown()


if __name__ == "__main__":
    # Whatever else prints, the runtime or a library, must not come between the replies.
    with os.fdopen(os.dup(1), "w") as own_stdout:
        os.dup2(2, 1)
        asyncio.run(main(own_stdout))
