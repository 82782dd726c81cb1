"""JetStream's own calls: streams, messages, consumers.

In JSON as it goes over the wire, after ADR-2 and the schemas of nats-server 2.15. The client
library's own calls are not used: see `requests.py`, and they read times to the microsecond.
"""

from __future__ import annotations

import json
from typing import Any

from backends.followed import LostPlace
from backends.masking import without
from backends.nats.answers import (
    MISREAD,
    NANOSECONDS,
    OPERATION,
    Bucket,
    Buckets,
    Message,
    read_bucket,
    read_message,
)
from backends.nats.errors import NO_JETSTREAM, ApiError, refused
from backends.nats.names import bucket_of
from backends.nats.requests import DEADLINE, NoResponders, Requests
from backends.store import Cause, Refused, Unreachable

API = "$JS.API."

LIST_DEADLINE = 6.0
"""For the list of buckets: a cluster waits 4 seconds itself for the servers that hold them. And one
that stopped must be noticed within 10, with 2 between two lists."""

HEARTBEAT = 2.0
"""Seconds of silence after which a consumer says that there is nothing new."""

EXPECTED = "Nats-Expected-Last-Subject-Sequence"
"""The header by which a message is taken only behind the one that was seen."""

NOT_UNDERSTOOD = "JetStream's answer was not understood"
NO_JETSTREAM_ANSWERED = "what answered is no JetStream"


class Session(Requests):
    """JetStream's calls, until the connection ends."""

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
            there = [read_bucket(stream) for name, stream in streams.items() if name not in unheard]
            found += filter(None, there)
            missing |= set(filter(None, map(bucket_of, unheard)))
            offset += len(streams.keys() | unheard)
            if offset >= total or not (streams or unheard):
                return Buckets(tuple(found), frozenset(missing))

    async def bucket(self, name: str) -> Bucket | None:
        """One bucket; None: there is none of that name. Raises `StoreError`."""
        try:
            return read_bucket(await self.call(f"STREAM.INFO.KV_{name}"))
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
            made = read_bucket(await self.call(f"STREAM.CREATE.KV_{name}", config))
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
            return read_message(answer["message"])
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
            raise Refused(self.address, NO_JETSTREAM_ANSWERED) from None

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

    def _read(self, answer: bytes) -> dict[str, Any]:
        try:
            read = json.loads(answer)
            error = read.get("error")
            if error is not None:
                raise ApiError(
                    int(error.get("code", 0)),
                    int(error.get("err_code", 0)),
                    without(str(error.get("description", "")), self.secrets),
                )
        except (*MISREAD, RecursionError):
            raise Refused(self.address, NO_JETSTREAM_ANSWERED) from None
        return dict(read)
