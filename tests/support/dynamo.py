"""Real Dynamo workers and clients for tests, over a real etcd, a file store or another plane.

    with EtcdServer() as etcd, DynamoWorker(etcd, loras=["acme/sql"]) as worker:
        with DynamoClient(etcd) as client:
            client.wait_for_instances({worker.instance_id})

Both run in processes of their own, so they can be killed (`kill`), stopped (`pause`, `resume`) and
ended in order (`terminate`). Their environment has no setting but the ones given here.
"""

from __future__ import annotations

import itertools
import json
import queue
import signal
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, ClassVar, Literal, Self
from urllib.error import HTTPError
from urllib.parse import unquote
from urllib.request import ProxyHandler, Request, build_opener

from tests.support.etcd_server import EtcdServer
from tests.support.nats_server import NatsServer
from tests.support.ports import LOOPBACK, free_ports
from tests.support.programs import ServerError, clean_environment
from tests.support.server_process import ServerProcess
from tests.support.waiting import wait_for

HERE = Path(__file__).parents[1] / "real"
DIRECTLY = build_opener(ProxyHandler({}))
"""Whatever proxy the machine has is not for loopback."""


class Plane(ABC):
    """A discovery plane of any other kind, as one process is led to it."""

    @abstractmethod
    def environment(self) -> dict[str, str]:
        """Return the settings, by Dynamo's names, that lead to it."""

    @abstractmethod
    def values(self) -> dict[str, bytes]:
        """Return every key under `v1/`, spelled as in etcd, with what it holds."""

    @abstractmethod
    def values_of(self, instance_id: str) -> dict[str, bytes]:
        """Return those of the process that is led there, whose instance id this is."""


Store = EtcdServer | Path
"""Where the discovery plane is: an etcd, or the root folder of a file store (DYN_FILE_KV)."""


def discovery_environment(store: Store | Plane) -> dict[str, str]:
    """The settings, by Dynamo's names, that lead to a store; they lead dyntop there too."""
    if isinstance(store, Plane):
        return store.environment()
    if isinstance(store, Path):
        return {"DYN_DISCOVERY_BACKEND": "file", "DYN_FILE_KV": str(store)}
    found = {"DYN_DISCOVERY_BACKEND": "etcd", "ETCD_ENDPOINTS": store.endpoint}
    if store.tls is not None:
        # Dynamo 1.6.1 uses TLS only when it has all three, and takes PEM text, not paths.
        found["ETCD_AUTH_CA"] = store.tls.ca.read_text()
        found["ETCD_AUTH_CLIENT_CERT"] = store.tls.client_cert.read_text()
        found["ETCD_AUTH_CLIENT_KEY"] = store.tls.client_key.read_text()
    return found


def registered_keys(store: Store | Plane) -> set[str]:
    """Every key under `v1/` of a store, spelled as in etcd."""
    if isinstance(store, EtcdServer):
        return {key.decode() for key in store.entries("v1/")}
    return {*(store.values() if isinstance(store, Plane) else files_of(store))}


def registered_values(store: Store | Plane) -> dict[str, bytes]:
    """Every key under `v1/` of a store with what it holds, byte for byte."""
    if isinstance(store, EtcdServer):
        return {key.decode(): entry.value for key, entry in store.entries("v1/").items()}
    if isinstance(store, Plane):
        return store.values()
    return {key: file.read_bytes() for key, file in files_of(store).items()}


def files_of(folder: Path) -> dict[str, Path]:
    """Every key of a file store with the file that holds it."""
    return {
        f"{file.parent.relative_to(folder).as_posix()}/{unquote(file.name)}": file
        for file in folder.glob("v1/*/*")
        if not file.name.startswith(".tmp")
    }


