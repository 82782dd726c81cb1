"""The dashboard of an earlier moment, above that of the present, which goes on below."""

from __future__ import annotations

from typing import ClassVar

from msgspec.structs import replace
from textual.binding import BindingType
from textual.message import Message

from backends.timeline.revisions import RevisionTimeline
from tui.actions import ACTIONS, Place
from tui.runtime.textual_bindings import bindings
from tui.screens.main import MainScreen
from tui.state.destinations import Bookmark
from tui.state.navigation.breadcrumb import BreadcrumbStep
from tui.state.observer import Update
from tui.state.past.dashboard import PastDashboard
from tui.state.past.moves import Move
from tui.state.past.travel import Travel
from tui.state.reported_removals import Notice
from tui.state.timings import Timings
from tui.text.host_clock import HostClock
from tui.text.past.typed_time import TypedTime
from tui.widgets.filter_bar import FilterBar

NOT_THEN = {
    "probe": "what answers now says nothing of then",
    "tap": "its messages are not kept",
    "chart": "figures are not kept",
}
"""Why an action is not possible at an earlier moment."""
REFUSED = {
    **{
        one.id: "refuse('nothing can be changed here')"
        for one in ACTIONS
        if one.writes and Place.MAIN in one.places
    },
    **{name: f"refuse({why!r})" for name, why in NOT_THEN.items()},
}
"""The actions that change the store, or ask something now."""


class PastScreen(MainScreen):
    """Draws a moment of the past. No act is possible; keys move along the timeline."""

    MOVES: ClassVar[dict[str, str]] = {
        one: MainScreen.ACTIONS[one]
        for one in ("earlier", "later", "minute-earlier", "minute-later", "present")
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(MOVES, in_footer=True),
        # Their widgets leave these keys to the screen.
        *bindings(REFUSED, in_footer=False),
    ]

    class PresentAsked(Message):
        """The present is to be shown again."""

        def __init__(self, screen: PastScreen, notice: Notice | None = None) -> None:
            """`notice`: why, if nobody asked for it."""
            super().__init__()
            self.screen = screen
            self.notice = notice

    def __init__(self, dashboard: PastDashboard, travel: Travel) -> None:
        super().__init__(dashboard)
        self.past = dashboard
        self._travel = travel
        travel.traveller = self
        self._jobs = {"travel": self._go_along}
        self._begins_at: Bookmark | None = None
        self.add_class("-past")

    def begin_as(self, other: MainScreen) -> None:
        """Begin at the place, and with the filter, of another screen."""
        before, here = other.dashboard.view, self.dashboard
        here.view.narrow(before.filter, only_findings=before.only_findings)
        here.view.hides_gone, here.view.shows_internal = before.hides_gone, before.shows_internal
        self._begins_at = other.navigator.bookmark()

    def on_mount(self) -> None:
        if self.dashboard.view.filter:
            self.query_one(FilterBar).set(self.dashboard.view.filter)

    async def _go_along(self) -> None:
        # What is shown before the tabs were laid out would have no room.
        await self.dashboard.link.may_show.wait()
        await self._travel.run()

    def changed(self, update: Update) -> None:
        super().changed(update)
        if update.is_first and (begins_at := self._begins_at) is not None:
            self._begins_at = None
            self.navigator.go(begins_at)

    # --- the moment ---------------------------------------------------------------------------

    def time_of(self, typed: TypedTime) -> float:
        past = self.past
        return self._time_between(typed, past.known_since, past.moment_clock.present())

    def travel(self, move: Move) -> None:
        self._travel.ask(move)

    def moved(self) -> None:
        """Take in that another moment is shown."""
        self.active.table.unmark_all()

    def failed(self, notice: Notice) -> None:
        """Report a move that failed. If nothing is shown yet, there is nothing to stay for."""
        if self.past.past is None:
            self.post_message(self.PresentAsked(self, notice))
        else:
            self.show_notice(notice)

    def return_to_present(self) -> None:
        """Show the present again."""
        self.post_message(self.PresentAsked(self))

    def action_present(self) -> None:
        self.return_to_present()

    def _step_out_of(self, step: BreadcrumbStep | None) -> None:
        if step is None:
            self.return_to_present()
        else:
            super()._step_out_of(step)

    # --- what there is not, then --------------------------------------------------------------

    def action_refuse(self, why: str) -> None:
        """Show why a key does nothing here."""
        key = self.dashboard.keys.shown("present")
        text = f"This is the past: {why}. {key} returns to the present."
        self.show_notice(Notice(text, "warning"))

    def action_freeze(self) -> None:
        self.action_refuse("it stands still")


def open_past(present: MainScreen, move: Move, clock: HostClock, timings: Timings) -> PastScreen:
    """Return a screen of an earlier moment of a dashboard's store, at the same place. Raises
    `NoPast` if the store keeps none."""
    live = present.dashboard
    times = live.times
    timeline = RevisionTimeline(live.discovery, live.query, times)
    preferences = replace(live.preferences, first_tab=live.tab)
    dashboard = PastDashboard(
        timeline,
        live.query,
        replace(live.settings, preferences=preferences),
        clock,
        timings,
        audit=live.audit,
        times=None if live.store_keeps_times else times,
        store_keeps_times=live.store_keeps_times,
        link=lambda: live.view.store,
        reasons=live.view.history.reasons_of_removals,
    )
    travel = Travel(timeline, dashboard, before=lambda moment: times.latest_of(moment.number))
    screen = PastScreen(dashboard, travel)
    screen.begin_as(present)
    travel.ask(move)
    return screen
