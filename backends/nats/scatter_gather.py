"""Ask many services at once over NATS: one question, an inbox, and a deadline.

In the micro protocol (`$SRV.PING`, `$SRV.INFO`, `$SRV.STATS`) every service answers each question
once, and the number of services is unknown. So gathering ends at a deadline, or earlier once the
answers show that they are complete.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from backends.aio.cancellation import Cancellations
from backends.aio.timer import LOOP, Timer
from backends.nats.connection import NatsConnection
from backends.nats.errors import is_refusal, translate, why_not
from backends.store import NotAuthorised

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg

NO_RESPONDERS = "503"
"""The status of the server's answer when a subject has no subscribers."""


class GatherLimits(msgspec.Struct, frozen=True):
    """Limits of gathering answers, besides its deadline."""

    most_waiting: int = 16 * 1024 * 1024
    """Bytes of answers that wait to be processed. The client drops answers beyond that."""
    behind: float = 2.0
    """Seconds after the deadline in which answers that had arrived by then are still processed."""
    no_responders_pause: float = 0.1
    """Seconds without an answer before a "no responders" is believed: any client can send one, and
    may be faster than a service.
    """


DEFAULT_LIMITS = GatherLimits()


async def gather(
    connection: NatsConnection,
    asked: Sequence[str],
    take: Callable[[bytes], bool],
    time_limit: float,
    *,
    optional: Sequence[str] = (),
    quiet: float = 0.0,
    timer: Timer = LOOP,
    limits: GatherLimits = DEFAULT_LIMITS,
) -> int:
    """Publish to each subject of `optional` and `asked`, and pass each answer to `take`. Return the
    number of answers that were dropped because too many waited.

    `take` never raises. It returns whether the answers are complete, as far as known; gathering
    then ends once no more came for `quiet` seconds. It ends soon if there are no responders.

    Takes at most `time_limit` seconds to connect, if needed, as long again to gather, and
    `limits.behind` to process answers that had arrived. Raises the library's errors, TimeoutError,
    ConnectionResetError if the connection broke meanwhile, and PermissionError if the server denied
    this user one of `asked`, or the answers; `why_not_asked` words these. A denial of one of
    `optional` is ignored. After an error the connection is closed, and the next call makes another.
    """
    cancellations = Cancellations()
    try:
        unread = await _gather(connection, asked, take, time_limit, optional, quiet, timer, limits)
        cancellations.raise_if_any()
        return unread
    # Also after a cancellation: the library stops reading, without an error, at the answer to an
    # abandoned ping.
    except BaseException:
        await connection.aclose()
        raise


async def reach(connection: NatsConnection, time_limit: float, timer: Timer = LOOP) -> None:
    """Connect if needed, and wait for one answer of the server. Raises as `gather`."""
    cancellations = Cancellations()
    try:
        client = await _connect(connection, time_limit, timer)
        async with timer.timeout(time_limit):
            await client.flush()
        cancellations.raise_if_any()
    except BaseException:
        await connection.aclose()
        raise


async def _connect(connection: NatsConnection, time_limit: float, timer: Timer) -> Client:
    # Importing the client library does not count as NATS's time.
    await connection.prepare()
    try:
        async with timer.timeout(time_limit):
            return await connection.client()
    except TimeoutError:
        # The cause may be known already: the library is slow in closing a failed connection.
        if connection.failure is not None:
            raise connection.failure from None
        raise


def why_not_asked(error: Exception) -> str:
    """Return why nothing could be asked, as a clause. Holds no secret."""
    if is_refusal(error):
        return f"NATS does not let this user {error}"
    return why_not(error)


def is_denied(error: Exception) -> bool:
    """Return whether another user, or another permission of this one, would help."""
    return is_refusal(error) or isinstance(translate("", error), NotAuthorised)


async def _gather(
    connection: NatsConnection,
    asked: Sequence[str],
    take: Callable[[bytes], bool],
    time_limit: float,
    optional: Sequence[str],
    quiet: float,
    timer: Timer,
    limits: GatherLimits,
) -> int:
    client = await _connect(connection, time_limit, timer)
    connection.denials.clear()
    questions = (*optional, *asked)
    received = answered = unserved = 0
    enough = asyncio.Event()
    all_read = asyncio.Event()

    async def receive(message: Msg) -> None:
        nonlocal received, answered, unserved
        received += 1
        if _is_no_responders(message):
            unserved += 1
            # The server sends one for each question. A real answer outweighs it.
            is_over = unserved == len(questions) if not answered else enough.is_set()
        else:
            answered += 1
            is_over = take(message.data)
        (enough.set if is_over else enough.clear)()
        if not answers.pending_msgs:
            all_read.set()
        # The library calls this without a pause, and thousands may be waiting.
        await asyncio.sleep(0)

    deadline = timer.now() + time_limit
    inbox = client.new_inbox()
    answers = await client.subscribe(inbox, cb=receive, pending_bytes_limit=limits.most_waiting)
    try:
        async with timer.timeout_at(deadline):
            for subject in questions:
                await client.publish(subject, reply=inbox)
            # Up to here a silence is NATS's own.
            await client.flush()
        try:
            async with timer.timeout_at(deadline):
                while True:
                    await enough.wait()
                    all_read.clear()
                    silence = quiet if answered else max(quiet, limits.no_responders_pause)
                    try:
                        async with timer.timeout(silence):
                            await all_read.wait()
                    except TimeoutError:
                        if not answers.pending_msgs:
                            break
        except TimeoutError:
            # Answers may be on their way, or wait to be processed here: the services are not
            # silent.
            behind = timer.now() + limits.behind
            async with timer.timeout_at(behind):
                await client.flush()
            with contextlib.suppress(TimeoutError):
                async with timer.timeout_at(behind):
                    if answers.pending_msgs:
                        all_read.clear()
                        await all_read.wait()
    finally:
        # Its error on a broken connection would replace a cancellation.
        with contextlib.suppress(Exception):
            await answers.unsubscribe()
    # A connection that broke meanwhile proves nothing about the services.
    if not client.is_connected:
        raise ConnectionResetError
    # A denied question reached no service. The server may report the denial late.
    if denied := _denied(connection.denials, asked, inbox):
        raise PermissionError(denied)
    return answers.delivered - received


def _is_no_responders(message: Msg) -> bool:
    return not message.data and (message.headers or {}).get("Status") == NO_RESPONDERS


def _denied(denials: Sequence[Exception], asked: Sequence[str], inbox: str) -> str:
    """Return which of these the server denies this user, as a clause. Empty: none."""
    text = " ".join(map(str, denials)).lower()
    if inbox.lower() in text:
        return "get answers: it may not subscribe to _INBOX.>"
    return next((f"ask {one}" for one in asked if f'"{one.lower()}"' in text), "")
