"""Run the dashboard on a real etcd with churn, faults and an operator who opens everything.

    make soak                      # ten minutes
    SOAK_MINUTES=60 make soak
    SOAK_SEED=7 make soak          # the same faults and keys as another run had

Workers have new ids all the time. While they come and go, keys are pressed: tabs, filter, detail,
help, palette, questions that are answered with no, taps, marks, themes, sizes of the window. At
every check the dashboard must hold what etcdctl reads. Memory, threads, file descriptors, tasks and
open watches are noted each time, and must be flat from a third of the run on: by then caches are
full, and so is what is kept for ten minutes (tombstones, events), since the dashboard's clock runs
faster in a run of less than an hour. Prints a line for each check, then the medians of the second
and the last third, how memory grows by a line fitted to both, and the ten types of which most
objects came between the two. Exits with 1 where something was not as it must be, a fault that the
dashboard survived among them.
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
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from textual.app import App
from textual.widgets._toast import Toast

from backends.connections import EtcdConnection, open_store
from backends.etcd import EtcdConfig, rpc
from backends.etcd.client import Client
from backends.store import StoreError
from tests.support.etcd_places import QUICK, stored
from tests.support.etcd_server import EtcdServer
from tests.support.operating import START, Operator, SaidProbes, World, dashboard
from tests.support.ports import LOOPBACK
from tests.support.registered import KeyAndValue, card, channel, instance
from tests.support.said_taps import SaidTaps
from tests.support.seeing import held
from tests.support.styles import styles_each_time
from tui.runtime.heap import give_back
from tui.state.store_state import LinkState

MINUTES = float(os.environ.get("SOAK_MINUTES") or 10)
SEED = int(os.environ.get("SOAK_SEED") or random.SystemRandom().randrange(1, 10**6))

WORKERS = 200
"""Workers that are registered at most; each has an instance, a card and a channel."""
BURST = 20
"""Workers that come or go at once."""
OPENED: tuple[tuple[str, ...], ...] = (
    ("1", "j", "j", "k", "G", "g", "pagedown", "pageup", "enter", "pagedown", "escape"),
    ("2", "right", "j", "enter", "escape", "left"),
    ("3", "j", "enter", "escape", "o", "b"),
    ("4", "j", "w", "j", "f", "f", "r", "enter", "escape", "escape"),
    ("5", "j", "6", "j", "7", "G", "g", "8"),
    ("slash", *"acme", "enter", "escape"),
    ("slash", *"nothing-has-this-name", "escape"),
    ("question_mark", "pagedown", "escape"),
    ("ctrl+p", *"free", "down", "pagedown", "escape", "escape"),
    ("1", "d", "down", "escape"),
    ("2", "d", *"7d7b", "escape"),
    ("1", "asterisk", "d", "pagedown", "escape", "asterisk", "asterisk"),
    ("c", "down", "space", "escape"),
    ("u", "escape"),
    ("space", "j", "v", "s", "S", "s", "S", "y", "i", "Y", "p"),
    ("exclamation_mark", "exclamation_mark", "x", "x", "t", "t"),
    ("f", "j", "j", "f"),
    ("tab", "down", "down", "left", "right", "up", "tab"),
)
"""Keys that open something and close it again."""
SIZES = ((120, 40), (80, 24), (60, 20), (200, 50))
"""Columns and lines of the window."""
BURSTS = 20
"""Between two checks."""
FIRST_ID = 0x7D7BA00000000000
SHORT_LEASE = 5
"""Seconds for which those live whose lease nobody renews."""
LASTING = 600.0
"""Seconds of the dashboard's clock for which what is gone is kept."""
DEADLINE = 60.0
"""Seconds within which the view must equal the world."""
WARM = 1 / 3
"""From when on it is warm: caches are full, and all code was needed once."""
LAPSE = max(1.0, LASTING / (MINUTES * 60 * WARM / 2))
"""Seconds of the dashboard's clock in one of the run."""
MOST_MEMORY = 1.05
"""Of what it was when it became warm; of objects too."""
MOST_OTHERS = 3
"""By so many threads, descriptors, tasks and watches two quiet moments may differ."""
TYPES = 10
"""Of objects, that are told."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """What this process holds."""

    seconds: float
    """Of the run, when they were noted."""
    megabytes: float
    """Resident."""
    arenas: int
    """In which Python keeps its objects, of a megabyte each: their part of the memory."""
    objects: int
    """Those that Python's garbage collector follows."""
    threads: int
    """As the system counts them: gRPC's are not Python's."""
    descriptors: int
    tasks: int
    watches: int
    """As etcd counts them."""

    def __str__(self) -> str:
        return (
            f"{self.megabytes:.1f} MB, {self.arenas} of arenas, {self.objects:,} objects, "
            f"{self.threads} threads, {self.descriptors} descriptors, {self.tasks} tasks, "
            f"{self.watches} watches"
        )


