"""etcd's messages and calls, from pyetcd 0.0.7's generated stubs. No other module imports them.

mypy cannot read the stubs' types (their `.pyi` files are not valid Python). So `Message` is `Any`,
and the rest of the package turns messages into typed records at once.

The stubs were generated from etcd 3.3's interface. Later additions are not needed, or are read and
written as unknown fields.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import grpc as grpc
from google.protobuf.unknown_fields import UnknownFieldSet
from pyetcd.etcdrpc import rpc_pb2, rpc_pb2_grpc

from backends.store import Entry, Revision

Message = Any
"""One of etcd's messages; https://etcd.io/docs/v3.5/dev-guide/api_reference_v3/ lists them."""

Metadata = tuple[tuple[str, str], ...]

MAX_UINT64 = 2**64 - 1
ERRORS_FIELD = 8
"""`StatusResponse.errors`, since etcd 3.4, which the stubs do not know."""
FRAGMENT = bytes([8 << 3, True])
"""`WatchCreateRequest.fragment`, since etcd 3.4: splits many changes into responses of about 2 MB.
Without it, changes that a slow watch missed may come as one response of 20 MB.
"""

AuthenticateRequest = rpc_pb2.AuthenticateRequest
AuthRoleGetRequest = rpc_pb2.AuthRoleGetRequest
AuthUserGetRequest = rpc_pb2.AuthUserGetRequest
Compare = rpc_pb2.Compare
DeleteRangeRequest = rpc_pb2.DeleteRangeRequest
LeaseGrantRequest = rpc_pb2.LeaseGrantRequest
LeaseKeepAliveRequest = rpc_pb2.LeaseKeepAliveRequest
LeaseTimeToLiveRequest = rpc_pb2.LeaseTimeToLiveRequest
PutRequest = rpc_pb2.PutRequest
RangeRequest = rpc_pb2.RangeRequest
RequestOp = rpc_pb2.RequestOp
StatusRequest = rpc_pb2.StatusRequest
TxnRequest = rpc_pb2.TxnRequest
WatchCreateRequest = rpc_pb2.WatchCreateRequest
WatchProgressRequest = rpc_pb2.WatchProgressRequest
WatchRequest = rpc_pb2.WatchRequest

WRITE_ONLY = 1
"""`authpb.Permission.WRITE`. The other kinds permit reading."""
EVENT_DELETE = 1
"""`mvccpb.Event.DELETE`."""


@dataclass(frozen=True, slots=True)
class RpcMethod:
    """One of etcd's calls: a method of a generated stub."""

    stub: Any
    """The stub's class, which takes a channel."""
    name: str
    stream: bool = False
    """Whether both sides stream."""


AUTHENTICATE = RpcMethod(rpc_pb2_grpc.AuthStub, "Authenticate")
LEASE_GRANT = RpcMethod(rpc_pb2_grpc.LeaseStub, "LeaseGrant")
LEASE_KEEP_ALIVE = RpcMethod(rpc_pb2_grpc.LeaseStub, "LeaseKeepAlive", stream=True)
LEASE_TIME_TO_LIVE = RpcMethod(rpc_pb2_grpc.LeaseStub, "LeaseTimeToLive")
PUT = RpcMethod(rpc_pb2_grpc.KVStub, "Put")
RANGE = RpcMethod(rpc_pb2_grpc.KVStub, "Range")
ROLE_GET = RpcMethod(rpc_pb2_grpc.AuthStub, "RoleGet")
STATUS = RpcMethod(rpc_pb2_grpc.MaintenanceStub, "Status")
TXN = RpcMethod(rpc_pb2_grpc.KVStub, "Txn")
USER_GET = RpcMethod(rpc_pb2_grpc.AuthStub, "UserGet")
WATCH = RpcMethod(rpc_pb2_grpc.WatchStub, "Watch", stream=True)


def entry(kv: Message) -> Entry:
    """Convert an `mvccpb.KeyValue` to an entry."""
    lease = to_id(kv.lease) if kv.lease else None
    return Entry(kv.key, kv.value, Revision(str(kv.mod_revision)), lease)


def to_id(lease: int) -> int:
    """Convert etcd's int64 to a lease id (u64), as in keys."""
    return lease & MAX_UINT64


def to_lease(instance_id: int) -> int:
    """Convert a u64 id to etcd's int64."""
    return instance_id - 2**64 if instance_id >= 2**63 else instance_id


def alarms(status: Message) -> tuple[str, ...]:
    """Return the alarms in a `StatusResponse`, for people, e.g. `alarm NOSPACE on member 8e9e05c5`.

    This does not use the Alarm call: that goes through the raft log, so every watcher would write
    to the cluster's disks every two seconds.
    """
    fields: Any = UnknownFieldSet(status)  # iterable, though its type stub does not declare it
    texts = [
        field.data.decode(errors="replace")
        for field in fields
        if field.field_number == ERRORS_FIELD and isinstance(field.data, bytes)
    ]
    return tuple(_alarm(text) for text in texts)


def _alarm(text: str) -> str:
    # A Go struct as text: `memberID:10501334649042878790 alarm:NOSPACE `.
    named = re.fullmatch(r"(?:memberID:(\d+) )?alarm:(\w+) ?", text)
    if named is None:
        return text.strip()
    member, alarm = named.groups()
    return f"alarm {alarm}" + (f" on member {int(member):x}" if member else "")
