"""A timeline of a few moments, for what only moves along one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from backends.store import Lifetime, NoPast, StoreError
from backends.timeline import Moment, Opening, Stepped
from tui.state.past.moves import ByChanges, Move, ToMoment, ToTime
from tui.state.past.place import PastPlace


class FakeTimeline:
    """Has a moment at each of some times. Those of odd numbers are changes, all others evidence."""

    name = "a recording"
    store = "etcd"
    address = "10.0.0.1:2379"
    lifetime = Lifetime.LEASED

    def __init__(self, *times: float | None) -> None:
        self.moments = [Moment(n, f"{100 + n}", at) for n, at in enumerate(times, 1)]
        self.fault: StoreError | None = None
        """What reading raises. None: nothing."""
        self.reads = asyncio.Event()
        """Clear it, and nothing is read until it is set again."""
        self.reads.set()

    @property
    def has_times(self) -> bool:
        return self.moments[0].at is not None

    async def first(self) -> Moment:
        return self.moments[0]

    async def last(self) -> Moment:
        return self.moments[-1]

    async def change_from(self, moment: Moment, by: int) -> Moment:
        await self._read()
        changes = [one for one in self.moments if one.number % 2]
        if by > 0:
            later = [one for one in changes if one.number > moment.number]
            last = changes[-1] if changes and changes[-1].number > moment.number else moment
            return later[by - 1] if len(later) >= by else last
        earlier = [one for one in changes if one.number < moment.number]
        return earlier[by] if len(earlier) >= -by else self.moments[0]

    async def at_time(self, at: float) -> Moment:
        await self._read()
        if not self.has_times:
            raise NoPast(self.name)
        known = [one for one in self.moments if one.at is not None and one.at <= at]
        return known[-1] if known else self.moments[0]

    async def at_revision(self, revision: int) -> Moment:
        raise NotImplementedError

    async def open(self, moment: Moment) -> Opening:
        raise NotImplementedError

    async def between(self, after: Moment, until: Moment) -> Sequence[Stepped] | None:
        raise NotImplementedError

    async def _read(self) -> None:
        await self.reads.wait()
        if self.fault is not None:
            raise self.fault


class FakeTravel:
    """Moves along a timeline, and shows nothing."""

    def __init__(self, timeline: FakeTimeline, moved: Callable[[PastPlace], None]) -> None:
        self.timeline = timeline
        self.place: PastPlace | None = None
        self.shown: list[tuple[int, float | None]] = []
        """The number of each moment, and the time that it was shown as of."""
        self.failed: list[StoreError] = []
        self.is_moving = False
        self._moved = moved

    async def carry_out(self, move: Move) -> None:
        self.is_moving = True
        try:
            await self._carry_out(move)
        except StoreError as error:
            self.failed.append(error)
        finally:
            self.is_moving = False

    async def _carry_out(self, move: Move) -> None:
        match move:
            case ToMoment(moment=moment, at=at):
                self._go(moment, at)
            case ToTime(at=at):
                self._go(await self.timeline.at_time(at), at)
            case ByChanges(number=number) if self.place is not None:
                self._go(await self.timeline.change_from(self.place.moment, number), None)
            case _:
                raise NotImplementedError

    def _go(self, moment: Moment, at: float | None) -> None:
        self.place = PastPlace(moment, moment.at if at is None else at)
        self.shown.append((moment.number, self.place.at))
        self._moved(self.place)
