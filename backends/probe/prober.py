"""Who is asked when: everything that is wanted again and again, evenly, and no more than that."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from functools import partial

from backends.nats.config import NatsConfig
from backends.probe import plane, tcp, zmtp
from backends.probe.health import Health
from backends.probe.nats import Nats
from backends.probe.targets import address_of, is_loopback
from backends.probe.types import Answer, Finding, Method, Reading, Target

SPREAD = 0.01
"""Seconds between two targets that are new at the same time, on average: no burst of packets."""

BATCH = 0.05
"""Seconds for which readings are gathered before they are told, so as not to redraw for each."""

SETTLE = 0.2
"""Seconds after a lost connection: the sockets of a dying process close one after the other."""

SHORT = 30.0
"""Seconds. A living peer that ends connections sooner does not want them held."""

LONGEST_PAUSE = 60.0
"""Seconds between two connections to such a peer at most."""

MOST_HELD = 256
"""Connections held at a time; more than fit on a screen, and a quarter of the usual limit."""

ELSEWHERE = Finding(Answer.UNTRIED, "is a loopback address: only its own machine can ask there")

NATS = Target(Method.NATS, "")
"""Stands for all of its method, since one question answers them all."""


class Prober:
    """Asks targets whether anybody is there: again and again (`run`), or now (`once`).

    To each address of the TCP plane one idle connection is held, which tells of a death at once and
    costs the worker nothing. Everything else is asked every `interval` seconds, never sooner, plus
    a random part of `jitter`, so that many dyntops do not beat together.

    `clock` gives POSIX seconds; `random` gives numbers in 0 ≤ x < 1.
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
        here: bool = True,
    ) -> None:
        """`here`: whether a loopback address in the store means this machine. Otherwise nobody at
        such an address is asked: what listens there here is another's."""
        self._nats = Nats(nats)
        self._health = Health(clock)
        self._clock = clock
        self._random = random
        self._interval = interval
        self._jitter = jitter
        self._time_limit = time_limit
        self._concurrency = concurrency
        self._here = here

        self._wanted: frozenset[Target] = frozenset()
        self._taken_up: frozenset[Target] | None = None
        """What of it is planned."""
        self._changed = asyncio.Event()
        """Something is wanted that was not, has ended, or is lost."""
        # The following are about units: a target, or NATS for all of its method. Times are the
        # event loop's.
        self._units: frozenset[Target] = frozenset()
        self._due: dict[Target, float] = {}
        self._queue: list[tuple[float, Target]] = []
        """A heap; what is not in `_due` with the same time is out of date."""
        self._asked: dict[Target, float] = {}
        """When each was last asked: also of those just left, which may come back."""
        self._asking: set[Target] = set()
        self._held: dict[Target, tcp.Idle] = {}
        self._lost: dict[Target, int] = {}
        """How many times in a row a connection was lost soon after it was made."""
        self._readings: list[Reading] = []
        """Not told yet."""
        self._tell_at: float | None = None

    def want(self, targets: Collection[Target]) -> None:
        """Ask these from now on, and no others."""
        wanted = frozenset(target for target in targets if not self._is_elsewhere(target))
        if wanted != self._wanted:
            self._wanted = wanted
            self._changed.set()

    async def run(self, told: Callable[[list[Reading]], None]) -> None:
        """Ask what is wanted, for ever; tell what was found in batches, a few each second.

        At most `concurrency` questions are under way at a time. Raises only what `told` does.
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
                    if unit in self._held:
                        self._note(unit, [self._reading(unit, tcp.ACCEPTS)])
                        continue
                    self._asking.add(unit)
                    task = asyncio.create_task(self._ask_again(unit))
                    tasks.add(task)
                    task.add_done_callback(lambda _: self._changed.set())
                self._tell_in_time(told)
                await self._until_something_is_to_do(may_ask=len(tasks) < self._concurrency)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._forget_all()

    async def once(self, targets: Collection[Target], *, deep: bool = False) -> list[Reading]:
        """Ask each of them now, and say what was found, in the order of the targets.

        `deep` asks the TCP plane for the refusal of an endpoint that cannot exist, which is one
        WARN line in the worker's log. System servers are asked in full, for at most one ERROR line.
        """
        elsewhere = [self._reading(one, ELSEWHERE) for one in targets if self._is_elsewhere(one)]
        wanted = frozenset(target for target in targets if not self._is_elsewhere(target))
        units = iter(sorted(_units(wanted)))
        readings: list[Reading] = []

        async def ask() -> None:
            for unit in units:
                self._asked[unit] = asyncio.get_running_loop().time()
                readings.extend(await self._ask(unit, wanted, fully=True, deep=deep))

        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._concurrency, len(wanted))):
                group.create_task(ask())
        return sorted([*readings, *elsewhere], key=lambda reading: reading.target)

    async def aclose(self) -> None:
        """End the connection to NATS. `run` ends its own connections when it is cancelled."""
        await self._nats.aclose()

    def _is_elsewhere(self, target: Target) -> bool:
        return not self._here and is_loopback(target)

    # When.

    def _take_up(self) -> None:
        """Plan what is new, and forget what is not wanted any more."""
        if self._wanted is self._taken_up:
            return
        self._taken_up = self._wanted
        units = _units(self._wanted)
        now = asyncio.get_running_loop().time()
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
        self._asking.clear()  # those that were cancelled before they began are still in there
        self._due.clear()
        self._queue.clear()
        self._lost.clear()
        self._readings.clear()
        self._tell_at = None

    def _earliest(self, unit: Target) -> float:
        asked = self._asked.get(unit)
        return 0.0 if asked is None else asked + self._interval

    def _plan(self, unit: Target, at: float) -> None:
        self._due[unit] = at
        heapq.heappush(self._queue, (at, unit))

    def _next_due(self) -> Target | None:
        """One that is to be asked by now, if there is one; it is not due any more then."""
        now = asyncio.get_running_loop().time()
        while self._queue and (self._is_outdated(*self._queue[0]) or self._queue[0][0] <= now):
            at, unit = heapq.heappop(self._queue)
            if self._is_outdated(at, unit):
                continue
            if now < self._earliest(unit) and unit not in self._held:  # `once` came between
                self._plan(unit, self._earliest(unit))
                continue
            del self._due[unit]
            return unit
        return None

    def _is_outdated(self, at: float, unit: Target) -> bool:
        return self._due.get(unit) != at

    async def _until_something_is_to_do(self, *, may_ask: bool) -> None:
        times = [self._queue[0][0]] if self._queue and may_ask else []
        if self._tell_at is not None:
            times.append(self._tell_at)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(min(times, default=None)):
                await self._changed.wait()

    def _tell_in_time(self, told: Callable[[list[Reading]], None]) -> None:
        """Tell, once the first of the readings has waited long enough for others."""
        now = asyncio.get_running_loop().time()
        if not self._readings:
            return
        if self._tell_at is None:
            self._tell_at = now + BATCH
        elif self._tell_at <= now:
            readings, self._readings, self._tell_at = self._readings, [], None
            told(readings)

    # Asking.

    async def _ask_again(self, unit: Target) -> None:
        self._asked[unit] = asyncio.get_running_loop().time()
        try:
            readings = await self._ask_or_hold(unit)
        finally:
            self._asking.discard(unit)
        if unit in self._units:
            self._note(unit, readings)

    def _note(self, unit: Target, readings: Iterable[Reading]) -> None:
        """Keep the readings to be told, and plan when to ask the next time."""
        self._readings += (reading for reading in readings if reading.target in self._wanted)
        if unit not in self._due:  # as it is once its connection is lost
            now = asyncio.get_running_loop().time()
            asked = now if unit in self._held else self._asked.get(unit, now)
            self._plan(unit, asked + self._interval + self._random() * self._jitter)

    async def _ask_or_hold(self, unit: Target) -> list[Reading]:
        address = address_of(unit)
        if unit.method is not Method.TCP or address is None or len(self._held) >= MOST_HELD:
            return await self._ask(unit, self._wanted, fully=False, deep=False)
        finding, idle = await tcp.hold(
            address, self._time_limit, partial(self._on_lost, unit, self._asked[unit])
        )
        # It may be lost again by now, and then that was told already.
        if idle is not None and idle.is_open and unit in self._units:
            self._held[unit] = idle
        elif idle is not None:
            idle.close()
        if finding.answer is not Answer.ACCEPTS:
            self._lost.pop(unit, None)
        return [self._reading(unit, finding)]

    def _on_lost(self, unit: Target, since: float) -> None:
        """The peer ended the connection that was made at `since`: it died, or does not want it."""
        self._held.pop(unit, None)
        now = asyncio.get_running_loop().time()
        times = self._lost.get(unit, 0) + 1 if now - since < SHORT else 1
        self._lost[unit] = times
        # The first time it is most likely dead, which is to be known soon. One that goes on to
        # accept and to end connections lives, and may log each of them: a TCP plane with TLS does.
        pause = SETTLE if times == 1 else min(self._interval * 2 ** (times - 2), LONGEST_PAUSE)
        if unit in self._units:
            self._plan(unit, max(self._earliest(unit), now + pause))
            self._changed.set()

    def _drop(self, units: Iterable[Target]) -> None:
        for unit in units:
            self._held.pop(unit).close()

    async def _ask(
        self, unit: Target, wanted: Iterable[Target], *, fully: bool, deep: bool
    ) -> list[Reading]:
        if unit == NATS:
            targets = {target.address: target for target in wanted if target.method is Method.NATS}
            found = await self._nats.ask(targets, self._time_limit)
            return [self._reading(targets[subject], found[subject]) for subject in targets]
        reading = self._reading(unit, await self._found(unit, fully=fully, deep=deep))
        return [replace(reading, deep=deep and unit.method is Method.TCP)]

    async def _found(self, target: Target, *, fully: bool, deep: bool) -> Finding:
        address = address_of(target)
        if address is None:
            return Finding(Answer.UNTRIED, "is no address that can be asked")
        match target.method:
            case Method.ZMTP:
                return await zmtp.ask(address, self._time_limit)
            case Method.HEALTH:
                return await self._health.ask(address, self._time_limit, fully=fully)
            case Method.TCP if deep:
                return await plane.ask(address, self._time_limit)
            case _:
                return await tcp.ask(address, self._time_limit)

    def _reading(self, target: Target, finding: Finding) -> Reading:
        return Reading(target, finding.answer, self._clock(), finding.text)


def _units(targets: Iterable[Target]) -> frozenset[Target]:
    """What is asked each for itself."""
    return frozenset(NATS if target.method is Method.NATS else target for target in targets)
