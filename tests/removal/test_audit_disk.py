"""What is written down is on the disk before it counts; a disk that fails leaves no half line."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from backends.removal.audit.audit import Audit
from backends.removal.audit.disk import AuditFailed
from tests.support.auditing import NOON, ROOT, audit_at, begin, item


def test_an_act_is_synced_and_the_folder_too_when_the_file_is_new(
    audit: Audit, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.parent.mkdir(parents=True)
    synced: list[tuple[str, int]] = []
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        synced.append((os.readlink(f"/proc/self/fd/{descriptor}"), path.stat().st_size))
        fsync(descriptor)

    monkeypatch.setattr("os.fsync", noted)
    begin(audit)
    size = path.stat().st_size
    assert synced == [(str(path), size), (str(path.parent), size)]
    begin(audit)
    assert synced[2:] == [(str(path), path.stat().st_size)]


def test_an_act_of_many_keys_is_one_append_and_one_sync(
    audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(audit)
    calls: list[str] = []
    write, fsync = os.write, os.fsync

    def noted_write(descriptor: int, content: memoryview) -> int:
        calls.append("write")
        return write(descriptor, content)

    def noted_fsync(descriptor: int) -> None:
        calls.append("fsync")
        fsync(descriptor)

    monkeypatch.setattr("os.write", noted_write)
    monkeypatch.setattr("os.fsync", noted_fsync)
    begin(audit, *(item(number, b"%d" % number) for number in range(1, 101)))
    monkeypatch.undo()
    assert calls == ["write", "fsync"]
    assert len(audit.acts()[1].items) == 100


def test_a_disk_that_fills_up_leaves_the_earlier_lines_and_no_half_one(
    audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = begin(audit)
    before = audit.path.read_bytes()
    write = os.write
    written: list[int] = []

    def fills_up(descriptor: int, content: memoryview) -> int:
        if written:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written.append(write(descriptor, content[:40]))
        return written[0]

    monkeypatch.setattr("os.write", fills_up)
    with pytest.raises(AuditFailed) as failed:
        begin(audit)
    monkeypatch.undo()
    assert (failed.value.path, failed.value.reason) == (audit.path, "no space left on device")
    assert written == [40]
    assert audit.path.read_bytes() == before
    second = begin(audit)
    assert audit.acts() == [first, second]


def test_a_sync_that_fails_takes_the_lines_back(
    audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(audit)
    before = audit.path.read_bytes()

    def fails(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("os.fsync", fails)
    with pytest.raises(AuditFailed):
        begin(audit)
    assert audit.path.read_bytes() == before


def test_half_a_line_that_cannot_be_taken_back_harms_no_other(
    audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = begin(audit)
    write = os.write

    def fails(_: int, __: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    def fills_up(descriptor: int, content: memoryview) -> int:
        write(descriptor, content[:40])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.write", fills_up)
    monkeypatch.setattr("os.ftruncate", fails)
    with pytest.raises(AuditFailed):
        begin(audit)
    monkeypatch.undo()
    second = begin(audit)
    trail = audit.read()
    assert (trail.acts, trail.unreadable) == ((first, second), 1)


def test_a_file_that_may_not_grow_is_told_by_the_real_system(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    program = f"""
import resource
from pathlib import Path
from backends.removal.audit.audit import Audit
from backends.removal.audit.disk import AuditFailed
from backends.removal.audit.operation import Item
from backends.store import Entry, Revision

audit = Audit(Path({str(path)!r}), clock=lambda: {NOON}, user="kim", host="node-1")
small = Item(1, Entry(b"small", b"", Revision("7")), "stale", ())
large = Item(1, Entry(b"large", b"x" * 5000, Revision("7")), "stale", ())
audit.begin("drain", "etcd", "here", [small])
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    audit.begin("drain", "etcd", "here", [large])
except AuditFailed as failed:
    print(failed.reason)
audit.begin("drain", "etcd", "here", [small])
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "file too large\n", "")
    trail = audit_at(path).read()
    assert [act.items[0].entry.key for act in trail.acts] == [b"small", b"small"]
    assert trail.unreadable == 0
