"""Commands that start fast: each is a process of its own, forked from one that imported everything.

Python's start and dyntop's imports are most of what a short command takes, and the tests run some
hundreds of them. `Starter` is the side of the tests; run as a program this module is the process
that they are forked from. A command differs from one that was started anew in what is imported
already, and in nothing else: it has its own arguments, environment, folder, output and end.

Commands whose environment bears on Python itself, or that a test puts into another network or gives
fewer rights than the tests began with, are started anew: `can_start`.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import pkgutil
import resource
import selectors
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
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


class Starter(ServerProcess):
    """Starts commands, and waits for their ends."""

    name = "starter"

    def __init__(self, env: Mapping[str, str]) -> None:
        """`env`: what commands get if nothing else is said."""
        super().__init__()
        self._env = dict(env)
        self._ignored = _ignored_signals()

    @property
    def _address(self) -> Path:
        return self.directory / "socket"

    def command(self) -> list[str]:
        return [sys.executable, "-m", __name__, str(self._address)]

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
        told = json.dumps([[os.fsdecode(one) for one in args], dict(env), os.getcwd()])
        with (
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as err,
            open(os.devnull, "rb") as none,
            socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as asking,
        ):
            asking.settimeout(timeout)
            asking.connect(str(self._address))
            files = [none.fileno(), out.fileno(), err.fileno()]
            socket.send_fds(asking, [told.encode()], files)
            if not (code := asking.recv(64)):
                raise self.error("ended")
            out.seek(0)
            err.seek(0)
            return int(code), out.read(), err.read()


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


def starter(env: Mapping[str, str]) -> Starter | None:
    """Return the one of this process, which has this environment; None: it cannot be had here."""
    # Linux ends it with the thread that starts it.
    is_main = threading.current_thread() is threading.main_thread()
    if not _started and sys.platform == "linux" and is_main and _standing() == AT_FIRST:
        _started.append(Starter(env).start())
    return _started[0] if _started else None


_started: list[Starter] = []


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
            if (command := os.fork()) == 0:
                libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
                if os.getppid() != us:
                    os._exit(1)
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
                args, env, folder = json.loads(told)
                return args, env, folder
            for file in files:
                os.close(file)
            end = os.pidfd_open(command)
            selector.register(end, selectors.EVENT_READ, (command, client, end))
            # Nobody speaks but once: whoever is heard again has gone.
            selector.register(client, selectors.EVENT_READ, (command, client, end))


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
    """All that commands import, but for what draws."""
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
