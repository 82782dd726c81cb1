"""A line to type in that holds harmless text only."""

from __future__ import annotations

from textual.widgets import Input

from tui.text.sanitize import plain


class PlainInput(Input):
    """Shows what is typed or pasted as plain text: a name copied from elsewhere may turn the line
    around, or have in it what cannot be seen."""

    def validate_value(self, value: str) -> str:
        return plain(value)
