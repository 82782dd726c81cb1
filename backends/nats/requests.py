"""Requests and their answers on one connection, with deadlines.

The client library's own requests are not used: they wait in ways that may swallow a cancellation
(Python 3.11), and cancel whoever waits when the connection breaks off.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from backends.nats.errors import denied, translate
from backends.nats.gathering import NO_RESPONDERS
from backends.store import Cause, StoreError, Unreachable

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription

DEADLINE = 4.0
"""Seconds for one answer."""

FLOW_CONTROL = "$js.fc."
"""Begins the subjects on which a consumer is told that it may go on; as the library has it when
that is denied, in lower case."""


class NoResponders(Exception):
    """Nobody has subscribed to what was published."""


class Requests:
    """One client's requests, until it ends. `address` is for errors; `secrets` are in none, also
    where the server repeats them."""

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
        """Why nothing can be read at all."""

    async def start(self) -> None:
        """Raises `StoreError`."""
        self._answers = await self.subscribe(f"{self._inbox}.*", self._take)

    @property
    def is_usable(self) -> bool:
        return self.client.is_connected and not self.ended.is_set()

    def end(self) -> None:
        """The connection is no more: whoever waits for an answer is told."""
        self.ended.set()
        for _, future in self._waiting.values():
            if not future.done():
                future.set_exception(Unreachable(self.address, Cause.LOST))

    def deny(self, denial: Exception) -> None:
        """The server said that something is not allowed: whoever waits for that is told."""
        # The library hands the server's words on in lower case.
        text = str(denial).lower()
        if FLOW_CONTROL in text:
            # In the middle of a large bucket the server waits for ever to be told to go on. What is
            # asked already is answered all the same.
            self._denied = denied(self.address, text, self.secrets)
            return
        if self._inbox.lower() in text:
            self._denied = denied(self.address, text, self.secrets)
        for subject, future in self._waiting.values():
            if (self._denied or subject.lower() in text) and not future.done():
                future.set_exception(denied(self.address, text, self.secrets))

    def translated(self, error: Exception) -> StoreError:
        """What the library raised, for a person."""
        return translate(self.address, error, self.secrets)

    async def subscribe(self, subject: str, take: Callable[[Msg], Awaitable[None]]) -> Subscription:
        """Raises `StoreError`."""
        try:
            async with asyncio.timeout(DEADLINE):
                return await self.client.subscribe(subject, cb=take)
        except Exception as error:
            raise self.translated(error) from error

    async def publish(self, subject: str) -> None:
        """An empty message, as consumers want to be told something. Raises `StoreError`."""
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
        """The answer to one message within `deadline` seconds.

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
                # Told while nobody waited any more.
                future.exception()
        if (answer.headers or {}).get("Status") == NO_RESPONDERS:
            raise NoResponders
        return answer.data

    async def _take(self, answer: Msg) -> None:
        _, future = self._waiting.get(answer.subject, (None, None))
        if future is not None and not future.done():
            future.set_result(answer)
