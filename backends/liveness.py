"""Whether what is registered is alive: a verdict for each record, from evidence in plain words.

Pure functions over `Facts`. Where nothing is known they say `unknown`, they do not guess.
How Dynamo's workers renew what they register was measured on releases 0.6 to 1.6.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from backends.ids import Kind
from backends.probe.types import Answer, Reading, Target
from backends.records import AnyRecord, EndpointInstance
from backends.store import TimeToLive

MARGIN = 1.0
"""Seconds by which a renewal must be overdue before it counts as missed: a busy worker, or a
busy store, is late by fractions of a second."""
AHEAD = 2.0
"""Seconds that a file's time may be ahead of the clock without a word."""
ROUNDING = 1.0
"""Seconds that a store may understate the remaining time by: etcd tells whole ones."""


SAME_TIME = 5.0
"""Seconds between readings that tell of the same moment: what is on screen is asked every two."""


class Verdict(StrEnum):
    """What the evidence says of one record."""

    LIVE = "live"
    LATE = "late"
    """A keep-alive was missed; the lease has not ended yet."""
    EXPIRED = "expired"
    """Its time to live ran out, and nobody removed it."""
    UNREACHABLE = "unreachable"
    """It is registered, perhaps even renewed, but does not answer where it says it is."""
    UNLEASED = "unleased"
    """It hangs on no lease in a store that has them: nothing will ever remove it."""
    ORPHANED = "orphaned"
    """A card, adapter, channel or source whose worker is gone."""
    DRAINED = "drained"
    """A card, adapter, channel or source whose worker this dyntop drained."""
    CONFLICT = "conflict"
    """Its body names another than its key, or its card disagrees with others of its model."""
    MALFORMED = "malformed"
    UNKNOWN = "unknown"
    """There is no evidence."""


FINDINGS = frozenset(Verdict) - {Verdict.LIVE, Verdict.UNKNOWN}
"""What is not live, as far as there is evidence."""

STALE = frozenset({Verdict.EXPIRED, Verdict.UNREACHABLE, Verdict.ORPHANED, Verdict.MALFORMED})
"""Nobody is routed to it with success: removing it disturbs nobody that is known to live."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One piece of it, as a sentence without its full stop; may hold untrusted text."""

    text: str
    at: float
    """POSIX seconds at which it was so."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, and what it rests on; what decided it comes first."""

    verdict: Verdict
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Life:
    """What a store said of a lease's or key's time to live, and when."""

    ttl: TimeToLive
    at: float
    """POSIX seconds."""

    def remaining(self, now: float) -> float:
        """Seconds that are left, unless it was renewed since; not below 0."""
        left = max(0.0, self.ttl.remaining - (now - self.at))
        # More than was granted: whoever stamped it has a clock that is ahead, or ours was set back.
        return left if self.ttl.granted is None else min(left, self.ttl.granted)


# Not frozen, which would take as long as the verdict: there is one for each record at the start.
@dataclass(slots=True)
class Facts:
    """All that bears on one record's verdict."""

    record: AnyRecord
    has_leases: bool
    """Whether the record's store has leases at all."""
    stored_at: float
    """When the store last confirmed what it holds, in POSIX seconds."""
    life: Life | None = None
    """Of its lease, or of its key where there are no leases. None: not asked yet."""
    own: tuple[Reading, ...] = ()
    """Of its own address."""
    others: tuple[Reading, ...] = ()
    """Of the other addresses of the same worker."""
    worker: int | None = None
    """The instance id of its worker. None: it cannot be told."""
    worker_is_there: bool = False
    """Whether the worker has an instance, or anything on a lease, registered."""
    drained_at: float | None = None
    """When this dyntop took away the instance that it belongs to."""
    disagreement: str | None = None
    """How its card differs from the others of its model in what Dynamo compares."""
    is_kept_alive: bool = True
    """Whether a worker that lives renews what it registered in that store."""

    @property
    def is_left_behind(self) -> bool:
        """Whether it is as what stays behind when a worker ends: on no lease where others are.

        Where no worker renews anything, what has no instance beside it may as well belong to one
        that somebody drained; only an address that refuses tells them apart.
        """
        return self.record.lease is None and self.has_leases


