"""Whether NATS services list the subjects of endpoints: what `$SRV.INFO` is answered.

Workers of the NATS request plane have one micro service for each component (seen in Dynamo 0.6.1
to 1.6.1). It is the process that answers, in about 120 µs of its time and with no line in its log.
Nothing is ever sent to the subject of an endpoint: that would be a request to its model.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection

from backends.nats.config import NatsConfig
from backends.nats.connection import NatsConnection
from backends.nats.gathering import gather, why_not_asked
from backends.probe.types import Answer, Finding

INFO = "$SRV.INFO"
"""Of the NATS micro protocol: with a service's name after it, asks those of that name only."""

MOST_SERVICES = 64
"""Services that are asked by name, one message for each; if they are more, all there are."""

LISTED = Finding(Answer.ANSWERS, "is listed by its NATS service")
UNLISTED = Finding(
    Answer.SILENT, "is listed by no NATS service that answers; one that is paused looks the same"
)
UNREAD = Finding(Answer.UNTRIED, "cannot be asked: too many answers came at once")
NOT_SET_UP = Finding(Answer.UNTRIED, "cannot be asked: no NATS server is set")


class Nats:
    """Asks the services of one NATS. Connects when it is first asked, and again when it has to."""

    def __init__(self, config: NatsConfig | None) -> None:
        self._connection = None if config is None else NatsConnection(config)
        self._one_at_a_time = asyncio.Lock()

    async def ask(self, subjects: Collection[str], time_limit: float) -> dict[str, Finding]:
        """Gather once what all services list, and say it of each subject.

        Never raises. Takes as long as `gather`; less if all are listed.
        """
        if self._connection is None:
            return dict.fromkeys(subjects, NOT_SET_UP)
        async with self._one_at_a_time:
            try:
                listed, unread = await _listed(self._connection, frozenset(subjects), time_limit)
            # Whatever the library raises on the way: of the workers nothing is known then.
            except Exception as error:
                reason = f"cannot be asked: {why_not_asked(error)}"
                return dict.fromkeys(subjects, Finding(Answer.UNTRIED, reason))
        other = UNREAD if unread else UNLISTED
        return {subject: LISTED if subject in listed else other for subject in subjects}

    async def aclose(self) -> None:
        """End the connection."""
        async with self._one_at_a_time:
            if self._connection is not None:
                await self._connection.aclose()


async def _listed(
    connection: NatsConnection, wanted: frozenset[str], time_limit: float
) -> tuple[set[str], int]:
    """Those of the wanted subjects that services list within the time limit, and how many answers
    could not be read."""
    listed: set[str] = set()

    def take(data: bytes) -> bool:
        listed.update(wanted & _subjects(data))
        return len(listed) == len(wanted)

    # By the name of its service begins the subject of an endpoint. Asking those keeps it from all
    # who have nothing to do with it.
    services = {subject.partition(".")[0] for subject in wanted}
    asked = [f"{INFO}.{name}" for name in services] if len(services) <= MOST_SERVICES else [INFO]
    return listed, await gather(connection, asked, take, time_limit)


def _subjects(data: bytes) -> set[str]:
    """The endpoints' subjects in an INFO answer; of anything else, none."""
    try:
        endpoints = json.loads(data).get("endpoints", ())
        return {endpoint["subject"] for endpoint in endpoints}
    except (ValueError, AttributeError, TypeError, KeyError, RecursionError):
        return set()
