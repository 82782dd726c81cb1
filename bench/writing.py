"""Writing to etcd as fast as it takes it: its calls in flight, many keys in a transaction."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from backends.etcd import rpc
from backends.etcd.proto.etcd_pb2 import LeaseGrantResponse

LEASE_REVOKE = rpc.RpcMethod(
    "/etcdserverpb.Lease/LeaseRevoke", rpc.LeaseKeepAliveRequest, rpc.LeaseKeepAliveResponse
)
"""Nothing in dyntop ever ends a lease that is not its own. Its messages have the same fields on the
wire as those that keep one alive: a lease's id, and a header."""

LEASE_TTL = 6 * 3600
"""Seconds: mostly nobody renews them, and none is to look late while it is measured."""
KEYS_OF_TRANSACTION = 128
"""etcd's limit by default."""
IN_FLIGHT = 64
"""Calls that wait for an answer at once, at most."""

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Put:
    """One key to write."""

    key: bytes
    value: bytes
    lease: int

    def message(self) -> rpc.Message:
        return rpc.PutRequest(key=self.key, value=self.value, lease=rpc.to_lease(self.lease))


def channel(endpoint: str) -> Any:
    """A gRPC channel to `http://127.0.0.1:2379`."""
    # Loopback is not for a proxy.
    options = (("grpc.enable_http_proxy", 0),)
    return rpc.grpc.insecure_channel(endpoint.removeprefix("http://"), options)


class Writer:
    """A connection to one etcd. Raises `grpc.RpcError` if etcd refuses anything."""

    def __init__(self, endpoint: str) -> None:
        """`endpoint` as `http://127.0.0.1:2379`."""
        self._channel = channel(endpoint)
        self._put = rpc.PUT.on(self._channel)
        self._txn = rpc.TXN.on(self._channel)
        self._grant = rpc.LEASE_GRANT.on(self._channel)
        self._revoke = LEASE_REVOKE.on(self._channel)

    def close(self) -> None:
        self._channel.close()

    def grant(self, count: int, ttl: int = LEASE_TTL) -> list[int]:
        """New leases; their ids are the workers' instance ids, as in Dynamo."""
        request = rpc.LeaseGrantRequest(TTL=ttl)
        answers = _in_flight(itertools.repeat(request, count), self._grant.future)
        return [rpc.to_id(answer.ID) for answer in answers]

    def grant_these(self, leases: Sequence[int], ttl: int = LEASE_TTL) -> list[int]:
        """The same with these ids."""
        requests = (_grant_request(ttl, lease) for lease in leases)
        answers = _in_flight(requests, self._grant.future)
        return [rpc.to_id(answer.ID) for answer in answers]

    def revoke(self, leases: Iterable[int]) -> None:
        """End leases, and with them their keys, as workers do that end in order."""
        requests = (rpc.LeaseKeepAliveRequest(ID=rpc.to_lease(lease)) for lease in leases)
        deque(_in_flight(requests, self._revoke.future), maxlen=0)

    def put(self, put: Put) -> None:
        """Write one key, and wait until it is written."""
        self._put(put.message())

    def put_soon(self, put: Put) -> Any:
        """Write one key; `result()` of what this returns waits until it is written."""
        return self._put.future(put.message())

    def put_all(self, puts: Iterable[Put]) -> None:
        """Write many keys, many in one transaction."""
        self._transact(rpc.RequestOp(request_put=put.message()) for put in puts)

    def delete_all(self, keys: Iterable[bytes]) -> None:
        """Remove many keys, many in one transaction."""
        self._transact(
            rpc.RequestOp(request_delete_range=rpc.DeleteRangeRequest(key=key)) for key in keys
        )

    def _transact(self, operations: Iterable[rpc.Message]) -> None:
        batches = _batched(operations, KEYS_OF_TRANSACTION)
        requests = (rpc.TxnRequest(success=batch) for batch in batches)
        deque(_in_flight(requests, self._txn.future), maxlen=0)


@contextmanager
def writer(endpoint: str) -> Iterator[Writer]:
    """A writer that is closed in the end."""
    opened = Writer(endpoint)
    try:
        yield opened
    finally:
        opened.close()


def paced(rate: float, count: int | None = None) -> Iterator[int]:
    """Numbers from 0, `rate` of them a second: waits for the moment of each, and skips none.

    `count`: how many; None: for ever.
    """
    start = time.monotonic()
    for number in itertools.count() if count is None else range(count):
        wait = start + number / rate - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        yield number


def _grant_request(ttl: int, lease: int) -> rpc.Message:
    """A request for a lease of an id of one's own (field 2), which dyntop never makes."""
    # The same wire format, and fields that a message does not know are passed on.
    end = LeaseGrantResponse(ID=rpc.to_lease(lease)).SerializeToString()
    return rpc.LeaseGrantRequest.FromString(
        rpc.LeaseGrantRequest(TTL=ttl).SerializeToString() + end
    )


def _in_flight(requests: Iterable[rpc.Message], call: Callable[[Any], Any]) -> Iterator[Any]:
    """The answers, in order."""
    waiting: deque[Any] = deque()
    for request in requests:
        if len(waiting) >= IN_FLIGHT:
            yield waiting.popleft().result()
        waiting.append(call(request))
    while waiting:
        yield waiting.popleft().result()


def _batched(items: Iterable[Item], size: int) -> Iterator[Sequence[Item]]:
    rest = iter(items)
    while batch := list(itertools.islice(rest, size)):
        yield batch
