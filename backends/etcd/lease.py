"""This process's own lease: granted on first use, renewed, never revoked."""

from __future__ import annotations

import asyncio
import contextlib

from backends.etcd import rpc
from backends.etcd.client import Client
from backends.store import Refused, StoreError

RENEWALS_PER_TTL = 3
"""One renewal may be lost. Dynamo renews twice within a TTL."""
RETRY_PAUSE = 1.0
"""Seconds to wait after a failed renewal: the lease may outlive the server's absence."""


class OwnLease:
    """The lease that this process's keys are bound to. Its id is this process's instance id.

    An expired lease (the process was stopped, or the server away, for longer than the TTL; or the
    server lost its data) is not granted again: its keys are gone, other processes have seen that,
    and this store can register nothing more. Dynamo's runtime shuts itself down then.
    """

    def __init__(self, client: Client, ttl: int) -> None:
        """`ttl` is in seconds. The server may grant more."""
        self._client = client
        self._ttl = ttl
        self._lease = 0
        self._ended = False
        self._granting = asyncio.Lock()
        self._renewing: asyncio.Task[None] | None = None

    async def lease(self) -> int:
        """Return the lease's id, as etcd's int64. Grants it on first use. Raises `Refused` once
        expired.
        """
        async with self._granting:
            if self._renewing is None:
                answer = await self._client.call(
                    rpc.LEASE_GRANT, rpc.LeaseGrantRequest(TTL=self._ttl)
                )
                self._lease = answer.ID
                self._renewing = asyncio.create_task(
                    self._renew(answer.TTL / RENEWALS_PER_TTL), name="etcd lease"
                )
        if self._ended:
            problem = f"the lease {rpc.to_id(self._lease):x} of this process expired"
            raise Refused(self._client.address, problem)
        return self._lease

    async def aclose(self) -> None:
        """Stop renewing. The lease then expires."""
        if self._renewing is not None:
            self._renewing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._renewing

    async def _renew(self, interval: float) -> None:
        request = rpc.LeaseKeepAliveRequest(ID=self._lease)
        pause = interval
        while True:
            await asyncio.sleep(pause)
            try:
                answer = await self._client.call(rpc.LEASE_KEEP_ALIVE, request)
            except StoreError:
                pause = min(RETRY_PAUSE, interval)
                continue
            # etcd answers 0 for a lease that it does not know.
            if answer.TTL <= 0:
                self._ended = True
                return
            pause = interval
