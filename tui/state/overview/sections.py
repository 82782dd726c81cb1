"""The columns of each part of the tab Overview. No Textual in here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tui.state.column import ALL, NAMES, REASONS, Cell, Column, lay_out
from tui.state.overview.rows import OverviewPart, OverviewRow
from tui.text.short import SHORTEST

Laid = list[tuple[Column[OverviewRow], int]]
"""Columns with their widths."""


def _column(
    id: str,
    title: str,
    width: int,
    *,
    drop: int = 0,
    grow: tuple[tuple[int, int], ...] = (),
    right: bool = False,
    path: bool = False,
    host: bool = False,
) -> Column[OverviewRow]:
    def cell(row: OverviewRow) -> Cell:
        return row.cells.get(id, Cell(""))

    return Column(id, title, width, cell, drop=drop, grow=grow, right=right, path=path, host=host)


_FIGURES = (
    _column("requests", "REQ/S", 5, drop=3, right=True),
    _column("tokens", "TOK/S", 5, drop=3, right=True),
    _column("errors", "ERR/S", 5, drop=3, right=True),
    _column("ttft", "TTFT", 5, drop=3, right=True),
)
"""What frontends and workers say of a model."""
_READ = _column("read", "READ", 7, drop=4, right=True)
"""How long before the shown moment its figures were read."""


def columns_of(
    part: OverviewPart, *, has_figures: bool, is_past: bool = False
) -> Sequence[Column[OverviewRow]]:
    """Return the columns of a part. `has_figures`: whether models have any. `is_past`: whether an
    earlier moment is shown."""
    match part:
        case OverviewPart.WRONG:
            return (
                _column("state", "WRONG THEN" if is_past else "WRONG NOW", 13),
                _column("name", "WHERE", 14, grow=NAMES, path=True),
                _column("worker", "WORKER", 16, drop=3),
                _column("host", "HOST", 12, drop=5, host=True),
                _column("keys", "KEYS", 4, drop=6, right=True),
                _column("why", "WHY", SHORTEST, drop=2, grow=REASONS),
            )
        case OverviewPart.MODELS:
            return (
                _column("model", "MODEL", 16, grow=((2, 40), (6, ALL)), path=True),
                _column("where", "NAMESPACE", 9, drop=5, path=True),
                _column("routable", "ROUTABLE", 14, drop=1),
                *(_FIGURES if has_figures else ()),
                *((_READ,) if has_figures and is_past else ()),
                _column("why", "WHY", 12, drop=6, grow=((7, 30),)),
            )
        case OverviewPart.EVENTS:
            return (
                _column("time", "TIME", 8),
                _column("what", "EVENT", 12),
                _column("name", "NAME", 16, grow=NAMES, path=True),
                _column("id", "ID", 16, drop=4),
                _column("why", "WHY", 14, drop=2, grow=REASONS),
            )


def laid_out(
    columns: Sequence[Column[OverviewRow]],
    width: int,
    needs: Mapping[str, int],
    enough: Mapping[str, int] | None = None,
) -> Laid:
    """Return the columns that fit into `width` cells, without those that no row has a text for.
    `needs`, `enough`: as of `lay_out`."""
    filled = [column for column in columns if needs.get(column.id, 1) or not column.drop]
    return lay_out(filled, width, needs, enough)
