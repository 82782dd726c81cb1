"""The base of all questions: there is time to read one before a yes counts.

Questions with keys also share their scrolling, layout and buttons.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual._time import get_time
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.events import MouseDown
from textual.screen import ModalScreen, ScreenResultType
from textual.timer import Timer
from textual.widgets import Button, Static
from textual.widgets.button import ButtonVariant

from tui.dialogs.key_list import KeyList
from tui.runtime.textual_bindings import bindings
from tui.runtime.textual_styles import StyledOnce
from tui.runtime.typed_ahead import DrawnBeforeKeys
from tui.text.consequences import plain_sentence

MOST_HEIGHT = 0.96
"""Part of the screen's height for a dialog, as in its style sheet."""
LEAST_TEXT = 3
"""Lines kept for the text on what a yes does, for any number of keys."""


def shared(room: int, keys: int, text: int) -> tuple[int, int]:
    """Return the lines that keys and text get of `room`, at least one each. If not all fit, the
    text gets at least a third, and the keys the rest."""
    if keys + text <= room:
        return max(1, keys), max(1, text)
    for_text = min(text, max(LEAST_TEXT, room // 3, room - keys))
    return max(1, room - for_text), max(1, for_text)


def listed(sentences: Iterable[str]) -> str:
    """Return sentences as lines of a list."""
    return "\n".join(f"• {plain_sentence(one)}" for one in sentences)


class Alert(Static):
    """A warning to read before a yes. Without sentences it takes no room."""

    def __init__(self) -> None:
        super().__init__(classes="dialog--warning", markup=False)
        self.display = False

    def set_sentences(self, sentences: Sequence[str]) -> None:
        """Show these sentences instead of the earlier ones."""
        self.display = bool(sentences)
        self.update("\n".join(map(plain_sentence, sentences)))


class QuestionScreen(DrawnBeforeKeys, StyledOnce, ModalScreen[ScreenResultType]):
    """A dialog with a dangerous yes. Subclasses check `takes_yes` before they accept one."""

    can_be_read = False
    """Whether it has been on screen for long enough."""
    _until_read: Timer | None = None
    _shown_at = math.inf
    """When its present text was drawn, by Textual's clock."""
    _answered_at = -math.inf
    """When the last key was typed or mouse button pressed, by the same clock."""

    def __init__(self, reading: float) -> None:
        """`reading`: seconds from drawing it until its yes counts."""
        super().__init__()
        self.reading = reading

    @property
    def takes_yes(self) -> bool:
        """Return whether the last key or click may confirm: the question could be read before it.
        The time of typing counts, not that of handling: a busy machine may be late."""
        return self.can_be_read and self._answered_at - self._shown_at >= self.reading

    def was_drawn(self) -> None:
        self.must_be_read()

    def typed_at(self, seconds: float) -> None:
        self._answered_at = seconds

    def on_mouse_down(self, event: MouseDown) -> None:
        self._answered_at = event.time

    def must_be_read(self) -> None:
        """Accept no yes until the present text could be read."""
        self.can_be_read = False
        self._shown_at = get_time()
        if self._until_read is not None:
            self._until_read.stop()
        self._until_read = self.set_timer(self.reading, self._let_answer)

    def _let_answer(self) -> None:
        self.can_be_read = True


class KeysQuestion(QuestionScreen[bool]):
    """Shows a `KeyList`, below it in `.dialog--text` what a yes does, and the buttons `#no` and
    `#yes`."""

    # Yes is a capital letter: a letter typed for something else must not confirm.
    ACTIONS: ClassVar[dict[str, str]] = {
        "yes": "yes",
        "no": "no",
        "button-no": "turn_to('no')",
        "button-yes": "turn_to('yes')",
        "up": "scroll(-1)",
        "down": "scroll(1)",
        "page-up": "scroll(-5)",
        "page-down": "scroll(5)",
        "help": "app.help",
    }
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)

    def compose_text(self, sentences: Iterable[str] = ()) -> ComposeResult:
        """Yield the text on what a yes does."""
        with VerticalScroll(classes="dialog--text", can_focus=False):
            yield Static(listed(sentences), classes="dialog--lines", markup=False)

    def compose_buttons(self, yes: str, variant: ButtonVariant) -> ComposeResult:
        """Yield the buttons. `yes`: the label of the one that does it."""
        with Horizontal(classes="dialog--buttons"):
            yield Button("No (n)", id="no", variant="primary")
            yield Button(f"{yes} (Y)", id="yes", variant=variant)

    def on_resize(self) -> None:
        self.share_room()

    def share_room(self) -> None:
        """Share the room between the keys and the text, once it is laid out."""
        self.call_after_refresh(self._share_room)

    def _share_room(self) -> None:
        dialogs, lists, texts = (self.query(one) for one in (".dialog", KeyList, ".dialog--text"))
        if not (self.is_attached and dialogs and lists and texts):
            return  # Not made yet, or being removed.
        dialog, keys, text = dialogs.first(), lists.first(KeyList), texts.first()
        last = dialog.children[-1]
        most = self.size.height if self.has_class("-short") else int(self.size.height * MOST_HEIGHT)
        fixed = last.virtual_region.bottom - keys.outer_size.height - text.outer_size.height
        room = most - dialog.gutter.height - last.styles.margin.bottom - fixed
        wanted = keys.lines_at(keys.outer_size.width - keys.gutter.width)
        for_keys, for_text = shared(room, wanted, text.virtual_size.height)
        keys.styles.max_height, text.styles.max_height = for_keys, for_text

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "yes":
            self.action_yes()
        else:
            self.action_no()

    def action_yes(self) -> None:
        if self.takes_yes:
            self.dismiss(True)

    def action_no(self) -> None:
        self.dismiss(False)

    def action_turn_to(self, button: str) -> None:
        self.query_one(f"#{button}").focus()

    def action_scroll(self, step: int) -> None:
        """Scroll the keys, and at their end the text."""
        keys = self.query_one(KeyList)
        part = keys if keys.can_scroll(step) else self.query_one(".dialog--text", VerticalScroll)
        part.scroll_relative(y=step, animate=False)
