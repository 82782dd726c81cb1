"""A tab whose rows expand to their parts."""

from __future__ import annotations

from collections.abc import Hashable
from typing import ClassVar, Protocol, TypeVar

from textual.binding import BindingType

from tui.runtime.textual_bindings import bindings
from tui.widgets.panes.pane import Pane
from tui.widgets.table.list_table import ListTable


class TreeRow(Protocol):
    """A row, and where it stands."""

    @property
    def key(self) -> tuple[Hashable, ...]:
        """Begins with the path of its parent."""

    @property
    def opened(self) -> bool | None:
        """Return whether it is expanded. None: there is nothing below it."""

    @property
    def level(self) -> int:
        """How far it is below the first rows."""


Branch = TypeVar("Branch", bound=TreeRow)


class TreePane(Pane[Branch]):
    """Expands and collapses rows by the usual keys of trees. Subclasses keep the expanded ones."""

    ACTIONS: ClassVar[dict[str, str]] = {"expand": "open(True)", "collapse": "open(False)"}
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)

    def set_open(self, row: Branch, opened: bool) -> None:
        """Open or close a row that has something below it, and show that."""
        raise NotImplementedError

    def key_above(self, row: Branch) -> Hashable:
        """Return the key of the parent row."""
        return row.key[:-1]

    def on_list_table_chosen(self, message: ListTable.Chosen) -> None:
        """Expand or collapse; on a row with nothing below it, do as in other tabs."""
        if self.row is not None and self.row.opened is not None:
            message.stop()
            self.set_open(self.row, not self.row.opened)

    def action_open(self, opened: bool) -> None:
        row = self.row
        if row is None:
            return
        if not opened and not row.opened and row.level:
            # Closing what is closed goes up, as in any tree.
            self.select(self.key_above(row))
        elif row.opened is not None:
            self.set_open(row, opened)
