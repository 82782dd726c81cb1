"""Suspended and brought back in the same window, the dashboard is whole though nothing changed."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.etcd_server import EtcdServer
from tests.support.registered import card, instance
from tests.support.running import COMMAND, STATE
from tests.support.terminal import ALTERNATE_SCREEN, Terminal

OPENED: dict[str, tuple[list[str], str]] = {
    "table": ([], "q Quit"),
    "detail": (["enter"], "Esc Close"),
    "help": (["?"], "keys and signs"),
    "question": (["d"], "Drain 1 instance"),
    "palette": (["ctrl+p"], "Search for commands"),
}
"""What to press, and what is on screen then."""

COLUMNS = 160
"""The header has room for all of its figures, and for that nothing changes."""

# How long ago anything was, and what comes a moment after the rest: the end of a scroll bar, and
# the line below the active tab.
_PASSING = re.compile(r"(>|for more than )?\d+(\.\d+)?(ms|s|m|h)\b|[▁▂▃▄▅▆▇╸╺━]+")


@pytest.fixture(scope="module")
def quiet_etcd() -> Iterator[EtcdServer]:
    """Nothing changes in it."""
    with EtcdServer() as server:
        for key, value in (*map(instance, range(1, 9)), card(1)):
            server.etcdctl("put", key.decode(), value.decode())
        yield server


@pytest.fixture
def env(quiet_etcd: EtcdServer) -> dict[str, str]:
    return {"XDG_STATE_HOME": STATE.name, "ETCD_ENDPOINTS": quiet_etcd.endpoint}


def drawn(text: str) -> list[str]:
    """The lines of a screen, without what passes."""
    return [" ".join(_PASSING.sub("", line).split()) for line in text.split("\n")]


def missing(before: list[str], text: str) -> list[str]:
    """What differs from before, line by line."""
    pairs = zip(before, drawn(text), strict=True)
    return [f"{was!r}, now {now!r}" for was, now in pairs if was != now]


class AtRest:
    """Whether a screen was the same at many looks, one after the other, and its program waited for
    something at some of them: all of it is drawn. On a busy machine a program that has more to
    draw may get no time for it, and is at work all the while. On one that is busier still it is
    never seen to wait, and many more looks have to do."""

    LOOKS = 20
    WAITING = 3
    ENOUGH = 500

    def __init__(self, terminal: Terminal) -> None:
        self._session = terminal.process.pid
        self._last: list[str] = []
        self._same = 0
        self._waiting = 0

    def __call__(self, text: str) -> bool:
        now = drawn(text)
        if now != self._last:
            self._last, self._same, self._waiting = now, 0, 0
        self._same += 1
        self._waiting += not is_at_work(self._session)
        waited = self._waiting >= self.WAITING or self._same >= self.ENOUGH
        return self._same >= self.LOOKS and waited


def is_at_work(session: int) -> bool:
    """Whether any thread of a terminal's processes runs, or would run if it were given time."""
    for stat in Path("/proc").glob("[0-9]*/task/[0-9]*/stat"):
        with suppress(OSError):  # gone meanwhile
            state, _, _, of_session, *_ = stat.read_text().rpartition(")")[2].split()
            if int(of_session) == session and state in "RD":
                return True
    return False


def begin(terminal: Terminal, opened: str) -> list[str]:
    """Wait for the first screen, open something, and return what is drawn."""
    keys, shown = OPENED[opened]
    terminal.wait_for("q Quit")
    terminal.press("1")
    for settled in ("8 instances", "0.0 changes/s", "also has 1 model card"):
        terminal.wait_for(settled)
    terminal.press(*keys)
    terminal.wait_for(shown)
    return drawn(terminal.wait_for(AtRest(terminal)))


@pytest.mark.parametrize("opened", OPENED)
def test_after_sigstop_all_is_drawn_again(env: dict[str, str], opened: str) -> None:
    with Terminal([*COMMAND, "--probe", "never"], columns=COLUMNS, env=env) as terminal:
        before = begin(terminal, opened)
        for _ in range(2):
            terminal.signal(signal.SIGSTOP)
            os.waitid(os.P_PID, terminal.process.pid, os.WSTOPPED | os.WEXITED)
            terminal.clear()  # as if another program had drawn over it and was cleared away
            terminal.signal(signal.SIGCONT)
            terminal.wait_for(lambda text: missing(before, text) == [])


@pytest.mark.parametrize("opened", ["table", "question"])
def test_after_ctrl_z_and_fg_all_is_drawn_again(env: dict[str, str], opened: str) -> None:
    shell = ["bash", "--norc", "--noprofile", "-i"]
    with Terminal(shell, columns=COLUMNS, env=env | {"PS1": "ready> "}) as terminal:
        terminal.wait_for("ready>")
        terminal.type(" ".join([sys.executable, *COMMAND[1:], "--probe", "never"]) + "\r")
        before = begin(terminal, opened)
        for _ in range(2):
            # The prompt of the time before would be taken for that of this one.
            terminal.clear()
            terminal.press("ctrl+z")
            terminal.wait_for(lambda text: re.search(r"Stopped[^\n]*\n.*ready>", text, re.DOTALL))
            terminal.wait_for(lambda _: terminal.mode(ALTERNATE_SCREEN) is False)
            # Another program has the screen meanwhile, and leaves it full.
            terminal.type("printf '\\033[?1049h'; yes | head -500; printf '\\033[?1049l'\r")
            terminal.type("fg\r")
            terminal.wait_for(lambda text: missing(before, text) == [])
        terminal.type("q" if opened == "table" else "\x1b")
        if opened != "table":
            terminal.wait_until_gone(OPENED[opened][1])
            terminal.press("q")
        terminal.wait_for(lambda _: terminal.mode(ALTERNATE_SCREEN) is False)
        terminal.type("exit\r")
        terminal.wait_for_end()
