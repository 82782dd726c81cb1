"""Requests on one connection, with deadlines.

The library's own requests are not used: they wait in ways that may swallow a cancellation (Python
3.11), and cancel their caller when the connection breaks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from backends.nats.errors import denied, translate
from backends.nats.scatter_gather import NO_RESPONDERS
from backends.store import Cause, StoreError, Unreachable

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription

DEADLINE = 4.0
"""Seconds for one answer."""

FLOW_CONTROL = "$js.fc."
"""The beginning of subjects on which a consumer is told to continue, in the lower case of the
library's denials.
"""


class NoResponders(Exception):
    """The subject has no subscribers."""


class Requests:
    """The requests of one client, until its connection ends.

    `address` is for errors. No error repeats one of the `secrets`.
    """

    def __init__(self, client: Client, address: str, secrets: Sequence[str | None] = ()) -> None:
        self.client = client
        self.address = address
        self.secrets = secrets
        self.ended = asyncio.Event()
        """Set when the connection ended."""
        self._inbox = client.new_inbox()
        self._answers: Subscription | None = None
        self._waiting: dict[str, tuple[str, asyncio.Future[Msg]]] = {}
        self._number = 0
        self._denied: StoreError | None = None
        """Why no answer can be received at all. None: they can."""

    async def start(self) -> None:
        """Subscribe to the answers. Raises `StoreError`."""
        self._answers = await self.subscribe(f"{self._inbox}.*", self._take)

    @property
    def is_usable(self) -> bool:
        return self.client.is_connected and not self.ended.is_set()

    def end(self) -> None:
        """End the connection: all pending requests fail."""
        self.ended.set()
        for _, future in self._waiting.values():
            if not future.done():
                future.set_exception(Unreachable(self.address, Cause.LOST))

    def deny(self, denial: Exception) -> None:
        """Fail the pending requests that a denial of the server concerns."""
        # The library passes the server's text on in lower case.
        text = str(denial).lower()
        if FLOW_CONTROL in text:
            # In the middle of a large bucket the server waits for ever for the message to continue.
            # Pending requests are answered all the same.
            self._denied = denied(self.address, text, self.secrets)
            return
        if self._inbox.lower() in text:
            self._denied = denied(self.address, text, self.secrets)
        for subject, future in self._waiting.values():
            if (self._denied or subject.lower() in text) and not future.done():
                future.set_exception(denied(self.address, text, self.secrets))

    def translated(self, error: Exception) -> StoreError:
        """Translate an error of the library."""
        return translate(self.address, error, self.secrets)

    async def subscribe(self, subject: str, take: Callable[[Msg], Awaitable[None]]) -> Subscription:
        """Subscribe to a subject. Raises `StoreError`."""
        try:
            async with asyncio.timeout(DEADLINE):
                return await self.client.subscribe(subject, cb=take)
        except Exception as error:
            raise self.translated(error) from error

    async def publish(self, subject: str) -> None:
        """Publish an empty message, e.g. a consumer's flow control. Raises `StoreError`."""
        if self._denied is not None:
            raise self._denied
        try:
            async with asyncio.timeout(DEADLINE):
                await self.client.publish(subject)
        except Exception as error:
            raise self.translated(error) from error

    async def ask(
        self,
        subject: str,
        data: bytes = b"",
        headers: dict[str, str] | None = None,
        *,
        deadline: float = DEADLINE,
    ) -> bytes:
        """Send a request and return the answer within `deadline` seconds.

        Raises `NoResponders`, `StoreError`.
        """
        if not self.is_usable:
            raise Unreachable(self.address, Cause.LOST)
        if self._denied is not None:
            raise self._denied
        self._number += 1
        reply = f"{self._inbox}.{self._number}"
        future: asyncio.Future[Msg] = asyncio.get_running_loop().create_future()
        self._waiting[reply] = subject, future
        try:
            async with asyncio.timeout(deadline):
                await self.client.publish(subject, data, reply=reply, headers=headers)
                answer = await future
        except Exception as error:
            raise self.translated(error) from error
        finally:
            del self._waiting[reply]
            if future.done() and not future.cancelled():
                # An error set after the caller had left.
                future.exception()
        if (answer.headers or {}).get("Status") == NO_RESPONDERS:
            raise NoResponders
        return answer.data

    async def _take(self, answer: Msg) -> None:
        _, future = self._waiting.get(answer.subject, (None, None))
        if future is not None and not future.done():
            future.set_result(answer)
