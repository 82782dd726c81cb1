"""Release memory that Textual 8.2.8 and Rich 15 keep for widgets no longer on screen."""

from __future__ import annotations

from collections.abc import Iterable
from functools import wraps

from rich.segment import Segment
from textual._segment_tools import make_blank
from textual._styles_cache import StylesCache
from textual.css.scalar import Scalar
from textual.dom import DOMNode
from textual.geometry import Region
from textual.notifications import Notifications
from textual.strip import Strip
from textual.style import Style
from textual.widgets._toast import Toast, ToastHolder, ToastRack

FORGETTING = 60.0
"""Seconds between two clearings of drawn lines."""
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
"""Caches of thousands of texts, positions or styles each. With new ids, themes and window sizes
they fill for hours, up to some 20 MB; after clearing, one frame fills them again."""


def forget_removed_widgets() -> None:
    """Release the drawn lines of widgets that are no longer on any screen.

    Textual caches two colours by the widget's `StylesCache` as well as by the colours, since its
    method lacks the `classmethod` that its first argument is named for. So up to 1,024 of these
    outlive their widgets, each with its lines: 290 KB for each help that was opened.
    """
    method = StylesCache.__dict__["get_inner_outer"]
    if not isinstance(method, classmethod):
        StylesCache.get_inner_outer = classmethod(method)  # type: ignore[assignment]


def remove_holders_with_their_toasts() -> None:
    """Remove the container of each toast that is removed because its notification ended.

    A toast removes its container when its own time is over. If the notification, which was there a
    moment before the toast, ends first and another comes in that moment, or if notifications are
    cleared, Textual removes the toast alone: an empty container stays, with its task and its lines.
    """
    show = ToastRack.show
    if hasattr(show, "__wrapped__"):
        return

    @wraps(show)
    def show_and_remove(rack: ToastRack, notifications: Notifications) -> None:
        show(rack, notifications)
        for toast in rack.query(Toast):
            if toast._pruning and isinstance(toast.parent, ToastHolder):
                toast.parent.remove()

    ToastRack.show = show_and_remove  # type: ignore[assignment]


def clear_drawing_caches() -> None:
    """Release texts and positions that were computed once; most never occur again."""
    for cache in CACHES:
        cache.cache_clear()


def clear_query_caches(roots: Iterable[DOMNode]) -> None:
    """Release the answers to `query_one` of these nodes and of all below them.

    Textual keeps the last 1,024 of each, with the widgets found, and reuses none once a widget came
    or went: each message that pops up makes them useless, and adds more.
    """
    for root in roots:
        for node in root.walk_children(with_self=True):
            node._query_one_cache.clear()
