"""Who drained which worker, as the audit on this machine has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.liveness.evidence_kinds import Drained
from backends.removal.audit.audit import Audit
from backends.removal.audit.operation import Item
from backends.removal.audit.trail import drained_in
from backends.removal.audit_drains import AuditDrains, marks_of, read_marks
from backends.removal.outcomes import KeyOutcome
from backends.store import Entry, Revision
from tests.support import registered
from tests.support.removing import CHANGED, GONE, PUT_BACK, REMOVED

HERE = ("etcd", "http://etcd:2379")


def audit_at(folder: Path) -> Audit:
    return Audit(folder / "audit.jsonl", clock=lambda: 50.0, user="joe", host="node-1")


def item(worker: int, lease: int | None = None) -> Item:
    key, value = registered.instance(worker)
    return Item(1, Entry(key, value, Revision("1"), lease), "live", ())


async def test_what_another_process_drained_is_known_until_it_is_put_back(tmp_path: Path) -> None:
    audit, key = audit_at(tmp_path), item(0xA).entry.key
    following = AuditDrains(audit_at(tmp_path), *HERE)
    assert await following.changed() is None
    act = audit.begin("drain", *HERE, [item(0xA, lease=0xB)])
    audit.finish(act, {key: REMOVED})
    found = await following.changed()
    assert found is not None
    # By the lease, too, where it is another: that is what its other keys hang on.
    assert {*found} == {0xA, 0xB}
    assert found[0xB].at == 50.0
    assert found[0xB].by == Drained("joe", "node-1", act.id)
    assert await following.changed() is None
    audit.put_back(act, {key: PUT_BACK})
    assert await following.changed() == {}


@pytest.mark.parametrize("outcome", [GONE, CHANGED])
async def test_what_was_not_removed_was_not_drained(tmp_path: Path, outcome: KeyOutcome) -> None:
    audit = audit_at(tmp_path)
    act = audit.begin("drain", *HERE, [item(0xA)])
    audit.finish(act, {item(0xA).entry.key: outcome})
    assert await read_marks(audit, *HERE) == {}


async def test_other_stores_and_other_acts_are_left_out(tmp_path: Path) -> None:
    audit = audit_at(tmp_path)
    audit.begin("drain", "etcd", "http://another:2379", [item(0xA)])
    audit.begin("clean up", *HERE, [item(0xB)])
    assert await read_marks(audit, *HERE) == {}


async def test_of_one_key_the_last_act_counts(tmp_path: Path) -> None:
    audit = audit_at(tmp_path)
    audit.begin("drain", *HERE, [item(0xA)])
    audit.begin("clean up", *HERE, [item(0xA)])
    assert drained_in(audit.acts(), *HERE) == []
    last = audit.begin("drain", *HERE, [item(0xA)])
    assert [one.act_id for one in drained_in(audit.acts(), *HERE)] == [last.id]
    assert {*marks_of(drained_in(audit.acts(), *HERE))} == {0xA}


async def test_without_an_audit_and_where_it_cannot_be_read_nothing_is_known(
    tmp_path: Path,
) -> None:
    assert await read_marks(None, *HERE) == {}
    (tmp_path / "file").write_text("")
    unreadable = audit_at(tmp_path / "file")
    assert await read_marks(unreadable, *HERE) == {}
    assert await AuditDrains(unreadable, *HERE).changed() is None