class DynamoProcess(ServerProcess):
    """A script with the real runtime in it, which speaks JSON lines on stdin and stdout."""

    script: ClassVar[str]
    piped = True

    def __init__(
        self, store: Store | Plane, arguments: Sequence[str], env: Mapping[str, str], timeout: float
    ) -> None:
        super().__init__(timeout=timeout)
        self.store = store
        self._arguments = [*arguments]
        self._env = dict(env)
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._numbers = itertools.count(1)
        self.hello: dict[str, Any] = {}
        """The line by which it said that it is ready."""

    def command(self) -> list[str]:
        # -P: without it the script's folder, with this very file, would come before the runtime.
        python = [sys.executable, "-P", str(HERE / self.script)]
        backend = discovery_environment(self.store)["DYN_DISCOVERY_BACKEND"]
        return [*python, "--discovery", backend, *self._arguments]

    def environment(self) -> dict[str, str]:
        # By itself the runtime takes the first address of the machine that is not loopback. Of ZMQ
        # publishers this is only the address they tell: they listen on all, whatever is set, which
        # is why workers publish over NATS here.
        loopback = {
            "DYN_TCP_RPC_HOST": LOOPBACK,
            "DYN_TCP_RESPONSE_STREAM_HOST": LOOPBACK,
            "DYN_EVENT_PLANE_HOST": LOOPBACK,
            "DYN_SYSTEM_HOST": LOOPBACK,
        }
        # Temporary files go where they are removed also after a kill, and nothing is downloaded
        # should a model's name be one that exists.
        own = {"TMPDIR": str(self.directory), "HF_HUB_OFFLINE": "1"}
        found = discovery_environment(self.store)
        return clean_environment(**(loopback | own | found | self._env))

    def launched(self) -> None:
        self.hello = {}
        self._lines = queue.SimpleQueue()
        assert self.process.stdout is not None
        # A thread, since a pipe of a process that hangs cannot be read with a deadline.
        reading = (self.process.stdout, self._lines)
        threading.Thread(target=self._read, args=reading, daemon=True).start()

    @staticmethod
    def _read(stdout: IO[bytes], lines: queue.SimpleQueue[bytes]) -> None:
        try:
            for line in stdout:
                lines.put(line)
        except ValueError:  # closed under this thread: the process is gone
            pass

    def is_ready(self) -> bool:
        if not self.hello:
            try:
                self.hello = json.loads(self._lines.get_nowait())
            except queue.Empty:
                return False
        return True

    def ask(self, cmd: str, **arguments: Any) -> dict[str, Any]:
        """Send a command and return its reply; a reply that is not ok is an error."""
        assert self.process.stdin is not None
        number = next(self._numbers)
        line = json.dumps({"id": number, "cmd": cmd, **arguments}) + "\n"
        reply: dict[str, Any] = {}
        try:
            self.process.stdin.write(line.encode())
            self.process.stdin.flush()
            # A reply that an earlier call gave up on may come first.
            while reply.get("id") != number:
                reply = json.loads(self._lines.get(timeout=self.timeout))
        except (queue.Empty, BrokenPipeError) as error:
            raise self.error(f"did not reply to {cmd!r}") from error
        if not reply["ok"]:
            raise ServerError(f"{self.name} refused {cmd!r}: {reply['error']}")
        return reply

    def terminate(self) -> None:
        """SIGTERM without waiting; `stop()` also waits."""
        self.process.send_signal(signal.SIGTERM)

    def wait_for_end(self) -> int:
        """Wait until it has ended by itself and return its exit status."""
        process = self.process
        wait_for(lambda: not self.running, f"end of {self.name}", self.timeout)
        return process.returncode


class DynamoWorker(DynamoProcess):
    """A worker with two endpoints, a base model, LoRA adapters and two event publishers.

    Publishers use a NATS server, which it starts for itself unless `nats` is given: those of the
    event plane `zmq` listen on all addresses of the machine, and only for who asks for that.
    `lease_ttl` is in seconds (etcd; Dynamo's own is 30); a short one makes a death visible soon.
    With `tokens` it answers requests as an engine does, which frontends want, with so many of them.
    `env` adds or overrides variables of its environment.
    """

    name = "dynamo-worker"
    script = "dynamo_worker.py"

    def __init__(
        self,
        store: Store | Plane,
        *,
        namespace: str = "prod",
        component: str = "backend",
        model: str = "acme/tiny-llm",
        loras: Sequence[str] = (),
        publishers: bool = True,
        request_plane: str = "tcp",
        event_plane: Literal["nats", "zmq"] = "nats",
        nats: NatsServer | None = None,
        lease_ttl: int | None = None,
        tokens: int = 0,
        env: Mapping[str, str] | None = None,
        timeout: float = 60.0,
    ) -> None:
        settings = {
            **({"ETCD_LEASE_TTL": str(lease_ttl)} if lease_ttl is not None else {}),
            **(env or {}),
        }
        names = ["--namespace", namespace, "--component", component, "--model", model]
        if not publishers and nats is None:
            event_plane = "zmq"  # which does nothing then, and needs no server
        planes = ["--request-plane", request_plane, "--event-plane", event_plane]
        adapters = [word for lora in loras for word in ("--lora", lora)]
        off = [] if publishers else ["--no-publishers"]
        answers = ["--tokens", str(tokens)] if tokens else []
        super().__init__(store, [*names, *planes, *adapters, *off, *answers], settings, timeout)
        own_nats = event_plane == "nats" and nats is None
        self._own_nats = NatsServer(timeout=timeout) if own_nats else None
        self._nats = nats or self._own_nats
        self.namespace = namespace
        self.component = component
        # Two endpoints, a base model, the adapters; two channels, and a source for one of them.
        self._key_count = 3 + len(loras) + (3 if publishers else 0)
        self._keys_before: set[str] = set()

    @property
    def instance_id(self) -> str:
        """Its id in lower-case hex without leading zeros, as keys have it; on etcd its lease."""
        instance_id: str = self.hello["instance_id"]
        return instance_id

    def start(self) -> Self:
        if self._own_nats is not None and not self._own_nats.running:
            self._own_nats.start()
        return super().start()

    def close(self) -> None:
        super().close()
        if self._own_nats is not None:
            self._own_nats.close()

    def environment(self) -> dict[str, str]:
        nats = {} if self._nats is None else {"NATS_SERVER": self._nats.url}
        return nats | super().environment()

    def launched(self) -> None:
        self._keys_before = registered_keys(self.store)
        super().launched()

    def is_ready(self) -> bool:
        # The runtime writes some keys after the call that registers them has returned. Keys of
        # publishers do not name the worker, so with a file store only their number can tell.
        return super().is_ready() and len(self.registered()) >= self._key_count

    def registered(self) -> set[str]:
        """Its keys: in etcd those on its lease; in a file store those that came since its start."""
        if isinstance(self.store, Path):
            return registered_keys(self.store) - self._keys_before
        if isinstance(self.store, Plane):
            return {*self.store.values_of(self.instance_id)}
        entries = self.store.entries("v1/")
        lease = int(self.instance_id, 16)
        return {key.decode() for key, entry in entries.items() if entry.lease == lease}

    def instance_key(self, endpoint: str = "generate") -> str:
        """The key of one of its endpoints, such as `v1/instances/prod/backend/generate/7d7b`."""
        return f"v1/instances/{self.namespace}/{self.component}/{endpoint}/{self.instance_id}"

    def load_lora(self, name: str) -> None:
        """Register one more adapter."""
        self.ask("load_lora", name=name)

    def unload_lora(self, name: str) -> None:
        """Unregister an adapter."""
        self.ask("unload_lora", name=name)

    def unregister_endpoint(self, name: str = "generate") -> None:
        """Let the worker take one of its endpoints out of discovery, as Dynamo does to drain."""
        self.ask("unregister_endpoint", name=name)

    def register_endpoint(self, name: str = "generate") -> None:
        """Let it put the endpoint back."""
        self.ask("register_endpoint", name=name)

    def publish(self) -> None:
        """Let it publish one KV event and one metrics event."""
        self.ask("publish")

    def publish_kv(
        self, stored: Sequence[Sequence[int]], removed: Sequence[Sequence[int]], times: int = 1
    ) -> None:
        """Let it publish a KV event for each list of block hashes; all of it so many times."""
        self.ask("publish_kv", stored=stored, removed=removed, times=times)


