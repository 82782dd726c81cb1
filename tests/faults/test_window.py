"""Whatever the window is, what it shows is true; where there is none, a sentence says so."""

from __future__ import annotations

import os
import subprocess
import time

import pytest

from tests.support.running import COMMAND, STATE, environment
from tests.support.terminal import CURSOR, Terminal

STATE_ENV = {"XDG_STATE_HOME": STATE.name}


def test_a_window_resized_200_times_a_second_shows_what_is_true_and_answers_keys() -> None:
    with Terminal([*COMMAND, "--demo"], env=STATE_ENV) as terminal:
        terminal.wait_for("● connected")
        for number in range(400):
            terminal.resize(60 + number % 80, 10 + number % 40)
            time.sleep(1 / 200)
        terminal.resize(120, 40)
        terminal.wait_for(lambda text: "q Quit" in text.split("\n")[39])
        terminal.clear()
        terminal.resize(118, 38)
        terminal.wait_for(lambda text: "q Quit" in text.split("\n")[37])
        terminal.wait_for("▼ all name")
        terminal.press("3")
        terminal.wait_for("COMPONENT▲")


def test_a_window_of_20_by_5_says_how_it_stands_and_answers_keys() -> None:
    with Terminal([*COMMAND, "--demo"], env=STATE_ENV, columns=20, rows=5) as terminal:
        terminal.wait_for("● connected")
        terminal.press("1")
        terminal.wait_for("Inst")
        terminal.press("?")
        terminal.wait_for("dyntop: keys and")
        terminal.press("escape")
        terminal.wait_for("● connected")
        terminal.press("d")
        # The worker, which has two.
        terminal.wait_for("Drain 2 instances?")
        terminal.press("escape")
        # What is typed right behind the escape would be read as a key with Alt.
        terminal.wait_until_gone("Drain 2 instances?")
        terminal.wait_for("● connected")
        terminal.press("q")
        assert terminal.wait_for_end() == 0


def test_a_terminal_that_cannot_move_its_cursor_gets_a_sentence_and_no_escape_sequence() -> None:
    with Terminal([*COMMAND, "--demo"], env=STATE_ENV | {"TERM": "dumb"}) as terminal:
        assert terminal.wait_for_end() == 2
        assert "dyntop: the dashboard needs a terminal that can move its cursor" in terminal.text()
        assert terminal.mode(CURSOR) is None


@pytest.mark.parametrize("missing", ["stdin", "stderr"])
def test_without_a_terminal_it_says_so_and_draws_nothing(missing: str) -> None:
    ours, theirs = os.openpty()
    try:
        done = subprocess.run(
            [*COMMAND, "--demo"],
            env=environment(),
            stdin=subprocess.DEVNULL if missing == "stdin" else theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if missing == "stderr" else theirs,
            timeout=60,
            check=False,
        )
        said = done.stderr if missing == "stderr" else os.read(ours, 1000)
    finally:
        os.close(ours)
        os.close(theirs)
    assert (done.returncode, done.stdout) == (2, b"")
    assert said.startswith(b"dyntop: the dashboard needs a terminal, for standard input and")
    assert b"\x1b" not in said
