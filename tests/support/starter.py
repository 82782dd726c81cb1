"""Commands that start fast: each is a process of its own, forked from one that imported everything.

Python's start and dyntop's imports are most of what a short command takes, and half of what a
dashboard at a terminal does. The tests run some hundreds. `Starter` is the side of the tests; run
as a program this module is the process that they are forked from. A command differs from one that
was started anew in what is imported already, and in nothing else: it has its own arguments,
environment, folder, output and end. One that runs on (`fork`) is a child of the tests' process.

Commands whose environment bears on Python itself, or that a test puts into another network or gives
fewer rights than the tests began with, are started anew: `can_start`.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import gc
import importlib
import json
import os
import pkgutil
import resource
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

from tests.support.server_process import ServerProcess

OURS = (
    *("DYN_", "DYNTOP_", "ETCD_", "NATS_", "KUBE", "XDG_", "HOME"),
    *("TERM", "COLORTERM", "COLUMNS", "LINES", "PYTEST_"),
)
"""Names with these beginnings are read by a command itself each time that it runs, or by nobody.
COLUMNS and LINES come from readline, in all that pytest starts."""
MOST_TOLD = 1 << 20
"""Bytes that tell what to start."""
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
DRAWING = "--drawing"


class Leads(Enum):
    """What a command leads."""

    NONE = "none"
    """Nothing: it is in the session of the process that it is forked from."""
    OWN = "own"
    """A session of its own."""
    AT_TERMINAL = "at terminal"
    """A session of its own, whose terminal is that of its standard input."""


class Starter(ServerProcess):
    """Starts commands, and waits for their ends."""

    name = "starter"

    def __init__(self, env: Mapping[str, str], *, draws: bool = False) -> None:
        """`env`: what commands get if nothing else is said. `draws`: the dashboard is imported,
        too."""
        super().__init__()
        self._env = dict(env)
        self._draws = draws
        self._ignored = _ignored_signals()

    @property
    def _address(self) -> Path:
        return self.directory / "socket"

    def command(self) -> list[str]:
        drawing = [DRAWING] if self._draws else []
        return [sys.executable, "-m", __name__, str(self._address), *drawing]

    def environment(self) -> dict[str, str]:
        return self._env

    def is_ready(self) -> bool:
        return self._address.exists()

    def can_start(self, env: Mapping[str, str]) -> bool:
        """Return whether a command with this environment is the same if it is started here."""
        changed = dict(self._env.items() ^ env.items())
        is_same = _standing() == AT_FIRST and _ignored_signals() == self._ignored
        return is_same and all(name.startswith(OURS) for name in changed)

    def run(
        self, args: Sequence[str | bytes], env: Mapping[str, str], timeout: float
    ) -> tuple[int, bytes, bytes]:
        """Run a command to its end, without input; its exit code, output and complaints.

        Raises TimeoutError after so many seconds; it is killed then.
        """
        with (
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as err,
            open(os.devnull, "rb") as none,
        ):
            files = [none.fileno(), out.fileno(), err.fileno()]
            code = self._ask(_Told(args, env), files, timeout)
            out.seek(0)
            err.seek(0)
            return code, out.read(), err.read()

    def fork(
        self,
        args: Sequence[str],
        env: Mapping[str, str],
        files: Sequence[int],
        leads: Leads = Leads.NONE,
    ) -> Forked:
        """Start a command with these for its standard input, output and error, as a child of this
        process."""
        with _adopting_orphans():
            pid = self._ask(_Told(args, env, os.getpid(), leads), files, self.timeout)
        return Forked(args, pid)

    def _ask(self, told: _Told, files: Sequence[int], timeout: float) -> int:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as asking:
            asking.settimeout(timeout)
            asking.connect(str(self._address))
            socket.send_fds(asking, [told.encoded()], files)
            if not (answer := asking.recv(64)):
                raise self.error("ended")
            return int(answer)


class _Told:
    """What to start, and how."""

    def __init__(
        self,
        args: Sequence[str | bytes],
        env: Mapping[str, str],
        parent: int | None = None,
        leads: Leads = Leads.NONE,
    ) -> None:
        """`parent`: whose child it becomes. None: the starter waits for its end, and tells it."""
        command = [os.fsdecode(one) for one in args]
        self._given = [command, dict(env), os.getcwd(), parent, leads.value]

    def encoded(self) -> bytes:
        return json.dumps(self._given).encode()


class Forked(subprocess.Popen[bytes]):
    """A child of this process that another one forked."""

    def __init__(self, args: Sequence[str], pid: int) -> None:
        # All that `Popen` would set (Python 3.11 to 3.13), with no pipe.
        self.args = args
        self.pid = pid
        self.returncode = None
        self.stdin = self.stdout = self.stderr = None
        self.text_mode = None
        self._child_created = True
        self._waitpid_lock = threading.Lock()
        self._sigint_wait_secs = 0.25
        self._communication_started = False
        self._input = None


@contextlib.contextmanager
def _adopting_orphans() -> Iterator[None]:
    """Become the parent of what is below this process and loses its own."""
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
    try:
        yield
    finally:
        libc.prctl(PR_SET_CHILD_SUBREAPER, 0)


def _standing() -> tuple[object, ...] | None:
    """Return what a process has of the one that starts it, besides its environment."""
    if sys.platform != "linux":
        return None
    status = Path("/proc/thread-self/status").read_text().splitlines()
    return (
        [line for line in status if line.startswith(("Uid", "Gid", "Groups", "Cap", "Umask"))],
        [os.readlink(f"/proc/thread-self/ns/{one}") for one in ("net", "mnt", "user")],
        [resource.getrlimit(one) for one in (resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE)],
    )


AT_FIRST = _standing()


def _ignored_signals() -> list[signal.Signals]:
    """Return those that a process hands on as ignored. Not at first: of tests that run in the
    background the shell has them ignore SIGINT, until `tests/conftest.py` changes that."""
    both = (signal.SIGINT, signal.SIGHUP)
    return [one for one in both if signal.getsignal(one) is signal.SIG_IGN]


def starter(env: Mapping[str, str], *, draws: bool = False) -> Starter | None:
    """Return the one of this process, which has this environment; None: it cannot be had here."""
    # Linux ends it with the thread that starts it.
    is_main = threading.current_thread() is threading.main_thread()
    if draws not in _started and sys.platform == "linux" and is_main and _standing() == AT_FIRST:
        _started[draws] = Starter(env, draws=draws).start()
    return _started.get(draws)


_started: dict[bool, Starter] = {}
"""By whether they have the dashboard."""


# --- the process that commands are forked from ------------------------------------------------


def _serve(address: str) -> tuple[list[str], dict[str, str], str]:
    """Fork a command for each that asks. Returns in the command's process: what it is to do."""
    libc = ctypes.CDLL(None)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(f"{address}.new")
    listener.listen()
    os.rename(f"{address}.new", address)
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    us = os.getpid()
    while True:
        for key, _ in selector.select():
            found: Any = key.fileobj
            if found is not listener:
                _tell_end(selector, found, *key.data)
                continue
            client, _ = listener.accept()
            told, files, _, _ = socket.recv_fds(client, MOST_TOLD, 3)
            args, env, folder, parent, leads = json.loads(told)
            command = os.fork() if parent is None else _fork_for(parent)
            if command == 0:
                if parent is None:
                    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
                    if os.getppid() != us:
                        os._exit(1)
                elif leads != Leads.NONE.value:
                    os.setsid()
                for number, file in enumerate(files):
                    os.dup2(file, number)
                most = max(client.fileno(), listener.fileno(), *files)
                # Python closes by number what it collects later, and by then the number may be that
                # of a file which the command opened.
                for one in list(selector.get_map().values()):
                    if isinstance(one.fileobj, socket.socket):
                        one.fileobj.close()
                selector.close()
                client.close()
                os.closerange(3, most + 1)
                if leads == Leads.AT_TERMINAL.value:
                    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
                _open_streams()
                return args, env, folder
            for file in files:
                os.close(file)
            if parent is not None:
                client.send(str(command).encode())
                client.close()
                continue
            end = os.pidfd_open(command)
            selector.register(end, selectors.EVENT_READ, (command, client, end))
            # Nobody speaks but once: whoever is heard again has gone.
            selector.register(client, selectors.EVENT_READ, (command, client, end))


