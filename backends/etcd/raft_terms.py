"""Tell a lease renewed by its worker from one extended by etcd itself.

A new leader, also of a single etcd that was restarted, gives every lease its full time plus one
election timeout, whether its worker is alive or not (`Promote` in etcd's `lease/lessor.go`, seen
with etcd 3.5). The raft term, which is in the header of every answer, then rises. So a remaining
time proves a renewal only if the new leader does not explain it.
"""

from __future__ import annotations

from backends.store import TimeToLive

EXTENSION = 1.0
"""Seconds that a new leader gives beyond the full time: etcd's default election timeout. A longer
one is learnt from leases with more time left than granted.
"""
ROUNDING = 1.0
"""Seconds by which etcd understates the remaining time: it reports whole seconds."""


class Terms:
    """The raft term of the answers, and since when it is known.

    Pure: time is passed in, in seconds of a monotonic clock.
    """

    def __init__(self) -> None:
        self._term = 0
        self._began: float | None = None
        """When the first answer of this term came. None: no earlier term is known, so this one may
        have begun long ago.
        """
        self._extension = EXTENSION

    def observe(self, term: int, now: float) -> None:
        """Record the term of an answer. 0: the answer has none.

        Any other term counts as a new one: a member that was cut off may answer in an old term, and
        a cluster that lost its data starts over.
        """
        if not term or term == self._term:
            return
        self._began = now if self._term else None
        self._extension = EXTENSION
        self._term = term

    def age(self, now: float) -> float | None:
        """Return the seconds since every lease got its full time. None: no such moment is known."""
        return None if self._began is None else now - self._began

    def time_to_live(self, granted: float, remaining: float, now: float) -> TimeToLive:
        """Return a lease's time limit from an answer of this term. Both times are whole seconds."""
        if self._began is None:
            return TimeToLive(granted, remaining)
        age = now - self._began
        if remaining >= granted:
            # No renewal leaves that much.
            self._extension = max(self._extension, remaining + ROUNDING - granted + age)
        # The last renewal, if there was one, is at most this long ago.
        if granted - remaining < age - self._extension:
            return TimeToLive(granted, remaining)
        return TimeToLive(granted, remaining, reset_ago=age)
