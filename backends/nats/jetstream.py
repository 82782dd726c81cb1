"""JetStream's own calls on one connection: streams, messages, consumers, with deadlines.

In JSON as it goes over the wire, after ADR-2 and the schemas of nats-server 2.15. The client
library's own calls are not used: they wait in ways that may swallow a cancellation (Python 3.11),
cancel whoever waits when the connection breaks off, and read times to the microsecond, where two
streams made one after the other must be told apart.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from backends.nats.errors import (
    NO_JETSTREAM,
    ApiError,
    LostPlace,
    denied,
    refused,
    translate,
)
from backends.nats.gathering import NO_RESPONDERS
from backends.nats.names import bucket_of
from backends.store import Cause, Refused, StoreError, Unreachable

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription

API = "$JS.API."
DEADLINE = 4.0
"""Seconds for one answer."""

LIST_DEADLINE = 6.0
"""For the list of buckets: a cluster waits 4 seconds itself for the servers that hold them. And one
that stopped must be noticed within 10, with 2 between two lists."""

HEARTBEAT = 2.0
"""Seconds of silence after which a consumer says that there is nothing new."""

NANOSECONDS = 1_000_000_000

FLOW_CONTROL = "$js.fc."
"""Begins the subjects on which a consumer is told that it may go on; as the library has it when
that is denied, in lower case."""

MISREAD = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)
"""What comes of reading an answer that is not as it should be. A number may be 1e999."""
NOT_UNDERSTOOD = "JetStream's answer was not understood"

OPERATION = "KV-Operation"
"""The header of a removal marker: DEL, or PURGE."""
MARKER_REASON = "Nats-Marker-Reason"
"""The header of a removal marker that the server itself wrote (2.11 and later)."""
EXPECTED = "Nats-Expected-Last-Subject-Sequence"


class NoResponders(Exception):
    """Nobody has subscribed to what was published."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """A KV bucket's stream, as it was at one moment."""

    name: str
    """Without `KV_`."""
    created: str
    """As the server writes it, to the nanosecond: another one is another stream."""
    max_age: float
    """Seconds. 0: what is in it stays."""
    first: int
    """The first sequence number that is there, or one after the last if none is."""
    last: int
    messages: int
    subjects: int | None
    """How many have a message, markers too. None: the server does not say (before 2.8)."""
    now: float | None
    """The server's own time, in POSIX seconds. None: it does not say (before 2.10)."""

    @property
    def stream(self) -> str:
        return f"KV_{self.name}"


@dataclass(frozen=True, slots=True)
class Buckets:
    """All buckets that are named as Dynamo names them."""

    there: tuple[Bucket, ...]
    missing: frozenset[str]
    """Names of those that exist, and of which no server of the cluster could tell: each of them may
    be as it was, and none is among the others."""


@dataclass(frozen=True, slots=True)
class Message:
    """The last message under a subject."""

    sequence: int
    value: bytes
    is_marker: bool
    """Whether it says that the key was removed."""
    at: float
    """When the server took it, in POSIX seconds."""


