"""`dyntop watch`: print the registered records and every change, one JSON object a line."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress

from msgspec.structs import replace

from backends.discovery.cluster import Cluster
from backends.discovery.discovery import Added, Discovery, Removed, Resynced, WatchEvent
from backends.discovery.history import Event, EventType, History
from backends.discovery.owner_changes import holds_the_same
from backends.discovery.reasons import Reason
from backends.dynamo.queries import EVERYTHING, Query
from backends.dynamo.records import AnyRecord
from backends.liveness.collector import EvidenceCollector
from backends.liveness.gathering import Probing
from backends.liveness.tracker import LivenessTracker
from backends.probe.types import ProbeResult, ProbeTarget
from backends.removal.explainer import Explainer, FindOperations
from backends.removal.removals import Removals
from backends.store import Heartbeat, Lost
from tui.cli.output import query_of
from tui.cli.shared.audit_file import audit_at
from tui.cli.shared.reading import Clock, Publishers
from tui.config.settings import Settings
from tui.runtime.standard_streams import (
    check_for_reader,
    end_at_once_on_interrupt,
    print_message,
    write_lines,
)
from tui.session import open_discovery
from tui.state.batches import batches
from tui.state.store_state import StoreState, next_state
from tui.state.unexplained import ASKED_AT_ONCE, SETTLE
from tui.text.errors import Exit, explain
from tui.text.json_export import as_json, exported_id, exported_reason, record_json
from tui.text.reasons import reason_text
from tui.text.sanitize import plain
from tui.text.timestamps import utc_stamp

ANSWER = 2.0
"""Seconds that a store gets to say why something went: its line is not held back for longer."""
MOST_OPEN = 1_000
"""The most removals whose reason is printed again if it turns out to be another, the newest."""


def run(settings: Settings, arguments: argparse.Namespace, clock: Clock = time.time) -> Exit:
    """Watch until the reader closes or the user interrupts.

    Raises `StoreError` if the store cannot be reached at the start; later losses are printed on
    standard error. Raises `OutputFailed`, BrokenPipeError.
    """
    end_at_once_on_interrupt()
    asyncio.run(_watch(settings, arguments, clock))
    return Exit.DONE


async def _watch(
    settings: Settings, arguments: argparse.Namespace, clock: Clock, answer: float = ANSWER
) -> None:
    wanted = query_of(settings, arguments)
    # Why a record went is told by what else its worker has, of whatever kind: where a worker stops
    # in order an instance goes 15 ms before the rest of its lease, and with it where the lease was
    # revoked at once; a channel is a frontend's if its lease has no card and no instance. That
    # costs what is read at the start: of a worker of 1.6.1 with one adapter 8 keys of 6.9 KB, of
    # which 2 of 0.6 KB are endpoint instances. Later only changes are read.
    everything = replace(EVERYTHING, namespace=wanted.namespace, nested=wanted.nested)
    lines = _Lines(wanted, clock)
    begun = False
    lost = ""
    warnings: tuple[str, ...] = ()
    async with (
        open_discovery(settings) as discovery,
        _reading_leases(settings, discovery, clock, answer) as reasons,
        aclosing(discovery.watch(everything)) as events,
        aclosing(batches(events)) as watched,
    ):
        store = discovery.store.name
        async for batch in watched:
            gone = reasons.note(batch)
            if any(gone):
                reasons.take_in(batch)
                await reasons.explain(gone)
            await reasons.ask_again()
            write_lines(lines.explained(reasons.take_changed()))
            for event, removals in zip(batch, gone, strict=True):
                match event:
                    case Resynced():
                        begun, lost = True, ""
                        write_lines(lines.resync(event, removals))
                    case Added():
                        write_lines(lines.added(event))
                    case Removed():
                        write_lines(lines.removed(event, removals))
                    case Heartbeat():
                        # A store that is quiet writes nothing, so nobody would notice.
                        check_for_reader()
                        if event.warnings != warnings:
                            warnings = event.warnings
                            print_message(
                                f"{store} says: {'; '.join(warnings) or 'no more warnings'}"
                            )
                    case Lost(error=error) if not begun:
                        raise error
                    case Lost(error=error):
                        sentence = explain(error, store).sentence
                        if sentence != lost:
                            lost = sentence
                            print_message(f"{sentence}; still watching")
            if not any(gone):
                # Of 20,000 records it takes a second: what is new waits for no reason.
                reasons.take_in(batch)


@asynccontextmanager
async def _reading_leases(
    settings: Settings, discovery: Discovery, clock: Clock, answer: float
) -> AsyncIterator[_Reasons]:
    """Read the leases for the block, as the dashboard does: the last reading of one that ended
    tells whether it ran out."""
    path = settings.audit_to_read
    removals = Removals(discovery, None if path is None else audit_at(path))
    reasons = _Reasons(discovery, removals.in_audit, clock, answer)
    collector = EvidenceCollector(
        discovery,
        reasons.tracker,
        _NoProbes(),
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


class _NoProbes:
    """Asks no address: only leases are read. Keeps the `Probes` protocol."""

    def want(self, targets: Collection[ProbeTarget]) -> None:
        """Nothing is probed."""

    async def run(self, notify: Callable[[list[ProbeResult]], None]) -> None:
        """Nothing is probed."""

    async def once(
        self, targets: Collection[ProbeTarget], *, deep: bool = False
    ) -> list[ProbeResult]:
        return []

    async def aclose(self) -> None:
        """There is nothing to end."""


class _Reasons:
    """Derives why records went as the dashboard does for its Events tab."""

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


class _Lines:
    """Makes lines of events that match the filters. The watch has more: sources, to find the
    workers of channels."""

    def __init__(self, wanted: Query, clock: Clock) -> None:
        self._wanted = wanted
        self._clock = clock
        self._publishers = Publishers()

    def resync(self, event: Resynced, gone: Sequence[Event]) -> Iterator[str]:
        for one in event.removed:
            self._publishers.remove(one.record)
        for new in event.added:
            self._publishers.add(new.record)
        yield from self._gone(gone)
        for new in event.added:
            if not holds_the_same(new.record, new.previous):
                yield from self._new(new.record)
        yield as_json({"event": "resync", "time": self._time(), "revision": event.revision})

    def added(self, event: Added) -> Iterator[str]:
        self._publishers.add(event.record)
        # With each entry of an object all the others get a new revision.
        if not holds_the_same(event.record, event.previous):
            yield from self._new(event.record)

    def removed(self, event: Removed, gone: Sequence[Event]) -> Iterator[str]:
        self._publishers.remove(event.record)
        yield from self._gone(gone)

    def explained(self, gone: Sequence[Event]) -> Iterator[str]:
        yield from self._gone(gone, "explained")

    def _new(self, record: AnyRecord) -> Iterator[str]:
        if self._wanted.matches(record):
            whole = record_json(record, self._publishers.worker_of(record))
            # It is a line of JSON already: a number that Python has no name for may be in it.
            yield f'{{"event":"added","time":"{self._time()}","record":{whole}}}'

    def _gone(self, gone: Sequence[Event], event: str = "removed") -> Iterator[str]:
        for one in gone:
            if one.record is not None and self._wanted.matches(one.record):
                yield as_json(
                    {
                        "event": event,
                        "time": self._time(),
                        "id": exported_id(one.record),
                        "why": plain(reason_text(one.why)) or None,
                        "reason": exported_reason(one.why),
                    }
                )

    def _time(self) -> str:
        return utc_stamp(self._clock())
