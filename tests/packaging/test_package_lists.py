"""The lists of modules in the docstrings of packages are complete, and in the order of imports."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROMISE = "Each module uses only modules below it in this list:"
LISTED = {
    path.parent.relative_to(ROOT).as_posix(): path.read_text()
    for top in ("backends", "tui")
    for path in (ROOT / top).rglob("__init__.py")
    if PROMISE in " ".join(path.read_text().split())
}
"""The folders of packages with such a list, and the code that has it."""


def listed(package: str) -> list[str]:
    text = ast.get_docstring(ast.parse(LISTED[package])) or ""
    return re.findall(r"^    (\w+)  ", text, re.MULTILINE)


def modules(package: str) -> dict[str, list[Path]]:
    """Each module of a package with its files."""
    inside = [path for path in (ROOT / package).iterdir() if not path.name.startswith("_")]
    files = {path.stem: [path] for path in inside if path.suffix == ".py"}
    return files | {path.name: [*path.glob("*.py")] for path in inside if path.is_dir()}


def imported(package: str, files: list[Path]) -> set[str]:
    """The modules of a package that files import."""
    name = package.replace("/", ".")
    found: set[str] = set()
    for node in (one for file in files for one in ast.walk(ast.parse(file.read_text()))):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            if node.module == name:
                found |= {alias.name for alias in node.names}
            elif node.module.startswith(f"{name}."):
                found.add(node.module.removeprefix(f"{name}.").partition(".")[0])
    return found


def test_there_are_such_lists() -> None:
    assert {"backends/etcd", "backends/liveness", "tui/state"} <= LISTED.keys()


@pytest.mark.parametrize("package", LISTED)
def test_each_module_is_listed_once(package: str) -> None:
    assert sorted(listed(package)) == sorted(modules(package))


@pytest.mark.parametrize("package", LISTED)
def test_each_module_uses_only_modules_below_it(package: str) -> None:
    order, files = listed(package), modules(package)
    above = {
        name: sorted(imported(package, files[name]) & {*order[:number]})
        for number, name in enumerate(order)
    }
    assert {name: some for name, some in above.items() if some} == {}
