"""Keys in full, each with a note on the line below."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.state.column import Cell
from tui.text.sanitize import clip, clip_key, hard_wrapped, plain
from tui.text.sanitize import width as text_width

INDENT = "  "
"""Before the note under a key."""
APART = "  "
"""Between a key and the text after it."""
MOST_BYTES = 200_000
"""Bytes of all keys together that are folded before the first line is drawn: some 0.1 s."""
MOST_OF_A_KEY = 500
"""Bytes shown of each key in any case: more than Dynamo writes."""


class KeyList(ScrollView, can_focus=False):
    """Folds keys at its width. Cuts keys off only if there are many that are much longer than
    Dynamo's.

    Asks for notes while drawing: ten thousand keys cost as much as those on screen.
    """

    DEFAULT_CSS = """
    KeyList { height: auto; overflow-x: hidden; scrollbar-size-vertical: 1; }
    KeyList > .key-list--key { text-style: bold; }
    KeyList > .key-list--dim { color: $text-muted; }
    KeyList > .key-list--good { color: $text-success; }
    KeyList > .key-list--warn { color: $text-warning; }
    KeyList > .key-list--bad { color: $text-error; }
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"key-list--{name}" for name in ("key", "dim", "good", "warn", "bad")
    }

    def __init__(self, keys: Sequence[tuple[bytes, str]], note: Callable[[int], Cell]) -> None:
        """`keys`: each with the text after it. `note`: returns the note for the key of an index. An
        empty text is a blank line."""
        super().__init__()
        self._keys = keys
        self._note = note
        self._width = 0
        self._folded: list[list[str]] = []
        """The lines of each key."""
        self._lengths: list[int] = []
        """How many characters of these lines belong to the key."""
        self._ends: list[int] = []
        """The line after the last one of each key."""

    def set_keys(self, keys: Sequence[tuple[bytes, str]]) -> None:
        """Show these keys instead."""
        self._keys = keys
        width, self._width = self._width, 0
        if width:
            self._fold(width)
        self.scroll_home(animate=False)
        self.refresh(layout=True)

    def lines_at(self, width: int) -> int:
        """Return how many lines all keys take at a width that includes the scroll bar."""
        self._fold(width - self.styles.scrollbar_size_vertical)
        return self.virtual_size.height

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        self._fold(width - self.styles.scrollbar_size_vertical)
        return self.virtual_size.height

    def on_resize(self) -> None:
        self._fold(self.size.width)

    def can_scroll(self, step: int) -> bool:
        """Return whether there are lines above (a negative step) or below."""
        return self.scroll_offset.y > 0 if step < 0 else self.scroll_offset.y < self.max_scroll_y

    def render_line(self, y: int) -> Strip:
        line = y + self.scroll_offset.y
        base = self.rich_style
        index = bisect_right(self._ends, line)
        if index >= len(self._ends):
            return Strip.blank(self.size.width, base)
        folded = self._folded[index]
        row = line - (self._ends[index] - len(folded) - 1)
        if row == len(folded):
            segments = [self._under(index, base)]
        else:
            segments = self._key_line(index, row, base)
        return Strip(segments).adjust_cell_length(self.size.width, base)

    def _fold(self, width: int) -> None:
        if width == self._width:
            return
        self._width = width
        # Computed once: a key may be 100 KB long, and is drawn line by line.
        most = max(MOST_OF_A_KEY, MOST_BYTES // max(1, len(self._keys)))
        shown = [clip_key(key, most) for key, _ in self._keys]
        self._lengths = [len(key) for key in shown]
        self._folded = [
            _folded(key, plain(behind), width)
            for key, (_, behind) in zip(shown, self._keys, strict=True)
        ]
        self._ends = list(accumulate(len(lines) + 1 for lines in self._folded))
        self.virtual_size = Size(width, self._ends[-1] if self._ends else 0)

    def _key_line(self, index: int, row: int, base: Style) -> list[Segment]:
        """Return a line of a key, with the key's part in bold."""
        lines = self._folded[index]
        left = max(0, self._lengths[index] - sum(map(len, lines[:row])))
        text = lines[row]
        bold = base + self.get_component_rich_style("key-list--key", partial=True)
        dim = base + Style(color=self.get_component_rich_style("key-list--dim").color)
        return [Segment(text[:left], bold), Segment(text[left:], dim)]

    def _under(self, index: int, base: Style) -> Segment:
        note = self._note(index)
        if note.tone:
            base += Style(color=self.get_component_rich_style(f"key-list--{note.tone}").color)
        return Segment(INDENT + clip(note.text, max(1, self.size.width - len(INDENT))), base)


def _folded(key: str, behind: str, width: int) -> list[str]:
    """Return the lines of a key. The text after it continues on its own line if it does not fit."""
    lines = hard_wrapped(key, width)
    if not behind:
        return lines
    if text_width(lines[-1]) + len(APART) + text_width(behind) <= width:
        lines[-1] += APART + behind
    else:
        lines.append(clip(APART + behind, width))
    return lines
