"""Commands that start fast are the same as those that are started anew."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.running import COMMAND, DEADLINE, STATE, Watching, environment
from tests.support.starter import Forked, Starter
from tests.support.terminal import Terminal
from tests.support.waiting import wait_for

STATE_ENV = {"XDG_STATE_HOME": STATE.name}


@pytest.fixture(scope="module")
def starter() -> Iterator[Starter]:
    with Starter(environment()) as ready:
        yield ready


@pytest.mark.parametrize(
    "args",
    [
        ("--demo", "check"),
        ("--demo", "list", "all", "-o", "json"),
        ("--file-store", "here", "list"),
        ("history",),
        ("list", "nonsense"),
        ("--version",),
    ],
    ids=" ".join,
)
def test_a_command_says_and_returns_what_one_that_is_started_anew_does(
    args: tuple[str, ...], starter: Starter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = environment({"XDG_STATE_HOME": str(tmp_path), "DYN_NAMESPACE": "prod"})
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path)
    assert starter.can_start(env)
    anew = subprocess.run([*COMMAND, *args], env=env, capture_output=True, check=False)
    assert starter.run(args, env, DEADLINE) == (anew.returncode, anew.stdout, anew.stderr)


def test_what_bears_on_python_itself_is_started_anew(starter: Starter) -> None:
    ours = environment()
    assert starter.can_start(ours | {"ETCD_ENDPOINTS": "http://127.0.0.1:1"})
    for name in ("PYTHONUTF8", "LC_ALL", "GRPC_VERBOSITY", "TZ"):
        assert not starter.can_start(ours | {name: "1"})


@pytest.mark.usefixtures("permissions_bind")
def test_where_the_rights_of_the_tests_are_others_it_is_started_anew(starter: Starter) -> None:
    assert (os.geteuid() == 0) is not starter.can_start(environment())


@pytest.mark.usefixtures("network")
def test_in_another_network_it_is_started_anew(starter: Starter) -> None:
    assert not starter.can_start(environment())


def test_a_command_that_does_not_end_in_time_is_killed(starter: Starter) -> None:
    pid = starter.process.pid
    commands = Path(f"/proc/{pid}/task/{pid}/children")
    with pytest.raises(TimeoutError):
        starter.run(("--demo", "watch", "all"), environment(), 0.5)
    wait_for(lambda: not commands.read_text(), "the command killed")


def test_one_that_runs_on_is_a_child_and_writes_into_pipes() -> None:
    with Watching("watch", "all", command="--demo") as watching:
        assert isinstance(watching.process, Forked)
        watching.until_resync()
        assert parent_of(watching.process.pid) == os.getpid()
        assert watching.interrupt() == 130


def test_one_at_a_terminal_leads_a_session_there_and_gives_the_terminal_back() -> None:
    with Terminal([*COMMAND, "--demo"], env=STATE_ENV) as terminal:
        terminal.wait_for("● connected")
        pid = terminal.process.pid
        assert isinstance(terminal.process, Forked)
        assert (parent_of(pid), os.getsid(pid), os.getpgid(pid)) == (os.getpid(), pid, pid)
        terminal.resize(90, 30)
        terminal.wait_for(lambda _: len(terminal.lines()[0]) <= 90)
        assert not terminal.echoes()
        terminal.press("q")
        assert terminal.wait_for_end() == 0
        assert terminal.echoes()


def test_where_its_start_is_tested_a_dashboard_is_started_anew() -> None:
    with Terminal([*COMMAND, "--version"], env=STATE_ENV, anew=True) as terminal:
        assert not isinstance(terminal.process, Forked)
        assert terminal.wait_for_end() == 0


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
