"""Listen to a subject of NATS: a plain subscription without consumer, acknowledgement or request.

The client library reads on the event loop, at most what its buffer holds before others get their
turn (128 KB). If messages arrive faster, the server keeps them for a while and then ends the
connection. No publisher notices.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

from backends.aio.backoff import Backoff
from backends.aio.cancellation import Cancellations
from backends.aio.timer import LOOP, Timer
from backends.nats.config import NatsConfig
from backends.nats.connection import NatsConnection, is_denial
from backends.nats.errors import is_refusal, translate, why_not
from backends.store import NotAuthorised
from backends.tap.link import TapLink, TapState
from backends.tap.messages import KEPT, of_nats
from backends.tap.routes import NatsRoute
from backends.tap.tap import Drop, Receive, ReportState

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg

MOST_WAITING = 5000
"""Messages that wait in the library. Later ones are dropped and counted."""
MOST_BYTES = 16 << 20
"""Bytes of waiting messages."""

TIME_LIMIT = 3.0
"""Seconds to connect, and for an answer to a ping."""
RETRY = 1.0
"""Seconds until a failed connection is tried again."""
REFUSED_RETRY = 30.0
"""Seconds after a refusal by NATS, which is a line in its log; doubled each time, up to the
next.
"""
LONGEST_RETRY = 300.0
LOOK_INTERVAL = 0.25
"""Seconds between two checks of the connection."""
ASK_INTERVAL = 5.0
"""Seconds between two pings of the server."""


class NatsListener:
    """Listens to the subject of a route, on a connection of its own."""

    def __init__(
        self,
        route: NatsRoute,
        config: NatsConfig,
        clock: Callable[[], float],
        *,
        kept: int = KEPT,
        most_bytes: int = MOST_BYTES,
        timer: Timer = LOOP,
    ) -> None:
        """`clock` returns POSIX seconds; `kept`: bytes of a message that are kept; `most_bytes`:
        bytes of waiting messages; `timer` measures pauses and time limits.
        """
        self._most_bytes = most_bytes
        self._subject = route.subject
        self._config = config
        self._clock = clock
        self._kept = kept
        self._timer = timer

    async def run(self, receive: Receive, report: ReportState, drop: Drop) -> NoReturn:
        """Listen until cancelled."""
        was_connected = False
        refusals = Backoff(REFUSED_RETRY, LONGEST_RETRY)
        cancellations = Cancellations()

        async def take(message: Msg) -> None:
            receive(of_nats(message.subject, message.data, self._clock(), self._kept))

        def observe(error: Exception) -> None:
            if type(error).__name__ == "SlowConsumerError":
                drop(1)

        connection = NatsConnection(self._config, on_error=observe)
        try:
            while True:
                try:
                    await connection.prepare()
                    async with self._timer.timeout(TIME_LIMIT):
                        client = await connection.client()
                        connection.denials.clear()
                        await client.subscribe(
                            self._subject,
                            cb=take,
                            pending_msgs_limit=MOST_WAITING,
                            pending_bytes_limit=self._most_bytes,
                        )
                        # The library may send the first flush before the subscription itself: only
                        # the second one returns after a denial of it.
                        await client.flush()
                        await client.flush()
                        cancellations.raise_if_any()
                    if not connection.denials:
                        was_connected = True
                        refusals.reset()
                        report(TapState(TapLink.CONNECTED))
                    await _stay(client, connection, self._timer)
                except Exception as error:  # any error of the library
                    cancellations.raise_if_any()
                    link = TapLink.LOST if was_connected else TapLink.CONNECTING
                    report(TapState(link, _reason(error)))
                    pause = RETRY
                    if _is_refused(error):
                        pause = refusals.pause()
                    else:
                        refusals.reset()
                # Also the subscription ends with it.
                await connection.aclose()
                cancellations.raise_if_any()
                await self._timer.sleep(pause)
        finally:
            with contextlib.suppress(Exception):
                await connection.aclose()


async def _stay(client: Client, connection: NatsConnection, timer: Timer) -> NoReturn:
    """Return never: raise the library's error, or `PermissionError`, once no more messages can
    arrive.
    """
    looks = 0
    cancellations = Cancellations()
    while True:
        if connection.denials:
            raise PermissionError
        if not client.is_connected:
            raise ConnectionResetError
        await timer.sleep(LOOK_INTERVAL)
        looks += 1
        if looks * LOOK_INTERVAL >= ASK_INTERVAL:
            looks = 0
            async with timer.timeout(TIME_LIMIT):
                await client.flush()
            cancellations.raise_if_any()


def _is_refused(error: Exception) -> bool:
    """Return whether NATS refused this user, or its subscription."""
    if is_refusal(error) or is_denial(error):
        return True
    return isinstance(translate("", error), NotAuthorised)


def _reason(error: Exception) -> str:
    if is_refusal(error) or is_denial(error):
        return "NATS does not let this user subscribe to it"
    if isinstance(error, ConnectionResetError):
        return "NATS ended the connection"
    return why_not(error)
