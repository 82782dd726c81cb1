"""The dashboard of a recording: file → timeline → screen. Nothing is connected to."""

from __future__ import annotations

from textual.events import Event

from backends.aio.timer import LOOP, Timer
from backends.discovery.discovery import Discovery
from backends.dynamo.ids import Kind
from backends.dynamo.queries import Query
from backends.probe.no_probes import NoProbes
from backends.recording.recording_timeline import RecordingTimeline
from backends.removal.removals import Removals
from backends.store import Misconfigured
from backends.timeline import Moment
from backends.timeline.moment_store import MomentStore
from tui.app import DyntopApp, run_app
from tui.config.settings import Settings
from tui.runtime.logs import Logs
from tui.screens.replay import ReplayScreen
from tui.session import Session
from tui.state.past.moves import Move, ToMoment, ToTime
from tui.state.past.travel import Travel
from tui.state.timeline.playhead import Playhead
from tui.state.timeline.recording_dashboard import RecordingDashboard
from tui.state.timings import TIMINGS, Timings
from tui.text.host_clock import HostClock
from tui.text.past.typed_time import TypedTime
from tui.text.timeline.about import is_report


class Start:
    """How a replay begins."""

    def __init__(
        self, at: TypedTime | None = None, *, plays: bool = False, speed: float = 1.0
    ) -> None:
        """`at`: None is the start, of a report its end. `speed`: seconds of the recording in one of
        now."""
        self.at = at
        self.plays = plays
        self.speed = speed


class ReplayApp(DyntopApp):
    """One screen over one recording."""

    def __init__(
        self,
        recording: RecordingTimeline,
        ends: tuple[Moment, Moment],
        settings: Settings,
        start: Start,
        *,
        logs: Logs | None = None,
        timings: Timings = TIMINGS,
        timer: Timer = LOOP,
    ) -> None:
        """`ends`: the first and the last moment. `timer`: it plays by it. Raises
        `Misconfigured`."""
        self._timer = timer
        self._recording = recording
        self._ends = ends
        self._start = start
        self._begin = _beginning(recording, ends, start.at)
        store = MomentStore(recording.store, recording.address, recording.lifetime)
        discovery = Discovery(store)
        # Nothing is asked through it: each screen has one of its own.
        session = Session(discovery, NoProbes(), Removals(discovery, None), clock=HostClock())
        super().__init__(session, settings, logs=logs, timings=timings)

    def _main_screen(self, way_back: str = "") -> ReplayScreen:
        first, last = self._ends
        query = Query(frozenset(Kind), self.settings.namespace, nested=True)
        dashboard = RecordingDashboard(
            self._recording, query, self.settings, first.at, last.at, self._timings
        )
        self._dashboard = dashboard
        times = {"has_times": self._recording.has_times}
        head = Playhead(first, last, speed=self._start.speed, **times)
        if self._start.plays:
            head.play()
        travel = Travel(self._recording, dashboard)
        return ReplayScreen(dashboard, travel, head, self._begin, self._timer)

    def _look(self, event: Event) -> None:
        """Do nothing: no event of a recording is new, whether a person looks or not."""


def run(settings: Settings, logs: Logs, path: str, start: Start) -> int:
    """Show a recording until the person quits. Returns an exit code. Raises `BadRecording` and
    `Misconfigured` before anything is drawn."""

    async def opened() -> DyntopApp:
        return await open_replay(settings, path, start, logs=logs)

    return run_app(opened)


async def open_replay(
    settings: Settings,
    path: str,
    start: Start,
    *,
    logs: Logs | None = None,
    timings: Timings = TIMINGS,
    timer: Timer = LOOP,
) -> ReplayApp:
    """Return the app of a recording. Raises as `run`."""
    recording = await RecordingTimeline.load(path)
    ends = await recording.first(), await recording.last()
    return ReplayApp(recording, ends, settings, start, logs=logs, timings=timings, timer=timer)


def _beginning(
    recording: RecordingTimeline, ends: tuple[Moment, Moment], at: TypedTime | None
) -> Move:
    first, last = ends
    if at is None:
        # A report is as it was read: its evidence comes after what is registered.
        return ToMoment(last if is_report(recording) else first)
    if at.text in ("start", "end"):
        return ToMoment(first if at.text == "start" else last)
    if not recording.has_times or first.at is None or last.at is None:
        raise Misconfigured("--at", f"{recording.name} has no times: step by change")
    time = at.at(first.at, last.at)
    return ToTime(max(first.at, min(last.at, time)))
