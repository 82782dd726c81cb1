"""The detail of the selected row: all fields, and the record's JSON, scrollable."""

from __future__ import annotations

from typing import ClassVar

from rich.console import Group
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from tui.detail import Detail
from tui.plain import plain, width

GAP = 2
"""Cells between a label and its text."""
FIELD_CHARACTERS = 4_000
JSON_CHARACTERS = 64_000
"""Shown of one field, and of the value: many times what Dynamo writes. A name may be 100 KB long,
and would hold up the whole screen each time it is laid out."""


class DetailPane(VerticalScroll):
    """Shows a `Detail`; draws only when it differs from the one on screen."""

    DEFAULT_CSS = """
    DetailPane { scrollbar-size-vertical: 1; padding: 0 1; }
    DetailPane > Static { width: 1fr; height: auto; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("k", "scroll_up", show=False),
        Binding("j", "scroll_down", show=False),
        Binding("g", "scroll_home", show=False),
        Binding("G", "scroll_end", show=False),
    ]

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        # Fields change each second, the JSON only with the record.
        self._fields = Static(id="detail-fields")
        self._json = Static(id="detail-json")
        self._shown: Detail | None = None
        self._shown_lines: tuple[int, ...] = ()
        """How many lines the title and each field take."""

    def compose(self) -> ComposeResult:
        yield self._fields
        yield self._json

    def show(self, detail: Detail | None, *, same_record: bool) -> None:
        """None: nothing is selected. What is shown of the same record keeps its scroll position."""
        before, self._shown = self._shown, detail
        if detail == before:
            return
        lines = () if detail is None else self._lines(detail)
        # Ages tick each second; laying the whole screen out anew for that is most of what an idle
        # dashboard would cost.
        higher, self._shown_lines = lines != self._shown_lines, lines
        fields = "" if detail is None else fields_of(detail, self._tones())
        self._fields.update(fields, layout=higher)
        if detail is None or before is None or detail.json != before.json:
            self._json.update("" if detail is None else json_of(detail))
        if not same_record:
            self.scroll_home(animate=False)

    def _lines(self, detail: Detail) -> tuple[int, ...]:
        whole = self._fields.size.width
        room = whole - GAP - max((width(label) for label, _ in detail.fields), default=0)
        return (
            self._height(detail.title, whole),
            *(self._height(value, room) for _, value in detail.fields),
        )

    def _height(self, text: str, cells: int) -> int:
        harmless = Text(plain(_cut(text, FIELD_CHARACTERS)))
        return len(harmless.wrap(self.app.console, max(1, cells), overflow="fold"))

    def _tones(self) -> dict[str, str]:
        variables = self.app.theme_variables
        names = {"good": "success", "warn": "warning", "bad": "error"}
        return {tone: variables.get(f"text-{name}", "") for tone, name in names.items()}


def fields_of(detail: Detail, tones: dict[str, str]) -> Group:
    """Title and fields as harmless text; `tones` are the colours of states."""
    fields = Table.grid(padding=(0, GAP, 0, 0))
    fields.add_column(no_wrap=True, style="dim")
    fields.add_column(overflow="fold")
    for label, value in detail.fields:
        tone = {"state": detail.tone, "malformed": "bad", "conflict": "bad"}.get(label, "")
        fields.add_row(label, Text(plain(_cut(value, FIELD_CHARACTERS)), tones.get(tone, "")))
    return Group(Text(plain(_cut(detail.title, FIELD_CHARACTERS)), "bold"), fields)


def json_of(detail: Detail) -> Text:
    """The value as harmless text, below a blank line."""
    lines = (plain(line) for line in _cut(detail.json, JSON_CHARACTERS).split("\n"))
    return Text("\n" + "\n".join(lines))


def _cut(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    return f"{text[:most]} … and {len(text) - most:,} characters more"
