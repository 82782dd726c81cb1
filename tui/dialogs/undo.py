"""The question before keys are put back."""

from __future__ import annotations

from datetime import datetime

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from backends.dynamo.parse import read
from backends.dynamo.records import EndpointInstance
from backends.removal.audit.operation import Operation
from backends.store import Lifetime
from tui.actions import Place
from tui.dialogs.key_list import KeyList
from tui.dialogs.question import Alert, KeysQuestion
from tui.state.column import Cell
from tui.state.dashboard import Dashboard
from tui.text.detail import keeps
from tui.text.format import duration, hex_id
from tui.widgets.context_badge import QuestionedStore

_WAS = {"unregister": "Unregistered", "drain": "Drained", "clean up": "Cleaned up"}
LOOK_INTERVAL = 1.0
"""Seconds between two looks at whether keys exist again."""


class UndoDialog(KeysQuestion):
    """Shows the act, the keys that would be written again, and the consequences."""

    CSS_PATH = "dialog.tcss"

    PLACE = Place.UNDO

    def __init__(self, dashboard: Dashboard, act: Operation, where: str) -> None:
        """`where`: the store's name and address in full."""
        super().__init__(dashboard.timings.reading)
        self.dashboard = dashboard
        self.act = act
        self._where = where
        self._records = [read(item.entry) for item in act.items]

    def compose(self) -> ComposeResult:
        keys = [(item.entry.key, f"was {item.verdict}") for item in self.act.items]
        with Vertical(classes="dialog -asking"):
            yield Static(Text(f"Put {keeps(self._records)} back?", "bold"), classes="dialog--title")
            yield QuestionedStore(self.dashboard.settings, self._where)
            yield Alert()
            yield Static(self._done(), classes="dialog--summary", markup=False)
            yield KeyList(keys, self._note)
            yield from self.compose_text(self._consequences())
            yield from self.compose_buttons("Put back", "warning")

    def on_mount(self) -> None:
        self.query_one("#no").focus()
        self._warn()
        self.set_interval(LOOK_INTERVAL, self._look_again)

    def _look_again(self) -> None:
        self.query_one(".dialog--summary", Static).update(self._done())
        self.query_one(KeyList).refresh()
        self._warn()

    def _warn(self) -> None:
        """Show why the store cannot take these keys now."""
        no_puts = self.dashboard.view.store.no_puts
        keys = [record.key for record in self._records]
        self.query_one(Alert).set_sentences(
            [
                f"This cannot be done now: {one.reason}."
                for one in no_puts
                if any(map(one.concerns, keys))
            ]
        )

    def _done(self) -> str:
        """Return the act and its time."""
        at = datetime.fromtimestamp(self.act.at)
        ago = duration(self.dashboard.clock() - self.dashboard.clock.when_shown(self.act.at))
        return f"{_WAS[self.act.kind]} at {at:%H:%M:%S}, {ago} ago."

    def _note(self, index: int) -> Cell:
        record = self._records[index]
        if record.key in self.dashboard.view.cluster.records:
            return Cell("~ the key exists again: it stays as it is", "warn")
        if record.lease is not None:
            return Cell(f"under lease {hex_id(record.lease)}, if it is still alive", "dim")
        leases = self.dashboard.view.verdicts.lifetime.has_leases
        return Cell("without a lease, as it was" if leases else "", "dim")

    def _consequences(self) -> list[str]:
        lines = ["Exactly the same bytes are written again. An existing key is never replaced."]
        if any(isinstance(record, EndpointInstance) for record in self._records):
            lines.append("Clients route to an instance again, if its worker is alive.")
        lifetime = self.dashboard.view.verdicts.lifetime
        if lifetime is Lifetime.OWNED:
            lines.append("An object whose pod is gone is not written: its worker is gone.")
        elif lifetime is Lifetime.UNBOUNDED:
            lines.append("It gets a new revision, and its bucket's time to live starts again.")
        elif not lifetime.has_leases:
            lines.append("A live worker keeps its files alive again; other files expire.")
        elif any(record.lease is not None for record in self._records):
            lines.append("A key whose lease has ended is not written: its worker is gone.")
        return lines
