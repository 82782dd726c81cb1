"""Commands that start fast are the same as those that are started anew."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.running import COMMAND, DEADLINE, environment
from tests.support.starter import Starter
from tests.support.waiting import wait_for


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
