"""The dashboard on a real etcd that changes all the time and has faults at random.

    make soak                      # ten minutes
    SOAK_MINUTES=120 make soak
    SOAK_SEED=7 make soak          # the same faults as another run had

At every check what the dashboard holds must equal what etcdctl reads. Memory, threads, file
descriptors, tasks and open watches are noted each time, and must be flat once it is warm. It prints
a line for each check, and ends with 1 where something was not as it must be.
"""

from __future__ import annotations

import asyncio
import gc
import http.client
import logging
import os
import random
import re
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from backends.connect import EtcdConnection, open_store
from backends.etcd import EtcdConfig, rpc
from backends.etcd.client import Client
from backends.store import StoreError
from tests.etcd.places import QUICK, stored
from tests.faults.seeing import held
from tests.registered import KeyAndValue, card, channel, instance
from tests.servers import LOOPBACK, EtcdServer
from tests.tui.operating import START, Operator, World, dashboard
from tui.monitor import Link

MINUTES = float(os.environ.get("SOAK_MINUTES") or 10)
SEED = int(os.environ.get("SOAK_SEED") or random.SystemRandom().randrange(1, 10**6))

WORKERS = 200
"""How many there are at most; each has an instance, a card and a channel."""
BURST = 40
"""Workers that come or go at once."""
BURSTS = 20
"""Between two checks."""
SHORT_LEASE = 5
"""Seconds for which those live whose lease nobody renews."""
DEADLINE = 60.0
"""Seconds within which the view must equal the world."""
WARM = 1 / 3
"""From when on it is warm: caches are full, and all code was needed once."""
MOST_MEMORY = 1.05
"""Of what it was when it became warm."""
MOST_OTHERS = 3
"""By so many threads, descriptors, tasks and watches two quiet moments may differ."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """What this process holds."""

    megabytes: float
    """Resident."""
    threads: int
    """As the system counts them: gRPC's are not Python's."""
    descriptors: int
    tasks: int
    watches: int
    """As etcd counts them."""

    def __str__(self) -> str:
        return (
            f"{self.megabytes:.1f} MB, {self.threads} threads, {self.descriptors} descriptors, "
            f"{self.tasks} tasks, {self.watches} watches"
        )


def sizes(watches: int) -> Sizes:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return Sizes(
        megabytes=pages * os.sysconf("SC_PAGE_SIZE") / 1e6,
        threads=len(list(Path("/proc/self/task").iterdir())),
        descriptors=len(list(Path("/proc/self/fd").iterdir())),
        tasks=len(asyncio.all_tasks()),
        watches=watches,
    )


def watches(etcd: EtcdServer) -> int:
    connection = http.client.HTTPConnection(LOOPBACK, etcd.ports[1], timeout=10)
    try:
        connection.request("GET", "/metrics")
        metrics = connection.getresponse().read().decode()
    finally:
        connection.close()
    found = re.search(r"^etcd_debugging_mvcc_watcher_total (\S+)", metrics, re.MULTILINE)
    assert found is not None, "etcd counts its watches"
    return int(float(found[1]))


class Soak:
    """One run: `run` returns what was not as it must be."""

    def __init__(self, etcd: EtcdServer, operator: Operator, world: World) -> None:
        """`world` is the dashboard's clock."""
        self._etcd = etcd
        self._operator = operator
        self._world = world
        self._random = random.Random(SEED)
        self._noted: list[Sizes] = []

    async def run(self) -> list[str]:
        began = time.monotonic()
        while (elapsed := time.monotonic() - began) < MINUTES * 60:
            # Tombstones grow old.
            self._world.now = START + elapsed
            for _ in range(BURSTS):
                await self._churn()
            fault = await self._fault()
            if (wrong := await self._until_true()) is not None:
                return [f"after {fault}: {wrong}"]
            self._noted.append(sizes(await asyncio.to_thread(watches, self._etcd)))
            keys = len(held(self._operator))
            print(f"{elapsed:6.0f} s  {fault:<28} {keys:4} keys  {self._noted[-1]}", flush=True)
        return grown(self._noted)

    async def _churn(self) -> None:
        """Workers come, change and go, some on a lease that nobody renews."""
        client = Client(EtcdConfig(endpoints=[self._etcd.endpoint]))
        chosen = self._random.sample(range(1, WORKERS + 1), BURST)
        try:
            lease = 0
            if self._random.random() < 0.3:
                grant = rpc.LeaseGrantRequest(TTL=SHORT_LEASE)
                lease = (await client.call(rpc.LEASE_GRANT, grant)).ID
            operations = [one for worker in chosen for one in self._registers(worker, lease)]
            await client.call(rpc.TXN, rpc.TxnRequest(success=operations))
        finally:
            await client.aclose()

    def _registers(self, worker: int, lease: int) -> list[rpc.Message]:
        registered: list[KeyAndValue] = [instance(worker), card(worker), channel(worker)]
        if self._random.random() < 0.4:
            deletes = [rpc.DeleteRangeRequest(key=key) for key, _ in registered]
            return [rpc.RequestOp(request_delete_range=one) for one in deletes]
        puts = [rpc.PutRequest(key=key, value=value, lease=lease) for key, value in registered]
        return [rpc.RequestOp(request_put=one) for one in puts]

    async def _fault(self) -> str:
        """One at random; it is over when this returns."""
        match self._random.randrange(6):
            case 0:
                self._etcd.kill()
                await asyncio.sleep(self._random.uniform(0, 3))
                # Not in a thread, with which it would end.
                self._etcd.start()
                return "killed and started"
            case 1:
                seconds = self._random.uniform(0.5, 12)
                self._etcd.pause()
                await asyncio.sleep(seconds)
                self._etcd.resume()
                return f"stopped for {seconds:.0f} s"
            case 2:
                newest = max((one.mod_revision for one in self._etcd.entries().values()), default=1)
                self._etcd.etcdctl("compact", str(newest))
                return "compacted"
            case 3:
                self._etcd.wipe()
                return "started again empty"
            case _:
                return "nothing"

    async def _until_true(self) -> str | None:
        """Wait until the dashboard holds what etcdctl reads; what it is else."""
        until = time.monotonic() + DEADLINE
        while True:
            # Leases end meanwhile, so both may still change.
            world = await asyncio.to_thread(stored, self._etcd)
            shown, link = held(self._operator), self._operator.main.monitor.store.link
            if shown == world and link is Link.CONNECTED:
                return None
            if time.monotonic() > until:
                missing, extra = world.keys() - shown.keys(), shown.keys() - world.keys()
                return f"{link.value}, {len(missing)} keys missing, {len(extra)} too many"
            await asyncio.sleep(0.2)


