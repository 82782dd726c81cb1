"""Find why records went while a command watches, as the dashboard does for its Events tab."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress

from backends.discovery.cluster import Cluster
from backends.discovery.discovery import Added, Discovery, Removed, Resynced, WatchEvent
from backends.discovery.history import Event, EventType, History
from backends.discovery.reasons import Reason
from backends.liveness.collector import EvidenceCollector
from backends.liveness.gathering import Probing
from backends.liveness.tracker import LivenessTracker
from backends.probe.no_probes import NoProbes
from backends.removal.explainer import Explainer, FindOperations
from backends.removal.removals import Removals
from tui.cli.shared.audit_file import audit_at
from tui.cli.shared.reading import Clock
from tui.config.settings import Settings
from tui.state.looking_back.unexplained import ASKED_AT_ONCE, SETTLE
from tui.state.store_state import StoreState, next_state

MOST_OPEN = 1_000
"""The most removals whose reason is printed again if it turns out to be another, the newest."""


@asynccontextmanager
async def reading_leases(
    settings: Settings, discovery: Discovery, clock: Clock, answer: float
) -> AsyncIterator[RemovalReasons]:
    """Read the leases for the block, as the dashboard does: the last reading of one that ended
    tells whether it ran out."""
    path = settings.audit_to_read
    removals = Removals(discovery, None if path is None else audit_at(path))
    reasons = RemovalReasons(discovery, removals.in_audit, clock, answer)
    collector = EvidenceCollector(
        discovery,
        reasons.tracker,
        NoProbes(),
        tuple,
        clock=clock,
        probing=Probing.NEVER,
        cap=settings.lease_rate,
    )
    reading = asyncio.create_task(collector.run(reasons.weigh))
    try:
        yield reasons
    finally:
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading


class RemovalReasons:
    """Derives why records went."""

    def __init__(
        self, discovery: Discovery, find_operations: FindOperations, clock: Clock, answer: float
    ) -> None:
        """`answer`: seconds that a store has to say why a record went."""
        self._clock = clock
        self._answer = answer
        self._cluster = Cluster()
        self.tracker = LivenessTracker(self._cluster, discovery.store.lifetime)
        """Has the last reading of each lease."""
        self._history = History(kept=1)
        self._state = StoreState(since=clock())
        self._explainer = Explainer(
            discovery, self._cluster, clock=clock, find_operations=find_operations
        )
        self._printed: deque[tuple[Event, Reason | None]] = deque(maxlen=MOST_OPEN)
        """The printed removals, each with its reason."""
        self._open: list[Event] = []
        """To be asked about once more."""
        self._ask_again_at = 0.0

    def weigh(self) -> None:
        """Take readings of leases."""
        self.tracker.update()

    def note(self, batch: Sequence[WatchEvent]) -> list[list[Event]]:
        """Return the removals of each event, in order."""
        now, since = self._clock(), self._state.last_contact
        found: list[list[Event]] = []
        for event in batch:
            self._state = next_state(self._state, event, now)
            noted = self._history.apply(event, now, since=since, reading_of=self.tracker.lease_ttl)
            found.append([one for one in noted if one.type is EventType.REMOVED])
        return found

    def take_in(self, batch: Sequence[WatchEvent]) -> None:
        """Apply an event to the cluster, once for each event."""
        now = self._clock()
        for event in batch:
            if isinstance(event, Added | Removed | Resynced):
                self._cluster.apply(event, now)
        self.tracker.update(self._cluster.take_changes().keys)

    async def explain(self, gone: Iterable[Iterable[Event]]) -> None:
        """Find the reasons of removals that were applied, if the store answers in time."""
        events = [one for some in gone for one in some]
        for one in events:
            self._explainer.note(one)
        for start in range(0, len(events), ASKED_AT_ONCE):
            self._open += await self._ask(events[start : start + ASKED_AT_ONCE])
        self._ask_again_at = self._clock() + SETTLE
        self._printed.extend((one, one.why) for one in events)

    async def ask_again(self) -> None:
        """Look once more, in a while, at the first removals of a stopping worker."""
        if self._open and self._clock() >= self._ask_again_at:
            again, self._open = self._open[-ASKED_AT_ONCE:], []
            await self._ask(again, again=True)

    def take_changed(self) -> list[Event]:
        """Return the removals with another reason than was printed, oldest first."""
        changed = [one for one, why in self._printed if one.why != why]
        self._printed = deque(((one, one.why) for one, _ in self._printed), maxlen=MOST_OPEN)
        return changed

    async def _ask(self, gone: list[Event], *, again: bool = False) -> list[Event]:
        try:
            async with asyncio.timeout(self._answer):
                return await self._explainer.explain(gone, again=again)
        except TimeoutError:
            return []
