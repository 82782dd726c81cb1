"""Compare painted cells with those on the terminal, and find what to send.

Textual 8.2.8 sends each line that a widget redraws, changed or not, with the whole style before
each piece and a reset after it: 37 KB for a first screen of 120x35 with 5 KB of text. Here only
cells that differ are sent, with only the differences in style. A frame painted while the terminal
is busy replaces the one before, so everything sent is current.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from rich.cells import get_character_cell_size

_FRAME = re.compile(r"\n*\x1b\[\d+;\d+H")
_TOKEN = re.compile(
    r"\x1b\[(?P<row>\d+);(?P<column>\d+)H"
    r"|\x1b\[(?P<style>[\d;]*)m"
    r"|\x1b\]8;[^\x1b\x07]*\x1b\\"  # a link, which is not sent
    r"|(?P<text>[^\x1b\n]+)"
    r"|\n"
)
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f]")

NEARBY = 4
"""Unchanged cells between two changes that are sent rather than skipped: skipping takes as many
bytes."""

DRAWN_ON_SPACES = frozenset({"4", "7", "9", "21", "53"})
"""Attributes that are visible on a space: lines and reverse."""


def is_frame(written: str) -> bool:
    """Return whether the text draws on the screen. Other output switches something or asks."""
    return _FRAME.match(written) is not None


class Screen:
    """Two pictures of the terminal's cells: as last painted, and as shown."""

    def __init__(self) -> None:
        self.size = (0, 0)
        """Columns and rows."""
        self._texts: list[list[str]] = []
        """The text of each cell, by row. A wide character fills a cell and leaves the next empty; a
        zero-width one stands after the character that it modifies."""
        self._styles: list[list[str]] = []
        self._shown: list[tuple[list[str], list[str]] | None] = []
        """The cells shown by the terminal, alike. None: the row's content is unknown."""
        self._changed: dict[int, int] = {}
        """Rows that may differ, with the number of the paint that last changed them."""
        self._paints = 0
        self._uneven: set[int] = set()
        """Rows with characters that are not one cell wide: terminals differ in their width."""
        self._cursor = (0, 0)
        self._cursor_shown: tuple[int, int] | None = None

    @property
    def differs(self) -> bool:
        """Return whether there may be something to send."""
        return bool(self._changed)

    def resize(self, columns: int, rows: int) -> None:
        """Adapt to the window's size. Its content is unknown then."""
        if (columns, rows) == self.size:
            return
        self.size = (columns, rows)
        for lines, blank in ((self._texts, " "), (self._styles, "")):
            del lines[rows:]
            for line in lines:
                del line[columns:]
                line.extend([blank] * (columns - len(line)))
            lines.extend([blank] * columns for _ in range(rows - len(lines)))
        self.forget()

    def forget(self) -> None:
        """Forget what the terminal shows: something else may have written to it."""
        rows = len(self._texts)
        self._shown = [None] * rows
        self._cursor_shown = None
        if self._paints:
            self._changed = dict.fromkeys(range(rows), self._paints)

    def paint(self, frame: str) -> bool:
        """Take in a frame by Textual. False: it contains a sequence that is not understood."""
        self._paints += 1
        row = column = end = 0
        style = ""
        for token in _TOKEN.finditer(frame):
            if token.start() != end:
                return False
            end = token.end()
            if (text := token["text"]) is not None:
                column += self._put(row, column, text, style)
            elif (code := token["style"]) is not None:
                style = "" if code == "0" else code
            elif token["row"] is not None:
                row, column = int(token["row"]) - 1, int(token["column"]) - 1
        self._cursor = (row, column)
        return end == len(frame)

    def _put(self, row: int, column: int, text: str, style: str) -> int:
        """Put text into cells. Return how many it takes."""
        if not text.isprintable():
            text = _UNPRINTABLE.sub("", text)
        cells = _cells(text)
        width = len(cells)
        if row >= len(self._texts):
            return width
        texts = self._texts[row]
        if not (text.isascii() or _is_even(text)):
            self._uneven.add(row)
        cells = cells[: max(0, len(texts) - column)]
        last = column + len(cells)
        if row in self._uneven:
            # Half of a wide character cannot stay.
            if column < len(texts) and not texts[column] and column:
                texts[column - 1] = " "
            if last < len(texts) and not texts[last]:
                texts[last] = " "
            if cells and last == len(texts) and get_character_cell_size(cells[-1][:1] or " ") == 2:
                cells = [*cells[:-1], " "]
        texts[column:last] = cells
        self._styles[row][column:last] = [style] * len(cells)
        self._changed[row] = self._paints
        return width

    def changes(self, most: int | None = None) -> str:
        """Return the output that makes the terminal show what is painted. Empty: it does.

        With more than `most` characters it is a part: whole rows, at least one, the last painted
        first. The echo of a key does not wait for a whole screen.
        """
        pen = _Pen()
        for row in self._in_order(pen, most):
            self._send_row(pen, row)
            del self._changed[row]
        if pen.sent or (self._cursor_shown != self._cursor and self._cursor_shown is not None):
            pen.move(*self._cursor)
            self._cursor_shown = self._cursor
        return "".join(pen.sent)

    def _in_order(self, pen: _Pen, most: int | None) -> list[int] | _Rows:
        if most is None:
            return sorted(self._changed)
        return _Rows(self._changed, pen, most)

    def _send_row(self, pen: _Pen, row: int) -> None:
        texts, styles = self._texts[row], self._styles[row]
        if (shown := self._shown[row]) == (texts, styles):
            return
        if shown is None or row in self._uneven:
            spans = [(0, len(texts))]
        else:
            spans = _differing(texts, styles, *shown)
        for start, end in spans:
            pen.draw(row, start, texts[start:end], styles[start:end])
        self._shown[row] = (texts[:], styles[:])


