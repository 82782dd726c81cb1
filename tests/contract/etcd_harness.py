"""An etcd server behind a forwarder on loopback: cutting the forwarder hides what happens."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from backends.etcd import EtcdConfig, EtcdStore
from tests.support.servers import LOOPBACK, EtcdServer


class Forwarder:
    """Passes connections on to a port, until it is cut; then it listens no more."""

    def __init__(self, port: int, host: str = LOOPBACK) -> None:
        """`port` is where it passes them on to, `host` where it listens."""
        self._to = port
        self._host = host
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._passing: set[asyncio.Task[None]] = set()
        self.port = 0

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._writers) // 2

    async def open(self) -> None:
        """Listen, on the same port as the last time."""
        self._server = await asyncio.start_server(self._accept, self._host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Break all connections and refuse new ones."""
        if self._server is not None:
            self._server.close()
            for writer in self._writers:
                writer.transport.abort()
            await asyncio.gather(*self._passing)
            await self._server.wait_closed()
            self._server = None

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._pass_on(reader, writer))
        self._passing.add(task)
        task.add_done_callback(self._passing.discard)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there_reader, there_writer = await asyncio.open_connection(LOOPBACK, self._to)
        except OSError:
            writer.transport.abort()
            return
        await asyncio.gather(self._copy(reader, there_writer), self._copy(there_reader, writer))

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            with contextlib.suppress(OSError):
                while received := await reader.read(65536):
                    writer.write(received)
                    await writer.drain()
        finally:
            # Whichever side ended, the other one ends too.
            writer.transport.abort()
            self._writers.discard(writer)


class EtcdHarness:
    counts_again = True

    def __init__(self, folder: Path) -> None:
        # A single member elects itself the sooner.
        self.server = EtcdServer("--heartbeat-interval=20", "--election-timeout=200")
        self._lease = ""
        self._backup = folder / "snapshot"

    async def start(self) -> None:
        if not self.server.running:
            await asyncio.to_thread(self.server.start)
        self.forwarder = Forwarder(self.server.ports[0])
        await self.forwarder.open()

    def open(self) -> EtcdStore:
        return EtcdStore(EtcdConfig(endpoints=[f"http://{LOOPBACK}:{self.forwarder.port}"]))

    async def break_off(self) -> None:
        await self.forwarder.cut()

    async def mend(self) -> None:
        await self.forwarder.open()

    async def put_while_broken(self, key: bytes, value: bytes) -> None:
        await asyncio.to_thread(self.server.etcdctl, "put", key.decode(), input=value)

    async def delete_while_broken(self, key: bytes) -> None:
        await asyncio.to_thread(self.server.etcdctl, "del", key.decode())

    async def put_by_a_worker(self, key: bytes, value: bytes) -> None:
        granted = await asyncio.to_thread(self.server.etcdctl, "lease", "grant", "600")
        self._lease = granted.split()[1].decode()
        under = f"--lease={self._lease}"
        await asyncio.to_thread(self.server.etcdctl, "put", key.decode(), under, input=value)

    async def end_the_worker(self) -> None:
        await asyncio.to_thread(self.server.etcdctl, "lease", "revoke", self._lease)

    async def back_up(self) -> None:
        await asyncio.to_thread(self.server.save, self._backup)

    async def restore(self) -> None:
        await self.forwarder.cut()
        await asyncio.to_thread(self.server.restore, self._backup)
        await self.forwarder.open()

    async def stop(self) -> None:
        await self.forwarder.cut()
        await asyncio.to_thread(self.server.close)
