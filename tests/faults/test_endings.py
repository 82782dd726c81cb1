"""However the dashboard ends or is interrupted, the terminal is given back, and nothing stays."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.etcd_server import EtcdServer
from tests.support.running import COMMAND, STATE
from tests.support.terminal import ALTERNATE_SCREEN, CURSOR, DEADLINE, Terminal

STATE_ENV = {"XDG_STATE_HOME": STATE.name}
MOST_THREADS = 5
"""Of the demo: Python's own, that which looks whether the window is there, Textual's two, and one
that may just do something."""
MOUSE = 1003
PASTE = 2004


@pytest.fixture(scope="module")
def shared_etcd() -> Iterator[EtcdServer]:
    """Nobody else's: it is stopped here, and its leases are counted."""
    with EtcdServer() as server:
        yield server


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    with Terminal([*COMMAND, "--demo"], env=STATE_ENV) as terminal:
        terminal.wait_for("● connected")
        assert_taken(terminal)
        yield terminal


def is_taken(terminal: Terminal) -> bool:
    return (
        terminal.mode(ALTERNATE_SCREEN) is True
        and terminal.mode(CURSOR) is False
        and terminal.mode(MOUSE) is True
        and not terminal.echoes()
    )


def is_given_back(terminal: Terminal) -> bool:
    modes = (ALTERNATE_SCREEN, CURSOR, MOUSE, PASTE)
    return (
        tuple(map(terminal.mode, modes)) == (False, True, False, False)
        and terminal.echoes()
        and "Traceback" not in terminal.text()
    )


# Modes are switched one after the other, and may be read one after the other.


def assert_taken(terminal: Terminal) -> None:
    terminal.wait_for(lambda _: is_taken(terminal))


def assert_given_back(terminal: Terminal) -> None:
    terminal.wait_for(lambda _: is_given_back(terminal))


