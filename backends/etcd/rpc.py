"""etcd's messages and calls, from pyetcd 0.0.7's generated stubs; the only place that imports them.

The stubs carry no types that mypy can read (their `.pyi` files are not valid Python), so what is
`Any` is `Message`, and the rest of the package turns messages into typed records at once.

They were generated from etcd 3.3's interface. What came later is either not needed or an unknown
field.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Any

# gRPC's C core writes failed handshakes to stderr, over the screen of whoever uses this. It reads
# the variable when it is first imported; whoever set it keeps it.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

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
"""`WatchCreateRequest.fragment`, since etcd 3.4: what tells of many changes comes in responses of
some 2 MB. Otherwise what a watch did not take at once may come as one of 20 MB."""

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
"""`authpb.Permission.WRITE`: the other kinds let read."""
EVENT_DELETE = 1
"""`mvccpb.Event.DELETE`."""


@dataclass(frozen=True, slots=True)
class Method:
    """One of etcd's calls: a method of a generated stub."""

    stub: Any
    """The stub's class, which takes a channel."""
    name: str
    stream: bool = False
    """Both sides stream."""


AUTHENTICATE = Method(rpc_pb2_grpc.AuthStub, "Authenticate")
LEASE_GRANT = Method(rpc_pb2_grpc.LeaseStub, "LeaseGrant")
LEASE_KEEP_ALIVE = Method(rpc_pb2_grpc.LeaseStub, "LeaseKeepAlive", stream=True)
LEASE_TIME_TO_LIVE = Method(rpc_pb2_grpc.LeaseStub, "LeaseTimeToLive")
PUT = Method(rpc_pb2_grpc.KVStub, "Put")
RANGE = Method(rpc_pb2_grpc.KVStub, "Range")
ROLE_GET = Method(rpc_pb2_grpc.AuthStub, "RoleGet")
STATUS = Method(rpc_pb2_grpc.MaintenanceStub, "Status")
TXN = Method(rpc_pb2_grpc.KVStub, "Txn")
USER_GET = Method(rpc_pb2_grpc.AuthStub, "UserGet")
WATCH = Method(rpc_pb2_grpc.WatchStub, "Watch", stream=True)


def entry(kv: Message) -> Entry:
    """An `mvccpb.KeyValue` as the store's entry."""
    lease = to_id(kv.lease) if kv.lease else None
    return Entry(kv.key, kv.value, Revision(str(kv.mod_revision)), lease)


def to_id(lease: int) -> int:
    """A lease as people and keys spell it (u64), from etcd's int64."""
    return lease & MAX_UINT64


def to_lease(instance_id: int) -> int:
    """etcd's int64, from a u64 id."""
    return instance_id - 2**64 if instance_id >= 2**63 else instance_id


def alarms(status: Message) -> tuple[str, ...]:
    """What a `StatusResponse` complains of, for people, e.g. `alarm NOSPACE on member 8e9e05c5`.

    Status and not the Alarm call: that one goes through the raft log, so it would be written to
    the disks of the cluster every two seconds by every watcher.
    """
    fields: Any = UnknownFieldSet(status)  # its type stub does not know that it can be iterated
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
