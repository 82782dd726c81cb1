"""Fit the columns of a table into a terminal: which are cut, and to how much."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

GAP = 2
"""Columns of the terminal between two columns of a table."""

CUT_FIRST = frozenset(
    ("EVIDENCE", "WHY", "LAST_ERROR", "STATE", "DETAIL", "KEY", "TRANSPORT", "REVISION", "RELEASE")
)
"""Sentences, and what a row is not recognised by."""
SENTENCES = frozenset({"EVIDENCE", "WHY", "LAST_ERROR", "STATE", "DETAIL"})
"""What is cut at its end. Of names the end matters as much as the start."""
CUT_LAST = frozenset(
    ("COMPONENT", "COMPONENTS", "MODEL", "MODELS", "ID", "WORKER", "NAME", "INSTANCE", "POD")
)
"""What a row is recognised by."""
WHOLE = frozenset({"TIME"})
"""What says nothing once it is cut."""

LEGIBLE = {"sentence": 16, "first": 10, "rest": 10, "last": 12}
"""Columns that a cell keeps, by its kind, while all can be read."""
LEAST = 4
"""Columns that each cell keeps."""


def kind_of(name: str) -> str:
    """Return how important a column is, as `LEGIBLE` has it. `whole`: it is never cut."""
    if name in WHOLE:
        return "whole"
    if name in CUT_LAST:
        return "last"
    if name in SENTENCES:
        return "sentence"
    return "first" if name in CUT_FIRST else "rest"


def fitted(
    names: Sequence[str], widths: Sequence[int], room: int, cells: Sequence[int] | None = None
) -> Sequence[int]:
    """Return the widths with which a table fits into `room` columns, the less important cut first.

    Nothing is cut while there is room, and no more than is missing. `cells`: the widths without the
    header. None: they are the same. A header gives way before a cell that tells a row from others.
    A table of more columns than could be told apart is left whole: the terminal folds its lines.
    """
    found = list(widths)
    cells = widths if cells is None else cells
    missing = sum(found) + GAP * (len(found) - 1) - room
    columns = range(len(names))
    for kind, legible in LEGIBLE.items():
        least = {at: legible for at in columns if kind_of(names[at]) == kind}
        if kind == "last":
            by_header = {at: max(LEAST, cells[at]) for at in columns}
            missing = _cut(found, by_header, missing)
        missing = _cut(found, least, missing)
    for kind in LEGIBLE:
        least = {at: LEAST for at in columns if kind_of(names[at]) == kind}
        missing = _cut(found, least, missing)
    return found if missing <= 0 else widths


def _cut(widths: list[int], least: Mapping[int, int], missing: int) -> int:
    """Cut the widest of some columns, each down to its least width, until nothing is missing.
    Return what still is."""
    while missing > 0:
        free = [at for at, fewest in least.items() if widths[at] > fewest]
        if not free:
            break
        widths[max(free, key=lambda at: widths[at])] -= 1
        missing -= 1
    return missing
