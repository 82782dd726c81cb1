"""Removing what is live is a drain, whoever asks for it and whatever it was asked as."""

from __future__ import annotations

import pytest

from backends.discovery.cluster import Cluster, FirstSeen
from backends.discovery.discovery import Discovery
from backends.dynamo.ids import Kind
from backends.dynamo.queries import Query
from backends.dynamo.records import AnyRecord
from backends.dynamo.roles import Role
from backends.liveness.evidence import Assessment, Evidence
from backends.liveness.evidence_kinds import NothingAsked
from backends.liveness.judge import Verdict
from backends.liveness.survey import survey
from backends.memory import Keyspace, MemoryStore
from backends.removal.audit.audit import Audit
from backends.removal.audit.operation import OperationKind
from backends.removal.removal_targets import RemovalTarget, kind_of, removal_targets, targets_of
from backends.removal.removals import Removals
from tests.support.registered import KeyAndValue, card, instance, record

ROUTER = instance(1, component="router", endpoint="find_best_worker")


def targets(*contents: KeyAndValue, lives: bool) -> list[RemovalTarget]:
    """What is registered, as it is judged where all of it may live, or none."""
    cluster = Cluster()
    records = [record(content) for content in contents]
    for one in records:
        cluster.put(one, FirstSeen(0.0, was_there=True))
    verdict = Verdict.LIVE if lives else Verdict.EXPIRED
    assessment = Assessment(verdict, (Evidence(NothingAsked(), 0.0),))
    found = removal_targets(records, cluster, assess=lambda _: assessment, may_live=lambda _: lives)
    return list(found)


@pytest.mark.parametrize(
    ("asked_as", "contents", "lives", "kind"),
    [
        ("unregister", [instance(1)], True, "drain"),
        ("unregister", [instance(1)], False, "unregister"),
        ("unregister", [card(1)], True, "unregister"),
        ("unregister", [card(1), instance(2)], True, "drain"),
        ("unregister", [ROUTER], True, "unregister"),
        ("unregister", [], True, "unregister"),
        ("drain", [instance(1)], False, "drain"),
        ("clean up", [instance(1)], True, "clean up"),
    ],
    ids=lambda one: str(one) if isinstance(one, str) else "",
)
def test_removing_a_living_workers_instance_is_a_drain_and_nothing_else_is(
    asked_as: OperationKind, contents: list[KeyAndValue], lives: bool, kind: OperationKind
) -> None:
    assert kind_of(asked_as, targets(*contents, lives=lives)) == kind


def test_an_instance_beside_what_makes_its_process_a_router_is_no_workers() -> None:
    # Of one lease: the second endpoint alone shows what the process is.
    other = instance(1, component="router", endpoint="clear")
    found = targets(other, ROUTER, lives=True)
    assert [one.role for one in found] == [Role.ROUTER, Role.ROUTER]
    assert not any(one.drains for one in found)


@pytest.mark.parametrize(
    ("verdict", "lives"), [("unreachable", False), ("live", True), ("unknown", True)]
)
def test_once_a_key_went_no_lease_speaks_for_what_was_unreachable(
    verdict: str, lives: bool
) -> None:
    target = RemovalTarget(record(instance(1)), verdict, (), may_live=True, role=Role.WORKER)
    assert target.after_it_went().drains is lives


async def test_the_audit_has_a_drain_where_a_survey_found_the_worker_to_live(
    keyspace: Keyspace, discovery: Discovery, acts: Removals, audit: Audit
) -> None:
    keyspace.grant(0x1, 30.0)
    keyspace.put(*instance(1), 0x1)
    seen = await survey(Discovery(MemoryStore(keyspace)), Query(frozenset(Kind)))
    instances: list[AnyRecord] = list(seen.records)
    result = await acts.remove("unregister", targets_of(seen, instances))
    assert (result.kind, result.can_be_undone) == ("drain", True)
    assert [act.kind for act in audit.acts()] == ["drain"]
    assert list(acts.drained) == [instance(1)[0]]
