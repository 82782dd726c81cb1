"""Read a store for the commands: survey, workers of channels, the store's name."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from backends.aio.timer import LOOP, Timer
from backends.discovery.cluster import Cluster, FirstSeen
from backends.discovery.discovery import Discovery
from backends.dynamo.ids import Kind
from backends.dynamo.queries import Query
from backends.dynamo.records import (
    AnyRecord,
    EndpointInstance,
    EventChannel,
    EventSource,
    ModelCard,
)
from backends.liveness.collector import Probes, Probing
from backends.liveness.drain_marks import DrainMark
from backends.liveness.renewal_wait import RenewalWait
from backends.liveness.survey import Choose, Survey, survey
from backends.liveness.survey import Clock as Clock
from backends.removal.audit_drains import read_marks
from backends.store import Lifetime, NoPuts
from tui.cli.shared.audit_file import audit_at
from tui.config.settings import Settings
from tui.runtime.standard_streams import print_message
from tui.session import open_discovery, open_session
from tui.text.format import count

CONNECT, DEEP, NEVER = "connect", "deep", "never"
"""How to probe, as the commands' `--probe` names it."""


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
    discovery: Discovery, query: Query
) -> tuple[list[AnyRecord], Publishers, str]:
    """Return the matching records, their workers, and the unreadable part as in `Resync.unread`.
    Sources are read only if they are needed. Raises `StoreError`."""
    records, unread = await discovery.list_readable(query)
    if not any(isinstance(one, EventChannel) and one.lease is None for one in records):
        return records, Publishers(), unread
    if with_sources(query) == query:
        return records, Publishers(records), unread
    kinds = frozenset({Kind.EVENT_SOURCE})
    sources, no_sources = await discovery.list_readable(replace(query, kinds=kinds))
    return records, Publishers(sources), "; ".join(filter(None, (unread, no_sources)))


@dataclass(frozen=True, slots=True)
class StoreLabel:
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


def place_of(discovery: Discovery) -> StoreLabel:
    """Which store it is."""
    store = discovery.store
    return StoreLabel(f"{store.name} ({store.address})", store.lifetime)


async def acted_on(discovery: Discovery) -> StoreLabel:
    """Return the store's label, with its refusals of puts and of changes."""
    return replace(
        place_of(discovery),
        no_puts=await discovery.no_puts(),
        read_only=await discovery.read_only(),
    )


def print_waiting(seconds: float, records: Sequence[AnyRecord]) -> None:
    """Print how long a command waits, and why."""
    print_message(
        f"{count(len(records), 'record')} cannot be reached from this host: waiting up to "
        f"{math.ceil(seconds)} s for the next renewal, which shows whether the worker lives"
    )


async def surveyed(
    settings: Settings,
    discovery: Discovery,
    probes: Probes | None,
    query: Query,
    *,
    probe: str | None,
    choose: Choose | None = None,
    confirm: bool = False,
    wait: RenewalWait | None = None,
    clock: Clock,
    timer: Timer = LOOP,
) -> Survey:
    """Survey as every command does: probe by `--probe`, and read the drains of the audit. Raises
    `StoreError`."""
    return await survey(
        discovery,
        query,
        choose=choose,
        probes=probes,
        deep=probe == DEEP,
        confirm=confirm,
        wait=wait,
        drained=await drained_by(settings, discovery),
        clock=clock,
        timer=timer,
    )


async def drained_by(settings: Settings, discovery: Discovery) -> Mapping[int, DrainMark]:
    """Return by whom workers of a store were drained, as the audit on this machine has it."""
    path = settings.audit_to_read
    audit = None if path is None else audit_at(path)
    return await read_marks(audit, discovery.store.name, discovery.store.address)


def probe_by_default(settings: Settings, wanted: str | None) -> str | None:
    """Return the default probe of a command: `connect` or `deep`. None: it does not probe.
    `wanted`: its own `--probe`; without it the `--probe` before the command counts."""
    if wanted is None:
        wanted = {Probing.NEVER: NEVER, Probing.DEEP: DEEP}.get(settings.probing, CONNECT)
    return None if wanted == NEVER else wanted


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
        async with open_session(settings) as session:
            yield session.discovery, session.probes
