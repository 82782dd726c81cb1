"""Requests at an even rate, while workers are drained and restored."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tests.support.dynamo import discovery_environment
from tests.truth import dyntop
from tests.truth.cluster import MODEL, Cluster, Frontend, Worker
from tests.truth.looking import settle
from tests.truth.moments import Moment, only
from tests.truth.requests import Answer, chat

RATE = 20
"""Requests a second."""
AT_ONCE = 64
"""Requests under way, at most."""
RETRIES = ("--migration-limit", "3")
"""Of the frontend. Without any, one of 1.6.1 answers 503 to a request for which it chose a worker
in the same milliseconds in which that worker's instance went: about one in thirty drains met one,
on a busy machine. With them it is routed again, and counted as `model_migration_total`."""


@dataclass(frozen=True, slots=True)
class Load:
    """What the requests got."""

    answers: tuple[Answer, ...]
    rounds: int
    """How often the act was done meanwhile."""

    @property
    def lost(self) -> tuple[Answer, ...]:
        """Those that were not answered."""
        return tuple(one for one in self.answers if not one.ok)


def under_load(url: str, model: str, total: int, act: Callable[[], None]) -> Load:
    """Make so many requests of a frontend, twenty a second, and do something again and again
    until all are made. A whole round is done at least, whatever the number of requests."""
    answers: list[Answer] = []
    made = threading.Event()

    def send() -> None:
        begun = time.monotonic()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            futures = []
            for number in range(total):
                time.sleep(max(0.0, begun + number / RATE - time.monotonic()))
                futures.append(pool.submit(chat, url, model, f"{number} hello"))
            answers.extend(future.result() for future in futures)
        made.set()

    # Started from here, it is in the network in which this thread is.
    sending = threading.Thread(target=send)
    sending.start()
    rounds = 0
    try:
        while not rounds or not made.is_set():
            act()
            rounds += 1
    finally:
        sending.join()
    return Load(tuple(answers), rounds)


def drain_under_load(cluster: Cluster, total: int) -> Load:
    """Drain and restore one worker of two, in turn, while requests are made."""
    workers = [cluster.worker(), cluster.worker()]
    frontend = cluster.frontend(options=RETRIES)
    env = discovery_environment(cluster.store)
    both = only(MODEL, *(each.instance_id for each in workers))
    settle(Moment("both serve", [frontend], both), cluster.store)

    def drain_each() -> None:
        for worker in workers:
            (other,) = (each for each in workers if each is not worker)
            act = dyntop.drain(worker.instance_id, env)
            _wait_for_takers(cluster, frontend, other)
            dyntop.restore(act, env)
            _wait_for_takers(cluster, frontend, *workers)

    return under_load(frontend.url, MODEL, total, drain_each)


def _wait_for_takers(cluster: Cluster, frontend: Frontend, *workers: Worker) -> None:
    """Until these take requests and nothing else does: a second drain before the frontend knows of
    the first restore would leave it with no worker at all."""
    takers = only(MODEL, *(each.instance_id for each in workers))
    settle(Moment("in turn", [frontend], takers), cluster.store)
