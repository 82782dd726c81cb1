"""The time to live that a store reported for a lease or key, and what it shows about the worker.

Pure. Every release of Dynamo that was measured renews at half of the granted time.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec
from msgspec.structs import replace

from backends.store import TimeToLive

MARGIN = 1.0
"""Seconds that a renewal must be overdue before it counts as missed: a busy worker or a busy store
is late by fractions of a second.
"""
ROUNDING = 1.0
"""Seconds by which a store may understate the remaining time: etcd reports whole seconds."""
NEWS = 5.0
"""Seconds after a renewal is due within which the TTL is read again."""


class LeaseStanding(StrEnum):
    """What a time to live shows about the worker that should renew it."""

    RENEWED = "renewed"
    """No renewal is overdue."""
    LATE = "late"
    """A renewal was missed."""
    GONE = "gone"
    """The lease no longer exists."""
    UNPROVED = "unproved"
    """The store itself gave the lease its full time. A renewal was due since, or while the store
    was away, and none was seen.
    """


class LeaseTtl(msgspec.Struct, frozen=True):
    """A lease's or key's time to live as a store reported it, and when."""

    ttl: TimeToLive
    at: float
    """POSIX seconds."""
    earlier: LeaseTtl | None = None
    """The TTL read before the store itself gave the lease its full time. None: the store did not,
    or none was read.
    """

    @property
    def standing(self) -> LeaseStanding:
        """What the TTL shows about the worker. A full time given by the store itself shows
        nothing.
        """
        if self.ttl.granted is None:
            return LeaseStanding.GONE
        if is_late(self.ttl):
            return LeaseStanding.LATE
        if self.ttl.reset_ago is None:
            return LeaseStanding.RENEWED
        if self.earlier is None or self.earlier.ttl.granted is None:
            return LeaseStanding.UNPROVED
        if is_late(self.earlier.ttl):
            return LeaseStanding.LATE
        due = self.earlier.at + self.earlier.ttl.remaining - self.earlier.ttl.granted / 2
        if self.at - due < ROUNDING + MARGIN:
            return LeaseStanding.RENEWED
        # While the store was away, nothing could be renewed.
        return LeaseStanding.LATE if due >= self.at - self.ttl.reset_ago else LeaseStanding.UNPROVED

    def after(self, before: LeaseTtl | None) -> LeaseTtl:
        """Return the same TTL with `earlier` set, from the TTL read `before` it."""
        if self.ttl.reset_ago is None or before is None:
            return self
        earlier = before if before.ttl.reset_ago is None else before.earlier
        return replace(self, earlier=earlier)

    def is_current(self, now: float) -> bool:
        """Return whether the remaining time still holds: no renewal was due since, or it is being
        read again.
        """
        granted = self.ttl.granted or 0.0
        return now - self.at <= max(0.0, self.ttl.remaining - granted / 2) + NEWS

    @property
    def renewed_at(self) -> float | None:
        """When the lease was last renewed, in POSIX seconds, and no later than the true time:
        stores round the remaining time down. None: not known, since the store itself gave the full
        time, or the lease is gone.
        """
        if self.ttl.granted is None or self.ttl.reset_ago is not None:
            return None
        return self.at - max(0.0, self.ttl.granted - self.ttl.remaining)

    @property
    def missed_at(self) -> float | None:
        """When the next renewal will count as missed, in POSIX seconds. None: not known when it is
        due.
        """
        if self.ttl.granted is None or self.ttl.reset_ago is not None:
            return None
        return self.at + self.ttl.remaining + ROUNDING + MARGIN - self.ttl.granted / 2

    def remaining(self, now: float) -> float:
        """Return the seconds left, if the lease was not renewed since. Not below 0."""
        left = max(0.0, self.ttl.remaining - (now - self.at))
        # More than granted: the clock that stamped it is ahead, or this one was set back.
        return left if self.ttl.granted is None else min(left, self.ttl.granted)


def is_late(ttl: TimeToLive) -> bool:
    """Return whether a renewal was missed. Every release measured renews at half of the granted
    time.
    """
    if ttl.granted is None:
        return False
    return ttl.remaining + ROUNDING <= ttl.granted / 2 - MARGIN


def same_standing(lease_ttl: LeaseTtl, other: LeaseTtl | None) -> bool:
    """Return whether two TTLs of one lease or key lead to the same verdict."""
    if other is None:
        return False
    return lease_ttl.standing is other.standing
