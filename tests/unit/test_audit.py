"""The audit holds what was removed, whatever it was and whatever happens meanwhile."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import pwd
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.audit import (
    NOT_DONE,
    NOT_KNOWN,
    Act,
    Audit,
    AuditFailed,
    Item,
    default_path,
    new_id,
)
from backends.audit import lock as lock_module
from backends.store import (
    Cause,
    Entry,
    Outcome,
    PutBack,
    Refused,
    Removal,
    Revision,
    Unreachable,
)

NOON = 1795262400.0
"""2026-11-21, 12:00 UTC."""
ROOT = Path(__file__).parent.parent.parent
KEY = b"v1/instances/prod/backend/generate/1a"


def item(number: int = 1, key: bytes = KEY, value: bytes = b"{}", **more: Any) -> Item:
    entry = Entry(key, value, Revision("7"), more.pop("lease", None), more.pop("expired_at", None))
    return Item(number, entry, "stale", ("nothing listens at 10.0.0.1:9000",), **more)


def begin(audit: Audit, *items: Item) -> Act:
    return audit.begin("unregister", "etcd", "http://etcd:2379", items or (item(),))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "dyntop" / "audit.jsonl"


@pytest.fixture
def audit(path: Path) -> Audit:
    return audit_at(path)


def audit_at(path: Path, **more: int) -> Audit:
    return Audit(path, clock=lambda: NOON, user="kim", host="node-1", **more)


def modes(path: Path) -> list[int]:
    return [stat.S_IMODE(one.stat().st_mode) for one in (path.parent, path)]


def test_an_act_is_read_as_it_was_written(audit: Audit) -> None:
    first = item(1, lease=0xFFFF_FFFF_FFFF_FFFF)
    second = item(2, b"v1/mdc/prod/backend/generate/1a", b'{"a": 1}', expired_at=NOON - 5)
    written = audit.begin("clean up", "etcd", "http://etcd:2379", [first, second])
    (read,) = audit.acts()
    assert read == written
    assert (read.kind, read.store, read.address) == ("clean up", "etcd", "http://etcd:2379")
    assert (read.user, read.host, read.at) == ("kim", "node-1", NOON)
    assert read.items == (first, second)


@given(st.binary(max_size=40), st.binary(max_size=40), st.none() | st.integers(0, 2**64 - 1))
@settings(deadline=None)
def test_any_bytes_come_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, key: bytes, value: bytes, lease: int | None
) -> None:
    audit = audit_at(tmp_path_factory.mktemp("any") / "audit.jsonl")
    entry = Entry(key, value, Revision("7"), lease)
    begin(audit, Item(1, entry, "stale", ()))
    assert [one.entry for act in audit.acts() for one in act.items] == [entry]


@given(st.text(max_size=40), st.text(max_size=40))
@settings(deadline=None)
def test_any_text_comes_back_and_a_line_is_printable_ascii(
    tmp_path_factory: pytest.TempPathFactory, value: str, verdict: str
) -> None:
    audit = audit_at(tmp_path_factory.mktemp("any") / "audit.jsonl")
    entry = Entry(KEY, value.encode(), Revision("7"))
    begin(audit, Item(1, entry, verdict, (verdict,)))
    (line,) = audit.path.read_bytes().splitlines()
    assert all(0x20 <= byte < 0x7F for byte in line)
    assert json.loads(line)["value"] == value
    (read,) = audit.acts()[0].items
    assert (read.entry, read.verdict, read.evidence) == (entry, verdict, (verdict,))


def test_control_characters_are_text_and_what_is_not_utf_8_is_base64(audit: Audit) -> None:
    odd = "\0\x1b[2J\x7f\x9b\u2028\U0001f600"
    begin(audit, item(1, odd.encode(), b"\xed\xa0\x80"))
    line = json.loads(audit.path.read_bytes())
    assert (line["key"], line["value_base64"]) == (odd, "7aCA")
    assert all(0x20 <= byte < 0x7F for byte in audit.path.read_bytes().rstrip(b"\n"))
    assert "key_base64" not in line
    assert "value" not in line


def test_texts_with_lone_surrogates_are_written_so_that_every_tool_takes_them(path: Path) -> None:
    audit = Audit(path, clock=lambda: NOON, user="kim\udcff", host="node-1")
    written = begin(audit)
    assert written.user == "kim\\udcff"
    assert audit.acts() == [written]


def test_a_lease_is_lower_case_hex_and_a_line_says_its_version(audit: Audit) -> None:
    begin(audit, item(lease=0xA907))
    line = json.loads(audit.path.read_bytes())
    assert (line["v"], line["line"], line["lease"]) == (1, "removing", "a907")


def test_outcomes_are_read_with_their_items(audit: Audit) -> None:
    outcomes: dict[bytes, Outcome] = {
        b"1": Removal.REMOVED,
        b"2": Removal.CHANGED,
        b"3": Refused("etcd:2379", "out of space"),
        b"4": Unreachable("etcd:2379", Cause.TIMEOUT),
        b"5": Unreachable("etcd:2379", Cause.REFUSED),
    }
    act = begin(audit, *(item(number, b"%d" % number) for number in range(1, 7)))
    audit.finish(act, outcomes)
    (read,) = audit.acts()
    assert read == act.with_outcomes(outcomes)
    assert [(one.outcome, one.problem) for one in read.items] == [
        ("removed", ""),
        ("changed", ""),
        (NOT_DONE, "etcd:2379: out of space"),
        (NOT_KNOWN, "timeout: etcd:2379"),
        (NOT_DONE, "refused: etcd:2379"),
        (None, ""),
    ]
    # What was not recorded and what nobody answered for may have been removed.
    assert [one.may_be_removed for one in read.items] == [True, False, False, True, False, True]


def test_what_was_put_back_stays_so_whatever_comes_of_later_attempts(audit: Audit) -> None:
    act = begin(audit, item(1, b"1"), item(2, b"2"))
    audit.put_back(act, {b"1": PutBack.DONE, b"2": Refused("etcd", "no")})
    (first,) = audit.acts()
    assert [one.restored for one in first.items] == ["put back", NOT_DONE]
    assert [one.can_be_undone for one in first.items] == [False, True]
    audit.put_back(act, {b"1": PutBack.THERE, b"2": PutBack.LEASE_GONE})
    (second,) = audit.acts()
    assert [one.restored for one in second.items] == ["put back", "lease gone"]
    assert [one.restored_at for one in second.items] == [NOON, NOON]
    assert second.left_to_undo() is None


def test_an_act_is_found_by_its_id_and_an_item_by_its_number(audit: Audit) -> None:
    begin(audit)
    act = begin(audit, item(1, b"1"), item(2, b"2"))
    assert audit.find(act.id) == act
    found = audit.find(f"{act.id}.2")
    assert found is not None
    assert found.items == (act.items[1],)
    assert audit.find(f"{act.id}.3") is None
    assert audit.find("20261121-120000") is None


def test_ids_begin_with_the_second_and_none_is_given_twice(
    audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    digits = iter(["00ff", "00ff", "00ff", "3f2a"])
    monkeypatch.setattr("secrets.token_hex", lambda _: next(digits))
    assert begin(audit).id == "20261121-120000-00ff"
    assert begin(audit).id == "20261121-120000-3f2a"
    assert next(digits, None) is None


def test_ids_sort_as_time_goes() -> None:
    assert new_id(NOON, ()) < new_id(NOON + 1, ()) < new_id(NOON + 86400, ())


def test_without_a_file_there_are_no_acts_and_reading_makes_none(audit: Audit) -> None:
    assert audit.acts() == []
    assert audit.find("20261121-120000-00ff") is None
    assert not audit.path.parent.exists()


# The file.


def test_the_file_and_its_folders_are_for_this_user_alone(audit: Audit, path: Path) -> None:
    begin(audit)
    assert modes(path) == [0o700, 0o600]
    assert stat.S_IMODE(path.parent.parent.stat().st_mode) == 0o700


def test_a_file_of_ours_that_others_could_read_is_tightened(audit: Audit, path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.touch()
    path.chmod(0o664)
    audit.acts()
    assert stat.S_IMODE(path.stat().st_mode) == 0o664
    begin(audit)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_of_somebody_else_keeps_its_mode(
    audit: Audit, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.parent.mkdir(parents=True)
    path.touch()
    path.chmod(0o664)
    monkeypatch.setattr("os.geteuid", lambda: path.stat().st_uid + 1)
    begin(audit)
    assert stat.S_IMODE(path.stat().st_mode) == 0o664


@pytest.mark.parametrize("suffix", ["", ".lock"])
def test_a_symlink_is_not_followed(audit: Audit, path: Path, tmp_path: Path, suffix: str) -> None:
    path.parent.mkdir(parents=True)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"theirs")
    link = path.with_name(path.name + suffix)
    link.symlink_to(elsewhere)
    for use in (lambda: begin(audit), audit.acts):
        with pytest.raises(AuditFailed) as failed:
            use()
        assert (failed.value.path, failed.value.reason) == (
            link,
            "a symbolic link, which is not followed",
        )
    assert elsewhere.read_bytes() == b"theirs"
    assert link.is_symlink()


def test_a_symlink_is_not_put_away_either(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(AuditFailed):
        begin(audit_at(path, rotate_at=1))
    assert path.is_symlink()
    assert not (tmp_path / "elsewhere").exists()


def test_what_is_no_regular_file_is_refused_and_blocks_nobody(audit: Audit, path: Path) -> None:
    path.parent.mkdir(parents=True)
    os.mkfifo(path)
    for use in (lambda: begin(audit), audit.acts):
        with pytest.raises(AuditFailed) as failed:
            use()
        assert failed.value.reason == "not a regular file"


def test_where_no_folder_can_be_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "state").write_bytes(b"")
    with pytest.raises(AuditFailed) as failed:
        begin(audit_at(tmp_path / "state" / "dyntop" / "audit.jsonl"))
    assert failed.value.reason == "not a directory"


def test_a_folder_that_is_a_link_to_nowhere_is_told(tmp_path: Path) -> None:
    (tmp_path / "state").symlink_to(tmp_path / "nowhere")
    with pytest.raises(AuditFailed) as failed:
        begin(audit_at(tmp_path / "state" / "dyntop" / "audit.jsonl"))
    assert failed.value.reason == "no such file or directory"


def test_half_a_line_is_skipped_and_counted_and_the_next_begins_on_its_own(audit: Audit) -> None:
    first = begin(audit)
    with audit.path.open("ab") as file:
        file.write(b'{"v":1,"line":"removing","id":"2026')
    assert audit.read().unreadable == 1
    second = begin(audit)
    trail = audit.read()
    assert (trail.acts, trail.unreadable) == ((first, second), 1)


def test_a_whole_line_that_only_lacks_its_end_is_read(audit: Audit) -> None:
    first = begin(audit)
    audit.path.write_bytes(audit.path.read_bytes().rstrip(b"\n"))
    assert audit.acts() == [first]
    second = begin(audit)
    trail = audit.read()
    assert (trail.acts, trail.unreadable) == ((first, second), 0)


@pytest.mark.parametrize(
    "line",
    [
        b"\0\0\0\0",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b'{"v":2,"line":"outcome","id":"x","at":1.0,"outcomes":[]}',
        b'{"v":1,"line":"forgotten","id":"x"}',
        b'{"v":1,"line":"outcome","id":"x","at":NaN,"outcomes":[]}',
        b"[" * 10_000,
    ],
)
def test_a_line_that_is_not_of_this_version_is_skipped_and_counted(
    audit: Audit, line: bytes
) -> None:
    act = begin(audit)
    with audit.path.open("ab") as file:
        file.write(line + b"\n")
    trail = audit.read()
    assert (trail.acts, trail.unreadable) == ((act,), 1)


@pytest.mark.parametrize(
    "change",
    [
        lambda line: line.pop("key"),
        lambda line: line.pop("value"),
        lambda line: line.update(key=None, key_base64="?"),
        lambda line: line.update(lease="0x1a"),
        lambda line: line.update(item=0),
        lambda line: line.update(kind="revoke"),
    ],
)
def test_a_removing_line_that_lacks_something_is_skipped_and_counted(
    audit: Audit, change: Callable[[dict[str, Any]], object]
) -> None:
    begin(audit)
    line = json.loads(audit.path.read_bytes())
    change(line)
    audit.path.write_text(json.dumps(line) + "\n")
    trail = audit.read()
    assert (trail.acts, trail.unreadable) == ((), 1)


def test_a_field_that_a_later_version_adds_is_left_alone(audit: Audit) -> None:
    act = begin(audit)
    line = json.loads(audit.path.read_bytes())
    audit.path.write_text(json.dumps(line | {"ticket": "OPS-1"}) + "\n")
    assert audit.acts() == [act]


# Everything on the disk before it returns.


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


# What a disk may do.


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
from backends.audit import Audit, AuditFailed, Item
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


# Putting files away.


def names(path: Path) -> list[str]:
    return sorted(file.name for file in path.parent.glob("audit.jsonl*") if file.suffix != ".lock")


def test_a_full_file_is_put_away_and_read_all_the_same(path: Path) -> None:
    audit = audit_at(path, rotate_at=1, kept=3)
    acts = [begin(audit) for _ in range(4)]
    assert names(path) == ["audit.jsonl", "audit.jsonl.1", "audit.jsonl.2", "audit.jsonl.3"]
    assert audit.acts() == acts
    acts.append(begin(audit))
    assert audit.acts() == acts[1:]
    assert len(names(path)) == 4


def test_an_outcome_in_a_later_file_finds_its_act(path: Path) -> None:
    audit = audit_at(path, rotate_at=1, kept=2)
    act = begin(audit)
    audit.finish(act, {KEY: Removal.REMOVED})
    assert names(path) == ["audit.jsonl", "audit.jsonl.1"]
    assert audit.acts() == [act.with_outcomes({KEY: Removal.REMOVED})]
    audit.put_back(act, {KEY: PutBack.DONE})
    begin(audit)
    # The act's own line is not kept any more, what came of it says nothing then.
    assert [one.id for one in audit.acts()] != [act.id]
    assert audit.read().unreadable == 0


def test_a_file_grows_to_its_limit_first(path: Path) -> None:
    begin(audit_at(path))
    size = path.stat().st_size
    audit = audit_at(path, rotate_at=2 * size)
    begin(audit)
    assert names(path) == ["audit.jsonl"]
    begin(audit)
    assert names(path) == ["audit.jsonl", "audit.jsonl.1"]


def test_a_rotation_that_was_cut_off_loses_nothing_more(path: Path) -> None:
    audit = audit_at(path, rotate_at=1, kept=3)
    acts = [begin(audit) for _ in range(4)]
    # As after a crash with 3 overwritten and 2 not filled again.
    os.replace(path.with_name("audit.jsonl.2"), path.with_name("audit.jsonl.3"))
    acts.append(begin(audit))
    assert audit.acts() == acts[1:]


# Several processes.


def test_many_processes_lose_and_mix_no_line_while_files_are_put_away(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    writers, each = 4, 25
    program = f"""
