"""Lines as a table for people, as Markdown, and as JSON. Pure."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence

from bench.results import Line, Peer, Unit

TITLES = ("figure", "N", "dyntop", "peers", "target", "")
BEGIN, END = "<!-- bench -->", "<!-- /bench -->"
"""Enclose the table in a document."""


def rows(lines: Sequence[Line]) -> list[tuple[str, ...]]:
    """A row for each line, of as many cells as there are titles."""
    return [
        (
            line.what,
            f"{line.size:,}",
            _spread(line.runs, line.unit),
            ", ".join(_peer(peer, line.unit) for peer in line.peers),
            _target(line),
            _verdict(line),
        )
        for line in lines
    ]


def as_text(lines: Sequence[Line]) -> str:
    """A table in columns."""
    table = [TITLES, *rows(lines)]
    widths = [max(len(row[n]) for row in table) for n in range(len(TITLES))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    )


def as_markdown(lines: Sequence[Line], machine: Mapping[str, str]) -> str:
    """The same, and on what it was measured."""
    about = ", ".join(
        value if name in ("date", "processor", "kernel") else f"{name} {value}"
        for name, value in machine.items()
    )
    table = [TITLES, ("---",) * len(TITLES), *rows(lines)]
    return "\n".join([*(f"| {' | '.join(row)} |" for row in table), "", f"Measured on: {about}."])


def as_json(lines: Sequence[Line], machine: Mapping[str, str]) -> str:
    """Every run."""
    return json.dumps({"machine": machine, "lines": [_line(line) for line in lines]}, indent=1)


def with_table(document: str, markdown: str) -> str:
    """Replace the table of a document. Raises `ValueError` if it has no place for one."""
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"no {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{markdown}\n{END}{after}"


def _line(line: Line) -> dict[str, object]:
    return {
        "figure": line.figure,
        "what": line.what,
        "size": line.size,
        "unit": line.unit,
        "runs": line.runs,
        "median": line.median,
        "peers": {peer.name: peer.runs for peer in line.peers},
        "limit": line.limit,
        "met": line.within(),
    }


def _peer(peer: Peer, unit: Unit) -> str:
    return f"{peer.name} {_spread(peer.runs, unit) if peer.runs else 'not installed'}"


def _spread(runs: Sequence[float], unit: Unit) -> str:
    """`1.20 s [1.10–1.41]`: the median, the least and the most."""
    median = f"{_number(statistics.median(runs))} {unit}"
    if len(runs) == 1:
        return median
    return f"{median} [{_number(min(runs))}–{_number(max(runs))}]"


def _number(value: float) -> str:
    """Three digits that count."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _target(line: Line) -> str:
    if line.target is None:
        return ""
    if not line.target.of:
        return f"≤ {line.target.most:g} {line.unit}"
    of = "their sum" if len(line.target.of) > 1 else line.target.of[0]
    return f"≤ {line.target.most:g} × {of}{_ratio(line)}"


def _ratio(line: Line) -> str:
    """What it is now."""
    if line.target is None or line.limit is None:
        return ""
    return f" (is {_number(line.median / line.limit * line.target.most)})"


def _verdict(line: Line) -> str:
    return {True: "met", False: "**not met**", None: ""}[line.within()]
