"""One bucket as it is delivered: first the last message under each subject, then every new one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from backends.followed import LostPlace
from backends.nats.answers import Bucket, is_marker
from backends.nats.jetstream import HEARTBEAT, Session
from backends.nats.mirror import Mirror
from backends.store import Delete, Put

if TYPE_CHECKING:
    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription

LONGEST_SILENCE = 4 * HEARTBEAT
"""Seconds without a word of the consumer after which it is taken to be gone."""

LONGEST_NUMBER = 20
"""Digits: the server's numbers have 64 bits."""

CONTROL = "100"
"""The status of what is no message but a word of the consumer's own."""

ACK = "$JS.ACK."
"""Begins the reply subject of what was stored."""

ACK_TOKENS = 9
"""In it: `$JS.ACK.{stream}.{consumer}.{times}.{sequence}.{number}.{time}.{pending}`. More where
there are domains, whose name and hash come before the stream."""


class Feed:
    """An ordered consumer that lives as long as somebody listens, and acknowledges nothing."""

    def __init__(self, session: Session, bucket: Bucket, prefixes: Sequence[bytes]) -> None:
        self.mirror = Mirror(bucket, prefixes)
        self.total = 0
        """How many messages there were to come at the start."""
        self.done = 0
        """How many came."""
        self.is_complete = False
        """Whether all that was there at the start has come."""
        self._session = session
        self._consumer: str | None = None
        self._subscription: Subscription | None = None
        self._heard_at = asyncio.get_running_loop().time()

    @property
    def bucket(self) -> Bucket:
        return self.mirror.bucket

    @property
    def is_up_to_date(self) -> bool:
        """Whether all that the server last told of has come."""
        return self.is_complete and self.mirror.is_settled

    async def open(self, take: Callable[[Feed, Msg], Awaitable[None]]) -> None:
        """Begin; `take` gets each message, for `read`. Raises `ApiError`, `StoreError`."""

        async def hand_on(message: Msg) -> None:
            self._heard_at = asyncio.get_running_loop().time()
            await take(self, message)

        inbox = self._session.client.new_inbox()
        self._subscription = await self._session.subscribe(inbox, hand_on)
        self._consumer, self.total, on_their_way = await self._session.consume(self.bucket, inbox)
        self.is_complete = not self.total and not on_their_way and not self.done

    async def aclose(self) -> None:
        """End it; the server forgets it some seconds later at the latest."""
        subscription, self._subscription = self._subscription, None
        if subscription is None or not self._session.is_usable:
            return
        with contextlib.suppress(Exception):
            async with asyncio.timeout(1.0):
                await subscription.unsubscribe()
                if self._consumer is not None:
                    gone = f"$JS.API.CONSUMER.DELETE.{self.bucket.stream}.{self._consumer}"
                    await self._session.publish(gone)

    def check_alive(self) -> None:
        """Raises `LostPlace` where the consumer has been silent for too long."""
        if asyncio.get_running_loop().time() - self._heard_at > LONGEST_SILENCE:
            raise LostPlace(f"the consumer of {self.bucket.name} is gone")

    async def read(self, message: Msg) -> list[Put | Delete]:
        """What follows from a message. Raises `LostPlace` after a gap, `StoreError`."""
        headers = message.headers or {}
        # What was stored has such a reply, whatever its headers say: those are its publisher's.
        if not message.reply.startswith(ACK):
            await self._control(message, headers)
            return []
        try:
            sequence, number, pending = _metadata(message.reply)
        except ValueError:
            # Somebody else published to our inbox.
            return []
        if number != self.done + 1:
            raise LostPlace(f"messages of {self.bucket.name} were lost on their way")
        self.done = number
        events = self.mirror.message(
            message.subject.encode("utf-8", "surrogateescape"),
            sequence,
            message.data,
            is_marker=is_marker(headers),
        )
        self.is_complete = self.is_complete or not pending
        return events

    async def _control(self, message: Msg, headers: dict[str, str]) -> None:
        status = headers.get("Status")
        if status is None:
            return
        if status != CONTROL:
            raise LostPlace(f"the consumer of {self.bucket.name} ended")
        # What was sent before this has been read: it may go on.
        stalled = headers.get("Nats-Consumer-Stalled")
        if message.reply or stalled:
            await self._session.publish(message.reply or stalled or "")
        last = headers.get("Nats-Last-Consumer", "")
        if last.isascii() and last.isdigit() and len(last) <= LONGEST_NUMBER:
            if int(last) > self.done:
                raise LostPlace(f"messages of {self.bucket.name} were lost on their way")
            # While it waits for us there may be more to come. Over a slow connection the answer
            # would be behind all that is on its way, and too late.
            if not stalled:
                await self._ask_for_the_end()

    async def _ask_for_the_end(self) -> None:
        """What was to come may have gone while it was delivered, and then no message is the last.
        That nothing came for a while does not say so: it may be that we are slow."""
        if not self.is_complete and self._consumer is not None:
            told = await self._session.is_delivered(self.bucket, self._consumer, self.done)
            self.is_complete = self.is_complete or told


def _metadata(reply: str) -> tuple[int, int, int]:
    """The sequence number in the stream, the number of the delivery, and how many are to come.

    Raises `ValueError`.
    """
    tokens = reply.split(".")
    if len(tokens) < ACK_TOKENS:
        raise ValueError(reply)
    start = 5 if len(tokens) == ACK_TOKENS else 7
    sequence, number, _, pending = tokens[start : start + 4]
    return int(sequence), int(number), int(pending)
