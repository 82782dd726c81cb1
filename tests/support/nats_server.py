"""A NATS server of a test's own, with JetStream."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path
from typing import Self

from tests.support.ports import LOOPBACK
from tests.support.programs import find_program
from tests.support.server_process import ServerProcess


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
