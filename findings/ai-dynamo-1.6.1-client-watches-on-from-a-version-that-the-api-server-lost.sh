#!/bin/sh
# ai-dynamo-runtime 1.6.1 (discovery backend kubernetes). Seen 2026-11-30.
#
# An API server that comes back without its data (a new etcd, an older backup) counts its versions anew.
# A client of Dynamo that was running then watches on from the version that it had, and does not list
# again. A kube-apiserver 1.37.2 does not refuse a watch from a version that it has not reached: it
# answers 200 and is silent, not 410. So the client never hears that its workers are gone, and goes on
# routing to them; a client that starts then is right. One would expect it to list again where its watch
# began with a lost connection, or once a watch ends in time without an event.
#
# The server here is a stand-in that answers as described; each watch ends after 2 s, so that the client
# begins many. That a real kube-apiserver 1.37.2 is silent, and misleads a client so for as long as it was
# watched (160 s, while its versions went past the client's), was seen apart from this: building one takes
# 20 minutes.
#
# Seen:
#     before: ['d4111850c12a9']
#     after 30 s on a server without data: ['d4111850c12a9'], watches begun, lists made: 0
#     a client that starts now: []
#
# Ends with 0 while that is so, with 1 once it is not.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" --quiet install --no-deps ai-dynamo-runtime==1.6.1 uvloop==0.23.0
cat >"$dir/client.py" <<'PYTHON'
import asyncio
import sys

from dynamo._core import DistributedRuntime


async def main():
    runtime = DistributedRuntime(asyncio.get_running_loop(), "kubernetes", "tcp", event_plane=None)
    client = await runtime.endpoint("prod.backend.generate").client()
    while True:
        print("ids", sorted(f"{one:x}" for one in client.instance_ids()), flush=True)
        await asyncio.sleep(0.2)


asyncio.run(main())
PYTHON
cat >"$dir/see.py" <<'PYTHON'
import json
import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

POD, ID = "prod-backend-worker-0", "d4111850c12a9"
OBJECT = {
    "apiVersion": "nvidia.com/v1alpha1",
    "kind": "DynamoWorkerMetadata",
    "metadata": {
        "name": POD,
        "namespace": "default",
        "uid": "object-1",
        "resourceVersion": "210",
        "ownerReferences": [
            {"apiVersion": "v1", "kind": "Pod", "name": POD, "uid": "pod-1", "controller": True}
        ],
    },
    "spec": {
        "data": {
            "endpoints": {
                f"prod/backend/generate/{ID}": {
                    "type": "Endpoint",
                    "namespace": "prod",
                    "component": "backend",
                    "endpoint": "generate",
                    "instance_id": int(ID, 16),
                    "transport": {"tcp": f"127.0.0.1:9/{ID}/prod/backend/generate"},
                }
            },
            "model_cards": {},
            "event_channels": {},
            "event_sources": {},
        }
    },
}
SLICE = {
    "apiVersion": "discovery.k8s.io/v1",
    "kind": "EndpointSlice",
    "metadata": {
        "name": "backend",
        "namespace": "default",
        "uid": "slice-1",
        "resourceVersion": "211",
        "labels": {"nvidia.com/dynamo-discovery-enabled": "true"},
    },
    "addressType": "IPv4",
    "endpoints": [
        {
            "addresses": ["10.0.0.7"],
            "conditions": {"ready": True},
            "targetRef": {"kind": "Pod", "namespace": "default", "name": POD, "uid": "pod-1"},
        }
    ],
    "ports": [],
}
KINDS = {
    "dynamoworkermetadatas": ("nvidia.com/v1alpha1", "DynamoWorkerMetadata", OBJECT),
    "endpointslices": ("discovery.k8s.io/v1", "EndpointSlice", SLICE),
}


class Server:
    def __init__(self):
        self.has_data = True
        self.lists = self.watches = 0


SEEN = Server()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        url = urlsplit(self.path)
        query = parse_qs(url.query)
        group, kind, one = KINDS[url.path.rpartition("/")[2]]
        if query.get("watch") == ["true"]:
            return self.watch()
        SEEN.lists += 1
        version = "212" if SEEN.has_data else "5"
        body = json.dumps(
            {
                "apiVersion": group,
                "kind": f"{kind}List",
                "metadata": {"resourceVersion": version},
                "items": [one] if SEEN.has_data else [],
            }
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def watch(self):
        """From whatever version: nothing happens, and it ends in time."""
        SEEN.watches += 1
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        time.sleep(2)
        self.wfile.write(b"0\r\n\r\n")


class Client:
    def __init__(self, folder):
        environment = {
            **os.environ,
            "DYN_DISCOVERY_BACKEND": "kubernetes",
            "KUBECONFIG": f"{folder}/kubeconfig",
            "POD_NAME": "prod-frontend-0",
            "POD_UID": "pod-9",
            "POD_NAMESPACE": "default",
        }
        self.ids = None
        self.process = subprocess.Popen(
            [sys.executable, "-P", f"{folder}/client.py"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            if line.startswith("ids "):
                self.ids = line.removeprefix("ids ").strip()

    def until_it_sees(self, ids, seconds=60):
        end = time.monotonic() + seconds
        while self.ids != ids and time.monotonic() < end:
            time.sleep(0.1)
        return self.ids


folder = Path(sys.argv[1])
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
(folder / "kubeconfig").write_text(
    json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "see",
            "clusters": [
                {"name": "see", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}
            ],
            "users": [{"name": "see", "user": {}}],
            "contexts": [{"name": "see", "context": {"cluster": "see", "user": "see"}}],
        }
    )
)
clients = [Client(folder)]
try:
    before = clients[0].until_it_sees(f"['{ID}']")
    print(f"before: {before}")
    SEEN.has_data, SEEN.lists, SEEN.watches = False, 0, 0
    time.sleep(30)
    after, lists, watches = clients[0].ids, SEEN.lists, SEEN.watches
    begun = "watches begun" if watches > 3 else f"only {watches} watches begun"
    print(f"after 30 s on a server without data: {after}, {begun}, lists made: {lists}")
    clients.append(Client(folder))
    late = clients[1].until_it_sees("[]")
    print(f"a client that starts now: {late}")
finally:
    for one in clients:
        one.process.kill()
        one.process.wait()
expected = (f"['{ID}']", f"['{ID}']", 0, "[]")
sys.exit(0 if (before, after, lists, late) == expected and watches > 3 else 1)
PYTHON
"$dir/venv/bin/python" "$dir/see.py" "$dir"
