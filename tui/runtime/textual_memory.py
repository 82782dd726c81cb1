"""Memory that Textual 8.2.8 and Rich 15 keep of what is on screen no more."""

from __future__ import annotations

from collections.abc import Iterable

from rich.segment import Segment
from textual._segment_tools import make_blank
from textual._styles_cache import StylesCache
from textual.css.scalar import Scalar
from textual.dom import DOMNode
from textual.geometry import Region
from textual.strip import Strip
from textual.style import Style

FORGETTING = 60.0
"""Seconds between two times that what was drawn is forgotten."""
CACHES = (
    Segment.__dict__["_split_cells"].__func__,
    Region.intersection,
    Region.union,
    Region.grow,
    Region.shrink,
    Region.translate,
    Region.overlaps,
    Region.contains_region,
    Region.__contains__,
    Scalar.resolve,
    make_blank,
    Strip.__dict__["render_ansi"].__func__,
    Style.__add__,
)
"""Each keeps thousands of texts, places or looks. With new ids, themes and window sizes they fill
for hours, up to some 20 MB, and of what is drawn now they are full again at once."""


def forget_removed_widgets() -> None:
    """Let go of the drawn lines of widgets that are no longer on any screen.

    Textual caches two colours by the widget's `StylesCache` as well as by the colours, since its
    method lacks the `classmethod` that its first argument is named for. So up to 1,024 of these
    outlive their widgets, each with the lines it drew: 290 KB for each help that was opened.
    """
    method = StylesCache.__dict__["get_inner_outer"]
    if not isinstance(method, classmethod):
        StylesCache.get_inner_outer = classmethod(method)  # type: ignore[assignment]


def forget_what_was_drawn() -> None:
    """Let go of texts and places that were worked out once, most of which never come again."""
    for cache in CACHES:
        cache.cache_clear()


def forget_what_was_found(roots: Iterable[DOMNode]) -> None:
    """Let go of the answers to `query_one` of these and of all below them.

    Textual keeps the last 1,024 of each, with the widgets that were found, and answers none of them
    again once a widget came or went: each message that pops up makes them useless, and adds more.
    """
    for root in roots:
        for node in root.walk_children(with_self=True):
            node._query_one_cache.clear()
