"""A name completed at the shell never runs anything: it arrives as it is, or is not offered.

Real shells, at a real terminal. A shell that is not installed is skipped; what dyntop hands to it
is looked at all the same.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import time
from pathlib import Path

import pytest

from tests.support.completing import SHELLS, offered
from tests.support.registered import card, instance
from tests.support.running import COMMAND as COMMAND_LINE
from tests.support.running import environment, put_file
from tests.support.terminal import DEADLINE, Terminal
from tui.cli.completion.quoting import is_for_fish, is_plain
from tui.cli.completion.scripts import CHARACTERS, IS_SURE
from tui.text.sanitize import plain

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


COMMAND = "touch ran"
"""Makes a file in the folder of the shell, if some shell takes a part of a name for a command."""

EVERY_SIGN = "a b$(touch ran)`touch ran`;touch ran;'\"\\*!x{a,b}#&|<>?[z]~^%@=:$HOME/${IFS}模(型)"

SIGNS_IN_FRONT = ["=ls", "#x", " x ", "!!x", "~root", "'x'", '"x"']

LINES = ["check -n {} --model ", 'check -n {} --model "a b', "check -n {} --model 'a b"]
LINES += ["check -n {} --model=a\\ b"]
"""Up to a Tab, with the namespace of a name."""

UNCLEAN = [f"\n{COMMAND}\n", f"\r{COMMAND}\r", f"\x0b{COMMAND}", "a\tb", "\x1b[2J", "\x07", "\x00"]
UNCLEAN += ["a\u202eb", "a\u200bb", "a\u2028b", "a\u00a0b", "\x7f", "\x9b2J", "x" * 300]
"""A terminal would not show them as they are."""

OPTIONS = ["-rf", "--yes", "-"]


def hostile() -> list[str]:
    """Names that would run `COMMAND` if some shell took a part of them for a command, and others
    that a shell takes for more than text. A terminal shows each as it is."""
    short = COMMAND.replace(" ", "${IFS}")
    commands = [f"$({COMMAND})", f"`{COMMAND}`", f";{COMMAND};", f"&{COMMAND}&", f"|{COMMAND}"]
    commands += [f"({COMMAND})", f"';{COMMAND};'", f'";{COMMAND};"', f"$({short})", f"`{short}`"]
    commands += [f"<({COMMAND})", ">ran", f"\\;{COMMAND}", f"\\$({COMMAND})", f"!{COMMAND}"]
    commands += [f"{{{COMMAND},x}}", f"*(e:'{COMMAND}':)"]
    others = ["*", "?", "[a-z]", "#x", "^x", "$HOME", "a b", "=ls", "%1", "@x", "+x", ":x"]
    return [*commands, *others, *(f"acme/{one}" for one in (*commands, *others)), EVERY_SIGN]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A file store with hostile names of models and hosts, and harmless ones."""
    root = tmp_path / "kv"
    names = [*PLAIN, *hostile(), *UNCLEAN, *OPTIONS, *(f"acme/{one}" for one in UNCLEAN), ""]
    for number, name in enumerate(names, 1):
        put_file(root, *card(number, name))
        if name not in PLAIN:
            put_file(root, *instance(number, address=f"{name}:9000/x"))
    return root


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("words", ["show ", "check --model ", 'show "', "show '", "list models a"])
def test_only_what_a_terminal_shows_as_it_is_is_handed_to_a_shell(
    shell: str, words: str, root: Path
) -> None:
    found = {
        in_text(word, shell) for word in offered(f"dyntop --file-store {root} {words}", shell=shell)
    }
    begun = "a" if words.endswith("a") else ""
    assert {name for name in PLAIN if name.startswith(begun)} <= found
    for name in found:
        assert plain(name) == name
        assert not name.startswith("-")


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_all_other_names_are_offered(shell: str, root: Path) -> None:
    for words in ("show ", "check --model "):
        line = f"dyntop --file-store {root} {words}"
        found = {in_text(word, shell) for word in offered(line, shell=shell)}
        assert {*PLAIN, *hostile()} <= found
        assert not found & {*UNCLEAN, *OPTIONS}


@pytest.mark.parametrize("env", [{IS_SURE: "0"}, {IS_SURE: ""}])
@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_only_plain_names_are_offered_where_a_word_may_be_read_twice(
    shell: str, env: dict[str, str], root: Path
) -> None:
    """Or to a script of an older dyntop."""
    found = offered(f"dyntop --file-store {root} check --model ", env, shell)
    names = {in_text(word, shell) for word in found}
    assert {*PLAIN} <= names
    assert [name for name in names if not is_plain(name)] == []


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_only_ascii_is_quoted_in_a_shell_that_does_not_read_utf8(shell: str, root: Path) -> None:
    line = f"dyntop --file-store {root} check --model "
    found = {in_text(word, shell) for word in offered(line, {CHARACTERS: "2"}, shell)}
    assert "模型/小" in found
    assert not [name for name in found if not name.isascii() and "$" in name]