def judge_by_itself(record: AnyRecord, *, disagrees: bool) -> Verdict | None:
    """What a record's own text shows, whatever else is known. None: nothing.

    `disagrees`: whether its card differs from the others of its model.
    """
    if record.malformed is not None and not record.readable:
        return Verdict.MALFORMED
    if record.expired_at is not None:
        return Verdict.EXPIRED
    # Under an odd key clients go by the body all the same.
    if record.malformed is not None or record.conflict is not None or disagrees:
        return Verdict.CONFLICT
    return None


def judge(facts: Facts) -> Verdict:
    """The worst that the evidence shows."""
    record = facts.record
    by_itself = judge_by_itself(record, disagrees=facts.disagreement is not None)
    if by_itself is not None:
        return by_itself
    belongs = not isinstance(record, EndpointInstance)
    if _lease_is_gone(facts):
        return Verdict.ORPHANED if belongs else Verdict.EXPIRED
    unleased = facts.has_leases and record.lease is None
    if facts.is_left_behind and belongs and facts.worker is not None and not facts.worker_is_there:
        return Verdict.ORPHANED
    if is_unreachable(facts.own, facts.others):
        return Verdict.UNREACHABLE
    if belongs and facts.drained_at is not None:
        return Verdict.DRAINED
    if unleased:
        return Verdict.UNLEASED
    if not facts.is_kept_alive:
        return Verdict.LIVE if _runs(facts.own + facts.others) else Verdict.UNKNOWN
    if facts.life is not None and is_late(facts.life.ttl):
        return Verdict.LATE
    if facts.life is not None or not facts.has_leases or _runs(facts.own + facts.others):
        return Verdict.LIVE
    return Verdict.UNKNOWN


def is_late(ttl: TimeToLive) -> bool:
    """Whether a renewal was missed: every release measured renews at half of what was granted."""
    if ttl.granted is None:
        return False
    return ttl.remaining + ROUNDING <= ttl.granted / 2 - MARGIN


def tells_the_same(life: Life, other: Life | None) -> bool:
    """Whether a verdict is the same by either of what a store said of one lease or key."""
    if other is None:
        return False
    gone, was_gone = life.ttl.granted is None, other.ttl.granted is None
    return (gone, is_late(life.ttl)) == (was_gone, is_late(other.ttl))


def is_stale(
    verdict: Verdict, record: AnyRecord, *, has_leases: bool, is_kept_alive: bool = True
) -> bool:
    """Whether it is proposed for cleaning up: what nothing else will remove, or nobody can use.

    What does not answer but hangs on a lease is not: the store removes it when the lease ends, and
    a worker that hangs may come back.
    """
    if verdict is Verdict.UNREACHABLE:
        return record.lease is None and (has_leases or not is_kept_alive)
    return verdict in (Verdict.EXPIRED, Verdict.ORPHANED, Verdict.MALFORMED)


def is_unreachable(own: Sequence[Reading], others: Sequence[Reading]) -> bool:
    """Whether the readings of a record's own addresses, and those of its worker, are against it.

    Its own addresses decide, each by what was seen of it last. Of the others, silence where a
    process itself would answer shows that it hangs, unless it answers elsewhere; a refusal shows
    that one socket is closed, and that the process is gone only if nothing of it accepts.
    """
    if not own and not others:
        return False
    mine, theirs = _latest(own), _latest(others)
    if mine and all(one.answer.failed for one in mine):
        return True
    answers = {one.answer for one in _recent(mine + theirs)}
    if Answer.ANSWERS in answers:
        return False
    if any(one.answer is Answer.SILENT for one in theirs):
        return True
    return Answer.ACCEPTS not in answers and any(one.answer is Answer.REFUSED for one in theirs)


def _latest(readings: Iterable[Reading]) -> list[Reading]:
    """What is known of each address by now.

    That a connection is accepted is no answer: against silence it says nothing, nor does it take
    back an answer. It does take back a refusal.
    """
    latest: dict[Target, Reading] = {}
    for reading in sorted(readings, key=lambda one: one.at):
        before = latest.get(reading.target)
        if (
            before is not None
            and reading.answer is Answer.ACCEPTS
            and before.answer in (Answer.SILENT, Answer.ANSWERS)
        ):
            continue
        latest[reading.target] = reading
    return list(latest.values())


def _recent(readings: Sequence[Reading]) -> list[Reading]:
    """Those that are about as new as the newest: an old answer says nothing of now."""
    newest = max((one.at for one in readings), default=0.0)
    return [one for one in readings if newest - one.at <= SAME_TIME]