class _Rows:
    """Orders changed rows if not all can be sent: half of the room goes to the rows that changed
    last, half to those that have waited longest."""

    def __init__(self, changed: dict[int, int], pen: _Pen, most: int) -> None:
        self._newest = sorted(changed, key=lambda row: (-changed[row], row))
        self._oldest = sorted(changed, key=lambda row: (changed[row], row))
        self._pen = pen
        self._most = most

    def __iter__(self) -> _Rows:
        return self

    def __next__(self) -> int:
        if not self._newest or self._pen.length >= self._most:
            raise StopIteration
        row = (self._newest if self._pen.length < self._most / 2 else self._oldest)[0]
        self._newest.remove(row)
        self._oldest.remove(row)
        return row


class _Pen:
    """The terminal's cursor and style while a frame is made."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.length = 0
        self._at: tuple[int, int] | None = None
        self._style: str | None = None

    def move(self, row: int, column: int) -> None:
        if self._at == (row, column):
            return
        to = f"\x1b[{row + 1};{column + 1}H"
        if self._at is not None and self._at[0] == row and self._at[1] < column:
            to = min(to, f"\x1b[{column - self._at[1]}C", key=len)
        self._send(to)
        self._at = (row, column)

    def draw(self, row: int, column: int, texts: list[str], styles: list[str]) -> None:
        start = 0
        while start < len(texts):
            style, end = styles[start], start + 1
            while end < len(styles) and styles[end] == style:
                end += 1
            self._write(row, column + start, texts[start:end], style)
            start = end

    def _write(self, row: int, column: int, texts: list[str], style: str) -> None:
        if not (text := "".join(texts)):
            return
        self.move(row, column)
        if self._style is None or not _alike(self._style, style, blank=text.isspace()):
            self._send(_switch(self._style, style))
            self._style = style
        if text.isascii() or _is_even(text):
            self._send(text)
            self._at = (row, column + len(texts))
            return
        # Terminals differ in such a character's width: put the cursor where the next one belongs.
        for offset, cell in enumerate(texts):
            if cell:
                self.move(row, column + offset)
                self._send(cell)
                self._at = (row, column + offset + 1) if _is_even(cell) else None

    def _send(self, text: str) -> None:
        self.sent.append(text)
        self.length += len(text)


def _differing(
    texts: list[str], styles: list[str], shown_texts: list[str], shown_styles: list[str]
) -> list[tuple[int, int]]:
    """Yield the ranges of cells in which a row differs."""
    spans: list[tuple[int, int]] = []
    pairs = zip(texts, shown_texts, styles, shown_styles, strict=True)
    for cell, (text, shown_text, style, shown_style) in enumerate(pairs):
        if text == shown_text and style == shown_style:
            continue
        if spans:
            start, end = spans[-1]
            if cell - end <= NEARBY and styles[end - 1 : cell] == [style] * (cell - end + 1):
                spans[-1] = (start, cell + 1)
                continue
        spans.append((cell, cell + 1))
    return spans


@lru_cache(maxsize=4096)
def _is_even(text: str) -> bool:
    """Return whether each character is one cell wide."""
    return all(get_character_cell_size(character) == 1 for character in set(text))


def _cells(text: str) -> list[str]:
    """Return the content of each cell that a text covers."""
    if text.isascii() or _is_even(text):
        return list(text)
    cells: list[str] = []
    for character in text:
        width = get_character_cell_size(character)
        if width == 0 and cells:
            at = -1 if cells[-1] else -2
            cells[at] += character
        elif width:
            cells += [character, ""][:width]
    return cells


class _Style(NamedTuple):
    attributes: frozenset[str]
    foreground: str
    background: str


@lru_cache(maxsize=4096)
def _parsed(style: str) -> _Style:
    codes = iter(style.split(";")) if style else iter(())
    attributes, foreground, background = set(), "", ""
    for code in codes:
        if code in ("38", "48"):
            kind = next(codes, "")
            colour = ";".join(
                (code, kind, *(next(codes, "") for _ in range(3 if kind == "2" else 1)))
            )
        else:
            colour = code
        number = int(code or 0)
        if 30 <= number <= 39 or 90 <= number <= 97:
            foreground = "" if code == "39" else colour
        elif 40 <= number <= 49 or 100 <= number <= 107:
            background = "" if code == "49" else colour
        else:
            attributes.add(code)
    return _Style(frozenset(attributes), foreground, background)


@lru_cache(maxsize=4096)
def _switch(before: str | None, after: str) -> str:
    """Return the switch from one style to another. `before` None: from an unknown style."""
    new = _parsed(after)
    old = None if before is None else _parsed(before)
    if old is None or old.attributes - new.attributes:
        return f"\x1b[{'0;' if after else ''}{after}m"
    codes = sorted(new.attributes - old.attributes)
    if new.foreground != old.foreground:
        codes.append(new.foreground or "39")
    if new.background != old.background:
        codes.append(new.background or "49")
    return f"\x1b[{';'.join(codes)}m"


@lru_cache(maxsize=4096)
def _alike(one: str, other: str, *, blank: bool) -> bool:
    """Return whether text looks the same in both styles. `blank`: the text is spaces."""
    if one == other or not blank:
        return one == other
    first, second = _parsed(one), _parsed(other)
    if (first.attributes | second.attributes) & DRAWN_ON_SPACES:
        return False
    return first.background == second.background
