"""Lay out a detail as lines of harmless text, folded to a width. No Textual in here."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import msgspec
from rich.console import Console
from rich.text import Text

from tui.text.detail import Detail
from tui.text.sanitize import hard_wrapped, plain, width

GAP = 2
"""Cells between a label and its text."""
FIELD_CHARACTERS = 4_000
JSON_CHARACTERS = 64_000
"""Characters shown of one field, and of the value: many times what Dynamo writes. A name may be 100
KB long, and would hold up the whole screen at each layout."""

LONGEST_WRAPPED = 1_000
"""Characters of the longest line that is folded between words. Finding word boundaries takes many
times as long as drawing, and a longer line is no sentence."""

TITLE = "title"
"""The tone of the title's lines."""

_BAD_FIELDS = ("malformed", "conflict")


class DetailLine(msgspec.Struct, frozen=True):
    """One line of a detail."""

    text: str
    label: str = ""
    """Shown before the text, padded to the column where the text begins."""
    tone: str = ""
    """The text's tone: `TITLE`, or as in `columns.Cell`."""

    def __str__(self) -> str:
        return self.label + self.text


def lines_of(detail: Detail, cells: int) -> list[DetailLine]:
    """Return title, fields and value, each folded to `cells` columns."""
    title = [DetailLine(text, tone=TITLE) for text in _folded(_cut(detail.title), cells)]
    return [*title, *_fields(detail, cells), *map(DetailLine, _value(detail.json, cells))]


def _fields(detail: Detail, cells: int) -> Iterator[DetailLine]:
    labels = [plain(label) for label, _ in detail.fields]
    indent = max(map(width, labels), default=0) + GAP
    for label, (name, value) in zip(labels, detail.fields, strict=True):
        tone = detail.tone if name == "state" else "bad" if name in _BAD_FIELDS else ""
        padded = label + " " * (indent - width(label))
        for text in _folded(_cut(value), cells - indent):
            yield DetailLine(text, padded, tone)
            padded = " " * indent


# Fields tick each second while the value stays: fold its hundreds of lines once.
@lru_cache(maxsize=4)
def _value(json: str, cells: int) -> tuple[str, ...]:
    """Return the lines of a value, after a blank one."""
    lines = _cut(json, JSON_CHARACTERS).split("\n")
    return ("", *(folded for line in lines for folded in _folded(line, cells)))


def _folded(text: str, cells: int) -> list[str]:
    harmless = plain(text)
    if len(harmless) > LONGEST_WRAPPED:
        return hard_wrapped(harmless, cells)
    if width(harmless) <= cells:
        return [harmless]
    return [line.plain for line in Text(harmless).wrap(_CONSOLE, max(1, cells), overflow="fold")]


def _cut(text: str, most: int = FIELD_CHARACTERS) -> str:
    """Return at most `most` characters of a text, fewer if escaping makes them many times as
    long."""
    kept = text[:most]
    if (needed := len(plain(kept))) > 2 * most:
        kept = kept[: 2 * most * len(kept) // needed]
    if len(kept) == len(text):
        return text
    return f"{kept} … and {len(text) - len(kept):,} characters more"


_CONSOLE = Console(width=80, color_system=None, file=None)
"""Rich asks it for the tab size only, and harmless text has no tabs."""
