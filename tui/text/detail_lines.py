"""A detail as lines of a screen: harmless text, folded to a width. No Textual in here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from rich.console import Console
from rich.text import Text

from tui.text.detail import Detail
from tui.text.sanitize import chopped, plain, width

GAP = 2
"""Cells between a label and its text."""
FIELD_CHARACTERS = 4_000
JSON_CHARACTERS = 64_000
"""Shown of one field, and of the value: many times what Dynamo writes. A name may be 100 KB long,
and would hold up the whole screen each time it is laid out."""

LONGEST_WRAPPED = 1_000
"""Characters of a line that is folded between words: to look for these takes many times as long as
to draw them, and what is longer is no sentence."""

TITLE = "title"
"""The tone of the title's lines."""

_BAD_FIELDS = ("malformed", "conflict")


@dataclass(frozen=True, slots=True)
class DetailLine:
    """One line of a detail."""

    text: str
    label: str = ""
    """In front of the text, padded to where the text begins."""
    tone: str = ""
    """Of the text: `TITLE`, or as in `columns.Cell`."""

    def __str__(self) -> str:
        return self.label + self.text


def lines_of(detail: Detail, cells: int) -> list[DetailLine]:
    """Title, fields and value, each folded to `cells` columns."""
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


# While fields tick each second the value stays; one of hundreds of lines is folded once.
@lru_cache(maxsize=4)
def _value(json: str, cells: int) -> tuple[str, ...]:
    """The lines of a value, below a blank one."""
    lines = _cut(json, JSON_CHARACTERS).split("\n")
    return ("", *(folded for line in lines for folded in _folded(line, cells)))


def _folded(text: str, cells: int) -> list[str]:
    harmless = plain(text)
    if len(harmless) > LONGEST_WRAPPED:
        return chopped(harmless, cells)
    if width(harmless) <= cells:
        return [harmless]
    return [line.plain for line in Text(harmless).wrap(_CONSOLE, max(1, cells), overflow="fold")]


def _cut(text: str, most: int = FIELD_CHARACTERS) -> str:
    """At most so many characters of a text; fewer where they take many times that as escapes."""
    kept = text[:most]
    if (needed := len(plain(kept))) > 2 * most:
        kept = kept[: 2 * most * len(kept) // needed]
    if len(kept) == len(text):
        return text
    return f"{kept} … and {len(text) - len(kept):,} characters more"


_CONSOLE = Console(width=80, color_system=None, file=None)
"""Only what it says of tabs is used, and of those there are none in harmless text."""
