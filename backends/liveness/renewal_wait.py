"""Wait for the renewals that decide whether a failed address counts against its worker. For
commands that look once.

A worker whose address fails from here may be cut off from this host alone: the next renewal of its
lease shows whether it is alive. Every release of Dynamo that was measured renews at half of the
granted time, so the answer is there by then at the latest.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterable, Sequence

import msgspec

from backends.aio.timer import LOOP, Timer
from backends.discovery.lease_ttl import MARGIN, ROUNDING, LeaseTtl
from backends.dynamo.records import AnyRecord
from backends.liveness.failure import CONFIRMED
from backends.liveness.judge import Verdict
from backends.liveness.tracker import LivenessTracker

PACE = (CONFIRMED, 2.0)
"""Seconds between two looks while waiting, at least and at most."""


class RenewalWait(msgspec.Struct, frozen=True):
    """How a command waits for renewals."""

    notify: Callable[[float, Sequence[AnyRecord]], None]
    """Called once before it waits, with the most seconds that it may take and the records that it
    is for; not where there is nothing to wait for."""
    most: float = math.inf
    """Seconds; a record that would take more is not waited for."""


def longest_wait(ttls: Iterable[LeaseTtl], now: float) -> float:
    """Return the seconds until each of some leases was renewed, or missed its renewal.

    `now`: POSIX seconds. At most half of the longest TTL and the time by which a renewal may be
    late.
    """
    return max((_wait(lease_ttl, now) for lease_ttl in ttls), default=0.0)


def _wait(lease_ttl: LeaseTtl, now: float) -> float:
    if lease_ttl.ttl.granted is None:
        return 0.0
    most = lease_ttl.ttl.granted / 2 + ROUNDING + MARGIN
    # What the store itself gave its full time: when its worker renews it is not known.
    missed_at = lease_ttl.missed_at
    return most if missed_at is None else min(most, max(0.0, missed_at - now))


async def await_renewals(
    tracker: LivenessTracker,
    records: Iterable[AnyRecord],
    look: Callable[[Sequence[AnyRecord]], Awaitable[None]],
    wait: RenewalWait,
    *,
    clock: Callable[[], float],
    timer: Timer = LOOP,
) -> None:
    """Wait for the next renewal of each record that another host refuses, until it came or was
    missed.

    The others are decided without one: a connection that this host itself refuses proves death, and
    a failure of the network makes a record at most unreachable from here while its lease is alive.
    `look` queries the leases and probes the addresses of some records once more, and has the
    tracker judge them. `clock`: POSIX seconds.

    Raises what `look` raises.
    """
    waiting = [
        one
        for one in _awaited(tracker, records)
        if (lease_ttl := tracker.lease_ttl(one)) is not None
        and _wait(lease_ttl, clock()) <= wait.most
    ]
    if not waiting:
        return
    seconds = longest_wait(_ttls(tracker, waiting), clock())
    wait.notify(seconds, waiting)
    least, longest = PACE
    ends_at = timer.now() + seconds + least
    while waiting and timer.now() < ends_at:
        soonest = min(
            (_wait(lease_ttl, clock()) for lease_ttl in _ttls(tracker, waiting)), default=longest
        )
        await timer.sleep(min(longest, max(least, soonest)))
        await look(waiting)
        waiting = _awaited(tracker, waiting)


def _awaited(tracker: LivenessTracker, records: Iterable[AnyRecord]) -> list[AnyRecord]:
    there = [one for one in records if one.key in tracker.refused]
    return [one for one in there if tracker.of(one.key) is Verdict.UNREACHABLE]


def _ttls(tracker: LivenessTracker, records: Iterable[AnyRecord]) -> list[LeaseTtl]:
    return [lease_ttl for one in records if (lease_ttl := tracker.lease_ttl(one)) is not None]
