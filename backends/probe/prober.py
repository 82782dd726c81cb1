"""Schedule probes: each wanted target again and again, evenly, and never more often than set."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
from collections.abc import Callable, Collection, Iterable
from functools import partial

from msgspec.structs import replace

from backends.aio.backoff import Backoff
from backends.aio.timer import LOOP, Timer
from backends.nats.config import NatsConfig
from backends.probe import request_plane, tcp, zmtp
from backends.probe.health import Health
from backends.probe.nats import Nats
from backends.probe.probe_targets import address_of, is_loopback
from backends.probe.types import Finding, ProbeAnswer, ProbeMethod, ProbeResult, ProbeTarget

SPREAD = 0.01
"""Seconds between two targets that are added at the same time, on average, to avoid bursts."""

BATCH = 0.05
"""Seconds for which results are gathered before they are reported, to avoid a redraw for each."""

SETTLE = 0.2
"""Seconds to wait after a lost connection: a dying process closes its sockets one by one."""

SHORT = 30.0
"""Seconds. A live peer that ends a connection sooner does not accept idle ones."""

LONGEST_PAUSE = 60.0
"""The longest pause between two connections to such a peer, in seconds."""

ELSEWHERE = Finding(
    ProbeAnswer.UNTRIED, "is a loopback address: only its own machine can ask there"
)

NATS = ProbeTarget(ProbeMethod.NATS, "")
"""Stands for all targets of its method, since one question answers them all."""


class Prober:
    """Probes targets: repeatedly (`run`), or at once (`once`).

    For each address of the TCP plane one idle connection is held, which shows a death at once and
    costs the worker nothing. All other targets are probed every `interval` seconds, never sooner,
    plus a random part of `jitter`, so that many dyntops do not probe in step.

    `clock` returns POSIX seconds; `random` returns numbers in 0 ≤ x < 1; `timer` plans and waits.
    """

    def __init__(
        self,
        *,
        nats: NatsConfig | None,
        clock: Callable[[], float],
        random: Callable[[], float],
        interval: float = 2.0,
        jitter: float = 0.4,
        time_limit: float = 1.0,
        concurrency: int = 32,
        most_held: int = 256,
        here: bool = True,
        timer: Timer = LOOP,
    ) -> None:
        """`here`: whether a loopback address in the store means this machine. If not, such
        addresses are not probed, since another program may listen there on this machine.

        `most_held`: connections held at a time; by default more than fit on a screen, and a quarter
        of the usual limit of files.
        """
        self._most_held = most_held
        self._nats = Nats(nats, timer)
        self._health = Health(clock)
        self._clock = clock
        self._random = random
        self._interval = interval
        self._jitter = jitter
        self._time_limit = time_limit
        self._concurrency = concurrency
        self._here = here
        self._timer = timer

        self._wanted: frozenset[ProbeTarget] = frozenset()
        self._taken_up: frozenset[ProbeTarget] | None = None
        """The planned targets."""
        self._changed = asyncio.Event()
        """Set when a target was added, a probe ended, or a connection was lost."""
        # A unit below is a target, or NATS for all of its method. Times are the timer's.
        self._units: frozenset[ProbeTarget] = frozenset()
        self._due: dict[ProbeTarget, float] = {}
        self._queue: list[tuple[float, ProbeTarget]] = []
        """A heap. An item is out of date unless `_due` has the same time."""
        self._asked: dict[ProbeTarget, float] = {}
        """When each unit was last probed, including recently removed ones, which may come back."""
        self._asking: set[ProbeTarget] = set()
        self._held: dict[ProbeTarget, tcp.IdleConnection] = {}
        self._lost: dict[ProbeTarget, Backoff] = {}
        """Of units whose connection was lost soon after it was made."""
        self._readings: list[ProbeResult] = []
        """Not reported yet."""
        self._report_at: float | None = None

    def want(self, targets: Collection[ProbeTarget]) -> None:
        """Probe these targets from now on, and no others."""
        wanted = frozenset(target for target in targets if not self._is_elsewhere(target))
        if wanted != self._wanted:
            self._wanted = wanted
            self._changed.set()

    async def run(self, report: Callable[[list[ProbeResult]], None]) -> None:
        """Probe the wanted targets without end. Report results in batches, a few each second.

        At most `concurrency` probes are in flight at a time. Raises only what `report` raises.
        """
        tasks: set[asyncio.Task[None]] = set()
        try:
            while True:
                self._changed.clear()
                for task in [task for task in tasks if task.done()]:
                    tasks.remove(task)
                    task.result()
                self._take_up()
                while len(tasks) < self._concurrency and (unit := self._next_due()) is not None:
                    if (held := self._held.get(unit)) is not None:
                        self._add_results(unit, [self._reading(unit, held.finding)])
                        continue
                    self._asking.add(unit)
                    task = asyncio.create_task(self._ask_again(unit))
                    tasks.add(task)
                    task.add_done_callback(lambda _: self._changed.set())
                self._report_in_time(report, more=bool(tasks))
                await self._wait(may_ask=len(tasks) < self._concurrency)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._forget_all()

    async def once(
        self, targets: Collection[ProbeTarget], *, deep: bool = False
    ) -> list[ProbeResult]:
        """Probe each target now. Return the results, in the order of the targets.

        `deep` sends the TCP plane a request for an endpoint that cannot exist, which writes one
        WARN line to the worker's log. System servers get the full question, which writes at most
        one ERROR line.
        """
        elsewhere = [self._reading(one, ELSEWHERE) for one in targets if self._is_elsewhere(one)]
        wanted = frozenset(target for target in targets if not self._is_elsewhere(target))
        units = iter(sorted(_units(wanted)))
        readings: list[ProbeResult] = []

        async def ask() -> None:
            for unit in units:
                self._asked[unit] = self._timer.now()
                readings.extend(await self._ask(unit, wanted, fully=True, deep=deep))

        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._concurrency, len(wanted))):
                group.create_task(ask())
        return sorted([*readings, *elsewhere], key=lambda reading: reading.target)

    async def aclose(self) -> None:
        """End the connection to NATS. `run` ends its own connections when it is cancelled."""
        await self._nats.aclose()

    def _is_elsewhere(self, target: ProbeTarget) -> bool:
        return not self._here and is_loopback(target)

    # Scheduling.

    def _take_up(self) -> None:
        """Plan the new targets, and drop those no longer wanted."""
        if self._wanted is self._taken_up:
            return
        self._taken_up = self._wanted
        units = _units(self._wanted)
        now = self._timer.now()
        self._drop(self._held.keys() - units)
        for gone in self._units - units:
            self._due.pop(gone, None)
            self._lost.pop(gone, None)
        new = units - self._units - self._asking
        self._units = units
        self._asked = {
            unit: at
            for unit, at in self._asked.items()
            if unit in units or now - at < self._interval
        }
        spread = min(self._interval, SPREAD * len(new))
        for unit in new:
            self._plan(unit, max(self._earliest(unit), now + self._random() * spread))

    def _forget_all(self) -> None:
        self._drop(self._held.copy())
        self._units, self._taken_up = frozenset(), None
        self._asking.clear()  # still holds units whose task was cancelled before it began
        self._due.clear()
        self._queue.clear()
        self._lost.clear()
        self._readings.clear()
        self._report_at = None

    def _earliest(self, unit: ProbeTarget) -> float:
        asked = self._asked.get(unit)
        return 0.0 if asked is None else asked + self._interval

    def _plan(self, unit: ProbeTarget, at: float) -> None:
        self._due[unit] = at
        heapq.heappush(self._queue, (at, unit))

    def _next_due(self) -> ProbeTarget | None:
        """Return a unit that is due, and take it off the plan. None: none is."""
        now = self._timer.now()
        while self._queue and (self._is_outdated(*self._queue[0]) or self._queue[0][0] <= now):
            at, unit = heapq.heappop(self._queue)
            if self._is_outdated(at, unit):
                continue
            if now < self._earliest(unit) and unit not in self._held:  # `once` probed it meanwhile
                self._plan(unit, self._earliest(unit))
                continue
            del self._due[unit]
            return unit
        return None

    def _is_outdated(self, at: float, unit: ProbeTarget) -> bool:
        return self._due.get(unit) != at

    async def _wait(self, *, may_ask: bool) -> None:
        times = [self._queue[0][0]] if self._queue and may_ask else []
        if self._report_at is not None:
            times.append(self._report_at)
        with contextlib.suppress(TimeoutError):
            async with self._timer.timeout_at(min(times, default=None)):
                await self._changed.wait()

    def _report_in_time(self, report: Callable[[list[ProbeResult]], None], *, more: bool) -> None:
        """Report the results once the oldest of them has waited long enough for others. `more`:
        whether any may come."""
        if not self._readings:
            return
        now = self._timer.now()
        if self._report_at is None:
            self._report_at = now + BATCH
        if self._report_at <= now or not more:
            readings, self._readings, self._report_at = self._readings, [], None
            report(readings)

    # Probing.

    async def _ask_again(self, unit: ProbeTarget) -> None:
        self._asked[unit] = self._timer.now()
        try:
            readings = await self._ask_or_hold(unit)
        finally:
            self._asking.discard(unit)
        if unit in self._units:
            self._add_results(unit, readings)

    def _add_results(self, unit: ProbeTarget, readings: Iterable[ProbeResult]) -> None:
        """Keep results for the next report, and plan the next probe."""
        self._readings += (reading for reading in readings if reading.target in self._wanted)
        if unit not in self._due:  # it is due already if its connection was lost
            now = self._timer.now()
            if unit in self._held:
                # It tells of its end by itself: all of these are read at the same moments.
                self._plan(unit, (now // self._interval + 1) * self._interval)
            else:
                asked = self._asked.get(unit, now)
                self._plan(unit, asked + self._interval + self._random() * self._jitter)

    async def _ask_or_hold(self, unit: ProbeTarget) -> list[ProbeResult]:
        address = address_of(unit)
        if (
            unit.method is not ProbeMethod.TCP
            or address is None
            or len(self._held) >= self._most_held
        ):
            return await self._ask(unit, self._wanted, fully=False, deep=False)
        finding, idle = await tcp.hold(
            address, self._time_limit, partial(self._on_lost, unit, self._asked[unit])
        )
        # If it was lost already, `_on_lost` has handled that.
        if idle is not None and idle.is_open and unit in self._units:
            self._held[unit] = idle
        elif idle is not None:
            idle.close()
        if finding.answer is not ProbeAnswer.ACCEPTS:
            self._lost.pop(unit, None)
        return [self._reading(unit, finding)]

    def _on_lost(self, unit: ProbeTarget, since: float) -> None:
        """Plan the next probe after the peer ended the connection made at `since`."""
        self._held.pop(unit, None)
        now = self._timer.now()
        backoff = self._lost.get(unit)
        # After the first loss the peer is most likely dead, which should show soon. A peer that
        # continues to accept and to end connections is alive, and may log each one: a TCP plane
        # with TLS does.
        if backoff is None or now - since >= SHORT:
            self._lost[unit] = Backoff(self._interval, LONGEST_PAUSE)
            pause = SETTLE
        else:
            pause = backoff.pause()
        if unit in self._units:
            self._plan(unit, max(self._earliest(unit), now + pause))
            self._changed.set()

    def _drop(self, units: Iterable[ProbeTarget]) -> None:
        for unit in units:
            self._held.pop(unit).close()

    async def _ask(
        self, unit: ProbeTarget, wanted: Iterable[ProbeTarget], *, fully: bool, deep: bool
    ) -> list[ProbeResult]:
        if unit == NATS:
            targets = {
                target.address: target for target in wanted if target.method is ProbeMethod.NATS
            }
            found = await self._nats.ask(targets, self._time_limit)
            return [self._reading(targets[subject], found[subject]) for subject in targets]
        reading = self._reading(unit, await self._found(unit, fully=fully, deep=deep))
        return [replace(reading, deep=deep and unit.method is ProbeMethod.TCP)]

    async def _found(self, target: ProbeTarget, *, fully: bool, deep: bool) -> Finding:
        address = address_of(target)
        if address is None:
            return Finding(ProbeAnswer.UNTRIED, "is no address that can be asked")
        match target.method:
            case ProbeMethod.ZMTP:
                return await zmtp.ask(address, self._time_limit)
            case ProbeMethod.HEALTH:
                return await self._health.ask(address, self._time_limit, fully=fully)
            case ProbeMethod.TCP if deep:
                return await request_plane.ask(address, self._time_limit)
            case _:
                return await tcp.ask(address, self._time_limit)

    def _reading(self, target: ProbeTarget, finding: Finding) -> ProbeResult:
        at = self._clock()
        return ProbeResult(target, finding.answer, at, finding.text, local=finding.local)


def _units(targets: Iterable[ProbeTarget]) -> frozenset[ProbeTarget]:
    """Return the units that are probed separately: each target, but NATS once."""
    return frozenset(NATS if target.method is ProbeMethod.NATS else target for target in targets)
