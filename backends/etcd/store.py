"""`EtcdStore`: the `Store` protocol on etcd."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from typing import TypeVar

from backends.etcd import rpc
from backends.etcd.client import Client
from backends.etcd.config import EtcdConfig
from backends.etcd.lease import OwnLease
from backends.etcd.snapshot import Snapshot, key_ranges, read_snapshot
from backends.etcd.watch import watch
from backends.store import (
    Entry,
    KeyNotAllowed,
    Removal,
    Resync,
    Revision,
    StoreEvent,
    TimeToLive,
    Unreachable,
)

T = TypeVar("T")
R = TypeVar("R")

IN_FLIGHT = 16
"""Calls under way at a time. More gain nothing: 20,000 LeaseTimeToLive cost about 80 µs each."""
TXN_KEYS = 100
"""Keys read in one transaction; etcd's default limit is 128 operations."""


class EtcdStore:
    """A connection to an etcd cluster. The constructor does no I/O, any call may connect.

    Every method raises `StoreError`s only; see `Store` for what they promise.
    """

    name = "etcd"
    has_leases = True

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
                    return Resync(step.entries, str(step.revision))
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
        if not key:
            raise KeyNotAllowed(key, "etcd has no empty key")
        lease = await self._lease.lease()
        request = rpc.PutRequest(key=key, value=value, lease=lease)
        answer = await self._client.call(rpc.PUT, request)
        return Revision(str(answer.header.revision))

    async def delete(self, targets: Mapping[bytes, Revision]) -> dict[bytes, Removal]:
        """As `Store.delete`: one transaction for each key.

        Not nested in one: etcd 3.5.1 checks no permissions inside nested transactions, so a user
        could remove what the user must not.

        If the store refuses some keys, the others are removed before the error is raised.
        `Unreachable` with cause timeout or lost leaves open whether a key was removed.
        """
        outcomes = await _gather(targets.items(), self._delete)
        return {key: _result(outcome) for key, outcome in zip(targets, outcomes, strict=True)}

    async def time_to_live(self, entries: Iterable[Entry]) -> dict[bytes, TimeToLive]:
        entries = list(entries)
        leases = list({entry.lease for entry in entries if entry.lease is not None})
        answers = await _gather(leases, self._lease_time_to_live)
        by_lease = {lease: _result(answer) for lease, answer in zip(leases, answers, strict=True)}
        return {entry.key: by_lease[entry.lease] for entry in entries if entry.lease is not None}

    async def aclose(self) -> None:
        """Ends the keep-alive and the connections. The lease is not revoked: it runs out."""
        await self._lease.aclose()
        await self._client.aclose()

    async def _delete(self, target: tuple[bytes, Revision]) -> Removal:
        key, revision = target
        if not key:
            return Removal.GONE
        # Revisions begin at 1, and 0 would compare equal for a key that is not there.
        known = int(revision) if revision.isascii() and revision.isdecimal() else 0
        if not 0 < known < 2**63:
            return Removal.CHANGED if await self.get([key]) else Removal.GONE
        request = rpc.TxnRequest(
            compare=[
                rpc.Compare(
                    key=key,
                    target=rpc.Compare.MOD,
                    result=rpc.Compare.EQUAL,
                    mod_revision=known,
                )
            ],
            success=[rpc.RequestOp(request_delete_range=rpc.DeleteRangeRequest(key=key))],
            failure=[_read(key, count_only=True)],
        )
        answer = await self._client.call(rpc.TXN, request, repeatable=False)
        if answer.succeeded:
            return Removal.REMOVED
        there = answer.responses[0].response_range.count
        return Removal.CHANGED if there else Removal.GONE

    async def _lease_time_to_live(self, lease: int) -> TimeToLive:
        request = rpc.LeaseTimeToLiveRequest(ID=rpc.to_lease(lease))
        answer = await self._client.call(rpc.LEASE_TIME_TO_LIVE, request)
        if answer.TTL < 0:
            return TimeToLive(None, -1.0)
        return TimeToLive(float(answer.grantedTTL), float(answer.TTL))


def _read(key: bytes, *, count_only: bool = False) -> rpc.Message:
    return rpc.RequestOp(request_range=rpc.RangeRequest(key=key, count_only=count_only))


async def _gather(items: Iterable[T], work: Callable[[T], Awaitable[R]]) -> list[R | BaseException]:
    """Work on all items, a few at a time; an error of one does not stop the others.

    Unless the store cannot be reached: then the others would only wait for the same.
    """
    free = asyncio.Semaphore(IN_FLIGHT)
    failures: list[Unreachable] = []

    async def one(item: T) -> R:
        async with free:
            if failures:
                raise failures[0]
            try:
                return await work(item)
            except Unreachable as failure:
                failures.append(failure)
                raise

    return await asyncio.gather(*map(one, items), return_exceptions=True)


def _result(outcome: R | BaseException) -> R:
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome
