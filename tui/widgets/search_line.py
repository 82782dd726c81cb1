"""The line for typing what to look for along a timeline."""

from __future__ import annotations

from tui.widgets.typed_line import GivenLine


class SearchLine(GivenLine):
    """Reports the text once Enter is pressed."""

    LABEL = "find"
    PLACEHOLDER = "names, ids, addresses of what came, changed or went; Enter finds, Esc closes"

    class Given(GivenLine.Given):
        """Enter was pressed."""
