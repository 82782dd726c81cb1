"""A real Dynamo frontend: HTTP in front of all workers that it discovers. Run it as a script:

    python -P tests/real/dynamo_frontend.py --port 18000

(-P, since this folder's `dynamo.py` would otherwise hide the runtime's package of that name.)
The program `dynamo.frontend` is not in the runtime's wheel, and what it starts is: the service
with `/v1/models`, `/v1/completions` and `/metrics`.

stdout has one JSON line, `{"ready": true, "pid": 1}`, a moment before it listens. SIGTERM and the
end of stdin end it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
from typing import IO

from dynamo._core import (
    DistributedRuntime,
    EngineType,
    EntrypointArgs,
    RouterConfig,
    RouterMode,
    make_engine,
    run_input,
)


async def end_with_stdin(runtime: DistributedRuntime) -> None:
    """Whoever started this is gone when stdin ends."""
    lines = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    await lines.read()
    runtime.shutdown()


async def main(replies: IO[str]) -> None:
    """Serve until the runtime shuts down."""
    parser = argparse.ArgumentParser(description="A real Dynamo frontend for tests.")
    parser.add_argument("--discovery", choices=("etcd", "file", "kubernetes"), default="etcd")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--namespace", help="serve only the models of this namespace")
    options = parser.parse_args()

    loop = asyncio.get_running_loop()
    runtime = DistributedRuntime(loop, options.discovery, "tcp")
    loop.add_signal_handler(signal.SIGTERM, runtime.shutdown)
    arguments = EntrypointArgs(
        EngineType.Dynamic,
        http_host="127.0.0.1",
        http_port=options.port,
        namespace=options.namespace,
        router_config=RouterConfig(RouterMode.RoundRobin),
    )
    engine = await make_engine(runtime, arguments)
    print(json.dumps({"ready": True, "pid": os.getpid()}), file=replies, flush=True)
    ending = asyncio.create_task(end_with_stdin(runtime))
    await run_input(runtime, "http", engine)
    ending.cancel()


if __name__ == "__main__":
    # Whatever else prints, the runtime or a library, must not come between the replies.
    with os.fdopen(os.dup(1), "w") as own_stdout:
        os.dup2(2, 1)
        asyncio.run(main(own_stdout))
