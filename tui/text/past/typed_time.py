"""Times of the past as users type them: `14:02`, `2026-12-01T14:02:31Z`, `10m` before the end."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime, time, timedelta

import msgspec

from backends.timeline import LATEST

FORMS = (
    "14:02, 14:02:31, 2026-12-01T14:02:31Z, 10m or -10m (before the end), +10m (after the start), "
    "start or end"
)
"""What may be typed, for help texts and errors."""

_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = r"([0-9]{1,9}(?:\.[0-9]{1,9})?)([smhd])"
_SPAN = re.compile(rf"[-+]?(?:{_PART})+")
_TIME_OF_DAY = re.compile(r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}.*", re.DOTALL)


class TypedTime(msgspec.Struct, frozen=True):
    """A time that was typed. Which one it is follows from where the past begins and ends."""

    text: str
    exact: float | None = None
    """POSIX seconds."""
    time_of_day: time | None = None
    """In the reader's time zone: the last one before the end."""
    before_end: float | None = None
    """Seconds."""
    after_start: float | None = None
    """Seconds."""

    @property
    def by(self) -> float | None:
        """Seconds from the moment that is shown, earlier if below 0: it was typed with a sign.
        None: it has none."""
        if not self.text.startswith(("+", "-")):
            return None
        return -(self.before_end or 0.0) if self.after_start is None else self.after_start

    @property
    def is_start(self) -> bool:
        """Whether it is the beginning, whenever that was."""
        return (self.exact, self.time_of_day, self.before_end) == (None, None, None)

    @property
    def is_end(self) -> bool:
        """Whether it is the end, whenever that was."""
        return self.before_end == 0.0

    def at(self, start: float, end: float) -> float:
        """Return it in POSIX seconds, of a past from `start` to `end`. It may lie outside, but not
        beyond what calendars have: whatever was typed can be printed."""
        return max(0.0, min(LATEST, self._at(start, end)))

    def _at(self, start: float, end: float) -> float:
        if self.exact is not None:
            return self.exact
        if self.before_end is not None:
            return end - self.before_end
        if self.time_of_day is None:
            return start + (self.after_start or 0.0)
        last = datetime.fromtimestamp(end)
        found = datetime.combine(last.date(), self.time_of_day).timestamp()
        if found > end:
            found = datetime.combine(last.date() - timedelta(days=1), self.time_of_day).timestamp()
        return found


def read_time(text: str) -> TypedTime:
    """Return a time that was typed. Raises ValueError, with a sentence on what it may be.

    A date or time of day without a zone is in the reader's.
    """
    word = text.strip()
    if word == "start":
        return TypedTime(word)
    if word == "end":
        return TypedTime(word, before_end=0.0)
    if _SPAN.fullmatch(word):
        seconds = sum(float(n) * _SECONDS[unit] for n, unit in re.findall(_PART, word))
        if word.startswith("+"):
            return TypedTime(word, after_start=seconds)
        return TypedTime(word, before_end=seconds)
    with suppress(ValueError, OverflowError, OSError):
        if _TIME_OF_DAY.fullmatch(word):
            two_digits = word if word[2] == ":" else f"0{word}"
            return TypedTime(word, time_of_day=time.fromisoformat(two_digits))
        if _DATE.fullmatch(word):
            return TypedTime(word, exact=datetime.fromisoformat(word).timestamp())
    raise ValueError(f"{text!r} is no time: write {FORMS}")
