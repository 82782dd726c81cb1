"""What the build before wrote down is read, and what it removed is put back."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from backends.discovery.discovery import Discovery
from backends.liveness.evidence_kinds import Drained
from backends.memory import Keyspace, MemoryStore
from backends.removal.audit.audit import Audit
from backends.removal.audit_drains import read_marks
from backends.removal.removals import Removals
from tests.support.removing import there

SAMPLE = Path(__file__).parent / "samples" / "audit-0.1.jsonl"
LEASE = 0x1A


@pytest.fixture
def written(tmp_path: Path) -> Audit:
    """An audit of the build before, to be written to as well."""
    path = tmp_path / "audit.jsonl"
    shutil.copyfile(SAMPLE, path)
    return Audit(path, clock=lambda: 1795300000.0, user="joe", host="node-2")


def test_every_act_of_the_build_before_is_read_with_what_came_of_it(written: Audit) -> None:
    trail = written.read()
    assert trail.unreadable == 0
    read = [
        (act.id[9:15], act.kind, [(item.outcome, item.restored) for item in act.items])
        for act in trail.acts
    ]
    assert read == [
        ("120001", "drain", [("removed", "put back")]),
        ("120005", "unregister", [("removed", None), ("changed", None), ("gone", None)]),
        ("120007", "clean up", [("removed", None)]),
        ("120009", "drain", [("not known", None)]),
        ("120011", "unregister", [("not done", None)]),
        ("120013", "unregister", [("removed", "not done")]),
        ("120017", "unregister", [("removed", None)]),
        ("120019", "drain", [("removed", "there"), ("removed", "lease gone")]),
        ("120023", "drain", [(None, None)]),
    ]
    problems = [item.problem for act in trail.acts for item in act.items if item.problem]
    assert problems == ["timeout: this process", "this process: no space", "refused: this process"]
    assert {(act.user, act.host, act.store, act.address) for act in trail.acts} == {
        ("kim", "node-1", "memory", "this process")
    }


async def test_what_the_build_before_removed_is_put_back_byte_for_byte(
    keyspace: Keyspace, written: Audit
) -> None:
    keyspace.grant(LEASE, 60.0)
    removals = Removals(Discovery(MemoryStore(keyspace)), written)
    came_of: dict[str, list[str]] = {}
    for act in written.acts():
        result = await removals.restore(act.id)
        came_of[act.id[9:15]] = [outcome.type.value for outcome in result.outcomes.values()]
        for item in act.items:
            if item.may_be_removed and not item.entry.unread:
                assert there(keyspace)[item.entry.key] == (item.entry.value, item.entry.lease)
    assert came_of == {
        "120001": ["put back"],
        "120005": ["put back"],
        "120007": ["put back"],
        "120009": ["put back"],
        "120011": [],
        "120013": ["put back"],
        "120017": ["value not known"],
        "120019": ["put back", "put back"],
        "120023": ["put back"],
    }
    # Keys and values that are not UTF-8 came back, too.
    assert there(keyspace)[b"v1/instances/\xff/\x1b[31m"] == (b"\x00\xfe\xff", None)
    assert [len(act.items) for act in written.acts()] == [1, 3, 1, 1, 1, 1, 1, 2, 1]


async def test_whom_the_build_before_drained_is_known(written: Audit) -> None:
    marks = await read_marks(written, "memory", "this process")
    # Worker 5 was there again for the act after it; worker 8 came back by itself.
    assert set(marks) == {9, LEASE, 0xA}
    by = [mark.by for mark in marks.values()]
    assert all(isinstance(one, Drained) for one in by)
    assert {(one.user, one.host) for one in by if isinstance(one, Drained)} == {("kim", "node-1")}