class DynamoClient(DynamoProcess):
    """A client of one endpoint: what it sees is what Dynamo would route to."""

    name = "dynamo-client"
    script = "dynamo_client.py"

    def __init__(
        self,
        store: Store | Plane,
        endpoint: str = "prod.backend.generate",
        *,
        env: Mapping[str, str] | None = None,
        timeout: float = 60.0,
    ) -> None:
        super().__init__(store, ["--endpoint", endpoint], env or {}, timeout)

    def instance_ids(self) -> set[str]:
        """The ids that it would route to now, in lower-case hex."""
        return set(self.ask("instance_ids")["instance_ids"])

    def instances(self) -> list[dict[str, Any]]:
        """The same with `name` and `transport` (`kind`, `address`)."""
        found: list[dict[str, Any]] = self.ask("instances")["instances"]
        return found

    def wait_for_instances(self, expected: set[str], timeout: float = 30.0) -> None:
        """Wait until it would route to exactly these."""
        wait_for(
            lambda: self.instance_ids() == expected,
            f"instances {expected} at a real client",
            timeout,
        )

    def generate(self, instance_id: str | None = None) -> list[dict[str, Any]]:
        """Make one request, to any instance or to the named one, and return the whole answer."""
        result: list[dict[str, Any]] = self.ask("generate", instance_id=instance_id)["result"]
        return result


def models_of(url: str) -> set[str]:
    """What a frontend says it serves."""
    with DIRECTLY.open(f"{url}/v1/models", timeout=60) as answer:
        return {model["id"] for model in json.load(answer)["data"]}


class DynamoFrontend(DynamoProcess):
    """A frontend: OpenAI's API over HTTP, in front of all workers that it discovers."""

    name = "dynamo-frontend"
    script = "dynamo_frontend.py"

    def __init__(
        self,
        store: Store | Plane,
        *,
        namespace: str | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 60.0,
    ) -> None:
        """`namespace`: it serves only the models of that one. None: of all."""
        (self.port,) = free_ports(1)
        only = [] if namespace is None else ["--namespace", namespace]
        super().__init__(store, ["--port", str(self.port), *only], env or {}, timeout)

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def is_ready(self) -> bool:
        return super().is_ready() and self._status("/live") is not None

    def models(self) -> set[str]:
        """What it says it serves."""
        return models_of(self.url)

    def complete(self, model: str, prompt: str = "hello") -> str:
        """Make one request and return the text that answers it, once all of it has come."""
        asked = json.dumps({"model": model, "prompt": prompt, "max_tokens": 16}).encode()
        request = Request(f"{self.url}/v1/completions", asked, {"Content-Type": "application/json"})
        with DIRECTLY.open(request, timeout=self.timeout) as answer:
            text: str = json.load(answer)["choices"][0]["text"]
        return text

    def _status(self, path: str) -> int | None:
        """What it answers with. None: nobody does yet."""
        try:
            with DIRECTLY.open(f"{self.url}{path}", timeout=self.timeout) as answer:
                status: int = answer.status
                return status
        except HTTPError as error:
            with error:
                return error.code
        except OSError:
            return None
