"""A line for typing that contains harmless text only."""

from __future__ import annotations

from textual.widgets import Input

from tui.text.sanitize import plain


class PlainInput(Input):
    """Shows typed or pasted text as plain text: a copied name may reverse the line, or contain
    invisible characters."""

    def validate_value(self, value: str) -> str:
        return plain(value)