def in_text(word: str, shell: str) -> str:
    """Return a word as it was handed over, without its description, and in zsh as `_describe` reads
    it. For bash it stays quoted."""
    if shell != "zsh":
        return word.partition("\t")[0]
    return re.sub(r"\\(.)|:.*", lambda found: found[1] or "", word)


class Shell:
    """An interactive shell in a folder, in which `dyntop` writes down its words where it is not
    asked for a completion."""

    def __init__(self, name: str, folder: Path, root: Path) -> None:
        if shutil.which(name) is None:
            pytest.skip(f"{name} is not installed")
        self.name = name
        self.here = folder / "here"
        self._got = folder / "got"
        programs, home = folder / "bin", folder / "home"
        for one in (self.here, programs, home):
            one.mkdir()
        program = programs / "dyntop"
        got = shlex.quote(str(self._got))
        # Completion is dyntop's own.
        program.write_text(
            f'#!/bin/sh\ncase "$_ARGCOMPLETE$1" in check|show)\n'
            f'printf "%s\\0" "$@" >{got}.new; mv {got}.new {got};;\n'
            f'*) exec {shlex.join(COMMAND_LINE)} "$@";; esac\n'
        )
        program.chmod(0o755)
        env = environment({"DYN_DISCOVERY_BACKEND": "file", "DYN_FILE_KV": str(root)}) | {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "PS1": "ready> ",
            "HOME": str(home),
            "LC_ALL": "C.UTF-8",
        }
        self.terminal = Terminal(START[name], columns=200, rows=50, env=env)
        self.terminal.wait_for("ready>")
        here = shlex.quote(str(self.here))
        self.terminal.type(f"{SET_UP[name]}; cd {here}; echo set-$PS1\r")
        self.terminal.wait_for("set-ready>")

    def entered(self, keys: str, seconds: float = DEADLINE) -> list[str] | None:
        """Return the words that dyntop gets for some keys. None: it is not run in so many
        seconds."""
        self._got.unlink(missing_ok=True)
        self.terminal.type(keys)
        until = time.monotonic() + seconds
        while not self._got.exists():
            if time.monotonic() > until:
                return None
            time.sleep(0.02)
        return self._got.read_text().split("\0")[:-1]

    def completed(self, line: str) -> list[str]:
        """Return the words that dyntop gets for a line, a Tab and Enter. Tries again where nothing
        came: a busy store may not answer in time."""
        deadline = time.monotonic() + DEADLINE
        while time.monotonic() < deadline:
            words = self.entered(f"dyntop {line}\t\r", BETWEEN_TABS)
            if words is not None and words[-1] not in ("--model", "--model=a b"):
                return words
            self.terminal.press("ctrl+c")
        raise AssertionError(self.terminal.text())


@pytest.mark.parametrize("name", SHELLS)
def test_a_completed_name_is_one_word_of_a_real_shell_and_runs_nothing(
    name: str, tmp_path: Path
) -> None:
    root = tmp_path / "kv"
    names = [EVERY_SIGN, *SIGNS_IN_FRONT]
    for number, one in enumerate(names):
        put_file(root, *card(number + 1, one, namespace=f"ns{number}"))
    shell = Shell(name, tmp_path, root)
    # A name must not be taken for a pattern, in the place of which names of files come.
    for one in names:
        (shell.here / one.replace("/", "")).touch()
    before = sorted(shell.here.iterdir())
    with shell.terminal:
        for line in LINES:
            *_, last = shell.completed(line.format("ns0"))
            assert last.removeprefix("--model=") == EVERY_SIGN
        for number, one in enumerate(SIGNS_IN_FRONT, 1):
            if name == "fish" and not is_for_fish(one):
                continue
            quote = {"'": "'", '"': '"', "!": '"'}.get(one[0], "")
            words = shell.completed(f"check -n ns{number} --model {quote}")
            assert words == ["check", "-n", f"ns{number}", "--model", one]
        if name != "fish":
            # Backquotes take a backslash off. zsh does not quote for that, and bash asks nobody.
            within = shell.entered("echo `dyntop check -n ns0 --model \t`\r")
            assert within == ["check", "-n", "ns0", "--model"]
    assert sorted(shell.here.iterdir()) == before


@pytest.mark.parametrize("name", SHELLS)
def test_a_list_of_names_in_a_real_shell_runs_nothing_and_a_plain_one_is_as_it_was(
    name: str, root: Path, tmp_path: Path
) -> None:
    shell = Shell(name, tmp_path, root)
    with shell.terminal as terminal:
        terminal.type("dyntop show acme/")
        # fish leaves the common beginning out of a long list.
        tab_until(terminal, "tiny-llm", "tiny-other")
        terminal.press("ctrl+c")
        terminal.clear()
        terminal.press("enter")
        terminal.wait_for("ready>")
        assert shell.completed("show only") == ["show", "only/model_1.5-instruct"]
    assert [*shell.here.iterdir()] == []


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
