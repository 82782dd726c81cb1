"""Record a discovery plane without a screen: all changes, and the evidence that tells why.

Follows the store as the dashboard does, keeps what is registered for the checkpoints, and reads
leases at the usual rate. A watch that ends or is silent is begun again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Protocol

import msgspec
from msgspec.structs import replace

from backends.aio.backoff import Backoff
from backends.discovery.cluster import Cluster
from backends.discovery.discovery import Added, Discovery, Removed, Resynced, WatchEvent
from backends.discovery.lease_ttl import LeaseTtl
from backends.dynamo.queries import Query
from backends.dynamo.records import AnyRecord
from backends.liveness.collector import DEFAULT_TIMES, CollectorTimes, EvidenceCollector, Probes
from backends.liveness.gathering import DEFAULT_CAP, Probing
from backends.liveness.keys_by_lease import LeaseOrKey, lease_or_key
from backends.liveness.tracker import LivenessTracker
from backends.probe.types import ProbeResult
from backends.recording.entry_lines import delete_line, lost_line, put_line
from backends.recording.evidence_lines import EvidenceLines, readings_line
from backends.recording.lines import (
    FORMAT,
    AliveLine,
    AnyLine,
    Checkpoint,
    EndLine,
    GapLine,
    Header,
    LostLine,
)
from backends.recording.masking import masked
from backends.recording.part_files import CannotRecord
from backends.recording.writer import CheckpointEntry, NewFrame, Wanted
from backends.redact import Mask
from backends.removal.audit_drains import AuditDrains
from backends.store import Delete, Heartbeat, Lost, StoreError

if TYPE_CHECKING:
    from backends.metrics.scraper import Scrapes

_log = logging.getLogger(__name__)

ASKED_AT_ONCE = 500
"""Leases of removed keys that the store is asked for at once."""


class RecorderTimes(msgspec.Struct, frozen=True):
    """How often the recorder works, in seconds."""

    tick: float = 1.0
    """Between two writes of evidence."""
    suspended: float = 10.0
    """Between two of these. Longer, and the process was suspended."""
    alive: float = 60.0
    """Between two lines that tell how far it was recorded."""
    audit: float = 2.0
    """Between two looks at whether another process drained something."""
    settle: float = 2.0
    """Until the store is asked once more for the lease of a removed key that was alive still: a
    stopping worker's instance goes before its lease."""
    answer: float = 5.0
    """That the store has to answer for such leases."""
    release: float = 2.0
    """That it has to tell which release its server is."""
    silence: float = 30.0
    """Without any event, or up to twice that, after which a watch is begun anew."""
    held: float = 2.0
    """For which the disk may take nothing. Longer, and what comes meanwhile has no true time."""
    pauses: tuple[float, float] = (1.0, 300.0)
    """Until a watch that ended is begun anew: first, and at most; it doubles."""
    collector: CollectorTimes = DEFAULT_TIMES


DEFAULT_RECORDER_TIMES = RecorderTimes()


class TakesLines(Protocol):
    """Writes lines; see `RecordingWriter`."""

    @property
    def wanted(self) -> Wanted:
        """What the next lines are to begin with."""

    @property
    def has_room(self) -> bool:
        """Whether there is room for more lines."""

    async def check(self) -> None:
        """Raise `CannotRecord` if it is known already that nothing can be written."""

    def begin(self, frame: NewFrame) -> None:
        """Begin a frame."""

    def put(self, *lines: AnyLine) -> None:
        """Append lines."""

    async def room(self) -> None:
        """Wait until there is room for more lines."""

    async def until_failed(self) -> CannotRecord:
        """Wait until nothing can be written any more."""

    async def close(self, *last: AnyLine) -> None:
        """Append the last lines, and end."""


class RecordedBy(msgspec.Struct, frozen=True):
    """What the header tells of the process that records."""

    version: str
    host: str
    namespace: str | None = None
    """Only keys of these namespaces are recorded, as `-n` names them. None: all."""


