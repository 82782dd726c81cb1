"""Looking at a store once: what is registered, whose it is, and whether it is alive."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from backends.acts import Condemned
from backends.cluster import Cluster, FirstSeen
from backends.discovery import Discovery
from backends.ids import Kind
from backends.liveness import Judgement, Life, Verdict
from backends.lookout import Probes
from backends.probe.types import Reading
from backends.queries import Query
from backends.records import AnyRecord, EventChannel, EventSource
from backends.store import TimeToLive
from backends.verdicts import Verdicts, handle_of

Clock = Callable[[], float]
"""Gives POSIX seconds."""


class Publishers:
    """Tells whose a record is. Most records say it themselves; for channels it holds the sources.

    Told of every change of a watch, it stays right.
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
        """The instance id (u64) of a record's worker, as far as it can be told."""
        return self._cluster.worker_of(record)


def with_sources(query: Query) -> Query:
    """What to read so that channels without a lease can be joined to their workers, too."""
    if Kind.EVENT_CHANNEL not in query.kinds:
        return query
    # A source has the same names as its channel.
    return replace(query, kinds=query.kinds | {Kind.EVENT_SOURCE})


async def list_with_publishers(
    discovery: Discovery, query: Query
) -> tuple[list[AnyRecord], Publishers, str]:
    """What matches and may be read, whose it is, and what may not be read, as `Resync.unread`.

    Sources are read besides only where they are needed. Raises `StoreError`.
    """
    records, unread = await discovery.list_readable(query)
    if not any(isinstance(one, EventChannel) and one.lease is None for one in records):
        return records, Publishers(), unread
    if with_sources(query) == query:
        return records, Publishers(records), unread
    kinds = frozenset({Kind.EVENT_SOURCE})
    sources, no_sources = await discovery.list_readable(replace(query, kinds=kinds))
    return records, Publishers(sources), "; ".join(filter(None, (unread, no_sources)))


@dataclass(frozen=True, slots=True)
class Place:
    """A store that was looked at, as far as a person needs to know."""

    name: str
    """And its address."""
    has_leases: bool
    is_kept_alive: bool
    """Whether workers that live renew what they registered in it."""

    def __str__(self) -> str:
        return self.name


# Its repr would have that of each record in it, and asyncio.run of Python 3.11 makes the repr of
# what it returns: 0.4 s for 20,000 records.
@dataclass(frozen=True, slots=True, repr=False)
class Sight:
    """What was found at one moment, and what is known of whether it is alive."""

    place: Place
    records: list[AnyRecord]
    """Those that were asked for, in the order of their keys."""
    cluster: Cluster
    """All of the namespace: whether a record is left behind, its siblings tell."""
    verdicts: Verdicts
    at: float
    """When it was read, in POSIX seconds."""
    clock: Clock

    def verdict(self, record: AnyRecord) -> Verdict:
        return self.verdicts.of(record.key)

    def judgement(self, record: AnyRecord) -> Judgement:
        return self.verdicts.judgement(record, self.at)

    def condemned(self, record: AnyRecord) -> Condemned:
        """A record to be removed, with what speaks for it."""
        judgement = self.judgement(record)
        evidence = tuple(one.text for one in judgement.evidence)
        return Condemned(record, judgement.verdict.value, evidence)

    def time_to_live(self, record: AnyRecord) -> TimeToLive | None:
        """What the store said of its life. None: it has no bounds, or was not asked."""
        life = self.verdicts.life(record)
        return None if life is None else life.ttl

    async def ask_leases(self, discovery: Discovery) -> None:
        """Learn how long the records that were asked for still have, each lease once.

        What went meanwhile is left out from then on. Raises `StoreError`.
        """
        lives = await discovery.time_to_live(self.records)
        at = self.clock()
        await self._leave_out_gone(
            discovery, [key for key, life in lives.items() if life.granted is None]
        )
        self.verdicts.heard_lives(
            {
                handle_of(record): Life(lives[record.key], at)
                for record in self.records
                if record.key in lives
            }
        )
        self.verdicts.update()

    async def probe(
        self, probes: Probes, records: Iterable[AnyRecord], *, deep: bool
    ) -> list[Reading]:
        """Ask the addresses of some records and of their workers' others, once each."""
        targets = {target for record in records for target in self.verdicts.targets(record)}
        readings = await probes.once(targets, deep=deep)
        self.verdicts.heard_readings(readings)
        self.verdicts.update()
        return readings

    async def _leave_out_gone(self, discovery: Discovery, suspects: Sequence[bytes]) -> None:
        """A lease that ended since the look took its keys with it: that is no finding."""
        if not suspects:
            return
        there = await discovery.store.get(suspects)
        gone = set(suspects) - there.keys()
        for key in gone:
            self.cluster.discard(key)
        self.records[:] = [record for record in self.records if record.key not in gone]
        self.verdicts.update(gone)


async def look(discovery: Discovery, query: Query, clock: Clock = time.time) -> Sight:
    """Read all of the query's namespace; no lease and no address is asked yet.

    Raises `StoreError`.
    """
    everything = await discovery.list(Query(frozenset(Kind), query.namespace, nested=query.nested))
    at = clock()
    cluster = Cluster()
    for record in everything:
        cluster.put(record, FirstSeen(at, was_there=True))
    store = discovery.store
    verdicts = Verdicts(cluster, has_leases=store.has_leases, is_kept_alive=store.is_kept_alive)
    verdicts.update(cluster.records)
    records = [record for record in everything if query.matches(record)]
    return Sight(place_of(discovery), records, cluster, verdicts, at, clock)


def place_of(discovery: Discovery) -> Place:
    """Which store it is."""
    store = discovery.store
    return Place(f"{store.name} ({store.address})", store.has_leases, store.is_kept_alive)
