"""The records with findings, by place, and those whose addresses failed. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from backends.discovery.record_index import Scope, is_internal_at, own_worker, scopes_of
from backends.dynamo.ids import Kind
from backends.dynamo.records import AnyRecord
from backends.liveness.failure import Way
from backends.liveness.judge import JudgeInput, Verdict, awaits_renewal, is_proved


class Findings:
    """The keys of records with findings, in all and in each place."""

    def __init__(self) -> None:
        self._all: set[bytes] = set()
        self._wrong: dict[Scope, set[bytes]] = {}
        """All keys, by place."""
        self._not_live: dict[Scope, set[bytes]] = {}
        """Instances, by place."""
        self._workers: dict[Scope, dict[int, int]] = {}
        """By place, how many such instances each process has there."""

    def note(self, record: AnyRecord, verdict: Verdict) -> None:
        """Count a record by its verdict."""
        # As `FINDINGS`, of which a member takes longer to look up.
        key, found = record.key, verdict is not Verdict.LIVE and verdict is not Verdict.UNKNOWN
        if found is (key in self._all):
            return
        (self._all.add if found else self._all.discard)(key)
        for scope in scopes_of(record):
            _mark(self._wrong, scope, key, found)
            if record.kind is Kind.ENDPOINT and not is_internal_at(record, scope):
                _mark(self._not_live, scope, key, found)
                self._count_worker(scope, record, 1 if found else -1)

    def all(self) -> Collection[bytes]:
        """Return all keys. Do not change it."""
        return self._all

    def wrong(self, scope: Scope) -> Collection[bytes]:
        """Return all keys in a place. Do not change it, nor keep it."""
        return self._wrong.get(scope, ())

    def not_live(self, scope: Scope) -> Collection[bytes]:
        """Return the instances in a place. Do not change it, nor keep it."""
        return self._not_live.get(scope, ())

    def workers(self, scope: Scope) -> Collection[int]:
        """Return the processes of those instances, as `own_worker`. Do not change it, nor keep
        it."""
        return self._workers.get(scope, {}).keys()

    def _count_worker(self, scope: Scope, record: AnyRecord, more: int) -> None:
        if (worker := own_worker(record)) is None:
            return
        workers = self._workers.setdefault(scope, {})
        workers[worker] = workers.get(worker, 0) + more
        if not workers[worker]:
            del workers[worker]
            if not workers:
                del self._workers[scope]


class LeftBehind:
    """The workers that are gone and left only orphaned records."""

    def __init__(self) -> None:
        self._keys: dict[int, set[bytes]] = {}
        self.worker_of: dict[bytes, int] = {}
        """The worker that left each key. Only to be read."""

    def workers(self) -> Collection[int]:
        """Return their ids. Do not change it, nor keep it."""
        return self._keys.keys()

    def put(self, keys: Collection[bytes], worker: int | None) -> None:
        """Add a worker with orphaned records only. None: the worker is unknown."""
        self.discard(keys)
        if worker is not None:
            self._keys[worker] = {*keys}
            self.worker_of.update(dict.fromkeys(keys, worker))

    def discard(self, keys: Iterable[bytes]) -> None:
        """Forget keys that went, or that are not orphaned together with all of their worker's."""
        if not self.worker_of:
            return
        for key in keys:
            worker = self.worker_of.pop(key, None)
            if worker is not None:
                self._keys[worker].discard(key)
                if not self._keys[worker]:
                    del self._keys[worker]


class FailedRecords:
    """The keys of records whose addresses, or their worker's, failed."""

    def __init__(self) -> None:
        self.all: set[bytes] = set()
        self.doubtful: set[bytes] = set()
        """The keys of workers whose verdicts depend on the time of each reading: an address failed,
        and an old answer at another does not count."""
        self.awaited: set[bytes] = set()
        """Those whose next renewal decides whether the failure counts against the worker."""
        self.refused: set[bytes] = set()
        """The awaited keys whose address was refused by another host: by the worker's, or by a
        firewall."""
        self.proved: set[bytes] = set()
        """The unreachable keys whose leases were not renewed since."""

    def note(self, facts: JudgeInput, verdict: Verdict, *, doubtful: bool) -> None:
        """Keep whether the addresses of a record failed, and whether its lease contradicts that."""
        key, failure = facts.record.key, facts.probed.failure
        self.discard([facts.record])
        if doubtful:
            self.doubtful.add(key)
        if failure is None:
            return
        self.all.add(key)
        if awaits_renewal(failure, facts):
            self.awaited.add(key)
            if failure.way is Way.REFUSED:
                self.refused.add(key)
        if verdict is Verdict.UNREACHABLE and is_proved(failure, facts):
            self.proved.add(key)

    def discard(self, records: Iterable[AnyRecord]) -> None:
        """Forget records that went, or of which no address is known to fail."""
        if self.doubtful:
            for record in records:
                if record.key in self.doubtful:
                    for keys in (
                        self.doubtful,
                        self.all,
                        self.awaited,
                        self.refused,
                        self.proved,
                    ):
                        keys.discard(record.key)


def _mark(places: dict[Scope, set[bytes]], scope: Scope, key: bytes, found: bool) -> None:
    if found:
        places.setdefault(scope, set()).add(key)
    elif scope in places:
        places[scope].discard(key)
        if not places[scope]:
            del places[scope]
