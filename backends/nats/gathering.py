"""Asking many at once over NATS: one question, an inbox, and a deadline.

Of the micro protocol (`$SRV.PING`, `$SRV.INFO`, `$SRV.STATS`) every service answers each question
once, and nobody says how many will: so there is a deadline, and an earlier end where the answers
themselves tell that they are all there.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from backends.nats.connection import NatsConnection
from backends.nats.errors import is_refusal, translate, why_not
from backends.store import NotAuthorised

if TYPE_CHECKING:
    from nats.aio.msg import Msg

NO_RESPONDERS = "503"
"""The status by which the server says that nobody has subscribed to what was published."""

MOST_WAITING = 16 * 1024 * 1024
"""Bytes of answers that wait to be read. What comes beyond that is dropped by the client."""


async def gather(
    connection: NatsConnection,
    asked: Sequence[str],
    take: Callable[[bytes], bool],
    time_limit: float,
    *,
    quiet: float = 0.0,
) -> None:
    """Publish to each subject of `asked` and hand every answer to `take`, until the deadline.

    `take` never raises, and says whether all that is expected is there as far as it knows; it is
    over then once nothing more came for `quiet` seconds. It is over at once where nobody listens.

    Takes at most `time_limit` seconds to connect, if it has to, and as many to gather. Raises what
    the library does, TimeoutError, ConnectionResetError if the connection broke off meanwhile, and
    PermissionError if the server does not let this user ask; `why_not_asked` says it in words.
    After that the connection is closed, and the next question makes another.
    """
    try:
        await _gather(connection, asked, take, time_limit, quiet)
    except Exception:
        await connection.aclose()
        raise


def why_not_asked(error: Exception, question: str) -> str:
    """Why `question`, e.g. `$SRV.INFO`, could not be asked, as a clause; holds no secret."""
    if is_refusal(error):
        return f"NATS does not let this user ask {question}"
    return why_not(error)


def is_denied(error: Exception) -> bool:
    """Whether another user, or another right of this one, would help."""
    return is_refusal(error) or isinstance(translate("", error), NotAuthorised)


async def _gather(
    connection: NatsConnection,
    asked: Sequence[str],
    take: Callable[[bytes], bool],
    time_limit: float,
    quiet: float,
) -> None:
    async with asyncio.timeout(time_limit):
        client = await connection.client()
    connection.denials.clear()
    heard, unheard = 0, len(asked)
    enough = asyncio.Event()

    async def hear(message: Msg) -> None:
        nonlocal heard, unheard
        heard += 1
        if (message.headers or {}).get("Status") == NO_RESPONDERS:
            unheard -= 1
            if not unheard:
                enough.set()
        elif take(message.data):
            enough.set()
        else:
            enough.clear()
        # The library goes on to the next one without a pause, and thousands may be waiting.
        await asyncio.sleep(0)

    loop = asyncio.get_running_loop()
    deadline = loop.time() + time_limit
    inbox = client.new_inbox()
    answers = await client.subscribe(inbox, cb=hear, pending_bytes_limit=MOST_WAITING)
    try:
        async with asyncio.timeout_at(deadline):
            for subject in asked:
                await client.publish(subject, reply=inbox)
            # Until here a silence is NATS's own.
            await client.flush()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                while unheard:
                    await enough.wait()
                    before = heard
                    await asyncio.sleep(quiet)
                    if heard == before and enough.is_set():
                        break
    finally:
        # What it raises on a connection that broke off would take the place of a cancellation.
        with contextlib.suppress(Exception):
            await answers.unsubscribe()
    # A connection that broke off meanwhile says nothing of the services.
    if not client.is_connected:
        raise ConnectionResetError
    if connection.denials:
        # What this user may not ask nobody was asked.
        raise PermissionError
