"""JetStream's API: streams, messages, consumers.

In JSON as on the wire, after ADR-2 and the schemas of nats-server 2.15. The client library's own
calls are not used: see `requests.py`, and they read times to the microsecond only.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from backends.nats.errors import NO_JETSTREAM, ApiError, refused
from backends.nats.requests import DEADLINE, NoResponders, Requests
from backends.nats_kv.names import STREAM, SUBJECT, bucket_of
from backends.nats_kv.responses import (
    MISREAD,
    NANOSECONDS,
    OPERATION,
    Bucket,
    Buckets,
    StoredMessage,
    read_bucket,
    read_message,
)
from backends.redact import without
from backends.store import Cause, Refused, Unreachable
from backends.store.resync_loop import PositionLost

if TYPE_CHECKING:
    from nats.aio.client import Client

API = "$JS.API."

LIST_DEADLINE = 6.0
"""Seconds for the list of buckets. A cluster itself waits 4 seconds for the servers that hold them,
and a stopped server must be noticed within 10, with 2 between two lists.
"""

HEARTBEAT = 2.0
"""Seconds of silence after which a consumer sends a heartbeat."""

LONGEST_NUMBER = 20
"""Digits: the server's numbers have 64 bits."""

EXPECTED = "Nats-Expected-Last-Subject-Sequence"
"""A message with this header is stored only if the last sequence of its subject is the given
one.
"""

NOT_UNDERSTOOD = "JetStream's answer was not understood"
OVER_MAX_PAYLOAD = "the value is larger than one message may be"
NO_JETSTREAM_ANSWERED = "the answer is not from JetStream"


