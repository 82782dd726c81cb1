"""etcd's messages and calls. No other module of this package imports gRPC or generated code.

The messages are generated from `proto/etcd.proto`, which has only the fields that are used here.
"""

from __future__ import annotations

import re
from typing import Any, Generic, Protocol, TypeVar

import grpc as grpc
import msgspec
from google.protobuf.message import Message as ProtobufMessage

from backends.dynamo.card_split import parted
from backends.etcd.proto.etcd_pb2 import (
    AuthenticateRequest,
    AuthenticateResponse,
    AuthRoleGetRequest,
    AuthRoleGetResponse,
    AuthUserGetRequest,
    AuthUserGetResponse,
    Compare,
    DeleteRangeRequest,
    Event,
    KeyValue,
    LeaseGrantRequest,
    LeaseGrantResponse,
    LeaseKeepAliveRequest,
    LeaseKeepAliveResponse,
    LeaseTimeToLiveRequest,
    LeaseTimeToLiveResponse,
    Permission,
    PutRequest,
    PutResponse,
    RangeRequest,
    RangeResponse,
    RequestOp,
    ResponseHeader,
    StatusRequest,
    StatusResponse,
    TxnRequest,
    TxnResponse,
    WatchCreateRequest,
    WatchProgressRequest,
    WatchRequest,
    WatchResponse,
)
from backends.store import Entry, Revision

__all__ = [
    "AuthRoleGetRequest",
    "AuthUserGetRequest",
    "AuthenticateRequest",
    "Compare",
    "DeleteRangeRequest",
    "Event",
    "KeyValue",
    "LeaseGrantRequest",
    "LeaseKeepAliveRequest",
    "LeaseKeepAliveResponse",
    "LeaseTimeToLiveRequest",
    "LeaseTimeToLiveResponse",
    "PutRequest",
    "RangeRequest",
    "RangeResponse",
    "RequestOp",
    "ResponseHeader",
    "StatusRequest",
    "StatusResponse",
    "TxnRequest",
    "WatchCreateRequest",
    "WatchProgressRequest",
    "WatchRequest",
    "WatchResponse",
    "grpc",
]

Message = Any
"""Any of the messages, where all kinds are handled alike."""

Metadata = tuple[tuple[str, str], ...]

MAX_UINT64 = 2**64 - 1

WRITE_ONLY = Permission.WRITE
"""The other kinds of permission include reading."""
READ_ONLY = Permission.READ
READ_AND_WRITE = Permission.READWRITE
EVENT_DELETE = Event.DELETE


class Answer(Protocol):
    """Any of etcd's answers."""

    @property
    def header(self) -> ResponseHeader: ...


RequestT = TypeVar("RequestT", bound=ProtobufMessage)
AnswerT = TypeVar("AnswerT", bound=Answer)


class RpcMethod(msgspec.Struct, Generic[RequestT, AnswerT], frozen=True):
    """One of etcd's calls."""

    path: str
    """Service and method, e.g. `/etcdserverpb.KV/Range`."""
    request: type[RequestT]
    answer: type[AnswerT]
    stream: bool = False
    """Whether both sides stream."""

    def on(self, channel: Any) -> Any:
        """Return what makes this call on a channel of `grpc` or of `grpc.aio`."""
        make = channel.stream_stream if self.stream else channel.unary_unary
        answer: Any = self.answer
        return make(
            self.path,
            request_serializer=self.request.SerializeToString,
            response_deserializer=answer.FromString,
        )


AUTHENTICATE = RpcMethod(
    "/etcdserverpb.Auth/Authenticate", AuthenticateRequest, AuthenticateResponse
)
LEASE_GRANT = RpcMethod("/etcdserverpb.Lease/LeaseGrant", LeaseGrantRequest, LeaseGrantResponse)
LEASE_KEEP_ALIVE = RpcMethod(
    "/etcdserverpb.Lease/LeaseKeepAlive",
    LeaseKeepAliveRequest,
    LeaseKeepAliveResponse,
    stream=True,
)
LEASE_TIME_TO_LIVE = RpcMethod(
    "/etcdserverpb.Lease/LeaseTimeToLive", LeaseTimeToLiveRequest, LeaseTimeToLiveResponse
)
PUT = RpcMethod("/etcdserverpb.KV/Put", PutRequest, PutResponse)
RANGE = RpcMethod("/etcdserverpb.KV/Range", RangeRequest, RangeResponse)
ROLE_GET = RpcMethod("/etcdserverpb.Auth/RoleGet", AuthRoleGetRequest, AuthRoleGetResponse)
STATUS = RpcMethod("/etcdserverpb.Maintenance/Status", StatusRequest, StatusResponse)
TXN = RpcMethod("/etcdserverpb.KV/Txn", TxnRequest, TxnResponse)
USER_GET = RpcMethod("/etcdserverpb.Auth/UserGet", AuthUserGetRequest, AuthUserGetResponse)
WATCH = RpcMethod("/etcdserverpb.Watch/Watch", WatchRequest, WatchResponse, stream=True)


def entry(kv: KeyValue) -> Entry:
    """Convert a key of etcd to an entry."""
    lease = to_id(kv.lease) if kv.lease else None
    head, tail = parted(kv.value)
    return Entry(kv.key, head, Revision(str(kv.mod_revision)), lease, tail=tail)


def to_id(lease: int) -> int:
    """Convert etcd's int64 to a lease id (u64), as in keys."""
    return lease & MAX_UINT64


def to_lease(instance_id: int) -> int:
    """Convert a u64 id to etcd's int64."""
    return instance_id - 2**64 if instance_id >= 2**63 else instance_id


def alarms(status: StatusResponse) -> tuple[str, ...]:
    """Return the alarms in a status, for people, e.g. `alarm NOSPACE on member 8e9e05c5`.

    This does not use the Alarm call: that goes through the raft log, so every watcher would write
    to the cluster's disks every two seconds.
    """
    return tuple(_alarm(text) for text in status.errors)


def _alarm(text: str) -> str:
    # A Go struct as text: `memberID:10501334649042878790 alarm:NOSPACE `.
    named = re.fullmatch(r"(?:memberID:(\d+) )?alarm:(\w+) ?", text)
    if named is None:
        return text.strip()
    member, alarm = named.groups()
    return f"alarm {alarm}" + (f" on member {int(member):x}" if member else "")
