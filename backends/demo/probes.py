"""Answers to probes in the demo, whose workers have addresses and no sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import NoReturn

from backends.demo.cluster import Demo
from backends.probe.nats import UNLISTED
from backends.probe.types import Answer, Method, Reading, Target

INTERVAL = 2.0
"""Seconds between two probes of what is wanted."""


class DemoProbes:
    """Says of each address what a probe would see; keeps the `Probes` protocol."""

    def __init__(self, world: Demo, clock: Callable[[], float]) -> None:
        """`clock` gives POSIX seconds."""
        self._world = world
        self._clock = clock
        self._wanted: Collection[Target] = ()

    def want(self, targets: Collection[Target]) -> None:
        self._wanted = targets

    async def run(self, told: Callable[[list[Reading]], None]) -> NoReturn:
        while True:
            await asyncio.sleep(INTERVAL)
            told(await self.once(self._wanted))

    async def aclose(self) -> None:
        """There is nothing to end."""

    async def once(self, targets: Collection[Target], *, deep: bool = False) -> list[Reading]:
        return [self._ask(target, deep) for target in targets]

    def _ask(self, target: Target, deep: bool) -> Reading:
        deep = deep and target.method is Method.TCP
        answer, text = self._answer(target, deep)
        return Reading(target, answer, self._clock(), text, deep)

    def _answer(self, target: Target, deep: bool) -> tuple[Answer, str]:
        worker = self._world.worker_at(target.address)
        answers_itself = deep or target.method in (Method.ZMTP, Method.NATS)
        if worker is None or not worker.alive:
            if target.method is Method.NATS:
                return UNLISTED.answer, UNLISTED.text
            return Answer.REFUSED, "refuses connections"
        if not answers_itself:
            return Answer.ACCEPTS, "accepts connections"
        if worker.hangs:
            return Answer.SILENT, "accepts a connection, and does not answer"
        return Answer.ANSWERS, "answers"
