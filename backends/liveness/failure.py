"""Weighs what probes found at the addresses of a process: what those that failed have against it,
taken together, by what lies between. Pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from backends.probe.types import FAILED, NATS_SERVER, ProbeAnswer, ProbeResult, ProbeTarget

CONFIRMED = 1.5
"""Seconds over which an address must have failed before that counts for removing something."""
SAME_TIME = 5.0
"""Seconds between readings that tell of the same moment: what is on screen is asked every two."""


class Way(StrEnum):
    """What lies between this host and a process whose address failed."""

    SILENT = "silent"
    """Nothing that matters: the process was reached, and does not answer."""
    CLOSED = "closed"
    """Nothing: the address is one of this host's own, and it refuses connections."""
    REFUSED = "refused"
    """A network. Something on it refused the connection: the other host's kernel, or a firewall."""
    UNREACHED = "unreached"
    """A network, and the packets or the connection got lost on it."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The addresses of a record that were tried in vain, taken together."""

    way: Way
    since: float
    """When the last of them began to fail, in POSIX seconds."""
    readings: tuple[ProbeResult, ...]
    """The last of each, at least one; what decided comes first."""
    is_met_elsewhere: bool
    """Whether another address of the same process takes connections now."""

    @property
    def is_confirmed(self) -> bool:
        """Whether it was seen more than once, or one look is enough. Networks have bad moments."""
        newest = max(one.at for one in self.readings)
        return self.way is Way.CLOSED or newest - self.since >= CONFIRMED


@dataclass(frozen=True, slots=True)
class Probed:
    """What probes found of one record, and what it comes to; the same for all of its worker's
    records with the same addresses."""

    own: tuple[ProbeResult, ...] = ()
    """Of its own addresses."""
    others: tuple[ProbeResult, ...] = ()
    """Of the other addresses of the same worker."""
    failure: Failure | None = None
    """What failed of it, as far as that counts. None: nothing."""
    is_dated: bool = False
    """Whether it depends on when each reading was: any address failed, whether that counts or not,
    or what was seen of its own last decides."""
    runs: bool = False
    """Whether its process answered, wherever it was asked."""
    carrier_is_away: bool = False
    """Whether the server that carries its requests is not there: none reaches it, and its worker is
    not to blame. What was seen of it last counts."""


NOT_PROBED = Probed()


def weigh(
    own: Iterable[ProbeResult],
    others: Iterable[ProbeResult] = (),
    failing_since: Mapping[ProbeTarget, float] | None = None,
) -> Probed:
    """Return what readings of a record's own addresses, and of its worker's others, come to.

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
    """Return what the readings of a record's own addresses, and those of its worker, have against
    it. None: nothing.

    Its own addresses decide, each by what was seen of it last. Of the others, silence where a
    process itself would answer shows that it hangs, unless it answers elsewhere; what is refused or
    not reached shows that one socket is closed or cut off, and more only if nothing of the process
    accepts connections.
    """
    # That NATS is there says nothing of the publisher that uses it.
    mine, theirs = (
        _latest(one for one in some if one.target != NATS_SERVER) for some in (own, others)
    )
    answers = {one.answer for one in recent(mine + theirs)}
    own_failed = bool(mine) and all(one.answer.failed for one in mine)
    failed = mine if own_failed else []
    if ProbeAnswer.ANSWERS not in answers:
        # What its worker's other addresses prove is proved of it, too.
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
    )


def _is_met(reading: ProbeResult) -> bool:
    """Whether a process listens there. Beyond this host, whatever is between may accept for it."""
    return reading.answer is ProbeAnswer.ANSWERS or (
        reading.answer is ProbeAnswer.ACCEPTS and reading.local
    )


def _rank(reading: ProbeResult) -> int:
    """Which of several failures decides: the one with the least between it and this host. What is
    silent on another host may be a proxy that accepts for all, which a process here has not."""
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
    """What is known of each address by now.

    That a connection is accepted is no answer: against silence it says nothing, nor does it take
    back an answer. It does take back a refusal. Nor does it take silence back that no connection
    comes about any more: of a process that hangs, the queue of connections runs full.
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
"""What was seen before, for each answer that takes nothing of it back."""


def recent(readings: Sequence[ProbeResult]) -> list[ProbeResult]:
    """Those that are about as new as the newest: an old answer says nothing of now."""
    newest = max((one.at for one in readings), default=0.0)
    return [one for one in readings if newest - one.at <= SAME_TIME]
