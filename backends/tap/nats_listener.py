"""Listens to a subject of NATS: a plain subscription. No consumer, no acknowledgement, no request.

The client library reads on the event loop, at most what its buffer holds before others have their
turn (128 KB). What is heard faster than that the server keeps for a while, then it cuts us off, and
no publisher notices.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

from backends.nats.config import NatsConfig
from backends.nats.connection import NatsConnection, is_denial
from backends.nats.errors import is_refusal, translate, why_not
from backends.store import NotAuthorised
from backends.tap.messages import KEPT, of_nats
from backends.tap.routes import NatsRoute
from backends.tap.standing import Link
from backends.tap.tap import Drop, Hear, Tell

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg

MOST_WAITING = 5000
"""Messages that wait in the library; what comes then is dropped, with a count."""
MOST_BYTES = 16 << 20
"""... and bytes of them."""

TIME_LIMIT = 3.0
"""Seconds for a connection, and for an answer to whether the server is still there."""
RETRY = 1.0
"""Seconds after which a connection that failed is tried again."""
REFUSED_RETRY = 30.0
"""... and one that NATS refused, which is a line in its log; then twice as long each time."""
LONGEST_RETRY = 300.0
LOOK_INTERVAL = 0.25
"""Seconds between two looks at whether the connection is still there."""
ASK_INTERVAL = 5.0
"""Seconds between two questions to the server whether it is still there: a ping."""


class NatsListener:
    """Listens to the subject of a route, on a connection of its own."""

    def __init__(
        self,
        route: NatsRoute,
        config: NatsConfig,
        clock: Callable[[], float],
        *,
        kept: int = KEPT,
    ) -> None:
        """`clock` gives POSIX seconds; `kept`: bytes of a message that are kept."""
        self._subject = route.subject
        self._config = config
        self._clock = clock
        self._kept = kept

    async def run(self, hear: Hear, tell: Tell, drop: Drop) -> NoReturn:
        """Listen until cancelled."""
        was_connected, refusals = False, 0

        async def take(message: Msg) -> None:
            hear(of_nats(message.subject, message.data, self._clock(), self._kept))

        def note(error: Exception) -> None:
            if type(error).__name__ == "SlowConsumerError":
                drop(1)

        connection = NatsConnection(self._config, on_error=note)
        try:
            while True:
                try:
                    async with asyncio.timeout(TIME_LIMIT):
                        client = await connection.client()
                        connection.denials.clear()
                        await client.subscribe(
                            self._subject,
                            cb=take,
                            pending_msgs_limit=MOST_WAITING,
                            pending_bytes_limit=MOST_BYTES,
                        )
                        # The library may send the first of these before the subscription itself:
                        # only the second one comes back after a word against it.
                        await client.flush()
                        await client.flush()
                    if not connection.denials:
                        was_connected, refusals = True, 0
                        tell(Link.CONNECTED, "")
                    await _stay(client, connection)
                except Exception as error:  # whatever the library raises
                    link = Link.LOST if was_connected else Link.CONNECTING
                    tell(link, _reason(error))
                    refusals = refusals + 1 if _is_refused(error) else 0
                # Also the subscription ends with it.
                await connection.aclose()
                await asyncio.sleep(_pause(refusals))
        finally:
            with contextlib.suppress(Exception):
                await connection.aclose()


async def _stay(client: Client, connection: NatsConnection) -> NoReturn:
    """Raises as soon as nothing can come any more: what the library does, or `PermissionError`."""
    looks = 0
    while True:
        if connection.denials:
            raise PermissionError
        if not client.is_connected:
            raise ConnectionResetError
        await asyncio.sleep(LOOK_INTERVAL)
        looks += 1
        if looks * LOOK_INTERVAL >= ASK_INTERVAL:
            looks = 0
            async with asyncio.timeout(TIME_LIMIT):
                await client.flush()


def _pause(refusals: int) -> float:
    """Seconds until it is tried again, after so many refusals in a row."""
    if not refusals:
        return RETRY
    return min(REFUSED_RETRY * 2.0 ** min(refusals - 1, 10), LONGEST_RETRY)


def _is_refused(error: Exception) -> bool:
    """Whether NATS knows this user, or what it asks for, and does not want it."""
    if is_refusal(error) or is_denial(error):
        return True
    return isinstance(translate("", error), NotAuthorised)


def _reason(error: Exception) -> str:
    if is_refusal(error) or is_denial(error):
        return "NATS does not let this user subscribe to it"
    if isinstance(error, ConnectionResetError):
        return "NATS ended the connection"
    return why_not(error)