def explain(facts: Facts) -> tuple[Evidence, ...]:
    """The evidence, what decides first; the rest is there to be weighed against it."""
    record, at = facts.record, facts.stored_at
    found: list[Evidence] = []
    if record.malformed is not None:
        found.append(Evidence(_oddity(record.malformed, readable=record.readable), at))
    if record.conflict is not None:
        found.append(Evidence(record.conflict, at))
    if facts.disagreement is not None:
        found.append(Evidence(facts.disagreement, at))
    if record.expired_at is not None:
        found.append(Evidence("its time to live ran out, and nobody removed it", record.expired_at))
    life = []
    if facts.life is not None and record.expired_at is None:
        life = [Evidence(_life_in_words(facts), facts.life.at)]
    if _lease_decides(facts):
        found += life
    found += [
        Evidence(f"{one.target.address} {one.text}", one.at)
        for one in sorted(facts.own + facts.others, key=_severity)
    ]
    if facts.drained_at is not None and not isinstance(record, EndpointInstance):
        found.append(Evidence("this dyntop drained its worker", facts.drained_at))
    if facts.has_leases and record.lease is None:
        if record.kind is not Kind.ENDPOINT and not facts.worker_is_there:
            found.append(Evidence(_worker_is_gone(facts), at))
        found.append(Evidence("it hangs on no lease: nothing will ever remove it", at))
    if not _lease_decides(facts):
        found += life
    if not facts.is_kept_alive:
        if record.kind is not Kind.ENDPOINT and not facts.worker_is_there:
            found.append(Evidence(_worker_is_gone(facts), at))
        if facts.life is None:
            found.append(Evidence("no worker renews it: it tells nothing of its worker", at))
    elif facts.life is None and not facts.has_leases and record.expired_at is None:
        found.append(Evidence("it is kept alive: touched within its time to live", at))
    return tuple(found) or (Evidence("nothing was asked about it yet", at),)


def _oddity(malformed: str, *, readable: bool) -> str:
    if readable:
        return f"{malformed}, but its body is well: clients of Dynamo 1.6 go by that"
    return f"Dynamo skips it: {malformed}"


def _lease_is_gone(facts: Facts) -> bool:
    return (
        facts.record.lease is not None
        and facts.life is not None
        and (facts.life.ttl.granted is None)
    )


def _lease_decides(facts: Facts) -> bool:
    """Whether what is known of its lease (or key) says more than who answers where."""
    if _lease_is_gone(facts):
        return True
    late = facts.is_kept_alive and facts.life is not None and is_late(facts.life.ttl)
    return late and not is_unreachable(facts.own, facts.others)


def _runs(readings: Iterable[Reading]) -> bool:
    return any(one.answer is Answer.ANSWERS for one in readings)


def _severity(reading: Reading) -> int:
    order = (Answer.REFUSED, Answer.SILENT, Answer.ANSWERS, Answer.ACCEPTS, Answer.UNTRIED)
    return order.index(reading.answer)


def _worker_is_gone(facts: Facts) -> str:
    if facts.worker is None:
        return "whose it is cannot be told"
    lease = " and no lease" if facts.has_leases else ""
    return f"its worker {facts.worker:x} has no instance{lease}"


def _life_in_words(facts: Facts) -> str:
    assert facts.life is not None
    ttl = facts.life.ttl
    if not facts.is_kept_alive:
        left = f"{max(0.0, ttl.remaining):.0f} of {ttl.granted or 0.0:.0f} s"
        return f"no worker renews it: its bucket keeps it for {left} more"
    if facts.record.lease is None:
        ago = (ttl.granted or 0.0) - ttl.remaining
        touched = f"last touched {max(0.0, ago):.0f} s ago"
        if ago < -AHEAD:
            touched = f"last touched by a clock that is {-ago:.0f} s ahead of this one's"
        return f"{touched}: a keep-alive was missed" if is_late(ttl) else touched
    if ttl.granted is None:
        return "its lease does not exist any more"
    left = f"its lease has {ttl.remaining:.0f} of {ttl.granted:.0f} s left"
    if is_late(ttl):
        return f"{left}: the keep-alive at {ttl.granted / 2:.0f} s was missed"
    return left
