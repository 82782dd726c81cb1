"""Frames that are drawn only for somebody who looks.

Without a terminal Textual (8.2.8) still draws each frame, and throws it away: a quarter of what a
test of the dashboard takes. What a test reads of the screen it has drawn itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import RenderableType
from textual._compositor import ChopsUpdate, Compositor
from textual.screen import Screen

_render_update = Compositor.render_update
_draws = True
_frames = 0


def _render(self: Compositor, full: bool = False, **more: Any) -> RenderableType | None:
    global _frames
    if full or _draws:
        _frames += 1
        return _render_update(self, full, **more)
    if not self._dirty_regions:
        return None
    self._dirty_regions.clear()
    _frames += 1
    return ChopsUpdate([], [], [])


Compositor.render_update = _render  # type: ignore[method-assign,assignment]


@contextmanager
def undrawn(undrawn: bool) -> Iterator[None]:
    """Draw no frame for nobody in this block, if `undrawn`."""
    global _draws
    before, _draws = _draws, not undrawn
    try:
        yield
    finally:
        _draws = before


class Looked:
    """The lines of a screen, drawn again where there would have been a frame since."""

    def __init__(self) -> None:
        self._drawn: tuple[Screen[Any], int, list[str]] | None = None

    def lines(self, screen: Screen[Any]) -> list[str]:
        if self._drawn is None or self._drawn[:2] != (screen, _frames):
            self._drawn = (screen, _frames, lines_of(screen))
        return self._drawn[2]


def lines_of(screen: Screen[Any]) -> list[str]:
    """Return the text of each line of a screen, as it would be drawn now."""
    return [strip.text for strip in screen._compositor.render_strips()]
