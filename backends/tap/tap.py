"""A tap on one channel: listens, counts, and keeps the last messages."""

from __future__ import annotations

import asyncio
import errno
from collections import deque
from collections.abc import Callable
from typing import NoReturn, Protocol

import msgspec

from backends.tap.inbox import Inbox
from backends.tap.link import TapLink, TapStanding, TapState
from backends.tap.messages import TapMessage
from backends.tap.routes import Route
from backends.tap.statistics import Statistics

RING = 200
"""Messages that are kept for display."""

Receive = Callable[[TapMessage], None]
Drop = Callable[[int], None]
ReportState = Callable[[TapState], None]


class Listener(Protocol):
    """One way to listen."""

    async def run(self, receive: Receive, report: ReportState, drop: Drop) -> NoReturn:
        """Listen until cancelled, and leave nothing open then. Raises no other error.

        Passes each message to `receive`, the state of the connection to `report`, and to `drop` the
        number of messages that were dropped before they could be read.
        """
        ...


class NumberedMessage(msgspec.Struct, frozen=True):
    """A message with its number among all received."""

    number: int
    """From 1."""
    message: TapMessage

    @property
    def key(self) -> int:
        return self.number


class Tap:
    """A tap: listens while `run` runs. Bounded, whatever arrives and however fast."""

    def __init__(
        self, route: Route, listener: Listener, clock: Callable[[], float], *, ring: int = RING
    ) -> None:
        """`clock` returns POSIX seconds."""
        self.route = route
        self.statistics = Statistics(clock())
        self.standing = TapStanding(TapLink.CONNECTING, since=clock())
        self.recent: deque[NumberedMessage] = deque(maxlen=ring)
        """The last messages, oldest first."""
        self._listener = listener
        self._clock = clock
        self.left_out = 0
        """Messages that were not passed on, since they are from another publisher than the wanted
        one.
        """
        self._inbox: Inbox | None = None
        self._only: int | None = None

    async def run(self) -> NoReturn:
        """Listen until cancelled, and leave nothing open then. Raises no other error."""
        try:
            await self._listener.run(self._receive, self._report, self._drop)
        except Exception as error:
            self._report(TapState(TapLink.IMPOSSIBLE, fault_in_words(error)))
        await asyncio.Event().wait()
        raise AssertionError("it ends by cancellation only")

    def follow(self, inbox: Inbox, *, only: int | None = None) -> None:
        """Pass on every message from now on. Messages without room in the inbox count as dropped.

        `only`: the publisher whose messages are passed on. None: all.
        """
        self._inbox, self._only = inbox, only

    def _receive(self, message: TapMessage) -> None:
        self.statistics.count(message)
        self.recent.append(NumberedMessage(self.statistics.messages, message))
        if self._inbox is None:
            return
        if self._only is not None and message.publisher != self._only:
            self.left_out += 1
        elif not self._inbox.put(message):
            self._drop(1)

    def _drop(self, messages: int) -> None:
        self.statistics.dropped += messages

    def _report(self, state: TapState) -> None:
        before = self.standing
        since = before.since if state.link is before.link else self._clock()
        standing = TapStanding(**msgspec.structs.asdict(state), since=since)
        if standing != before:
            self.standing = standing


def fault_in_words(error: Exception) -> str:
    """Return why a listener failed, which is no normal event: a library is missing, or sockets ran
    out.
    """
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, ModuleNotFoundError):
        return f"the package {error.name} is not installed"
    if getattr(error, "errno", None) in (errno.EMFILE, errno.ENFILE):
        return "this machine lets dyntop open no more connections (too many open files)"
    return f"a fault on this machine ({type(error).__name__})"
