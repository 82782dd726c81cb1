"""How much may be sent to a terminal, by what it answers.

Behind each frame the terminal is asked for its status, as a VT100 could be: `CSI 5 n`, which it
answers by `CSI 0 n` once it has come that far. Queues say nothing of that: with ssh between, sshd
and TCP take megabytes before anything waits here. All that draw on a terminal know this request:
xterm and its kin, the Linux console, tmux, screen and mosh; the answer is no key in any of them, as
the cursor's position is one (F3), and short, where device attributes are long and differ.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

ASK = "\x1b[5n"
ANSWER = "\x1b[0n"

PATIENCE = 1.0
"""Seconds for the first answer. A terminal that gives none is sent all that it takes."""

BETWEEN = 0.25
"""Seconds between two frames until then: few on a slow line, where the answer is on its way, and a
whole screen soon for a terminal that gives none."""

FAST = 0.05
"""Seconds within which the far end of a fast line answers."""

PART_TIME = 1.0
"""Seconds that what is sent at once may take, until its answer: a key that is typed meanwhile is
echoed behind it."""

FIRST_PART, SMALLEST_PART = 1024, 512
"""Bytes to begin with on a line of which nothing is known, and at least. Two frames may go out
before the first answer: at 960 bytes a second those are two seconds."""

LOST_AFTER, SLOWEST = 5.0, 500
"""Seconds after which no answer comes any more, and bytes a second that are on their way meanwhile:
input can be flushed by others, and a shell may read what comes while this is stopped."""

LATEST = 60.0
"""Seconds after which what looks like the beginning of an answer is none."""


class _Asked(NamedTuple):
    at: float
    size: int
    """Bytes of the frame before the request. 0: it was the first request, before any frame."""


class Pace:
    """Never more than one frame is on its way to a terminal that answers."""

    def __init__(self) -> None:
        self._unanswered: deque[_Asked] = deque()
        self.answers: bool | None = None
        """Whether the terminal does. None: it was asked just now."""
        self._part: int | None = FIRST_PART

    def expects(self, now: float) -> bool:
        """Whether an answer may come, be it late."""
        return bool(self._unanswered) and now < self._unanswered[-1].at + LATEST

    def left(self, now: float) -> float:
        """Seconds for which an answer is worth waiting for."""
        if self.answers is None and self._unanswered:
            return max(0, self._unanswered[0].at + PATIENCE - now)
        return self.wait(now)

    @property
    def most(self) -> int | None:
        """Bytes that may be sent at once. None: as many as there are."""
        return None if self.answers is False else self._part

    def begin(self, now: float) -> None:
        """It is asked for the first time, or again after another program had the terminal. One
        that did not answer before is not waited for."""
        self._unanswered.clear()
        self._unanswered.append(_Asked(now, 0))
        if self.answers:
            self.answers = None
        self._part = FIRST_PART

    def give_up(self) -> None:
        """What is on its way will be read by another program."""
        self._unanswered.clear()

    def sent(self, now: float, size: int) -> None:
        """A frame goes out, with a request behind it."""
        self._unanswered.append(_Asked(now, size))

    def answered(self, now: float) -> None:
        """An answer came. One that nothing asked for is let pass."""
        if self.answers is not True:
            self.answers = True
        if self._unanswered:
            asked = self._unanswered.popleft()
            self._measure(asked.size, now - asked.at)

    def _measure(self, size: int, took: float) -> None:
        if took < FAST:
            self._part = None
        elif took > PART_TIME and (self._part is not None or took > 1.5 * PART_TIME):
            self._part = max(SMALLEST_PART, int(size * PART_TIME / took))
        elif self._part is not None and size >= self._part / 2:
            self._part = max(self._part, int(size * PART_TIME / took))

    def wait(self, now: float) -> float:
        """Seconds until a frame may be sent if no answer comes before. 0: now."""
        if not self._unanswered or self.answers is False:
            return 0
        first, last = self._unanswered[0], self._unanswered[-1]
        if self.answers is None:
            if not last.size:
                return 0  # nothing is on its way but the first request
            if now >= first.at + PATIENCE:
                self.answers = False
            return max(0, min(last.at + BETWEEN, first.at + PATIENCE) - now)
        size = sum(asked.size for asked in self._unanswered)
        if (left := last.at + LOST_AFTER + size / SLOWEST - now) > 0:
            return left
        self._unanswered.clear()
        return 0


class TerminalAnswers:
    """Takes the terminal's answers out of what is typed, also those that come in pieces."""

    def __init__(self, expected: Callable[[], bool], answered: Callable[[], None]) -> None:
        self._expected = expected
        self._answered = answered
        self._held = ""
        """What may be the beginning of an answer."""
        self._rest = ""
        """What would make an answer of a beginning that was passed on, since it took too long."""

    @property
    def holds(self) -> bool:
        """Whether something is held back: call `overdue` if nothing more comes."""
        return bool(self._held)

    def typed(self, text: str) -> str:
        """What of it was typed."""
        text, self._held = self._held + text, ""
        if self._rest:
            if text.startswith(self._rest):
                text = text[len(self._rest) :]
                self._answered()
            elif self._rest.startswith(text):
                self._held = text
                return ""
            self._rest = ""
        first, *others = text.split(ANSWER)
        for _ in others:
            self._answered()
        text = first + "".join(others)
        if self._expected():
            for length in range(len(ANSWER) - 1, 0, -1):
                if text.endswith(ANSWER[:length]):
                    text, self._held = text[:-length], text[-length:]
                    break
        return text

    def overdue(self) -> str:
        """What was held back, after some time: it was typed, as `Esc` is."""
        text, self._held = self._held, ""
        self._rest = "" if self._rest else ANSWER[len(text) :]
        return text
