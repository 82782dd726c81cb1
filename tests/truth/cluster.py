"""Whole Dynamo clusters: real frontends and mock engines of the package `ai-dynamo` on a store.

    with cluster_on("etcd") as cluster:
        one, two = cluster.worker(), cluster.worker()
        frontend = cluster.frontend()
        two.kill()

They run from an environment of their own, which `make cluster` fills: with its dependencies the
package does not install beside the tests. All of a cluster runs in a network of its own where that
is allowed, else on loopback with its events on NATS. It ends with its `with` block.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from enum import Enum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar, Literal, TypeVar

from tests.real.dynamo_worker import MODEL_FILES
from tests.support.dynamo import (
    DIRECTLY,
    DynamoWorker,
    Plane,
    Store,
    discovery_environment,
    files_of,
    registered_keys,
)
from tests.support.etcd_places import QUICK
from tests.support.etcd_server import EtcdServer
from tests.support.namespace import NotAllowed, own_network
from tests.support.nats_server import NatsServer
from tests.support.ports import LOOPBACK
from tests.support.programs import clean_environment
from tests.support.server_process import ServerProcess
from tests.support.waiting import wait_for

ENVIRONMENT = Path(sys.prefix, "cluster")
"""Where `make cluster` installs the package."""
MODEL = "acme/tiny-llm"
NAMESPACE = "prod"
COMPONENT = "backend"
LEASE_TTL = 10
"""Seconds of a lease on etcd. Dynamo's own is 30 s, and every death would wait for its end."""
TEMPLATE = "{% for message in messages %}{{ message.content }} {% endfor %}"

StoreKind = Literal["etcd", "file"]
Started = TypeVar("Started", bound=ServerProcess)


class Role(Enum):
    """The part of a request that a worker does, by the mocker's names."""

    AGGREGATED = "agg"
    PREFILL = "prefill"
    DECODE = "decode"


KEYS = {Role.AGGREGATED: 8, Role.PREFILL: 7, Role.DECODE: 5}
"""Keys that a worker of 1.6.1 registers, by its role."""
KEYS_OF_A_RANK = {Role.AGGREGATED: 3, Role.PREFILL: 3, Role.DECODE: 0}
"""More, for each further data-parallel rank: a channel of KV events, its source, its endpoint."""


def installed() -> bool:
    """Whether `make cluster` has been run for this environment."""
    return (ENVIRONMENT / ".installed").exists()


def write_model(folder: Path) -> None:
    """Make a model that mock engines register and that frontends tokenize for."""
    for name, content in MODEL_FILES.items():
        chat = {"chat_template": TEMPLATE} if name == "tokenizer_config.json" else {}
        (folder / name).write_text(json.dumps(content | chat))


class ClusterProcess(ServerProcess):
    """A program of the package, on a store, that serves on loopback."""

    module: ClassVar[str]

    def __init__(
        self, store: Store | Plane, arguments: Sequence[str], env: Mapping[str, str]
    ) -> None:
        super().__init__(timeout=90)
        self.store = store
        self._arguments = [*arguments]
        self._env = dict(env)

    def command(self) -> list[str]:
        python = str(ENVIRONMENT / "bin" / "python")
        return [python, "-m", self.module, *self._arguments]

    def environment(self) -> dict[str, str]:
        settings = {
            "DYN_TCP_RPC_HOST": LOOPBACK,
            "DYN_TCP_RESPONSE_STREAM_HOST": LOOPBACK,
            "DYN_EVENT_PLANE_HOST": LOOPBACK,
            "ETCD_LEASE_TTL": str(LEASE_TTL),
            "TMPDIR": str(self.directory),
            "HF_HUB_OFFLINE": "1",
            # Not a line for each request, nor a thread for each core.
            "DYN_LOG": "error",
            "DYN_RUNTIME_NUM_WORKER_THREADS": "2",
        }
        return clean_environment(**(settings | discovery_environment(self.store) | self._env))

    def wait_for_end(self) -> None:
        """Wait until it has ended by itself."""
        wait_for(lambda: not self.running, f"the end of {self.name}", self.timeout)


