"""One name stands for one thing: no two public classes of the project have the same name."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from tui.widgets.panes import tabs  # it imports every tab
from tui.widgets.panes.pane import Pane

ROOT = Path(__file__).parents[2]
PACKAGES = ("backends", "tui")
PANES = tabs.__name__.rpartition(".")[0]


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


def test_no_pane_inherits_from_more_than_two_classes_of_the_project() -> None:
    """Six levels had to be read to see what a key does in a tab."""
    levels = {
        pane.__name__: [one.__name__ for one in pane.__mro__ if one.__module__.startswith("tui.")]
        for pane in subclasses(Pane)
        if pane.__module__.startswith(PANES)
    }
    assert {"InstancesPane", "ModelsPane", "MetricsPane"} <= levels.keys()
    assert {name: found for name, found in levels.items() if len(found) > 3} == {}


def subclasses(of: type) -> Iterator[type]:
    """All of them, however deep."""
    one: type
    for one in of.__subclasses__():
        yield one
        yield from subclasses(one)


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
