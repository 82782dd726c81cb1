"""An etcd server behind a forwarder on loopback: cutting the forwarder hides what happens."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from backends.etcd import EtcdConfig, EtcdStore
from tests.support.etcd_server import EtcdServer
from tests.support.forwarders import Forwarder
from tests.support.ports import LOOPBACK


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

    async def keep_past(self, key: bytes) -> None:
        # As etcd does.
        pass

    async def forget_past(self, key: bytes) -> None:
        got = await asyncio.to_thread(self.server.etcdctl, "get", key.decode(), "-w", "json")
        revision = str(json.loads(got)["header"]["revision"])
        await asyncio.to_thread(self.server.etcdctl, "compact", revision)

    async def stop(self) -> None:
        await self.forwarder.cut()
        await asyncio.to_thread(self.server.close)
