"""Asks all NATS services what they counted.

Three small messages, whatever the number of services; each service answers each once. Nothing is
ever sent to the subject of an endpoint: that would be a request to its model.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

from backends.nats.config import NatsConfig
from backends.nats.connection import NatsConnection
from backends.nats.gathering import gather, is_denied, why_not_asked
from backends.services.answers import Answers
from backends.services.types import NotScraped, Scrape

STATS = "$SRV.STATS"
"""Asks all what they counted."""
BESIDES = ("$SRV.PING", "$SRV.INFO")
"""PING tells soonest who is there, INFO what it is. Who may not ask them does without."""

TIME_LIMIT = 1.0
"""Seconds to connect, and as many to gather: a hundred times what a service needs that is well."""
QUIET = 0.05
"""Seconds without an answer after which nobody else is expected, where all that were did answer."""


class ServiceScraper:
    """Asks the services of one NATS. Connects when it is first asked, and again when it has to."""

    def __init__(self, config: NatsConfig, *, clock: Callable[[], float]) -> None:
        """`clock` gives POSIX seconds."""
        self._connection = NatsConnection(config)
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()

    async def scrape(self, expected: Collection[str]) -> Scrape:
        """Ask all services once. `expected` are the subjects that should answer: when all have, it
        need not wait longer. Raises `NotScraped`."""
        async with self._one_at_a_time:
            answers = Answers(expected)
            moment = asyncio.get_running_loop().time

            def take(data: bytes) -> bool:
                return answers.take(data, moment())

            try:
                unread = await gather(
                    self._connection, [STATS], take, TIME_LIMIT, besides=BESIDES, quiet=QUIET
                )
            # Whatever the library raises on the way: of the services nothing is known then.
            except Exception as error:
                raise NotScraped(why_not_asked(error), denied=is_denied(error)) from None
            return answers.scrape(self._clock(), unread)

    async def aclose(self) -> None:
        """End the connection."""
        async with self._one_at_a_time:
            await self._connection.aclose()
