"""The line for typing what to look for along a timeline."""

from __future__ import annotations

from tui.widgets.typed_line import GivenLine


class SearchLine(GivenLine):
    """Reports the text once Enter is pressed."""

    LABEL = "find"
    KEYS = (("enter", "Find"), ("escape", "Close"))
    PLACEHOLDER = "names, ids, addresses of what came, changed or went"

    class Given(GivenLine.Given):
        """Enter was pressed."""
