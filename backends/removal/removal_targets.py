"""The records to remove, as shown, each with its assessment. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import msgspec
from msgspec.structs import replace

from backends.discovery.cluster import Cluster
from backends.dynamo.records import AnyRecord, EndpointInstance
from backends.dynamo.roles import Role, role_of
from backends.liveness.evidence import Assessment
from backends.liveness.judge import STALE
from backends.liveness.survey import Survey
from backends.removal.audit.operation import OperationKind


class RemovalTarget(msgspec.Struct, frozen=True):
    """A record whose removal a person confirmed."""

    record: AnyRecord
    """At the revision shown: at another one it is not removed."""
    verdict: str
    """Its verdict when shown, e.g. `live`."""
    evidence: tuple[str, ...]
    """The reasons for its verdict."""
    may_live: bool = False
    """Whether its worker may be alive."""
    role: Role | None = None
    """The role of its process, for an instance that may be alive. None: not looked up."""

    @property
    def drains(self) -> bool:
        """Return whether its removal takes a possibly live worker out of routing. Not so for a
        router or an indexer."""
        is_instance = isinstance(self.record, EndpointInstance)
        return self.may_live and is_instance and self.role is Role.WORKER

    def after_it_went(self) -> RemovalTarget:
        """Return the target after its key went or changed: its lease is no longer evidence that an
        `unreachable` worker may be alive."""
        return replace(self, may_live=self.verdict not in STALE)


def removal_targets(
    records: Iterable[AnyRecord],
    cluster: Cluster,
    *,
    assess: Callable[[AnyRecord], Assessment],
    may_live: Callable[[AnyRecord], bool],
) -> Iterator[RemovalTarget]:
    """Return each record with its present assessment. `cluster`: contains the records and the other
    records of their workers."""
    roles: dict[int, Role] = {}
    for record in records:
        assessment = assess(record)
        lives = may_live(record)
        role = None
        # The role matters for these only, and looking at all records of a worker takes time.
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


def kind_of(asked_as: OperationKind, targets: Iterable[RemovalTarget]) -> OperationKind:
    """Return the kind of a removal for the audit. Removing a live worker's instance is a drain,
    whatever was asked for. A clean up stays one: its records were proved stale."""
    if asked_as == "unregister" and any(target.drains for target in targets):
        return "drain"
    return asked_as


def _role(record: AnyRecord, cluster: Cluster, known: dict[int, Role]) -> Role:
    """Return the role of a record's process. `known`: roles found so far, by worker; it adds to
    them."""
    worker = cluster.worker_of(record)
    if worker is None:
        return role_of([record])
    if worker not in known:
        known[worker] = role_of([record, *cluster.registered_by(worker)])
    return known[worker]
