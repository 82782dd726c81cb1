"""From a channel's record to a tap on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NoReturn, Protocol

from backends.nats.config import NatsConfig
from backends.records import EventChannel
from backends.tap.messages import KEPT
from backends.tap.nats_listener import NatsListener
from backends.tap.routes import NatsRoute, NoRoute, Route, ZmqRoute, route_of
from backends.tap.standing import Link
from backends.tap.tap import RING, Drop, Hear, Listener, Tap, Tell
from backends.tap.zmq_listener import ZmqListener

NO_NATS = "no NATS server is set: NATS_SERVER or --nats says which"


class OpensTaps(Protocol):
    """Where taps come from."""

    def open(self, channel: EventChannel, *, kept: int = KEPT, ring: int = RING) -> Tap:
        """A tap on a channel; it listens while its `run` runs. Never raises.

        `kept`: bytes of a message that are kept; `ring`: messages that are kept to be looked at.
        """
        ...


class Taps:
    """Opens taps on what a discovery plane has registered."""

    def __init__(self, nats: NatsConfig | None, *, here: bool, clock: Callable[[], float]) -> None:
        """`here`: loopback addresses mean this machine; `clock` gives POSIX seconds."""
        self._nats = nats
        self._here = here
        self._clock = clock

    def open(self, channel: EventChannel, *, kept: int = KEPT, ring: int = RING) -> Tap:
        """A tap on a channel. One that cannot be listened to says why when it runs."""
        route: Route = route_of(channel, here=self._here)
        if isinstance(route, NatsRoute) and self._nats is None:
            route = NoRoute(NO_NATS)
        return Tap(route, self._listener(route, kept), self._clock, ring=ring)

    def _listener(self, route: Route, kept: int) -> Listener:
        match route:
            case ZmqRoute():
                return ZmqListener(route, self._clock, here=self._here, kept=kept)
            case NatsRoute() if self._nats is not None:
                return NatsListener(route, self._nats, self._clock, kept=kept)
            case _:
                return _Nowhere(str(route))


class _Nowhere:
    """Says why there is nothing to listen to."""

    def __init__(self, why: str) -> None:
        self._why = why

    async def run(self, hear: Hear, tell: Tell, drop: Drop) -> NoReturn:
        tell(Link.IMPOSSIBLE, self._why)
        await asyncio.Event().wait()
        raise AssertionError("it ends by cancellation only")
