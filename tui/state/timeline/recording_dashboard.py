"""A dashboard of a moment of a recording. No Textual in here."""

from __future__ import annotations

from collections.abc import Sequence

from backends.discovery.history import Event
from backends.dynamo.queries import Query
from backends.recording.recorded_reasons import RecordedReasons
from backends.recording.recording_timeline import RecordingTimeline
from backends.timeline import DrainsRead, LeasesRead, Opening, Step
from tui.config.settings import Settings
from tui.state.past.dashboard import PastDashboard
from tui.state.timings import TIMINGS, Timings
from tui.text.host_clock import HostClock
from tui.text.sanitize import clip, plain
from tui.text.timeline.about import RECORDING, REPORT, is_report
from tui.text.timeline.times import DATE, TIME, local

LONGEST_HOST = 40


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
        self._start = start
        self._recorded_reasons: RecordedReasons | None = None
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

    async def open_at(self, opening: Opening, at: float) -> None:
        self._recorded_reasons = None
        await super().open_at(opening, at)

    async def _take(self, step: Step) -> None:
        if self.clock.is_known:
            # The store was followed up to here: heartbeats are not recorded, so a time without
            # lines tells of no silence. While it was lost this changes nothing.
            self.view.pass_time(self.clock())
        await super()._take(step)
        match step:
            case LeasesRead(ttls=ttls):
                await self._reasons_now().read(ttls)
            case DrainsRead(marks=marks):
                self._reasons_now().drained(marks)

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
