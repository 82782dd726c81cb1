"""A believable living cluster in memory: for `dyntop --demo`, and headless for tests.

Two disaggregated deployments (`prod`, and `prod.canary` over NATS) and an aggregated one
(`staging`, with one worker of Dynamo 1.0). LoRA adapters come and go, workers die and are
replaced, join and leave, publishers move. A few records are wrong on purpose, and a worker hangs.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterator

import pydantic_core

from backends.demo import records
from backends.demo.records import KeyAndValue, Model, Role, Worker
from backends.memory import Keyspace, MemoryStore

TICKS_BETWEEN_EVENTS = (2, 4)
"""Least and most. With a tick a second: lively, and slow enough to read each one."""
TICKS_TO_FIRST_DEATH = 20
TICKS_BETWEEN_DEATHS = (40, 70)
"""Least and most, from the return of the last one: never are two workers missing at once."""
TICKS_TO_RETURN = 6
"""From the end of the lease to the replacement's first key: a scheduler takes a moment."""

QWEN = Model("Qwen/Qwen3-32B", 40960, tool_call_parser="hermes", reasoning_parser="qwen3")
GPT_OSS = Model(
    "openai/gpt-oss-120b", 131072, tool_call_parser="harmony", reasoning_parser="gpt_oss"
)
LLAMA = Model("meta-llama/Llama-3.1-8B-Instruct", 131072, tool_call_parser="llama3_json")
BGE = Model("BAAI/bge-m3", 8192, "Embedding")

WORK = ("generate", "clear_kv_blocks")
ADAPTERS = ("acme/Support-Tone_v3", "acme/sql.writer", "acme/legal-summaries")
ROLES = (
    Role(2, "prod", "frontend", ("http",), plane="http"),
    Role(2, "prod", "router", ("generate", "best_worker_id")),
    Role(4, "prod", "prefill", WORK, QWEN, "prefill"),
    Role(4, "prod", "backend", WORK, QWEN, "decode", adapters=ADAPTERS),
    Role(2, "prod", "embed", ("generate",), BGE),
    Role(2, "prod.canary", "prefill", WORK, GPT_OSS, "prefill", "nats_tcp"),
    Role(2, "prod.canary", "backend", WORK, GPT_OSS, "decode", "nats_tcp", scales=True),
    Role(4, "staging", "backend", WORK, LLAMA, adapters=("acme/red-team",), scales=True),
    Role(1, "staging", "backend-1-0", WORK, LLAMA, legacy=True),
)
MORTAL = tuple(role for role in ROLES if role.namespace == "prod" and role.model is not None)
"""Whose workers die: the deployment that everybody looks at."""


