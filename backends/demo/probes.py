"""Answers to probes in the demo, whose workers have addresses but no sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import NoReturn

from backends.demo.cluster import Demo
from backends.probe.nats import REACHED, UNLISTED
from backends.probe.types import NATS_SERVER, ProbeAnswer, ProbeMethod, ProbeResult, ProbeTarget

INTERVAL = 2.0
"""Seconds between two probes of the wanted targets."""


class DemoProbes:
    """Answers as a probe would. A `Probes`."""

    def __init__(self, world: Demo, clock: Callable[[], float]) -> None:
        """`clock` returns POSIX seconds."""
        self._world = world
        self._clock = clock
        self._wanted: Collection[ProbeTarget] = ()

    def want(self, targets: Collection[ProbeTarget]) -> None:
        self._wanted = targets

    async def run(self, report: Callable[[list[ProbeResult]], None]) -> NoReturn:
        while True:
            await asyncio.sleep(INTERVAL)
            report(await self.once(self._wanted))

    async def aclose(self) -> None:
        """Do nothing."""

    async def once(
        self, targets: Collection[ProbeTarget], *, deep: bool = False
    ) -> list[ProbeResult]:
        return [self._ask(target, deep) for target in targets]

    def _ask(self, target: ProbeTarget, deep: bool) -> ProbeResult:
        deep = deep and target.method is ProbeMethod.TCP
        answer, text = self._answer(target, deep)
        return ProbeResult(target, answer, self._clock(), text, deep)

    def _answer(self, target: ProbeTarget, deep: bool) -> tuple[ProbeAnswer, str]:
        if target == NATS_SERVER:
            return REACHED.answer, REACHED.text
        worker = self._world.worker_at(target.address)
        answers_itself = deep or target.method in (ProbeMethod.ZMTP, ProbeMethod.NATS)
        if worker is None or not worker.alive:
            if target.method is ProbeMethod.NATS:
                return UNLISTED.answer, UNLISTED.text
            return ProbeAnswer.REFUSED, "refuses connections"
        if not answers_itself:
            return ProbeAnswer.ACCEPTS, "accepts connections"
        if worker.hangs:
            return ProbeAnswer.SILENT, "accepts a connection, and does not answer"
        return ProbeAnswer.ANSWERS, "answers"
