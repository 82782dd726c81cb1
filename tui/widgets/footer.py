"""The footer: the keys of a screen, in its last line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import msgspec
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from tui.actions import ACTIONS, shown_key
from tui.text.sanitize import width
from tui.widgets.typed_line import TypedLine

FIRST = {
    action.id: number - len(ACTIONS)
    for number, action in enumerate(ACTIONS)
    if action.first_in_footer
}
"""The actions that stand before the others, in the order of the table."""
LAST = frozenset(action.id for action in ACTIONS if action.last_in_footer)
"""The actions that stand behind the others."""
KEPT = frozenset(action.id for action in ACTIONS if action.kept_in_footer)
"""The actions that are there before all others have room."""


class ShownKey(msgspec.Struct, frozen=True):
    """One key of the line and its action."""

    key: str
    label: str
    """The key as shown, with the spaces around it."""
    description: str
    """The action, with the space after it."""
    tooltip: str
    enabled: bool
    is_kept: bool
    """Whether it gets room before the others."""

    @property
    def width(self) -> int:
        """Return its width in cells."""
        return width(self.label) + width(self.description)


def fitting(keys: Sequence[ShownKey], cells: int, skipped: int = 0) -> list[ShownKey]:
    """Return the keys that fit whole beside each other, in their order.

    `skipped`: so many of those that are not kept are left out at the start.
    """
    kept = [key for key in keys if key.is_kept]
    others = [key for key in keys if not key.is_kept]
    # The blank behind the last one needs no room.
    room = cells + 1
    found: list[ShownKey] = []
    for key in (*kept, *others[skipped:]):
        if key.width <= room:
            found.append(key)
            room -= key.width
    return [key for key in keys if key in found]


class KeyFooter(Widget, can_focus=False):
    """Draws the keys of its screen in one line, each whole or not at all. A click presses the key,
    and the wheel brings those that had no room.

    It has no widget for each key. Textual 8.2.8's own footer makes them anew whenever the focus
    moves, and the earlier ones stay in memory for ever: 310 KB for each tab opened.
    """

    ALLOW_SELECT = False

    DEFAULT_CSS = """
    KeyFooter {
        dock: bottom; height: 1; color: $footer-foreground; background: $footer-background;
    }
    KeyFooter > .key-footer--key {
        color: $footer-key-foreground; background: $footer-key-background; text-style: bold;
    }
    KeyFooter > .key-footer--description {
        color: $footer-description-foreground; background: $footer-description-background;
    }
    KeyFooter > .key-footer--hover { background: $block-hover-background; }
    KeyFooter:ansi > .key-footer--hover { text-style: reverse; }
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"key-footer--{name}" for name in ("key", "description", "hover")
    }

    def __init__(self) -> None:
        super().__init__()
        self._keys: list[ShownKey] = []
        self._skipped = 0
        """Keys that the wheel has moved out at the left, since not all have room."""
        self._hovered: ShownKey | None = None
        """The key under the mouse."""

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._bindings_changed)

    def on_unmount(self) -> None:
        self.screen.bindings_updated_signal.unsubscribe(self)

    def on_resize(self) -> None:
        self._skip(0)

    def _bindings_changed(self, screen: Screen[object]) -> None:
        # While another window has the keyboard, no widget here has the focus.
        if not screen.app.app_focus or not self.is_attached or screen is not self.screen:
            return
        if not self._keys and screen.focused is None:
            return  # a widget will have the focus in a moment, with more keys to show
        keys = self._keys_now()
        if keys != self._keys:
            self._keys = keys
            self._hover(None)
            self._skip(0)
            self.refresh()

    def _keys_now(self) -> list[ShownKey]:
        """Return the keys to show now: the first key of each action, or those of a line that is
        typed into."""
        typed = next((line for line in self.screen.query(TypedLine) if line.typing), None)
        if typed is not None:
            return [
                ShownKey(key, f" {shown_key(key)} ", f"{label} ", "", enabled=True, is_kept=True)
                for key, label in typed.KEYS
            ]
        shown: dict[str, ShownKey] = {}
        active = list(self.screen.active_bindings.values())
        active.sort(key=lambda one: FIRST.get(one.binding.id or "", one.binding.id in LAST))
        for _, binding, enabled, tooltip in active:
            if binding.show and binding.action not in shown:
                shown[binding.action] = ShownKey(
                    binding.key,
                    f" {self.app.get_key_display(binding)} ",
                    f"{binding.description} ",
                    tooltip,
                    enabled,
                    (binding.id or "") in KEPT,
                )
        return list(shown.values())

    # --- drawing ------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        base = self.rich_style
        segments = [segment for key in self._visible for segment in self._segments(key, base)]
        blank = Style(bgcolor=base.bgcolor)
        return Strip(segments).adjust_cell_length(self.size.width, blank)

    @property
    def _visible(self) -> list[ShownKey]:
        return fitting(self._keys, self.size.width, self._skipped)

    def _segments(self, key: ShownKey, base: Style) -> list[Segment]:
        styles = [self._style("key", base), self._style("description", base)]
        if key is self._hovered:
            hover = self.get_component_rich_style("key-footer--hover")
            shown = Style(bgcolor=hover.bgcolor, reverse=hover.reverse)
            styles = [style + shown for style in styles]
        if not key.enabled:
            styles = [style + Style(dim=True) for style in styles]
        return [Segment(key.label, styles[0]), Segment(key.description, styles[1])]

    def _style(self, name: str, base: Style) -> Style:
        return base + self.get_component_rich_style(f"key-footer--{name}")

    # --- the mouse ----------------------------------------------------------------------------

    def on_mouse_down(self, event: events.MouseDown) -> None:
        key = self._key_at(event.x)
        if key is None:
            return
        if key.enabled:
            self.app.simulate_key(key.key)
        else:
            self.app.bell()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        self._hover(self._key_at(event.x))

    def on_leave(self) -> None:
        self._hover(None)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        rest = [key for key in self._keys if not key.is_kept][self._skipped :]
        if any(key not in self._visible for key in rest):
            self._skip(self._skipped + 1)
        event.stop()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._skip(max(0, self._skipped - 1))
        event.stop()

    def _key_at(self, x: int) -> ShownKey | None:
        """Return the key at this cell. None: there is none."""
        end = 0
        for key in self._visible:
            end += key.width
            if x < end:
                return key
        return None

    def _hover(self, key: ShownKey | None) -> None:
        if key is not self._hovered:
            self._hovered = key
            self.tooltip = key.tooltip or None if key is not None else None
            self.styles.pointer = "default" if key is None else "pointer"
            self.refresh()

    def _skip(self, number: int) -> None:
        """Leave out so many keys at the left."""
        if number != self._skipped:
            self._skipped = number
            self.refresh()
