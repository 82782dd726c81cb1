"""Gather all that bears on the verdicts of one worker's records. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set

from backends.discovery.cluster import Cluster
from backends.dynamo.records import AnyRecord, EndpointInstance, ModelCard
from backends.liveness.address_readings import AddressReadings
from backends.liveness.drain_marks import DrainMark, without_instance
from backends.liveness.evidence_kinds import CardsDiffer, DrainedOrDeleted
from backends.liveness.judge import JudgeInput, LeaseTtl
from backends.liveness.keys_by_lease import LeaseOrKey, lease_or_key
from backends.liveness.serving import Serving
from backends.store import Lifetime

_NO_KEYS: frozenset[bytes] = frozenset()

DIFFERS = CardsDiffer(0, ())
"""Enough for a verdict. The fields that differ are compared only for a card that is shown."""


class JudgeInputs:
    """Holds the evidence of a cluster, and makes the inputs of `judge` from it."""

    def __init__(
        self,
        cluster: Cluster,
        lifetime: Lifetime,
        host: str,
        addresses: AddressReadings,
        serving: Serving,
    ) -> None:
        """`host` names the host that addresses are tried from."""
        self._cluster = cluster
        self._lifetime = lifetime
        self._host = host
        self._addresses = addresses
        self._serving = serving
        self.ttls: dict[LeaseOrKey, LeaseTtl] = {}
        """The TTLs that the store last reported."""
        self.drained: Mapping[int, DrainMark] = {}
        """By worker, how it was drained."""
        self.is_complete = True
        """Whether the cluster is all that is registered."""

    def lease_ttl(self, record: AnyRecord) -> LeaseTtl | None:
        """Return the TTL that the store last reported for a record. None: it was not asked yet."""
        return self.ttls.get(lease_or_key(record))

    def of(
        self, group: Sequence[AnyRecord], stored_at: float, lacking: Set[bytes]
    ) -> Iterator[JudgeInput]:
        """Yield all that bears on each record of one worker. `lacking`: see `lacking_instance`."""
        worker = self._cluster.worker_of(group[0]) if group else None
        shows = list(map(_shows_worker, group))
        shown = sum(shows)
        unusable = 0
        if shown < len(group):
            unusable = sum(
                isinstance(one, EndpointInstance) and not shows_worker
                for one, shows_worker in zip(group, shows, strict=True)
            )
        drained = self.drained.get(worker) if worker is not None else None
        if drained is not None and not any(isinstance(one, EndpointInstance) for one in group):
            # Records of a process without a card, too.
            lacking = {one.key for one in group}
        mark = drained or DrainMark(stored_at, DrainedOrDeleted(self._lifetime.has_leases))
        probed = self._addresses.weighed(group)
        is_owned = self._lifetime is Lifetime.OWNED
        hidden_by = next(map(_key, filter(_hides_object, group)), None) if is_owned else None
        for record, mine, shows_worker in zip(group, probed, shows, strict=True):
            is_drained = False
            if lacking and record.key in lacking:
                is_drained = drained is not None or self._lives_on(record)
            yield JudgeInput(
                record,
                self._lifetime,
                stored_at,
                lease_ttl=self.lease_ttl(record),
                probed=mine,
                worker=worker,
                unusable_instances=unusable,
                worker_is_there=shown > shows_worker or not self.is_complete,
                disagreement=DIFFERS if self.disagrees(record) else None,
                lacks_instance=is_owned and record.key in lacking,
                hidden_by=record.key if is_owned and _hides_object(record) else hidden_by,
                drained=mark if is_drained else None,
                host=self._host,
                routing=(
                    self._serving.routing(record.key) if isinstance(record, ModelCard) else None
                ),
            )

    def is_drained(self, group: Sequence[AnyRecord]) -> bool:
        """Return whether the worker is known to have been drained. An audit has old drains, too,
        which bear on no worker that is there."""
        return bool(self.drained) and self._cluster.worker_of(group[0]) in self.drained

    def lacking_instance(self, group: Sequence[AnyRecord]) -> Set[bytes]:
        """Return those of one worker's keys that lack their instance. None of them does where not
        all may be read."""
        if self.is_complete and self._lifetime is Lifetime.OWNED:
            # `serving` joins by ids, which another object may have, too.
            return without_instance(group)
        if self.is_complete:
            for one in group:
                if isinstance(one, ModelCard) and not self._serving.has_instance(one.key):
                    return without_instance(group)
        return _NO_KEYS

    def _lives_on(self, record: AnyRecord) -> bool:
        """Return whether a record shows by being there that its worker has not ended: by its lease,
        or as a file that is kept alive."""
        if self._lifetime.has_leases:
            return record.lease is not None
        return self._lifetime.is_renewed and record.expired_at is None

    def disagrees(self, record: AnyRecord) -> bool:
        """Return whether it is a card whose worker set has several sorts."""
        return isinstance(record, ModelCard) and self._serving.disagrees(record.key)


def _hides_object(record: AnyRecord) -> bool:
    """Return whether no client can read a record, which hides all of its object."""
    return record.malformed is not None and not record.readable and not record.unread


def _key(record: AnyRecord) -> bytes:
    return record.key


def _shows_worker(record: AnyRecord) -> bool:
    """Return whether a record shows that its worker is there, or does not show that it is gone."""
    if record.lease is not None:
        return True
    usable = record.malformed is None and record.expired_at is None
    return isinstance(record, EndpointInstance) and usable
