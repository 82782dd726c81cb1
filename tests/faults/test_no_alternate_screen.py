"""A terminal without an alternate screen, as GNU screen by default and mosh, is left clean."""

from __future__ import annotations

import re
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.running import COMMAND, STATE
from tests.support.terminal import ALTERNATE_SCREEN, Terminal

ENV = {"XDG_STATE_HOME": STATE.name, "PS1": "ready> "}
SHELL = ["bash", "--norc", "--noprofile", "-i"]
DEMO = " ".join([sys.executable, *COMMAND[1:], "--demo"])


def begin(terminal: Terminal) -> None:
    terminal.wait_for("ready>")
    terminal.type(f"echo before; {DEMO}\r")
    terminal.wait_for("● connected")
    terminal.wait_for("q Quit")


def is_clean(text: str) -> bool:
    """Whether the prompt is there, and nothing of the dashboard."""
    lines = [line for line in text.split("\n") if line]
    return bool(lines) and lines[-1] == "ready>" and not re.search("[●▎▼]|Quit", text)


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(lambda terminal: terminal.press("q"), id="q"),
        pytest.param(lambda terminal: terminal.press("ctrl+c"), id="Ctrl-C"),
        pytest.param(lambda terminal: terminal.press("ctrl+z"), id="Ctrl-Z"),
    ],
)
def test_the_prompt_stands_on_a_clean_screen(end: Callable[[Terminal], None]) -> None:
    with Terminal(SHELL, env=ENV, alternate_screen=False) as terminal:
        begin(terminal)
        end(terminal)
        terminal.wait_for(is_clean)
        terminal.wait_for(lambda _: terminal.mode(ALTERNATE_SCREEN) is False)
        if "Stopped" in terminal.text():
            terminal.type("fg\r")
            terminal.wait_for("● connected")
            terminal.wait_for("q Quit")
            terminal.press("q")
            terminal.wait_for(is_clean)
        terminal.type("exit\r")
        terminal.wait_for_end()


def test_sigterm_leaves_a_clean_screen() -> None:
    with Terminal([*COMMAND, "--demo"], env=ENV, alternate_screen=False) as terminal:
        terminal.wait_for("● connected")
        terminal.signal(signal.SIGTERM)
        terminal.wait_for_end()
        assert terminal.text().strip() == ""


HANGS = """
import asyncio, time
from textual.app import App
from tui.runtime.shutdown import Ending

async def main(drawn):
    ending = Ending()
    ending.is_drawn = lambda: drawn
    ending.watch_over(App())
    print("the last frame", flush=True)
    time.sleep(60)

asyncio.run(main(%r))
"""


@pytest.mark.parametrize("drawn", [True, False])
def test_one_that_hangs_clears_what_it_drew_and_nothing_else(drawn: bool) -> None:
    command = [sys.executable, "-c", HANGS % drawn]
    with Terminal(command, env=ENV, alternate_screen=False) as terminal:
        terminal.wait_for("the last frame")
        terminal.signal(signal.SIGTERM)
        assert terminal.wait_for_end() == 143
        assert ("the last frame" in terminal.text()) is not drawn


@pytest.mark.skipif(shutil.which("screen") is None, reason="GNU screen is not installed")
def test_gnu_screen_as_it_comes_is_left_clean(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    command = ["screen", "-c", "/dev/null", "-s", shutil.which("bash") or "bash", *SHELL]
    env = ENV | {"SCREENDIR": str(tmp_path), "HOME": str(tmp_path)}
    with Terminal(command, env=env) as terminal:
        begin(terminal)
        terminal.press("ctrl+z")
        terminal.wait_for("Stopped")
        terminal.wait_for(is_clean)
        terminal.type("fg\r")
        terminal.wait_for("● connected")
        terminal.wait_for("▼ all name")
        terminal.press("q")
        terminal.wait_for(is_clean)
        terminal.type("exit\r")
        terminal.wait_for_end()


def test_one_that_is_killed_while_it_is_suspended_ends_and_leaves_the_shell_its_screen() -> None:
    with Terminal(SHELL, env=ENV) as terminal:
        begin(terminal)
        terminal.press("ctrl+z")
        terminal.wait_for("Stopped")
        terminal.type("echo still''here; kill %1\r")
        terminal.type("while kill -0 %1; do sleep 0.1; done 2>/dev/null; echo it''ended\r")
        terminal.wait_for("itended")
        assert "stillhere" in terminal.text()
        terminal.type("exit\r")
        terminal.wait_for_end()
