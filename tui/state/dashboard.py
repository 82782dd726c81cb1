"""The dashboard without its screen: follow, show, select and remove. No Textual in here."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import (
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from functools import partial
from math import inf
from typing import TYPE_CHECKING, NoReturn

from msgspec.structs import replace

from backends.discovery.discovery import Resynced, WatchEvent
from backends.discovery.history import Event
from backends.discovery.record_index import RecordIndex, Scope
from backends.dynamo.queries import Query
from backends.dynamo.records import AnyRecord, EventChannel
from backends.liveness.collector import READING_INTERVAL, EvidenceCollector
from backends.liveness.gathering import Probing
from backends.liveness.survey import probe_to_be_sure
from backends.liveness.workers import Worker
from backends.metrics.in_flight import DrainWatch
from backends.probe.types import ProbeResult
from backends.removal.audit.operation import Operation, OperationKind
from backends.removal.lasting_drain import LastingDrain
from backends.removal.removal_targets import RemovalTarget
from backends.store import PodLabel
from backends.timeline.known_times import KnownTimes
from tui.actions import DEFAULT_KEYS
from tui.config.preferences import DEFAULT_TAB, Preferences
from tui.config.remembering import Remembering
from tui.config.settings import Settings
from tui.runtime.heap import Heap
from tui.session import Session
from tui.state.causes.attention import Attention
from tui.state.cluster_view import Changes, ClusterView
from tui.state.columns.of_processes import Processes
from tui.state.empty import nothing_to_show
from tui.state.figures.polled_figures import PolledFigures
from tui.state.inspector import Inspector
from tui.state.looking_back.beside import Beside
from tui.state.looking_back.earlier import EarlierEvents
from tui.state.looking_back.unexplained import ReasonSearch
from tui.state.observer import Job, Update, Updates
from tui.state.pod_events import PodEventsPoller
from tui.state.probe_results import probe_notice
from tui.state.record_states import RecordStates
from tui.state.reported_removals import Notice, ReportedRemovals
from tui.state.store_link import StoreLink
from tui.state.store_state import LinkState
from tui.state.tabs import TabId
from tui.state.timings import TIMINGS, Timings
from tui.state.under_way import UnderWay
from tui.text.causes.sentences import kept_since
from tui.text.format import count, duration
from tui.text.host_clock import HostClock
from tui.text.past.place import PAST
from tui.text.sanitize import plain

if TYPE_CHECKING:
    from backends.removal.audit.audit import Audit
    from backends.tap import Tap
    from tui.config.settings_writer import Place, Value

_log = logging.getLogger(__name__)

EVIDENCE_INTERVAL = 0.25
"""Seconds until evidence that came is shown: it comes in many small pieces."""
NOTHING = Update(records=Changes())
"""Without a difference."""


class Dashboard:
    """Follows a store, gathers evidence and figures, removes and restores keys, and reports each
    difference to an observer."""

    is_past = False
    """Whether an earlier moment is shown, of which no more comes by itself."""
    past_word = PAST
    """What it is a moment of."""

    def __init__(
        self,
        session: Session,
        query: Query,
        settings: Settings,
        clock: HostClock,
        timings: Timings = TIMINGS,
    ) -> None:
        """`query`: the records to watch. `clock`: the steady time that ages are
        measured by."""
        discovery = session.discovery
        self.settings = settings
        self.clock = clock
        self.timings = timings
        self.timer = session.timer
        self.discovery = discovery
        self.store = discovery.store
        self.has_pod_labels = self.store.pod_labels is not None
        """Whether a drain may be made to last by a label of a pod."""
        self.where = f"{self.store.name} at {self.store.address}"
        """The store as questions name it."""
        self.way_back = ""
        """What was shown before another context was chosen. Empty: nothing."""
        self.updates = Updates()
        """Has differences shown, by the observer that is set there."""
        self.view = ClusterView(clock(), self.store.lifetime)
        self.under_way = UnderWay(self._status_changed)
        self.states = RecordStates(self.view, clock)
        self.processes = Processes(self.view)
        self.preferences = settings.preferences or Preferences()
        """How it looks: as the settings file has it, and what was chosen since."""
        self.remembering = Remembering(settings.remembered_in, session.timer, timings.saving)
        self.keys = settings.keys or DEFAULT_KEYS
        """Those that texts name."""
        # What is removed from the demo is nobody's loss.
        self.writes_down = settings.audit is not None or settings.demo
        """Whether removals are audited, so that another dyntop can restore them."""
        self.complete = False
        """Whether a whole snapshot is shown; before that no number is."""
        self.scope: Scope = ()
        """The place that is selected in the tree."""
        self.frozen_at: float | None = None
        """When the view was frozen. None: it is not."""
        self.marked = 0
        """Rows of the open tab that are marked."""
        self.sweep_age = 0.0
        """Seconds since the oldest answer about a lease, where they cannot all be followed; else
        0."""
        self.leases_read = (0, 0)
        """How many leases were read at least once, and how many there are; while they are read for
        the first time, as of the last seconds."""
        self._counted_at = -inf
        """When they were counted, in POSIX seconds."""
        self.trouble = ""
        """Why evidence is missing; empty: nothing is known to be wrong."""
        self.is_still = False
        """Whether time alone changed nothing in the last second of how it stands with the store,
        the rate of changes, and how much evidence there is."""
        self._passing: tuple[object, ...] = ()
        """All of that, as of the last second."""
        self.figures = PolledFigures(
            session,
            self.view,
            clock,
            self.updates,
            tab=self.first_tab,
            always=settings.metrics_always,
        )
        self.collector = EvidenceCollector(
            discovery,
            self.view.verdicts,
            session.probes,
            lambda: self.updates.observer.records_on_screen(),
            clock=clock,
            probing=settings.probing,
            cap=settings.lease_rate,
        )
        self.link = StoreLink(
            partial(discovery.watch, query),
            self.view,
            self,
            clock=clock,
            looking=timings.looking,
        )
        self._drain_watch = DrainWatch(session.scrapes, session.timer)
        self._pod_events = PodEventsPoller(self.store.pods, session.timer)
        self.inspector = Inspector(
            self.states,
            self._drain_watch.of,
            self._pod_events.of,
            self._undo_key,
            self._drain_watch.can_look,
        )
        self.removals = ReportedRemovals(session.removals, self.states, self.keys)
        self.attention = Attention(self.view, clock, self.updates, calls=settings.notify != "off")
        self._reason_search = ReasonSearch(self.removals, self.view, self.updates)
        self._earlier = EarlierEvents(discovery, query, self.view, self.removals, self.updates)
        self._beside = Beside(discovery, settings, self.view, self.updates)
        self._query = query
        self._audit = session.removals.audit
        self.times = KnownTimes(self.store.name)
        """When which revision came, if the store keeps what was at it."""
        self._taps = session.taps
        self._heap = Heap()
        self._evidence_came = asyncio.Event()
        self._tab: str = self.first_tab

    @property
    def query(self) -> Query:
        """The records that are watched."""
        return self._query

    @property
    def audit(self) -> Audit | None:
        """The audit of removals. None: there is none."""
        return self._audit

    @property
    def store_keeps_times(self) -> bool:
        """Return whether the revisions of the store are times."""
        return self.store.past is not None and self.store.past.time_of(1) is not None

    @property
    def known_since(self) -> float:
        """The time from which times of the store's revisions are known. If none are, it is now; 0
        if the store has them itself, as far as it goes back."""
        if self.store_keeps_times:
            return 0.0
        return self.times.first[1] if self.times else self.clock()

    @property
    def tab(self) -> str:
        """The tab that is open."""
        return self._tab

    @property
    def is_read_only(self) -> bool:
        """Return whether nothing is removed or put back, by a setting or for lack of rights."""
        return self.settings.read_only or bool(self.view.store.read_only)

    @property
    def first_tab(self) -> TabId:
        """Return the tab that is open at first."""
        return TabId(self.preferences.first_tab or DEFAULT_TAB)

    @property
    def shown(self) -> RecordIndex:
        """The records that match the filter."""
        return self.view.shown

    def jobs(self) -> Mapping[str, Job]:
        """Return the background jobs of the dashboard by name, except following the store (`link`).
        The caller starts a job again when it fails."""
        detail_differs = partial(self.updates.send, Update(detail=True))
        jobs: dict[str, Job] = {
            "collector": lambda: self.collector.run(self._evidence_came.set),
            "evidence": self._show_evidence_as_it_comes,
            **self.figures.jobs(),
            "audit": lambda: self.removals.follow_audit(self._evidence_came.set),
            "drained": lambda: self._drain_watch.run(detail_differs),
        }
        if self.remembering.is_on:
            jobs["remembering"] = self.remembering.run
        if self.store.pods is not None:
            jobs["pod events"] = lambda: self._pod_events.run(detail_differs)
        return jobs

    def tick(self) -> None:
        """Take in that a second passed."""
        now = self.clock()
        if by := self.clock.was_set_by():
            # Ages are of the even time; only times of day are shown by the host's.
            _log.warning("the host's clock was set by %+.0f s", by)
        if self.view.prune(now):
            self._show()
        self.figures.hear_frontends()
        self.attention.tick()
        self._heap.tick()
        # Where there are no leases, what is read in their place is the store's own business.
        has_leases = self.store.lifetime.has_leases
        self.sweep_age = self.collector.sweep_age() if has_leases else 0.0
        read, leases = self.collector.leases_read()
        is_other = read == leases or leases != self.leases_read[1]
        if is_other or now - self._counted_at >= READING_INTERVAL:
            self.leases_read, self._counted_at = (read, leases), now
        self.trouble = self.collector.trouble
        is_current = self.view.store.link is LinkState.CONNECTED and self.states.as_of() is None
        age = duration(self.sweep_age) if self.sweep_age and read == leases else ""
        passing = (is_current, self.view.rate(now), age, self.leases_read, self.trouble)
        self.is_still = is_current and not by and passing == self._passing
        self._passing = passing

    # --- what the store link delivers ---------------------------------------------------------

    def prepare(self, batch: list[WatchEvent]) -> Iterator[None]:
        """Take in a first snapshot step by step, so that keys are answered meanwhile."""
        for event in batch:
            if isinstance(event, Resynced) and not self.view.complete:
                yield from self.view.load(event, self.clock())

    def take_in(self, batch: list[WatchEvent]) -> None:
        """Apply and show a batch of the watch."""
        link = self.view.store
        self._heap.took_in(sum(map(_records_in, batch)))
        noted = self.view.take(batch, self.clock())
        same = replace(link, last_contact=self.view.store.last_contact)
        if self.store.past is not None and not self.store_keeps_times:
            self.times.take(batch, self.clock(), link.last_contact)
        is_other = self.view.store != same
        self._show(noted, link=self.view.store.link is not link.link, store=is_other)

    def when_shown(self, answer: Callable[[], None]) -> bool:
        """Call back once everything that was taken in is worked off. False: that cannot be."""
        return self.updates.observer.when_shown(answer)

    def show_link(self) -> None:
        """Show how it stands with the store by now."""
        self.updates.send(Update(link=True, at_once=True))

    def report(self, fault: Exception) -> None:
        """Report a fault of dyntop's own, after which everything is read again."""
        self.updates.observer.report(fault)

    # --- what is shown ------------------------------------------------------------------------

    def filter_by(self, text: str) -> Iterator[None]:
        """Show only records with every word of `text`; "" shows all. Works in steps of some 5 ms;
        what is shown changes with the last."""
        is_done = self.view.begin_filter(text)
        while not is_done:
            yield
            is_done = self.view.go_on_with_filter()
        self.show_everything()

    def finish_filter(self) -> None:
        """Show by the last filter, however many steps are left."""
        if self.view.is_narrowing:
            self.view.finish_filter()
            self.show_everything()

    def narrow(self, text: str | None = None, *, only_findings: bool | None = None) -> None:
        """Show by another filter, and only findings or all. None: as it is."""
        self.view.narrow(text, only_findings=only_findings)
        self.show_everything()

    def show_only_findings(self, only: bool) -> None:
        """Show only records that are not live, as far as there is evidence; or all again."""
        self.narrow(only_findings=only)

    def clear_filter(self) -> None:
        """Show all again."""
        self.narrow("", only_findings=False)

    def hide_gone(self, hides: bool) -> Notice:
        """Hide tombstones, or show them again. Returns the notice."""
        self.view.hides_gone = hides
        self.show_everything()
        gone = count(len(self.view.tombstones), "tombstone")
        return Notice(f"{'Hides' if hides else 'Shows'} {gone}.", "information")

    def show_internal(self, shows: bool) -> Notice:
        """Show instances of internal endpoints, or fold them into their workers again. Returns the
        notice."""
        self.view.shows_internal = shows
        self.show_everything()
        internal = count(len(self.view.cluster.internal()), "instance")
        done = "Shows" if shows else "Hides"
        return Notice(f"{done} {internal} of internal endpoints.", "information")

    def freeze(self, frozen: bool) -> None:
        """Freeze the view, or let it catch up."""
        self.frozen_at = self.clock() if frozen else None
        self.view.freeze(frozen)
        self.figures.look()
        self._show(history=True)

    def show_everything(self) -> None:
        """Show all anew, whatever is different."""
        self.view.take_changes()
        self.updates.send(Update(everything=True))

    def show_evidence(self) -> None:
        """Show new evidence now, since the user waits for it."""
        self._evidence_came.clear()
        self._show(detail=True)

    def present_trouble(self) -> str:
        """Return, of an earlier moment, that the store is lost now. Empty: it is not."""
        return ""

    def place_parts(self) -> list[str]:
        """Return which earlier moment is shown, in parts, the most important first. Empty: it is
        the present, or none is shown yet."""
        return []

    def no_events(self) -> str:
        """Return the text of a table of events that has none, without a filter."""
        return "Nothing is known yet"

    def events_kept(self) -> str:
        """Return since when events are kept. Empty: there is none yet."""
        return kept_since(self.view.history, self.clock.shown_at)

    def nothing_to_show(self) -> str:
        """Return the text of a table without rows."""
        where = f"{self.store.name} {self.store.address}"
        namespace, beside = self.settings.namespace, self._beside.text
        text = nothing_to_show(self.view, where, namespace, self.keys, beside)
        is_lost = self.way_back and not self.view.complete
        return f"{text}; :ctx - goes back to {self.way_back}" if is_lost else text

    # --- what is selected ---------------------------------------------------------------------

    def select(self, scope: Scope, *, anew: bool = False) -> None:
        """Select a scope of the tree. `anew`: also if it is selected already."""
        if anew or scope != self.scope:
            self.scope = scope
            self.show_everything()

    def mark(self, number: int) -> None:
        """Take in how many rows of the open tab are marked."""
        self.marked = number
        self._status_changed()

    def choose(self, place: Place, value: Value | None) -> None:
        """Take in the choice of a setting, and remember it. None: it has its default again."""
        self.preferences = self.preferences.amended(place, value)
        self.remembering.choose(place, value)

    def open_tab(self, tab: str, marked: int) -> None:
        """Show another tab, of which so many rows are marked."""
        self._tab = tab
        self.figures.open_tab(tab)
        self.mark(marked)

    def inspect(self, record: AnyRecord | None, worker: Worker | None) -> None:
        """Take in what the detail shows: count its requests while it is being drained, and read
        what Kubernetes writes down about its pod."""
        frozen = self.view.frozen
        self._drain_watch.watch(None if frozen else self.inspector.drained(worker, record))
        records = worker.records if worker is not None else () if record is None else (record,)
        owners = [one.entry.owner for one in records if one.entry.owner is not None]
        self._pod_events.watch(owners, reads=not frozen)

    # --- what is done -------------------------------------------------------------------------

    async def remove(
        self,
        kind: OperationKind,
        records: Sequence[AnyRecord],
        shown: Mapping[bytes, RemovalTarget],
    ) -> list[Notice]:
        """Remove records as `ReportedRemovals.remove` does. Returns the notices. Rows go once the
        watch reports it, not before."""
        with self.under_way.show(f"removing {count(len(records), 'key')}"):
            notices = await self.removals.remove(kind, records, shown)
        self._acted()
        return notices

    async def put_back(self, act: Operation) -> list[Notice]:
        """Restore the keys of an operation. Returns the notices."""
        with self.under_way.show(f"putting {count(len(act.items), 'key')} back"):
            notices = await self.removals.undo(act)
        self._acted()
        return notices

    async def take_out(self, drain: LastingDrain) -> list[Notice]:
        """Take a pod out of discovery. Returns the notices."""
        with self.under_way.show(f"taking pod {plain(drain.label.pod)} out of discovery"):
            notices = await self.removals.take_out(drain)
        self._acted()
        return notices

    async def put_label_back(self, record: AnyRecord, label: PodLabel) -> list[Notice]:
        """Put the label of a record's pod back. Returns the notices."""
        with self.under_way.show(f"putting pod {plain(label.pod)} back into discovery"):
            notices = await self.removals.put_label_back(record, label)
        self._acted()
        return notices

    async def probe(self, records: Sequence[AnyRecord]) -> Notice:
        """Probe the workers of records. Returns the notice."""
        results = await self._probe(records, deep=True)
        return probe_notice(records, results)

    async def check_addresses(self) -> list[ProbeResult] | None:
        """Probe all that is registered. None: nothing is probed here."""
        if self.settings.probing is Probing.NEVER:
            return None
        verdicts, records = self.view.verdicts, list(self.view.cluster.records.values())
        addresses = verdicts.targets(records)
        if not addresses:
            return []
        with self.under_way.show(f"checking {count(len(addresses), 'address')}", after=0.0):
            probe = partial(self._probe, deep=False)
            results = await probe_to_be_sure(verdicts, records, probe, self.timer)
        self.show_evidence()
        return results

    def open_tap(self, channels: Sequence[EventChannel]) -> Tap:
        """Return one tap on some channels."""
        return self._taps.open_all(channels)

    async def _probe(self, records: Iterable[AnyRecord], *, deep: bool) -> list[ProbeResult]:
        results = await self.collector.probe(records, deep=deep)
        self.show_evidence()
        return results

    def _undo_key(self) -> str:
        return "" if self.is_read_only else self.keys.shown("undo")

    def _acted(self) -> None:
        """Show removals whose reasons follow from the store's answer."""
        self._evidence_came.set()
        self.updates.send(Update(history=True))

    # --- what is learnt -----------------------------------------------------------------------

    async def _show_evidence_as_it_comes(self) -> NoReturn:
        while True:
            await self._evidence_came.wait()
            await asyncio.sleep(EVIDENCE_INTERVAL)
            if self._evidence_came.is_set():
                self._evidence_came.clear()
                self._show()

    def _show(
        self,
        noted: Sequence[Event] = (),
        *,
        link: bool = False,
        store: bool = False,
        history: bool = False,
        detail: bool = False,
    ) -> None:
        """Show the changes of the view since the last time. `store`: and how it stands with it."""
        self._reason_search.begin(noted)
        if self.complete != self.view.complete:
            self.complete = self.view.complete
            self.view.take_changes()
            self.attention.start()
            self.updates.send(Update(everything=True, is_first=True, link=link))
            self._earlier.begin()
            self._beside.begin()
            return
        update = Update(
            records=self.view.take_changes(),
            history=history or (bool(noted) and not self.view.frozen),
            link=link,
            detail=detail,
        )
        # A sign of life alone changes nothing that is shown.
        if noted or store or update != NOTHING or self.updates.is_behind:
            self.updates.send(update)

    def _status_changed(self) -> None:
        self.updates.send(Update())


def _records_in(event: WatchEvent) -> int:
    """Return how many records an event tells of."""
    return len(event.removed) + len(event.added) if isinstance(event, Resynced) else 1
