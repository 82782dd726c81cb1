"""The dashboard of a recording, with its timeline: play, step, jump and search."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.worker import Worker

from backends.aio.timer import Timer
from backends.dynamo.records import AnyRecord
from backends.recording.moment_index import index_frames
from backends.recording.moment_search import MomentSearch
from backends.store import StoreError
from backends.timeline import Moment
from tui.actions import Place
from tui.runtime.textual_bindings import bindings
from tui.screens.detail import DetailScreen
from tui.screens.main import MainScreen
from tui.screens.past import NOT_THEN, PastScreen
from tui.state.narrowing import Words, searchable
from tui.state.navigation.breadcrumb import BreadcrumbStep
from tui.state.past.moves import BySeconds, Move, ToMoment, ToTime
from tui.state.past.travel import Travel
from tui.state.reported_removals import Notice
from tui.state.timeline.marks import Marks
from tui.state.timeline.player import Player
from tui.state.timeline.playhead import Playhead, PlayMode
from tui.state.timeline.recording_dashboard import RecordingDashboard
from tui.text.errors import explain
from tui.text.past.typed_time import TypedTime
from tui.text.sanitize import plain
from tui.text.timeline.about import about
from tui.text.timeline.bar import BarState, Playing
from tui.text.timeline.times import range_text
from tui.widgets.search_line import SearchLine
from tui.widgets.timeline_bar import TimelineBar

BETWEEN_FRAMES = 0.05
"""Seconds of rest between two frames that are looked through for marks: keys come first."""
SEARCHING = "searching"
"""The group of workers that look for a moment."""

_PLAYING = {
    PlayMode.PAUSED: Playing.PAUSED,
    PlayMode.PLAYING: Playing.PLAYING,
    PlayMode.ENDED: Playing.ENDED,
}

Finds = Callable[[Moment, int], Awaitable[Moment | None]]
"""From a moment to the next that is looked for, or back from it if the number is below 0."""


class ReplayScreen(PastScreen):
    """Draws a moment of a recording, and its timeline. No act is possible."""

    PLACE = Place.REPLAY
    ACTIONS: ClassVar[dict[str, str]] = {
        "play": "play",
        "slower": "change_speed(-1)",
        "faster": "change_speed(1)",
        "removal-earlier": "find_removal(-1)",
        "removal-later": "find_removal(1)",
        "death-earlier": "find_death(-1)",
        "death-later": "find_death(1)",
        "find": "find",
        "found-later": "find_again(1)",
        "found-earlier": "find_again(-1)",
        "to-start": "go_to_end(-1)",
        "to-end": "go_to_end(1)",
        "about": "about",
    }
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)

    def __init__(
        self,
        dashboard: RecordingDashboard,
        travel: Travel,
        playhead: Playhead,
        begin: Move,
        timer: Timer,
    ) -> None:
        """`playhead`: stands at the first moment. `begin`: where to begin."""
        super().__init__(dashboard, travel)
        self._recorded = dashboard
        self._head = playhead
        self._player = Player(travel, playhead, timer, self._show_timeline)
        self._marks = Marks(has_times=playhead.has_times)
        self._search = MomentSearch(dashboard.recording)
        self._words: Words | None = None
        """What was looked for last. None: nothing yet."""
        self._plays_at_first = playhead.is_playing
        playhead.pause()
        self._jobs = {
            **self._jobs,
            "play": self._player.run,
            "next change": self._player.look_ahead,
            "marks": self._find_marks,
        }
        travel.ask(begin)

    def compose(self) -> ComposeResult:
        yield from super().compose()
        yield SearchLine()
        yield TimelineBar()

    # --- the timeline -------------------------------------------------------------------------

    def moved(self) -> None:
        """Take in that another moment is shown."""
        super().moved()
        if (place := self._travel.place) is not None:
            self._player.moved(place)
            if self._plays_at_first:
                self._plays_at_first = False
                self._player.play()

    def failed(self, notice: Notice) -> None:
        """Report a move that failed: what was shown before still is."""
        self.show_notice(notice)

    def _show_timeline(self) -> None:
        if self.is_mounted and self._travel.place is not None:
            self.query_one(TimelineBar).show(self._bar_state())

    def _bar_state(self) -> BarState:
        head, marks = self._head, self._marks
        change = marks.changes_until(head.position.number)
        timed = head.has_times and head.time is not None
        start, now, end = (
            (head.first.at or 0.0, head.time or 0.0, head.last.at or 0.0)
            if timed
            else (0.0, float(change), float(marks.changes))
        )
        return BarState(
            playing=_PLAYING[head.mode],
            speed=head.speed,
            now=now,
            start=start,
            end=end,
            has_times=timed,
            change=change,
            changes=marks.changes if marks.is_complete else None,
            kept_speed=head.kept_speed if head.is_playing and head.is_slowed else None,
            to_change=self._player.seconds_to_change,
            knows_next=self._player.knows_next,
        )

    async def _find_marks(self) -> None:
        """Look through the recording for where something happened."""
        await self.dashboard.link.may_show.wait()
        try:
            async for moments in index_frames(self._recorded.recording):
                self._marks.add(moments)
                self.query_one(TimelineBar).mark(self._marks.happened)
                await asyncio.sleep(BETWEEN_FRAMES)
        except StoreError as error:
            self.show_notice(Notice(f"{plain(explain(error).sentence)}.", "warning"))
            return
        end = self._head.last.at if self._head.has_times else float(self._marks.changes)
        self._marks.finish(end or 0.0)
        self.query_one(TimelineBar).mark(self._marks.happened)
        self._show_timeline()

    # --- moves --------------------------------------------------------------------------------

    def travel(self, move: Move) -> None:
        """Show another moment of the recording."""
        first, last = self._head.first.at, self._head.last.at
        if isinstance(move, ToTime | BySeconds) and not self._head.has_times:
            text = "No times were recorded: step by change."
            self.show_notice(Notice(text, "warning"))
            return
        if isinstance(move, ToTime) and first is not None and last is not None:
            if not first <= move.at <= last:
                text = f"It was recorded {range_text(first, last)}."
                self.show_notice(Notice(text, "information"))
            at = max(first, min(last, move.at))
            move = ToMoment(self._head.last) if at == last else ToTime(at)
        super().travel(move)

    def time_of(self, typed: TypedTime) -> float:
        """Return a time that was typed, in POSIX seconds: with a sign, from what is shown."""
        head = self._head
        start, end = head.first.at or 0.0, head.last.at or 0.0
        if typed.by is not None and head.time is not None:
            return head.time + typed.by
        return typed.at(start, end)

    def return_to_present(self) -> None:
        """Go to the end of the recording: there is no present."""
        if self._head.at_end:
            self.show_notice(Notice("This is the end of the recording.", "information"))
        else:
            self.action_go_to_end(1)

    def _step_out_of(self, step: BreadcrumbStep | None) -> None:
        # There is no present behind it.
        MainScreen._step_out_of(self, step)

    async def action_play(self) -> None:
        await self._player.toggle()

    def action_change_speed(self, steps: int) -> None:
        if not self._player.change_speed(steps):
            least = "slower" if steps < 0 else "faster"
            self.show_notice(
                Notice(f"It plays no {least} than {self._head.speed:g}×.", "information")
            )

    def action_go_to_end(self, way: int) -> None:
        head = self._head
        self.travel(ToMoment(head.first if way < 0 else head.last))

    def action_find_removal(self, by: int) -> None:
        self._look_for(self._search.removal, by, "removal")

    def action_find_death(self, by: int) -> None:
        self._look_for(self._search.death, by, "death")

    def action_find(self) -> None:
        self._skip_while_typing()
        self.query_one(SearchLine).open()

    def on_search_line_given(self, message: SearchLine.Given) -> None:
        self.set_focus(self.active.table)
        if message.text.strip():
            self._words = Words(message.text)
            self.action_find_again(1)

    def action_find_again(self, by: int) -> None:
        if (words := self._words) is None:
            key = self.dashboard.keys.shown("find")
            self.show_notice(Notice(f"Nothing was looked for yet: {key} finds.", "information"))
            return

        def matches(record: AnyRecord) -> bool:
            return words.conditions.fit(record) and words.are_in(searchable(record))

        async def finds(moment: Moment, by: int) -> Moment | None:
            return await self._search.record(moment, by, matches)

        self._look_for(finds, by, f"change of “{plain(words.text)}”")

    def _look_for(self, finds: Finds, by: int, what: str) -> None:
        """Go to what is found from here on, unless another search is begun meanwhile."""
        place = self._travel.place
        if place is None:
            return

        async def look() -> None:
            where = "later" if by > 0 else "earlier"
            with self.dashboard.under_way.show(f"looking for a {where} {what}"):
                try:
                    found = await finds(place.moment, by)
                except StoreError as error:
                    self.failed(Notice(f"{plain(explain(error).sentence)}.", "warning"))
                    return
            if found is None:
                self.show_notice(Notice(f"There is no {where} {what}.", "information"))
            else:
                self.travel(ToMoment(found))

        group = SEARCHING
        _: Worker[None] = self.run_worker(look, group=group, exclusive=True, exit_on_error=False)

    def action_about(self) -> None:
        shown = about(self._recorded.recording, self._head.first, self._head.last)
        self.app.push_screen(DetailScreen(shown))

    # --- what there is not, then --------------------------------------------------------------

    def action_refuse(self, why: str) -> None:
        """Show why a key does nothing here."""
        if why == NOT_THEN["chart"]:
            is_known = self._recorded.recording.scraped is not None
            why = "it was recorded without --metrics" if is_known else "it has no figures"
        self.show_notice(Notice(f"This is a recording: {why}.", "warning"))

    def action_freeze(self) -> None:
        key = self.dashboard.keys.shown("play")
        self.action_refuse(f"{key} plays it, or lets it stand still")
