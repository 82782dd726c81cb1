"""Whose time to live to ask for next: so that a missed keep-alive is seen soon, at little cost.

Pure: it is told the time (in seconds of a clock that never jumps) and what came of each question.
A lease is asked about just after its renewal is due, so once for each renewal; one whose renewal
did not come is asked about again and again until it comes, or until it is missed by enough.

Where there are more leases than the cap allows for, a question whose moment has passed is left to
the next renewal, unless the last answer is old: asking late delays all the others for nothing.
"""

from __future__ import annotations

import heapq
from collections.abc import Hashable, Iterable, Set
from dataclasses import dataclass
from typing import Generic, TypeVar

from backends.liveness import ROUNDING, is_late
from backends.store import TimeToLive

SLACK = 0.1
"""Seconds after a renewal is due when it is asked for: it takes its way through the store, too."""
SUSPICIOUS_INTERVAL = 0.5
"""Seconds between two questions about a lease whose renewal is overdue."""
LATE_INTERVAL = 2.0
"""... about one whose renewal was missed: it ends soon, or recovers."""
VISIBLE_INTERVAL = 5.0
"""... about one that is on screen, at least."""
VISIBLE_SHARE = 1 / 3
"""... as a part of the time between two renewals: a lease of an hour tells nothing new so soon."""
GONE_INTERVAL = 10.0
"""... about a lease that does not exist, while its keys are still there."""
MOMENT = 1.5
"""Seconds after it became due when a question still does what it is for."""
MOST_SKIPPED = 3
"""Renewals after which a lease is asked about whenever there is room."""

Handle = TypeVar("Handle", bound=Hashable)


@dataclass(slots=True)
class _State:
    due: float
    known_at: float
    """When the last answer came, or when it came into the sweep."""
    period: float = 0.0
    """Seconds between two renewals. 0: not known yet."""


class Sweep(Generic[Handle]):
    """Spreads questions about leases (or keys, where there are no leases) over time."""

    def __init__(self, cap: float) -> None:
        """`cap` is the most questions in a second, on average over a second."""
        self._cap = cap
        self._burst = max(1.0, cap)
        """Questions in one burst, at most: also a low cap saves up for a whole one."""
        self._states: dict[Handle, _State] = {}
        """The one whose answer is oldest first."""
        self._heap: list[tuple[float, int, Handle]] = []
        """When each is due; entries whose time is not the handle's own any more are stale."""
        self._number = 0
        self._allowance = cap
        self._counted_at: float | None = None
        self._asked: set[Handle] = set()
        """Asked, and not answered yet."""
        self._suspicious: dict[Handle, None] = {}
        """Whose renewal is overdue, the longest known first: they do not wait for their turn."""

    def handles(self) -> Set[Handle]:
        """All that it asks about. Do not change it while going over it."""
        return self._states.keys()

    def add(self, handle: Handle, now: float) -> None:
        """It is there now: ask about it soon. One that is known stays as it is."""
        if handle not in self._states:
            self._states[handle] = _State(now, now)
            self._push(now, handle)

    def discard(self, handle: Handle) -> None:
        """Nothing hangs on it any more."""
        self._states.pop(handle, None)
        self._asked.discard(handle)
        self._suspicious.pop(handle, None)

    def take_due(self, now: float, visible: Iterable[Handle] = ()) -> list[Handle]:
        """Whom to ask now, within the cap: those on screen, the suspicious, the longest due."""
        if self._counted_at is not None:
            passed = max(0.0, now - self._counted_at)
            self._allowance = min(self._burst, self._allowance + passed * self._cap)
        self._counted_at = now
        chosen: dict[Handle, None] = {}
        for handle in self._oldest_first(visible, now):
            # Not all of it: what is off screen must have its turn, too.
            if len(chosen) + 1 > min(self._allowance, max(1.0, self._allowance / 2)):
                break
            chosen[handle] = None
        for handle in self._suspicious:
            if len(chosen) + 1 > self._allowance:
                break
            if handle not in self._asked and self._states[handle].due <= now:
                chosen[handle] = None
        while self._heap and self._heap[0][0] <= now and len(chosen) + 1 <= self._allowance:
            due, _, handle = heapq.heappop(self._heap)
            state = self._states.get(handle)
            if state is None or state.due != due or handle in self._asked:
                continue
            if now - due > MOMENT and now - state.known_at < MOST_SKIPPED * state.period:
                state.due = due + state.period
                self._push(state.due, handle)
            else:
                chosen[handle] = None
        self._allowance -= len(chosen)
        self._asked.update(chosen)
        return list(chosen)

    def _oldest_first(self, visible: Iterable[Handle], now: float) -> list[Handle]:
        """Those on screen that are to be asked about by now."""
        known = [one for one in set(visible) if one in self._states and one not in self._asked]
        states = self._states
        due = [
            one
            for one in known
            if states[one].due <= now or now - states[one].known_at >= _while_seen(states[one])
        ]
        return sorted(due, key=lambda one: states[one].known_at)

    def answered(self, handle: Handle, ttl: TimeToLive, now: float) -> None:
        """What the store said of it; says when to ask again."""
        state = self._states.get(handle)
        if state is None:
            return
        self._asked.discard(handle)
        # Its answer is the newest now.
        self._states[handle] = self._states.pop(handle)
        state.known_at = now
        state.period = GONE_INTERVAL if ttl.granted is None else ttl.granted / 2
        state.due = now + _pause(ttl)
        if is_overdue(ttl):
            self._suspicious.setdefault(handle)
        else:
            self._suspicious.pop(handle, None)
        self._push(state.due, handle)

    def failed(self, handles: Iterable[Handle], now: float) -> None:
        """The store did not answer: ask again in a while."""
        for handle in handles:
            if (state := self._states.get(handle)) is not None:
                self._asked.discard(handle)
                state.due = now + LATE_INTERVAL
                self._push(state.due, handle)

    def age(self, now: float) -> float:
        """Seconds since the oldest answer, if that should have been renewed by now; else 0."""
        oldest = next(iter(self._states.values()), None)
        if oldest is None:
            return 0.0
        age = now - oldest.known_at
        return age if age > oldest.period + ROUNDING + SLACK + MOMENT else 0.0

    def _push(self, due: float, handle: Handle) -> None:
        # The number keeps handles from being compared, which may be of different types.
        self._number += 1
        heapq.heappush(self._heap, (due, self._number, handle))


def _while_seen(state: _State) -> float:
    """Seconds between two questions about a lease on screen."""
    return max(VISIBLE_INTERVAL, VISIBLE_SHARE * state.period)


def is_overdue(ttl: TimeToLive) -> bool:
    """Whether a renewal is due and did not come, or cannot come any more."""
    return ttl.granted is None or ttl.remaining + ROUNDING <= ttl.granted / 2


def _pause(ttl: TimeToLive) -> float:
    """Seconds until it is worth asking again."""
    if ttl.granted is None:
        return GONE_INTERVAL
    if not is_overdue(ttl):
        return ttl.remaining + ROUNDING - ttl.granted / 2 + SLACK
    return LATE_INTERVAL if is_late(ttl) else SUSPICIOUS_INTERVAL
