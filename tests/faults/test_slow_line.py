"""Over a slow line, with ssh between that takes all at once, keys are answered and nothing stale is
painted."""

from __future__ import annotations

import shlex
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest

from tests.support.registered import instance
from tests.support.running import COMMAND, STATE, put_file
from tests.support.slow_line import SlowLine, SlowProxy
from tests.support.ssh import SshServer, why_not
from tests.support.terminal import ALTERNATE_SCREEN, REPOSITORY, Terminal

INSTANCES = 60
CHANGES_A_SECOND = 10
WAITS = 60.0
"""Seconds: what is waited for goes over a slow line, from a machine that is shared."""

PATIENT = [
    sys.executable,
    "-c",
    "import sys; from tui.runtime import terminal_pace; terminal_pace.PATIENCE = 600.0; "
    "from tui.cli.main import main; sys.exit(main())",
]
"""On a busy machine even this line may take a second to answer, and what does not is sent all."""

MOST_AHEAD = 3
"""Before the first answer: the request for it, and two frames."""


@pytest.fixture
def churning(tmp_path: Path) -> Iterator[dict[str, str]]:
    """What leads to a store of which ten instances change all the time."""
    root = tmp_path / "kv"
    for worker in range(1, INSTANCES + 1):
        put_file(root, *instance(worker))
    over = threading.Event()

    def churn() -> None:
        for number in count():
            worker = 1 + number % 10
            put_file(root, *instance(worker, address=f"10.9.{number % 250}.{worker}:9000"))
            if over.wait(1 / CHANGES_A_SECOND):
                return

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        yield {
            "DYN_DISCOVERY_BACKEND": "file",
            "DYN_FILE_KV": str(root),
            "XDG_STATE_HOME": STATE.name,
            "PS1": "ready> ",
        }
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize(("rate", "most_bytes"), [(5_600, 5_600), (960, 3_000)])
def test_no_more_is_sent_than_the_far_end_showed_so_that_keys_are_answered(
    churning: dict[str, str], rate: int, most_bytes: int
) -> None:
    command = [*PATIENT, "--probe", "never"]
    with SlowLine(command, rate=rate, latency=0.15, env=churning) as terminal:
        terminal.wait_for("Instances 60", WAITS)
        terminal.wait_for("q Quit", WAITS)
        # The first screen is not sent twice, and only what its text needs.
        assert terminal.taken < 20_000
        terminal.press("/")
        terminal.wait_for("filter", WAITS)
        for typed in ("10", "10.9"):
            terminal.type(typed.removeprefix("10") or typed)
            terminal.wait_for(f"filter  {typed}", WAITS)
        terminal.wait_for("matches 10", WAITS)
        assert terminal.most_ahead <= MOST_AHEAD
        assert terminal.most_bytes_ahead <= most_bytes
        terminal.press("ctrl+c")
        assert terminal.wait_for_end(WAITS) == 0
        assert terminal.answered == terminal.asked


@pytest.mark.parametrize("leave", ["q", "ctrl+z"])
def test_no_answer_of_the_terminal_reaches_the_shell(churning: dict[str, str], leave: str) -> None:
    shell = ["bash", "--norc", "--noprofile", "-i"]
    with SlowLine(shell, rate=20_000, latency=0.15, env=churning) as terminal:
        terminal.wait_for("ready>", WAITS)
        terminal.type(" ".join([sys.executable, *COMMAND[1:]]) + " --probe never\r")
        terminal.wait_for("q Quit", WAITS)
        terminal.press("1")
        terminal.wait_for("10.9.", WAITS)
        terminal.press(leave)
        terminal.wait_for(lambda _: terminal.mode(ALTERNATE_SCREEN) is False, WAITS)
        assert terminal.answered == terminal.asked
        terminal.type("echo the''end\r")
        text = terminal.wait_for("theend", WAITS)
        assert "[0n" not in text
        assert "[<" not in text
        if leave == "ctrl+z":
            terminal.type("fg\r")
            terminal.wait_for("q Quit", WAITS)
            terminal.wait_for("● connected", WAITS)
            terminal.press("q")
            terminal.wait_for(lambda _: terminal.mode(ALTERNATE_SCREEN) is False, WAITS)
        terminal.type("exit\r")
        terminal.wait_for_end(WAITS)


def test_a_terminal_that_does_not_answer_is_painted_all_the_same(churning: dict[str, str]) -> None:
    command = [*COMMAND, "--probe", "never"]
    with Terminal(command, env=churning, answers=False) as terminal:
        terminal.wait_for("q Quit")
        terminal.wait_for("Instances 60")
        terminal.press("/")
        terminal.type("10.9.")
        terminal.wait_for("matches 10")
        terminal.press("ctrl+c")
        assert terminal.wait_for_end() == 0


@pytest.mark.skipif(bool(why_not()), reason=why_not())
def test_through_a_real_ssh_keys_are_answered_and_the_shell_gets_no_answer(
    churning: dict[str, str],
) -> None:
    # A shell of its own: what is set for that of the user does not matter.
    env = churning | {"PYTHONPATH": str(REPOSITORY), "LANG": "C.UTF-8"}
    exports = " ".join(f"{name}={shlex.quote(value)}" for name, value in env.items())
    with ExitStack() as stack:
        server = stack.enter_context(SshServer())
        proxy = SlowProxy(server.ports[0], rate=5_600, latency=0.15)
        stack.callback(proxy.close)
        command = server.client(proxy.port, f"env {exports} bash --norc --noprofile -i")
        terminal = stack.enter_context(Terminal(command, columns=120, rows=35))
        terminal.wait_for("ready>", WAITS)
        terminal.type(" ".join([sys.executable, *COMMAND[1:]]) + " --probe never\r")
        terminal.wait_for("Instances 60", WAITS)
        terminal.wait_for("q Quit", WAITS)
        # By itself sshd takes megabytes: 81 KB were under way or shown here, and ever more.
        assert terminal.received < 25_000
        terminal.press("/")
        terminal.wait_for("filter", WAITS)
        terminal.type("10.9.")
        terminal.wait_for("matches 10", WAITS)
        terminal.press("ctrl+z")
        terminal.wait_for("Stopped", WAITS)
        terminal.type("echo the''end\r")
        assert "[0n" not in terminal.wait_for("theend", WAITS)
        terminal.type("fg\r")
        terminal.wait_for("matches 10", WAITS)
        terminal.wait_for("● connected", WAITS)
        terminal.press("ctrl+c")
        terminal.wait_for("theend", WAITS)
        terminal.type("exit\r")
        terminal.wait_for_end(WAITS)
