"""An etcd server behind a forwarder on loopback: cutting the forwarder hides what happens."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from backends.etcd import EtcdConfig, EtcdStore
from tests.support.etcd_server import EtcdServer
from tests.support.listening import listening
from tests.support.ports import LOOPBACK


class Forwarder:
    """Passes connections on to a port, until it is cut; then it listens no more."""

    def __init__(self, port: int, host: str = LOOPBACK) -> None:
        """`port` is where it passes them on to, `host` where it listens."""
        self._to = port
        self._host = host
        self._writers: set[asyncio.StreamWriter] = set()
        self._open = contextlib.AsyncExitStack()
        self.port = 0

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._writers) // 2

    async def open(self) -> None:
        """Listen, on the same port as the last time."""
        server = listening(self._pass_on, self._host, self.port)
        self.port = await self._open.enter_async_context(server)

    async def cut(self) -> None:
        """Break all connections and refuse new ones."""
        await self._open.aclose()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(LOOPBACK, self._to)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._copy(reader, there_writer))
                both.create_task(self._copy(there_reader, writer))
        finally:
            there_writer.transport.abort()
            with contextlib.suppress(OSError):
                await there_writer.wait_closed()

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
    keeps_bytes = True
    shares_keys = True

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
