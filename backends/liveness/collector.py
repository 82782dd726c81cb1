"""Gather evidence while the dashboard runs: the remaining time of leases, and answers of addresses.

Writes nothing and takes no lease of its own. A cap on queries a second bounds the cost for the
store, the prober's limits that for workers.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from itertools import islice
from typing import Protocol

import msgspec

from backends.aio.backoff import Backoff
from backends.aio.common_moments import until_next
from backends.discovery.discovery import Discovery
from backends.discovery.lease_ttl import LeaseStanding
from backends.dynamo.records import AnyRecord
from backends.liveness.gathering import DEFAULT_CAP, Probing
from backends.liveness.judge import LeaseTtl, Verdict, is_late
from backends.liveness.lease_schedule import DEFAULT_LEASE_TIMES, LeaseSchedule, LeaseTimes
from backends.liveness.tracker import LeaseOrKey, LivenessTracker, lease_or_key
from backends.probe.types import NATS_SERVER, ProbeAnswer, ProbeResult, ProbeTarget
from backends.store import Lifetime, StoreError, Unreachable

RETRY_INTERVAL = 2.0
"""Seconds from a failure to the next attempt."""
SLOW = 1.0
"""Seconds for an answer beyond which the store is taken to have hung: its answer on an overdue
renewal is asked for once more."""
READING_INTERVAL = 3.0
"""Seconds between two looks at how many leases were read, until all were read once: of thousands
there are some each second, for minutes."""
MOST_SUSPECTS = 500
"""The most records that are probed without being on screen, since they are late or did not answer
the last time."""


class CollectorTimes(msgspec.Struct, frozen=True):
    """How often evidence is gathered, in seconds."""

    aim_interval: float = 1.0
    """Between two choices of addresses to probe."""
    deep_interval: float = 10.0
    """Between two deep probes of the records on screen: each is a line in a worker's log."""
    doubt: tuple[float, float] = (10.0, 300.0)
    """Until an address that was silent to a deep probe is asked again: first, and at most; it
    doubles. Without this, a worker that recovers would stay unreachable."""
    reading_interval: float = READING_INTERVAL
    """Between two reports that workers live of which nothing was known, until all leases were read
    once."""
    leases: LeaseTimes = DEFAULT_LEASE_TIMES


DEFAULT_TIMES = CollectorTimes()


class Probes(Protocol):
    """Probes addresses; see `backends.probe.prober`."""

    def want(self, targets: Collection[ProbeTarget]) -> None:
        """Probe these from now on, instead of the earlier ones."""

    async def run(self, notify: Callable[[list[ProbeResult]], None]) -> None:
        """Probe the wanted addresses, for ever."""

    async def once(
        self, targets: Collection[ProbeTarget], *, deep: bool = False
    ) -> list[ProbeResult]:
        """Probe each once, now. `deep`: also where that writes a line into the worker's log."""

    async def aclose(self) -> None:
        """Close the connections."""


class ObservesEvidence(Protocol):
    """Receives what was learnt before any verdict changes by it."""

    def ttls_read(self, ttls: Mapping[LeaseOrKey, LeaseTtl]) -> None:
        """The store answered for leases, or for keys where there are none."""

    def probes_made(self, results: Sequence[ProbeResult]) -> None:
        """Addresses were probed."""


class _Recheck(msgspec.Struct, frozen=True):
    ask_at: float
    """On the event loop's clock."""
    backoff: Backoff


