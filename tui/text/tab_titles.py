"""Fit the titles of all tabs beside each other. No Textual in here."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tui.text.sanitize import width

MARGIN = 2
"""Cells around each title."""


class TabTitle(msgspec.Struct, frozen=True):
    """The title of one tab, in several lengths."""

    names: tuple[str, ...]
    """From the longest to the shortest."""
    number: int | None = None
    """The number of rows. None: unknown, or meaningless here."""
    is_open: bool = False

    def text(self, brevity: int, *, counted: bool) -> str:
        name = self.names[min(brevity, len(self.names) - 1)]
        return f"{name} {self.number:,}" if counted and self.number is not None else name


def fitting(tabs: Sequence[TabTitle], cells: int) -> list[str]:
    """Return the longest titles that fit beside each other; in the end with the open tab's number
    only."""
    most = max((len(tab.names) for tab in tabs), default=1)
    for brevity, all_counted in [*((n, True) for n in range(most)), (most, False)]:
        texts = [tab.text(brevity, counted=all_counted or tab.is_open) for tab in tabs]
        if sum(width(text) + MARGIN for text in texts) <= cells:
            break
    return texts
