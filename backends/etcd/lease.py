"""This process's own lease: granted when it is first needed, kept alive, never revoked."""

from __future__ import annotations

import asyncio
import contextlib

from backends.etcd import rpc
from backends.etcd.client import Client
from backends.store import Refused, StoreError

RENEWALS_PER_TTL = 3
"""So that one renewal may be lost. Dynamo renews twice in a time to live."""
RETRY_PAUSE = 1.0
"""Seconds after a renewal that failed: the lease may still be there when the server is again."""


class OwnLease:
    """What this process puts hangs on it, and its id is this process's instance id.

    A lease that ran out (the process was stopped, or the server away, for longer than its time to
    live; or the server lost its data) is not granted again: its keys are gone, others have seen
    that, and this store can register nothing more. Dynamo's runtime shuts itself down then.
    """

    def __init__(self, client: Client, ttl: int) -> None:
        """`ttl` in seconds; the server may grant more."""
        self._client = client
        self._ttl = ttl
        self._lease = 0
        self._ended = False
        self._granting = asyncio.Lock()
        self._renewing: asyncio.Task[None] | None = None

    async def lease(self) -> int:
        """Its id, as etcd spells it (int64). Raises `Refused` once it ran out."""
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
            problem = f"the lease {rpc.to_id(self._lease):x} of this process ran out"
            raise Refused(self._client.address, problem)
        return self._lease

    async def aclose(self) -> None:
        """Stop renewing: the lease ends by itself."""
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
