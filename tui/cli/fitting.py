"""Fit the columns of a table into a terminal: which are cut, and to how much."""

from __future__ import annotations

from collections.abc import Sequence

GAP = 2
"""Columns of the terminal between two columns of a table."""

CUT_FIRST = frozenset(
    {
        *("EVIDENCE", "WHY", "LAST_ERROR", "REASON", "KEY", "TRANSPORT", "REVISION"),
        *("RELEASE", "SUBJECT", "KEYS", "UNDO"),
    }
)
"""Sentences, and what a row is not recognised by."""
CUT_LAST = frozenset(
    {
        *("COMPONENT", "COMPONENTS", "MODEL", "MODELS", "ID", "WORKER", "NAME", "INSTANCE"),
        "POD",
    }
)
"""What a row is recognised by."""

LEGIBLE, LEAST = 12, 4
"""Columns that a cell of the first kind keeps while others can be cut, and that any keeps while
another has more."""


def fitted(names: Sequence[str], widths: Sequence[int], room: int) -> list[int]:
    """Return the widths with which a table fits into `room` columns, the less important cut first.

    Nothing is cut while there is room, and no more than is missing. A table of more columns than
    there is room for, each with a character, stays too wide.
    """
    found = list(widths)
    first = [at for at, name in enumerate(names) if name in CUT_FIRST]
    last = [at for at, name in enumerate(names) if name in CUT_LAST]
    rest = [at for at in range(len(names)) if at not in first and at not in last]
    steps = (
        *((first, LEGIBLE), (rest, LEGIBLE), (first, LEAST), (rest, LEAST)),
        *((last, LEGIBLE), (last, LEAST), (range(len(names)), 1)),
    )
    missing = sum(found) + GAP * (len(found) - 1) - room
    for columns, least in steps:
        missing = _cut(found, columns, least, missing)
    return found


def _cut(widths: list[int], columns: Sequence[int], least: int, missing: int) -> int:
    """Cut the widest of some columns, to `least` at most, until nothing is missing. Return what
    still is."""
    while missing > 0:
        widest = max((widths[at] for at in columns), default=0)
        if widest <= least:
            break
        for at in columns:
            if widths[at] == widest and missing > 0:
                widths[at] -= 1
                missing -= 1
    return missing
