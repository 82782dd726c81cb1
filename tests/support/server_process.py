"""Real servers for tests: each one is an own process, on free loopback ports, with its own data.

    with EtcdServer() as etcd:
        etcd.etcdctl("put", "v1/x", "1")
        etcd.pause(), etcd.resume(), etcd.kill(), etcd.restart(), etcd.wipe()

A server is ready when it answers, and a failure shows the end of its log. It ends with its `with`
block, at the latest with the test process, even when that one is killed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import weakref
from pathlib import Path
from typing import IO, ClassVar, Self

from tests.support.ports import free_ports, listening
from tests.support.programs import ServerError, clean_environment

LOG_TAIL = 4000
"""Characters of a log that a failure message shows."""

# Between fork and exec, so that the server dies with the process that started it. A `preexec_fn`
# would do the same but makes Python run the fork handlers of gRPC, which may hang.
# argv: parent's pid, then the command.
LAUNCHER = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
if os.getppid() == int(sys.argv[1]):
    os.execvp(sys.argv[2], sys.argv[2:])
"""


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

    # Its life.

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


def _dispose(children: list[subprocess.Popen[bytes]], directory: Path) -> None:
    """Last resort for a server that nobody closed. Not a method: it must not keep it alive."""
    for child in children:
        child.kill()
        child.wait()
    shutil.rmtree(directory, ignore_errors=True)