def sizes(seconds: float, watches: int) -> Sizes:
    """Note what this process holds, without what the C library holds free: the dashboard gives that
    back once a minute, and it is up to 3 MB until then."""
    gc.collect()
    give_back()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return Sizes(
        seconds=seconds,
        objects=len(gc.get_objects()),
        megabytes=pages * os.sysconf("SC_PAGE_SIZE") / 1e6,
        arenas=arenas(),
        threads=len(list(Path("/proc/self/task").iterdir())),
        descriptors=len(list(Path("/proc/self/fd").iterdir())),
        tasks=len(asyncio.all_tasks()),
        watches=watches,
    )


class TypesOfObjects:
    """How many objects of each type there were, on average over some checks."""

    def __init__(self) -> None:
        self._checks = 0
        self._objects: Counter[str] = Counter()

    def note(self) -> None:
        self._checks += 1
        for one in gc.get_objects():
            of = type(one)
            self._objects[f"{of.__module__}.{of.__qualname__}"] += 1

    def mean(self, name: str) -> float:
        return self._objects[name] / max(1, self._checks)

    def names(self) -> set[str]:
        return set(self._objects)


def table_of_growth(before: TypesOfObjects, after: TypesOfObjects) -> str:
    """The types of which most objects came, a line each."""
    more = {name: after.mean(name) - before.mean(name) for name in before.names() | after.names()}
    most = sorted(more, key=lambda name: -more[name])[:TYPES]
    lines = [
        f"{before.mean(name):12,.0f} {after.mean(name):12,.0f} {more[name]:+10,.0f}  {name}"
        for name in most
    ]
    return "\n".join([f"{'when warm':>12} {'at the end':>12} {'more':>10}  type of object", *lines])


def arenas() -> int:
    """How many Python has now: they are of a megabyte each (CPython 3.10 and later)."""
    with tempfile.TemporaryFile() as told:
        kept = os.dup(2)
        os.dup2(told.fileno(), 2)
        try:
            sys._debugmallocstats()
        finally:
            os.dup2(kept, 2)
            os.close(kept)
        told.seek(0)
        found = re.search(rb"# arenas allocated current *= *([\d,]+)", told.read())
    assert found is not None, "Python counts its arenas"
    return int(found[1].replace(b",", b""))


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


def _key(operation: rpc.Message) -> bytes:
    key: bytes = operation.request_put.key or operation.request_delete_range.key
    return key


