"""Style the widgets of a new screen once, and the parts of a widget once it is drawn.

Textual 8.2.8 styles each widget as it is mounted, and then all of them twice more: as the screen is
shown first, and as the classes of its size are set. That was a third of what it took to start the
dashboard. With each widget it styles its component classes, also of what no one looks at: those of
the tables in hidden tabs were half of the rest. This uses private names of Textual.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.css.styles import RenderStyles
from textual.events import ScreenResume
from textual.screen import Screen
from textual.widget import Widget

if TYPE_CHECKING:
    _Screen = Screen[Any]
    _Widget = Widget
else:
    # Textual takes the styles of the first base alone, which are those of the screen itself.
    _Screen = _Widget = object


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


class StyledWhenDrawn(_Widget):
    """A widget whose component classes are styled when one is needed first. It stands first among
    the bases."""

    _is_drawn = False

    def _get_component_classes(self) -> frozenset[str]:  # type: ignore[override]
        return super()._get_component_classes() if self._is_drawn else frozenset()

    def get_component_styles(self, *names: str) -> RenderStyles:
        """Return the styles of these component classes. Raises KeyError if there is no such one."""
        if not self._is_drawn:
            self._is_drawn = True
            self.app.stylesheet._process_component_classes(self)
        return super().get_component_styles(*names)
