"""Fit the titles of all tabs beside each other. No Textual in here."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from tui.text.sanitize import width

NEW = "•"
"""Marks what came while nobody looked."""
MARGIN = 2
"""Cells around each title."""


class TabTitle(msgspec.Struct, frozen=True):
    """The title of one tab, in several lengths."""

    names: tuple[str, ...]
    """From the longest to the shortest."""
    number: int | None = None
    """The number of rows. None: unknown, or meaningless here."""
    is_open: bool = False
    new: int = 0
    """The number of new things in it."""

    def text(self, brevity: int, *, counted: bool) -> str:
        name = self.names[min(brevity, len(self.names) - 1)]
        if counted and self.new:
            return f"{name} {NEW}{self.new:,}"
        return f"{name} {self.number:,}" if counted and self.number is not None else name


def fitting(tabs: Sequence[TabTitle], cells: int) -> list[str]:
    """Return the longest titles that fit beside each other. The last tabs are shortened first; in
    the end only the open tab has its number, and then none has."""
    brevities = [0] * len(tabs)
    steps = range(1, max((len(tab.names) for tab in tabs), default=1))
    for brevity, place in ((one, at) for one in steps for at in reversed(range(len(tabs)))):
        if _fits(texts := _texts(tabs, brevities), cells):
            return texts
        brevities[place] = brevity
    for counted in (lambda _: True, lambda tab: tab.is_open, lambda _: False):
        if _fits(texts := _texts(tabs, brevities, counted), cells):
            break
    return texts


def _texts(
    tabs: Sequence[TabTitle],
    brevities: Sequence[int],
    counted: Callable[[TabTitle], bool] = lambda _: True,
) -> list[str]:
    pairs = zip(tabs, brevities, strict=True)
    return [tab.text(brevity, counted=counted(tab)) for tab, brevity in pairs]


def _fits(texts: Sequence[str], cells: int) -> bool:
    return sum(width(text) + MARGIN for text in texts) <= cells