class Worker(ClusterProcess):
    """A mock engine: one process, one instance id, one card.

    It is ready once all its keys stand in the store: start workers one after another.
    """

    name = "mocker"
    module = "dynamo.mocker"

    def __init__(
        self,
        store: Store,
        model_files: Path,
        *,
        namespace: str = NAMESPACE,
        component: str = COMPONENT,
        model: str = MODEL,
        role: Role = Role.AGGREGATED,
        ranks: int = 1,
        options: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.place = f"{namespace}/{component}/generate"
        defaults = {
            "--model-path": str(model_files),
            "--model-name": model,
            "--endpoint": "dyn://" + self.place.replace("/", "."),
            "--disaggregation-mode": role.value,
            "--data-parallel-size": str(ranks),
            # Without delays between tokens: the question is who answers, not how fast.
            "--speedup-ratio": "0",
            "--num-gpu-blocks-override": "512",
            # Otherwise it computes them, with the package `transformers`.
            "--kv-bytes-per-token": "1024",
        }
        words = [word for pair in defaults.items() for word in pair]
        super().__init__(store, [*words, *options], env or {})
        self.instance_id = ""
        """In lower-case hex, as keys have it; on etcd its lease. Empty: not registered yet."""
        self.keys: frozenset[str] = frozenset()
        """All that it has registered by the time it is ready."""
        self._key_count = KEYS[role] + KEYS_OF_A_RANK[role] * (ranks - 1)
        self._ids_before: set[str] = set()
        self._keys_before: frozenset[str] = frozenset()

    def launched(self) -> None:
        self._keys_before = frozenset(registered_keys(self.store))
        self._ids_before = self._ids()
        self.instance_id, self.keys = "", frozenset()
        super().launched()

    def is_ready(self) -> bool:
        new = self._ids() - self._ids_before
        if len(new) == 1:
            (self.instance_id,) = new
            self.keys = frozenset(registered_keys(self.store)) - self._keys_before
        return len(self.keys) >= self._key_count

    @property
    def instance_key(self) -> str:
        """The key of the endpoint that requests come to."""
        return f"v1/instances/{self.place}/{self.instance_id}"

    @property
    def card_key(self) -> str:
        return f"v1/mdc/{self.place}/{self.instance_id}"

    def _ids(self) -> set[str]:
        """Of all workers that are registered where this one is."""
        before = f"v1/instances/{self.place}/"
        keys = registered_keys(self.store)
        return {key.removeprefix(before) for key in keys if key.startswith(before)}


class Frontend(ClusterProcess):
    """OpenAI's API over HTTP, in front of the workers that it discovers."""

    name = "frontend"
    module = "dynamo.frontend"
    port_count = 1

    def __init__(
        self,
        store: Store | Plane,
        *,
        namespace: str | None = None,
        options: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
    ) -> None:
        looking = ["--namespace", namespace] if namespace is not None else []
        super().__init__(store, [*looking, *options], env or {})
        self.namespace = namespace
        """The only one whose workers it takes. None: those of all."""

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{LOOPBACK}:{self.ports[0]}"

    def command(self) -> list[str]:
        return [*super().command(), "--http-host", LOOPBACK, "--http-port", str(self.ports[0])]

    def is_ready(self) -> bool:
        try:
            with DIRECTLY.open(f"{self.url}/live", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def in_flight(self) -> int:
        """How many requests it has not answered yet."""
        with DIRECTLY.open(f"{self.url}/metrics", timeout=self.timeout) as answer:
            text: str = answer.read().decode()
        name = "dynamo_frontend_inflight_requests{"
        lines = (line for line in text.splitlines() if line.startswith(name))
        return sum(int(float(line.rpartition(" ")[2])) for line in lines)


class Cluster:
    """The processes on one store: what it starts ends with it."""

    def __init__(self, store: Store, model_files: Path, stack: ExitStack, events: str) -> None:
        self.store = store
        self.model_files = model_files
        self._stack = stack
        self.events = events
        """The event plane of what starts from now on. With `zmq`, publishers listen on all
        addresses that there are."""
        self.env: dict[str, str] = {}
        """More settings of what starts from now on."""

    @property
    def etcd(self) -> EtcdServer:
        """The store, where it is an etcd."""
        assert isinstance(self.store, EtcdServer)
        return self.store

    def start_nats(self) -> NatsServer:
        """Start a NATS server, for the processes that start after it."""
        server = self._stack.enter_context(NatsServer())
        self.env["NATS_SERVER"] = server.url
        return server

    def worker(
        self,
        *,
        namespace: str = NAMESPACE,
        component: str = COMPONENT,
        model: str = MODEL,
        role: Role = Role.AGGREGATED,
        ranks: int = 1,
        options: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
    ) -> Worker:
        """Start a mock engine."""
        worker = Worker(
            self.store,
            self.model_files,
            namespace=namespace,
            component=component,
            model=model,
            role=role,
            ranks=ranks,
            options=["--event-plane", self.events, *options],
            env=self.env | dict(env or {}),
        )
        return self._start(worker)

    def adapting_worker(self, *adapters: str) -> DynamoWorker:
        """Start a worker with LoRA adapters: the runtime itself, since mock engines have none."""
        worker = DynamoWorker(
            self.store, publishers=False, loras=adapters, tokens=4, lease_ttl=LEASE_TTL
        )
        return self._start(worker)

    def frontend(self, *, namespace: str | None = None, options: Sequence[str] = ()) -> Frontend:
        """Start a frontend."""
        frontend = Frontend(
            self.store,
            namespace=namespace,
            options=["--event-plane", self.events, *options],
            env=self.env,
        )
        return self._start(frontend)

    def remove(self, key: str) -> bytes:
        """Take a key away, as a person or a script does, and return what it held."""
        if isinstance(self.store, EtcdServer):
            value = self.store.entries(key)[key.encode()].value
            self.store.etcdctl("del", key)
            return value
        file = files_of(self.store)[key]
        value = file.read_bytes()
        file.unlink()
        return value

    def _start(self, process: Started) -> Started:
        self._stack.enter_context(process)
        return process


@contextmanager
def cluster_on(kind: StoreKind, etcd: EtcdServer | None = None) -> Iterator[Cluster]:
    """An empty cluster. `etcd`: one to start and use, instead of one of its own."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="dyntop-cluster-")))
        try:
            stack.enter_context(own_network())
            events = "zmq"
        except NotAllowed:
            events = "nats"
        if kind == "etcd":
            store: Store = stack.enter_context(etcd or EtcdServer(*QUICK))
        else:
            store = folder / "kv"
        model_files = folder / "model"
        model_files.mkdir()
        write_model(model_files)
        cluster = Cluster(store, model_files, stack, events)
        if events == "nats":
            cluster.start_nats()
        yield cluster
