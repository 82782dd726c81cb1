"""No test measures how long something takes: on a busy machine everything may take any time."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
STOPWATCHES = {"monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns"}
"""Of `time`."""


def measured(tree: ast.AST) -> Iterator[int]:
    """Lines in which a length of time is worked out, but for those that only print it."""
    printed = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.BinOp)
            and isinstance(node.op, ast.Sub)
            and node not in printed
            and (is_stopwatch(node.left) or is_stopwatch(node.right))
        ):
            yield node.lineno


def is_stopwatch(node: ast.AST) -> bool:
    """Whether it is a call of one, or of an event loop's own clock."""
    if not isinstance(node, ast.Call):
        return False
    called = node.func
    if isinstance(called, ast.Name):
        return called.id in STOPWATCHES
    if not isinstance(called, ast.Attribute):
        return False
    return called.attr in STOPWATCHES or (called.attr == "time" and "loop" in ast.dump(called))


@pytest.mark.parametrize(
    ("code", "number"),
    [
        ("assert time.monotonic() - began < 5", 1),
        ("took = perf_counter() - began", 1),
        ("asyncio.get_running_loop().time() - began", 1),
        ("print(f'{time.monotonic() - began} s')", 0),
        ("assert time.monotonic() < deadline", 0),
        ("timer.now() - began; time.time() - 5", 0),
    ],
)
def test_a_stopwatch_is_found(code: str, number: int) -> None:
    assert len(list(measured(ast.parse(code)))) == number


def test_no_test_measures_time() -> None:
    found = [
        f"{path.relative_to(TESTS)}:{line}"
        for path in TESTS.rglob("test_*.py")
        for line in measured(ast.parse(path.read_text()))
    ]
    assert found == []
