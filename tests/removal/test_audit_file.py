"""Where the audit is, whose it is, and what cannot be it."""

from __future__ import annotations

import errno
import os
import pwd
import stat
from pathlib import Path
from typing import Any

import pytest

from backends.removal.audit.audit import Audit
from backends.removal.audit.disk import AuditFailed
from backends.removal.audit.location import default_path
from tests.support.auditing import audit_at, begin


def modes(path: Path) -> list[int]:
    return [stat.S_IMODE(one.stat().st_mode) for one in (path.parent, path)]


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


def test_where_a_user_has_no_home_it_can_be_neither_written_nor_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(_: int) -> None:
        raise KeyError

    monkeypatch.setattr("pwd.getpwuid", nobody)
    monkeypatch.chdir(tmp_path)
    nowhere = audit_at(default_path({"XDG_STATE_HOME": "state"}))
    for use in (lambda: begin(nowhere), nowhere.read, nowhere.acts, lambda: nowhere.find("x")):
        with pytest.raises(AuditFailed, match="this user has no home"):
            use()
    assert (problem := nowhere.problem()) is not None
    assert problem.reason == "this user has no home"
    assert list(tmp_path.iterdir()) == []


def test_that_it_cannot_be_written_is_known_before_and_nothing_is_made_to_find_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state" / "dyntop" / "audit.jsonl"
    assert audit_at(path).problem() is None
    assert list(tmp_path.iterdir()) == []
    # Root may write everywhere, so the system is asked in its name.
    monkeypatch.setattr("os.access", lambda *_, **__: False)
    problem = audit_at(path).problem()
    assert problem is not None
    assert (problem.path, problem.reason) == (tmp_path, "cannot be written")


@pytest.mark.parametrize("code", [errno.EACCES, errno.ENAMETOOLONG, errno.ELOOP])
def test_a_folder_that_this_user_may_not_enter_is_a_reason_and_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    path, status = tmp_path / "state" / "dyntop" / "audit.jsonl", os.stat

    def denied(one: Any, **more: Any) -> os.stat_result:
        if "state" in os.fspath(one):
            raise OSError(code, os.strerror(code))
        return status(one, **more)

    monkeypatch.setattr("os.stat", denied)
    problem = audit_at(path).problem()
    assert problem is not None
    assert (problem.path, problem.reason) == (path, os.strerror(code).lower())


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
