"""The question before something is put back."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Button, Static

from backends.audit import Act
from backends.reading import read
from backends.records import EndpointInstance
from tui.columns import Cell
from tui.detail import keeps
from tui.plain import plain
from tui.screens.asking import AskingOfKeys
from tui.screens.key_list import KeyList
from tui.view import View
from tui.words import duration, hex_id

_WAS = {"unregister": "Unregistered", "drain": "Drained", "clean up": "Cleaned up"}
LOOK_INTERVAL = 1.0
"""Seconds between two looks at whether keys came back meanwhile."""


class UndoDialog(AskingOfKeys):
    """Shows what was done, which keys would be written again, and what that does."""

    CSS_PATH = "dialog.tcss"

    BINDINGS: ClassVar[list[BindingType]] = [
        # A capital, so that no letter typed for something else says yes.
        Binding("Y", "yes", "Yes, put back"),
    ]

    def __init__(self, view: View, act: Act, where: str) -> None:
        """`where`: into which store, with its name and address in full."""
        super().__init__()
        self.view = view
        self.act = act
        self._where = where
        self._records = [read(item.entry) for item in act.items]

    def compose(self) -> ComposeResult:
        keys = [(item.entry.key, f"was {item.verdict}") for item in self.act.items]
        with Vertical(classes="dialog -asking"):
            yield Static(Text(f"Put {keeps(self._records)} back?", "bold"), classes="dialog--title")
            yield Static(plain(self._where), classes="dialog--where", markup=False)
            yield Static(self._done(), classes="dialog--summary", markup=False)
            yield KeyList(keys, self._note)
            with VerticalScroll(classes="dialog--text", can_focus=False):
                lines = "\n".join(f"• {line}" for line in self._consequences())
                yield Static(lines, classes="dialog--lines", markup=False)
            with Horizontal(classes="dialog--buttons"):
                yield Button("No (n)", id="no", variant="primary")
                yield Button("Put back (Y)", id="yes", variant="warning")

    def on_mount(self) -> None:
        self.query_one("#no").focus()
        self.set_interval(LOOK_INTERVAL, self._look_again)

    def _look_again(self) -> None:
        self.query_one(".dialog--summary", Static).update(self._done())
        self.query_one(KeyList).refresh()

    def _done(self) -> str:
        """What was done, and when."""
        at = datetime.fromtimestamp(self.act.at)
        ago = duration(self.view.clock() - self.act.at)
        return f"{_WAS[self.act.kind]} at {at:%H:%M:%S}, {ago} ago."

    def _note(self, index: int) -> Cell:
        record = self._records[index]
        if record.key in self.view.monitor.cluster.records:
            return Cell("~ such a key is there again: it stays as it is", "warn")
        if record.lease is not None:
            return Cell(f"under lease {hex_id(record.lease)}, if that still lives", "dim")
        leases = self.view.monitor.verdicts.has_leases
        return Cell("without a lease, as it was" if leases else "", "dim")

    def _consequences(self) -> list[str]:
        lines = ["Exactly the same bytes are written again. A key that is there is never replaced."]
        if any(isinstance(record, EndpointInstance) for record in self._records):
            lines.append("An instance is routed to again, if its worker lives.")
        if not self.view.monitor.verdicts.is_kept_alive:
            lines.append("It gets a new revision, and its bucket's time to live begins anew.")
        elif not self.view.monitor.verdicts.has_leases:
            lines.append("A worker that lives keeps its files alive again; others expire.")
        elif any(record.lease is not None for record in self._records):
            lines.append("Where the lease has ended, the worker is gone and nothing is written.")
        return lines
