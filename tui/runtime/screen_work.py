"""What goes on behind a screen."""

from __future__ import annotations

from textual.screen import Screen


def is_at_work(screen: Screen[None], group: str) -> bool:
    """Whether a worker of that group has not ended."""
    return any(one.group == group and not one.is_finished for one in screen.workers)