class JetStreamSession(Requests):
    """JetStream's calls on one connection."""

    def __init__(
        self,
        client: Client,
        address: str,
        secrets: Sequence[str | None] = (),
        *,
        heartbeat: float = HEARTBEAT,
    ) -> None:
        """`heartbeat`: seconds of silence after which a consumer says that it is there."""
        super().__init__(client, address, secrets)
        self._heartbeat = heartbeat
        self._aliases: dict[str, Bucket] = {}
        """Mirrors that keep the subjects of their origin, by stream."""

    async def call(
        self,
        name: str,
        request: dict[str, Any] | None = None,
        *,
        deadline: float = DEADLINE,
    ) -> dict[str, Any]:
        """Make a call of JetStream's API. Raises `ApiError`, `StoreError`."""
        data = b"" if request is None else json.dumps(request).encode()
        try:
            answer = await self.ask(API + name, data, deadline=deadline)
        except NoResponders:
            raise Refused(self.address, NO_JETSTREAM) from None
        return self._read(answer)

    async def buckets(self) -> Buckets:
        """Return all buckets. Raises `StoreError`.

        The request names no subject: a mirror has none of its own, and would be left out.
        """
        found: list[Bucket] = []
        missing: set[str] = set()
        offset = 0
        while True:
            request = {"offset": offset}
            try:
                page = await self.call("STREAM.LIST", request, deadline=LIST_DEADLINE)
            except ApiError as error:
                raise refused(self.address, error) from None
            try:
                streams = {
                    str(stream["config"]["name"]): stream for stream in page["streams"] or ()
                }
                unreported = set(map(str, page.get("missing") or ()))
                total = int(page["total"])
            except MISREAD:
                raise Refused(self.address, NOT_UNDERSTOOD) from None
            # A missing stream may be listed too, without any content.
            present = [
                read_bucket(stream) for name, stream in streams.items() if name not in unreported
            ]
            found += filter(None, map(self._with_alias_kept, present))
            missing |= set(filter(None, map(bucket_of, unreported)))
            offset += len(streams.keys() | unreported)
            if offset >= total or not (streams or unreported):
                return Buckets(tuple(found), frozenset(missing))

    async def bucket(self, name: str) -> Bucket | None:
        """Return one bucket. None: there is none of that name. Raises `StoreError`."""
        try:
            return self._with_alias_kept(read_bucket(await self.call(f"STREAM.INFO.KV_{name}")))
        except ApiError as error:
            if error.is_absence:
                return None
            raise refused(self.address, error) from None

    async def check_no_responders(self, subject: str) -> None:
        """Explain why a publish had no responders: raise `Unreachable` if a bucket takes such keys,
        so it has no leader, and its contents still exist; raise `Refused` if its bucket is a
        mirror, which is read-only. Raises `StoreError`.
        """
        try:
            names = (await self.call("STREAM.NAMES", {"subject": subject})).get("streams")
        except ApiError as error:
            raise refused(self.address, error) from None
        if names:
            raise Unreachable(self.address, Cause.NO_LEADER, "no server accepts writes there")
        name = subject.removeprefix(SUBJECT).partition(".")[0]
        bucket = await self.bucket(name) if bucket_of(STREAM + name) else None
        if bucket is not None and bucket.origin is not None:
            problem = f"the bucket {name} is a mirror of {bucket.origin}, and read-only"
            raise Refused(self.address, problem)

    async def create_bucket(self, name: str) -> Bucket:
        """Create a bucket as a KV client does, without a time to live, as Dynamo's discovery does.

        An existing one is returned as it is. Raises `StoreError`.
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
            # Created by another client meanwhile, perhaps with other settings.
            made = await self.bucket(name)
            if made is None:
                raise refused(self.address, error) from None
        if made is None:
            raise Refused(self.address, NOT_UNDERSTOOD)
        return made

    async def message(self, stream: str, subject: str) -> StoredMessage | None:
        """Return the last message of a subject. None: there is none. Raises `StoreError`."""
        try:
            asked = {"last_by_subj": self._stored_under(stream, subject)}
            answer = await self.call(f"STREAM.MSG.GET.{stream}", asked)
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
        """Publish into a stream. Return the sequence number.

        `last`: only if the subject's last message has that number. 0: only if there is none.
        `marker`: the message marks the key as removed.

        Raises `ApiError`, `NoResponders` if no stream takes it, `StoreError`.
        """
        headers = {}
        if last is not None:
            headers[EXPECTED] = str(last)
        if marker:
            headers[OPERATION] = "DEL"
        # The server counts headers too, and closes the connection above its limit.
        if len(value) + _size(headers) > self.client.max_payload:
            raise Refused(self.address, OVER_MAX_PAYLOAD)
        answer = self._read(await self.ask(subject, value, headers or None))
        try:
            return int(answer["seq"])
        except MISREAD:
            raise Refused(self.address, NO_JETSTREAM_ANSWERED) from None

    def could_put_back(self, value: bytes) -> bool:
        """Return whether a message with this value and the header of `store` fits into one
        message.
        """
        headers = {EXPECTED: "0" * LONGEST_NUMBER}
        return len(value) + _size(headers) <= self.client.max_payload

    async def consume(
        self, bucket: Bucket, inbox: str, *, every: bool = False
    ) -> tuple[str, int, bool]:
        """Create a consumer that sends the last message of each subject, then every new one, to an
        inbox. `every`: every message that is kept, in place of the last ones.

        It lives in the server's memory while the inbox has a subscriber. Returns its name, the
        number of messages to come, and whether some are in flight already.

        Raises `ApiError`, `StoreError`.
        """
        config = {
            "deliver_subject": inbox,
            "deliver_policy": "all" if every else "last_per_subject",
            "filter_subject": ">",
            "ack_policy": "none",
            "max_deliver": 1,
            "replay_policy": "instant",
            "flow_control": True,
            "idle_heartbeat": int(self._heartbeat * NANOSECONDS),
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
        """Return whether a consumer that delivered this many messages has no more to deliver.

        Raises `PositionLost` if the consumer no longer exists, and `StoreError`.
        """
        try:
            info = await self.call(f"CONSUMER.INFO.{bucket.stream}.{consumer}")
        except ApiError as error:
            if error.is_absence:
                raise PositionLost(f"the consumer of {bucket.name} is gone") from None
            raise refused(self.address, error) from None
        try:
            sent = int(info["delivered"]["consumer_seq"])
            return sent == number and int(info["num_pending"]) == 0
        except MISREAD:
            raise Refused(self.address, NOT_UNDERSTOOD) from None

    def _with_alias_kept(self, bucket: Bucket | None) -> Bucket | None:
        """Return the bucket. Record the subjects of a mirror that keeps those of its origin."""
        if bucket is not None:
            self._aliases.pop(bucket.stream, None)
            if bucket.alias is not None:
                self._aliases[bucket.stream] = bucket
        return bucket

    def _stored_under(self, stream: str, subject: str) -> str:
        bucket = self._aliases.get(stream)
        return subject if bucket is None else bucket.stored_under(subject)

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


def _size(headers: dict[str, str]) -> int:
    """Return the bytes of headers on the wire."""
    if not headers:
        return 0
    lines = sum(len(f"{name}: {text}\r\n") for name, text in headers.items())
    return len("NATS/1.0\r\n") + lines + len("\r\n")