class Demo:
    """The cluster. `clock` gives POSIX seconds; all else follows from `seed` and the steps."""

    def __init__(self, *, seed: int = 0, clock: Callable[[], float] = time.time) -> None:
        self.keyspace = Keyspace(clock)
        self.store = MemoryStore(self.keyspace)
        self._clock = clock
        self._random = random.Random(seed)
        self._last_id = 0x7D7BA1FD23950000 + self._random.randrange(0x4000)
        self._tick = 0
        self._next_event = self._random.randint(*TICKS_BETWEEN_EVENTS)
        self._next_death = TICKS_TO_FIRST_DEATH
        self._returning: list[tuple[int, Role]] = []
        self._wanted = {role: set(role.adapters[:1]) for role in ROLES if role.adapters}
        self._workers: list[Worker] = []
        for role in ROLES:
            for _ in range(role.count):
                worker = self._start(role)
                # They did not all start at this moment, so they do not all renew at once.
                worker.renewed_at -= self._random.uniform(0, role.lease_seconds / 2)
                for adapter in sorted(self._wanted.get(role, ())):
                    self._load(worker, adapter)
        self._add_oddities()

    def workers(self) -> tuple[Worker, ...]:
        """All that have a lease, dead or alive."""
        return tuple(self._workers)

    def worker_at(self, address: str) -> Worker | None:
        """The worker, dead or alive, that registered an address. None: there is none any more."""
        wanted = address.encode()
        named = (one for one in self.keyspace.read([b"v1/"]).entries if wanted in one.value)
        leases = {entry.lease for entry in named}
        return next((worker for worker in self._workers if worker.id in leases), None)

    def lives(self, worker: Worker) -> bool:
        """Whether a worker is at work: neither dead nor gone."""
        return worker.alive and worker in self._workers

    async def run(self, interval: float = 1.0) -> None:
        """Step for ever, every `interval` seconds; the world is made for one second."""
        while True:
            await asyncio.sleep(interval)
            self.step()

    def step(self) -> None:
        """Advance by one tick: keep-alives, leases that run out, and now and then an event."""
        self._tick += 1
        self._renew()
        self.keyspace.end_overdue_leases()
        self._replace_the_dead()
        if self._tick == self._next_death:
            # All that can be seen of it until the lease ends is that nobody renews it.
            self._random.choice(list(self._living(*MORTAL))).alive = False
        if self._tick >= self._next_event:
            self._next_event = self._tick + self._random.randint(*TICKS_BETWEEN_EVENTS)
            acts = (self._move_an_adapter, self._move_a_channel, self._scale)
            self._random.choices(acts, (5, 2, 1))[0]()

    def _living(self, *roles: Role) -> Iterator[Worker]:
        return (worker for worker in self._workers if worker.alive and worker.role in roles)

    def _renew(self) -> None:
        now = self._clock()
        for worker in self._living(*ROLES):
            # Like Dynamo: at half of what was granted.
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
        """Load or unload one, towards the adapters that are wanted; if all is so, want others."""
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
        """A publisher binds again, to another port: the same key with another value."""
        roles = [role for role in ROLES if role.has_sockets]
        worker = self._random.choice(list(self._living(*roles)))
        self._put(records.channel(worker, "kv_metrics", self._port()), worker.id)

    def _scale(self) -> None:
        """A role gets one worker more, or that one leaves, and gives back its lease."""
        role = self._random.choice([role for role in ROLES if role.scales])
        workers = list(self._living(role))
        if len(workers) > role.count:
            self._workers.remove(workers[-1])
            self.keyspace.end_lease(workers[-1].id)
        else:
            self._start(role)

    def _start(self, role: Role) -> Worker:
        """A new worker registers what all workers of its role do."""
        worker = self._process(role)
        self._workers.append(worker)
        self.keyspace.grant(worker.id, role.lease_seconds)
        for endpoint in role.endpoints:
            self._put(records.instance(worker, endpoint), worker.id)
        if role.model is not None:
            self._put(records.card(worker), worker.id)
        for topic in role.topics:
            # Up to 1.3 a publisher had its worker's id, from then on one of its own.
            worker.publishers[topic] = worker.id if role.legacy else self._random.randrange(2**53)
            self._put(records.channel(worker, topic, self._port()), worker.id)
        if "kv-events" in role.topics:
            self._put(records.source(worker, "kv-events"), worker.id)
        return worker

    def _process(self, role: Role) -> Worker:
        # etcd counts its lease ids up, so workers that started together have ids alike.
        self._last_id += self._random.randint(1, 40)
        host = f"10.42.{self._random.randint(1, 9)}.{self._random.randint(2, 250)}"
        return Worker(role, self._last_id, host, self._port(), self._clock())

    def _port(self) -> int:
        return self._random.randint(32768, 60999)

    def _load(self, worker: Worker, adapter: str) -> None:
        worker.adapters.add(adapter)
        self._put(records.card(worker, adapter), worker.id)

    def _unload(self, worker: Worker, adapter: str) -> None:
        worker.adapters.remove(adapter)
        key, _ = records.card(worker, adapter)
        self.keyspace.delete(key)

    def _put(self, registered: KeyAndValue, lease: int | None) -> None:
        key, value = registered
        self.keyspace.put(key, value, lease)

    def _add_oddities(self) -> None:
        """What an operator comes to look for: left behind, broken, or put by somebody's script."""
        role = next(role for role in ROLES if role.model is LLAMA)
        # What a lease alone never shows: a process that hangs while its lease is renewed.
        next(self._living(role)).hangs = True
        gone, copied = self._process(role), self._process(role)
        # A worker's card that no lease took away with it.
        self._put(records.card(gone), lease=None)
        # A value that was cut off while it was written.
        key, value = records.instance(gone, "generate")
        self._put((key, value[:74]), lease=None)
        # A living worker's value, put by hand under the id of another: routers go by the value.
        key, _ = records.instance(copied, "generate")
        _, value = records.instance(list(self._living(role))[1], "generate")
        self._put((key, value), lease=None)
        # A bucket of a later release.
        router = next(worker for worker in self._workers if worker.role.component == "router")
        claim = {"holder": router.id, "claimed_at": int(self._clock()), "epoch": 3}
        self._put((b"v1/claims/prod/router/leader", pydantic_core.to_json(claim)), router.id)