class Soak:
    """One run: `run` returns what was not as it must be."""

    def __init__(
        self,
        etcd: EtcdServer,
        operator: Operator,
        world: World,
        taps: SaidTaps,
        probes: SaidProbes,
    ) -> None:
        """`world` is the dashboard's clock."""
        self._etcd = etcd
        self._taps = taps
        self._probes = probes
        self._operator = operator
        self._world = world
        self._random = random.Random(SEED)
        self._noted: list[Sizes] = []
        self._warm, self._last = TypesOfObjects(), TypesOfObjects()
        """Of the second and of the last third."""
        self._workers: list[int] = []
        """Ids that were registered, the oldest first."""
        self._last_id = FIRST_ID

    async def run(self) -> list[str]:
        began = time.monotonic()
        while (elapsed := time.monotonic() - began) < MINUTES * 60:
            # Tombstones grow old.
            self._world.now = START + elapsed * LAPSE
            for _ in range(BURSTS):
                await asyncio.gather(self._churn(), self._press())
            fault = await self._fault()
            if (wrong := await self._until_true()) is not None:
                return [f"after {fault}: {wrong}"]
            # Messages are up for seconds: on a faster machine more of them at once.
            await self._operator.until(lambda: not self._operator.app.screen.query(Toast))
            # What the test itself keeps is no growth of the dashboard's.
            self._operator.forget_told()
            self._taps.opened.clear()
            self._probes.asked.clear()
            watched = await asyncio.to_thread(watches, self._etcd)
            self._noted.append(sizes(elapsed, watched))
            self._note_types(elapsed)
            keys = len(held(self._operator))
            print(f"{elapsed:6.0f} s  {fault:<28} {keys:4} keys  {self._noted[-1]}", flush=True)
        not_flat = grown(self._noted)
        print(table_of_growth(self._warm, self._last))
        return not_flat

    def _note_types(self, elapsed: float) -> None:
        passed = elapsed / (MINUTES * 60)
        if passed >= 1 - WARM:
            self._last.note()
        elif passed >= WARM:
            self._warm.note()

    async def _press(self) -> None:
        """Open something by keys and close it again, whatever comes meanwhile."""
        operator = self._operator
        if self._random.random() < 0.1:
            await operator.pilot.resize_terminal(*self._random.choice(SIZES))
        if self._random.random() < 0.05:
            operator.app.theme = self._random.choice(sorted(operator.app.available_themes))
        await operator.press(*self._random.choice(OPENED))
        while not operator.on_main:
            await operator.press("escape")

    async def _churn(self) -> None:
        """Workers come, change and go, some on a lease that nobody renews."""
        client = Client(EtcdConfig(endpoints=[self._etcd.endpoint]))
        try:
            lease = 0
            if self._random.random() < 0.3:
                grant = rpc.LeaseGrantRequest(TTL=SHORT_LEASE)
                lease = (await client.call(rpc.LEASE_GRANT, grant)).ID
            operations = [one for _ in range(BURST) for one in self._operations(lease)]
            # A transaction must not name a key twice.
            last = {_key(one): one for one in operations}
            await client.call(rpc.TXN, rpc.TxnRequest(success=list(last.values())))
        finally:
            await client.aclose()

    def _operations(self, lease: int) -> list[rpc.Message]:
        """One worker comes or changes, and the oldest goes where there are too many."""
        if self._workers and self._random.random() < 0.2:
            worker = self._random.choice(self._workers)
        else:
            # Ids are never used again, as leases are not.
            self._last_id += self._random.randrange(1, 1000)
            worker = self._last_id
            self._workers.append(worker)
        keys_and_values: list[KeyAndValue] = [instance(worker), card(worker), channel(worker)]
        operations: list[rpc.Message] = [
            rpc.RequestOp(request_put=rpc.PutRequest(key=key, value=value, lease=lease))
            for key, value in keys_and_values
        ]
        if len(self._workers) > WORKERS or self._random.random() < 0.3:
            gone = self._workers.pop(0)
            operations += [
                rpc.RequestOp(request_delete_range=rpc.DeleteRangeRequest(key=key))
                for key, _ in (instance(gone), card(gone), channel(gone))
            ]
        return operations

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
            shown, link = held(self._operator), self._operator.dashboard.view.store.link
            if shown == world and link is LinkState.CONNECTED:
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
    for name in ("megabytes", "arenas", "objects", "threads", "descriptors", "tasks", "watches"):
        first, last = medians(name)
        print(f"{name}: {first:.1f} when warm, {last:.1f} at the end")
        much = name in ("megabytes", "arenas", "objects")
        most = first * MOST_MEMORY if much else first + MOST_OTHERS
        if last > most:
            wrong.append(f"{name} grew from {first:.1f} to {last:.1f}")
    warm = noted[part:]
    if len(warm) > 1:
        times, memory = [one.seconds for one in warm], [one.megabytes for one in warm]
        slope, _ = statistics.linear_regression(times, memory)
        print(f"memory: {slope * 3600:+.1f} MB an hour, by a line fitted from when it was warm")
    return wrong


async def main() -> int:
    print(f"SOAK_SEED={SEED} SOAK_MINUTES={MINUTES:g}", flush=True)
    # Each loss is logged; here they are the point.
    logging.disable()
    styles_each_time()
    with EtcdServer(*QUICK) as etcd:
        store = open_store(EtcdConnection(endpoints=(etcd.endpoint,)))
        world = World()
        try:
            taps, probes = SaidTaps(lambda: world.now), SaidProbes()
            async with dashboard(
                world,
                store=store,
                taps=taps,
                probes=probes,
                # As for an operator, not until it is cleared as for a test: each has tasks.
                shown_for=App.NOTIFICATION_TIMEOUT,
                size=(120, 40),
            ) as operator:
                wrong = await Soak(etcd, operator, world, taps, probes).run()
        except StoreError as error:
            wrong = [f"the churn itself failed: {error}"]
        finally:
            await store.aclose()
    for one in wrong:
        print(one, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
