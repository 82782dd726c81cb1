"""Pace output by the terminal's answers.

After each frame the terminal is asked for its status, as a VT100 could be: `CSI 5 n`. It answers
`CSI 0 n` once it has processed everything before. Local queues do not show that: with ssh between,
sshd and TCP take megabytes before a write blocks here. xterm and its kin, the Linux console, tmux,
screen and mosh all know this request. The answer is no key in any of them, unlike the cursor's
position (F3), and it is short, while device attributes are long and differ.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

ASK = "\x1b[5n"
ANSWER = "\x1b[0n"

PATIENCE = 1.0
"""Seconds for the first answer. A terminal that gives none is sent everything."""

BETWEEN = 0.25
"""Seconds between two frames until then: few on a slow line, where the answer is on its way, and
soon a whole screen for a terminal that gives none."""

FAST = 0.05
"""Seconds within which the far end of a fast line answers."""

PART_TIME = 1.0
"""Seconds from sending a part to its answer, at most: the echo of a key typed meanwhile comes after
it."""

FIRST_PART, SMALLEST_PART = 1024, 512
"""Bytes of the first part on a line of unknown speed, and of the smallest. Two frames may be sent
before the first answer: at 960 bytes a second they take two seconds."""

LOST_AFTER, SLOWEST = 5.0, 500
"""Seconds after which an answer counts as lost, and bytes a second that a slow line transmits
meanwhile. Other programs can flush the input, and a shell may read it while this is stopped."""

LATEST = 60.0
"""Seconds after which the start of an answer is taken for something typed."""


class _Asked(NamedTuple):
    at: float
    size: int
    """Bytes of the frame before the request. 0: the first request, before any frame."""


class Pace:
    """Keeps at most one frame on its way to a terminal that answers."""

    def __init__(self) -> None:
        self._unanswered: deque[_Asked] = deque()
        self.answers: bool | None = None
        """Whether the terminal answers. None: it has just been asked."""
        self._part: int | None = FIRST_PART

    def expects(self, now: float) -> bool:
        """Return whether an answer may arrive, even a late one."""
        return bool(self._unanswered) and now < self._unanswered[-1].at + LATEST

    def left(self, now: float) -> float:
        """Return for how many seconds to wait for an answer."""
        if self.answers is None and self._unanswered:
            return max(0, self._unanswered[0].at + PATIENCE - now)
        return self.wait(now)

    @property
    def most(self) -> int | None:
        """Return how many bytes may be sent at once. None: any number."""
        return None if self.answers is False else self._part

    def begin(self, now: float) -> None:
        """Note the first request, or the first after another program had the terminal. A terminal
        that did not answer before is not waited for."""
        self._unanswered.clear()
        self._unanswered.append(_Asked(now, 0))
        if self.answers:
            self.answers = None
        self._part = FIRST_PART

    def give_up(self) -> None:
        """Forget requests: another program will read the answers."""
        self._unanswered.clear()

    def sent(self, now: float, size: int) -> None:
        """Note that a frame was sent, with a request after it."""
        self._unanswered.append(_Asked(now, size))

    def answered(self, now: float) -> None:
        """Note an answer. One without a request is ignored."""
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
        """Return the seconds until a frame may be sent without a new answer. 0: now."""
        if not self._unanswered or self.answers is False:
            return 0
        first, last = self._unanswered[0], self._unanswered[-1]
        if self.answers is None:
            if not last.size:
                return 0  # only the first request is on its way
            if now >= first.at + PATIENCE:
                self.answers = False
            return max(0, min(last.at + BETWEEN, first.at + PATIENCE) - now)
        size = sum(asked.size for asked in self._unanswered)
        if (left := last.at + LOST_AFTER + size / SLOWEST - now) > 0:
            return left
        self._unanswered.clear()
        return 0


class TerminalAnswers:
    """Removes the terminal's answers from typed input, even if they come in pieces."""

    def __init__(self, expected: Callable[[], bool], answered: Callable[[], None]) -> None:
        self._expected = expected
        self._answered = answered
        self._held = ""
        """The possible start of an answer."""
        self._rest = ""
        """The rest of an answer whose start was taken for keys, since it came too slowly."""

    @property
    def holds(self) -> bool:
        """Return whether input is held back: call `overdue` if no more comes."""
        return bool(self._held)

    def typed(self, text: str) -> str:
        """Return the typed part of the input."""
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
        """Return the held input after a while: it was typed, as `Esc` is."""
        text, self._held = self._held, ""
        self._rest = "" if self._rest else ANSWER[len(text) :]
        return text
