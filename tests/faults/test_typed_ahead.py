"""What is typed in the terminal while the dashboard starts, and keys that come in one read."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.support.running import COMMAND
from tests.support.terminal import Terminal


@pytest.mark.parametrize("after", [0.0, 0.3])
def test_a_tab_and_a_filter_typed_ahead_are_there_once_it_is_shown(
    tmp_path: Path, after: float
) -> None:
    env = {"XDG_STATE_HOME": str(tmp_path)}
    with Terminal([*COMMAND, "--demo"], env=env, anew=True) as terminal:
        time.sleep(after)
        terminal.press("2", "/", *"prod", "enter")
        terminal.wait_for("● connected")
        terminal.wait_for("MODEL▲")
        terminal.wait_for("matches ")
        terminal.press("?")
        terminal.wait_for("dyntop: keys and")
        terminal.press("q")
        terminal.wait_until_gone("dyntop: keys and")


def test_what_ended_it_once_does_not(tmp_path: Path) -> None:
    env = {"XDG_STATE_HOME": str(tmp_path)}
    with Terminal([*COMMAND, "--demo"], env=env, columns=100, rows=30, anew=True) as terminal:
        # Reports of the mouse, of the focus and of the window, and an end of file, ahead of all.
        terminal.press("\x04", "\x1b[<0;50;2M\x1b[<0;50;2m", "\x1b[O\x1b[I", "\x1b[48;30;100;0;0t")
        terminal.wait_for("● connected")
        terminal.press("1")
        terminal.wait_for("ENDPOINT▲")
        terminal.press("ctrl+p", "pagedown")
        terminal.wait_for("Search for commands")
        terminal.press("freeze")
        terminal.wait_for("Freeze or resume the view")
        terminal.press("enter", "enter")
        # The second is for the table.
        terminal.wait_for("Esc Close")
        terminal.press("escape")
        terminal.wait_for("frozen")
        terminal.press("f")
        terminal.wait_until_gone("frozen")
        terminal.press("y")
        text = terminal.wait_for("Copied the key")
        row = next(n for n, line in enumerate(text.split("\n"), 1) if "Copied the key" in line)
        for _ in range(3):
            terminal.press(f"\x1b[<0;60;{row}M\x1b[<0;60;{row}m")
            time.sleep(0.03)
        terminal.wait_until_gone("Copied the key")
        terminal.press("3")
        terminal.wait_for("COMPONENT▲")
