"""A dashboard of a moment of a recording. No Textual in here."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence

from backends.discovery.history import Event
from backends.discovery.reasons import Reason
from backends.dynamo.queries import Query
from backends.recording.recorded_events import reasons_between
from backends.recording.recorded_reasons import RecordedReasons
from backends.recording.recording_timeline import RecordingTimeline
from backends.store import StoreError
from backends.timeline import DrainsRead, FiguresRead, LeasesRead, Moment, Opening, Step
from tui.config.settings import Settings
from tui.state.observer import Update
from tui.state.past.dashboard import PastDashboard, is_unexplained_removal
from tui.state.past.place import PastPlace
from tui.state.timeline.recorder_follows import RecorderFollows, is_sign_of_life
from tui.state.timeline.replayed_figures import ReplayedFigures
from tui.state.timings import TIMINGS, Timings
from tui.text.host_clock import HostClock
from tui.text.sanitize import clip, plain
from tui.text.timeline.about import RECORDING, REPORT, is_report
from tui.text.timeline.times import DATE, TIME, local

_log = logging.getLogger(__name__)

LONGEST_HOST = 40
EXPLAINED_AFTER = 0.3
"""Seconds that a moment is shown before what came before is explained: keys may be held down."""


class RecordingDashboard(PastDashboard):
    """Shows one moment after another of a recording. Its present is the end of that."""

    def __init__(
        self,
        recording: RecordingTimeline,
        query: Query,
        settings: Settings,
        start: float | None,
        end: float | None,
        timings: Timings = TIMINGS,
    ) -> None:
        """`start` and `end` of the recording, in POSIX seconds. None: no times are known."""

        def present() -> float:
            return 0.0 if end is None else end

        super().__init__(recording, query, settings, HostClock(present, present), timings)
        self.recording = recording
        self._replayed = ReplayedFigures(
            recording, self._session, self.view, self.moment_clock, self.updates, self._moment
        )
        self.figures = self._replayed
        self._start = start
        self._recorded_reasons: RecordedReasons | None = None
        self._follows = RecorderFollows()
        self._opened_at: Moment | None = None
        """The moment of which the events before are not explained yet. None: none is."""
        self._explains_earlier = False
        self.past_word = REPORT if is_report(recording) else RECORDING

    def place_parts(self) -> list[str]:
        """Return which moment is shown, in parts, the most important first. Empty: none is yet."""
        if self.past is None:
            return []
        at, revision = self.past.at, plain(self.past.moment.revision)
        parts = ["time not known" if at is None else local(at, f"{DATE} {TIME}")]
        if self.recording.damage:
            parts.append("not whole")
        if revision:
            parts.append(f"revision {revision}")
        if self.recording.host:
            parts.append(f"recorded on {clip(plain(self.recording.host), LONGEST_HOST)}")
        return parts

    @property
    def is_read_only(self) -> bool:
        """Return that nothing can be changed, whatever the store said of rights then."""
        return True

    def events_kept(self) -> str:
        """Return since when events are shown."""
        begins = "its start" if self._start is None else local(self._start, TIME)
        oldest = next(iter(self.view.history), None)
        if oldest is None or oldest.is_untimed:
            return f"The recording begins at {begins}"
        return f"Events since {local(oldest.at, TIME)}; the recording begins at {begins}"

    def _moment(self) -> Moment | None:
        return None if self.past is None else self.past.moment

    def _pass_time(self, at: float) -> None:
        super()._pass_time(self._follows.followed_until(at))

    async def open_at(self, opening: Opening, at: float) -> None:
        self._recorded_reasons = None
        self._replayed.open_at(opening)
        self._follows.begin(opening.base.at)
        await super().open_at(opening, at)
        self._opened_at = opening.base

    def show_at(self, place: PastPlace, at: float, *, anew: bool) -> None:
        # However far back it was opened, it shows the same.
        self.figures.hour.trim(at)
        super().show_at(place, at, anew=anew)
        if self._opened_at is not None and not self._explains_earlier:
            self._explains_earlier = True
            self.updates.observer.begin("earlier reasons", self._explain_earlier)

    async def _explain_earlier(self) -> None:
        """Find the reasons of removals from before what a moment opens with, once it is shown."""
        try:
            while (base := self._opened_at) is not None:
                await self.timer.sleep(EXPLAINED_AFTER)
                if self._opened_at is not base:
                    continue
                self._opened_at = None
                gone = [one for one in self.view.history if is_unexplained_removal(one)]
                if not gone or base.at is None:
                    continue
                found = await reasons_between(self.recording, gone[0].at, base.at)
                if self._opened_at is None:
                    self._set_reasons(gone, found)
        except StoreError as error:
            # What is shown stays: each move says what of the file cannot be read.
            _log.info("events from before are not explained: %s", error)
        finally:
            self._explains_earlier = False

    def _set_reasons(
        self, gone: Iterable[Event], found: Mapping[tuple[bytes, float], Reason]
    ) -> None:
        for event in gone:
            if event.record is not None:
                event.why = found.get((event.record.key, event.at), event.why)
        self.updates.send(Update(history=True, detail=True))

    async def _take(self, step: Step) -> None:
        if self.clock.is_known:
            now = self.clock()
            if self._follows.heard(step, now):
                # The store was followed up to here: heartbeats are not recorded, so a short time
                # without lines tells of no silence. While it was lost this changes nothing.
                self.view.pass_time(now)
            elif is_sign_of_life(step):
                # The recorder's, not the store's.
                return
        await super()._take(step)
        match step:
            case LeasesRead(ttls=ttls):
                await self._reasons_now().read(ttls)
            case DrainsRead(marks=marks):
                self._reasons_now().drained(marks)
            case FiguresRead():
                self._replayed.take(step)

    async def _explain_new(self, noted: Sequence[Event]) -> None:
        """Find reasons by the leases as they were read then; what is not known yet may be with a
        later reading."""
        await self._reasons_now().note(noted)

    def _reasons_now(self) -> RecordedReasons:
        if self._recorded_reasons is None:
            view = self.view
            self._recorded_reasons = RecordedReasons(
                self.store.lifetime, view.cluster, view.history, clock=self.clock
            )
        return self._recorded_reasons

    def nothing_to_show(self) -> str:
        """Return the text of a table without rows."""
        if self.past is None:
            return f"Reading {plain(self.recording.name)} …"
        return super().nothing_to_show()
