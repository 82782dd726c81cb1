"""Ask all NATS services for their statistics.

Three small messages, whatever the number of services; each service answers each once. Nothing is
sent to the subject of an endpoint: that would be a request to its model.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

import msgspec

from backends.aio.timer import LOOP, Timer
from backends.nats import scatter_gather
from backends.nats.config import NatsConfig
from backends.nats.connection import NatsConnection
from backends.nats.errors import settings_of
from backends.nats.scatter_gather import GatherLimits, gather, is_denied, why_not_asked
from backends.services import parse
from backends.services.parse import AnswerLimits, ServiceAnswers
from backends.services.types import NotScraped, StatsScrape
from backends.store import Misconfigured

STATS = "$SRV.STATS"
"""Asks all services for their statistics."""
BESIDES = ("$SRV.PING", "$SRV.INFO")
"""PING finds services fastest, INFO describes them. Without permission for these, STATS
suffices.
"""


class ScrapeLimits(msgspec.Struct, frozen=True):
    """Limits of one scrape of all services."""

    time_limit: float = 1.0
    """Seconds to connect, and again to gather: a hundred times what a healthy service needs."""
    quiet: float = 0.05
    """Seconds without an answer after which gathering ends, once all expected subjects answered."""
    gather: GatherLimits = scatter_gather.DEFAULT_LIMITS
    answers: AnswerLimits = parse.DEFAULT_LIMITS


DEFAULT_LIMITS = ScrapeLimits()


class ServiceScraper:
    """Scrapes the services of one NATS. Connects on the first scrape, and again when needed."""

    def __init__(
        self,
        config: NatsConfig,
        *,
        clock: Callable[[], float],
        timer: Timer = LOOP,
        limits: ScrapeLimits = DEFAULT_LIMITS,
    ) -> None:
        """`clock` returns POSIX seconds; `timer` gives the answers' moments and the deadline."""
        self._connection = NatsConnection(config)
        self._clock = clock
        self._limits = limits
        self._timer = timer
        self._one_at_a_time = asyncio.Lock()

    async def scrape(self, expected: Collection[str]) -> StatsScrape:
        """Ask all services once. Raises `NotScraped`.

        `expected` are the subjects that should answer: once all have, gathering ends early.
        """
        async with self._one_at_a_time:
            answers = ServiceAnswers(expected, self._limits.answers)

            def take(data: bytes) -> bool:
                return answers.take(data, self._timer.now())

            try:
                unread = await gather(
                    self._connection,
                    [STATS],
                    take,
                    self._limits.time_limit,
                    optional=BESIDES,
                    quiet=self._limits.quiet,
                    timer=self._timer,
                    limits=self._limits.gather,
                )
            # After any error of the library nothing is known about the services.
            except Exception as error:
                check = settings_of(error, self._connection.config)
                # The texts of the library may hold a password.
                cause = error if isinstance(error, Misconfigured) else None
                raise NotScraped(
                    why_not_asked(error), denied=is_denied(error), check=check
                ) from cause
            return answers.scrape(self._clock(), unread)

    async def aclose(self) -> None:
        """End the connection."""
        async with self._one_at_a_time:
            await self._connection.aclose()
