"""Open a tap on a channel, from its record."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import NoReturn, Protocol

from backends.aio.timer import LOOP, Timer
from backends.dynamo.records import EventChannel
from backends.nats.config import NatsConfig
from backends.tap.link import TapLink, TapState
from backends.tap.messages import KEPT
from backends.tap.nats_listener import NatsListener
from backends.tap.routes import (
    NatsRoute,
    NoRoute,
    OneRoute,
    SeveralRoutes,
    ZmqRoute,
    merged,
    route_of,
)
from backends.tap.tap import RING, Drop, Listener, Receive, ReportState, Tap
from backends.tap.together import Together
from backends.tap.zmq_listener import DEFAULT_TIMES, ZmqListener, ZmqTimes

MOST_TAPPED = 64
"""Channels that one tap listens to: each may be a connection."""

NO_NATS = "no NATS server is set: use NATS_SERVER or --nats"


class OpensTaps(Protocol):
    """Opens taps."""

    def open(self, channel: EventChannel, *, kept: int = KEPT, ring: int = RING) -> Tap:
        """Open a tap on a channel. It listens while its `run` runs. Never raises.

        `kept`: bytes of a message that are kept. `ring`: messages that are kept for display.
        """
        ...

    def open_all(
        self, channels: Sequence[EventChannel], *, kept: int = KEPT, ring: int = RING
    ) -> Tap:
        """Open one tap on several channels, at most `MOST_TAPPED`. Never raises."""
        ...


class Taps:
    """Opens taps on registered channels."""

    def __init__(
        self,
        nats: NatsConfig | None,
        *,
        here: bool,
        clock: Callable[[], float],
        timer: Timer = LOOP,
        zmq_times: ZmqTimes = DEFAULT_TIMES,
    ) -> None:
        """`here`: loopback addresses mean this machine; `clock` returns POSIX seconds; `timer`
        measures the pauses of listeners.
        """
        self._zmq_times = zmq_times
        self._nats = nats
        self._here = here
        self._clock = clock
        self._timer = timer

    def open(self, channel: EventChannel, *, kept: int = KEPT, ring: int = RING) -> Tap:
        """Open a tap on a channel. One that cannot be listened to reports the reason when it
        runs.
        """
        return self.open_all([channel], kept=kept, ring=ring)

    def open_all(
        self, channels: Sequence[EventChannel], *, kept: int = KEPT, ring: int = RING
    ) -> Tap:
        """Open one tap on several channels: on each subject and broker once, and on the address of
        each publisher.
        """
        routes = merged(map(self._route, channels[:MOST_TAPPED]))
        listeners = [self._listener(route, kept) for route in routes]
        if len(routes) == 1:
            return Tap(routes[0], listeners[0], self._clock, ring=ring)
        return Tap(SeveralRoutes(tuple(routes)), Together(listeners), self._clock, ring=ring)

    def _route(self, channel: EventChannel) -> OneRoute:
        route = route_of(channel, here=self._here)
        if isinstance(route, NatsRoute) and self._nats is None:
            return NoRoute(NO_NATS)
        return route

    def _listener(self, route: OneRoute, kept: int) -> Listener:
        match route:
            case ZmqRoute():
                return ZmqListener(
                    route,
                    self._clock,
                    here=self._here,
                    kept=kept,
                    timer=self._timer,
                    times=self._zmq_times,
                )
            case NatsRoute() if self._nats is not None:
                return NatsListener(route, self._nats, self._clock, kept=kept, timer=self._timer)
            case _:
                return _Unlistenable(str(route))


class _Unlistenable:
    """Reports why it cannot listen."""

    def __init__(self, why: str) -> None:
        self._why = why

    async def run(self, receive: Receive, report: ReportState, drop: Drop) -> NoReturn:
        report(TapState(TapLink.IMPOSSIBLE, self._why))
        await asyncio.Event().wait()
        raise AssertionError("it ends by cancellation only")
