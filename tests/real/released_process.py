"""A worker or a client of any Dynamo release since 0.6, in a process of its own. Run as a script:

    PYTHONPATH=.venv/releases/0.6.1 python -P tests/real/released_process.py worker

(-P, since this folder's `dynamo.py` would otherwise hide the runtime's package of that name.)
Both speak of the endpoint `prod.backend.generate`, over NATS. stdout has JSON lines only: first
`{"ready": true, "instance_id": "<hex>"}`, which of a client is null, then one reply for each line
of stdin with the command's `id`, and `"ok": false` and `"error"` if it could not be done:

    {"cmd": "call", "times": 3}   a client makes requests, one after another; "answers": how many
    {"cmd": "fail", "times": 3}   likewise, such that the worker's own code raises; "errors"

It ends with its stdin.
"""

from __future__ import annotations

import argparse
import asyncio
import inspect
import json
import os
import sys
from collections.abc import AsyncIterator
from typing import IO, Any

from dynamo._core import DistributedRuntime

NAMES = ("prod", "backend", "generate")


async def endpoint_of(loop: asyncio.AbstractEventLoop, plane: str) -> tuple[Any, Any]:
    """The runtime and the endpoint, in whichever way this release makes them."""
    make_runtime: Any = DistributedRuntime
    try:
        runtime = make_runtime(loop, "etcd", plane)
    except TypeError:
        # 0.6 knows one kind of discovery and one request plane: etcd and NATS.
        runtime = make_runtime(loop, False)
    if not hasattr(runtime, "namespace"):
        return runtime, runtime.endpoint(".".join(NAMES))
    namespace, component, endpoint = NAMES
    found = runtime.namespace(namespace).component(component)
    return runtime, found.endpoint(endpoint)


async def id_of(endpoint: Any) -> int:
    """The worker's instance id."""
    number = endpoint.lease_id() if hasattr(endpoint, "lease_id") else endpoint.connection_id()
    found: int = await number if inspect.isawaitable(number) else number
    return found


async def answer(request: Any, context: Any = None) -> AsyncIterator[dict[str, Any]]:
    """Serve a request, or fail where it asks for that."""
    if request["fail"]:
        raise ValueError("asked to fail")
    yield {"pid": os.getpid()}


async def obey(client: Any, command: dict[str, Any]) -> dict[str, Any]:
    """Do one command of stdin and return what its reply adds."""
    answers = errors = 0
    for _ in range(command["times"]):
        try:
            request = {"fail": command["cmd"] == "fail"}
            stream = await client.round_robin(request, annotated=False)
            answers += len([item async for item in stream])
        except Exception:
            errors += 1
    return {"answers": answers, "errors": errors}


async def main(role: str, plane: str, replies: IO[str]) -> None:
    """Register or connect, report, obey, until stdin ends."""
    loop = asyncio.get_running_loop()
    runtime, endpoint = await endpoint_of(loop, plane)
    client = instance_id = serving = None
    if role == "worker":
        if hasattr(runtime, "namespace"):
            await runtime.namespace(NAMES[0]).component(NAMES[1]).create_service()
        serving = asyncio.ensure_future(endpoint.serve_endpoint(answer))
        instance_id = f"{await id_of(endpoint):x}"
    else:
        client = await endpoint.client()
        await client.wait_for_instances()
    ready = {"ready": True, "instance_id": instance_id}
    print(json.dumps(ready), file=replies, flush=True)

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
    if serving is not None:
        serving.cancel()
    # The end of a runtime whose interpreter ends too crashes in 0.6.1.
    os._exit(0)


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="A worker or client of any release, for tests.")
    parser.add_argument("role", choices=("worker", "client"))
    parser.add_argument("--discovery", choices=("etcd",), default="etcd")
    parser.add_argument("--request-plane", choices=("tcp", "nats"), default="nats")
    return parser.parse_args()


if __name__ == "__main__":
    # Whatever else prints, the runtime or a library, must not come between the replies.
    with os.fdopen(os.dup(1), "w") as own_stdout:
        os.dup2(2, 1)
        given = parse()
        asyncio.run(main(given.role, given.request_plane, own_stdout))
