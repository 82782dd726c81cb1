"""Look at a store once: which records are registered, and their verdicts.

All commands look this way, but for those that watch: verdict and evidence of a key are the same in
each of them. It reads all of the namespace concerned, since siblings and other cards bear on a
record's verdict; asks each lease that bears on it once; and probes only where it is given `Probes`.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from msgspec.structs import replace

from backends.aio.timer import LOOP, Timer
from backends.discovery.cluster import Cluster, FirstSeen
from backends.discovery.discovery import Discovery
from backends.dynamo.parse import read
from backends.dynamo.queries import EVERYTHING, Query
from backends.dynamo.records import AnyRecord
from backends.liveness.collector import Probes
from backends.liveness.drain_marks import DrainMark
from backends.liveness.evidence import Assessment
from backends.liveness.failure import CONFIRMED
from backends.liveness.judge import LeaseTtl, Verdict
from backends.liveness.renewal_wait import RenewalWait, await_renewals
from backends.liveness.tracker import LivenessTracker, lease_or_key
from backends.probe.local import host_name
from backends.probe.types import ProbeResult
from backends.store import NotAuthorised, Refused, StoreError, TimeToLive

Clock = Callable[[], float]
"""Gives POSIX seconds."""

Choose = Callable[[Cluster, Sequence[AnyRecord]], Iterable[AnyRecord]]
"""Picks the records to judge, of all that was read and of those that match the query."""

Probe = Callable[[Sequence[AnyRecord]], Awaitable[list[ProbeResult]]]
"""Asks the addresses of records, and passes the results to their tracker."""


# Its repr would have that of each record in it, and asyncio.run of Python 3.11 makes the repr of
# what it returns: 0.4 s for 20,000 records.
@dataclass(frozen=True, slots=True, repr=False)
class Survey:
    """The records of one moment, with their verdicts and evidence."""

    records: list[AnyRecord]
    """Those that were asked for: in the order of their keys, or in which they were chosen."""
    cluster: Cluster
    """All that was read."""
    verdicts: LivenessTracker
    at: float
    """When it was read, in POSIX seconds."""
    readings: list[ProbeResult] = field(default_factory=list)
    """The results of all probes, one for each address."""
    unread: str = ""
    """The unreadable part of the namespace, in words: then nothing counts as left behind. Empty:
    all was read."""
    leases_unknown: StoreError | None = None
    """Why the store reported no TTLs. None: it did."""

    def verdict(self, record: AnyRecord) -> Verdict:
        """Return the verdict on a record that was asked for, `unknown` for others."""
        return self.verdicts.of(record.key)

    def assessment(self, record: AnyRecord) -> Assessment:
        """Return the verdict with its evidence, the piece that decides first."""
        return self.verdicts.assessment(record, self.at)

    def time_to_live(self, record: AnyRecord) -> TimeToLive | None:
        """Return the TTL of a record. None: it has none, or the store was not asked."""
        lease_ttl = self.verdicts.lease_ttl(record)
        return None if lease_ttl is None else lease_ttl.ttl

    def stale(self) -> list[AnyRecord]:
        """Return the records of the survey that are stale: no client can use them, or they are
        never removed otherwise."""
        return [record for record in self.records if self.verdicts.is_stale(record)]


async def survey(
    discovery: Discovery,
    query: Query = EVERYTHING,
    *,
    choose: Choose | None = None,
    probes: Probes | None = None,
    deep: bool = False,
    confirm: bool = True,
    wait: RenewalWait | None = None,
    drained: Mapping[int, DrainMark] = MappingProxyType({}),
    clock: Clock = time.time,
    timer: Timer = LOOP,
) -> Survey:
    """Survey the records that match a query, or that `choose` picks of its namespace.

    `probes` asks each concerned address once, `deep` or not; with `confirm` once more after
    `CONFIRMED` seconds if a failure may make a record stale. With `wait` it waits for the renewals
    that tell a dead worker from a firewall that refuses. `drained`: the workers known to be
    drained, with the author. Records that go meanwhile are left out.

    Raises `StoreError`; `Forbidden` also if this user may read only a part of the namespace.
    """
    found = await read_once(discovery, query, choose=choose, drained=drained, clock=clock)
    await _ask_leases(found, discovery, clock)
    await _probe(found, probes, timer, deep=deep, confirm=confirm)
    if probes is not None and wait is not None:
        await _await_renewals(found, discovery, probes, wait, clock, timer)
    return found


async def read_once(
    discovery: Discovery,
    query: Query = EVERYTHING,
    *,
    choose: Choose | None = None,
    drained: Mapping[int, DrainMark] = MappingProxyType({}),
    revision: int | None = None,
    clock: Clock = time.time,
) -> Survey:
    """Survey without queries and probes: verdicts rest on the records themselves. `revision`: as
    all was registered then. None: now."""
    whole = replace(EVERYTHING, namespace=query.namespace, nested=query.nested)
    records = await discovery.list(whole, revision)
    found = _judged(discovery, records, clock(), drained)
    matching = [record for record in records if query.matches(record)]
    found.records.extend(matching if choose is None else choose(found.cluster, matching))
    return found


async def survey_keys(
    discovery: Discovery,
    keys: Collection[bytes],
    *,
    namespace: str | None = None,
    probes: Probes | None = None,
    deep: bool = False,
    drained: Mapping[int, DrainMark] = MappingProxyType({}),
    clock: Clock = time.time,
    timer: Timer = LOOP,
) -> Survey:
    """Survey exactly these keys, even if this user may not read all.

    `records` has them in their order, without missing ones. `namespace`: bounds what is read, if
    all of the keys are in it.

    Raises `StoreError` if the keys themselves cannot be read.
    """
    wanted = list(dict.fromkeys(keys))
    records, unread = await _read_what_may_be(discovery, wanted, namespace)
    found = dataclasses.replace(
        _judged(discovery, records, clock(), drained, unread), unread=unread
    )
    found.records.extend(
        record for key in wanted if (record := found.cluster.records.get(key)) is not None
    )
    try:
        await _ask_leases(found, discovery, clock)
    except (NotAuthorised, Refused) as error:
        # A user who may remove a key need not be let ask about its lease.
        found = dataclasses.replace(found, leases_unknown=error)
    await _probe(found, probes, timer, deep=deep, confirm=False)
    return found


async def probe_to_be_sure(
    verdicts: LivenessTracker, records: Sequence[AnyRecord], probe: Probe, timer: Timer = LOOP
) -> list[ProbeResult]:
    """Probe records, and once more after `CONFIRMED` seconds those that a failure makes stale.

    A network has bad moments: one failure is not enough to propose a removal (see
    `LivenessTracker.is_stale`). Returns the last reading of each address.
    """
    latest = {one.target: one for one in await probe(records)}
    doubtful = [
        one
        for one in records
        # What its next renewal decides is not stale before that, however often it fails.
        if one.key in verdicts.failed
        and one.key not in verdicts.awaited
        and not verdicts.is_stale(one)
    ]
    if doubtful:
        await timer.sleep(CONFIRMED)
        latest |= {one.target: one for one in await probe(doubtful)}
    return list(latest.values())


async def _read_what_may_be(
    discovery: Discovery, wanted: Sequence[bytes], namespace: str | None
) -> tuple[list[AnyRecord], str]:
    """Return the records in the namespace of some keys, with the keys themselves, and its
    unreadable part. Without a namespace, or for keys out of it, those are all registered
    records."""
    if not wanted:
        return [], ""
    here = replace(EVERYTHING, namespace=namespace, nested=True)
    records, unread = await _list(discovery, here)
    missing = set(wanted) - {record.key for record in records}
    if not missing:
        return records, unread
    # They may be out of the namespace, or where this user may read single keys only.
    there = [read(entry) for entry in (await discovery.store.get(missing)).values()]
    if there and namespace is not None:
        records, unread = await _list(discovery, EVERYTHING)
        known = {record.key for record in records}
        there = [record for record in there if record.key not in known]
    return [*records, *there], unread


async def _list(discovery: Discovery, query: Query) -> tuple[list[AnyRecord], str]:
    """Return the readable records that match, and the unreadable part in words."""
    try:
        return await discovery.list_readable(query)
    except NotAuthorised as error:
        return [], error.detail or "this user may not read it"


def _judged(
    discovery: Discovery,
    records: Iterable[AnyRecord],
    at: float,
    drained: Mapping[int, DrainMark],
    unread: str = "",
) -> Survey:
    """Return a survey of these records by themselves, without any evidence yet."""
    cluster = Cluster()
    for record in records:
        cluster.put(record, FirstSeen(at, was_there=True))
    verdicts = LivenessTracker(cluster, discovery.store.lifetime, host=host_name())
    verdicts.set_complete(not unread)
    verdicts.drained(drained)
    verdicts.update(cluster.records)
    return Survey([], cluster, verdicts, at)


async def _ask_leases(found: Survey, discovery: Discovery, clock: Clock) -> None:
    """Learn how long all have that bears on the records asked for, each lease once."""
    bearing = found.cluster.with_siblings(found.verdicts.bearing_on(found.records))
    concerned = {one.key: one for one in bearing}
    ttls = await discovery.time_to_live(concerned.values())
    at = clock()
    ended = [key for key, lease_ttl in ttls.items() if lease_ttl.granted is None]
    gone = await _gone(discovery, ended)
    for key in gone:
        found.cluster.discard(key)
    found.records[:] = [record for record in found.records if record.key not in gone]
    found.verdicts.update(gone)
    found.verdicts.observe_ttls(
        {lease_or_key(concerned[key]): LeaseTtl(lease_ttl, at) for key, lease_ttl in ttls.items()}
    )
    found.verdicts.update()


async def _gone(discovery: Discovery, suspects: Sequence[bytes]) -> set[bytes]:
    """Return the keys that went since they were read: a lease that ends takes its keys with it, and
    that is no finding."""
    if not suspects:
        return set()
    return set(suspects) - (await discovery.store.get(suspects)).keys()


async def _probe(
    found: Survey, probes: Probes | None, timer: Timer, *, deep: bool, confirm: bool
) -> None:
    """Ask the addresses of all that bears on the records asked for."""
    if probes is None:
        return

    async def probe(records: Sequence[AnyRecord]) -> list[ProbeResult]:
        return await _ask_addresses(found, probes, records, deep=deep)

    bearing = found.verdicts.bearing_on(found.records)
    if confirm:
        found.readings.extend(await probe_to_be_sure(found.verdicts, bearing, probe, timer))
    else:
        found.readings.extend(await probe(bearing))


async def _ask_addresses(
    found: Survey, probes: Probes, records: Sequence[AnyRecord], *, deep: bool
) -> list[ProbeResult]:
    readings = await probes.once(found.verdicts.targets(records), deep=deep)
    found.verdicts.observe_readings(readings)
    found.verdicts.update()
    return readings


async def _await_renewals(
    found: Survey,
    discovery: Discovery,
    probes: Probes,
    wait: RenewalWait,
    clock: Clock,
    timer: Timer,
) -> None:
    async def look(records: Sequence[AnyRecord]) -> None:
        await _ask_addresses(found, probes, records, deep=False)
        ttls = await discovery.time_to_live(records)
        at = clock()
        learnt = {
            lease_or_key(record): LeaseTtl(ttls[record.key], at)
            for record in records
            if record.key in ttls
        }
        found.verdicts.observe_ttls(learnt)
        found.verdicts.update()

    await await_renewals(found.verdicts, found.records, look, wait, clock=clock, timer=timer)
