"""The columns of a table: which are shown, in which order, and by which its rows are sorted."""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import structs

from backends.store import Misconfigured
from tui.cli.tables import write_table
from tui.text.sanitize import clip

Look = TypeVar("Look")
"""What was read, with all that is known of its rows."""
Row = TypeVar("Row")

NONE = "<none>"
"""An empty cell of a column that was asked for, as `kubectl` prints it: each line has as many
cells."""


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


class Layout(Generic[Look, Row]):
    """How a table was asked for: its columns, its header, and the order of its rows."""

    def __init__(self, columns: Sequence[TableColumn[Look, Row]], arguments: Namespace) -> None:
        """Take the options of the command line. Raises `Misconfigured` if they name no column, or
        do not go with its output."""
        self.headers: bool = not arguments.no_headers
        self.chosen: bool = arguments.columns is not None
        """Whether the columns were named: they are printed even if they are empty."""
        self._reverse: bool = arguments.reverse
        self._sort = None
        if arguments.sort is not None:
            self._sort = _named("--sort", arguments.sort, columns)
        if arguments.output not in ("table", "wide"):
            for flag, given in (("--columns", self.chosen), ("--no-headers", not self.headers)):
                if given:
                    raise Misconfigured(flag, "goes with -o table and -o wide only")
        if self.chosen:
            names = arguments.columns.split(",")
            self.columns = [_in_full(_named("--columns", name, columns)) for name in names]
        elif arguments.output == "wide":
            self.columns = list(map(_in_full, columns))
        else:
            self.columns = [column for column in columns if not column.wide]

    @property
    def needs_evidence(self) -> list[str]:
        """The columns that were named and for which leases are checked."""
        named = [*(self.columns if self.chosen else ()), self._sort]
        return [column.name for column in named if column is not None and column.evidence]

    @property
    def is_sorted(self) -> bool:
        """Whether another order was asked for than that of the keys."""
        return self._sort is not None or self._reverse

    @property
    def header(self) -> list[str]:
        """The names of its columns."""
        return [column.name for column in self.columns]

    def in_order(self, look: Look, rows: list[Row]) -> list[Row]:
        """Return the rows as they are to be sorted. Those without a value come last either way."""
        if (column := self._sort) is None:
            return rows[::-1] if self._reverse else rows
        filled, empty = [], []
        for row in rows:
            text = column.text(look, row)
            if not text:
                empty.append(row)
            elif column.order is not None:
                filled.append((column.order(look, row), row))
            else:
                filled.append((in_natural_order(text), row))
        filled.sort(key=lambda pair: pair[0], reverse=self._reverse)
        return [*(row for _, row in filled), *empty]

    def cells(self, look: Look, rows: Iterable[Row]) -> Iterator[list[str]]:
        """Yield the cells of each row."""
        makers = [column.brief or column.text for column in self.columns]
        empty = NONE if self.chosen else ""
        return ([maker(look, row) or empty for maker in makers] for row in rows)

    def write(self, look: Look, rows: Iterable[Row]) -> None:
        """Print the table. Raises BrokenPipeError, `OutputFailed`."""
        write_table(self.header, self.cells(look, rows), headers=self.headers)


def in_natural_order(text: str) -> list[Any]:
    """Return what a text is sorted by: `gpu-9` before `gpu-10`, whatever the case."""
    parts: list[Any] = re.split(r"([0-9]+)", text.lower())
    # By length first: Python reads no number of 100 KB.
    parts[1::2] = [(len(number := part.lstrip("0")), number) for part in parts[1::2]]
    return parts


def _in_full(column: TableColumn[Look, Row]) -> TableColumn[Look, Row]:
    return structs.replace(column, brief=None)


def _named(
    flag: str, name: str, columns: Sequence[TableColumn[Look, Row]]
) -> TableColumn[Look, Row]:
    """Return the column of a name, whatever its case. Raises `Misconfigured`."""
    wanted = name.strip().upper()
    found = next((column for column in columns if column.name == wanted), None)
    if found is not None:
        return found
    from tui.text.suggestions import LONGEST, did_you_mean

    known = [column.name.lower() for column in columns]
    problem = f"there is no column {clip(name.strip(), LONGEST)!r}{did_you_mean(wanted, known)}"
    raise Misconfigured(flag, f"{problem}; the columns are {', '.join(known)}")
