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
BEHIND = 2.0
"""Seconds after the deadline within which what had come by then is still read."""
NOBODY = 0.1
"""Seconds without an answer after which it is believed that nobody listens: any client may answer
as the server does where nobody listens, and be quicker than a service."""


async def gather(
    connection: NatsConnection,
    asked: Sequence[str],
    take: Callable[[bytes], bool],
    time_limit: float,
    *,
    besides: Sequence[str] = (),
    quiet: float = 0.0,
) -> int:
    """Publish to each subject of `besides` and `asked` and hand every answer to `take`, until the
    deadline. Gives how many answers came and were not handed on: there were too many.

    `take` never raises, and says whether all that is expected is there as far as it knows; it is
    over then once nothing more came for `quiet` seconds. It is over soon where nobody listens.

    Takes at most `time_limit` seconds to connect, if it has to, as many to gather, and `BEHIND` to
    read what had come until then. Raises what the library does, TimeoutError, ConnectionResetError
    if the connection broke off meanwhile, and PermissionError if the server does not let this user
    ask one of `asked`, or get answers; `why_not_asked` says it in words. That it may not ask one of
    `besides` is passed over. After an error the connection is closed, and the next question makes
    another.
    """
    try:
        return await _gather(connection, asked, take, time_limit, besides, quiet)
    # Also after a cancellation: the library stops reading, and tells nobody, at the answer to a
    # ping that was given up.
    except BaseException:
        await connection.aclose()
        raise


def why_not_asked(error: Exception) -> str:
    """Why nobody could be asked, as a clause; holds no secret."""
    if is_refusal(error):
        return f"NATS does not let this user {error}"
    return why_not(error)


def is_denied(error: Exception) -> bool:
    """Whether another user, or another right of this one, would help."""
    return is_refusal(error) or isinstance(translate("", error), NotAuthorised)


async def _gather(
    connection: NatsConnection,
    asked: Sequence[str],
    take: Callable[[bytes], bool],
    time_limit: float,
    besides: Sequence[str],
    quiet: float,
) -> int:
    async with asyncio.timeout(time_limit):
        client = await connection.client()
    connection.denials.clear()
    questions = (*besides, *asked)
    heard = answered = unheard = 0
    enough = asyncio.Event()
    all_read = asyncio.Event()

    async def hear(message: Msg) -> None:
        nonlocal heard, answered, unheard
        heard += 1
        if _says_that_nobody_listens(message):
            unheard += 1
            # The server says it once of each question. One real answer is worth more.
            is_over = unheard == len(questions) if not answered else enough.is_set()
        else:
            answered += 1
            is_over = take(message.data)
        (enough.set if is_over else enough.clear)()
        if not answers.pending_msgs:
            all_read.set()
        # The library goes on to the next one without a pause, and thousands may be waiting.
        await asyncio.sleep(0)

    loop = asyncio.get_running_loop()
    deadline = loop.time() + time_limit
    inbox = client.new_inbox()
    answers = await client.subscribe(inbox, cb=hear, pending_bytes_limit=MOST_WAITING)
    try:
        async with asyncio.timeout_at(deadline):
            for subject in questions:
                await client.publish(subject, reply=inbox)
            # Until here a silence is NATS's own.
            await client.flush()
        try:
            async with asyncio.timeout_at(deadline):
                while True:
                    await enough.wait()
                    all_read.clear()
                    try:
                        async with asyncio.timeout(quiet if answered else max(quiet, NOBODY)):
                            await all_read.wait()
                    except TimeoutError:
                        if not answers.pending_msgs:
                            break
        except TimeoutError:
            # What is on its way here, or waits here, is nobody's silence but ours.
            behind = loop.time() + BEHIND
            async with asyncio.timeout_at(behind):
                await client.flush()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(behind):
                    if answers.pending_msgs:
                        all_read.clear()
                        await all_read.wait()
    finally:
        # What it raises on a connection that broke off would take the place of a cancellation.
        with contextlib.suppress(Exception):
            await answers.unsubscribe()
    # A connection that broke off meanwhile says nothing of the services.
    if not client.is_connected:
        raise ConnectionResetError
    # What this user may not ask nobody was asked. The server may be late in saying so.
    if denied := _denied(connection.denials, asked, inbox):
        raise PermissionError(denied)
    return answers.delivered - heard


def _says_that_nobody_listens(message: Msg) -> bool:
    return not message.data and (message.headers or {}).get("Status") == NO_RESPONDERS


def _denied(denials: Sequence[Exception], asked: Sequence[str], inbox: str) -> str:
    """What of these the server does not let this user do; empty: nothing."""
    told = " ".join(map(str, denials)).lower()
    if inbox.lower() in told:
        return "get answers: it may not subscribe to _INBOX.>"
    return next((f"ask {one}" for one in asked if f'"{one.lower()}"' in told), "")