class EvidenceCollector:
    """Supplies a cluster's `LivenessTracker` with evidence."""

    def __init__(
        self,
        discovery: Discovery,
        verdicts: LivenessTracker,
        probes: Probes,
        visible: Callable[[], Sequence[AnyRecord]],
        *,
        clock: Callable[[], float],
        probing: Probing = Probing.VISIBLE,
        cap: float = DEFAULT_CAP,
        times: CollectorTimes = DEFAULT_TIMES,
        observer: ObservesEvidence | None = None,
    ) -> None:
        """`visible`: returns the records on screen, which come first. `clock`: POSIX seconds.
        `cap`: the most queries to the store in a second; 0: none, so leases give no evidence."""
        self._discovery = discovery
        self._verdicts = verdicts
        self._probes = probes
        self._visible = visible
        self._clock = clock
        self._probing = probing
        self._asks_store = cap > 0
        self._schedule: LeaseSchedule[LeaseOrKey] = LeaseSchedule(cap, times.leases)
        self._times = times
        self._observer = observer
        self._was_slow = False
        """Whether the last answers took longer than a renewal may be late."""
        self.trouble = ""
        """Why evidence is missing, in a few words. Empty: no problem is known."""
        self._notify: Callable[[], None] = lambda: None
        self._is_news = False
        """Whether the last answers for leases show more than workers that live."""
        self._notified_at = -math.inf
        """When `notify` was called last after answers for leases."""
        self._rechecks: dict[ProbeTarget, _Recheck] = {}
        """The addresses that were silent to the last deep probe."""
        self._has_rechecks = asyncio.Event()
        self._aimed_at: tuple[object, ...] = ()
        """All that the wanted addresses follow from."""
        self._targets: set[ProbeTarget] = set()

    def sweep_age(self) -> float:
        """Return the seconds since the oldest answer for a lease, if there are more leases than the
        cap can follow; else 0. Call it in a running event loop."""
        return self._schedule.age(asyncio.get_running_loop().time())

    def leases_read(self) -> tuple[int, int]:
        """Return the number of leases that were read at least once, and of all leases."""
        leases = len(self._schedule.leases())
        return leases - self._schedule.unread, leases

    async def run(self, notify: Callable[[], None]) -> None:
        """Gather evidence for ever. `notify` is called after new evidence that bears on a verdict.

        Errors are shown in `trouble`, and the work is tried again: evidence that stops silently
        would be worse than none.
        """
        self._notify = notify
        async with asyncio.TaskGroup() as group:
            if self._asks_store:
                group.create_task(self._for_ever(self._ask_store))
            if self._probing is not Probing.NEVER:
                group.create_task(self._for_ever(self._choose_targets))
                group.create_task(self._for_ever(lambda: self._probes.run(self._take_readings)))
                group.create_task(self._for_ever(self._recheck_silent))
            if self._probing is Probing.DEEP:
                group.create_task(self._for_ever(self._probe_deep))

    async def _for_ever(self, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await work()
            except Exception as error:
                logging.getLogger(__name__).exception("gathering evidence failed")
                self.trouble = f"an error in dyntop itself, {type(error).__name__}"
            await asyncio.sleep(RETRY_INTERVAL)

    async def probe(self, records: Iterable[AnyRecord], *, deep: bool) -> list[ProbeResult]:
        """Probe the addresses of some records and of their workers' others now, once each."""
        readings = await self._probes.once(self._verdicts.targets(records), deep=deep)
        self._take_readings(readings)
        return readings

    async def _ask_store(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._follow_leases(loop.time())
            visible = [lease_or_key(record) for record in self._visible()]
            if due := self._schedule.take_due(loop.time(), visible):
                try:
                    await self._ask(due)
                    self.trouble = ""
                except Unreachable:
                    # The watch reports that.
                    self._schedule.failed(due, loop.time())
                except StoreError:
                    self._schedule.failed(due, loop.time())
                    self.trouble = "the store does not answer for leases"
                self._report(loop.time())
            await asyncio.sleep(self._schedule.pause(loop.time()))

    def _report(self, now: float) -> None:
        """Have evidence shown that bears on a verdict."""
        is_reading = self._schedule.unread and not self._is_news
        if is_reading and now - self._notified_at < self._times.reading_interval:
            return
        if self._verdicts.is_behind:
            self._notified_at = now
            self._notify()

    def _follow_leases(self, now: float) -> None:
        # Queries of these would count against the cap, and they may come faster than the cap
        # allows.
        for lease in self._verdicts.take_gone_leases():
            self._schedule.discard(lease)
        new = self._verdicts.take_new_leases()
        if self._verdicts.lifetime is Lifetime.OWNED:
            # Nothing has a time to live there.
            return
        if not self._verdicts.lifetime.has_leases:
            # There the watch itself reports expired keys. Records on screen or unreachable need
            # more: whether they are still touched.
            new = {lease_or_key(record) for record in (*self._visible(), *self._suspects())}
            left = set(self._schedule.leases()) - new
            for lease in left:
                self._schedule.discard(lease)
            self._verdicts.forget_ttls(left)
        for lease in new:
            self._schedule.add(lease, now)

    async def _ask(self, leases: Iterable[LeaseOrKey]) -> None:
        asked: dict[LeaseOrKey, AnyRecord] = {}
        for lease in leases:
            if (record := self._verdicts.record_on(lease)) is None:
                self._schedule.discard(lease)
            else:
                asked[lease] = record
        began = asyncio.get_running_loop().time()
        ttls = await self._discovery.time_to_live(asked.values())
        at, now = self._clock(), asyncio.get_running_loop().time()
        was_slow, self._was_slow = self._was_slow, now - began > SLOW
        learnt: dict[LeaseOrKey, LeaseTtl] = {}
        for lease, record in asked.items():
            ttl = ttls.get(record.key)
            if ttl is None:
                # It has no TTL, or is gone meanwhile.
                self._schedule.discard(lease)
                continue
            if self._was_slow and not was_slow and is_late(ttl):
                # A store that hung takes the renewals of that time only now, beside our question.
                self._schedule.ask_again(lease, now)
                continue
            learnt[lease] = LeaseTtl(ttl, at)
            self._schedule.answered(lease, ttl, now)
        of, calm = self._verdicts.of, (Verdict.UNKNOWN, Verdict.LIVE)
        self._is_news = any(
            one.standing is not LeaseStanding.RENEWED or of(asked[lease].key) not in calm
            for lease, one in learnt.items()
        )
        if self._observer is not None:
            self._observer.ttls_read(learnt)
        self._verdicts.observe_ttls(learnt)

    async def _choose_targets(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._probes.want(self._wanted())
            await asyncio.sleep(until_next(self._times.aim_interval, loop.time()))

    def _wanted(self) -> set[ProbeTarget]:
        visible = tuple(self._visible())
        aimed_at = (self._verdicts.updates, self._verdicts.nats_is_away, visible)
        if aimed_at != self._aimed_at:
            self._targets = self._targets_for(visible)
            self._aimed_at = aimed_at
        return self._targets

    def _targets_for(self, visible: Sequence[AnyRecord]) -> set[ProbeTarget]:
        if self._probing is Probing.ALL:
            return self._verdicts.watched(self._verdicts.records())
        late = self._of_verdict(self._verdicts.findings, Verdict.LATE)
        wanted = self._verdicts.watched([*visible, *self._suspects(), *late])
        if self._verdicts.nats_is_away:
            wanted.add(NATS_SERVER)
        return wanted

    def _suspects(self) -> list[AnyRecord]:
        """Return records whose addresses failed, on screen or not."""
        some = islice(self._verdicts.failed, MOST_SUSPECTS)
        return [one for key in some if (one := self._verdicts.record(key)) is not None]

    def _of_verdict(self, keys: Iterable[bytes], verdict: Verdict) -> list[AnyRecord]:
        verdicts = self._verdicts
        found = (verdicts.record(key) for key in keys if verdicts.of(key) is verdict)
        return [one for one in islice(found, MOST_SUSPECTS) if one is not None]

    async def _probe_deep(self) -> None:
        while True:
            await self.probe(self._visible(), deep=True)
            await asyncio.sleep(self._times.deep_interval)

    async def _recheck_silent(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._has_rechecks.wait()
            await asyncio.sleep(self._times.aim_interval)
            for target in [one for one in self._rechecks if not self._verdicts.knows(one)]:
                del self._rechecks[target]
            due = [one for one, recheck in self._rechecks.items() if recheck.ask_at <= loop.time()]
            if due:
                self._take_readings(await self._probes.once(due, deep=True))
            if not self._rechecks:
                self._has_rechecks.clear()

    def _plan_recheck(self, reading: ProbeResult) -> None:
        if reading.answer is not ProbeAnswer.SILENT:
            self._rechecks.pop(reading.target, None)
            return
        before = self._rechecks.get(reading.target)
        backoff = Backoff(*self._times.doubt) if before is None else before.backoff
        now = asyncio.get_running_loop().time()
        self._rechecks[reading.target] = _Recheck(now + backoff.pause(), backoff)
        self._has_rechecks.set()

    def _take_readings(self, readings: list[ProbeResult]) -> None:
        for reading in readings:
            if reading.deep:
                self._plan_recheck(reading)
        if self._observer is not None:
            self._observer.probes_made(readings)
        self._verdicts.observe_readings(readings)
        if self._verdicts.is_behind:
            self._notify()
