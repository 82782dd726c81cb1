"""Nothing is removed that is not in the audit first, with all that was known of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from backends.discovery.discovery import Discovery
from backends.memory import Keyspace
from backends.removal.audit.audit import Audit
from backends.removal.audit.disk import AuditFailed
from backends.removal.audit.operation import NOT_KNOWN
from backends.removal.outcomes import KeyOutcome, OutcomeType
from backends.removal.removals import Removals
from backends.store import (
    Cause,
    Unreachable,
)
from tests.support.auditing import NOON
from tests.support.removing import (
    CHANGED,
    GONE,
    LEASE,
    PUT_BACK,
    REMOVED,
    Slow,
    outcomes_in,
    put,
    there,
)


async def test_what_was_removed_is_in_the_audit_with_all_that_is_known_of_it(
    keyspace: Keyspace, acts: Removals, audit: Audit
) -> None:
    keyspace.grant(LEASE, 10.0)
    first, second = put(keyspace, 1, LEASE), put(keyspace, 2)
    done = await acts.remove("clean up", [first, second])
    assert done.outcomes == dict.fromkeys([first.record.key, second.record.key], REMOVED)
    assert done.audit_problem is None
    assert there(keyspace) == {}
    (act,) = audit.acts()
    assert (act.id, act.kind, act.store, act.address) == (
        done.id,
        "clean up",
        "memory",
        "this process",
    )
    assert (act.user, act.host, act.at) == ("kim", "node-1", NOON)
    assert [item.entry for item in act.items] == [first.record.entry, second.record.entry]
    assert [item.number for item in act.items] == [1, 2]
    assert {(item.verdict, item.evidence, item.outcome) for item in act.items} == {
        ("stale", ("nothing listens at 10.0.0.1:9000",), "removed")
    }


async def test_it_is_in_the_audit_before_the_store_is_asked(
    keyspace: Keyspace, audit: Audit
) -> None:
    store = Slow(keyspace)
    target = put(keyspace, 1)
    removing = asyncio.create_task(Removals(Discovery(store), audit).remove("drain", [target]))
    await store.asked.wait()
    assert outcomes_in(audit) == [[None]]
    assert target.record.key in there(keyspace)
    store.go.set()
    store.answer.set()
    await removing
    assert outcomes_in(audit) == [["removed"]]


async def test_what_cannot_be_written_down_is_not_removed(
    keyspace: Keyspace, acts: Removals, path: Path
) -> None:
    target = put(keyspace, 1)
    path.parent.parent.mkdir()
    path.parent.write_bytes(b"in the way")
    done = await acts.remove("unregister", [target])
    assert done.outcomes == {target.record.key: KeyOutcome(OutcomeType.NOT_WRITTEN_DOWN)}
    assert done.audit_problem is not None
    assert (done.id, done.can_be_undone) == (None, False)
    assert target.record.key in there(keyspace)
    assert acts.last() is None


async def test_an_outcome_that_cannot_be_written_down_is_told_and_can_be_undone(
    keyspace: Keyspace, acts: Removals, audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = put(keyspace, 1)
    problem = AuditFailed(audit.path, "no space left on device")

    def fails(*_: object) -> None:
        raise problem

    with monkeypatch.context() as broken:
        broken.setattr(audit, "finish", fails)
        done = await acts.remove("unregister", [target])
    assert done.outcomes == {target.record.key: REMOVED}
    assert done.audit_problem is problem
    assert outcomes_in(audit) == [[None]]
    undone = await acts.undo()
    assert undone is not None
    assert undone.outcomes == {target.record.key: PUT_BACK}


async def test_each_key_has_an_outcome_of_its_own(
    keyspace: Keyspace, acts: Removals, audit: Audit
) -> None:
    removed, changed, gone = put(keyspace, 1), put(keyspace, 2), put(keyspace, 3)
    put(keyspace, 2)
    keyspace.delete(gone.record.key)
    done = await acts.remove("clean up", [removed, changed, gone])
    assert list(done.outcomes.values()) == [REMOVED, CHANGED, GONE]
    assert outcomes_in(audit) == [["removed", "changed", "gone"]]


async def test_an_error_of_the_store_is_an_outcome(
    keyspace: Keyspace, acts: Removals, audit: Audit
) -> None:
    target = put(keyspace, 1)
    error = Unreachable("memory", Cause.TIMEOUT)
    keyspace.break_off(error)
    done = await acts.remove("unregister", [target])
    assert done.outcomes == {target.record.key: KeyOutcome(OutcomeType.LEFT_OPEN, error)}
    assert outcomes_in(audit) == [[NOT_KNOWN]]


async def test_no_target_is_no_act(acts: Removals, audit: Audit) -> None:
    done = await acts.remove("clean up", [])
    assert (done.id, done.outcomes, done.audit_problem) == (None, {}, None)
    assert audit.acts() == []


async def test_a_key_named_twice_is_one_item(
    keyspace: Keyspace, acts: Removals, audit: Audit
) -> None:
    target = put(keyspace, 1)
    await acts.remove("unregister", [target, target])
    assert outcomes_in(audit) == [["removed"]]


async def test_an_entry_is_found_in_the_audit_as_it_was_removed_and_in_no_other_revision(
    keyspace: Keyspace, discovery: Discovery, acts: Removals, path: Path, unaudited: Removals
) -> None:
    target = put(keyspace, 1)
    entry = target.record.entry
    done = await acts.remove("drain", [target])
    # Another process with the same audit.
    other = Removals(discovery, Audit(path, clock=lambda: NOON, user="joe", host="node-2"))
    found = await other.in_audit([entry])
    assert {key: (act.id, act.user, act.kind) for key, act in found.items()} == {
        entry.key: (done.id, "kim", "drain")
    }
    again = put(keyspace, 1)
    assert await other.in_audit([again.record.entry]) == {}
    assert await unaudited.in_audit([entry]) == {}
