"""Move a dashboard along a timeline, one move at a time. Moves that are asked for meanwhile are
merged into one.

No Textual in here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NoReturn, Protocol

from backends.store import StoreError
from backends.timeline import CountsAnew, Moment, Stepped, Timeline, TimeNotKnown
from tui.state.past.dashboard import PastDashboard
from tui.state.past.moves import ByChanges, BySeconds, Move, ToMoment, ToRevision, ToTime
from tui.state.past.place import PastPlace
from tui.state.reported_removals import Notice
from tui.text.errors import explain
from tui.text.past.place import counts_anew, no_earlier, no_time, time_not_known
from tui.text.sanitize import plain


class Traveller(Protocol):
    """Shows what comes of the moves."""

    def moved(self) -> None:
        """Take in that another moment is shown."""

    def failed(self, notice: Notice) -> None:
        """Report a move that failed: what was shown before still is."""

    def return_to_present(self) -> None:
        """Go on where a move led beyond the last change."""


class Nobody:
    """Shows nothing: there is no screen yet."""

    def moved(self) -> None:
        pass

    def failed(self, notice: Notice) -> None:
        pass

    def return_to_present(self) -> None:
        pass


class Travel:
    """Leads a dashboard along a timeline."""

    def __init__(
        self,
        timeline: Timeline,
        dashboard: PastDashboard,
        *,
        before: Callable[[Moment], float | None] = lambda _: None,
    ) -> None:
        """`before`: returns a time that a moment without one was before, in POSIX seconds; None
        is the present."""
        self.timeline = timeline
        self._dashboard = dashboard
        self.traveller: Traveller = Nobody()
        self._before = before
        self.wanted: Move | None = None
        """The move that comes next."""
        self._is_wanted = asyncio.Event()
        self._moving = asyncio.Lock()

    @property
    def place(self) -> PastPlace | None:
        """The moment that is shown. None: none is yet."""
        return self._dashboard.past

    @property
    def is_moving(self) -> bool:
        """Return whether a move is under way."""
        return self._moving.locked()

    def ask(self, move: Move) -> None:
        """Move once the move that is under way is done. Moves of one kind add up; otherwise only
        the last one counts."""
        match self.wanted, move:
            case ByChanges(number=first), ByChanges(number=more):
                move = ByChanges(first + more)
            case BySeconds(seconds=first), BySeconds(seconds=more):
                move = BySeconds(first + more)
        self.wanted = move
        self._is_wanted.set()

    async def run(self) -> NoReturn:
        """Carry out the moves that are asked for, until cancelled."""
        while True:
            await self._is_wanted.wait()
            self._is_wanted.clear()
            move, self.wanted = self.wanted, None
            if move is not None:
                await self.carry_out(move)

    async def carry_out(self, move: Move) -> None:
        """Move. What was shown stays if that fails, and a notice tells why."""
        async with self._moving:
            try:
                with self._dashboard.under_way.show(_reading(move)):
                    await self._carry_out(move)
            except StoreError as error:
                self.traveller.failed(Notice(self._why_not(error), "warning"))

    async def _carry_out(self, move: Move) -> None:
        match move:
            case ByChanges(number=number):
                await self._by_changes(number)
            case BySeconds(seconds=seconds):
                await self._by_seconds(seconds)
            case ToRevision(revision=revision):
                await self._go(await self.timeline.at_revision(revision), None)
            case ToTime(at=at) if at >= self._dashboard.moment_clock.present():
                self.traveller.return_to_present()
            case ToTime(at=at):
                await self._go(await self.timeline.at_time(at), at)
            case ToMoment(moment=moment, at=at):
                await self._go(moment, at)

    async def _by_changes(self, number: int) -> None:
        place = self.place
        start = await self.timeline.last() if place is None else place.moment
        moment = await self.timeline.change_from(start, number)
        if place is None or moment.number != start.number:
            await self._go(moment, None)
        elif number > 0:
            self.traveller.return_to_present()
        elif number < 0:
            self.traveller.failed(Notice(no_earlier(self.timeline, moment), "information"))

    async def _by_seconds(self, seconds: float) -> None:
        place, now = self.place, self._dashboard.moment_clock.present()
        at = now if place is None else place.at
        if at is None:
            self.traveller.failed(Notice(no_time(self.timeline), "warning"))
            return
        if at + seconds >= now:
            self.traveller.return_to_present()
            return
        await self._go(await self.timeline.at_time(at + seconds), at + seconds)

    async def _go(self, moment: Moment, at: float | None) -> None:
        """Show a moment. `at`: the time that it is looked at. None: its own."""
        dashboard, shown = self._dashboard, self.place
        steps = None
        if shown is not None and shown.moment.number <= moment.number:
            steps = await self.timeline.between(shown.moment, moment)
        anew = steps is None
        if steps is None:
            opening = await self.timeline.open(moment)
            steps = opening.steps
            await dashboard.open_at(opening, self._time_of(opening.base))
        for step in steps:
            await self._fold(step)
        if at is None or moment.at is None or at < moment.at:
            at = moment.at
        bound = self._time_of(moment) if at is None else at
        dashboard.show_at(PastPlace(moment, at), bound, anew=anew)
        self.traveller.moved()

    async def _fold(self, step: Stepped) -> None:
        moment = step.moment
        await self._dashboard.fold(step.step, self._time_of(moment), is_known=moment.at is not None)

    def _time_of(self, moment: Moment) -> float:
        """Return the time of a moment; if it is not known, one that it was before."""
        if moment.at is not None:
            return moment.at
        bound = self._before(moment)
        return self._dashboard.moment_clock.present() if bound is None else bound

    def _why_not(self, error: StoreError) -> str:
        if isinstance(error, TimeNotKnown):
            return time_not_known(error, self._dashboard.moment_clock.shown_at)
        if isinstance(error, CountsAnew):
            return counts_anew(error)
        return f"{plain(explain(error, self.timeline.store).sentence)}."


def _reading(move: Move) -> str:
    match move:
        case ToRevision(revision=revision):
            return f"reading revision {revision:,}"
        case ToMoment(moment=moment) if moment.revision:
            return f"reading revision {plain(moment.revision)}"
    return "reading the past"
