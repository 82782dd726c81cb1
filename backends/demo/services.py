"""The statistics of the demo's NATS services. The demo has no NATS."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection

from backends.demo.cluster import Demo
from backends.demo.records import DemoWorker
from backends.dynamo import naming
from backends.services.types import EndpointStats, RequestStats, Service, StatsScrape

UPTIME = 4 * 3600.0
"""Seconds that workers have been running when the demo begins."""
LAST_ERROR = "500: the stream to the client broke off"


class DemoServices:
    """Answers for the workers that are alive. A `Services`."""

    def __init__(self, world: Demo, clock: Callable[[], float]) -> None:
        """`clock` returns POSIX seconds."""
        self._world = world
        self._clock = clock
        self._begun = clock()
        self._workers: dict[str, DemoWorker] = {}
        """By subject. A worker answers even when it is no longer registered."""

    async def scrape(self, expected: Collection[str]) -> StatsScrape:
        now = self._clock()
        for subject in expected:
            worker = self._world.worker_at(subject)
            if worker is not None:
                self._workers[subject] = worker
        by_worker: dict[str, list[tuple[str, DemoWorker]]] = {}
        for subject, worker in sorted(self._workers.items()):
            if self._world.lives(worker):
                by_worker.setdefault(f"{worker.id:x}", []).append((subject, worker))
        services = [self._service(id, endpoints, now) for id, endpoints in by_worker.items()]
        return StatsScrape(now, tuple(services))

    async def aclose(self) -> None:
        """Do nothing."""

    def _service(self, id: str, endpoints: list[tuple[str, DemoWorker]], now: float) -> Service:
        _, worker = endpoints[0]
        # Workers differ, and each one stays the same.
        seed = worker.id % 97
        uptime = UPTIME + now - self._begun - 60 * seed
        name = naming.service_name(worker.role.namespace, worker.role.component)
        stats = tuple(_stats(subject, seed, uptime) for subject, _ in endpoints)
        return Service(id, name, "1.6.1", "", now - uptime, stats, now)


def _stats(subject: str, seed: int, uptime: float) -> EndpointStats:
    if ".generate-" not in subject:
        return EndpointStats(subject, RequestStats(seed % 5, 0, seed % 5 * 40_000, ""))
    requests = int(uptime * (3 + seed / 10))
    errors = requests // 4000 if seed % 2 else 0
    processing_ns = requests * (21_000 + 311 * seed)
    figures = RequestStats(requests, errors, processing_ns, LAST_ERROR if errors else "")
    data = {"kv_active_blocks": 400 + seed * 7, "kv_total_blocks": 2048, "waiting": seed % 4}
    return EndpointStats(subject, figures, data=json.dumps(data))
