"""The columns of a table: which are shown, in which order, and how rows are sorted by one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import structs

Look = TypeVar("Look")
"""What was read, with all that is known of its rows."""
Row = TypeVar("Row")


class TableColumn(msgspec.Struct, Generic[Look, Row], frozen=True):
    """One column."""

    name: str
    """Its header, in capitals."""
    text: Callable[[Look, Row], str]
    """Returns a cell in full. Empty: it does not apply."""
    brief: Callable[[Look, Row], str] | None = None
    """Returns the cell of the usual table, where another column may have the same. None: `text`."""
    order: Callable[[Look, Row], Any] | None = None
    """Returns what a row is sorted by. None: the text, its numbers by their size."""
    wide: bool = False
    """Whether the usual table leaves it out."""
    evidence: bool = False
    """Whether leases are checked for it."""


def in_natural_order(text: str) -> list[Any]:
    """Return what a text is sorted by: `gpu-9` before `gpu-10`, whatever the case."""
    parts: list[Any] = re.split(r"([0-9]+)", text.lower())
    # By length first: a number of 100 KB is none that Python reads.
    parts[1::2] = [(len(number := part.lstrip("0")), number) for part in parts[1::2]]
    return parts


def usual(
    columns: Sequence[TableColumn[Look, Row]], *, wide: bool
) -> Sequence[TableColumn[Look, Row]]:
    """Return the columns of the usual table, or all of them, each in full."""
    if wide:
        return [structs.replace(column, brief=None) for column in columns]
    return [column for column in columns if not column.wide]


def cells(
    columns: Sequence[TableColumn[Look, Row]], look: Look, rows: Iterable[Row]
) -> tuple[list[str], Iterator[list[str]]]:
    """Return the header, and the cells of each row as they are consumed."""
    makers = [column.brief or column.text for column in columns]
    table = ([cell(look, row) for cell in makers] for row in rows)
    return [column.name for column in columns], table


def names_of(columns: Sequence[TableColumn[Any, Any]]) -> str:
    """Return the names as `--columns` takes them, for a sentence."""
    return ", ".join(column.name.lower() for column in columns)