def _fork_for(parent: int) -> int:
    """Fork a child of that process, which adopts orphans; its id. 0: in the child."""
    libc = ctypes.CDLL(None)
    reading, writing = os.pipe()
    if (between := os.fork()) == 0:
        us = os.getpid()
        if command := os.fork():
            os.write(writing, str(command).encode())
            os._exit(0)
        os.close(reading)
        os.close(writing)
        while os.getppid() == us:
            time.sleep(0.0005)
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
        return 0
    os.close(writing)
    os.waitpid(between, 0)
    command = int(os.read(reading, 64))
    os.close(reading)
    return command


def _open_streams() -> None:
    """Open standard input, output and error as Python does when it starts."""
    for name, number, mode in (("stdin", 0, "r"), ("stdout", 1, "w"), ("stderr", 2, "w")):
        before = getattr(sys, name)
        lines = 1 if number == 2 or os.isatty(number) else -1
        stream = open(  # noqa: SIM115
            number, mode, lines, encoding=before.encoding, errors=before.errors, closefd=False
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _tell_end(
    selector: selectors.BaseSelector, found: object, command: int, client: socket.socket, end: int
) -> None:
    if end not in selector.get_map():
        return  # both came at once
    if found is client:
        os.kill(command, signal.SIGKILL)
    _, status = os.waitpid(command, 0)
    selector.unregister(client)
    selector.unregister(end)
    os.close(end)
    with contextlib.suppress(OSError):
        client.send(str(os.waitstatus_to_exitcode(status)).encode())
    client.close()


def _import_everything() -> None:
    """All that commands import, but for what draws: that only if this process is asked to."""
    import tui.cli.commands

    # As `main` does before gRPC is imported, which reads it then.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    for one in pkgutil.iter_modules(tui.cli.commands.__path__, "tui.cli.commands."):
        importlib.import_module(one.name)
    for name in (
        "etcd",
        "file",
        "nats_kv",
        "kubernetes",
        "services",
        "tap",
        "metrics",
        "probe",
        "removal",
    ):
        package = importlib.import_module(f"backends.{name}")
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            if not module.ispkg:
                importlib.import_module(module.name)
    if DRAWING in sys.argv[2:]:
        from tui.app import USED_LATER

        for name in ("backends.demo.cluster", *USED_LATER):
            importlib.import_module(name)


def _main() -> int:
    from tui.cli.main import main

    _import_everything()
    # Not looked through again and again by each command, nor at its end.
    gc.freeze()
    args, env, folder = _serve(sys.argv[1])
    os.environ.clear()
    os.environ.update(env)
    os.chdir(folder)
    sys.argv = [str(Path(importlib.import_module("tui").__file__ or "", "../__main__.py")), *args]
    return main()


if __name__ == "__main__":
    sys.exit(_main())
