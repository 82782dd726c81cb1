"""The reference in the documents says what the code has: options, names, codes, signs, keys."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.docs.documents import (
    DOCUMENTS,
    README,
    REFERENCE,
    ROOT,
    in_code,
    prose,
    section,
    table,
)
from tui.actions import ACTIONS, DEFAULT_KEYS, REBINDABLE, Place, help_lines, shown_key
from tui.cli.arguments.commands import build_parser
from tui.cli.help_examples import EXAMPLES
from tui.config import context_file
from tui.state.navigation.go_to import WORDS
from tui.text import format
from tui.text.errors import Exit

COMMANDS = REFERENCE / "commands.md"
SETTINGS = REFERENCE / "settings.md"
VERDICTS = ROOT / "docs" / "verdicts.md"

OF_OTHERS = {
    "--auto-compaction-retention": "etcd",
    "--figures": "python -m bench",
    "--find-links": "pip",
    "--max-msgs-per-subject": "nats",
    "--migration-limit": "Dynamo's frontend",
    "--no-index": "pip",
    "--prefix": "etcdctl",
    "--table": "python -m bench",
    "--wheel-dir": "pip",
}
"""Options in the documents that are not dyntop's, and whose they are."""

READ_BY_DYNAMO = {
    "DYN_METRICS_PREFIX",
    "DYN_SELF_HOST_METADATA",
    "DYN_SYSTEM_PORT",
}
"""Names in the documents that change what workers do, and not dyntop."""

NOT_IN_THE_README = {"+", "-", "Ctrl+B", "Ctrl+C", "Ctrl+F", "Ctrl+Q", "Shift+Tab"}
"""Second keys of what has another there, and those that any program has."""

_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
_NAME = re.compile(r"\b(?:DYN|DYNTOP|ETCD|NATS|XDG)_[A-Z_]+\b(?!\.)")


def parsers() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Give the parser of dyntop and of each command."""
    whole = build_parser()
    yield "", whole
    for action in whole._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from ((name, one.complete()) for name, one in action.choices.items())


def options_of(parser: argparse.ArgumentParser) -> list[tuple[str, ...]]:
    """Return the options that help shows, each with all its spellings."""
    shown = [action for action in parser._actions if action.help != argparse.SUPPRESS]
    return [tuple(action.option_strings) for action in shown if action.option_strings]


PARSERS = dict(parsers())


@pytest.mark.parametrize("command", PARSERS, ids=lambda name: name or "dyntop")
def test_every_option_and_command_is_in_the_reference(command: str) -> None:
    text = COMMANDS.read_text()
    named = set(_OPTION.findall(text))
    for spellings in options_of(PARSERS[command]):
        short = [name for name in spellings if re.search(rf"[`\s]{name}\s", text)]
        assert short or named & set(spellings), spellings
    assert not command or f"`dyntop {command}" in text


def test_every_option_in_a_document_exists() -> None:
    ours = [one for parser in PARSERS.values() for one in options_of(parser)]
    known = {name for spellings in ours for name in spellings} | OF_OTHERS.keys()
    named = {option for document in DOCUMENTS for option in _OPTION.findall(document.read_text())}
    assert named - known == set()
    assert OF_OTHERS.keys() <= named


def test_every_name_in_the_environment_is_in_the_reference() -> None:
    named = set(_NAME.findall(SETTINGS.read_text()))
    assert set(_NAME.findall(EXAMPLES)) <= named


def test_every_environment_name_in_a_document_is_read_by_the_code() -> None:
    named = {name for document in DOCUMENTS for name in _NAME.findall(prose(document))}
    files = [
        path
        for folder in ("backends", "tui", "tests")
        for path in (ROOT / folder).rglob("*.py")
        if path.parent.name != "docs"
    ]
    read = set().union(*(_NAME.findall(path.read_text()) for path in files))
    assert named - read - READ_BY_DYNAMO == set()


def test_the_exit_codes_are_those_of_the_code() -> None:
    codes = [int(code) for code, _ in table(COMMANDS, "Exit codes")]
    assert codes == sorted({int(code) for code in Exit})


def test_a_context_may_have_what_the_reference_says() -> None:
    assert set(context_file.SETTINGS) <= set(in_code(section(SETTINGS, "Contexts")))


@pytest.mark.parametrize(
    ("document", "heading"), [(README, "Signs"), (VERDICTS, "Verdicts and their evidence")]
)
def test_the_table_of_signs_has_every_state(document: Path, heading: str) -> None:
    rows = table(document, heading)
    assert [in_code(sign)[0] for sign, *_ in rows] == [str(state) for state in format.MEANINGS]


def test_the_table_of_keys_has_every_key_of_the_help_and_no_other() -> None:
    lines = list(help_lines(Place.MAIN, DEFAULT_KEYS, writes=True))
    in_help = {key for _, names, _ in lines for key in names.split()} - {"…"}
    shown = {key for keys, _ in table(README, "Keys") for key in in_code(keys)}
    assert shown == in_help - NOT_IN_THE_README


def test_the_reference_has_every_action_with_its_keys_and_what_it_does() -> None:
    expected = [
        [f"`{action.id}`", _in_code(action.keys), action.help]
        for action in ACTIONS
        if action.id in REBINDABLE
    ]
    assert [list(row) for row in table(SETTINGS, "Keys")] == expected


def test_a_row_of_the_readme_has_all_keys_of_its_actions() -> None:
    """A key in the README stands in the row of its action, and not without the others of it."""
    rows = [set(in_code(keys)) for keys, _ in table(README, "Keys")]
    for action in ACTIONS:
        shown = {shown_key(key) for key in action.keys} - NOT_IN_THE_README
        if Place.MAIN in action.places and not action.id.startswith("tab-"):
            assert any(shown <= row for row in rows), action.id


def _in_code(keys: Iterable[str]) -> str:
    return " ".join(f"`{shown_key(key)}`" for key in keys)


def test_what_may_be_typed_after_a_colon_is_documented() -> None:
    text = (REFERENCE / "dashboard.md").read_text()
    section = text.partition("## Going to what has a name")[2].partition("\n## ")[0]
    for one in WORDS:
        assert f"`{one.word}`" in section, one
