"""What a shell is offered for a line, as argcomplete's scripts ask for it."""

from __future__ import annotations

import io
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from unittest.mock import patch

from tests.support.programs import clean_environment
from tests.support.running import COMMAND, DEADLINE, environment
from tui.cli.arguments.commands import build_parser
from tui.cli.completion.answering import respond
from tui.cli.completion.scripts import CHARACTERS, IS_SURE, REPLACED
from tui.cli.completion.store_names import StoreNames

SHELLS = ("bash", "zsh", "fish")

BREAKS = " \t\n\"'@><=;|&(:"
"""What splits words in bash (`COMP_WORDBREAKS`)."""

BETWEEN = {"bash": "\x0b", "zsh": "\x0b", "fish": "\n"}
"""Between words. In zsh a word has its description behind a colon, in fish behind a tab."""


class _Answered(Exception):
    """In place of the end of the process."""


def asked(line: str, shell: str = "bash") -> dict[str, str]:
    """Return what a script puts into the environment for a Tab at the end of a line, in a shell
    that reads UTF-8."""
    utf8 = {IS_SURE: "1", CHARACTERS: "1"}
    replaced = re.split(f"[{re.escape(BREAKS)}]", line)[-1]
    of_shell = {
        "bash": {"_ARGCOMPLETE_COMP_WORDBREAKS": BREAKS, REPLACED: replaced, **utf8},
        "zsh": utf8,
        "fish": {"_ARGCOMPLETE_DFS": "\t"},
    }
    return of_shell[shell] | {
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_SHELL": shell,
        "_ARGCOMPLETE_IFS": BETWEEN[shell],
        "_ARGCOMPLETE_SUPPRESS_SPACE": "1",
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
    }


def offered(line: str, env: Mapping[str, str] | None = None, shell: str = "bash") -> list[str]:
    """Return the words for a Tab, asked for in this process, and from a store that is waited for.
    Not with etcd: gRPC's threads do not go well with the processes that tests start."""
    output = io.StringIO()

    def end(code: int) -> None:
        assert code == 0
        raise _Answered

    given = clean_environment() | asked(line, shell) | dict(env or {})
    with patch.dict(os.environ, given, clear=True):
        try:
            respond(build_parser(), StoreNames(given, patience=DEADLINE), output, end)
        except _Answered:
            return [word for word in output.getvalue().split(BETWEEN[shell]) if word]
    raise AssertionError("it did not answer")


def answered(line: str, folder: Path, env: Mapping[str, str]) -> tuple[list[str], str]:
    """Return the words for a Tab of a process of its own, with the patience that it has, and what
    it printed besides."""
    file = folder / "offered"
    done = subprocess.run(
        COMMAND,
        env=environment(env) | asked(line) | {"_ARGCOMPLETE_STDOUT_FILENAME": str(file)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == 0
    words = [word for word in file.read_text().split(BETWEEN["bash"]) if word]
    return words, done.stdout + done.stderr
