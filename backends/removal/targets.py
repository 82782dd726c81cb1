"""What is to be removed: records as they were shown, each with its assessment. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from backends.discovery.cluster import Cluster
from backends.dynamo.records import AnyRecord, EndpointInstance
from backends.dynamo.roles import Role, role_of
from backends.liveness.evidence import Assessment
from backends.liveness.judge import STALE
from backends.liveness.survey import Survey
from backends.removal.audit.act import ActKind


@dataclass(frozen=True, slots=True)
class RemovalTarget:
    """A record that a person said yes to."""

    record: AnyRecord
    """In the revision that was shown: in another one it is not removed."""
    verdict: str
    """Its verdict then, e.g. `live`."""
    evidence: tuple[str, ...]
    """Why it has that verdict."""
    may_live: bool = False
    """Whether its worker may live."""
    role: Role | None = None
    """What its process is, of an instance that may live. None: not looked at."""

    @property
    def drains(self) -> bool:
        """Whether its going takes a worker out of routing that may live: not a router's, nor an
        indexer's."""
        is_instance = isinstance(self.record, EndpointInstance)
        return self.may_live and is_instance and self.role is Role.WORKER

    def after_it_went(self) -> RemovalTarget:
        """Return it as it is once its key went or changed: then no lease speaks any more for what
        is `unreachable`."""
        return replace(self, may_live=self.verdict not in STALE)


def removal_targets(
    records: Iterable[AnyRecord],
    cluster: Cluster,
    *,
    assess: Callable[[AnyRecord], Assessment],
    may_live: Callable[[AnyRecord], bool],
) -> Iterator[RemovalTarget]:
    """Return each record with what is known of it now, one by one. `cluster` holds them and what
    else their workers registered."""
    roles: dict[int, Role] = {}
    for record in records:
        assessment = assess(record)
        lives = may_live(record)
        role = None
        # Only of these does it matter, and looking at all that a worker registered takes time.
        if lives and isinstance(record, EndpointInstance):
            role = _role(record, cluster, roles)
        yield RemovalTarget(
            record,
            assessment.verdict.value,
            tuple(one.text for one in assessment.evidence),
            lives,
            role,
        )


def targets_of(seen: Survey, records: Iterable[AnyRecord]) -> list[RemovalTarget]:
    """Return records of a survey as targets."""
    assess, may_live = seen.assessment, seen.verdicts.may_live
    return list(removal_targets(records, seen.cluster, assess=assess, may_live=may_live))


def kind_of(asked_as: ActKind, targets: Iterable[RemovalTarget]) -> ActKind:
    """Return what the audit calls a removal: removing what is live is a drain, whatever it was
    asked as. What a clean up proposes was proved stale, and stays one."""
    if asked_as == "unregister" and any(target.drains for target in targets):
        return "drain"
    return asked_as


def _role(record: AnyRecord, cluster: Cluster, known: dict[int, Role]) -> Role:
    """Return what the process of a record is. `known`: the roles of processes that were looked at,
    by worker, to which it adds."""
    worker = cluster.worker_of(record)
    if worker is None:
        return role_of([record])
    if worker not in known:
        known[worker] = role_of([record, *cluster.registered_by(worker)])
    return known[worker]
