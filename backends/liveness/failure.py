"""Weigh the probes of a process's addresses: how much those that failed, taken together, count
against it. That depends on the network between. Pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

import msgspec

from backends.probe.types import FAILED, NATS_SERVER, ProbeAnswer, ProbeResult, ProbeTarget

CONFIRMED = 1.5
"""Seconds over which an address must have failed before that counts for removing something."""
SAME_TIME = 5.0
"""Seconds between readings that count as of one moment: addresses on screen are asked every two."""


class Way(StrEnum):
    """The path between this host and a process with a failed address."""

    SILENT = "silent"
    """Nothing that matters: the process was reached, and does not answer."""
    CLOSED = "closed"
    """Nothing: the address is one of this host's own, and it refuses connections."""
    REFUSED = "refused"
    """A network. Something on it refused the connection: the other host's kernel, or a firewall."""
    UNREACHED = "unreached"
    """A network, and the packets or the connection got lost on it."""


class Failure(msgspec.Struct, frozen=True):
    """The failed addresses of a record, taken together."""

    way: Way
    since: float
    """When the last of them began to fail, in POSIX seconds."""
    readings: tuple[ProbeResult, ...]
    """The last of each, at least one; the one that decided comes first."""
    is_met_elsewhere: bool
    """Whether another address of the same process takes connections now."""
    last_at: float
    """When the newest of the readings was made."""

    @property
    def is_confirmed(self) -> bool:
        """Return whether it was seen more than once, or one look is enough. Networks have bad
        moments."""
        return self.way is Way.CLOSED or self.last_at - self.since >= CONFIRMED


class Probed(msgspec.Struct, frozen=True):
    """The probe results of one record, weighed; one object for all of its worker's records of which
    they show the same."""

    own: tuple[ProbeResult, ...] = ()
    """Of its own addresses, or of another record's with the same answers."""
    others: tuple[ProbeResult, ...] = ()
    """Of the other addresses of the same worker."""
    failure: Failure | None = None
    """The failed addresses that count. None: there are none."""
    is_dated: bool = False
    """Whether it depends on the time of each reading: any address failed, whether that counts or
    not, or the last reading of its own decides."""
    runs: bool = False
    """Whether its process answered, wherever it was asked."""
    carrier_is_away: bool = False
    """Whether the server that carries its requests is not there: none reaches it, and its worker is
    not to blame. The last reading of it counts."""


NOT_PROBED = Probed()


def weigh(
    own: Iterable[ProbeResult],
    others: Iterable[ProbeResult] = (),
    failing_since: Mapping[ProbeTarget, float] | None = None,
) -> Probed:
    """Weigh the readings of a record's own addresses together with its worker's others.

    `failing_since` has when each address failed first, of those that failed ever since, in POSIX
    seconds; where that is not known, it counts from its reading.
    """
    mine, theirs = tuple(own), tuple(others)
    answers = {one.answer for one in (*mine, *theirs)}
    any_failed = not answers.isdisjoint(FAILED)
    away = [one.answer is ProbeAnswer.AWAY for one in sorted(mine, key=lambda one: one.at)]
    return Probed(
        mine,
        theirs,
        failure_of(mine, theirs, failing_since) if any_failed else None,
        is_dated=any_failed or (any(away) and not all(away)),
        runs=ProbeAnswer.ANSWERS in answers,
        carrier_is_away=bool(away) and away[-1],
    )


def failure_of(
    own: Iterable[ProbeResult],
    others: Iterable[ProbeResult],
    failing_since: Mapping[ProbeTarget, float] | None = None,
) -> Failure | None:
    """Return the failure that a record's own addresses, and its worker's others, show. None: none.

    Its own addresses decide, each by its last reading. Of the others, silence where a process
    itself would answer shows that it hangs, unless it answers elsewhere; an address that refuses or
    is not reached shows that one socket is closed or cut off, and more only if no address of the
    process accepts connections.
    """
    # That NATS is there proves nothing of the publisher that uses it.
    mine, theirs = (
        _latest(one for one in some if one.target != NATS_SERVER) for some in (own, others)
    )
    answers = {one.answer for one in recent(mine + theirs)}
    own_failed = bool(mine) and all(one.answer.failed for one in mine)
    failed = mine if own_failed else []
    if ProbeAnswer.ANSWERS not in answers:
        # Its worker's other addresses are proof for it, too.
        silent = any(one.answer is ProbeAnswer.SILENT for one in theirs)
        if silent or ProbeAnswer.ACCEPTS not in answers:
            failed = [*failed, *(one for one in theirs if one.answer.failed)]
    if not failed:
        return None
    failed.sort(key=_rank)
    since = failing_since or {}
    return Failure(
        _way(failed[0]),
        max(since.get(one.target, one.at) for one in failed),
        tuple(failed),
        is_met_elsewhere=any(_is_met(one) for one in recent(mine + theirs)),
        last_at=max(one.at for one in failed),
    )


def _is_met(reading: ProbeResult) -> bool:
    """Return whether a process listens there. Beyond this host, a proxy may accept for it."""
    return reading.answer is ProbeAnswer.ANSWERS or (
        reading.answer is ProbeAnswer.ACCEPTS and reading.local
    )


def _rank(reading: ProbeResult) -> int:
    """Sort failures: the one with the least between it and this host decides. On another host a
    proxy may accept and be silent for a process, on this host none does."""
    order = (
        (Way.SILENT, True),
        (Way.CLOSED, True),
        (Way.SILENT, False),
        (Way.REFUSED, False),
        (Way.UNREACHED, True),
        (Way.UNREACHED, False),
    )
    return order.index((_way(reading), reading.local))


def _way(reading: ProbeResult) -> Way:
    match reading.answer:
        case ProbeAnswer.SILENT:
            return Way.SILENT
        case ProbeAnswer.REFUSED:
            return Way.CLOSED if reading.local else Way.REFUSED
    return Way.UNREACHED


def _latest(readings: Iterable[ProbeResult]) -> list[ProbeResult]:
    """Return the reading that counts of each address.

    An accepted connection is no answer: it takes back neither silence nor an answer, but it does
    take back a refusal. A connection that does not come about takes back no silence: the queue of a
    process that hangs runs full.
    """
    latest: dict[ProbeTarget, ProbeResult] = {}
    for reading in sorted(readings, key=lambda one: one.at):
        before = latest.get(reading.target)
        if before is not None and before.answer in _STANDS_AGAINST[reading.answer]:
            continue
        latest[reading.target] = reading
    return list(latest.values())


_STANDS_AGAINST: dict[ProbeAnswer, frozenset[ProbeAnswer]] = defaultdict(
    frozenset,
    {
        ProbeAnswer.ACCEPTS: frozenset({ProbeAnswer.SILENT, ProbeAnswer.ANSWERS}),
        ProbeAnswer.UNREACHED: frozenset({ProbeAnswer.SILENT}),
    },
)
"""For each answer the earlier answers that it does not take back."""


def recent(readings: Sequence[ProbeResult]) -> list[ProbeResult]:
    """Return the readings that are about as new as the newest: an old answer proves nothing now."""
    newest = max((one.at for one in readings), default=0.0)
    return [one for one in readings if newest - one.at <= SAME_TIME]
