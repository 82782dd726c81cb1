"""What is known of workers after an etcd was started again, has another leader, or hung."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from backends.discovery.cluster import Cluster, FirstSeen
from backends.discovery.discovery import Discovery
from backends.dynamo.parse import read
from backends.etcd import EtcdStore
from backends.liveness.collector import EvidenceCollector
from backends.liveness.gathering import Probing
from backends.liveness.judge import LeaseTtl, Verdict
from backends.liveness.tracker import LivenessTracker, lease_or_key
from backends.probe.prober import Prober
from backends.store import Lifetime, TimeToLive
from tests.support.etcd_places import QUICK, Opener, cluster_of
from tests.support.etcd_server import EtcdServer
from tests.support.registered import instance
from tests.support.watching import DEADLINE

TTL = 9
"""Seconds of the lease of the worker that lives: it renews in a test, and on a busy machine it does
not end for want of time."""
LONG = 600
"""... of those that do not: no test sees the end of it."""


class Looking:
    """A collector over a worker that renews its lease, and two that do not: of the one it was known
    before that it was late, of the other that it was well, and that its renewal was due since."""

    def __init__(self, store: EtcdStore) -> None:
        self.store = store
        self.cluster = Cluster()
        self.verdicts = LivenessTracker(self.cluster, Lifetime.LEASED)
        self.keys: list[bytes] = []
        self.seen: list[tuple[Verdict, ...]] = []
        """All that was ever said of the three."""

    async def begin(self, *servers: EtcdServer, alive: EtcdStore) -> None:
        """Register them, and know of them what was known before."""
        key, value = instance(await alive.instance_id())
        await alive.put(key, value)
        late, well = [await asyncio.to_thread(leave_behind, servers[0], n) for n in (0xA, 0xB)]
        self.keys = [key, late, well]
        await self.take_in()
        now = asyncio.get_running_loop().time()
        before = {
            late: LeaseTtl(TimeToLive(30.0, 3.0), now),
            well: LeaseTtl(TimeToLive(30.0, 16.0), now - 9),
        }
        for known, life in before.items():
            self.verdicts.observe_ttls({lease_or_key(self.cluster.records[known]): life})
        self.verdicts.update()

    async def take_in(self) -> None:
        for entry in (await self.store.get(self.keys)).values():
            self.cluster.put(read(entry), FirstSeen(0.0, was_there=True))
        self.verdicts.update(self.cluster.take_changes().keys)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        clock = asyncio.get_running_loop().time
        collector = EvidenceCollector(
            Discovery(self.store),
            self.verdicts,
            Prober(nats=None, clock=clock, random=lambda: 0.5, here=True),
            lambda: (),
            clock=clock,
            probing=Probing.NEVER,
        )
        task = asyncio.create_task(collector.run(self._learn))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE):
            while not condition():  # noqa: ASYNC110 - what is asked is elsewhere
                await asyncio.sleep(0.02)

    def lives(self) -> list[LeaseTtl]:
        records = [self.cluster.records[key] for key in self.keys]
        return [life for one in records if (life := self.verdicts.lease_ttl(one)) is not None]

    def verdicts_now(self) -> tuple[Verdict, ...]:
        return tuple(self.verdicts.of(key) for key in self.keys)

    def _learn(self) -> None:
        self.verdicts.update()
        self.seen.append(self.verdicts_now())


def leave_behind(server: EtcdServer, worker: int, granted: int = LONG) -> bytes:
    """A worker whose lease nobody renews; returns its key."""
    key, value = instance(worker)
    lease = server.etcdctl("lease", "grant", str(granted)).split()[1].decode()
    server.etcdctl("put", key.decode(), f"--lease={lease}", "--", value.decode())
    return key


async def shows_who_lives(looking: Looking, new_leader: Callable[[], Awaitable[object]]) -> None:
    """After that happened, the one that renews comes to be live, and no other ever is."""
    await new_leader()
    async with looking.running():
        await looking.until(lambda: looking.verdicts_now()[0] is Verdict.LIVE)
        # Also by a renewal of the new term.
        await looking.until(lambda: looking.lives()[0].ttl.reset_ago is None)
    # They have more time left than before, and that shows nothing.
    assert all(life.ttl.remaining > 30.0 for life in looking.lives()[1:])
    assert {seen[1:] for seen in looking.seen} == {(Verdict.LATE, Verdict.UNKNOWN)}


async def test_leases_that_came_due_while_etcd_hung_are_seen_to_be_late_before_they_end(
    open_store: Opener,
) -> None:
    granted, number, hangs = 30.0, 10, 3.0
    loop = asyncio.get_running_loop()
    with EtcdServer(*QUICK) as etcd:
        looking = Looking(open_store(etcd))
        due = loop.time() + granted / 2
        workers = range(1, number + 1)
        looking.keys = await asyncio.gather(
            *(asyncio.to_thread(leave_behind, etcd, worker, int(granted)) for worker in workers)
        )
        await looking.take_in()
        async with looking.running():
            await looking.until(lambda: set(looking.verdicts_now()) == {Verdict.LIVE})
            await looking.until(lambda: loop.time() > due)
            etcd.pause()
            paused = loop.time()
            await looking.until(lambda: loop.time() > paused + hangs)
            etcd.resume()
            # Not all at one time: the first may have ended before the last is asked about.
            await looking.until(lambda: all(map(was_late, zip(*looking.seen, strict=True))))


def was_late(seen: Sequence[Verdict]) -> bool:
    return Verdict.LATE in seen


async def test_a_dead_worker_is_not_live_by_the_time_that_an_etcd_started_again_gives_it(
    open_store: Opener,
) -> None:
    with EtcdServer(*QUICK) as etcd:
        looking = Looking(open_store(etcd))
        await looking.begin(etcd, alive=open_store(etcd, lease_ttl=TTL))
        await shows_who_lives(looking, lambda: asyncio.to_thread(etcd.restart))


async def test_a_dead_worker_is_not_live_by_the_time_that_another_leader_gives_it(
    open_store: Opener,
) -> None:
    with cluster_of(3) as members:
        looking = Looking(open_store(*members))
        await looking.begin(*members, alive=open_store(*members, lease_ttl=TTL))
        await shows_who_lives(looking, lambda: asyncio.to_thread(move_leader, members))


def move_leader(members: Sequence[EtcdServer]) -> None:
    """To another member, while all go on."""
    states = [
        json.loads(member.etcdctl("endpoint", "status", "-w", "json"))[0]["Status"]
        for member in members
    ]
    ids = [state["header"]["member_id"] for state in states]
    leader = ids.index(states[0]["leader"])
    members[leader].etcdctl("move-leader", f"{ids[leader - 1]:x}")
