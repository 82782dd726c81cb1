"""Whether NATS services list the subjects of endpoints: what `$SRV.INFO` is answered.

Workers of the NATS request plane have one micro service for each component (seen in Dynamo 0.6.1
to 1.6.1). It is the process that answers, in about 120 µs of its time and with no line in its log.
Nothing is ever sent to the subject of an endpoint: that would be a request to its model.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Collection
from typing import TYPE_CHECKING

from backends.nats.config import NatsConfig
from backends.nats.connection import NatsConnection, why_not
from backends.probe.types import Answer, Finding

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg

INFO = "$SRV.INFO"
"""Of the NATS micro protocol: with a service's name after it, asks those of that name only."""

MOST_SERVICES = 64
"""Services that are asked by name, one message for each; if they are more, all there are."""

NO_RESPONDERS = "503"
"""The status by which the server says that nobody has subscribed to what was published."""

LISTED = Finding(Answer.ANSWERS, "is listed by its NATS service")
UNLISTED = Finding(Answer.SILENT, "is not listed by any NATS service")
NOT_SET_UP = Finding(Answer.UNTRIED, "cannot be asked: no NATS server is set")


class Nats:
    """Asks the services of one NATS. Connects when it is first asked, and again when it has to."""

    def __init__(self, config: NatsConfig | None) -> None:
        self._connection = None if config is None else NatsConnection(config)
        self._one_at_a_time = asyncio.Lock()

    async def ask(self, subjects: Collection[str], time_limit: float) -> dict[str, Finding]:
        """Gather once what all services list, and say it of each subject.

        Never raises. Takes at most `time_limit` seconds to connect, if it has to, and as many to
        gather; less if all are listed.
        """
        connection = self._connection
        if connection is None:
            return dict.fromkeys(subjects, NOT_SET_UP)
        async with self._one_at_a_time:
            try:
                async with asyncio.timeout(time_limit):
                    client = await connection.client()
                connection.denials.clear()
                listed = await _gathered(client, frozenset(subjects), time_limit)
                if connection.denials:
                    # What this user may not ask nobody was asked.
                    raise PermissionError
            # Whatever the library raises on the way: of the workers nothing is known then.
            except Exception as error:
                await connection.aclose()
                untried = Finding(Answer.UNTRIED, f"cannot be asked: {_reason(error)}")
                return dict.fromkeys(subjects, untried)
        return {subject: LISTED if subject in listed else UNLISTED for subject in subjects}

    async def aclose(self) -> None:
        """End the connection."""
        async with self._one_at_a_time:
            if self._connection is not None:
                await self._connection.aclose()


def _reason(error: Exception) -> str:
    if isinstance(error, PermissionError):
        return f"NATS does not let this user ask {INFO}"
    return why_not(error)


async def _gathered(client: Client, wanted: frozenset[str], time_limit: float) -> set[str]:
    """Those of the wanted subjects that services list within the time limit."""
    listed: set[str] = set()
    # By the name of its service begins the subject of an endpoint. Asking those keeps it from all
    # who have nothing to do with it.
    services = {subject.partition(".")[0] for subject in wanted}
    asked = [f"{INFO}.{name}" for name in services] if len(services) <= MOST_SERVICES else [INFO]
    unheard = len(asked)
    enough = asyncio.Event()

    async def take(message: Msg) -> None:
        nonlocal unheard
        if (message.headers or {}).get("Status") == NO_RESPONDERS:
            unheard -= 1
        else:
            listed.update(wanted & _subjects(message.data))
        if len(listed) == len(wanted) or not unheard:
            enough.set()

    inbox = client.new_inbox()
    deadline = asyncio.get_running_loop().time() + time_limit
    answers = await client.subscribe(inbox, cb=take)
    try:
        async with asyncio.timeout_at(deadline):
            for subject in asked:
                await client.publish(subject, reply=inbox)
            # Until here a silence is NATS's own.
            await client.flush()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                await enough.wait()
    finally:
        # What it raises on a connection that broke off would take the place of a cancellation.
        with contextlib.suppress(Exception):
            await answers.unsubscribe()
    # A connection that broke off meanwhile says nothing of the services.
    if not client.is_connected:
        raise ConnectionResetError
    return listed


def _subjects(data: bytes) -> set[str]:
    """The endpoints' subjects in an INFO answer; of anything else, none."""
    try:
        endpoints = json.loads(data).get("endpoints", ())
        return {endpoint["subject"] for endpoint in endpoints}
    except (ValueError, AttributeError, TypeError, KeyError, RecursionError):
        return set()
