"""The question before anything is removed. Its answer is no, unless somebody says yes; and for
what may live a yes is not enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Button, Input, Static

from backends.models import base_name
from backends.records import AnyRecord, ModelCard
from tui.consequences import consequences, plain_sentence, told_together
from tui.detail import keeps
from tui.plain import clip, plain
from tui.screens.asking import AskingOfKeys
from tui.screens.key_list import KeyList
from tui.targets import Targets
from tui.view import View
from tui.widgets.plain_input import PlainInput
from tui.words import count, revision_word, seen_in_words

LOOK_INTERVAL = 1.0
"""Seconds between two looks at how the records stand."""
TYPED_CELLS = 24
"""Of what was typed, in the answer to it."""


class UnregisterDialog(AskingOfKeys):
    """Shows exactly what would be removed, from where, how it stands, and what that does.

    Of what is stale by all evidence it asks for a yes. Anything else is a drain, and is named by
    typing. It follows what happens meanwhile; what it is about stays as it was shown.
    """

    CSS_PATH = "dialog.tcss"

    BINDINGS: ClassVar[list[BindingType]] = [
        # A capital, so that no letter typed for something else says yes.
        Binding("Y", "yes", "Yes, unregister"),
    ]

    def __init__(self, view: View, records: Sequence[AnyRecord], where: str) -> None:
        """`where`: from which store, with its name and address in full."""
        super().__init__()
        self.view = view
        self.targets = Targets(view, records)
        self._where = where
        self._types = False
        """Whether it asks for typing by now."""

    def compose(self) -> ComposeResult:
        records, now = self.targets.records, self.view.clock()
        known = [(one.key, _known(self.view, one, now)) for one in records]
        with Vertical(classes="dialog -asking"):
            yield Static(classes="dialog--title")
            yield Static(plain(self._where), classes="dialog--where", markup=False)
            yield Static(classes="dialog--summary", markup=False)
            yield KeyList(known, lambda index: self.targets.note(records[index]))
            with VerticalScroll(classes="dialog--text", can_focus=False):
                yield Static(classes="dialog--lines", markup=False)
            with Vertical(classes="dialog--typing"):
                yield Static(classes="dialog--prompt")
                yield PlainInput()
            with Horizontal(classes="dialog--buttons"):
                yield Button("No (n)", id="no", variant="primary")
                yield Button("Unregister (Y)", id="yes", variant="error")

    def on_mount(self) -> None:
        self.query_one("#no").focus()
        self._show()
        self.set_interval(LOOK_INTERVAL, self._look_again)

    # --- answering ----------------------------------------------------------------------------

    def on_input_changed(self, _event: Input.Changed) -> None:
        self._prompt()

    def on_input_submitted(self, _event: Input.Submitted) -> None:
        self.action_yes()

    def action_yes(self) -> None:
        """Answers yes if that is enough by now, and by what is known at this very moment."""
        self._look_again()
        if not self.targets.must_be_typed:
            if self.can_be_read:
                self.dismiss(True)
            return
        # Whoever typed what it says has read it.
        if self._is_typed:
            self.dismiss(True)
            return
        typed = self._input.value.strip()
        said = f"“{clip(typed, TYPED_CELLS)}” is not it. " if typed else "Nothing was typed. "
        self._prompt(said)
        self._input.focus()

    @property
    def _input(self) -> Input:
        return self.query_one(Input)

    @property
    def _is_typed(self) -> bool:
        return self.targets.is_phrase(self._input.value)

    # --- showing ------------------------------------------------------------------------------

    def _look_again(self) -> None:
        if self.targets.look_again():
            self._show()
        self.query_one(KeyList).refresh()

    def _show(self) -> None:
        word = "Drain" if self.targets.must_be_typed else "Unregister"
        title = Text(f"{word} {keeps(self.targets.records)}?", "bold")
        self.query_one(".dialog--title", Static).update(title)
        summary = self.query_one(".dialog--summary", Static)
        summary.update(self.targets.summary())
        summary.display = bool(self.targets.summary())
        lines = "\n".join(f"• {plain_sentence(line)}" for line in self._lines())
        self.query_one(".dialog--lines", Static).update(lines)
        if self.targets.must_be_typed and not self._types:
            self._types = True
            self.add_class("-types")
            self.query_one("#no", Button).label = "No (Esc)"
            self.query_one("#yes", Button).label = "Drain (Enter)"
            self._input.focus()
        self._prompt()

    def _prompt(self, said: str = "") -> None:
        """What to type. `said`: why what was typed is not enough."""
        if not self.targets.must_be_typed:
            return
        prompt = Text(said, "bold")
        prompt.append("Type ", "not bold").append(self.targets.phrase(), "bold")
        self.query_one(".dialog--prompt", Static).update(prompt.append(" to drain:", "not bold"))
        self.query_one("#yes", Button).disabled = not self._is_typed

    def _lines(self) -> list[str]:
        targets, verdicts = self.targets, self.view.monitor.verdicts
        sentences = told_together(
            sentence
            for record in targets.records
            for sentence in consequences(
                record,
                verdict=targets.verdict(record),
                leases=verdicts.has_leases,
                kept_alive=verdicts.is_kept_alive,
            )
        )
        lines = [*targets.warnings(), *sentences]
        if len(targets.records) == 1:
            lines += self._rest_of_worker(targets.records[0])
        lines += self._rest_of_model()
        leased = any(record.lease is not None for record in targets.records)
        lines.append(f"u puts back exactly this{', while its lease lives' if leased else ''}.")
        lines.append("Only this revision is removed: a key that changed meanwhile stays.")
        return lines

    def _rest_of_worker(self, record: AnyRecord) -> list[str]:
        siblings = self.view.monitor.cluster.siblings(record)
        return [f"Its worker keeps {keeps(siblings)}."] if siblings else []

    def _rest_of_model(self) -> list[str]:
        """What is not on the list, though it may seem to belong to it."""
        records = self.targets.records
        models = {
            record.model_name
            for record in records
            if isinstance(record, ModelCard) and not record.is_lora
        }
        if len(records) == 1 or not models:
            return []
        chosen = {record.key for record in records}
        cluster = self.view.monitor.cluster
        others = [card for card in cluster.of_type(ModelCard) if card.key not in chosen]
        adapters = [card for card in others if card.is_lora and base_name(card, cluster) in models]
        elsewhere = [card for card in others if not card.is_lora and card.model_name in models]
        lines = []
        if adapters:
            lines.append(f"Its LoRA adapters keep {count(len(adapters), 'card')} of their own.")
        if elsewhere:
            stay = count(len(elsewhere), "card")
            lines.append(f"{stay} of it outside the filter or the selected place stay.")
        return lines


def _known(view: View, record: AnyRecord, now: float) -> str:
    """What stands behind a key: what it is known by, and for how long."""
    first_seen = view.first_seen(record)
    seen = "" if first_seen is None else f", {seen_in_words(first_seen, now)}"
    return f"revision {revision_word(record.revision)}{seen}"
