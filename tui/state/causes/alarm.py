"""When to call a person who looks elsewhere: something that was well is not any more.

Once for each worker, and not at every moment. Pure: time is passed in.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from math import inf

import msgspec

from backends.dynamo.records import AnyRecord
from backends.liveness.judge import FINDINGS, Verdict

WRONG = FINDINGS - {Verdict.DRAINED, Verdict.LEFTOVER}
"""The verdicts that are told. What is drained or left behind in order was meant to be, and a worker
that starts or stops looks drained for a moment."""
GATHERING = 60.0
"""Seconds after the first snapshot in which nothing is told: leases and addresses are looked at for
the first time, and a person has just started it."""
SETTLING = 3.0
"""Seconds for which it must last."""
LEAST_BETWEEN = 30.0
"""Seconds between two calls."""
TOLD_AGAIN = 600.0
"""Seconds without news of a worker after which it is told of again."""
MOST_NAMED = 2


class _Waiting(msgspec.Struct, frozen=True):
    """What became wrong with a worker and was not told yet."""

    since: float
    record: AnyRecord
    name: str


class FindingAlarm:
    """Gathers what becomes wrong, and says when to call."""

    def __init__(self) -> None:
        self._from = inf
        """When something is called out first: before, evidence is still gathered of what was wrong
        all along."""
        self._waiting: dict[Hashable, _Waiting] = {}
        """By worker; the oldest first."""
        self._known: dict[Hashable, float] = {}
        """When each worker was told of, or became wrong again since; the oldest first."""
        self._last: float | None = None

    def start(self, now: float) -> None:
        """Take in that the first snapshot is shown."""
        self._from = now + GATHERING

    def note(
        self,
        worsened: Iterable[AnyRecord],
        name_of: Callable[[AnyRecord], tuple[Hashable, str]],
        now: float,
    ) -> None:
        """Take in records that have a finding and had none. `name_of` returns what identifies the
        worker of a record, and its name for people."""
        for record in worsened:
            worker, name = name_of(record)
            if worker in self._known or now < self._from:
                # What comes and goes, as what is probed only while it is on screen, is not news.
                self._known.pop(worker, None)
                self._known[worker] = now
            elif worker not in self._waiting:
                self._waiting[worker] = _Waiting(now, record, name)

    def due(self, verdict_of: Callable[[bytes], Verdict], now: float) -> str:
        """Return what to call out now. Empty: nothing. What is well again is not told."""
        for worker, at in list(self._known.items()):
            if now - at < TOLD_AGAIN:
                break
            del self._known[worker]
        self._waiting = {
            worker: one
            for worker, one in self._waiting.items()
            if verdict_of(one.record.key) in WRONG
        }
        ripe = {w: one for w, one in self._waiting.items() if now - one.since >= SETTLING}
        if not ripe or (self._last is not None and now - self._last < LEAST_BETWEEN):
            return ""
        self._last = now
        for worker in ripe:
            del self._waiting[worker]
            self._known[worker] = now
        return _sentence(ripe, verdict_of)


def _sentence(ripe: Mapping[Hashable, _Waiting], verdict_of: Callable[[bytes], Verdict]) -> str:
    named = [f"{one.name} {verdict_of(one.record.key).value}" for one in ripe.values()]
    text = ", ".join(named[:MOST_NAMED])
    more = len(named) - MOST_NAMED
    return f"{text} and {more:,} more" if more > 0 else text
