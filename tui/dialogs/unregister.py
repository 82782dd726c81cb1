"""The question before keys are removed. The default is no. Records that may live need typing,
too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widgets import Button, Input, Static

from backends.dynamo.records import AnyRecord
from backends.removal.lasting_drain import LastingDrain, NoLastingDrain
from tui.actions import Place
from tui.dialogs.key_list import KeyList
from tui.dialogs.question import Alert, KeysQuestion, listed
from tui.dialogs.removal_option_list import RemovalOptionList
from tui.runtime.textual_bindings import bindings
from tui.state.column import Cell
from tui.state.dashboard import Dashboard
from tui.state.record_states import RecordStates
from tui.state.removal_options import RemovalOption, removal_options, with_lasting_drain
from tui.state.removal_review import RemovalReview, out_of_date
from tui.text.aftermath import conflicting_cards_text, kept_text, remaining_workers_text
from tui.text.consequences import (
    combined,
    consequences,
    delete_pod_hint,
    lasting_consequences,
)
from tui.text.detail import keeps
from tui.text.errors import explain
from tui.text.format import revision_of, seen_in_words
from tui.text.sanitize import clip, plain
from tui.text.timestamps import time_of_day
from tui.widgets.context_badge import QuestionedStore
from tui.widgets.plain_input import PlainInput

LOOK_INTERVAL = 1.0
"""Seconds between two looks at the state of the records."""
FEW_RECORDS = 3_000
"""Records up to which the consequences of a yes are computed after each change, in some 20 ms."""
LOOKS_BETWEEN = 10
"""Looks between two such computations in a larger cluster."""
TYPED_CELLS = 24
"""Columns of the typed text in the reply to it."""


class UnregisterDialog(KeysQuestion):
    """Shows exactly which keys would be removed from which store, their state, and the
    consequences.

    If all are stale by evidence, yes is enough. Otherwise the user types a name: for a drain the
    worker's, or, by an explicit choice, the selection's. The dialog follows changes; the keys of
    each choice stay as first shown.
    """

    CSS_PATH = "dialog.tcss"

    PLACE = Place.UNREGISTER
    # A function key: letters belong to the typed id.
    ACTIONS: ClassVar[dict[str, str]] = {"other-choice": "next_option"}
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)

    def __init__(self, dashboard: Dashboard, records: Sequence[AnyRecord], where: str) -> None:
        """`where`: the store's name and address in full."""
        super().__init__(dashboard.timings.reading)
        self.dashboard = dashboard
        self._options = removal_options(dashboard.view, records)
        self._all_targets = [self._review(one) for one in self._options]
        self._chosen = 0
        self._no_lasting = ""
        """Why no lasting drain is offered. Empty: one is, or it is not known yet."""
        self._offered: LastingDrain | NoLastingDrain | None = None
        """An offer that came before the dialog was made."""
        self._is_ready = False
        self._where = where
        self._types = False
        """Whether it asks for typing at present."""
        self._looks = 0
        self._left: list[str] = []
        self._stays: list[str] = []

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -asking"):
            yield Static(classes="dialog--title")
            yield QuestionedStore(self.dashboard.settings, self._where)
            yield RemovalOptionList([one.label for one in self._options])
            yield Alert()
            yield Static(classes="dialog--summary", markup=False)
            yield KeyList(self._known(), self._note)
            yield from self.compose_text()
            with Vertical(classes="dialog--typing"):
                yield Static(classes="dialog--prompt")
                yield PlainInput()
            yield from self.compose_buttons("Unregister", "error")

    def on_mount(self) -> None:
        self.query_one("#no").focus()
        self._work_out_leavings()
        self._show()
        self._is_ready = True
        if self._offered is not None:
            self.offer(self._offered)
        self.set_interval(LOOK_INTERVAL, self._look_again)

    @property
    def targets(self) -> RemovalReview:
        """The records of the chosen removal."""
        return self._all_targets[self._chosen]

    @property
    def lasting(self) -> LastingDrain | None:
        """The lasting drain, if that is chosen. None: keys are to be removed."""
        return self._options[self._chosen].lasting

    def _review(self, option: RemovalOption) -> RemovalReview:
        writes_down = self.dashboard.writes_down
        return RemovalReview(
            self.dashboard.states, option.records, option.verb, writes_down=writes_down
        )

    # --- choosing -----------------------------------------------------------------------------

    def offer(self, found: LastingDrain | NoLastingDrain) -> None:
        """Add a lasting drain to the choices, or show why there is none. It may be called before
        the dialog is drawn."""
        if not self._is_ready:
            self._offered = found
            return
        if isinstance(found, NoLastingDrain):
            why = "" if found.error is None else f" ({explain(found.error, 'kubernetes').sentence})"
            self._no_lasting = f"{found.reason}{why}"
        else:
            self._options = with_lasting_drain(self._options, found)
            self._all_targets.append(self._review(self._options[-1]))
            labels = [one.label for one in self._options]
            self.query_one(RemovalOptionList).set_labels(labels)
        self._show()

    def action_next_option(self) -> None:
        self.query_one(RemovalOptionList).choose_next()

    def on_removal_option_list_chosen(self, message: RemovalOptionList.Chosen) -> None:
        """Ask about another removal. Clear the text typed for the one before."""
        self._chosen = message.index
        self.targets.look_again()
        self._input.value = ""
        self.query_one(KeyList).set_keys(self._known())
        self._work_out_leavings()
        self._show()

    def _known(self) -> list[tuple[bytes, str]]:
        return [(one.key, _known(self.dashboard.states, one)) for one in self.targets.records]

    def _note(self, index: int) -> Cell:
        record = self.targets.records[index]
        if self.lasting is not None and self.targets.key_change(record) is not None:
            return Cell("~ changed or gone meanwhile", "dim")
        return self.targets.note(record)

    # --- answering ----------------------------------------------------------------------------

    def on_input_changed(self, _event: Input.Changed) -> None:
        self._prompt()

    def on_input_submitted(self, _event: Input.Submitted) -> None:
        self.action_yes()

    def action_yes(self) -> None:
        """Confirm if the answer is sufficient by the latest state."""
        self._look_again()
        if not self.targets.must_be_typed:
            if self.takes_yes:
                self.dismiss(True)
            return
        # Typing the requested text proves that it was read.
        if self._is_typed:
            self.dismiss(True)
            return
        typed = self._input.value.strip()
        name = clip(typed, TYPED_CELLS)
        self._prompt(f"“{name}” does not match. " if typed else "Nothing was typed. ")
        self._input.focus()

    @property
    def _input(self) -> Input:
        return self.query_one(Input)

    @property
    def _is_typed(self) -> bool:
        return self.targets.is_phrase(self._input.value)

    # --- showing ------------------------------------------------------------------------------

    def _look_again(self) -> None:
        self._looks += 1
        if self.targets.look_again():
            # It takes a second in a large cluster, where some record changes all the time.
            is_small = len(self.dashboard.view.cluster.records) <= FEW_RECORDS
            if is_small or self._looks % LOOKS_BETWEEN == 0:
                self._work_out_leavings()
            self._show()
        self.query_one(KeyList).refresh()

    def _show(self) -> None:
        word = self.targets.verb.capitalize()
        what = f"{word} {keeps(self.targets.records)}?"
        if (drain := self.lasting) is not None:
            what = f"Take pod {plain(drain.label.pod)} out of discovery?"
        self.query_one(".dialog--title", Static).update(Text(what, "bold"))
        summary = self.query_one(".dialog--summary", Static)
        summary.update(self.targets.summary())
        summary.display = bool(self.targets.summary())
        alerts = [] if self.lasting is not None else self.targets.cannot_be_undone()
        self.query_one(Alert).set_sentences(alerts)
        self.query_one(".dialog--lines", Static).update(listed(self._lines()))
        types = self.targets.must_be_typed
        self.set_class(types, "-types")
        self.query_one("#no", Button).label = "No (Esc)" if types else "No (n)"
        self.query_one("#yes", Button).label = f"{word} (Enter)" if types else "Unregister (Y)"
        if types != self._types:
            self._types = types
            self._input.focus() if types else self.query_one("#no").focus()
        self._prompt()
        self.share_room()

    def _prompt(self, problem: str = "") -> None:
        """Show the text to type. `problem`: why the typed text is not enough."""
        if not self.targets.must_be_typed:
            self.query_one("#yes", Button).disabled = False
            return
        prompt = Text(problem, "bold")
        prompt.append("Type ", "not bold").append(self.targets.phrase(), "bold")
        prompt.append(f" to {self.targets.verb}:", "not bold")
        if len(self._options) > 1:
            prompt.append("   F2: another choice", "not bold dim")
        self.query_one(".dialog--prompt", Static).update(prompt)
        self.query_one("#yes", Button).disabled = not self._is_typed

    def _work_out_leavings(self) -> None:
        """Compute what a yes leaves of models, of sorts of cards, and of workers."""
        targets, view = self.targets, self.dashboard.view
        cluster, verdicts = view.cluster, view.verdicts
        records, lives = targets.there(), targets.must_be_typed
        self._left = remaining_workers_text(cluster, verdicts, records) if lives else []
        self._left += conflicting_cards_text(cluster, verdicts, records)
        self._stays = kept_text(cluster, records, name_others=lives)

    def _lines(self) -> list[str]:
        drain = self.lasting
        lines = self._of_keys() if drain is None else self._of_label(drain)
        if self._no_lasting:
            lines.append(f"A drain that lasts is not offered: {self._no_lasting}.")
        owners = [record.entry.owner for record in self.targets.there()]
        pods = {(one.namespace, one.pod_name): one for one in owners if one is not None}
        hints = [delete_pod_hint(one) for one in pods.values()]
        # One pod is what a person asks about; for many it is no hint.
        return [*lines, *filter(None, hints)] if len(hints) == 1 else lines

    def _of_label(self, drain: LastingDrain) -> list[str]:
        """Return what a lasting drain does."""
        view = self.dashboard.view
        undo = self.dashboard.keys.shown("undo")
        return [
            *filter(None, [out_of_date(view)]),
            *self._left,
            *lasting_consequences(drain),
            f"Undo with {undo}, also on another machine, or with: dyntop restore "
            f"{drain.label.pod_path}",
        ]

    def _of_keys(self) -> list[str]:
        """Return what the removal of the keys does."""
        targets, verdicts = self.targets, self.dashboard.view.verdicts
        lines = targets.warnings()
        # Keys that went or changed meanwhile are not removed: no consequences.
        there = targets.there()
        if not there:
            return lines
        lines += self._left
        sentences = (
            sentence
            for record in there
            for sentence in consequences(
                record,
                verdict=targets.verdict(record),
                lifetime=verdicts.lifetime,
            )
        )
        worker_of = self.dashboard.view.cluster.worker_of
        lines += combined(sentences, len({worker_of(record) for record in there}))
        lines += self._stays
        if targets.can_be_undone:
            leased = any(record.lease is not None for record in there)
            waits = ", once the store takes puts again" if targets.puts_are_refused else ""
            undo = self.dashboard.keys.shown("undo")
            alive = ", as long as the lease is alive" if leased else ""
            lines.append(f"Undo with {undo}{waits}{alive}.")
        lines.append("Keys that change before you confirm are left alone.")
        return lines


def _known(states: RecordStates, record: AnyRecord) -> str:
    """Return the text after a key: its revision, and for how long its value has been seen."""
    value_seen = states.value_seen(record)
    as_of = states.as_of()
    seen = ""
    if value_seen is not None:
        seen = f", {seen_in_words(value_seen, as_of or states.clock())}"
        if as_of is not None:
            seen += f" as of {time_of_day(states.clock.shown_at(as_of))}"
    return f"{revision_of(record)}{seen}"
