"""Several processes write one audit, and any may be killed."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from pathlib import Path

import pytest

from backends.removal.audit.audit import Audit
from backends.removal.audit.disk import AuditFailed
from backends.removal.audit.file import Lock
from tests.support.auditing import NOON, ROOT, audit_at, begin, names


def test_many_processes_lose_and_mix_no_line_while_files_are_put_away(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    writers, each = 4, 25
    program = f"""
import sys
from pathlib import Path
from backends.removal.audit.audit import Audit
from backends.removal.audit.operation import Item
from backends.removal.audit.file import Lock
from backends.removal.outcomes import KeyOutcome, OutcomeType
from backends.store import Entry, Revision

# On a busy machine another writer may have it for long.
lock = Lock(Path({str(path)!r}), attempts=1_000_000)

audit = Audit(
    Path({str(path)!r}), clock=lambda: {NOON}, user=sys.argv[1], host="h",
    rotate_at=20_000, kept=50, lock=lock,
)
sys.stdin.readline()
for number in range({each}):
    value = sys.argv[1].encode() * (100 + 37 * number)
    entries = [Entry(b"%d/%d" % (number, n), value, Revision("7")) for n in (1, 2)]
    items = [Item(n, entry, "stale", ()) for n, entry in enumerate(entries, 1)]
    act = audit.begin("clean up", "etcd", "here", items)
    audit.finish(act, {{entry.key: KeyOutcome(OutcomeType.REMOVED) for entry in entries}})
"""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(writer)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for writer in range(writers)
    ]
    try:
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        for process in processes:
            _, complaints = process.communicate(timeout=120)
            assert (process.returncode, complaints) == (0, "")
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    trail = audit_at(path, kept=50).read()
    assert trail.unreadable == 0
    assert len({act.id for act in trail.acts}) == writers * each
    for writer in range(writers):
        own = [act for act in trail.acts if act.user == str(writer)]
        keys = [tuple(one.entry.key for one in act.items) for act in own]
        assert keys == [(b"%d/1" % number, b"%d/2" % number) for number in range(each)]
        assert {one.outcome for act in own for one in act.items} == {"removed"}
    assert 5 < len(names(path)) < 50


def test_killed_at_any_moment_it_has_written_what_it_said(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    program = f"""
from pathlib import Path
from backends.removal.audit.audit import Audit
from backends.removal.audit.operation import Item
from backends.store import Entry, Revision

audit = Audit(
    Path({str(path)!r}), clock=lambda: {NOON}, user="kim", host="h", rotate_at=5_000, kept=2_000
)
items = [Item(n, Entry(b"%d" % n, b"x" * 700, Revision("7")), "stale", ()) for n in (1, 2, 3)]
while True:
    print(audit.begin("clean up", "etcd", "here", items).id, flush=True)
"""
    said: list[str] = []
    for wait_for in range(1, 9):
        with subprocess.Popen(
            [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True
        ) as process:
            try:
                assert process.stdout is not None
                said += [process.stdout.readline().strip() for _ in range(wait_for)]
            finally:
                process.kill()
            rest, _ = process.communicate(timeout=60)
            said += [line.strip() for line in rest.splitlines(keepends=True) if line[-1] == "\n"]
    written = {act.id: len(act.items) for act in audit_at(path, kept=2_000).acts()}
    assert len(said) == len(set(said)) >= 36
    assert {act_id: written.get(act_id) for act_id in said} == dict.fromkeys(said, 3)
    # At most one act of each process was written and not said any more.
    assert len(written) <= len(said) + 8


def test_a_lock_that_is_never_let_go_is_an_error_and_no_endless_wait(path: Path) -> None:
    patience = Lock(path, attempts=500, pause=0.0)
    audit = Audit(path, clock=lambda: NOON, user="kim", host="node-1", lock=patience)
    act = begin(audit)
    lock = audit.path.with_name("audit.jsonl.lock")
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        for use in (lambda: begin(audit), audit.acts):
            with pytest.raises(AuditFailed) as failed:
                use()
            assert (failed.value.path, failed.value.reason) == (
                lock,
                "another process holds the lock",
            )
    assert audit.acts() == [act]
