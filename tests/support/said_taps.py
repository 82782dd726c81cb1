"""Taps that hear what a test says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from backends.dynamo.records import EventChannel
from backends.tap import Tap, TapLink, route_of
from backends.tap.link import TapState
from backends.tap.messages import KEPT, of_zmq
from backends.tap.routes import merged
from backends.tap.tap import RING, Drop, Receive, ReportState
from tests.support.wire import frames


class SaidTaps:
    """Opens taps; whoever listens hears what is said from then on."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` gives POSIX seconds."""
        self._clock = clock
        self.opened: list[EventChannel] = []
        self.listening = 0
        self.hear: Receive = lambda _: None
        self.tell: ReportState = lambda *_: None

    def open(self, channel: EventChannel, *, kept: int = KEPT, ring: int = RING) -> Tap:
        return self.open_all([channel], kept=kept, ring=ring)

    def open_all(
        self, channels: Sequence[EventChannel], *, kept: int = KEPT, ring: int = RING
    ) -> Tap:
        self.opened += channels
        (route, *others) = merged(route_of(one, here=True) for one in channels)
        assert not others
        return Tap(route, self, self._clock, ring=ring)

    async def run(self, hear: Receive, tell: ReportState, drop: Drop) -> NoReturn:
        self.hear, self.tell = hear, tell
        self.listening += 1
        tell(TapState(TapLink.CONNECTED))
        try:
            await asyncio.Event().wait()
        finally:
            self.listening -= 1
        raise AssertionError

    def said(self, content: Any, sequence: int, publisher: int = 0x11) -> None:
        """A publisher said this."""
        body = frames(content, sequence=sequence, publisher=publisher)
        self.hear(of_zmq(body, self._clock()))
