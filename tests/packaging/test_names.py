"""One name stands for one thing: no two public classes of the project have the same name."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("backends", "tui")


def public_classes() -> dict[str, list[str]]:
    """Return by name the files that define a public class of that name at their top level."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for package in PACKAGES:
        for file in sorted((ROOT / package).rglob("*.py")):
            for node in ast.parse(file.read_text()).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    found[node.name].append(str(file.relative_to(ROOT)))
    return dict(found)


def test_the_classes_of_the_project_are_found() -> None:
    found = public_classes()
    assert found["Discovery"] == ["backends/discovery/discovery.py"]
    assert found["MainScreen"] == ["tui/screens/main.py"]


def test_no_public_class_name_stands_for_two_things() -> None:
    twice = {name: files for name, files in public_classes().items() if len(files) > 1}
    assert twice == {}


def test_no_folder_holds_more_modules_than_can_be_looked_over() -> None:
    """75 modules lay loose in two folders once."""
    folders = [
        folder
        for package in PACKAGES
        for folder in (ROOT / package, *(ROOT / package).rglob("*/"))
        if folder.name != "__pycache__"
    ]
    crowded = {
        str(folder.relative_to(ROOT)): modules
        for folder in folders
        if (modules := len([one for one in folder.glob("*.py") if one.name != "__init__.py"])) > 25
    }
    assert crowded == {}
