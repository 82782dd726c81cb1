"""A generated cluster of 300 workers on 38 hosts, and what goes wrong in it at night."""

from __future__ import annotations

import json

from backends.demo import records
from backends.demo.records import DemoModel, DemoRole, DemoWorker
from backends.dynamo.parse import read
from backends.probe.probe_targets import targets_of
from backends.probe.types import ProbeAnswer
from tests.support.operating import SaidProbes, World

PER_HOST = 8
GRANTED = 60.0
"""Seconds of each lease."""
ACCEPTS = (ProbeAnswer.ACCEPTS, "accepts connections")
REFUSED = (ProbeAnswer.REFUSED, "refuses connections")

QWEN = DemoModel("Qwen/Qwen3-32B", 40960)
GPT_OSS = DemoModel("openai/gpt-oss-120b", 131072)
LLAMA = DemoModel("meta-llama/Llama-3.1-8B-Instruct", 131072)
BGE = DemoModel("BAAI/bge-m3", 8192, "Embedding")
WORK = ("generate", "clear_kv_blocks")

ROLES = (
    DemoRole(8, "prod", "frontend", ("http",), plane="http"),
    DemoRole(60, "prod", "prefill", WORK, QWEN, "prefill"),
    DemoRole(60, "prod", "backend", WORK, QWEN, "decode"),
    DemoRole(20, "prod", "embed", ("generate",), BGE),
    DemoRole(36, "prod.canary", "prefill", WORK, GPT_OSS, "prefill"),
    DemoRole(36, "prod.canary", "backend", WORK, GPT_OSS, "decode"),
    DemoRole(80, "staging", "backend", WORK, LLAMA),
)


class Night(World):
    """The cluster. Every worker answers at its address until it is killed."""

    def __init__(self) -> None:
        super().__init__()
        self.workers: list[DemoWorker] = []
        self.probes = SaidProbes()
        for role in ROLES:
            for _ in range(role.count):
                self.start(role)

    def start(self, role: DemoRole) -> DemoWorker:
        """Start a worker; it registers all that Dynamo's workers of its role do."""
        number = len(self.workers)
        host = f"10.42.{number // PER_HOST // 10}.{10 + number // PER_HOST % 10}"
        worker = DemoWorker(role, 0x7D7BA1FD23950000 + number * 16, host, 40000 + number, self.now)
        self.workers.append(worker)
        for endpoint in role.endpoints:
            self.put(records.instance(worker, endpoint), lease=worker.id)
        if role.model is not None:
            self.put(records.card(worker), lease=worker.id)
        for topic in role.topics:
            worker.publishers[topic] = 0x10000000000000 + number * 16 + len(topic)
            self.put(records.channel(worker, topic, 30000 + number), lease=worker.id)
        if "kv-events" in role.topics:
            self.put(records.source(worker, "kv-events"), lease=worker.id)
        self._answers(worker, ACCEPTS)
        return worker

    def of(self, namespace: str, component: str) -> list[DemoWorker]:
        """Return the workers of a component, in the order of their start."""
        wanted = (namespace, component)
        return [one for one in self.workers if (one.role.namespace, one.role.component) == wanted]

    def on_host(self, host: str) -> list[DemoWorker]:
        return [one for one in self.workers if one.host == host]

    def kill(self, worker: DemoWorker) -> None:
        """Kill a worker with -9: it refuses connections, and its lease runs out by itself."""
        worker.alive = False
        self._answers(worker, REFUSED)

    def stop(self, worker: DemoWorker) -> None:
        """Stop a worker in order: its instances are removed first, then its lease."""
        worker.alive = False
        for endpoint in worker.role.endpoints:
            self.keyspace.delete(records.instance(worker, endpoint)[0])
        self.keyspace.end_lease(worker.id)
        self.workers.remove(worker)

    def load(self, worker: DemoWorker, adapter: str) -> None:
        """Load a LoRA adapter."""
        worker.adapters.add(adapter)
        self.put(records.card(worker, adapter), lease=worker.id)

    def configure_otherwise(self, worker: DemoWorker) -> None:
        """Register the worker's card with another block size: frontends take one sort only."""
        key, value = records.card(worker)
        body = json.loads(value)
        body["card_json"]["kv_cache_block_size"] *= 2
        self.put((key, json.dumps(body).encode()), lease=worker.id)

    def advance(self, seconds: float) -> None:
        """Let time pass: the living renew their leases, and others' run out."""
        self.now += seconds
        for worker in self.workers:
            if worker.alive:
                self.keyspace.grant(worker.id, GRANTED)
        self.keyspace.end_overdue_leases()

    def _answers(self, worker: DemoWorker, answer: tuple[ProbeAnswer, str]) -> None:
        for entry in self.entries():
            if entry.lease == worker.id:
                for target in targets_of(read(entry)):
                    self.probes.answers[target.address] = answer