import sys
from pathlib import Path
from backends.audit import Audit, Item
from backends.store import Entry, Removal, Revision

audit = Audit(
    Path({str(path)!r}), clock=lambda: {NOON}, user=sys.argv[1], host="h", rotate_at=20_000, kept=50
)
sys.stdin.readline()
for number in range({each}):
    value = sys.argv[1].encode() * (100 + 37 * number)
    entries = [Entry(b"%d/%d" % (number, n), value, Revision("7")) for n in (1, 2)]
    items = [Item(n, entry, "stale", ()) for n, entry in enumerate(entries, 1)]
    act = audit.begin("clean up", "etcd", "here", items)
    audit.finish(act, {{entry.key: Removal.REMOVED for entry in entries}})
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
from backends.audit import Audit, Item
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


def test_a_lock_that_is_never_let_go_is_an_error_and_no_endless_wait(
    audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    act = begin(audit)
    monkeypatch.setattr(lock_module, "LOCK_PAUSE", 0.0)
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


# Where it is.


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"XDG_STATE_HOME": "/state", "HOME": "/home/kim"}, "/state"),
        ({"XDG_STATE_HOME": "state", "HOME": "/home/kim"}, "/home/kim/.local/state"),
        ({"XDG_STATE_HOME": "", "HOME": "/home/kim"}, "/home/kim/.local/state"),
        ({"HOME": "/home/kim"}, "/home/kim/.local/state"),
    ],
)
def test_it_is_where_the_xdg_specification_puts_it(environ: dict[str, str], folder: str) -> None:
    assert default_path(environ) == Path(folder) / "dyntop" / "audit.jsonl"


def test_a_user_without_a_home_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(_: int) -> None:
        raise KeyError

    monkeypatch.setattr("pwd.getpwuid", nobody)
    with pytest.raises(AuditFailed):
        default_path({})


@pytest.mark.parametrize("path", ["audit.jsonl", "state/dyntop/audit.jsonl", "../audit.jsonl", ""])
def test_a_path_that_is_not_absolute_is_refused_and_no_folder_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    with pytest.raises(AuditFailed) as failed:
        begin(audit_at(Path(path)))
    assert (failed.value.path, failed.value.reason) == (Path(path), "not an absolute path")
    assert list(tmp_path.rglob("*")) == [here]


def test_a_user_whose_home_is_not_absolute_gets_no_audit_where_dyntop_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = pwd.struct_passwd(("nobody", "x", 1, 1, "", "", "/bin/false"))
    monkeypatch.setattr("pwd.getpwuid", lambda _: nobody)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AuditFailed):
        begin(audit_at(default_path({})))
    assert list(tmp_path.iterdir()) == []
