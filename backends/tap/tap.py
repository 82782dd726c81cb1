"""A tap on one channel: listens, counts, and keeps the last messages."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn, Protocol

from backends.tap.inbox import Inbox
from backends.tap.messages import Message
from backends.tap.routes import Route
from backends.tap.standing import Link, Standing
from backends.tap.statistics import Statistics

RING = 200
"""Messages that are kept to be looked at."""

Hear = Callable[[Message], None]
Drop = Callable[[int], None]


class Tell(Protocol):
    """Takes how it stands: what `Standing` has, but for the time."""

    def __call__(self, link: Link, why: str, answers: bool = False, /) -> None: ...


class Listener(Protocol):
    """One way to listen."""

    async def run(self, hear: Hear, tell: Tell, drop: Drop) -> NoReturn:
        """Listen until cancelled; leaves nothing open then. Never raises by itself.

        Gives each message to `hear`, says how it stands by `tell`, and by `drop` how many messages
        came and were thrown away before they could be read.
        """
        ...


@dataclass(frozen=True, slots=True)
class Heard:
    """A message with its place among all that were heard."""

    number: int
    """From 1."""
    message: Message

    @property
    def key(self) -> int:
        return self.number


class Tap:
    """Listens while `run` runs. What it holds is bounded, whatever comes and however fast."""

    def __init__(
        self, route: Route, listener: Listener, clock: Callable[[], float], *, ring: int = RING
    ) -> None:
        """`clock` gives POSIX seconds."""
        self.route = route
        self.statistics = Statistics(clock())
        self.standing = Standing(Link.CONNECTING, clock())
        self.recent: deque[Heard] = deque(maxlen=ring)
        """The last messages, the oldest first."""
        self._listener = listener
        self._clock = clock
        self.left_out = 0
        """Messages that were not handed on, since another publisher's were asked for."""
        self._inbox: Inbox | None = None
        self._only: int | None = None

    async def run(self) -> NoReturn:
        """Listen until cancelled. Then nothing is left open. Never raises by itself."""
        try:
            await self._listener.run(self._hear, self._tell, self._drop)
        except Exception as error:
            self._tell(Link.IMPOSSIBLE, _fault(error))
        await asyncio.Event().wait()
        raise AssertionError("it ends by cancellation only")

    def follow(self, inbox: Inbox, *, only: int | None = None) -> None:
        """Hand on every message from now; what the inbox has no room for counts as dropped.

        `only`: the publisher whose messages are handed on. None: all.
        """
        self._inbox, self._only = inbox, only

    def _hear(self, message: Message) -> None:
        self.statistics.note(message)
        self.recent.append(Heard(self.statistics.messages, message))
        if self._inbox is None:
            return
        if self._only is not None and message.publisher != self._only:
            self.left_out += 1
        elif not self._inbox.put(message):
            self._drop(1)

    def _drop(self, messages: int) -> None:
        self.statistics.dropped += messages

    def _tell(self, link: Link, why: str, answers: bool = False, /) -> None:
        before = self.standing
        if (link, why, answers) != (before.link, before.why, before.answers):
            since = before.since if link is before.link else self._clock()
            self.standing = Standing(link, since, why, answers)


def _fault(error: Exception) -> str:
    """Why a listener gave up, which none should: a library is missing, or has no more sockets."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, ModuleNotFoundError):
        return f"the package {error.name} is not installed"
    return f"a fault on this machine ({type(error).__name__})"
