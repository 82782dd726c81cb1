"""A believable living cluster in memory: for `dyntop --demo`, and without a screen for tests.

Two disaggregated deployments (`prod`, and `prod.canary` over NATS) and an aggregated one
(`staging`, with one worker of Dynamo 1.0). LoRA adapters are loaded and unloaded, workers die and
are replaced, join and leave, publishers move. A few records are wrong on purpose, and one worker
hangs.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterator

import pydantic_core

from backends.demo import records
from backends.demo.records import DemoModel, DemoRole, DemoWorker, KeyAndValue
from backends.memory import Keyspace, MemoryStore

TICKS_BETWEEN_EVENTS = (2, 4)
"""At least and at most. With one tick a second: lively, and slow enough to read each event."""
TICKS_TO_FIRST_DEATH = 20
TICKS_BETWEEN_DEATHS = (40, 70)
"""At least and at most, from the return of the last one: two workers are never missing at once."""
TICKS_TO_RETURN = 6
"""From the end of the lease to the replacement's first key: a scheduler takes a moment."""

QWEN = DemoModel("Qwen/Qwen3-32B", 40960, tool_call_parser="hermes", reasoning_parser="qwen3")
GPT_OSS = DemoModel(
    "openai/gpt-oss-120b", 131072, tool_call_parser="harmony", reasoning_parser="gpt_oss"
)
LLAMA = DemoModel("meta-llama/Llama-3.1-8B-Instruct", 131072, tool_call_parser="llama3_json")
BGE = DemoModel("BAAI/bge-m3", 8192, "Embedding")

WORK = ("generate", "clear_kv_blocks")
ADAPTERS = ("acme/Support-Tone_v3", "acme/sql.writer", "acme/legal-summaries")
ROLES = (
    DemoRole(2, "prod", "frontend", ("http",), plane="http"),
    DemoRole(2, "prod", "router", ("generate", "best_worker_id")),
    DemoRole(4, "prod", "prefill", WORK, QWEN, "prefill"),
    DemoRole(4, "prod", "backend", WORK, QWEN, "decode", adapters=ADAPTERS),
    DemoRole(2, "prod", "embed", ("generate",), BGE),
    DemoRole(2, "prod.canary", "prefill", WORK, GPT_OSS, "prefill", "nats_tcp"),
    DemoRole(2, "prod.canary", "backend", WORK, GPT_OSS, "decode", "nats_tcp", scales=True),
    DemoRole(4, "staging", "backend", WORK, LLAMA, adapters=("acme/red-team",), scales=True),
    DemoRole(1, "staging", "backend-1-0", WORK, LLAMA, legacy=True),
)
MORTAL = tuple(role for role in ROLES if role.namespace == "prod" and role.model is not None)
"""The roles whose workers die: those of the main deployment."""


