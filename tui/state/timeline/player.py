"""Play a timeline: lead a dashboard along it as time passes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NoReturn, Protocol

from backends.aio.timer import Timer
from backends.store import StoreError
from backends.timeline import Moment, Timeline
from tui.state.past.moves import ByChanges, Move, ToMoment, ToTime
from tui.state.past.place import PastPlace
from tui.state.timeline.playhead import Playhead

TICK = 0.25
"""Seconds between two moves while it plays."""


class Travels(Protocol):
    """Leads a dashboard along a timeline, one move at a time."""

    @property
    def timeline(self) -> Timeline:
        """What it moves along."""

    @property
    def place(self) -> PastPlace | None:
        """The moment that is shown. None: none is yet."""

    @property
    def is_moving(self) -> bool:
        """Whether a move is under way."""

    async def carry_out(self, move: Move) -> None:
        """Move. What was shown stays if that fails."""


class Player:
    """Moves on as fast as the playhead says, and not before the move before is shown."""

    def __init__(
        self,
        travel: Travels,
        playhead: Playhead,
        timer: Timer,
        changed: Callable[[], None],
    ) -> None:
        """`changed` is called after each difference in how it plays, or in the next change."""
        self.playhead = playhead
        self.next_change: Moment | None = None
        """The next change of what is registered. None: there is none, or it is not known yet."""
        self._travel = travel
        self._timer = timer
        self._changed = changed
        self._looked_ahead = (0, 0)
        """From and up to which moment `next_change` is the next one."""
        self._plays = asyncio.Event()
        self._moved = asyncio.Event()

    @property
    def seconds_to_change(self) -> float | None:
        """Return in how many seconds of the timeline the next change comes. None: not known, or
        there is none."""
        now, change = self.playhead.time, self.next_change
        if now is None or change is None or change.at is None:
            return None
        return max(0.0, change.at - now)

    @property
    def knows_next(self) -> bool:
        """Return whether it is known if, and when, something changes next."""
        since, until = self._looked_ahead
        return since <= self.playhead.position.number < until

    def moved(self, place: PastPlace) -> None:
        """Take in that another moment is shown, by play or by key."""
        self.playhead.come_to(place.moment, place.at)
        self._moved.set()
        self._changed()

    async def toggle(self) -> None:
        """Play, or stand still. At the end it plays from the start again."""
        head = self.playhead
        if head.is_playing:
            head.pause()
            self._changed()
            return
        if head.at_end:
            await self._travel.carry_out(ToMoment(head.first))
        self.play()

    def play(self) -> None:
        """Play on from here, if anything is left."""
        if not self.playhead.at_end:
            self.playhead.play()
            self._plays.set()
        self._changed()

    def change_speed(self, steps: int) -> bool:
        """Play faster, or slower if `steps` is below 0. False: it cannot."""
        was_changed = self.playhead.change_speed(steps)
        self._changed()
        return was_changed

    async def run(self) -> NoReturn:
        """Play, whenever it is to, until cancelled."""
        while True:
            await self._plays.wait()
            looked = self._timer.now()
            while self.playhead.is_playing:
                await self._timer.sleep(TICK)
                now = self._timer.now()
                passed, looked = now - looked, now
                if self.playhead.is_playing:
                    await self._play_on(passed)
            self._plays.clear()

    async def look_ahead(self) -> NoReturn:
        """Find out which change comes next, after each move, until cancelled."""
        while True:
            await self._moved.wait()
            self._moved.clear()
            if not self.knows_next:
                try:
                    await self._look_ahead(self.playhead.position)
                except StoreError:
                    # The move to there tells why.
                    self.next_change = None
                self._changed()

    async def _play_on(self, passed: float) -> None:
        head = self.playhead
        # A key leads elsewhere just now: what is due follows from where that is.
        move = None if self._travel.is_moving else self._due(passed)
        if move is None:
            return
        before = head.position, head.time
        await self._travel.carry_out(move)
        if head.is_playing and (head.position, head.time) == before:
            # It could not be read on.
            head.pause()
            self._changed()

    def _due(self, passed: float) -> Move | None:
        head = self.playhead
        if head.has_times:
            time = head.due_time(passed)
            return ToMoment(head.last) if time == head.last.at else ToTime(time)
        due = head.due_changes(passed)
        if not due or not self.knows_next:
            return None
        return ToMoment(head.last) if self.next_change is None else ByChanges(due)

    async def _look_ahead(self, moment: Moment) -> None:
        change = await self._travel.timeline.change_from(moment, 1)
        is_later = change.number > moment.number
        self.next_change = change if is_later else None
        until = change.number if is_later else self.playhead.last.number + 1
        self._looked_ahead = moment.number, until
