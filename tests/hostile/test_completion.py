"""A name that is completed at the shell never runs anything: it arrives as it is, or not at all.

Real shells, at a real terminal. A shell that is not installed is skipped; what dyntop hands to it
is looked at all the same.
"""

from __future__ import annotations

import os
import shlex
import shutil
import time
from pathlib import Path

import pytest

from tests.support.completing import SHELLS, offered
from tests.support.registered import card, instance
from tests.support.running import COMMAND, environment, put_file
from tests.support.terminal import DEADLINE, Terminal
from tui.cli.completion.plain_words import LONGEST

PLAIN = ["acme/tiny-llm", "acme/tiny-other", "only/model_1.5-instruct", "模型/小"]
"""Beside the hostile ones; offered."""

BETWEEN_TABS = 5.0
"""Seconds after which Tab is pressed again: a busy store may not answer a first one in time."""

START = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--no-config", "-i", "-C", "function fish_prompt; echo 'ready> '; end"],
}
SET_UP = {
    "bash": 'eval "$(dyntop completion bash)"',
    "zsh": 'autoload -Uz compinit; compinit -u -D; eval "$(dyntop completion zsh)"',
    "fish": "dyntop completion fish | source",
}


def hostile(marker: Path) -> list[str]:
    """Names that would make `marker` if some shell took a part of them for a command, and others
    that a shell or a terminal takes for more than text."""
    run = f"touch {marker}"
    short = f"touch${{IFS}}{marker}"
    commands = [
        f"$({run})",
        f"`{run}`",
        f";{run};",
        f"&{run}&",
        f"|{run}",
        f"\n{run}\n",
        f"({run})",
    ]
    commands += [f"';{run};'", f'";{run};"', f"$({short})", f"`{short}`", f"\r{run}\r", f"<({run})"]
    commands += [f">{marker}", f"\x0b{run}", f"\\;{run}", f"\\$({run})", f"!{run}", f"{{{run},x}}"]
    others = ["*", "?", "[a-z]", "~", "#x", "^x", "$HOME", "a b", "a\tb", "\x1b[2J", "\x07", "\x00"]
    others += ["a\u202eb", "a\u200bb", "a\u2028b", "\x7f", "\x9b2J", "x" * LONGEST]
    inside = [f"acme/{one}" for one in (*commands, *others)]
    return [*inside, *commands, "-rf", "--yes", "=ls", "%1", "@x", "~root", "+x", ":x", ""]


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    """Is there if anything ran."""
    return tmp_path / "ran"


@pytest.fixture
def root(tmp_path: Path, marker: Path) -> Path:
    """A file store with hostile names of models and hosts, and harmless ones."""
    root = tmp_path / "kv"
    for number, name in enumerate([*PLAIN, *hostile(marker)], 1):
        put_file(root, *card(number, name))
        if name not in PLAIN:
            put_file(root, *instance(number, address=f"{name}:9000/x"))
    return root


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("words", ["show ", "check --model ", 'show "', "show '", "list models a"])
def test_only_plain_names_are_handed_to_a_shell(
    shell: str, words: str, root: Path, marker: Path
) -> None:
    found = offered(f"dyntop --file-store {root} {words}", shell=shell)
    names = {word.partition("\t")[0] for word in found}
    if shell == "zsh":
        names = {word.replace("\\:", "\0").partition(":")[0].replace("\0", ":") for word in found}
    begun = [name for name in PLAIN if name.startswith("a" if words.endswith("a") else "")]
    assert {*begun} <= names
    assert not names & {*hostile(marker)}
    for name in names:
        assert name.isprintable()
        assert not {*name} & {*" \t\n$`;&|<>(){}[]*?!\"'\\~#^"}, name
    assert not marker.exists()


@pytest.mark.parametrize("shell", SHELLS)
def test_a_tab_in_a_real_shell_runs_nothing_and_the_command_gets_the_name_as_it_is(
    shell: str, root: Path, tmp_path: Path, marker: Path
) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    got = tmp_path / "got"
    programs = tmp_path / "bin"
    programs.mkdir()
    program = programs / "dyntop"
    # Completion is dyntop's own; the command that is run then only writes down its words.
    program.write_text(
        f'#!/bin/sh\nif [ "$1" = show ] && [ -z "$_ARGCOMPLETE" ]; then\n'
        f'printf "%s\\n" "$@" >{shlex.quote(str(got))}.new\n'
        f"mv {shlex.quote(str(got))}.new {shlex.quote(str(got))}\n"
        f'else exec {shlex.join(COMMAND)} "$@"; fi\n'
    )
    program.chmod(0o755)
    home = tmp_path / "home"
    home.mkdir()
    env = environment({"DYN_DISCOVERY_BACKEND": "file", "DYN_FILE_KV": str(root)}) | {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PS1": "ready> ",
        "HOME": str(home),
    }
    with Terminal(START[shell], columns=200, rows=50, env=env) as terminal:
        terminal.wait_for("ready>")
        terminal.type(f"{SET_UP[shell]}; echo set-$PS1\r")
        terminal.wait_for("set-ready>")
        terminal.type("dyntop show acme/")
        # fish leaves the common beginning out of a long list.
        tab_until(terminal, "tiny-llm", "tiny-other")
        assert "touch" not in terminal.text().replace("touch-", "")
        terminal.press("ctrl+c")
        terminal.clear()
        terminal.press("enter")
        terminal.wait_for("ready>")
        terminal.type("dyntop show only")
        tab_until(terminal, "only/model_1.5-instruct")
        terminal.press("enter")
        deadline = time.monotonic() + DEADLINE
        while not got.exists():
            assert time.monotonic() < deadline, terminal.text()
            time.sleep(0.02)
    assert got.read_text().split() == ["show", "only/model_1.5-instruct"]
    assert not marker.exists()
    assert [one.name for one in home.iterdir() if not one.name.startswith(".")] == []


def tab_until(terminal: Terminal, *names: str) -> None:
    """Press Tab until names are on the screen. Raises AssertionError with the last screen."""
    deadline = time.monotonic() + DEADLINE
    while True:
        terminal.press("tab")
        try:
            terminal.wait_for(lambda text: all(name in text for name in names), BETWEEN_TABS)
            return
        except AssertionError:
            if time.monotonic() > deadline:
                raise
