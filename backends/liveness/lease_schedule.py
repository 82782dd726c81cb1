"""Schedule TTL queries, so that a missed keep-alive shows soon, at little cost.

Pure: takes the time (in seconds of a clock that never jumps) and the result of each query. A lease
is queried just after its renewal is due, so once per renewal. If the renewal did not come, it is
queried again and again until it comes, or is missed by enough.

Leases that came due while no query was possible (the store hung, or dyntop was stopped) are queried
afterwards as fast as the cap allows, the longest due first. Only if there are more leases than the
cap allows for, an overdue query is left to the next renewal, unless the last answer is old: late
queries would delay all others for nothing.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Hashable, Iterable, Iterator, Set
from typing import Generic, TypeVar

import msgspec

from backends.discovery.lease_ttl import ROUNDING, is_late
from backends.store import TimeToLive

SLACK = 0.1
"""Seconds from a due renewal to its query: the renewal takes time in the store, too."""
SUSPICIOUS_INTERVAL = 0.5
"""Seconds between two queries of a lease whose renewal is overdue."""
LATE_INTERVAL = 2.0
"""... of a lease whose renewal was missed: it ends soon, or recovers."""
RESET_SHARE = 1 / 8
"""Share of the renewal period: at most this much between two queries of a lease that the store
itself gave its full TTL, and whose worker's renewal is overdue."""
GONE_INTERVAL = 10.0
"""... of a lease that does not exist, while its keys are still there."""
MOMENT = 1.5
"""Seconds after it became due for which a query is still useful."""
MOST_SKIPPED = 3
"""Renewals after which a lease is queried whenever there is room."""
CATCH_UP = 60.0
"""Seconds within which all overdue leases must be queried at the rate of the cap, besides those
that come due meanwhile. If that takes longer, there are more leases than the cap allows for."""
OUTAGE = 10.0
"""Seconds for which old answers are blamed on a store that does not answer, and afterwards on
catching up: the state of the store shows that already."""
USUAL_PERIOD = 15.0
"""Seconds between two renewals, assumed for a lease without an answer yet: that of Dynamo 1.6."""

CALM_SHARE = 0.9
"""Share of the cap up to which queries can wait for a burst: with less room some wait for two."""

MOST_STALE = 4
"""Planned queries per lease, above which the outdated ones are dropped."""
FEW = 1000
"""Planned queries that are not worth dropping."""

LeaseT = TypeVar("LeaseT", bound=Hashable)


class LeaseTimes(msgspec.Struct, frozen=True):
    """How often leases are queried, in seconds."""

    burst_interval: float = 0.55
    """From when a lease is due to its query, at most: all that come due meanwhile are in one burst.
    A single query costs etcd ten times as much as one in a burst, and gRPC six times: 1.2 ms here
    instead of 0.2 ms. With this, `SLACK` and the second by which etcd rounds, a missed renewal is
    still known within two seconds."""
    new_interval: float = 1.5
    """Between two bursts, at most: a lease may be new, or have come on screen."""
    doubt_interval: float = 0.25
    """... at least, if a lease whose renewal is overdue is due before, or the cap leaves little
    room."""
    behind_interval: float = 1.0
    """... with more leases than the cap can follow: no late lease can be promised to show at once
    anyway."""


DEFAULT_LEASE_TIMES = LeaseTimes()


class _State(msgspec.Struct):
    due: float
    known_at: float
    """When the last answer came, or when the lease was added."""
    period: float = 0.0
    """Seconds between two renewals. 0: unknown."""
    expected: float = 0.0
    """When the next renewal is due, by its worker's last one."""


