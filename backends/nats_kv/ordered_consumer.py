"""Read one bucket: first the last message of each subject, then every new one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from backends.nats_kv.bucket_state import BucketState
from backends.nats_kv.jetstream import HEARTBEAT, LONGEST_NUMBER, JetStreamSession
from backends.nats_kv.responses import Bucket, is_marker
from backends.store import Delete, Put
from backends.store.resync_loop import PositionLost

if TYPE_CHECKING:
    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription

LONGEST_SILENCE = 4 * HEARTBEAT
"""Seconds without a message of the consumer after which it counts as gone."""

CONTROL = "100"
"""The status of a message from the consumer itself."""

ACK = "$JS.ACK."
"""The beginning of the reply subject of a stored message."""

ACK_TOKENS = 9
"""Its parts: `$JS.ACK.{stream}.{consumer}.{times}.{sequence}.{number}.{time}.{pending}`. With
domains there are more: the domain's name and hash come before the stream.
"""


class OrderedConsumer:
    """An ordered consumer without acknowledgements, which lives while its inbox has a
    subscriber.
    """

    reads_every = False
    """Whether it gets every message that is kept, and not only the last of each subject."""

    def __init__(
        self, session: JetStreamSession, bucket: Bucket, prefixes: Sequence[bytes]
    ) -> None:
        self.state = BucketState(bucket, prefixes)
        self.total = 0
        """The number of messages to come at the start."""
        self.done = 0
        """The number of messages received."""
        self.is_complete = False
        """Whether all messages of the start were received."""
        self._session = session
        self._consumer: str | None = None
        self._subscription: Subscription | None = None
        self._last_contact = asyncio.get_running_loop().time()

    @property
    def bucket(self) -> Bucket:
        return self.state.bucket

    @property
    def is_up_to_date(self) -> bool:
        """Return whether all messages known to the server were received."""
        return self.is_complete and self.state.is_settled

    async def open(self, take: Callable[[OrderedConsumer, Msg], Awaitable[None]]) -> None:
        """Start. `take` gets each message, to be passed to `read`. Raises `ApiError`,
        `StoreError`.
        """

        async def receive(message: Msg) -> None:
            self._last_contact = asyncio.get_running_loop().time()
            await take(self, message)

        inbox = self._session.client.new_inbox()
        self._subscription = await self._session.subscribe(inbox, receive)
        self._consumer, self.total, on_their_way = await self._session.consume(
            self.bucket, inbox, every=self.reads_every
        )
        self.is_complete = not self.total and not on_their_way and not self.done

    async def aclose(self) -> None:
        """End the consumer. The server drops it some seconds later at the latest."""
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
        """Raise `PositionLost` if the consumer was silent for too long."""
        if asyncio.get_running_loop().time() - self._last_contact > LONGEST_SILENCE:
            raise PositionLost(f"the consumer of {self.bucket.name} is gone")

    async def read(self, message: Msg) -> list[Put | Delete]:
        """Return the events in a message. Raises `PositionLost` after a gap, and `StoreError`."""
        headers = message.headers or {}
        # Only stored messages have such a reply. Their headers come from the publisher and prove
        # nothing.
        if not message.reply.startswith(ACK):
            await self._control(message, headers)
            return []
        try:
            sequence, number, stored_at, pending = _metadata(message.reply)
        except ValueError:
            # Another client published to this inbox.
            return []
        if number != self.done + 1:
            raise PositionLost(f"messages of {self.bucket.name} were lost on their way")
        self.done = number
        subject = self.bucket.own_subject(message.subject.encode("utf-8", "surrogateescape"))
        events = self._apply(subject, sequence, stored_at, message.data, headers)
        self.is_complete = self.is_complete or not pending
        return events

    def _apply(
        self,
        subject: bytes,
        sequence: int,
        stored_at: int,
        value: bytes,
        headers: dict[str, str],
    ) -> list[Put | Delete]:
        """Apply a stored message and return its events. `stored_at`: nanoseconds of POSIX time.
        Raises `PositionLost`."""
        return self.state.message(subject, sequence, value, is_marker=is_marker(headers))

    async def _control(self, message: Msg, headers: dict[str, str]) -> None:
        status = headers.get("Status")
        if status is None:
            return
        if status != CONTROL:
            raise PositionLost(f"the consumer of {self.bucket.name} ended")
        # All earlier messages were processed, so the consumer may continue.
        stalled = headers.get("Nats-Consumer-Stalled")
        if message.reply or stalled:
            await self._session.publish(message.reply or stalled or "")
        last = headers.get("Nats-Last-Consumer", "")
        if last.isascii() and last.isdigit() and len(last) <= LONGEST_NUMBER:
            if int(last) > self.done:
                raise PositionLost(f"messages of {self.bucket.name} were lost on their way")
            # A stalled consumer may have more to send. Over a slow connection the answer would be
            # behind all messages in flight, and too late.
            if not stalled:
                await self._check_delivered()

    async def _check_delivered(self) -> None:
        """Ask whether all was delivered: messages may have been removed during delivery, and then
        none is marked as the last.

        A silence alone does not prove it, since the connection may be slow.
        """
        if not self.is_complete and self._consumer is not None:
            delivered = await self._session.is_delivered(self.bucket, self._consumer, self.done)
            self.is_complete = self.is_complete or delivered


def _metadata(reply: str) -> tuple[int, int, int, int]:
    """Return the sequence number in the stream, the number of the delivery, when it was stored in
    nanoseconds of POSIX time, and how many are to come.

    Raises `ValueError`.
    """
    tokens = reply.split(".")
    if len(tokens) < ACK_TOKENS:
        raise ValueError(reply)
    start = 5 if len(tokens) == ACK_TOKENS else 7
    sequence, number, stored_at, pending = map(int, tokens[start : start + 4])
    return sequence, number, stored_at, pending