class ObservesRecorder:
    """Is told how it stands. By default it tells nobody."""

    def begun(self, entries: int) -> None:
        """The first checkpoint is put."""

    def lost(self, error: StoreError) -> None:
        """The store was lost, or is lost in another way."""

    def back(self) -> None:
        """The store answers again, and everything was read again."""

    def held(self, seconds: float) -> None:
        """The disk took nothing for so long. What changed meanwhile follows as after a gap."""

    def failed(self, problem: str) -> None:
        """The watch failed by a fault of dyntop's own, and is begun anew."""


class Recorder:
    """Follows a store and writes what it reports. Keeps the `ObservesEvidence` protocol."""

    def __init__(
        self,
        discovery: Discovery,
        query: Query,
        writer: TakesLines,
        probes: Probes,
        by: RecordedBy,
        *,
        clock: Callable[[], float],
        mask: Mask,
        observer: ObservesRecorder | None = None,
        drains: AuditDrains | None = None,
        scrapes: Scrapes | None = None,
        probing: Probing = Probing.NEVER,
        cap: float = DEFAULT_CAP,
        times: RecorderTimes = DEFAULT_RECORDER_TIMES,
    ) -> None:
        """`clock`: POSIX seconds that no setting of the host's clock moves. `mask`: hides secrets
        in texts of errors. `drains`: of the audit. None: there is none. `scrapes`: reads the
        figures of the servers that were named. None: none were."""
        store = discovery.store
        self._discovery = discovery
        self._query = query
        self._writer = writer
        self._by = by
        self._clock = clock
        self._mask = mask
        self._observer = observer or ObservesRecorder()
        self._drains = drains
        self._probing = probing
        self._times = times
        self._has_leases = store.lifetime.has_leases
        self._cluster = Cluster()
        self._tracker = LivenessTracker(self._cluster, store.lifetime)
        self._collector = EvidenceCollector(
            discovery,
            self._tracker,
            probes,
            tuple,
            clock=clock,
            probing=probing,
            cap=cap,
            times=times.collector,
            observer=self,
        )
        self._evidence = EvidenceLines(has_figures=scrapes is not None)
        self._scrapes = scrapes
        self._started = clock()
        self._is_begun = False
        self._is_other = False
        """Whether keys came or went, or are on other leases, since the last judgement."""
        self._watching: asyncio.Task[None] | None = None
        self._has_heard = True
        """Whether the watch reported anything since it was looked at last."""
        self._is_silent = False
        """Whether the watch is ended since it reported nothing."""
        self._has_heard_since_alive = True
        """Whether it did since the last line that tells how far it was recorded, and since this
        process was suspended."""
        self._ticked_at = self._started
        self._alive_at = 0.0
        self._lost: LostLine | None = None
        """How the store was lost. None: it is followed."""
        self._server = ""
        """Which release the store's server is, as of the last time that everything was read."""
        self._revision = ""
        self._unread = ""
        self._latest = 0.0
        """The time of the last line."""
        self._moment = ("", 0.0)
        """The last revision, and when its first change came: those of one revision are of one
        time."""
        self._ends: dict[int, AnyRecord] = {}
        """Leases of removed keys to ask for, each with one of those keys."""
        self._ends_again: dict[int, AnyRecord] = {}
        """... once more, since they were alive."""

    async def run(self) -> None:
        """Record until cancelled.

        Raises `StoreError` if the store cannot be reached at the start, and `CannotRecord` if
        nothing can be written, or not any more.
        """
        await self._writer.check()
        work = [
            asyncio.ensure_future(one)
            for one in (
                self._follow(),
                self._for_ever(self._tick, self._times.tick),
                self._for_ever(self._end_silence, self._times.silence),
                self._for_ever(self._ask_for_ends, self._times.settle),
                self._for_ever(self._read_audit, self._times.audit),
                self._gather_evidence(),
                self._read_figures(),
                self._until_failed(),
            )
        ]
        try:
            done, _ = await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
            for one in done:
                one.result()
        finally:
            for one in work:
                one.cancel()
            await asyncio.gather(*work, return_exceptions=True)

    async def end(self, why: str) -> None:
        """Write what is left and the last line. Raises `CannotRecord` if that is not possible.
        Call it once `run` has ended."""
        if self._is_begun:
            self._put_evidence()
            await self._writer.close(EndLine(at=self._clock(), why=why))

    async def _gather_evidence(self) -> None:
        await self._collector.run(_nothing)
        # It has nothing to do where neither leases nor addresses are asked.
        await asyncio.Event().wait()

    async def _read_figures(self) -> None:
        if self._scrapes is None or (lines := self._evidence.figures) is None:
            await asyncio.Event().wait()
            return
        from backends.metrics.overview import Joiner
        from backends.metrics.poller import MetricsPoller

        poller, joiner = MetricsPoller(self._scrapes, tuple), Joiner()

        def came() -> None:
            if not self._is_begun or not self._writer.has_room:
                return
            is_read = self._lost is None
            found = joiner.overview(poller.latest, self._cluster, {}, is_read=is_read)
            now = self._clock()
            if (line := lines.line(found, now)) is not None:
                self._put(line, now)

        poller.look(True, at_all=False, seldom=True)
        await poller.run(came)

    async def _until_failed(self) -> None:
        raise await self._writer.until_failed()

    async def _for_ever(self, work: Callable[[], Awaitable[None]], interval: float) -> None:
        while True:
            await asyncio.sleep(interval)
            try:
                await work()
            except CannotRecord:
                raise
            except Exception:
                _log.exception("a part of recording failed")

    # --- the store --------------------------------------------------------------------------------

    async def _follow(self) -> None:
        backoff = Backoff(*self._times.pauses)
        while True:
            self._is_silent = False
            self._watching = asyncio.ensure_future(self._watch(backoff))
            try:
                await self._watching
                problem = "the watch ended"
            except (CannotRecord, StoreError):
                raise
            except asyncio.CancelledError:
                this = asyncio.current_task()
                if not self._is_silent or (this is not None and this.cancelling()):
                    raise
                problem = "the watch was silent"
            except Exception as error:
                _log.exception("following the store failed")
                problem = f"an error in dyntop itself, {type(error).__name__}"
                self._observer.failed(problem)
            if self._is_begun and self._lost is None:
                self._put_lost(LostLine(at=self._clock(), error=problem))
            await asyncio.sleep(backoff.pause())

    async def _watch(self, backoff: Backoff) -> None:
        """Run one watch, from the present contents on. Returns if the disk was held up."""
        async with aclosing(self._discovery.watch(self._query, self._cluster.records)) as events:
            while True:
                if not self._writer.has_room and await self._is_held_up():
                    return
                try:
                    event = await anext(events)
                except StopAsyncIteration:
                    return
                self._has_heard = self._has_heard_since_alive = True
                if isinstance(event, Resynced):
                    # It may have been replaced by another meanwhile.
                    await self._ask_for_release()
                if isinstance(event, Heartbeat):
                    backoff.reset()
                self._take(event)

    async def _ask_for_release(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._times.release):
                self._server = await self._discovery.server_version()

    async def _end_silence(self) -> None:
        """End a watch that reported nothing since the last call."""
        has_heard, self._has_heard = self._has_heard, False
        # A store that is lost may report nothing until it is back, nor a watch that is held up.
        follows = self._is_begun and self._lost is None and self._writer.has_room
        if follows and not has_heard and self._watching is not None:
            self._is_silent = True
            self._watching.cancel()

    async def _is_held_up(self) -> bool:
        """Wait until the disk takes lines again. Returns whether that took too long."""
        since = self._clock()
        await self._writer.room()
        held = self._clock() - since
        if held <= self._times.held:
            return False
        self._observer.held(held)
        error = f"the disk took nothing for {held:.0f} s, and the store was not followed"
        self._put_lost(LostLine(at=since, error=error))
        return True

    def _take(self, event: WatchEvent) -> None:
        match event:
            case Added(record=record, previous=previous):
                if previous is None or previous.lease != record.lease:
                    self._is_other = True
                now = self._at(record.entry.revision if self._has_leases else "")
                self._cluster.apply(event, now)
                self._put_added(event, now)
            case Removed(record=record, revision=revision):
                self._is_other = True
                now = self._at(revision)
                self._before_removal([event], now)
                self._cluster.apply(event, now)
                self._put(delete_line(Delete(record.key, revision, event.overdue), now), now)
                self._revision = revision or self._revision
            case Resynced():
                self._resync(event)
            case Lost(error=error):
                if not self._is_begun:
                    raise error
                self._put_lost(self._masked(lost_line(error, self._clock())))
                self._observer.lost(error)

    def _at(self, revision: str) -> float:
        """Return the time of a change: changes of one revision happened at once."""
        before, at = self._moment
        if not revision or revision != before or at < self._latest:
            at = self._clock()
            self._moment = (revision, at)
        return at

    def _resync(self, event: Resynced) -> None:
        now = self._clock()
        changes = len(event.removed) + len(event.added)
        if self._is_begun:
            self._before_removal(event.removed, now)
            unread = event.unread
            self._put(GapLine(at=now, changes=changes, revision=event.revision, unread=unread), now)
            for gone in event.removed:
                delete = Delete(gone.record.key, gone.revision, gone.overdue)
                self._put(delete_line(delete, now), now)
            for new in event.added:
                self._put_added(new, now)
        self._cluster.apply(event, now)
        self._judge()
        self._revision, self._unread = event.revision, event.unread
        was_lost, self._lost = self._lost is not None, None
        if not self._is_begun:
            self._is_begun = True
            self._started = now
            self._begin_frame()
            self._observer.begun(len(self._cluster.records))
        elif was_lost:
            self._observer.back()

    def _put_added(self, added: Added, at: float) -> None:
        entry, was_masked = masked(added.record.entry)
        # Only there is it the store's own.
        revision = entry.revision if self._has_leases else ""
        self._revision = revision or self._revision
        self._put(put_line(entry, at, revision, masked=was_masked), at)

    def _before_removal(self, removed: Sequence[Removed], at: float) -> None:
        """Write the last readings of leases of which keys went, and note that the store is to be
        asked for them."""
        leases = {lease_or_key(one.record) for one in removed}
        self._put_all(self._evidence.before_removal(leases, at), at)
        if self._has_leases:
            for one in removed:
                if (lease := one.record.lease) is not None:
                    self._ends[lease] = one.record

    def _put_lost(self, line: LostLine) -> None:
        self._lost = line
        self._put(line, line.at)

    def _masked(self, line: LostLine) -> LostLine:
        mask = self._mask
        return replace(
            line, error=mask(line.error), address=mask(line.address), detail=mask(line.detail)
        )

    def _judge(self) -> None:
        """Judge what changed, so that leases are followed and addresses probed."""
        self._is_other = False
        self._tracker.update(self._cluster.take_changes().keys)

    # --- evidence ---------------------------------------------------------------------------------

    def ttls_read(self, ttls: Mapping[LeaseOrKey, LeaseTtl]) -> None:
        """Take in what the store answered for leases."""
        self._evidence.read(ttls, self._in_doubt())

    def probes_made(self, results: Sequence[ProbeResult]) -> None:
        """Take in the results of probes."""
        self._evidence.probed(results)

    def _in_doubt(self) -> set[LeaseOrKey]:
        """Return the leases of records whose address fails: each renewal counts for or against
        them."""
        failed = map(self._tracker.record, self._tracker.failed)
        return {lease_or_key(one) for one in failed if one is not None}

    async def _ask_for_ends(self) -> None:
        """Ask for the leases of removed keys, so that it is known why they went."""
        if not self._is_begun or self._lost is not None or not self._writer.has_room:
            return
        if not self._ends and not self._ends_again:
            return
        self._judge()
        again, self._ends_again = self._ends_again, {}
        asked = dict(list(self._ends.items())[:ASKED_AT_ONCE])
        for lease in asked:
            del self._ends[lease]
        for records, is_first in ((asked, True), (again, False)):
            if not records:
                continue
            try:
                async with asyncio.timeout(self._times.answer):
                    found = await self._discovery.time_to_live(records.values())
            except (StoreError, TimeoutError):
                continue
            now = self._clock()
            read: dict[LeaseOrKey, LeaseTtl] = {
                lease: LeaseTtl(found[record.key], now)
                for lease, record in records.items()
                if record.key in found
            }
            if read:
                self._put(readings_line(read, now), now)
            if is_first:
                self._ends_again |= {
                    lease: record
                    for lease, record in records.items()
                    if lease in read and read[lease].ttl.granted is not None
                }
        self._evidence.forget_leases(
            lease for lease in (*asked, *again) if self._tracker.record_on(lease) is None
        )

    async def _read_audit(self) -> None:
        if self._drains is None or not self._is_begun or not self._writer.has_room:
            return
        marks = await self._drains.changed()
        now = self._clock()
        if marks is not None and (line := self._evidence.drained(marks, now)) is not None:
            self._tracker.drained(marks)
            self._put(line, now)

    # --- lines ------------------------------------------------------------------------------------

    async def _tick(self) -> None:
        if not self._is_begun:
            return
        now, before = self._clock(), self._ticked_at
        self._ticked_at = now
        if now - before > self._times.suspended:
            self._has_heard_since_alive = False
        is_due = now - self._alive_at >= self._times.alive
        # Another value of a key bears on its verdict alone, which only probes go by.
        if self._is_other or is_due or self._probing is not Probing.NEVER:
            self._judge()
        if not self._writer.has_room:
            # What is due waits here, once for each lease and address.
            return
        self._put_evidence()
        now = self._clock()
        if is_due and (self._has_heard_since_alive or self._lost is not None):
            self._has_heard_since_alive = False
            self._put(AliveLine(at=now), now)
            self._alive_at = now
            self._evidence.keep_addresses(self._tracker.knows)
        if self._writer.wanted is not Wanted.NOTHING:
            self._begin_frame()

    def _begin_frame(self) -> None:
        now = self._clock()
        self._alive_at = now
        store, cluster = self._discovery.store, self._cluster
        header = Header(
            format=FORMAT,
            version=self._by.version,
            at=now,
            started=self._started,
            host=self._by.host,
            store=store.name,
            address=self._mask(store.address),
            lifetime=store.lifetime.value,
            namespace=self._by.namespace,
            server=self._server,
            probing=self._probing.value,
            metrics=() if self._scrapes is None else tuple(map(str, self._scrapes.given)),
        )
        records = cluster.records
        entries = [
            CheckpointEntry(records[key].entry, cluster.first_seen(key), cluster.value_seen(key))
            for key in sorted(records)
        ]
        checkpoint = Checkpoint(
            at=now, entries=len(entries), revision=self._revision, unread=self._unread
        )
        self._writer.begin(NewFrame(header, checkpoint, entries, list(self._known(now))))

    def _known(self, at: float) -> Iterable[AnyLine]:
        """Yield the lines of all that is known beside the entries."""
        yield from self._evidence.known(at)
        if self._lost is not None:
            yield self._lost

    def _put_evidence(self) -> None:
        now = self._clock()
        self._put_all(self._evidence.due(now), now)

    def _put_all(self, lines: Iterable[AnyLine], at: float) -> None:
        for line in lines:
            self._put(line, at)

    def _put(self, line: AnyLine, at: float) -> None:
        self._latest = max(self._latest, at)
        self._writer.put(line)


def _nothing() -> None:
    """Verdicts are judged with the next tick."""
