"""`EtcdStore`: the `Store` protocol on etcd."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing

from backends.etcd import rpc
from backends.etcd.client import Client
from backends.etcd.config import EtcdConfig
from backends.etcd.errors import LeaseNotFound
from backends.etcd.lease import OwnLease
from backends.etcd.ranges import key_ranges
from backends.etcd.removal import remove
from backends.etcd.snapshot import Snapshot, read_snapshot
from backends.etcd.watch import watch
from backends.in_flight import in_flight
from backends.store import (
    Entry,
    KeyNotAllowed,
    Outcome,
    PutBack,
    Resync,
    Revision,
    StoreError,
    StoreEvent,
    TimeToLive,
)

TXN_KEYS = 100
"""Keys read in one transaction; etcd's default limit is 128 operations."""
LEASES_IN_FLIGHT = 64
"""Leases that are asked about at a time: a whole burst of the sweep, whose questions share what it
costs to wake gRPC's threads. Each takes a fifth less CPU time than with 16 at a time."""


class EtcdStore:
    """A connection to an etcd cluster. The constructor does no I/O, any call may connect.

    Every method raises `StoreError`s only; see `Store` for what they promise.
    """

    name = "etcd"
    has_leases = True
    is_kept_alive = True

    def __init__(self, config: EtcdConfig) -> None:
        self._config = config
        self._client = Client(config)
        self._lease = OwnLease(self._client, config.lease_ttl)

    @property
    def address(self) -> str:
        """All endpoints, comma between: `http://a:2379,http://b:2379`."""
        return self._client.address

    async def instance_id(self) -> int:
        """The id of this process's lease; the first call grants it.

        Raises `Refused` once the lease ran out: this process is over for everybody else, and its
        keys are gone. Open a new store to register again.
        """
        return rpc.to_id(await self._lease.lease())

    async def snapshot(self, prefixes: Sequence[bytes]) -> Resync:
        ranges = key_ranges(prefixes)
        async with aclosing(read_snapshot(self._client, ranges, self._config.page_size)) as steps:
            async for step in steps:
                if isinstance(step, Snapshot):
                    return Resync(step.entries, str(step.revision), step.sight.unread)
        raise AssertionError("a snapshot ends with a Snapshot")

    async def get(self, keys: Iterable[bytes]) -> dict[bytes, Entry]:
        # etcd has no empty key, and refuses to be asked for it.
        wanted = [key for key in dict.fromkeys(keys) if key]
        found: dict[bytes, Entry] = {}
        for start in range(0, len(wanted), TXN_KEYS):
            operations = [_read(key) for key in wanted[start : start + TXN_KEYS]]
            answer = await self._client.call(rpc.TXN, rpc.TxnRequest(success=operations))
            for response in answer.responses:
                for kv in response.response_range.kvs:
                    found[kv.key] = rpc.entry(kv)
        return found

    def watch(self, prefixes: Sequence[bytes]) -> AsyncGenerator[StoreEvent, None]:
        """As `Store.watch`. Before each `Resync` comes `Loading`, one for each page."""
        return watch(self._client, prefixes, self._config.page_size)

    async def put(self, key: bytes, value: bytes) -> Revision:
        """Store under this process's lease. Raises `Refused` once that ran out."""
        _check(key)
        lease = await self._lease.lease()
        request = rpc.PutRequest(key=key, value=value, lease=lease)
        answer = await self._client.call(rpc.PUT, request)
        return Revision(str(answer.header.revision))

    async def delete(self, targets: Mapping[bytes, Revision]) -> dict[bytes, Outcome]:
        """As `Store.delete`: up to 128 keys in one transaction; see `removal.py`.

        Where the store is lost meanwhile, what was not sent yet has the same error as what was.
        """
        return await remove(self._client, targets)

    async def put_back(self, entry: Entry) -> PutBack:
        """As `Store.put_back`. `Unreachable` (timeout or lost) leaves open whether it was written.

        Raises `KeyNotAllowed` for the empty key.
        """
        _check(entry.key)
        lease = 0 if entry.lease is None else rpc.to_lease(entry.lease)
        put = rpc.PutRequest(key=entry.key, value=entry.value, lease=lease)
        request = rpc.TxnRequest(
            compare=[
                rpc.Compare(
                    key=entry.key,
                    target=rpc.Compare.CREATE,
                    result=rpc.Compare.EQUAL,
                    # That of a key that is not there.
                    create_revision=0,
                )
            ],
            success=[rpc.RequestOp(request_put=put)],
        )
        try:
            answer = await self._client.call(rpc.TXN, request, repeatable=False)
        except LeaseNotFound:
            return PutBack.LEASE_GONE
        return PutBack.DONE if answer.succeeded else PutBack.THERE

    async def time_to_live(self, entries: Iterable[Entry]) -> dict[bytes, TimeToLive]:
        entries = list(entries)
        leases = list({entry.lease for entry in entries if entry.lease is not None})
        answers = await in_flight(leases, self._lease_time_to_live, LEASES_IN_FLIGHT)
        by_lease: dict[int, TimeToLive] = {}
        for lease, answer in zip(leases, answers, strict=True):
            if isinstance(answer, StoreError):
                raise answer
            by_lease[lease] = answer
        return {entry.key: by_lease[entry.lease] for entry in entries if entry.lease is not None}

    async def aclose(self) -> None:
        """Ends the keep-alive and the connections. The lease is not revoked: it runs out."""
        await self._lease.aclose()
        await self._client.aclose()

    async def _lease_time_to_live(self, lease: int) -> TimeToLive:
        request = rpc.LeaseTimeToLiveRequest(ID=rpc.to_lease(lease))
        answer = await self._client.call(rpc.LEASE_TIME_TO_LIVE, request)
        if answer.TTL < 0:
            return TimeToLive(None, -1.0)
        return TimeToLive(float(answer.grantedTTL), float(answer.TTL))


def _check(key: bytes) -> None:
    if not key:
        raise KeyNotAllowed(key, "etcd has no empty key")


def _read(key: bytes) -> rpc.Message:
    return rpc.RequestOp(request_range=rpc.RangeRequest(key=key))