class Demo:
    """The demo's cluster. `clock` returns POSIX seconds; all else follows from `seed` and the
    steps.
    """

    def __init__(self, *, seed: int = 0, clock: Callable[[], float] = time.time) -> None:
        self.keyspace = Keyspace(clock)
        self.store = MemoryStore(self.keyspace)
        self._clock = clock
        self._random = random.Random(seed)
        self._last_id = 0x7D7BA1FD23950000 + self._random.randrange(0x4000)
        self._tick = 0
        self._next_event = self._random.randint(*TICKS_BETWEEN_EVENTS)
        self._next_death = TICKS_TO_FIRST_DEATH
        self._returning: list[tuple[int, DemoRole]] = []
        self._wanted = {role: set(role.adapters[:1]) for role in ROLES if role.adapters}
        self._workers: list[DemoWorker] = []
        for role in ROLES:
            for _ in range(role.count):
                worker = self._start(role)
                # Workers start at different times, so that they do not all renew at once.
                worker.renewed_at -= self._random.uniform(0, role.lease_seconds / 2)
                for adapter in sorted(self._wanted.get(role, ())):
                    self._load(worker, adapter)
        self._add_oddities()

    def workers(self) -> tuple[DemoWorker, ...]:
        """Return all workers with a lease, dead or alive."""
        return tuple(self._workers)

    def worker_at(self, address: str) -> DemoWorker | None:
        """Return the worker, dead or alive, that registered an address. None: it is no longer
        registered.
        """
        wanted = address.encode()
        named = (one for one in self.keyspace.read([b"v1/"]).entries if wanted in one.value)
        leases = {entry.lease for entry in named}
        return next((worker for worker in self._workers if worker.id in leases), None)

    def lives(self, worker: DemoWorker) -> bool:
        """Return whether a worker is registered and alive."""
        return worker.alive and worker in self._workers

    async def run(self, interval: float = 1.0) -> None:
        """Step without end, every `interval` seconds. The demo is made for one second."""
        while True:
            await asyncio.sleep(interval)
            self.step()

    def step(self) -> None:
        """Advance by one tick: renewals, leases that expire, and now and then an event."""
        self._tick += 1
        self._renew()
        self.keyspace.end_overdue_leases()
        self._replace_the_dead()
        if self._tick == self._next_death:
            # Until its lease ends, only the missing renewals show that it is dead.
            self._random.choice(list(self._living(*MORTAL))).alive = False
        if self._tick >= self._next_event:
            self._next_event = self._tick + self._random.randint(*TICKS_BETWEEN_EVENTS)
            events = (self._move_an_adapter, self._move_a_channel, self._scale)
            self._random.choices(events, (5, 2, 1))[0]()

    def _living(self, *roles: DemoRole) -> Iterator[DemoWorker]:
        return (worker for worker in self._workers if worker.alive and worker.role in roles)

    def _renew(self) -> None:
        now = self._clock()
        for worker in self._living(*ROLES):
            # As Dynamo does: at half of the granted time.
            if now - worker.renewed_at >= worker.role.lease_seconds / 2:
                worker.renewed_at = now
                self.keyspace.renew(worker.id)

    def _replace_the_dead(self) -> None:
        for worker in [worker for worker in self._workers if not worker.alive]:
            if self.keyspace.time_to_live(worker.id).granted is None:
                self._workers.remove(worker)
                self._returning.append((self._tick + TICKS_TO_RETURN, worker.role))
        for due, role in [returning for returning in self._returning if returning[0] <= self._tick]:
            self._returning.remove((due, role))
            self._start(role)
            self._next_death = self._tick + self._random.randint(*TICKS_BETWEEN_DEATHS)

    def _move_an_adapter(self) -> None:
        """Load or unload one adapter, towards the wanted ones. If all are as wanted, want
        others.
        """
        for role, wanted in self._wanted.items():
            for worker in self._living(role):
                for adapter in sorted(wanted ^ worker.adapters):
                    if adapter in wanted:
                        self._load(worker, adapter)
                    else:
                        self._unload(worker, adapter)
                    return
        role = self._random.choice(list(self._wanted))
        self._wanted[role] ^= {self._random.choice(role.adapters)}
        self._move_an_adapter()

    def _move_a_channel(self) -> None:
        """Bind a publisher to another port: the same key with another value."""
        roles = [role for role in ROLES if role.has_sockets]
        worker = self._random.choice(list(self._living(*roles)))
        self._put(records.channel(worker, "kv_metrics", self._port()), worker.id)

    def _scale(self) -> None:
        """Add one worker to a role, or stop that one: its instances are removed first, then its
        lease, as in Dynamo 1.6.
        """
        role = self._random.choice([role for role in ROLES if role.scales])
        workers = list(self._living(role))
        if len(workers) > role.count:
            self._workers.remove(workers[-1])
            for endpoint in role.endpoints:
                key, _ = records.instance(workers[-1], endpoint)
                self.keyspace.delete(key)
            self.keyspace.end_lease(workers[-1].id)
        else:
            self._start(role)

    def _start(self, role: DemoRole) -> DemoWorker:
        """Start a worker, and register the records of its role."""
        worker = self._process(role)
        self._workers.append(worker)
        self.keyspace.grant(worker.id, role.lease_seconds)
        for endpoint in role.endpoints:
            self._put(records.instance(worker, endpoint), worker.id)
        if role.model is not None:
            self._put(records.card(worker), worker.id)
        for topic in role.topics:
            # Up to 1.3 a publisher had its worker's id, from 1.4 on it has one of its own.
            worker.publishers[topic] = worker.id if role.legacy else self._random.randrange(2**53)
            self._put(records.channel(worker, topic, self._port()), worker.id)
        if "kv-events" in role.topics:
            self._put(records.source(worker, "kv-events"), worker.id)
        return worker

    def _process(self, role: DemoRole) -> DemoWorker:
        # etcd counts its lease ids up, so workers that started together have similar ids.
        self._last_id += self._random.randint(1, 40)
        host = f"10.42.{self._random.randint(1, 9)}.{self._random.randint(2, 250)}"
        return DemoWorker(role, self._last_id, host, self._port(), self._clock())

    def _port(self) -> int:
        return self._random.randint(32768, 60999)

    def _load(self, worker: DemoWorker, adapter: str) -> None:
        worker.adapters.add(adapter)
        self._put(records.card(worker, adapter), worker.id)

    def _unload(self, worker: DemoWorker, adapter: str) -> None:
        worker.adapters.remove(adapter)
        key, _ = records.card(worker, adapter)
        self.keyspace.delete(key)

    def _put(self, registered: KeyAndValue, lease: int | None) -> None:
        key, value = registered
        self.keyspace.put(key, value, lease)

    def _add_oddities(self) -> None:
        """Add findings: records that are left behind, broken, or put by a script."""
        role = next(role for role in ROLES if role.model is LLAMA)
        # A lease alone never shows it: a process that hangs while its lease is renewed.
        next(self._living(role)).hangs = True
        gone, copied = self._process(role), self._process(role)
        # A worker's card without a lease, which outlived its worker.
        self._put(records.card(gone), lease=None)
        # A value that was cut off while it was written.
        key, value = records.instance(gone, "generate")
        self._put((key, value[:74]), lease=None)
        # A live worker's value under the id of another, put by hand: routers use the value.
        key, _ = records.instance(copied, "generate")
        _, value = records.instance(list(self._living(role))[1], "generate")
        self._put((key, value), lease=None)
        # A bucket of a later release.
        router = next(worker for worker in self._workers if worker.role.component == "router")
        claim = {"holder": router.id, "claimed_at": int(self._clock()), "epoch": 3}
        self._put((b"v1/claims/prod/router/leader", pydantic_core.to_json(claim)), router.id)
