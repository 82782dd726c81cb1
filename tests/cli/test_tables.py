"""Tables on standard output: nothing of a name is left out, whatever the locale."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import pty
import struct
import subprocess
import termios
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.registered import card, channel, instance
from tests.support.running import COMMAND, DEADLINE, dyntop, environment, put_file
from tui.cli.fitting import CUT_FIRST, CUT_LAST, GAP, LEAST, LEGIBLE, fitted, kind_of
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


NAMES = st.sampled_from([*sorted(CUT_FIRST | CUT_LAST), "KIND", "RANKS", "TTL"])


@given(
    st.lists(st.tuples(NAMES, st.integers(1, 240)), min_size=1, max_size=14), st.integers(1, 400)
)
def test_a_table_is_cut_only_as_far_as_room_is_missing(
    columns: list[tuple[str, int]], room: int
) -> None:
    names, widths = [name for name, _ in columns], [columns for _, columns in columns]
    found = fitted(names, widths, room)
    whole = sum(widths) + GAP * (len(widths) - 1)
    least = sum(min(LEAST, one) for one in widths) + GAP * (len(widths) - 1)
    if whole <= room or least > room:
        # It fits, or nothing could be told apart.
        assert list(found) == widths
        return
    assert sum(found) + GAP * (len(found) - 1) == room
    table = list(zip(names, found, widths, strict=True))
    assert all(min(LEAST, whole) <= cut <= whole for _, cut, whole in table)
    # What a row is recognised by is whole as long as any other cell is more than legible.
    if any(cut < whole for name, cut, whole in table if name in CUT_LAST):
        others = [(name, cut) for name, cut, _ in table if name not in CUT_LAST]
        assert all(cut <= LEGIBLE[kind_of(name)] for name, cut in others)


def test_sentences_are_cut_before_addresses_and_names_last() -> None:
    names = ("KIND", "COMPONENT", "ID", "TRANSPORT", "EVIDENCE")
    widths = (13, 20, 16, 60, 50)
    assert fitted(names, widths, 167) == [*widths]
    assert fitted(names, widths, 140) == [13, 20, 16, 60, 23]
    assert fitted(names, widths, 100) == [13, 20, 16, 27, 16]
    assert fitted(names, widths, 82) == [12, 20, 16, 10, 16]
    assert fitted(names, widths, 70) == [10, 13, 13, 10, 16]
    assert fitted(names, widths, 60) == [10, 12, 12, 10, 8]
    assert fitted(names, widths, 28) == [4, 4, 4, 4, 4]
    assert fitted(names, widths, 27) == widths


def test_a_header_gives_way_before_what_tells_a_row_from_others() -> None:
    names = ("WORKER", "MODELS", "ENDPOINTS", "CARDS")
    cells = (16, 20, 2, 1)
    widths = (16, 20, 9, 5)
    assert fitted(names, widths, 56, cells) == [*widths]
    assert fitted(names, widths, 51, cells) == [16, 20, 4, 5]
    assert fitted(names, widths, 50, cells) == [16, 20, 4, 4]
    assert fitted(names, widths, 49, cells) == [16, 19, 4, 4]


def at_terminal(columns: int, *args: str, env: dict[str, str]) -> list[str]:
    """Run dyntop with standard output at a terminal; return its lines."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen([*COMMAND, *args], env=environment(env), stdout=theirs)
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # its end is closed: it has ended
        while some := os.read(ours, 65536):
            shown += some
    os.close(ours)
    assert process.wait(DEADLINE) == 0
    return shown.decode(errors="replace").replace("\r\n", "\n").splitlines()


@pytest.mark.parametrize(
    ("columns", "what"), [(60, "all"), (80, "all"), (100, "all"), (55, "workers"), (80, "workers")]
)
def test_at_a_terminal_no_line_is_wider(columns: int, what: str, tmp_path: Path) -> None:
    for key, value in (instance(0xA907), card(0xA907), channel(0x51)):
        put_file(tmp_path, key, value)
    env = {"DYN_DISCOVERY_BACKEND": "file", "DYN_FILE_KV": str(tmp_path)}
    lines = at_terminal(columns, "list", what, env=env)
    whole = dyntop("list", what, env=env).lines
    assert len(lines) == len(whole)
    assert max(map(width, lines)) <= columns < max(map(width, whole))
    assert "…" in "".join(lines)
    assert not any("…" in line for line in whole)
    # What fits is not cut.
    assert at_terminal(max(map(width, whole)), "list", what, env=env) == whole


def test_at_a_terminal_without_unicode_a_cut_is_marked_in_ascii(tmp_path: Path) -> None:
    put_file(tmp_path, *instance(0xA907))
    env = {
        "DYN_DISCOVERY_BACKEND": "file",
        "DYN_FILE_KV": str(tmp_path),
        "PYTHONIOENCODING": "ascii",
    }
    lines = at_terminal(60, "list", env=env)
    assert max(map(len, lines)) <= 60
    assert "~" in lines[1]
    assert "".join(lines).isascii()


def test_a_time_is_never_cut() -> None:
    names = ["TIME", "NAME", "WHY"]
    assert fitted(names, [19, 60, 60], 40)[0] == 19
    assert fitted(names, [19, 60, 60], 30)[0] == 19
