"""A dashboard of one moment of the past: it is led from outside, and changes nothing.

No Textual in here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from backends.discovery.discovery import Added, Discovery, Resynced, WatchEvent
from backends.discovery.earlier_events import with_store_changes
from backends.discovery.history import Event, EventType
from backends.discovery.past_records import RecordChange
from backends.discovery.reasons import Reason, ReasonKind
from backends.dynamo.queries import Query
from backends.liveness.gathering import Probing
from backends.probe.no_probes import NoProbes
from backends.removal.audit.audit import Audit
from backends.removal.removals import Removals
from backends.timeline import (
    DrainsRead,
    LeasesRead,
    Opening,
    ProbesMade,
    Step,
    StoreEvents,
    Timeline,
)
from backends.timeline.folding import Folding
from backends.timeline.known_times import KnownTimes
from backends.timeline.moment_store import WHY_READ_ONLY, MomentStore
from tui.config.settings import Settings
from tui.session import Session
from tui.state.cluster_view import Changes
from tui.state.dashboard import Dashboard
from tui.state.empty import in_namespace
from tui.state.observer import Job, Update
from tui.state.past.clock import MomentClock
from tui.state.past.past_figures import PastFigures
from tui.state.past.place import PastPlace
from tui.state.store_state import StoreState
from tui.state.timings import TIMINGS, Timings
from tui.text.causes.sentences import known_until
from tui.text.host_clock import HostClock
from tui.text.past.place import place_text
from tui.text.timestamps import time_of_day


class PastDashboard(Dashboard):
    """Shows one moment after another of a timeline, as `Travel` leads it."""

    is_past = True

    def __init__(
        self,
        timeline: Timeline,
        query: Query,
        settings: Settings,
        present: HostClock,
        timings: Timings = TIMINGS,
        *,
        audit: Audit | None = None,
        times: KnownTimes | None = None,
        store_keeps_times: bool = False,
        reasons: Callable[[], Mapping[tuple[bytes, str], Reason]] = dict,
        link: Callable[[], StoreState] | None = None,
    ) -> None:
        """`query`: the records to show. `present`: the clock of now. `audit`: is read for the
        reasons of removals. `times`: of the store's revisions, the newest of which is now. None:
        how many there were since is of no interest. `store_keeps_times`: its revisions are times.
        `reasons`: returns those of removals that were found, by key and revision. `link`: how it
        stands with the store in the present. None: nothing is followed."""
        store = MomentStore(timeline.store, timeline.address, timeline.lifetime)
        discovery = Discovery(store)
        self.moment_clock = MomentClock(present)
        session = Session(
            discovery, NoProbes(), Removals(discovery, audit), clock=self.moment_clock
        )
        settings = replace(
            settings,
            probing=Probing.NEVER,
            lease_rate=0.0,
            metrics=(),
            metrics_always=False,
            notify="off",
        )
        super().__init__(session, query, settings, self.moment_clock, timings)
        self._session = session
        self.figures = PastFigures(
            session, self.view, self.moment_clock, self.updates, tab=self.tab, always=False
        )
        self.past: PastPlace | None = None
        """The moment that is shown. None: none is yet."""
        self.states.is_past = True
        self._new: set[bytes] = set()
        """Keys of records whose addresses were not asked for yet."""
        self._reasons = reasons
        self._link = link
        self._counts_revisions = times is not None
        if times is not None:
            self.times = times
        self._store_keeps_times = store_keeps_times
        self._shown_in = self.times.restores
        """How often the store had begun to count anew when this moment was shown."""
        self._folding = Folding(query, store)
        self._is_to_judge = False
        """Whether records came or went since they were judged."""
        self._differences = Changes()
        """In records that are judged, and not shown yet."""

    @property
    def store_keeps_times(self) -> bool:
        return self._store_keeps_times

    def place_parts(self) -> list[str]:
        """Return which moment is shown, in parts, the most important first. Empty: none is yet."""
        if self.past is None:
            return []
        clock = self.moment_clock
        # Those of after a restore are counted anew.
        counts = self._counts_revisions and self.times.restores == self._shown_in
        newest = self.times.newest if counts else None
        return place_text(self.past.moment, self.past.at, clock.present(), newest, clock.shown_at)

    def present_trouble(self) -> str:
        """Return that the store is lost in the present, from where moves are read. Empty: it is
        not."""
        now = None if self._link is None else self._link()
        if now is None or not now.link.is_outdated:
            return ""
        since = time_of_day(self.moment_clock.present.shown_at(now.since))
        return f"✗ now {now.link.value} since {since}"

    def nothing_to_show(self) -> str:
        """Return the text of a table without rows."""
        if self.past is None:
            return f"Reading the past of {self.store.name} {self.store.address} …"
        if not self.view.narrowed and not self.view.cluster.records:
            return f"Nothing was registered{in_namespace(self.settings.namespace)} then"
        return super().nothing_to_show()

    def no_events(self) -> str:
        return "No event up to this moment is known"

    def events_kept(self) -> str:
        return known_until(self.view.history, self.clock.shown_at)

    def jobs(self) -> Mapping[str, Job]:
        """Return no jobs: nothing comes by itself."""
        return {}

    def tick(self) -> None:
        """Do nothing: no time passes at an earlier moment."""

    async def open_at(self, opening: Opening, at: float) -> None:
        """Take in another moment, with nothing of the one before but what the user chose. `at`: its
        time; if that is not known, one that it was before. `show_at` shows it, once the steps that
        it opens with were folded."""
        resynced = await self._folding.open(opening.entries)
        self._new |= {one.record.key for one in resynced.added}
        base = at if opening.base.at is None else opening.base.at
        self.moment_clock.set(base, is_known=opening.base.at is not None)
        self.view.begin_at(resynced, base, opening.first_seen, read_only=WHY_READ_ONLY)
        self._is_to_judge = True
        events = self.view.earlier_events(
            [*filter(self._matches, opening.earlier)],
            base,
            has_revisions=not self.store_keeps_times,
        )
        for event in events:
            if event.why is not None:
                event.why = _as_of_then(event, event.why)
        await self._explain(events)
        self.view.put_before(
            with_store_changes(events, opening.earlier, opening.store_changes, self._matches)
        )
        for step in opening.evidence:
            await self._take(step)

    def _pass_time(self, at: float) -> None:
        """Take in that all was as it is until a time."""
        self.view.pass_time(at)

    def _matches(self, change: RecordChange) -> bool:
        return self.query.matches(change.latest)

    async def fold(self, step: Step, at: float, *, is_known: bool) -> None:
        """Take in one step, as a dashboard did then. `at`: as in `open_at`. `show_at` shows it."""
        self.moment_clock.set(at, is_known=is_known)
        await self._take(step)

    def show_at(self, place: PastPlace, at: float, *, anew: bool) -> None:
        """Show what was taken in as of a moment. `at`: as in `open_at`. `anew`: it was opened, so
        that nothing is as it was."""
        self.moment_clock.set(at, is_known=place.at is not None)
        self._pass_time(at)
        self.view.prune(at)
        self.past = place
        self._shown_in = self.times.restores
        is_first = not self.complete
        self.complete = True
        self._judge()
        changes, self._differences = self._differences, Changes()
        if anew or is_first:
            changed = Update(
                everything=True, is_first=is_first, history=True, link=True, detail=True
            )
        else:
            changed = Update(
                records=changes,
                history=True,
                link=True,
                metrics=self.figures.has_charts,
                detail=True,
            )
        self.updates.send(changed)

    def _judge(self) -> None:
        """Take in which records there are by now: evidence counts only for those."""
        self._differences.add(self.view.take_changes())

    async def _take(self, step: Step) -> None:
        if not isinstance(step, StoreEvents) and self._is_to_judge:
            self._is_to_judge = False
            self._judge()
        match step:
            case StoreEvents(events=events):
                await self._take_events(await self._folding.fold(events))
            case LeasesRead(ttls=ttls):
                self.view.verdicts.observe_ttls(ttls)
            case ProbesMade(results=results):
                self._ask_for_addresses()
                self.view.verdicts.observe_readings(results)
            case DrainsRead(marks=marks):
                self.view.verdicts.drained(marks)

    def _ask_for_addresses(self) -> None:
        """Ask for the addresses of new records: results count only for those."""
        there = self.view.cluster.records
        self.view.verdicts.targets([there[key] for key in self._new & there.keys()])
        self._new.clear()

    async def _take_events(self, events: Sequence[WatchEvent]) -> None:
        noted = self.view.take([*events], self.clock())
        self._is_to_judge = True
        for one in events:
            match one:
                case Added(record=record):
                    self._new.add(record.key)
                    if not self.clock.is_known:
                        self.view.cluster.predate(record.key)
                case Resynced(added=added):
                    self._new |= {new.record.key for new in added}
        for event in noted:
            event.is_untimed = not self.clock.is_known
            if self._counts_revisions:
                _name_revision(event)
        await self._explain_new(noted)

    async def _explain_new(self, noted: Sequence[Event]) -> None:
        """Set the reasons of removals that were just taken in, as far as they are known."""
        for event in noted:
            if event.type is EventType.REMOVED and event.why is None:
                revision = "" if event.removal is None else event.removal.revision
                event.why = Reason(ReasonKind.IN_THE_PAST, revision=revision)
        await self._explain(noted)

    async def _explain(self, events: Sequence[Event]) -> None:
        """Set the reasons of removals, as far as they were found when they came, or are in the
        audit."""
        gone = [one for one in events if one.type is EventType.REMOVED]
        reasons = self._reasons() if gone else {}
        for event in gone:
            if event.record is not None and event.why is not None:
                event.why = reasons.get((event.record.key, event.why.revision), event.why)
        await self.removals.explain_earlier([one for one in gone if is_unexplained_removal(one)])


def _as_of_then(event: Event, why: Reason) -> Reason | None:
    """Return what is known of why something happened. None: nothing is, which is worth
    telling of removals alone."""
    if event.type is not EventType.REMOVED and not why.revision and why.lease is None:
        return None
    return replace(why, kind=ReasonKind.IN_THE_PAST)


def _name_revision(event: Event) -> None:
    """Have an event tell at which revision it came, as those do that a moment opens with."""
    record = event.record
    if record is None or event.type is EventType.REMOVED:
        return
    if event.why is None:
        event.why = Reason(ReasonKind.IN_THE_PAST, revision=record.revision)
    elif not event.why.revision:
        event.why = replace(event.why, revision=record.revision)


def is_unexplained_removal(event: Event) -> bool:
    """Return whether of a removal only its revision is known."""
    if event.type is not EventType.REMOVED:
        return False
    return event.why is not None and event.why.kind is ReasonKind.IN_THE_PAST