class Session:
    """One client's requests, until it ends. `address` is for errors."""

    def __init__(self, client: Client, address: str) -> None:
        self.client = client
        self.address = address
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
            self._denied = denied(self.address, text)
            return
        if self._inbox.lower() in text:
            self._denied = denied(self.address, text)
        for subject, future in self._waiting.values():
            if (self._denied or subject.lower() in text) and not future.done():
                future.set_exception(denied(self.address, text))

    async def subscribe(self, subject: str, take: Callable[[Msg], Awaitable[None]]) -> Subscription:
        """Raises `StoreError`."""
        try:
            async with asyncio.timeout(DEADLINE):
                return await self.client.subscribe(subject, cb=take)
        except Exception as error:
            raise translate(self.address, error) from error

    async def publish(self, subject: str) -> None:
        """An empty message, as consumers want to be told something. Raises `StoreError`."""
        if self._denied is not None:
            raise self._denied
        try:
            async with asyncio.timeout(DEADLINE):
                await self.client.publish(subject)
        except Exception as error:
            raise translate(self.address, error) from error

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
            raise translate(self.address, error) from error
        finally:
            del self._waiting[reply]
            if future.done() and not future.cancelled():
                # Told while nobody waited any more.
                future.exception()
        if (answer.headers or {}).get("Status") == NO_RESPONDERS:
            raise NoResponders
        return answer.data

    async def call(
        self,
        name: str,
        request: dict[str, Any] | None = None,
        *,
        deadline: float = DEADLINE,
    ) -> dict[str, Any]:
        """A call of JetStream's API. Raises `ApiError`, `StoreError`."""
        data = b"" if request is None else json.dumps(request).encode()
        try:
            answer = await self.ask(API + name, data, deadline=deadline)
        except NoResponders:
            raise Refused(self.address, NO_JETSTREAM) from None
        return self._read(answer)

    async def buckets(self) -> Buckets:
        """All there are. Raises `StoreError`."""
        found: list[Bucket] = []
        missing: set[str] = set()
        offset = 0
        while True:
            request = {"offset": offset, "subject": "$KV.>"}
            try:
                page = await self.call("STREAM.LIST", request, deadline=LIST_DEADLINE)
            except ApiError as error:
                raise refused(self.address, error) from None
            try:
                streams = {
                    str(stream["config"]["name"]): stream for stream in page["streams"] or ()
                }
                unheard = set(map(str, page.get("missing") or ()))
                total = int(page["total"])
            except MISREAD:
                raise Refused(self.address, NOT_UNDERSTOOD) from None
            # Of what is missing there may be a stream as well, with nothing in it.
            there = [_bucket(stream) for name, stream in streams.items() if name not in unheard]
            found += filter(None, there)
            missing |= set(filter(None, map(bucket_of, unheard)))
            offset += len(streams.keys() | unheard)
            if offset >= total or not (streams or unheard):
                return Buckets(tuple(found), frozenset(missing))

    async def bucket(self, name: str) -> Bucket | None:
        """One bucket; None: there is none of that name. Raises `StoreError`."""
        try:
            return _bucket(await self.call(f"STREAM.INFO.KV_{name}"))
        except ApiError as error:
            if error.is_absence:
                return None
            raise refused(self.address, error) from None

    async def check_unheard(self, subject: str) -> None:
        """Nobody took what was published there: raises `Unreachable` if a bucket takes such keys,
        which has no leader then, and all that is in it is still there. Raises `StoreError`."""
        try:
            names = (await self.call("STREAM.NAMES", {"subject": subject})).get("streams")
        except ApiError as error:
            raise refused(self.address, error) from None
        if names:
            raise Unreachable(self.address, Cause.NO_LEADER, "nobody takes what is written there")

    async def create_bucket(self, name: str) -> Bucket:
        """As a KV client makes one, without a time to live, as Dynamo's discovery asks for it.

        One that is there already is as good. Raises `StoreError`.
        """
        config = {
            "name": f"KV_{name}",
            "subjects": [f"$KV.{name}.>"],
            "retention": "limits",
            "storage": "file",
            "discard": "new",
            "num_replicas": 1,
            "max_msgs_per_subject": 1,
            "max_consumers": -1,
            "max_msgs": -1,
            "max_bytes": -1,
            "max_msg_size": -1,
            "max_age": 0,
            "duplicate_window": 120 * NANOSECONDS,
            "deny_delete": True,
            "allow_rollup_hdrs": True,
            "allow_direct": True,
        }
        try:
            made = _bucket(await self.call(f"STREAM.CREATE.KV_{name}", config))
        except ApiError as error:
            # Made by somebody else meanwhile, perhaps in another way.
            made = await self.bucket(name)
            if made is None:
                raise refused(self.address, error) from None
        if made is None:
            raise Refused(self.address, NOT_UNDERSTOOD)
        return made

    async def message(self, stream: str, subject: str) -> Message | None:
        """The last message under a subject; None: there is none. Raises `StoreError`."""
        try:
            answer = await self.call(f"STREAM.MSG.GET.{stream}", {"last_by_subj": subject})
        except ApiError as error:
            if error.is_absence:
                return None
            raise refused(self.address, error) from None
        try:
            stored = answer["message"]
            headers = base64.b64decode(stored.get("hdrs") or "")
            return Message(
                int(stored["seq"]),
                base64.b64decode(stored.get("data") or ""),
                _is_marker(headers),
                seconds(stored["time"]),
            )
        except MISREAD:
            raise Refused(self.address, NOT_UNDERSTOOD) from None

    async def store(
        self,
        subject: str,
        value: bytes,
        *,
        last: int | None = None,
        marker: bool = False,
    ) -> int:
        """Publish into a stream; returns the sequence number.

        `last`: only if the last message under the subject has that number; 0: if there is none.
        With `marker`, it says that the key was removed.

        Raises `ApiError`, `NoResponders` where no stream takes it, `StoreError`.
        """
        headers = {}
        if last is not None:
            headers[EXPECTED] = str(last)
        if marker:
            headers[OPERATION] = "DEL"
        answer = self._read(await self.ask(subject, value, headers or None))
        try:
            return int(answer["seq"])
        except MISREAD:
            raise Refused(self.address, "what answered is no JetStream") from None

    async def consume(self, bucket: Bucket, inbox: str) -> tuple[str, int, bool]:
        """Let the last message under each subject, and then every new one, be sent to an inbox.

        It lives in the server's memory until nobody listens there. Returns its name, how many
        messages are to come, and whether some are on their way already.

        Raises `ApiError`, `StoreError`.
        """
        config = {
            "deliver_subject": inbox,
            "deliver_policy": "last_per_subject",
            "filter_subject": ">",
            "ack_policy": "none",
            "max_deliver": 1,
            "replay_policy": "instant",
            "flow_control": True,
            "idle_heartbeat": int(HEARTBEAT * NANOSECONDS),
            "mem_storage": True,
            "num_replicas": 1,
        }
        request = {"stream_name": bucket.stream, "config": config}
        answer = await self.call(f"CONSUMER.CREATE.{bucket.stream}", request)
        try:
            delivered = int(answer.get("delivered", {}).get("consumer_seq", 0))
            return str(answer["name"]), int(answer.get("num_pending", 0)) + delivered, delivered > 0
        except MISREAD:
            raise Refused(self.address, NOT_UNDERSTOOD) from None

    async def is_delivered(self, bucket: Bucket, consumer: str, number: int) -> bool:
        """Whether with this many messages a consumer has sent all that there is for it.

        Raises `LostPlace` where there is no such consumer any more, `StoreError`.
        """
        try:
            info = await self.call(f"CONSUMER.INFO.{bucket.stream}.{consumer}")
        except ApiError as error:
            if error.is_absence:
                raise LostPlace(f"the consumer of {bucket.name} is gone") from None
            raise refused(self.address, error) from None
        try:
            sent = int(info["delivered"]["consumer_seq"])
            return sent == number and int(info["num_pending"]) == 0
        except MISREAD:
            raise Refused(self.address, NOT_UNDERSTOOD) from None

    async def _take(self, answer: Msg) -> None:
        _, future = self._waiting.get(answer.subject, (None, None))
        if future is not None and not future.done():
            future.set_result(answer)

    def _read(self, answer: bytes) -> dict[str, Any]:
        try:
            read = json.loads(answer)
            error = read.get("error")
            if error is not None:
                raise ApiError(
                    int(error.get("code", 0)),
                    int(error.get("err_code", 0)),
                    str(error.get("description", "")),
                )
        except (*MISREAD, RecursionError):
            raise Refused(self.address, "what answered is no JetStream") from None
        return dict(read)


