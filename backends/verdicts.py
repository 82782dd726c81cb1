"""Verdicts on all of a cluster, kept up to date as records and evidence come and go.

Pure: evidence is told, never asked for. A change costs work in proportion to what it bears on: a
worker's few records, not the cluster.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from backends.agreement import Agreement
from backends.checksum import differences, group_of
from backends.cluster import Cluster
from backends.ids import Kind
from backends.liveness import (
    FINDINGS,
    Facts,
    Judgement,
    Life,
    Verdict,
    explain,
    is_stale,
    judge,
    judge_by_itself,
    tells_the_same,
)
from backends.places import Scope, scopes_of
from backends.probe.targets import targets_of
from backends.probe.types import Reading, Target
from backends.reading import card_json
from backends.records import AnyRecord, EndpointInstance, EventChannel, ModelCard

DIFFERS = "its card differs from most of its model"

CONFIRMED = 1.5
"""Seconds over which an address must have failed before that counts for removing something."""

Handle = int | bytes
"""What a time to live is asked for: a lease's id, or a key where there are no leases."""


class Verdicts:
    """What is known of each record of a cluster, and how many instances of each place are not live.

    After the cluster changed, and after evidence came, `update` judges again what it bears on.
    """

    def __init__(self, cluster: Cluster, *, has_leases: bool, is_kept_alive: bool = True) -> None:
        self.has_leases = has_leases
        self.is_kept_alive = is_kept_alive
        self._cluster = cluster
        self._verdicts: dict[bytes, Verdict] = {}
        self._records: dict[bytes, AnyRecord] = {}
        """As they were judged."""
        self._not_live: dict[Scope, set[bytes]] = {}
        """Instances with findings, by place."""
        self._findings: set[bytes] = set()
        self._lives: dict[Handle, Life] = {}
        self._on: dict[Handle, set[bytes]] = {}
        """The keys that a handle is for."""
        self._new_handles: set[Handle] = set()
        self._perhaps_empty: set[Handle] = set()
        self._readings: dict[Target, dict[bool, Reading]] = {}
        """The last one of each address, deep and not: that a connection is accepted says nothing
        against silence, nor for an answer."""
        self._failing_since: dict[Target, float] = {}
        """When each address failed first, of those that failed ever since."""
        self._targets: dict[bytes, tuple[Target, ...]] = {}
        """The addresses of the records that were asked for, by key."""
        self._at: dict[Target, set[bytes]] = {}
        """The keys that name an address."""
        self._agreement = Agreement()
        self._drained: dict[int, float] = {}
        self._dirty: set[bytes] = set()
        self._sees_all = True

    # --- what is known ------------------------------------------------------------------------

    def of(self, key: bytes) -> Verdict:
        """`unknown` for what was not judged yet."""
        return self._verdicts.get(key, Verdict.UNKNOWN)

    def judgement(self, record: AnyRecord, stored_at: float) -> Judgement:
        """The verdict with its evidence. `stored_at`: when the store last confirmed the record."""
        group = self._cluster.siblings(record)
        facts = next(self._facts([record, *group], stored_at))
        if facts.disagreement is not None:
            facts = replace(facts, disagreement=self._disagreement(record))
        return Judgement(judge(facts), explain(facts))

    def not_live(self, scope: Scope = ()) -> Collection[bytes]:
        """The instances in a place that are not live. Do not change it, nor keep it."""
        return self._not_live.get(scope, ())

    @property
    def findings(self) -> Collection[bytes]:
        """All keys with a verdict that is neither live nor unknown. Do not change it."""
        return self._findings

    def life(self, record: AnyRecord) -> Life | None:
        """What the store last said of how long a record still has."""
        return self._lives.get(handle_of(record))

    def take_new_handles(self) -> set[Handle]:
        """The leases (or keys) that something hangs on since the last call, and did not before."""
        new, self._new_handles = self._new_handles, set()
        return new

    def records(self) -> Collection[AnyRecord]:
        """All that were judged. Do not change it."""
        return self._records.values()

    def record(self, key: bytes) -> AnyRecord | None:
        """As it was judged last."""
        return self._records.get(key)

    def record_on(self, handle: Handle) -> AnyRecord | None:
        """Any one record that hangs on a handle: its time to live is the handle's."""
        keys = self._on.get(handle)
        return self._records.get(next(iter(keys))) if keys else None

    def targets(self, record: AnyRecord) -> set[Target]:
        """The addresses that tell whether a record's worker lives: its own and its siblings'."""
        found: set[Target] = set()
        for one in (record, *self._cluster.siblings(record)):
            if one is record or not _is_shared(one):
                found.update(self._own_targets(one))
        return found

    def knows(self, target: Target) -> bool:
        """Whether any record that was asked for names this address."""
        return target in self._at

    @property
    def is_behind(self) -> bool:
        """Whether something was told that bears on a verdict, and `update` is still to judge."""
        return bool(self._dirty)

    # --- what is told -------------------------------------------------------------------------

    def heard_lives(self, lives: Mapping[Handle, Life]) -> None:
        """The store said how long these still have."""
        for handle, life in lives.items():
            if handle in self._on:
                if not tells_the_same(life, self._lives.get(handle)):
                    self._dirty |= self._on[handle]
                self._lives[handle] = life

    def forget_lives(self, handles: Iterable[Handle]) -> None:
        """Nobody follows these any more: what was heard of them will soon be untrue."""
        for handle in handles:
            if self._lives.pop(handle, None) is not None:
                self._dirty |= self._on.get(handle, set())

    def would_be_stale(self, verdict: Verdict, record: AnyRecord) -> bool:
        """Whether a record of that verdict is stale in this store."""
        leases, kept = self.has_leases, self.is_kept_alive
        return is_stale(verdict, record, has_leases=leases, is_kept_alive=kept)

    def is_stale(self, record: AnyRecord) -> bool:
        """Whether a record is to be proposed for cleaning up.

        One probe that failed is not enough for that: a network has bad moments.
        """
        verdict = self.of(record.key)
        if not self.would_be_stale(verdict, record):
            return False
        if verdict is not Verdict.UNREACHABLE:
            return True
        since = self._failing_since
        return any(one.at - since[one.target] >= CONFIRMED for one in self._failed(record))

    def heard_readings(self, readings: Iterable[Reading]) -> None:
        """These addresses were probed."""
        for reading in readings:
            keys = self._at.get(reading.target)
            if not keys:
                continue
            self._readings.setdefault(reading.target, {})[reading.deep] = reading
            if reading.answer.failed:
                self._failing_since.setdefault(reading.target, reading.at)
            else:
                self._failing_since.pop(reading.target, None)
            self._dirty |= keys

    def drained(self, workers: Mapping[int, float]) -> None:
        """The workers that this dyntop drained, and when (POSIX seconds); replaces what it knew."""
        changed = self._drained.keys() ^ workers.keys()
        self._drained = dict(workers)
        for worker in changed:
            self._dirty.update(record.key for record in self._cluster.registered_by(worker))

    def sees_all(self, all_of_it: bool) -> None:
        """Whether the cluster is all that is registered. What this user may not read may be there,
        so then nothing is taken for left behind by its worker."""
        if all_of_it != self._sees_all:
            self._sees_all = all_of_it
            self._dirty |= self._records.keys()

    def update(self, changed: Iterable[bytes] = ()) -> set[bytes]:
        """Judge again, after these keys of the cluster changed or went, and evidence came.

        Returns the keys, of those that are there, whose verdict is another now.
        """
        concerned: list[AnyRecord] = []
        for key in changed:
            concerned += self._take_in(key)
        self._drop_handles()
        # A card may differ from most because of what happened to others.
        concerned += [self._records[key] for key in self._dirty if key in self._records]
        self._dirty = set()
        different: set[bytes] = set()
        for group in self._groups(concerned):
            for record, verdict in self._judged(group):
                if self._note(record, verdict):
                    different.add(record.key)
        return different

    # --- how ----------------------------------------------------------------------------------

    def _take_in(self, key: bytes) -> list[AnyRecord]:
        """Follow one change of the cluster; returns the record as it was and as it is."""
        before, now = self._records.get(key), self._cluster.records.get(key)
        if before is not None:
            self._forget(before)
        if now is not None:
            self._records[key] = now
            handle = handle_of(now)
            if handle not in self._on:
                self._on[handle] = set()
                self._new_handles.add(handle)
            self._on[handle].add(key)
        if isinstance(now, ModelCard) and now.fingerprint is not None:
            self._dirty |= self._agreement.put(key, group_of(now), now.fingerprint)
        elif isinstance(before, ModelCard):
            self._dirty |= self._agreement.discard(key)
        return [record for record in (before, now) if record is not None]

    def _drop_handles(self) -> None:
        """Only once all is taken in: what went from a lease may have come back to it."""
        for handle in self._perhaps_empty:
            if not self._on[handle]:
                del self._on[handle]
                self._lives.pop(handle, None)
                self._new_handles.discard(handle)
        self._perhaps_empty.clear()

    def _groups(self, concerned: Iterable[AnyRecord]) -> Iterator[list[AnyRecord]]:
        """The records of each worker concerned, once; those whose worker is unknown alone."""
        workers: set[int] = set()
        for record in concerned:
            worker = self._cluster.worker_of(record)
            if worker is not None:
                workers.add(worker)
            elif record.key in self._cluster.records:
                yield [self._cluster.records[record.key]]
        for worker in workers:
            yield self._cluster.registered_by(worker)

    def _judged(self, group: Sequence[AnyRecord]) -> Iterator[tuple[AnyRecord, Verdict]]:
        """Of each of the records of one worker, by all that bears on it."""
        if not self._was_heard_of(group):
            # So it is with thousands at the start, and each is weighed in a third of the time.
            for record in group:
                verdict = judge_by_itself(record, disagrees=self._disagrees(record))
                yield record, Verdict.UNKNOWN if verdict is None else verdict
            return
        for facts in self._facts(group, 0.0):
            yield facts.record, judge(facts)

    def _was_heard_of(self, group: Sequence[AnyRecord]) -> bool:
        """Whether more may be known of one worker's records than their own text: from their leases,
        from addresses, from what else is there or was drained."""
        if self._readings or self._drained:
            return True
        return any(one.lease is None or one.lease in self._lives for one in group)

    def _disagrees(self, record: AnyRecord) -> bool:
        """Whether it is a card that differs from most of its model."""
        return isinstance(record, ModelCard) and self._agreement.odd(record.key) is not None

    def _note(self, record: AnyRecord, verdict: Verdict) -> bool:
        """Returns whether the verdict is another now."""
        key = record.key
        before = self._verdicts.get(key)
        if before is verdict:
            return False
        self._verdicts[key] = verdict
        if verdict in FINDINGS or before in FINDINGS:
            self._roll_up(record, verdict)
        return True

    def _forget(self, record: AnyRecord) -> None:
        key = record.key
        del self._records[key]
        self._verdicts.pop(key, None)
        self._roll_up(record, Verdict.UNKNOWN)
        handle = handle_of(record)
        self._on[handle].discard(key)
        self._perhaps_empty.add(handle)
        for target in self._targets.pop(key, ()):
            self._at[target].discard(key)
            if not self._at[target]:
                del self._at[target]
                self._readings.pop(target, None)
                self._failing_since.pop(target, None)

    def _roll_up(self, record: AnyRecord, verdict: Verdict) -> None:
        key, found = record.key, verdict in FINDINGS
        (self._findings.add if found else self._findings.discard)(key)
        if record.kind is not Kind.ENDPOINT:
            return
        for scope in scopes_of(record):
            if found:
                self._not_live.setdefault(scope, set()).add(key)
            elif scope in self._not_live:
                self._not_live[scope].discard(key)
                if not self._not_live[scope]:
                    del self._not_live[scope]

    def _own_targets(self, record: AnyRecord) -> tuple[Target, ...]:
        """Found out when somebody asks: few records are ever on screen."""
        key = record.key
        if key not in self._targets:
            found = targets_of(record)
            # Of what is not registered (any more) nothing is kept.
            if self._records.get(key) is not record:
                return found
            self._targets[key] = found
            for target in found:
                self._at.setdefault(target, set()).add(key)
        return self._targets[key]

    def _disagreement(self, card: AnyRecord) -> str:
        """In what a card differs from most of those that it is compared with."""
        other = self._records.get(self._agreement.odd(card.key) or b"")
        if other is None:
            return DIFFERS
        found = differences(card_json(card.entry), card_json(other.entry))
        return f"{DIFFERS} in {', '.join(found)}: a frontend takes one sort or the other, not both"

    def _known_readings(self, record: AnyRecord) -> tuple[Reading, ...]:
        if not (targets := self._targets.get(record.key)):
            return ()
        return tuple(reading for one in targets for reading in self._readings.get(one, {}).values())

    def _failed(self, record: AnyRecord) -> list[Reading]:
        """What failed of a record's own addresses and of its worker's others."""
        found = {
            reading
            for one in (record, *self._cluster.siblings(record))
            for reading in self._known_readings(one)
        }
        return [one for one in found if one.target in self._failing_since and one.answer.failed]

    def _facts(self, group: Sequence[AnyRecord], stored_at: float) -> Iterator[Facts]:
        """What bears on each of the records of one worker."""
        worker = self._cluster.worker_of(group[0]) if group else None
        readings = [self._known_readings(record) for record in group]
        of_worker = dict.fromkeys(
            one
            for record, found in zip(group, readings, strict=True)
            if found and not _is_shared(record)
            for one in found
        )
        shows = [_shows_worker(record) for record in group]
        drained = self._drained.get(worker) if worker is not None else None
        for record, mine, shows_worker in zip(group, readings, shows, strict=True):
            belongs_to_drained = drained is not None and not _has_instance(record, group)
            yield Facts(
                record,
                self.has_leases,
                stored_at,
                life=self.life(record),
                own=mine,
                others=tuple(one for one in of_worker if one not in mine) if of_worker else (),
                worker=worker,
                worker_is_there=sum(shows) > shows_worker or not self._sees_all,
                disagreement=DIFFERS if self._disagrees(record) else None,
                drained_at=drained if belongs_to_drained else None,
                is_kept_alive=self.is_kept_alive,
            )


def handle_of(record: AnyRecord) -> Handle:
    """What a record's time to live is asked for by."""
    return record.key if (lease := record.lease) is None else lease


def _is_shared(record: AnyRecord) -> bool:
    """Whether a record's address is not its worker's own: a broker serves many."""
    return (
        isinstance(record, EventChannel)
        and record.transport is not None
        and record.transport.kind == "ZmqBroker"
    )


def _shows_worker(record: AnyRecord) -> bool:
    """Whether a record shows that its worker is still there, or was not shown to be gone."""
    if record.lease is not None:
        return True
    usable = record.malformed is None and record.expired_at is None
    return isinstance(record, EndpointInstance) and usable


def _has_instance(record: AnyRecord, group: Iterable[AnyRecord]) -> bool:
    """Whether an instance that a record belongs to is there: a card's is its endpoint's."""
    instances = (one for one in group if isinstance(one, EndpointInstance))
    if isinstance(record, ModelCard):
        return any(_endpoint(one) == _endpoint(record) for one in instances)
    return any(True for _ in instances)


def _endpoint(record: AnyRecord) -> tuple[str | None, ...]:
    return (record.id.namespace, record.id.component, record.id.endpoint)
