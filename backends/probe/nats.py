"""Probe whether NATS services list an endpoint's subject, with `$SRV.INFO`.

Workers of the NATS request plane have one micro service for each component (seen in Dynamo 0.6.1 to
1.6.1). The process itself answers, in about 120 µs and without a line in its log. Nothing is sent
to the subject of an endpoint: that would be a request to its model.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection

from backends.aio.timer import LOOP, Timer
from backends.nats.config import NatsConfig
from backends.nats.connection import NatsConnection
from backends.nats.errors import is_away, is_refused
from backends.nats.scatter_gather import DEFAULT_LIMITS, GatherLimits, gather, reach, why_not_asked
from backends.probe.types import NATS_SERVER, Finding, ProbeAnswer

INFO = "$SRV.INFO"
"""From the NATS micro protocol. With a service's name appended, only services of that name
answer.
"""

MOST_SERVICES = 64
"""Services asked by name, with one message for each. If there are more, all services are asked."""

LISTED = Finding(ProbeAnswer.ANSWERS, "is listed by its NATS service")
UNLISTED = Finding(
    ProbeAnswer.SILENT,
    "is listed by no NATS service that answers; one that is paused looks the same",
)
UNREAD = Finding(ProbeAnswer.UNTRIED, "cannot be asked: too many answers came at once")
REACHED = Finding(ProbeAnswer.ACCEPTS, "is there; the publisher itself was not asked")
NOT_SET_UP = Finding(ProbeAnswer.UNTRIED, "cannot be asked: no NATS server is set")


class Nats:
    """Probes the services of one NATS. Connects on the first question, and again when needed."""

    def __init__(
        self,
        config: NatsConfig | None,
        timer: Timer = LOOP,
        limits: GatherLimits = DEFAULT_LIMITS,
    ) -> None:
        """`timer` measures the time limits."""
        self._limits = limits
        self._connection = None if config is None else NatsConnection(config)
        self._timer = timer
        self._one_at_a_time = asyncio.Lock()

    async def ask(self, subjects: Collection[str], time_limit: float) -> dict[str, Finding]:
        """Ask the services once for their subjects, and return a finding for each of `subjects`.
        For `NATS_SERVER` it is whether NATS can be reached.

        Never raises. Takes as long as `gather`, less if all are listed.
        """
        if self._connection is None:
            return dict.fromkeys(subjects, NOT_SET_UP)
        async with self._one_at_a_time:
            try:
                wanted = frozenset(subjects) - {NATS_SERVER.address}
                if not wanted:
                    await reach(self._connection, time_limit, self._timer)
                    return dict.fromkeys(subjects, REACHED)
                listed, unread = await _listed(
                    self._connection, wanted, time_limit, self._timer, self._limits
                )
            # After any error of the library nothing is known about the workers. If nothing listens
            # at NATS's address, no request reaches them either.
            except Exception as error:
                reason = f"cannot be asked: {why_not_asked(error)}"
                other = ProbeAnswer.AWAY if is_refused(error) else ProbeAnswer.UNTRIED
                found = dict.fromkeys(subjects, Finding(other, reason))
                if NATS_SERVER.address in found and is_away(error):
                    found[NATS_SERVER.address] = Finding(ProbeAnswer.AWAY, reason)
                return found
        unlisted = UNREAD if unread else UNLISTED
        found = {subject: LISTED if subject in listed else unlisted for subject in wanted}
        return found | dict.fromkeys(frozenset(subjects) - wanted, REACHED)

    async def aclose(self) -> None:
        """End the connection."""
        async with self._one_at_a_time:
            if self._connection is not None:
                await self._connection.aclose()


async def _listed(
    connection: NatsConnection,
    wanted: frozenset[str],
    time_limit: float,
    timer: Timer,
    limits: GatherLimits,
) -> tuple[set[str], int]:
    """Return the wanted subjects that services list, and the number of answers that were
    dropped.
    """
    listed: set[str] = set()

    def take(data: bytes) -> bool:
        listed.update(wanted & _subjects(data))
        return len(listed) == len(wanted)

    # An endpoint's subject begins with its service's name. Asking by name spares all other
    # services.
    services = {subject.partition(".")[0] for subject in wanted}
    asked = [f"{INFO}.{name}" for name in services] if len(services) <= MOST_SERVICES else [INFO]
    return listed, await gather(connection, asked, take, time_limit, timer=timer, limits=limits)


def _subjects(data: bytes) -> set[str]:
    """Return the endpoints' subjects in an INFO answer. Empty: it is malformed."""
    try:
        endpoints = json.loads(data).get("endpoints", ())
        return {endpoint["subject"] for endpoint in endpoints}
    except (ValueError, AttributeError, TypeError, KeyError, RecursionError):
        return set()