class LeaseSchedule(Generic[LeaseT]):
    """Spreads queries of leases (or keys, where there are no leases) over time."""

    def __init__(self, cap: float, times: LeaseTimes = DEFAULT_LEASE_TIMES) -> None:
        """`cap`: the most queries in a second, on average over a second."""
        self._times = times
        self._cap = cap
        self._burst = max(1.0, cap)
        """The most queries in one burst: also a low cap saves up for a whole one."""
        self._states: dict[LeaseT, _State] = {}
        self._by_period: dict[float, dict[LeaseT, None]] = {}
        """The leases of each period, the oldest answer first."""
        self._heap: list[tuple[float, int, LeaseT]] = []
        """When each is due. Entries whose time is no longer the lease's own are outdated."""
        self._number = 0
        self._allowance = cap
        self._counted_at: float | None = None
        self._asked: set[LeaseT] = set()
        """Queried, without an answer yet."""
        self._suspicious: dict[LeaseT, None] = {}
        """Leases whose renewal is overdue. They do not wait for all that came due before."""
        self._turn = 0
        """The next of the three kinds of queries: on screen, suspicious, due."""
        self._answered_at: float | None = None
        self._resumed_at = -math.inf
        """When the store answered again after a pause."""

    def leases(self) -> Set[LeaseT]:
        """Return all scheduled leases. Do not change it while going over it."""
        return self._states.keys()

    @property
    def unread(self) -> int:
        """The number of leases without any answer."""
        # Until the first answer the period is not known.
        return len(self._by_period.get(0.0, ()))

    def add(self, lease: LeaseT, now: float) -> None:
        """Add a lease, to be queried soon. A known one stays as it is."""
        if lease not in self._states:
            self._states[lease] = _State(now, now)
            self._by_period.setdefault(0.0, {})[lease] = None
            self._plan(lease, now)

    def discard(self, lease: LeaseT) -> None:
        """Drop a lease that has no keys any more."""
        if (state := self._states.pop(lease, None)) is not None:
            self._forget_period(lease, state.period)
        self._asked.discard(lease)
        self._suspicious.pop(lease, None)

    def take_due(self, now: float, visible: Iterable[LeaseT] = ()) -> list[LeaseT]:
        """Return the leases to query now, within the cap: those on screen, the suspicious, the
        longest due. They are chosen in turn, so that no kind waits for all of another."""
        if self._counted_at is not None:
            passed = max(0.0, now - self._counted_at)
            self._allowance = min(self._burst, self._allowance + passed * self._cap)
        self._counted_at = now
        kinds = [
            iter(self._on_screen(visible, now)),
            iter(self._overdue(now)),
            self._due(now),
        ]
        chosen: list[list[LeaseT]] = [[] for _ in kinds]
        idle = 0
        while idle < len(kinds) and self._allowance >= 1:
            turn, self._turn = self._turn, (self._turn + 1) % len(kinds)
            lease = next((one for one in kinds[turn] if one not in self._asked), None)
            if lease is None:
                idle += 1
                continue
            idle = 0
            self._allowance -= 1
            self._asked.add(lease)
            chosen[turn].append(lease)
        return [lease for some in chosen for lease in some]

    def _on_screen(self, visible: Iterable[LeaseT], now: float) -> list[LeaseT]:
        """Return the leases on screen that are due, the oldest answer first."""
        states = self._states
        known = [one for one in set(visible) if one in states]
        due = [
            one
            for one in known
            if states[one].due <= now or now - states[one].known_at >= states[one].period + MOMENT
        ]
        return sorted(due, key=lambda one: states[one].known_at)

    def _overdue(self, now: float) -> list[LeaseT]:
        """Return the suspicious leases that are due, the longest due first."""
        states = self._states
        due = [one for one in self._suspicious if states[one].due <= now]
        return sorted(due, key=lambda one: states[one].due)

    def _due(self, now: float) -> Iterator[LeaseT]:
        """Yield all other leases that are due, the longest due first."""
        skips: bool | None = None
        while self._heap and self._heap[0][0] <= now:
            due, _, lease = heapq.heappop(self._heap)
            state = self._states.get(lease)
            if state is None or state.due != due or lease in self._asked:
                continue
            if now - due > MOMENT and now - state.known_at < MOST_SKIPPED * state.period:
                if skips is None:
                    skips = not self._catches_up(now - due)
                if skips:
                    self._plan(lease, due + state.period)
                    continue
            yield lease

    def _catches_up(self, behind: float) -> bool:
        """Return whether all leases that came due in the last `behind` seconds can be queried soon,
        besides those that come due meanwhile."""
        demand = self._demand()
        spare = self._cap - demand - len(self._suspicious) / LATE_INTERVAL
        return spare > 0 and min(behind * demand, len(self._states)) <= CATCH_UP * spare

    def _demand(self) -> float:
        """Return the queries a second that are due on average."""
        groups = self._by_period.items()
        return sum(len(leases) / (period or USUAL_PERIOD) for period, leases in groups)

    def pause(self, now: float) -> float:
        """Return the seconds until the next burst of queries."""
        demand = self._demand()
        if demand > self._cap:
            return self._times.behind_interval
        if demand > CALM_SHARE * self._cap:
            return self._times.doubt_interval
        dues = (self._states[one].due for one in self._suspicious if one not in self._asked)
        soon = max(self._times.doubt_interval, min(dues, default=math.inf) - now)
        first = max(now, self._heap[0][0] if self._heap else math.inf)
        burst = first + self._times.burst_interval - now
        return min(burst, soon, self._times.new_interval)

    def answered(self, lease: LeaseT, ttl: TimeToLive, now: float) -> None:
        """Take the store's answer for a lease, and plan the next query."""
        if (
            self._answered_at is not None
            and now - self._answered_at > MOMENT
            and self._is_late(now)
        ):
            self._resumed_at = now
        self._answered_at = now
        state = self._states.get(lease)
        if state is None:
            return
        self._asked.discard(lease)
        self._forget_period(lease, state.period)
        state.known_at = now
        state.period = GONE_INTERVAL if ttl.granted is None else ttl.granted / 2
        # Its answer is the newest now.
        self._by_period.setdefault(state.period, {})[lease] = None
        due, is_suspicious = now + _pause(ttl), is_overdue(ttl)
        if ttl.reset_ago is None:
            state.expected = due
        elif not is_suspicious:
            # The remaining time proves nothing about the worker: its own renewal is due as before.
            is_suspicious = state.expected <= now
            soon = now + max(LATE_INTERVAL, RESET_SHARE * state.period)
            due = min(due, soon if is_suspicious else state.expected)
        if is_suspicious:
            self._suspicious.setdefault(lease)
        else:
            self._suspicious.pop(lease, None)
        self._plan(lease, due)

    def failed(self, leases: Iterable[LeaseT], now: float) -> None:
        """Plan another query in a while, since the store did not answer."""
        for lease in leases:
            if lease in self._states:
                self._asked.discard(lease)
                self._plan(lease, now + LATE_INTERVAL)

    def ask_again(self, lease: LeaseT, now: float) -> None:
        """Plan another query at once, since the answer does not count."""
        if lease in self._states:
            self._asked.discard(lease)
            self._plan(lease, now + SUSPICIOUS_INTERVAL)

    def age(self, now: float) -> float:
        """Return the seconds since the oldest answer of the leases that should have been renewed by
        now. 0: none, or the reason is a short outage."""
        oldest = self._oldest_late(now)
        if not oldest or self._demand() > self._cap:
            return oldest
        if now - self._resumed_at < OUTAGE:
            return 0.0
        return self._oldest_late(now, OUTAGE)

    def _oldest_late(self, now: float, more: float = 0.0) -> float:
        """Return the seconds since the oldest answer of the leases that should have been renewed
        `more` seconds ago. 0: there are none."""
        oldest = 0.0
        for period, leases in self._by_period.items():
            age = now - self._states[next(iter(leases))].known_at
            if age > period + ROUNDING + SLACK + MOMENT + more:
                oldest = max(oldest, age)
        return oldest

    def _is_late(self, now: float) -> bool:
        """Return whether any query waits for longer than it should, sent already or not."""
        dues = [self._states[one].due for one in self._asked if one in self._states]
        return min([*dues, *(due for due, _, _ in self._heap[:1])], default=now) < now - MOMENT

    def _forget_period(self, lease: LeaseT, period: float) -> None:
        leases = self._by_period[period]
        del leases[lease]
        if not leases:
            del self._by_period[period]

    def _plan(self, lease: LeaseT, due: float) -> None:
        """Plan a query of a lease. Suspicious leases are kept apart from those that come due."""
        self._states[lease].due = due
        if lease in self._suspicious:
            return
        # The number keeps leases from being compared, which may be of different types.
        self._number += 1
        heapq.heappush(self._heap, (due, self._number, lease))
        if len(self._heap) > MOST_STALE * len(self._states) + FEW:
            self._drop_stale()

    def _drop_stale(self) -> None:
        """Drop entries whose time is no longer the lease's own, or whose lease is gone."""
        planned: dict[LeaseT, tuple[float, int, LeaseT]] = {}
        for entry in self._heap:
            due, _, lease = entry
            state = self._states.get(lease)
            if state is not None and state.due == due:
                planned[lease] = entry
        self._heap = list(planned.values())
        heapq.heapify(self._heap)


def is_overdue(ttl: TimeToLive) -> bool:
    """Return whether a renewal is due and did not come, or cannot come any more."""
    return ttl.granted is None or ttl.remaining + ROUNDING <= ttl.granted / 2


def _pause(ttl: TimeToLive) -> float:
    """Return the seconds until the next useful query."""
    if ttl.granted is None:
        return GONE_INTERVAL
    if not is_overdue(ttl):
        return ttl.remaining + ROUNDING - ttl.granted / 2 + SLACK
    return LATE_INTERVAL if is_late(ttl) else SUSPICIOUS_INTERVAL
