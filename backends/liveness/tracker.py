"""Verdicts on all of a cluster, kept up to date as records and evidence come and go.

Pure: evidence is passed in, never asked for. A change costs work in proportion to the records that
it bears on: a worker's few, not the cluster.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set

from msgspec.structs import replace

from backends.discovery.cluster import Cluster, in_both
from backends.discovery.lease_ttl import LeaseStanding, same_standing
from backends.discovery.record_index import Scope
from backends.dynamo.records import (
    AnyRecord,
    EndpointInstance,
    EventChannel,
    EventSource,
    ModelCard,
)
from backends.liveness.address_readings import AddressReadings
from backends.liveness.card_consensus import (
    MOST_SORTS,
    SortOfCard,
    SortsOfSet,
    compared,
    own_first,
    sorts_of_set,
)
from backends.liveness.drain_marks import DrainMark
from backends.liveness.evidence import Assessment
from backends.liveness.evidence_kinds import CardsDiffer
from backends.liveness.explain import assess
from backends.liveness.findings import FailedRecords, Findings, LeftBehind
from backends.liveness.judge import (
    DEAD,
    FINDINGS,
    STALE,
    JudgeInput,
    LeaseTtl,
    Verdict,
    is_carried_by_nats,
    is_renewed,
    is_stale,
    judge,
    judge_by_itself,
    judge_serving,
)
from backends.liveness.judge_inputs import JudgeInputs
from backends.liveness.keys_by_lease import KeysByLease
from backends.liveness.keys_by_lease import LeaseOrKey as LeaseOrKey
from backends.liveness.keys_by_lease import lease_or_key as lease_or_key
from backends.liveness.owned import goes_with_its_pod, is_plainly_ready
from backends.liveness.routing import ROUTABLE
from backends.liveness.serving import Serving
from backends.liveness.serving.worker_sets import CardSet
from backends.liveness.worker_groups import by_object, groups_of
from backends.probe.types import NATS_SERVER, ProbeResult, ProbeTarget
from backends.store import Lifetime

FEW = 16
"""Records of one worker that are gathered anew for each of them."""

_NO_KEYS: frozenset[bytes] = frozenset()
_PUBLISHED = (EventChannel, EventSource)


class LivenessTracker:
    """The verdict on each record of a cluster, and the evidence that it rests on.

    After the cluster changed, or evidence came, `update` judges again the records that it bears on.
    """

    def __init__(self, cluster: Cluster, lifetime: Lifetime, *, host: str = "") -> None:
        """`host` names the host that addresses are tried from, for the evidence."""
        self.lifetime = lifetime
        """Of the store that the cluster was read from."""
        self.updates = 0
        """How often anything was judged. While it stays, so do all records and verdicts."""
        self.unknown = 0
        """How many records were judged, and neither have a finding nor are live."""
        self._cluster = cluster
        self._verdicts: dict[bytes, Verdict] = {}
        self._records: dict[bytes, AnyRecord] = {}
        """As they were judged."""
        self._findings = Findings()
        self._failed = FailedRecords()
        self._left_behind = LeftBehind()
        self._keys_by_lease = KeysByLease()
        self._addresses = AddressReadings(cluster, self._records)
        self.serving = Serving()
        """How models are served, by the verdicts as of the last `update`. Only to be read."""
        self._sorts: dict[CardSet, SortsOfSet] = {}
        """Of worker sets in conflict, as of the last `update`: the same for all of their cards, of
        which there may be thousands."""
        self._rerouted: set[bytes] = set()
        self._dirty: set[bytes] = set()
        self._inputs = JudgeInputs(cluster, lifetime, host, self._addresses, self.serving)
        self._gathered: dict[bytes, JudgeInput] = {}
        """What bears on the records of workers with many, until anything else is known."""
        self._gathered_as_of = (0, 0.0)

    # --- to read ------------------------------------------------------------------------------

    def of(self, key: bytes) -> Verdict:
        """Return the verdict on a key. `unknown`: it was not judged yet."""
        return self._verdicts.get(key, Verdict.UNKNOWN)

    def assessment(self, record: AnyRecord, stored_at: float) -> Assessment:
        """Return the verdict with its evidence. `stored_at`: when the store last confirmed the
        record, in POSIX seconds."""
        facts = self._facts(record, stored_at)
        if facts.disagreement is not None and isinstance(record, ModelCard):
            facts = replace(facts, disagreement=self._conflict_as_evidence(record, stored_at))
        return assess(facts)

    def _facts(self, record: AnyRecord, stored_at: float) -> JudgeInput:
        """Return all that bears on a record. For the records of one worker, of which there may be
        thousands, it is gathered once."""
        as_of = (self.updates, stored_at)
        if self._gathered_as_of != as_of:
            self._gathered.clear()
            self._gathered_as_of = as_of
        facts = self._gathered.get(record.key)
        if facts is None or facts.record is not record:
            group = [record, *self._cluster.siblings(record)]
            found = self._inputs.of(group, stored_at, self._inputs.lacking_instance(group))
            if len(group) <= FEW:
                return next(found)
            self._gathered.update((one.record.key, one) for one in found)
            facts = self._gathered[record.key]
        return facts

    def not_live(self, scope: Scope = ()) -> Collection[bytes]:
        """Return the instances in a place that are not live. Do not change it, nor keep it."""
        return self._findings.not_live(scope)

    def wrong(self, scope: Scope = ()) -> Collection[bytes]:
        """Return all keys in a place with a verdict that is neither live nor unknown. Do not change
        it, nor keep it."""
        return self._findings.wrong(scope)

    @property
    def findings(self) -> Collection[bytes]:
        """All keys with a verdict that is neither live nor unknown. Do not change it."""
        return self._findings.all()

    @property
    def left_behind(self) -> Collection[int]:
        """The ids under which nothing is registered but what is orphaned: there is no process, so
        they count as no workers. Do not change it, nor keep it over an update."""
        return self._left_behind.workers()

    def count_workers(self, scope: Scope = ()) -> int:
        """Return the number of workers with records in a place, without those that are gone and
        left some behind."""
        gone = in_both(self._cluster.workers(scope), self.left_behind)
        none = self._cluster.no_workers() if gone else ()
        return self._cluster.count_workers(scope) - sum(one not in none for one in gone)

    def count_workers_not_live(self, scope: Scope = ()) -> int:
        """Return how many of `count_workers` have an instance in the place that is not live."""
        there = self._findings.workers(scope)
        return len(there) - self.count_no_workers(there)

    def count_no_workers(self, there: Collection[int]) -> int:
        """Return how many of these ids count as no workers. The cost does not grow with the number
        of all others: a tree has thousands of places."""
        if not there:
            return 0
        none, gone = self._cluster.no_workers(), self.left_behind
        return len(in_both(there, none) | in_both(there, gone))

    def lease_ttl(self, record: AnyRecord) -> LeaseTtl | None:
        """Return the TTL that the store last reported for a record. None: it was not asked yet."""
        return self._inputs.lease_ttl(record)

    def take_new_leases(self) -> set[LeaseOrKey]:
        """Return the leases (or keys) that came into use since the last call."""
        return self._keys_by_lease.take_new()

    def take_gone_leases(self) -> set[LeaseOrKey]:
        """Return the leases (or keys) that `take_new_leases` returned, and that went out of use
        since the last call. One that came back meanwhile is new again."""
        return self._keys_by_lease.take_gone()

    def records(self) -> Collection[AnyRecord]:
        """Return all records that were judged. Do not change it."""
        return self._records.values()

    def record(self, key: bytes) -> AnyRecord | None:
        """Return a record as it was judged last. None: it was not."""
        return self._records.get(key)

    def record_on(self, lease: LeaseOrKey) -> AnyRecord | None:
        """Return any one record of a lease: its time to live is the lease's."""
        keys = self._keys_by_lease.keys(lease)
        return self._records.get(next(iter(keys))) if keys else None

    def targets(self, records: Iterable[AnyRecord]) -> set[ProbeTarget]:
        """Return all addresses that bear on whether the workers of some records live: their own,
        their siblings'."""
        return self._addresses.all_targets(records)

    def bearing_on(self, records: Iterable[AnyRecord]) -> list[AnyRecord]:
        """Return these records and the cards that bear on their verdicts: only cards of workers
        that live are parties to a conflict, and count as the roles that a model needs."""
        found = {record.key: record for record in records}
        cards = [key for key, record in found.items() if isinstance(record, ModelCard)]
        for key in sorted(self.serving.bearing_on(cards) - found.keys()):
            found[key] = self._records[key]
        return list(found.values())

    def watched(self, records: Iterable[AnyRecord]) -> set[ProbeTarget]:
        """Return the addresses that are enough to follow whether the workers of some records live;
        see `AddressReadings.watched`."""
        return self._addresses.watched(records)

    def knows(self, target: ProbeTarget) -> bool:
        """Return whether any record names this address, of those whose targets were asked for."""
        return self._addresses.knows(target)

    @property
    def is_behind(self) -> bool:
        """Whether evidence came that bears on a verdict, and `update` is still to judge."""
        return bool(self._dirty or self._addresses.unweighed)

    # --- evidence -----------------------------------------------------------------------------

    def observe_ttls(self, ttls: Mapping[LeaseOrKey, LeaseTtl]) -> None:
        """Take in the TTLs that the store reported."""
        self._gathered.clear()
        for lease, lease_ttl in ttls.items():
            if keys := self._keys_by_lease.keys(lease):
                before = self._inputs.ttls.get(lease)
                lease_ttl = lease_ttl.after(before)
                # What an address that failed means depends on when its lease was renewed, too.
                if not same_standing(lease_ttl, before) or not keys.isdisjoint(self._failed.all):
                    self._dirty |= keys
                self._inputs.ttls[lease] = lease_ttl

    def forget_ttls(self, leases: Iterable[LeaseOrKey]) -> None:
        """Drop the TTLs of leases that are asked for no longer: they would soon be untrue."""
        self._gathered.clear()
        for lease in leases:
            if self._inputs.ttls.pop(lease, None) is not None:
                self._dirty |= self._keys_by_lease.keys(lease)

    def forget_evidence(self) -> None:
        """Forget all leases' TTLs, all results of probes, and all drains."""
        if not (self._inputs.ttls or self._inputs.drained or self._addresses.has_any):
            return
        self._gathered.clear()
        self._inputs.ttls.clear()
        self._inputs.drained = {}
        self._addresses.forget_results()
        self._failed = FailedRecords()
        self._dirty |= self._records.keys()

    def is_stale(self, record: AnyRecord) -> bool:
        """Return whether a record is to be proposed for cleaning up."""
        is_proved = record.key in self._failed.proved
        return is_stale(record, self.of(record.key), is_proved=is_proved)

    def may_live(self, record: AnyRecord) -> bool:
        """Return whether the worker of a record may live, so that removing it takes more than a
        yes. An `unreachable` record may live by its lease until it is proved dead, and while it has
        a pod."""
        verdict = self.of(record.key)
        by_store = is_renewed(record, self.lifetime) or goes_with_its_pod(record)
        if verdict is Verdict.UNREACHABLE and by_store:
            return record.key not in self._failed.proved
        return verdict not in STALE

    @property
    def failed(self) -> Collection[bytes]:
        """The keys whose addresses, or their worker's, were tried in vain. Do not change it."""
        return self._failed.all

    @property
    def awaited(self) -> Collection[bytes]:
        """The keys whose next renewal decides whether an address that failed counts against the
        worker. Do not change it."""
        return self._failed.awaited

    @property
    def refused(self) -> Collection[bytes]:
        """Of the awaited keys, those whose address was refused by another host: by the worker's, or
        by a firewall. Do not change it."""
        return self._failed.refused

    def observe_readings(self, readings: Iterable[ProbeResult]) -> None:
        """Take in the results of probes."""
        self._gathered.clear()
        for reading in readings:
            if reading.target == NATS_SERVER:
                self._observe_nats(reading)
            else:
                self._addresses.take(reading, self._failed.doubtful)

    @property
    def nats_is_away(self) -> bool:
        """Whether NATS could not be reached when it was asked last."""
        return self._addresses.nats_is_away

    def _observe_nats(self, reading: ProbeResult) -> None:
        """Take in whether NATS can be reached. It bears on all channels over NATS, whether their
        targets were asked for or not."""
        if self._addresses.take_of_nats(reading):
            carried = [one for one in self._records.values() if is_carried_by_nats(one)]
            self._dirty.update(key for one in carried for key in self._addresses.spoken_for(one))

    def drained(self, workers: Mapping[int, DrainMark]) -> None:
        """Replace the workers that are known to have been drained, with how."""
        self._gathered.clear()
        before, self._inputs.drained = self._inputs.drained, dict(workers)
        for worker in before.keys() | workers.keys():
            if before.get(worker) == workers.get(worker):
                continue
            self._dirty.update(record.key for record in self._cluster.registered_by(worker))

    def set_complete(self, complete: bool) -> None:
        """Set whether the cluster is all that is registered. A key that this user may not read may
        be there, so nothing is taken for left behind by its worker then."""
        if complete != self._inputs.is_complete:
            self._gathered.clear()
            self._inputs.is_complete = complete
            self.serving.set_complete(complete)
            self._dirty |= self._records.keys()
            self._rerouted |= self._records.keys()

    def update(
        self, changed: Iterable[bytes] = (), worsened: dict[bytes, Verdict | None] | None = None
    ) -> set[bytes]:
        """Judge again, after these keys of the cluster changed or went, and evidence came.

        Returns the keys, of those that are there, whose verdict is another now. Adds to `worsened`
        the previous verdict of each that has a finding and had none.
        """
        before: dict[bytes, Verdict | None] = {}
        for _ in self.update_in_steps(changed, before, sys.maxsize):
            pass
        verdicts = self._verdicts
        other = {key for key, verdict in before.items() if verdicts[key] is not verdict}
        if worsened is not None:
            for key in other:
                if verdicts[key] in FINDINGS and before[key] not in FINDINGS:
                    worsened[key] = before[key]
        return other

    def update_in_steps(
        self, changed: Iterable[bytes], before: dict[bytes, Verdict | None], step: int
    ) -> Iterator[None]:
        """As `update`, and yield after `step` records. Adds to `before` the previous verdict of
        each key that may have another now. Between two steps some verdicts are new and some are
        not, and `update` must not be called.
        """
        self._sorts.clear()
        self._gathered.clear()
        # In the order in which they were read: what was made together lies together in memory.
        changed = dict.fromkeys(changed)
        concerned: list[AnyRecord] = []
        if changed:
            self.updates += 1
            at_start = not self._records
            for number, key in enumerate(changed, 1):
                self._take_in(key, concerned, at_start=at_start)
                if not number % step:
                    yield
            for lease in self._keys_by_lease.take_empty():
                self._inputs.ttls.pop(lease, None)
        settled: Set[bytes] = changed.keys()
        while True:
            if self.is_behind or self.serving.is_behind:
                concerned += self._unsettled(settled)
            if not concerned:
                break
            self.updates += 1
            judged = 0
            for group in groups_of(self._cluster, concerned):
                for of_object in by_object(group, self.lifetime):
                    self._judge(of_object, before)
                self._note_left_behind(group)
                judged += len(group)
                if judged >= step:
                    judged = 0
                    yield
            # How a card is served depends on the verdicts of other records. Those verdicts depend
            # on nothing that is served, so this comes to an end.
            concerned, settled = [], _NO_KEYS

    def _unsettled(self, settled: Set[bytes]) -> list[AnyRecord]:
        """Return the records to judge again, without the settled: new evidence bears on them, or
        they are served otherwise. Nothing of it is returned twice."""
        dirty, self._dirty = self._dirty, set()
        if self._addresses.unweighed:
            dirty |= self._addresses.take_unweighed()
        if rerouted := self.serving.take_changes():
            self._rerouted |= rerouted
            # A dead card stays dead however it is served.
            dirty.update(key for key in rerouted if self._verdicts.get(key) not in DEAD)
        records = self._records
        return [records[key] for key in dirty if key in records and key not in settled]

    def take_rerouted(self) -> set[bytes]:
        """Return the cards whose routing changed since the last call. Their verdicts may be the
        same."""
        rerouted, self._rerouted = self._rerouted, set()
        return rerouted

    def conflict(self, card: ModelCard) -> tuple[SortOfCard, ...]:
        """Return the sorts of card in a card's worker set, its own first.

        Empty: it is no party to a conflict.
        """
        if (party := self.serving.party(card.key)) is None or not party[1].in_conflict:
            return ()
        return own_first(party[0], self._sorts_of(party[1]), self._records)

    def _conflict_as_evidence(self, card: ModelCard, at: float) -> CardsDiffer:
        """Return the conflict that a card is a party to. The cost does not grow with the number of
        sorts: each of thousands of cards may be one."""
        if (party := self.serving.party(card.key)) is None:
            return compared(0, (), at)
        sorts = self._sorts_of(party[1])
        return compared(len(sorts), own_first(party[0], sorts, self._records, MOST_SORTS), at)

    def _sorts_of(self, card_set: CardSet) -> SortsOfSet:
        if card_set not in self._sorts:
            self._sorts[card_set] = sorts_of_set(card_set, self._cluster.value_seen)
        return self._sorts[card_set]

    # --- inside -------------------------------------------------------------------------------

    def _take_in(self, key: bytes, concerned: list[AnyRecord], *, at_start: bool) -> None:
        """Follow one change of the cluster. Adds the records that it bears on: the record as it was
        and as it is, and for a channel or source the others of its publisher. `at_start`: all
        records are new."""
        before, now = self._records.get(key), self._cluster.records.get(key)
        if before is not None:
            concerned.append(before)
            self._forget(before)
            if now is None or now.kind is not before.kind:
                if isinstance(before, EndpointInstance):
                    self.serving.discard_instance(key)
                elif isinstance(before, ModelCard):
                    self.serving.discard_card(key)
        if now is not None:
            concerned.append(now)
            self._records[key] = now
            self._keys_by_lease.add(key, lease_or_key(now))
            if isinstance(now, EndpointInstance):
                self.serving.put_instance(now, dead=_is_dead(now))
            elif isinstance(now, ModelCard):
                self.serving.put_card(now, dead=_is_dead(now))
        either = now if before is None else before
        if not at_start and isinstance(either, _PUBLISHED):
            # The channel's address counts for its sources, and they name the channel's worker.
            there = self._cluster.of_publisher(either)
            if now is None or len(there) > 1:
                concerned += there

    def _judge(self, group: Sequence[AnyRecord], changed: dict[bytes, Verdict | None]) -> None:
        """Judge each record of one worker. `changed`: as in `_note`."""
        ttls, routing = self._inputs.ttls, self.serving.routing
        has_evidence = not self.lifetime.has_leases or self._inputs.is_drained(group)
        all_routable = True
        for record in group:
            lease = record.entry.lease
            if lease is None or lease in ttls:
                has_evidence = True
            if isinstance(record, ModelCard) and routing(record.entry.key) is not ROUTABLE:
                all_routable = False
        lacking: Set[bytes] = _NO_KEYS
        if not all_routable or self.lifetime is Lifetime.OWNED:
            lacking = self._inputs.lacking_instance(group)
        # That of most records, where nothing else is known of their worker.
        plain = Verdict.UNKNOWN
        if group[0].entry.owner is not None and is_plainly_ready(group[0].entry.owner):
            plain, has_evidence = Verdict.LIVE, self._inputs.is_drained(group)
        elif has_evidence and self._is_plainly_renewed(group):
            plain, has_evidence = Verdict.LIVE, False
        if has_evidence or lacking or self._addresses.has_results(group):
            self._judge_by_evidence(group, lacking, changed)
            return
        # So it is with thousands at the start; this takes a third of the time.
        if self._failed.doubtful:
            self._failed.discard(group)
        verdicts = self._verdicts
        for record in group:
            found = judge_by_itself(record)
            if found is None and not all_routable and isinstance(record, ModelCard):
                found = judge_serving(routing(record.key), disagrees=self._inputs.disagrees(record))
            if found is None or found is Verdict.UNKNOWN:
                found = found or plain
                key = record.entry.key
                if key not in verdicts:
                    # `serving` has it as not dead already.
                    verdicts[key], changed[key] = found, None
                    self.unknown += found is Verdict.UNKNOWN
                    continue
            self._note(record, found, changed)

    def _is_plainly_renewed(self, group: Sequence[AnyRecord]) -> bool:
        """Return whether all records of one worker are on one lease, which is renewed, and no drain
        of it is known."""
        lease = group[0].entry.lease
        lease_ttl = None if lease is None else self._inputs.ttls.get(lease)
        return (
            self.lifetime.has_leases
            and lease_ttl is not None
            and lease_ttl.standing is LeaseStanding.RENEWED
            and all(one.entry.lease == lease for one in group)
            and not self._inputs.is_drained(group)
        )

    def _judge_by_evidence(
        self,
        group: Sequence[AnyRecord],
        lacking: Set[bytes],
        changed: dict[bytes, Verdict | None],
    ) -> None:
        """Judge by all evidence: leases, addresses, the worker's other records, drains."""
        known = list(self._inputs.of(group, 0.0, lacking))
        doubtful = any(facts.probed.is_dated for facts in known)
        for facts in known:
            verdict = judge(facts)
            self._failed.note(facts, verdict, doubtful=doubtful)
            self._note(facts.record, verdict, changed)

    def _note(
        self, record: AnyRecord, verdict: Verdict, changed: dict[bytes, Verdict | None]
    ) -> None:
        """Keep a verdict. `changed`: the previous verdict of each key whose verdict changed."""
        key = record.entry.key
        before = self._verdicts.get(key)
        if before is verdict:
            return
        changed.setdefault(key, before)
        self._verdicts[key] = verdict
        self.unknown += (verdict is Verdict.UNKNOWN) - (before is Verdict.UNKNOWN)
        if before is None and verdict is Verdict.UNKNOWN:
            # `serving` has it as not dead already.
            return
        self._findings.note(record, verdict)
        dead = verdict in DEAD
        if isinstance(record, EndpointInstance):
            if dead or before in DEAD:
                self.serving.put_instance(record, dead=dead)
        elif isinstance(record, ModelCard) and dead is not self.serving.is_dead(key):
            self.serving.put_card(record, dead=dead)
            self._rerouted.add(key)
            if not dead:
                self._dirty.add(key)

    def _note_left_behind(self, group: Sequence[AnyRecord]) -> None:
        """Keep whether all records of one worker are orphaned."""
        verdicts = self._verdicts
        # Of nearly all workers the first record is enough.
        if verdicts[group[0].key] is Verdict.ORPHANED and all(
            verdicts[one.key] is Verdict.ORPHANED for one in group
        ):
            worker = self._cluster.worker_of(group[0])
            self._left_behind.put([one.key for one in group], worker)
        elif self._left_behind.worker_of:
            self._left_behind.discard(one.key for one in group)

    def _forget(self, record: AnyRecord) -> None:
        key = record.entry.key
        del self._records[key]
        self.unknown -= self._verdicts.pop(key, None) is Verdict.UNKNOWN
        self._rerouted.discard(key)
        if self._left_behind.worker_of:
            self._left_behind.discard([key])
        if key in self._findings.all():
            self._findings.note(record, Verdict.UNKNOWN)
        if self._failed.doubtful:
            self._failed.discard([record])
        self._keys_by_lease.discard(key, lease_or_key(record))
        self._addresses.forget(key)


def _is_dead(record: AnyRecord) -> bool:
    """Return whether a record's own text shows that no request is answered by it."""
    if record.malformed is None and record.entry.expired_at is None:
        return False
    broken = record.malformed is not None and not record.readable
    return (broken or record.entry.expired_at is not None) and not record.entry.unread
