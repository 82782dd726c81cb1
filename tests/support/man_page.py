"""The manual page, made of the parser by argparse-manpage: `make man` writes it.

    python -m tests.support.man_page docs/dyntop.1

It does not depend on the day, the terminal or the release of Python, so that a test can compare it.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from argparse_manpage.manpage import Manpage

from tests.docs.documents import ROOT
from tui import __version__
from tui.cli.arguments.commands import COMMANDS, build_parser
from tui.cli.arguments.parser import Parser

FILE = ROOT / "docs" / "dyntop.1"

OF_ALL = ("store and view", "log")
"""Groups of options that dyntop has and its commands have as well: they are printed once."""

HEADINGS = {
    "examples": "EXAMPLES",
    "contexts": "CONTEXTS",
    "environment": "ENVIRONMENT",
    "exit": "EXIT STATUS",
}
"""By the first word of a paragraph below dyntop's options."""

TYPED = str.maketrans(
    {"\\": r"\e", "-": r"\-", "'": r"\(aq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti"}
)
"""What roff would print as another character than the one to type."""

OF_COMMANDS = "EXAMPLES OF COMMANDS"


def man_page() -> str:
    """Return the page, as roff."""
    whole = build_parser()
    commands = whole.commands()
    _prepare(whole)
    # The commands come last, and under their own name.
    positionals = whole._action_groups.pop(0)
    positionals.title = "commands"
    whole._action_groups.append(positionals)
    epilogs, whole.epilog = {"": whole.epilog or ""}, None
    for command in COMMANDS:
        one = commands[command.name].complete()
        epilogs[command.name] = one.epilog or ""
        shared = _hide_shared(one)
        _prepare(one)
        named = " and ".join(name.upper() for name in shared)
        one.description = f"It also has the options of {named}." if shared else None
    page = Manpage(
        whole,
        format="single-commands-section",
        _data={
            "project_name": "dyntop",
            "version": __version__,
            "date": _date(),
            "manual_title": "dyntop",
            "description": "a live view of NVIDIA Dynamo's service discovery",
        },
    )
    for paragraph in epilogs.pop("").strip().split("\n\n"):
        heading = HEADINGS[re.split(r"\W", paragraph, maxsplit=1)[0]]
        page.add_section(heading, ">", _as_written(paragraph))
    of_commands = [f".SS dyntop {name}\n{_as_written(text)}" for name, text in epilogs.items()]
    page.add_section(OF_COMMANDS, ">", "\n".join(of_commands))
    return str(page)


def _hide_shared(parser: Parser) -> list[str]:
    """Hide the options that dyntop itself has. Return the names of their groups."""
    found = [group for group in parser._action_groups if group.title in OF_ALL]
    for group in found:
        for action in group._group_actions:
            action.help = argparse.SUPPRESS
    return [group.title or "" for group in found]


def _prepare(parser: Parser) -> None:
    """Set a usage of one line: argparse's has all options in it, wrapped as each Python likes."""
    positionals = (action for action in parser._actions if not action.option_strings)
    parser.usage = " ".join((parser.prog, "[OPTION...]", *map(_word, positionals)))


def _word(action: argparse.Action) -> str:
    name = str(action.metavar or f"{{{','.join(action.choices or ())}}}")
    return {"?": f"[{name}]", "*": f"[{name}...]", argparse.PARSER: f"[{name} ...]"}.get(
        str(action.nargs), name
    )


def _as_written(text: str) -> str:
    """Return roff that prints each line as it is."""
    return "\n".join((".nf", *_escaped(text.strip("\n")), ".fi"))


def _escaped(text: str) -> Iterator[str]:
    for line in text.split("\n"):
        escaped = line.translate(TYPED)
        # At the beginning of a line it begins a request.
        yield rf"\&{escaped}" if escaped.startswith(".") else escaped


def _date() -> str:
    """Return the date of the release, or that it is none yet, as in the first heading of the
    changelog."""
    found = re.search(r"^## \S+(?: \((.+)\))?$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert found is not None
    return found[1] or ""


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(man_page())
