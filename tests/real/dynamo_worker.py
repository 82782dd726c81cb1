"""A real Dynamo worker, to be told on stdin what to do. Run it as a script, in an own process:

    python -P tests/real/dynamo_worker.py --namespace prod --component backend --lora acme/sql

(-P, since this folder's `dynamo.py` would otherwise hide the runtime's package of that name.)
It runs with the releases 1.0 to 1.6; with others than this environment's publishers are not tried.
It serves the endpoints `generate` and `clear_kv_blocks`, registers a base model and its LoRA
adapters, and opens one publisher of KV events and one of worker metrics. Where the discovery
plane is, Dynamo reads from the environment: ETCD_ENDPOINTS, DYN_FILE_KV.

stdout has JSON lines only. The first is `{"ready": true, "instance_id": "<hex>", "pid": 1}`, once
every registering call has returned; Dynamo writes some keys a moment later. Then one reply for
each line of stdin, `{"ok": true}` or `{"ok": false, "error": "..."}`, with the command's `id`:

    {"cmd": "load_lora", "name": "acme/sql"}            register one more adapter
    {"cmd": "unload_lora", "name": "acme/sql"}          unregister it
    {"cmd": "unregister_endpoint", "name": "generate"}  what a worker does to itself to drain
    {"cmd": "register_endpoint", "name": "generate"}    and to come back
    {"cmd": "publish"}                                  one KV event and one metrics event
    {"cmd": "publish_kv", "stored": [[1, 2]], "removed": [[1]], "times": 9}
                                                        KV events, each a list of block hashes; all
                                                        of it so many times
    {"cmd": "shutdown"}                                 the same as SIGTERM, and the end of stdin

SIGTERM asks the runtime to shut down, as Dynamo's own workers do.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import IO, Any

from dynamo import _core
from dynamo._core import (
    DistributedRuntime,
    Endpoint,
    KvEventPublisher,
    ModelInput,
    ModelType,
    WorkerMetricsPublisher,
    register_model,
    unregister_model,
)

ENDPOINTS = ("generate", "clear_kv_blocks")
BLOCK_SIZE = 16
"""Tokens in one block of the KV cache."""
TOKEN_SECONDS = 0.01
"""Until each token of an answer."""

# What the runtime wants to see before it believes in a model. The numbers mean nothing.
MODEL_FILES: dict[str, dict[str, Any]] = {
    "config.json": {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "max_position_embeddings": 2048,
        "vocab_size": 4,
        "bos_token_id": 0,
        "eos_token_id": 1,
    },
    "generation_config.json": {"eos_token_id": 1},
    "tokenizer_config.json": {"chat_template": "{{ messages }}", "eos_token": "</s>"},
    "tokenizer.json": {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": None,
        "decoder": None,
        "model": {
            "type": "WordLevel",
            "vocab": {"<s>": 0, "</s>": 1, "hello": 2, "<unk>": 3},
            "unk_token": "<unk>",
        },
    },
}


def write_model(folder: Path) -> None:
    """Make a folder that holds a model, as far as registering it goes."""
    for name, content in MODEL_FILES.items():
        (folder / name).write_text(json.dumps(content))


async def answer(request: Any, context: Any = None) -> AsyncIterator[dict[str, Any]]:
    """Serve a request: say who answered, and give the request back."""
    yield {"pid": os.getpid(), "request": request}


async def speak(request: Any, tokens: int) -> AsyncIterator[dict[str, Any]]:
    """Serve a request as an engine does: so many tokens, one by one."""
    for number in range(1, tokens + 1):
        await asyncio.sleep(TOKEN_SECONDS)
        yield {"token_ids": [2], **({"finish_reason": "stop"} if number == tokens else {})}


def make_runtime(
    loop: asyncio.AbstractEventLoop, options: argparse.Namespace
) -> DistributedRuntime:
    """Make the runtime, in whichever way this release does."""
    make: Any = DistributedRuntime
    planes = (options.discovery, options.request_plane)
    try:
        found: DistributedRuntime = make(loop, *planes, event_plane=options.event_plane)
    except TypeError:
        # Before that argument there was one for NATS, which is taken to be wanted.
        found = make(loop, *planes, options.event_plane == "nats")
    return found


def role_of_worker() -> dict[str, Any]:
    """Say that this worker does all of a request, where a release wants to know it."""
    types = getattr(_core, "WorkerType", None)
    return {} if types is None else {"worker_type": types.Aggregated}


class Worker:
    """One worker process: its endpoints, its model, its publishers."""

    def __init__(self, runtime: DistributedRuntime, options: argparse.Namespace) -> None:
        self.runtime = runtime
        self.options = options
        path = f"{options.namespace}.{options.component}"
        self.endpoints = {name: runtime.endpoint(f"{path}.{name}") for name in ENDPOINTS}
        self.kv_events: KvEventPublisher | None = None
        self.metrics: WorkerMetricsPublisher | None = None

    @property
    def generate(self) -> Endpoint:
        """The endpoint that the models and publishers belong to."""
        return self.endpoints["generate"]

    def serve(self) -> list[asyncio.Future[None]]:
        """Begin to serve; each future ends when the runtime has shut down."""
        handler = answer
        if tokens := self.options.tokens:

            def handler(request: Any, context: Any = None) -> AsyncIterator[dict[str, Any]]:
                return speak(request, tokens)

        return [asyncio.ensure_future(e.serve_endpoint(handler)) for e in self.endpoints.values()]

    async def register(self) -> None:
        """Register everything that the options ask for, besides the endpoints."""
        await self._register_card(None)
        for lora in self.options.lora:
            await self._register_card(lora)
        if self.options.publishers:
            self.metrics = WorkerMetricsPublisher()
            await self.metrics.create_endpoint(self.generate)
            self.kv_events = KvEventPublisher(self.generate, kv_block_size=BLOCK_SIZE)

    async def _register_card(self, lora: str | None) -> None:
        folder: str = self.options.model_dir
        # An adapter serves chat only; that it differs from its base is good in a test.
        surface = ModelType.Chat if lora else ModelType.Chat | ModelType.Completions
        await register_model(
            ModelInput.Tokens,
            surface,
            self.generate,
            folder,
            self.options.model,
            kv_cache_block_size=BLOCK_SIZE,
            lora_name=lora,
            base_model_path=folder if lora else None,
            **role_of_worker(),
        )

    async def obey(self, command: dict[str, Any]) -> None:
        """Do one command of stdin; what it raises becomes the reply."""
        match command:
            case {"cmd": "load_lora", "name": str(name)}:
                await self._register_card(name)
            case {"cmd": "unload_lora", "name": str(name)}:
                await unregister_model(self.generate, lora_name=name)
            case {"cmd": "unregister_endpoint", "name": str(name)}:
                await self.endpoints[name].unregister_endpoint_instance()
            case {"cmd": "register_endpoint", "name": str(name)}:
                await self.endpoints[name].register_endpoint_instance()
            case {"cmd": "publish"}:
                self._publish()
            case {"cmd": "publish_kv", "stored": list(stored), "removed": list(removed)}:
                for _ in range(command.get("times", 1)):
                    self._publish_kv(stored, removed)
            case {"cmd": "shutdown"}:
                self.runtime.shutdown()
            case _:
                raise ValueError(f"unknown command {command}")

    def _publish(self) -> None:
        if self.metrics is None or self.kv_events is None:
            raise ValueError("this worker was started without publishers")
        self.metrics.publish(dp_rank=0, kv_used_blocks=1)
        self.kv_events.publish_stored([2] * BLOCK_SIZE, [BLOCK_SIZE], block_hashes=[42])

    def _publish_kv(self, stored: list[list[int]], removed: list[list[int]]) -> None:
        if self.kv_events is None:
            raise ValueError("this worker was started without publishers")
        for hashes in stored:
            tokens, sizes = [2] * (BLOCK_SIZE * len(hashes)), [BLOCK_SIZE] * len(hashes)
            self.kv_events.publish_stored(tokens, sizes, hashes)
        for hashes in removed:
            self.kv_events.publish_removed(hashes)


async def listen(worker: Worker, replies: IO[str]) -> None:
    """Obey stdin until it ends, which is the end of whoever started this, and so of the worker."""
    lines = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        command = json.loads(line)
        reply = {"id": command.get("id"), "ok": True}
        try:
            await worker.obey(command)
        except Exception as error:  # whatever it is, the test shall see it
            reply |= {"ok": False, "error": repr(error)}
        print(json.dumps(reply), file=replies, flush=True)
    worker.runtime.shutdown()


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="A real Dynamo worker for tests.")
    parser.add_argument(
        "--discovery", choices=("etcd", "file", "kubernetes", "mem"), default="etcd"
    )
    parser.add_argument("--request-plane", choices=("tcp", "nats"), default="tcp")
    parser.add_argument("--event-plane", choices=("zmq", "nats"), default="zmq")
    parser.add_argument("--namespace", default="prod")
    parser.add_argument("--component", default="backend")
    parser.add_argument("--model", default="acme/tiny-llm", help="name that the model is served by")
    parser.add_argument("--lora", action="append", default=[], help="adapter; may be repeated")
    parser.add_argument("--tokens", type=int, default=0, help="of an answer; 0: it has none")
    parser.add_argument("--no-publishers", dest="publishers", action="store_false")
    return parser.parse_args(arguments)


async def main(options: argparse.Namespace, replies: IO[str]) -> None:
    """Register, report, obey, until the runtime shuts down."""
    loop = asyncio.get_running_loop()
    runtime = make_runtime(loop, options)
    loop.add_signal_handler(signal.SIGTERM, runtime.shutdown)
    worker = Worker(runtime, options)
    serving = worker.serve()
    await worker.register()
    instance_id = f"{worker.generate.connection_id():x}"
    ready = {"ready": True, "instance_id": instance_id, "pid": os.getpid()}
    print(json.dumps(ready), file=replies, flush=True)
    listening = asyncio.create_task(listen(worker, replies))
    await asyncio.gather(*serving)
    listening.cancel()


if __name__ == "__main__":
    # Whatever else prints, the runtime or a library, must not come between the replies.
    with os.fdopen(os.dup(1), "w") as own_stdout:
        os.dup2(2, 1)
        given = parse()
        with tempfile.TemporaryDirectory(prefix="dyntop-model-") as given.model_dir:
            write_model(Path(given.model_dir))
            asyncio.run(main(given, own_stdout))