def session_of(pid: int) -> set[int]:
    """The processes of the terminal that this one began in, those that are gone not counted."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # gone meanwhile
        if int(fields[3]) == pid and fields[0] != "Z":
            found.add(int(folder.name))
    return found


@pytest.mark.parametrize(
    ("end", "code"),
    [
        pytest.param(lambda terminal: terminal.press("q"), 0, id="q"),
        pytest.param(lambda terminal: terminal.press("ctrl+c"), 0, id="Ctrl-C"),
        pytest.param(lambda terminal: terminal.signal(signal.SIGINT), 130, id="SIGINT"),
        pytest.param(lambda terminal: terminal.signal(signal.SIGTERM), 143, id="SIGTERM"),
        pytest.param(lambda terminal: terminal.signal(signal.SIGHUP), 129, id="SIGHUP"),
    ],
)
def test_the_terminal_is_given_back(
    terminal: Terminal, end: Callable[[Terminal], None], code: int
) -> None:
    end(terminal)
    assert terminal.wait_for_end() == code
    assert_given_back(terminal)
    assert session_of(terminal.process.pid) == set()


def test_it_ends_with_its_window(terminal: Terminal) -> None:
    terminal.hang_up()
    assert terminal.wait_for_end() == -signal.SIGHUP
    assert session_of(terminal.process.pid) == set()


def test_it_ends_while_its_terminal_takes_nothing(terminal: Terminal) -> None:
    terminal.stall()
    for row in range(200):
        terminal.resize(120, 30 + row % 10)
    terminal.signal(signal.SIGTERM)
    assert terminal.process.wait(DEADLINE) == 143
    assert terminal.echoes()


def test_it_ends_while_its_store_does_not_answer(etcd: EtcdServer) -> None:
    env = STATE_ENV | {"ETCD_ENDPOINTS": etcd.endpoint}
    with Terminal(COMMAND, env=env) as terminal:
        terminal.wait_for("● connected")
        etcd.pause()
        try:
            terminal.signal(signal.SIGTERM)
            assert terminal.wait_for_end() == 143
        finally:
            etcd.resume()
        assert_given_back(terminal)


def test_of_one_that_was_killed_nothing_stays(etcd: EtcdServer) -> None:
    env = STATE_ENV | {"ETCD_ENDPOINTS": etcd.endpoint}
    with Terminal(COMMAND, env=env) as terminal:
        terminal.wait_for("● connected")
        terminal.signal(signal.SIGKILL)
        assert terminal.wait_for_end() == -signal.SIGKILL
        assert session_of(terminal.process.pid) == set()
        assert etcd.etcdctl("lease", "list").split()[1] == b"0"
        assert etcd.entries() == {}


def test_suspended_it_gives_the_terminal_back_and_is_drawn_whole_when_it_goes_on() -> None:
    command = [sys.executable, *COMMAND[1:], "--demo"]
    shell = ["bash", "--norc", "--noprofile", "-i"]
    with Terminal(shell, env=STATE_ENV | {"PS1": "ready> "}) as terminal:
        terminal.wait_for("ready>")
        terminal.type(" ".join(command) + "\r")
        terminal.wait_for("● connected")
        for size in ((100, 30), (120, 40)):
            assert_taken(terminal)
            terminal.clear()
            terminal.press("ctrl+z")
            terminal.wait_for(lambda text: re.search(r"Stopped[^\n]*\n.*ready>", text, re.DOTALL))
            assert_given_to_the_shell(terminal)
            terminal.resize(*size)
            terminal.clear()
            terminal.type("fg\r")
            terminal.wait_for("● connected")
            # Its last line, and a line of the tree: at the new size, and all of it.
            terminal.wait_for(lambda text, rows=size[1]: "q Quit" in text.split("\n")[rows - 1])  # type: ignore[misc]
            terminal.wait_for("▼ all name")
        terminal.press("q")
        terminal.wait_for(lambda _: terminal.mode(ALTERNATE_SCREEN) is False)
        terminal.type("exit\r")
        terminal.wait_for_end()


def assert_given_to_the_shell(terminal: Terminal) -> None:
    """Which takes it as it is, and switches the pasting and the echo as it likes."""
    modes = (ALTERNATE_SCREEN, CURSOR, MOUSE)
    terminal.wait_for(lambda _: tuple(map(terminal.mode, modes)) == (False, True, False))


def stop(terminal: Terminal, number: int) -> None:
    """By that signal from outside, without a shell between."""
    terminal.signal(number)
    os.waitid(os.P_PID, terminal.process.pid, os.WSTOPPED | os.WEXITED)


def go_on(terminal: Terminal, columns: int, rows: int) -> None:
    """In a window that has another size by now, and is drawn whole."""
    terminal.resize(columns, rows)
    terminal.clear()
    terminal.signal(signal.SIGCONT)
    terminal.wait_for("● connected")
    terminal.wait_for(lambda text: "q Quit" in text.split("\n")[rows - 1])
    terminal.wait_for("▼ all name")
    assert_taken(terminal)


def threads_of(terminal: Terminal) -> int:
    return len(os.listdir(f"/proc/{terminal.process.pid}/task"))


def test_stopped_from_outside_it_gives_the_terminal_back_and_is_drawn_whole_when_it_goes_on(
    terminal: Terminal,
) -> None:
    for size in ((100, 30), (120, 40)):
        stop(terminal, signal.SIGTSTP)
        assert_given_back(terminal)
        go_on(terminal, *size)


def test_stopped_without_being_told_it_goes_on_whole_and_ends_as_ever(terminal: Terminal) -> None:
    for size in ((100, 30), (120, 40), (100, 30)):
        stop(terminal, signal.SIGSTOP)
        go_on(terminal, *size)
    # Told to go on though nobody stopped it, as by whoever wants to be sure that it ends.
    terminal.clear()
    terminal.signal(signal.SIGCONT)
    terminal.wait_for("▼ all name")
    terminal.wait_for(lambda _: threads_of(terminal) <= MOST_THREADS)
    terminal.press("?")
    terminal.wait_for("keys and signs")
    terminal.press("ctrl+c")
    assert terminal.wait_for_end() == 0
    assert_given_back(terminal)


def test_where_no_shell_could_bring_it_back_it_is_not_suspended_but_says_so() -> None:
    with Terminal([*COMMAND, "--demo"], env=STATE_ENV) as terminal:
        terminal.wait_for("● connected")
        assert os.getsid(terminal.process.pid) == os.getpgid(terminal.process.pid)
        terminal.press("ctrl+z")
        terminal.wait_for("no shell here")
        terminal.press("?")
        terminal.wait_for("keys and signs")
        terminal.press("ctrl+c")
        assert terminal.wait_for_end() == 0


DEAF = """
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def test_it_ends_with_its_window_also_where_no_signal_tells_of_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", DEAF, *COMMAND[1:], "--demo"]
    with Terminal(command, env={"XDG_STATE_HOME": str(tmp_path)}) as terminal:
        terminal.wait_for("● connected")
        terminal.hang_up()
        assert terminal.wait_for_end() == 128 + signal.SIGHUP
    assert list(tmp_path.iterdir()) == []  # it was no fault of its own
