"""Where dyntop runs: a locale that is not UTF-8, few open files, a user without a home."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

from backends.store import Cause, Unreachable
from tests.support import registered
from tests.support.operating import World, dashboard
from tests.support.running import COMMAND, STATE, environment
from tests.support.terminal import ALTERNATE_SCREEN, Terminal
from tests.support.waiting import wait_for
from tui.runtime.open_files import LEAST, why_none_left, why_too_few

STATE_ENV = {"XDG_STATE_HOME": STATE.name}
NOWHERE = Path("~/.local/state/dyntop/audit.jsonl")
"""Where removals would be written down below a home that there is not."""

# --- the locale -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "locale",
    [
        {"PYTHONIOENCODING": "latin-1:strict"},
        {"LC_ALL": "POSIX", "LANG": "", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    ],
    ids=["latin-1", "POSIX"],
)
def test_whatever_the_locale_the_dashboard_and_its_questions_are_drawn_in_utf_8(
    locale: dict[str, str],
) -> None:
    with Terminal([*COMMAND, "--demo"], env=STATE_ENV | locale) as terminal:
        text = terminal.wait_for("● connected")
        assert "─" in text
        assert "\\u" not in text
        terminal.press("d")
        terminal.wait_for("╭")
        assert "\\u" not in terminal.text()


@pytest.fixture(scope="module")
def latin_1(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Compile a locale that is not UTF-8, as ssh passes it on from an old desktop."""
    folder = tmp_path_factory.mktemp("locales")
    if shutil.which("localedef") is None:
        pytest.skip("there is no localedef here")
    command = ["localedef", "-i", "en_US", "-f", "ISO-8859-1", str(folder / "en_US")]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"localedef has no sources of locales here: {made.stderr.strip()}")
    return {"LOCPATH": str(folder), "LC_ALL": "en_US", "LANG": "en_US"}


def test_in_a_compiled_latin_1_locale_the_dashboard_is_drawn_in_utf_8(
    latin_1: dict[str, str],
) -> None:
    with Terminal([*COMMAND, "--demo"], env=STATE_ENV | latin_1) as terminal:
        text = terminal.wait_for("● connected")
        assert "─" in text
        assert "\\u" not in text
        terminal.press("d")
        terminal.wait_for("╭")
        assert "\\u" not in terminal.text()


# --- open files -----------------------------------------------------------------------------------


def limited(limit: str, *arguments: str) -> list[str]:
    """Return the command that runs dyntop under a limit, in the options of `ulimit`."""
    return ["sh", "-c", f'ulimit {limit}; exec "$@"', "sh", *COMMAND, *arguments]


@pytest.mark.parametrize(("files", "command"), [(8, "list"), (20, "watch"), (LEAST - 1, "check")])
def test_with_too_few_open_files_a_command_says_in_a_sentence_what_to_raise(
    files: int, command: str
) -> None:
    ended = subprocess.run(
        limited(f"-n {files}", command), env=environment(), capture_output=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (2, b"")
    assert ended.stderr.decode() == (
        f"dyntop: this process may open only {files} files at once, and dyntop needs {LEAST}: "
        "raise the limit first, e.g. with ulimit -n 1024\n"
    )


def test_with_too_few_open_files_the_dashboard_leaves_the_terminal_as_it_is() -> None:
    with Terminal(limited("-n 20", "--demo"), env=STATE_ENV) as terminal:
        assert terminal.wait_for_end() == 2
        assert "may open only 20 files at once" in terminal.text()
        assert terminal.mode(ALTERNATE_SCREEN) is None
        assert terminal.echoes()


def test_a_limit_that_this_process_may_raise_is_raised() -> None:
    ended = subprocess.run(
        limited("-Sn 20", "--demo", "list", "-o", "name"),
        env=environment(),
        capture_output=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_a_limit_that_is_high_enough_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    unlimited = resource.RLIM_INFINITY
    for limits in ((4096, 4096), (unlimited, unlimited), (1024, unlimited)):
        monkeypatch.setattr(resource, "getrlimit", lambda _, limits=limits: limits)
        monkeypatch.setattr(resource, "setrlimit", pytest.fail)
        assert why_too_few() is None


def test_a_dashboard_that_has_no_open_file_left_stays_and_works_again_when_it_has(
    tmp_path: Path,
) -> None:
    log = tmp_path / "log"
    command = [*COMMAND, "--log", str(log), "--log-level", "debug", "--demo"]
    with Terminal(command, env=STATE_ENV, anew=True) as terminal:
        terminal.wait_for("● connected")
        terminal.wait_for("instances")
        wait_for(lambda: "imported what keys open" in log.read_text(), "all is imported")
        process = terminal.process.pid
        soft, hard = resource.prlimit(process, resource.RLIMIT_NOFILE)
        resource.prlimit(process, resource.RLIMIT_NOFILE, (3, hard))
        terminal.press("d")
        terminal.wait_for("from memory at this process")
        terminal.press("escape")
        terminal.wait_until_gone("from memory at this process")
        terminal.press("?")
        terminal.wait_for("keys and signs")
        terminal.press("escape")
        terminal.wait_until_gone("keys and signs")
        resource.prlimit(process, resource.RLIMIT_NOFILE, (soft, hard))
        terminal.press("4")
        terminal.wait_for("kv-events")


async def test_that_no_file_is_left_to_open_is_not_said_to_be_the_store(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: object) -> NoReturn:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    assert why_none_left() is None
    world = World()
    async with dashboard(world) as operator:
        monkeypatch.setattr("tui.runtime.open_files.os.open", full)
        world.keyspace.break_off(Unreachable("http://etcd-0:2379", Cause.TIMEOUT))
        await operator.until_shown("disconnected", "can open no more files", "too many open files")
        assert "firewalls" not in operator.text()
        monkeypatch.undo()


# --- no home --------------------------------------------------------------------------------------


async def test_where_nothing_can_be_written_down_the_keys_that_remove_say_what_to_set() -> None:
    world = World()
    world.put(registered.instance(1), (b"v1/instances/prod/backend/generate/9", b"no JSON"))
    before = world.keys()
    async with dashboard(world, audit=NOWHERE) as operator:
        for key in ("d", "c"):
            await operator.until_shown("malformed")
            await operator.press(key)
            await operator.until(lambda: operator.told(), "a sentence")
            assert operator.on_main
            assert operator.told() == [
                f"Removals cannot be written down ({NOWHERE}: this user has no home): set "
                "XDG_STATE_HOME to a folder that you can write, or pass --no-audit to remove "
                "without a way back."
            ]
            operator.app.clear_notifications()
        assert world.keys() == before
