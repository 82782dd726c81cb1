"""Tables on standard output: nothing of a name is left out, whatever the locale."""

from __future__ import annotations

import io

import pytest

from tests.support.running import dyntop
from tui.cli.tables import WIDEST_CELL, write_table
from tui.text.sanitize import width


@pytest.mark.parametrize("length", [73, 128, WIDEST_CELL])
@pytest.mark.parametrize("place", [0, 1])
def test_a_name_is_printed_in_full(
    length: int, place: int, capsys: pytest.CaptureFixture[str]
) -> None:
    name = ("worker_kv_query_source_" * 20)[:length]
    row = ["live", "why"]
    row.insert(place, name)
    write_table(("A", "B", "C"), [row])
    assert name in capsys.readouterr().out.split()


def test_of_a_name_that_nobody_writes_both_ends_are_printed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_table(("NAME", "ID"), [("prod/" + "x" * 100_000 + "/generate", "1a")])
    line = capsys.readouterr().out.splitlines()[1]
    assert line.startswith("prod/xxx")
    assert line.endswith("xxx/generate  1a")
    assert len(line) < WIDEST_CELL + 10


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_columns_are_aligned_in_every_encoding(
    encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A strict encoding, as of a Latin-1 locale, spells out what it does not have."""
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr("sys.stdout", out)
    write_table(("NAME", "ID"), [("推理/générer", "1a"), ("prod", "1b")])
    lines = out.buffer.getvalue().decode(encoding).splitlines()
    ends = {
        width(line.removesuffix(word)) for line, word in zip(lines, ("ID", "1a", "1b"), strict=True)
    }
    assert len(ends) == 1


@pytest.mark.parametrize("arguments", [("show", "openai/gpt-oss-120b"), ("list", "workers")])
@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_command_prints_in_a_locale_that_lacks_its_signs(
    arguments: tuple[str, ...], encoding: str
) -> None:
    """Case: `show` in a Latin-1 locale ended with a fault of dyntop's own, at its first sign."""
    plain = dyntop("--demo", *arguments)
    ended = dyntop("--demo", *arguments, env={"PYTHONIOENCODING": encoding})
    assert (ended.code, ended.err) == (0, "")
    assert len(ended.out.splitlines()) == len(plain.lines)
