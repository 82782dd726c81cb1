"""The question before the label of a pod is put back."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from backends.dynamo.records import AnyRecord
from backends.removal.lasting_drain import pod_mates
from backends.store import PodLabel
from tui.actions import Place
from tui.dialogs.key_list import KeyList
from tui.dialogs.question import KeysQuestion
from tui.state.column import Cell
from tui.state.dashboard import Dashboard
from tui.text.format import STATES
from tui.text.sanitize import plain
from tui.widgets.context_badge import QuestionedStore


class LabelBackDialog(KeysQuestion):
    """Shows the pod, its label that is off, and what clients discover again."""

    CSS_PATH = "dialog.tcss"

    PLACE = Place.UNDO

    def __init__(
        self, dashboard: Dashboard, record: AnyRecord, label: PodLabel, where: str
    ) -> None:
        """`record`: of a process in the pod. `where`: the store's name and address in full."""
        super().__init__(dashboard.timings.reading)
        self._dashboard = dashboard
        self._label = label
        self._where = where
        owner = record.entry.owner
        mates = () if owner is None else pod_mates(dashboard.view.cluster, owner)
        self._records = mates or (record,)

    def compose(self) -> ComposeResult:
        title = Text(f"Put pod {plain(self._label.pod)} back into discovery?", "bold")
        with Vertical(classes="dialog -asking"):
            yield Static(title, classes="dialog--title")
            yield QuestionedStore(self._dashboard.settings, f"in {self._where}")
            yield KeyList([(one.key, "") for one in self._records], self._note)
            yield from self.compose_text(self._consequences())
            yield from self.compose_buttons("Put back", "warning")

    def on_mount(self) -> None:
        self.query_one("#no").focus()

    def _note(self, index: int) -> Cell:
        state = STATES[self._dashboard.view.verdicts.of(self._records[index].key)]
        return Cell(f"{state}", state.tone)

    def _consequences(self) -> list[str]:
        label = self._label
        return [
            f"Label {label.text} is put back on pod {label.pod_path}, as its annotation keeps it.",
            "Clients discover its workers again once the pod is ready.",
            "A pod that was replaced, or whose label has another value by now, is left alone.",
        ]
