"""The table of moments: what requests got, what dyntop said, and whether that is equal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tests.truth.looking import Row

HEAD = ("SITUATION", "MOMENT", "STORE", "REQUESTS GET", "/v1/models", "DYNTOP SAYS", "EQUAL")


def line(situation: str, store: str, row: Row) -> tuple[str, ...]:
    """The cells of a moment."""
    moment, got, said = row.moment, row.got, row.said
    several = len(moment.takers) > 1
    asked, listed, figures = [], [], []
    for model, answers in got.answers.items():
        name = f"{model} " if several else ""
        asked += [f"{name}{one} by {len(one.takers)}" for one in answers]
        standing = said.standings[model]
        most = f" to {standing.most}" if standing.most != standing.least else ""
        served = "served" if standing.served else "not served"
        figures.append(f"{name}{served}, {standing.least}{most} of {standing.total} routable")
    for number, _ in enumerate(moment.frontends):
        at = [answers[number] for answers in got.answers.values()]
        listed.append(", ".join(sorted(frozenset().union(*(one.listed for one in at)))) or "none")
    counted = Counter(said.verdicts.values())
    verdicts = ", ".join(f"{count} {name}" for name, count in sorted(counted.items()))
    figures.append(f"check {said.check} ({verdicts or 'nothing there'})")
    if said.proposed:
        figures.append(f"{len(said.proposed)} keys to remove")
    equal = "yes" if not row.differences else "NO"
    return (
        situation,
        moment.name,
        store,
        " | ".join(asked),
        " | ".join(listed),
        "; ".join(figures),
        equal,
    )


def render(lines: Sequence[Sequence[str]]) -> str:
    """A table for a terminal or a file; cells are as wide as they have to be."""
    widths = [max(map(len, column)) for column in zip(HEAD, *lines, strict=True)]
    rows = [HEAD, tuple("-" * width for width in widths), *lines]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
