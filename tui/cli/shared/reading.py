"""Read a store for the commands: workers of channels, the store's name. Imports little."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from backends.discovery.cluster import Cluster, FirstSeen
from backends.dynamo.ids import Kind
from backends.dynamo.records import (
    AnyRecord,
    EndpointInstance,
    EventChannel,
    EventSource,
    ModelCard,
)
from tui.session import open_discovery, open_probes
from tui.text.host_clock import Clock as Clock

if TYPE_CHECKING:
    from backends.discovery.discovery import Discovery
    from backends.dynamo.queries import Query
    from backends.liveness.collector import Probes
    from backends.store import Lifetime, NoPuts
    from tui.config.settings import Settings


class Publishers:
    """Finds the worker of a record.

    Most records name it themselves; for channels it holds the sources. It stays right if every
    change of a watch is applied.
    """

    def __init__(self, records: Iterable[AnyRecord] = ()) -> None:
        self._cluster = Cluster()
        for record in records:
            self.add(record)

    def add(self, record: AnyRecord) -> None:
        """It is there now, perhaps in place of another of its key."""
        if isinstance(record, EventSource):
            self._cluster.put(record, FirstSeen(0.0, was_there=True))

    def remove(self, record: AnyRecord) -> None:
        """It is gone."""
        self._cluster.discard(record.key)

    def worker_of(self, record: AnyRecord) -> int | None:
        """Return the instance id (u64) of a record's worker, if known."""
        # Its lease may be of another id.
        if isinstance(record, EndpointInstance | ModelCard) and record.id.instance_id is not None:
            return record.id.instance_id
        return self._cluster.worker_of(record)


def with_sources(query: Query) -> Query:
    """Return the query with sources added, to find the workers of channels without a lease."""
    if Kind.EVENT_CHANNEL not in query.kinds:
        return query
    # A source has the same names as its channel.
    return replace(query, kinds=query.kinds | {Kind.EVENT_SOURCE})


async def list_with_publishers(
    discovery: Discovery, query: Query, revision: int | None = None
) -> tuple[list[AnyRecord], Publishers, str]:
    """Return the matching records, their workers, and the unreadable part as in `Resync.unread`.
    Sources are read only if they are needed. `revision`: as all was then. None: now. Raises
    `StoreError`."""
    records, unread = await discovery.list_readable(query, revision)
    if not any(isinstance(one, EventChannel) and one.lease is None for one in records):
        return records, Publishers(), unread
    if with_sources(query) == query:
        return records, Publishers(records), unread
    kinds = frozenset({Kind.EVENT_SOURCE})
    sources, no_sources = await discovery.list_readable(replace(query, kinds=kinds), revision)
    return records, Publishers(sources), "; ".join(filter(None, (unread, no_sources)))


class StoreLabel(msgspec.Struct, frozen=True):
    """The name of a store for the user, and its limits."""

    name: str
    """And its address."""
    lifetime: Lifetime
    no_puts: tuple[NoPuts, ...] = ()
    """Why it refuses puts, where it was asked."""
    read_only: str = ""
    """Why this user may change nothing there, where it was asked. Empty: they may."""

    def __str__(self) -> str:
        return self.name


def place_of(discovery: Discovery, revision: int | None = None) -> StoreLabel:
    """Which store it is, and at which revision. None: now."""
    store = discovery.store
    then = "" if revision is None else f" at revision {revision}"
    return StoreLabel(f"{store.name} ({store.address}){then}", store.lifetime)


async def acted_on(discovery: Discovery) -> StoreLabel:
    """Return the store's label, with its refusals of puts and of changes."""
    return msgspec.structs.replace(
        place_of(discovery),
        no_puts=await discovery.no_puts(),
        read_only=await discovery.read_only(),
    )


@asynccontextmanager
async def looked_at(
    settings: Settings, probe: str | None
) -> AsyncIterator[tuple[Discovery, Probes | None]]:
    """Open the store of the settings for the block, and the prober if wanted. Raises
    `Misconfigured`."""
    if probe is None:
        # A command that only reads need not wait for the modules that ask.
        async with open_discovery(settings) as discovery:
            yield discovery, None
    else:
        async with open_probes(settings) as (discovery, probes):
            yield discovery, probes
