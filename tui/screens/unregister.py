"""The question before anything is removed. Its answer is no, unless somebody says yes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from backends import keys
from backends.ids import Kind
from backends.models import base_name
from backends.records import AnyRecord, ModelCard
from tui.consequences import consequences
from tui.detail import keeps
from tui.plain import plain
from tui.view import View
from tui.words import NOTHING, count, seen_in_words


class UnregisterDialog(ModalScreen[bool]):
    """Shows exactly what would be removed, from where, and what that does."""

    CSS_PATH = "dialog.tcss"

    BINDINGS: ClassVar[list[BindingType]] = [
        # A capital, so that no letter typed for something else says yes.
        Binding("Y", "answer(True)", "Yes, unregister"),
        Binding("n,escape,q", "answer(False)", "No"),
        Binding("left", "turn_to('no')", show=False),
        Binding("right", "turn_to('yes')", show=False),
        *(
            Binding(key, f"scroll_keys({step})", show=False)
            for key, step in (("up,k", -1), ("down,j", 1), ("pageup", -5), ("pagedown", 5))
        ),
    ]

    def __init__(self, view: View, records: Sequence[AnyRecord], store: str) -> None:
        """`store` is its name and address in full."""
        super().__init__()
        self.view = view
        self.records = records
        self._store = store

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(self._question(), classes="dialog--title")
            with VerticalScroll(classes="dialog--keys", can_focus=False):
                yield Static(self._keys())
            with VerticalScroll(classes="dialog--text", can_focus=False):
                yield Static(Text("\n".join(f"• {plain(line)}" for line in self._consequences())))
            with Horizontal(classes="dialog--buttons"):
                yield Button("No (n)", id="no", variant="primary")
                yield Button("Unregister (Y)", id="yes", variant="error")

    def on_mount(self) -> None:
        self.query_one("#no").focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")

    def action_answer(self, yes: bool) -> None:
        self.dismiss(yes)

    def action_turn_to(self, button: str) -> None:
        self.query_one(f"#{button}").focus()

    def action_scroll_keys(self, step: int) -> None:
        self.query_one(".dialog--keys", VerticalScroll).scroll_relative(y=step, animate=False)

    def _question(self) -> Text:
        what = keeps(self.records)
        question = Text(f"Unregister {what}?\n", "bold", no_wrap=True)
        return question.append(plain(self._store), "not bold")

    def _keys(self) -> Text:
        text = Text()
        for record in self.records:
            text.append(plain(keys.spell(record.key)), "bold")
            first_seen = self.view.first_seen(record)
            known = f"seen for {NOTHING}"
            if first_seen is not None:
                known = seen_in_words(first_seen, self.view.clock())
            text.append(f"  revision {record.revision}, {known}\n", "dim")
        text.rstrip()
        return text

    def _consequences(self) -> list[str]:
        sentences = [sentence for record in self.records for sentence in consequences(record)]
        lines = list(dict.fromkeys(sentences))
        if len(self.records) == 1:
            lines += self._rest_of_worker(self.records[0])
        lines += self._rest_of_model()
        lines.append("Only this revision is removed: a key that changed meanwhile stays.")
        return lines

    def _rest_of_worker(self, record: AnyRecord) -> list[str]:
        siblings = self.view.monitor.cluster.siblings(record)
        return [f"Its worker keeps {keeps(siblings)}."] if siblings else []

    def _rest_of_model(self) -> list[str]:
        """What is not on the list, though it may seem to belong to it."""
        models = {
            record.model_name
            for record in self.records
            if isinstance(record, ModelCard) and not record.is_lora
        }
        if len(self.records) == 1 or not models:
            return []
        chosen = {record.key for record in self.records}
        cluster = self.view.monitor.cluster
        cards = (cluster.records[key] for key in cluster.keys(Kind.MODEL))
        others = [card for card in cards if isinstance(card, ModelCard) and card.key not in chosen]
        adapters = [card for card in others if card.is_lora and base_name(card, cluster) in models]
        elsewhere = [card for card in others if not card.is_lora and card.model_name in models]
        lines = []
        if adapters:
            lines.append(f"Its LoRA adapters keep {count(len(adapters), 'card')} of their own.")
        if elsewhere:
            stay = count(len(elsewhere), "card")
            lines.append(f"{stay} of it outside the filter or the selected place stay.")
        return lines
