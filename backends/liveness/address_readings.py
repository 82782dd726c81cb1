"""The results of probes at the addresses of records, weighed for each worker.

Pure. Addresses are kept only of records whose addresses were asked for: few are ever on screen.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence, Set
from enum import Enum

from backends.discovery.cluster import Cluster
from backends.discovery.record_index import object_of
from backends.dynamo.records import AnyRecord, EventChannel, EventSource
from backends.liveness.failure import NOT_PROBED, Probed, weigh
from backends.liveness.judge import is_carried_by_nats
from backends.probe.probe_targets import targets_of
from backends.probe.types import NATS_SERVER, ProbeAnswer, ProbeMethod, ProbeResult, ProbeTarget

MOST_DOUBTED = 3
"""Publishers of one process that are asked again and again since they failed."""


class _Slot(Enum):
    """Which of the readings of one address are kept beside each other, each the last of its kind:
    that a connection is accepted says nothing against silence, nor for an answer."""

    SHALLOW = "shallow"
    DEEP = "deep"
    SILENCE = "silence"
    """Before connections stopped coming about: the queue of a process that hangs runs full."""


class _Address:
    """One target, with the records that name it and its last results."""

    __slots__ = ("keys", "readings", "target")

    def __init__(self, target: ProbeTarget) -> None:
        self.target = target
        self.keys: set[bytes] = set()
        self.readings: dict[_Slot, ProbeResult] = {}

    def keep(self, reading: ProbeResult) -> bool:
        """Take a reading in. Returns whether its answer is another than that before it."""
        slot = _Slot.DEEP if reading.deep else _Slot.SHALLOW
        before = self.readings.get(slot)
        if reading.answer is ProbeAnswer.UNREACHED:
            if before is not None and before.answer is ProbeAnswer.SILENT:
                self.readings[_Slot.SILENCE] = before
        elif reading.answer is not ProbeAnswer.ACCEPTS:
            self.readings.pop(_Slot.SILENCE, None)
        self.readings[slot] = reading
        if before is None:
            return True
        return before.answer is not reading.answer or before.local is not reading.local


class AddressReadings:
    """The last readings of each address of a cluster's records."""

    def __init__(self, cluster: Cluster, records: Mapping[bytes, AnyRecord]) -> None:
        """`records`: those of the cluster that are judged; nothing is kept of others."""
        self._cluster = cluster
        self._records = records
        self._of: dict[bytes, tuple[_Address, ...]] = {}
        """The addresses of the records that were asked for, by key."""
        self._at: dict[ProbeTarget, _Address] = {}
        self._failing_since: dict[ProbeTarget, float] = {}
        """When each address failed first, of those that failed ever since."""
        self._nats: ProbeResult | None = None
        """The last answer to whether NATS can be reached. None: it was not asked."""
        self.unweighed: set[bytes] = set()
        """The keys whose verdicts are to be judged again by results that came."""

    @property
    def nats_is_away(self) -> bool:
        """Whether NATS could not be reached when it was asked last."""
        return self._nats is not None and self._nats.answer is ProbeAnswer.AWAY

    def knows(self, target: ProbeTarget) -> bool:
        """Return whether any record that was asked for names this address."""
        return target in self._at

    # --- addresses ----------------------------------------------------------------------------

    def targets(self, record: AnyRecord) -> tuple[ProbeTarget, ...]:
        """Return a record's own addresses, and keep their results from now on."""
        known = self._of.get(record.key)
        if known is None:
            found = targets_of(record)
            if self._records.get(record.key) is not record:
                return found
            known = self._of[record.key] = tuple(map(self._address, found))
            for address in known:
                address.keys.add(record.key)
            if any(one.readings for one in known):
                self.unweighed.update(self.spoken_for(record))
        return tuple(one.target for one in known)

    def all_targets(self, records: Iterable[AnyRecord]) -> set[ProbeTarget]:
        """Return all addresses that bear on whether the workers of some records live: their own,
        their siblings'."""
        records = list(records)
        found: set[ProbeTarget] = set()
        for speaker in map(self._speaker, records):
            found.update(self.targets(speaker))
            if is_carried_by_nats(speaker):
                found.add(NATS_SERVER)
        for one in self._cluster.with_siblings(records):
            if not is_shared(one):
                found.update(self.targets(one))
        return found

    def watched(self, records: Iterable[AnyRecord]) -> set[ProbeTarget]:
        """Return the addresses that are enough to follow whether the workers of records live.

        Of each process one publisher, whose greeting proves more than an accepted connection, one
        address of its request plane, whose connection is held and tells of a death at once, and its
        system server; besides each record's own request plane or broker. A publisher that failed is
        asked on, and another with it, which may still answer.
        """
        found: set[ProbeTarget] = set()
        looked_at: set[tuple[int, str]] = set()
        for record in records:
            speaker = self._speaker(record)
            own = self.targets(speaker)
            shared = is_shared(speaker)
            found.update(one for one in own if shared or one.method is not ProbeMethod.ZMTP)
            if is_carried_by_nats(speaker):
                found.add(NATS_SERVER)
            worker = self._cluster.worker_of(record)
            if worker is None:
                found.update(own)
            elif (process := (worker, object_of(record))) not in looked_at:
                looked_at.add(process)
                of_worker = self._cluster.registered_by(worker)
                found |= self._watched_of(one for one in of_worker if object_of(one) == process[1])
        return found

    def _watched_of(self, group: Iterable[AnyRecord]) -> set[ProbeTarget]:
        """Those of one worker, beyond its records' own."""
        by_method: dict[ProbeMethod, list[ProbeTarget]] = {}
        for record in group:
            if not is_shared(record):
                for target in self.targets(record):
                    by_method.setdefault(target.method, []).append(target)
        publishers = list(dict.fromkeys(by_method.pop(ProbeMethod.ZMTP, ())))
        doubted = [one for one in publishers if one in self._failing_since][:MOST_DOUBTED]
        greeting = [one for one in publishers if one not in self._failing_since][:1]
        found = {
            one
            for method, some in by_method.items()
            # NATS is asked for all of its subjects at once.
            for one in (some if method is ProbeMethod.NATS else some[:1])
        }
        return found.union(doubted, greeting if len(doubted) < MOST_DOUBTED else ())

    # --- results ------------------------------------------------------------------------------

    def take(self, reading: ProbeResult, doubtful: Set[bytes]) -> None:
        """Keep a reading, if any record that was asked for names its address.

        `doubtful`: the keys whose verdicts depend on when each reading was. The others stay as they
        are where an address answers as it did before.
        """
        address = self._at.get(reading.target)
        if address is None:
            return
        is_news = address.keep(reading)
        if reading.answer.failed:
            self._failing_since.setdefault(reading.target, reading.at)
        else:
            self._failing_since.pop(reading.target, None)
        keys = self._bears_on(address)
        if is_news or not keys.isdisjoint(doubtful):
            self.unweighed |= keys

    @property
    def has_any(self) -> bool:
        """Whether any result was taken."""
        return self._nats is not None or any(one.readings for one in self._at.values())

    def forget_results(self) -> None:
        """Forget all results. The records are to be judged again."""
        self._nats = None
        self._failing_since.clear()
        for address in self._at.values():
            address.readings.clear()

    def take_unweighed(self) -> set[bytes]:
        """Return the keys to judge again, once."""
        unweighed, self.unweighed = self.unweighed, set()
        return unweighed

    def take_of_nats(self, reading: ProbeResult) -> bool:
        """Keep whether NATS can be reached. Returns whether that changed."""
        was_away, self._nats = self.nats_is_away, reading
        return self.nats_is_away is not was_away

    def forget(self, key: bytes) -> None:
        """Drop the results at a record's addresses, unless another record names them, too."""
        for address in self._of.pop(key, ()):
            address.keys.discard(key)
            if not address.keys:
                del self._at[address.target]
                self._failing_since.pop(address.target, None)

    # --- weighing -----------------------------------------------------------------------------

    def has_results(self, group: Iterable[AnyRecord]) -> bool:
        """Return whether anything is known of the addresses of one worker's records."""
        if not self._at and self._nats is None:
            return False
        away = self.nats_is_away
        speakers = map(self._speaker, group)
        return any(
            self._with_results(one) or (away and is_carried_by_nats(one)) for one in speakers
        )

    def weighed(self, group: Sequence[AnyRecord]) -> Sequence[Probed]:
        """Return the weighed results for each record of one worker, in their order.

        Records share it whose addresses are the same, or gave the same answers, if the worker's
        results show the same of both: one worker may have thousands of addresses.
        """
        if not self._at and self._nats is None:
            return [NOT_PROBED] * len(group)
        speakers = list(map(self._speaker, group))
        own = list(map(self._with_results, speakers))
        of_worker = dict.fromkeys(
            one
            for speaker, found in zip(speakers, own, strict=True)
            if found and not is_shared(speaker)
            for one in found
        )
        weighed: dict[tuple[tuple[_Address, ...], bool], Probed] = {}
        alike: dict[Hashable, Probed] = {}
        probed: list[Probed] = []
        for speaker, found in zip(speakers, own, strict=True):
            by_nats = self._nats is not None and is_carried_by_nats(speaker)
            if not found and not of_worker and not by_nats:
                probed.append(NOT_PROBED)
                continue
            if (found, by_nats) not in weighed:
                answers = None if by_nats or is_shared(speaker) else _answers(found)
                if answers is None or (mine := alike.get(answers)) is None:
                    mine = self._weigh(found, of_worker, by_nats=by_nats)
                    if answers is not None and not _fails_alone(mine, found):
                        alike[answers] = mine
                weighed[found, by_nats] = mine
            probed.append(weighed[found, by_nats])
        return probed

    def _weigh(
        self, own: Sequence[_Address], of_worker: Iterable[_Address], *, by_nats: bool
    ) -> Probed:
        mine = list(_readings(own))
        if by_nats and self._nats is not None:
            mine.append(self._nats)
        others = _readings(one for one in of_worker if one not in own)
        return weigh(mine, others, self._failing_since)

    def _bears_on(self, address: _Address) -> set[bytes]:
        """The keys of the records that an address speaks for."""
        records = map(self._cluster.records.get, address.keys)
        return {key for one in records if one is not None for key in self.spoken_for(one)}

    def spoken_for(self, record: AnyRecord) -> Iterator[bytes]:
        """Give the keys that a record's own address speaks for: its own, and a channel's
        sources'."""
        yield record.key
        if isinstance(record, EventChannel):
            yield from (source.key for source in self._cluster.sources_of(record))

    def _with_results(self, record: AnyRecord) -> tuple[_Address, ...]:
        """A record's own addresses, those that something was found at."""
        known = self._of.get(record.key)
        return tuple(one for one in known if one.readings) if known else ()

    def _address(self, target: ProbeTarget) -> _Address:
        if (known := self._at.get(target)) is None:
            known = self._at[target] = _Address(target)
        return known

    def _speaker(self, record: AnyRecord) -> AnyRecord:
        """Return the record whose address counts for another: for a source its channel."""
        if isinstance(record, EventSource):
            return self._cluster.channel_of(record) or record
        return record


def _answers(own: Sequence[_Address]) -> Hashable | None:
    """Return the answers at a record's only address, the oldest first: exchanged for another with
    the same, all of the worker's results show the same. None: this cannot be said."""
    if len(own) != 1:
        return None
    readings = sorted(own[0].readings.values(), key=lambda one: one.at)
    if any(one.answer is ProbeAnswer.AWAY for one in readings):
        # Whether that counts depends on the times.
        return None
    method = own[0].target.method
    return (method, *((one.answer, one.local, one.deep, one.text) for one in readings))


def _fails_alone(probed: Probed, own: Sequence[_Address]) -> bool:
    """Return whether nothing but a record's own address shows a failure."""
    failure = probed.failure
    return failure is not None and {one.target for one in failure.readings} == {own[0].target}


def _readings(addresses: Iterable[_Address]) -> Iterator[ProbeResult]:
    for one in addresses:
        yield from one.readings.values()


def is_shared(record: AnyRecord) -> bool:
    """Return whether a record's address is not its worker's own: a broker or NATS serves many."""
    return (
        isinstance(record, EventChannel)
        and record.transport is not None
        and record.transport.kind in ("ZmqBroker", "Nats")
    )
