"""Style the widgets of a new screen once.

Textual 8.2.8 styles each widget as it is mounted, and then all of them twice more: as the screen is
shown first, and as the classes of its size are set. That was a third of what it took to start the
dashboard. This uses a private name of Textual.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.events import ScreenResume
from textual.screen import Screen

if TYPE_CHECKING:
    _Screen = Screen[Any]
else:
    # Textual takes the styles of the first base alone, which are those of the screen itself.
    _Screen = object


class StyledOnce(_Screen):
    """A screen with the classes of its size from the start. It stands first among the bases."""

    _was_shown = False

    def on_compose(self) -> None:
        """Set the classes before there is any widget."""
        app = self.app
        wide = self._get_breakpoint_classes(app.size.width, app.HORIZONTAL_BREAKPOINTS or [])
        tall = self._get_breakpoint_classes(app.size.height, app.VERTICAL_BREAKPOINTS or [])
        self.update_classes(dict.fromkeys(wide | tall, True), update=False)
        app.stylesheet.apply(self)

    def on_screen_resume(self, event: ScreenResume) -> None:
        """Leave the styles that all got when they were mounted as they are, the first time."""
        event.refresh_styles = self._was_shown
        self._was_shown = True
