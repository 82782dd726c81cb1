"""Ask each member of a cluster by itself: its term, its leader, its alarms."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Sequence

import msgspec

from backends.etcd import rpc
from backends.etcd.client import Client
from backends.etcd.config import Endpoint, EtcdConfig
from backends.store import StoreError


class Member(msgspec.Struct, frozen=True):
    """One endpoint, and the member that answered there."""

    endpoint: Endpoint
    error: StoreError | None = None
    """Why it did not answer. None: it did."""
    cluster_id: int = 0
    term: int = 0
    leader: int = 0
    """The id of the leader. 0: it knows none."""
    alarms: tuple[str, ...] = ()
    """As `rpc.alarms`: all that are raised in the cluster."""


class Members:
    """A connection to each endpoint. The constructor does no I/O."""

    def __init__(self, config: EtcdConfig) -> None:
        self._clients = {
            endpoint: Client(dataclasses.replace(config, endpoints=(str(endpoint),)))
            for endpoint in config.parsed_endpoints()
        }

    async def ask(self) -> Sequence[Member]:
        """Ask each endpoint for its status once, all at the same time. With a user's name this
        logs in first."""
        return await asyncio.gather(*map(_ask, self._clients, self._clients.values()))

    async def aclose(self) -> None:
        await asyncio.gather(*(client.aclose() for client in self._clients.values()))


async def _ask(endpoint: Endpoint, client: Client) -> Member:
    try:
        status = await client.call(rpc.STATUS, rpc.StatusRequest())
    except StoreError as error:
        return Member(endpoint, error)
    return Member(
        endpoint,
        cluster_id=status.header.cluster_id,
        term=status.header.raft_term,
        leader=status.leader,
        alarms=rpc.alarms(status),
    )
