"""The playhead: where on a timeline the view is, whether it plays, and how fast. Pure: how much
time passed is passed in."""

from __future__ import annotations

from collections import deque
from enum import StrEnum, unique

from backends.timeline import Moment

SPEEDS = (1.0, 2.0, 5.0, 10.0, 60.0, 600.0)
"""How many seconds of the timeline pass in one. Without times: how many changes."""
MOST_AT_ONCE = 0.5
"""Seconds that count as passed between two looks. Whatever took longer, reading or a process that
was suspended, slows the play down and is not leapt over."""
LOOKS = 8
"""The looks that the speed which is kept is measured by."""
SLOWED = 0.8
"""The part of the speed below which it is told that it is not kept."""


@unique
class PlayMode(StrEnum):
    """Whether time passes."""

    PAUSED = "paused"
    PLAYING = "playing"
    ENDED = "ended"
    """It was played to its end."""


class Playhead:
    """A position between the first and the last moment of a timeline, which play moves forward."""

    def __init__(
        self,
        first: Moment,
        last: Moment,
        *,
        has_times: bool,
        speed: float = SPEEDS[0],
    ) -> None:
        """Stands at the first moment."""
        self.first = first
        self.last = last
        self.has_times = has_times and first.at is not None and last.at is not None
        self.position = first
        """The moment that is shown."""
        self.time = first.at
        """The time that it is: at or after the position's, in POSIX seconds. None: not known."""
        self.mode = PlayMode.PAUSED
        self.speed = speed
        self._steps = 0.0
        """Without times: how much of the way to the next change is behind it."""
        self._looks: deque[tuple[float, float]] = deque(maxlen=LOOKS)
        """Of the last looks: seconds that counted, and that passed."""

    @property
    def is_playing(self) -> bool:
        """Return whether time passes."""
        return self.mode is PlayMode.PLAYING

    @property
    def at_end(self) -> bool:
        """Return whether nothing is left to play."""
        return self.position.number >= self.last.number and self.time == self.last.at

    @property
    def kept_speed(self) -> float:
        """Return how fast it really goes: less than `speed` if reading takes longer."""
        passed = sum(passed for _, passed in self._looks)
        counted = sum(counted for counted, _ in self._looks)
        return self.speed * counted / passed if passed else self.speed

    @property
    def is_slowed(self) -> bool:
        """Return whether the speed is not kept, since reading takes longer."""
        return len(self._looks) >= LOOKS and self.kept_speed < SLOWED * self.speed

    def play(self) -> None:
        """Let time pass."""
        self.mode = PlayMode.PLAYING
        self._looks.clear()
        self._steps = 0.0

    def pause(self) -> None:
        """Stand still."""
        self.mode = PlayMode.PAUSED

    def change_speed(self, steps: int) -> bool:
        """Take a faster speed, or a slower one if `steps` is below 0. False: there is none."""
        now = sum(one < self.speed for one in SPEEDS)
        # Between two of them, the next is the one in the direction.
        if self.speed not in SPEEDS and steps > 0:
            now -= 1
        to = max(0, min(len(SPEEDS) - 1, now + steps))
        before, self.speed = self.speed, SPEEDS[to]
        self._looks.clear()
        return self.speed != before

    def due_time(self, passed: float) -> float:
        """Return the time that it comes to after so many seconds, not later than the end. Only
        where times are known."""
        assert self.time is not None
        assert self.last.at is not None
        return min(self.last.at, self.time + self.speed * self._counted(passed))

    def due_changes(self, passed: float) -> int:
        """Return by how many changes it goes on after so many seconds. Where no times are known."""
        self._steps += self.speed * self._counted(passed)
        due = int(self._steps)
        self._steps -= due
        return due

    def come_to(self, moment: Moment, time: float | None = None) -> None:
        """Take in that a moment is shown. `time`: that it is now; None: the moment's own."""
        self.position = moment
        self.time = moment.at if time is None else time
        if self.is_playing and self.at_end:
            self.mode = PlayMode.ENDED
        elif self.mode is PlayMode.ENDED and not self.at_end:
            self.mode = PlayMode.PAUSED

    def _counted(self, passed: float) -> float:
        counted = min(passed, MOST_AT_ONCE)
        self._looks.append((counted, passed))
        return counted