def is_marker(headers: dict[str, str] | None) -> bool:
    """Whether a message with these headers says that its key was removed."""
    return headers is not None and (
        headers.get(OPERATION) in ("DEL", "PURGE") or MARKER_REASON in headers
    )


def seconds(text: str) -> float:
    """A time as the server writes it, in POSIX seconds. Raises `ValueError`."""
    return datetime.fromisoformat(text).timestamp()


def _is_marker(block: bytes) -> bool:
    """The same, of headers as they are stored."""
    headers: dict[str, str] = {}
    for line in block.decode("utf-8", "replace").split("\r\n")[1:]:
        name, colon, value = line.partition(":")
        if colon:
            headers[name] = value.strip()
    return is_marker(headers)


def _bucket(stream: dict[str, Any]) -> Bucket | None:
    """None for a stream that is none of Dynamo's, or is not understood."""
    with contextlib.suppress(*MISREAD):
        config, state = stream["config"], stream["state"]
        name = bucket_of(config["name"])
        if name is None:
            return None
        messages = int(state["messages"])
        subjects = state.get("num_subjects", 0 if not messages else None)
        if subjects is None and config.get("max_msgs_per_subject") == 1:
            subjects = messages
        return Bucket(
            name,
            str(stream["created"]),
            int(config.get("max_age", 0)) / NANOSECONDS,
            int(state["first_seq"]),
            int(state["last_seq"]),
            messages,
            None if subjects is None else int(subjects),
            seconds(stream["ts"]) if "ts" in stream else None,
        )
    return None
