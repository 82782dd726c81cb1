"""What is imported once the dashboard is on screen: all that it imports by and by."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tui.app import USED_LATER

ROOT = Path(__file__).parents[3]
WHERE = (
    "backends/dynamo",
    "backends/removal",
    "tui/dialogs",
    "tui/screens",
    "tui/state",
    "tui/text",
)
FILES = (*WHERE, "tui/widgets", "tui/app.py")
"""Of these the dashboard has all, whatever the store is. What others import by and by is of one
store, or of a part that is asked for at the start."""


def test_all_that_a_key_or_a_record_imports_is_imported_before() -> None:
    found = {name for path in modules() for name in imported_in_functions(path)}
    assert found - {"backends.removal.audit"} <= {*USED_LATER}
    # A submodule that is taken from its package.
    assert "backends.removal.audit.lines" in USED_LATER
    assert len(found) > 5


def modules() -> Iterator[Path]:
    for name in FILES:
        place = ROOT / name
        yield from [place] if place.is_file() else place.rglob("*.py")


def imported_in_functions(path: Path) -> Iterator[str]:
    for function in ast.walk(ast.parse(path.read_text())):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.ImportFrom):
                    yield node.module or ""
                elif isinstance(node, ast.Import):
                    yield from (one.name for one in node.names)