def grown(noted: Sequence[Sizes]) -> list[str]:
    """What is not flat, from when it was warm to the end: by the medians of a third each."""
    part = max(1, int(len(noted) * WARM))
    before, after = noted[part : 2 * part] or noted, noted[-part:]

    def medians(name: str) -> tuple[float, float]:
        first, last = ([getattr(one, name) for one in some] for some in (before, after))
        return statistics.median(first), statistics.median(last)

    wrong = []
    for name in ("megabytes", "threads", "descriptors", "tasks", "watches"):
        first, last = medians(name)
        print(f"{name}: {first:.1f} when warm, {last:.1f} at the end")
        most = first * MOST_MEMORY if name == "megabytes" else first + MOST_OTHERS
        if last > most:
            wrong.append(f"{name} grew from {first:.1f} to {last:.1f}")
    return wrong


async def main() -> int:
    print(f"SOAK_SEED={SEED} SOAK_MINUTES={MINUTES:g}", flush=True)
    # Each loss is logged; here they are the point.
    logging.disable()
    with EtcdServer(*QUICK) as etcd:
        store = open_store(EtcdConnection(endpoints=(etcd.endpoint,)))
        world = World()
        try:
            async with dashboard(world, store=store, size=(120, 40)) as operator:
                wrong = await Soak(etcd, operator, world).run()
        except StoreError as error:
            wrong = [f"the churn itself failed: {error}"]
        finally:
            await store.aclose()
    for one in wrong:
        print(one, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
