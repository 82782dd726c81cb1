"""Building the Kubernetes programs: what happens without Go, and with one that fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.kubernetes import program


@pytest.fixture(autouse=True)
def _nothing_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(program.NEEDED, raising=False)


def _install_go(folder: Path, script: str) -> None:
    go = folder / "go"
    go.write_text(f"#!/bin/sh\n{script}\n")
    go.chmod(0o755)


def test_without_go_one_line_tells_and_make_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main() == 0
    said = capsys.readouterr()
    assert said.err.count("\n") == 1
    assert "no Go" in said.err
    with pytest.raises(program.NotBuilt, match="make apiserver"):
        program.find()


def test_where_it_is_needed_make_fails_without_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(program.NEEDED, "1")
    assert program.main() == 1


def test_a_build_that_fails_leaves_nothing_and_its_last_line_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _install_go(tmp_path, "echo first >&2; echo 'no such module' >&2; exit 1")
    assert program.main() == 0
    assert capsys.readouterr().err.endswith("`go build` failed: no such module\n")
    assert not program.cached().exists()


def test_what_was_built_once_is_not_built_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # $5 is what follows `build -trimpath -ldflags=… -o`.
    _install_go(tmp_path, 'echo built > "$5"')
    assert program.main() == 0
    assert program.find().read_text() == "built\n"
    (tmp_path / "go").unlink()
    assert program.main() == 0
    assert "built before" in capsys.readouterr().out


def test_another_module_is_another_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = program.cached()
    for name in program.FILES:
        (tmp_path / name).write_bytes((program.MODULE / name).read_bytes())
    (tmp_path / "main.go").write_text("package main\n")
    monkeypatch.setattr(program, "MODULE", tmp_path)
    assert program.cached() != before
