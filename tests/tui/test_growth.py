"""What is opened and closed again leaves nothing behind, however often."""

from __future__ import annotations

import asyncio
import gc
import inspect
from collections import Counter
from fractions import Fraction

import pytest
from rich.segment import Segment
from textual._styles_cache import StylesCache
from textual.dom import DOMNode
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.timer import Timer
from textual.widgets._toast import ToastRack

from backends.dynamo.records import EndpointInstance
from tests.support import registered
from tests.support.operating import Operator, World, dashboard
from tests.support.said_taps import SaidTaps
from tui.runtime.textual_memory import (
    CACHES,
    clear_drawing_caches,
    forget_removed_widgets,
    remove_holders_with_their_toasts,
)
from tui.state.destinations import Bookmark
from tui.state.navigation.jumps import MOST_BOOKMARKS
from tui.widgets.namespace_tree import LINES_KEPT

ROUNDS = 3
WARM = 1
"""Rounds before the first count: code is loaded and what lasts is made."""


def world() -> World:
    filled = World()
    filled.put(*map(registered.instance, range(1, 9)), registered.card(5))
    filled.put(registered.channel(0x77), registered.source(0x77, 5))
    return filled


def held() -> Counter[str]:
    """Count widgets, their drawn lines, timers and tasks that are in memory."""
    gc.collect()
    kinds = (DOMNode, StylesCache, Timer)
    found = Counter(type(one).__name__ for one in gc.get_objects() if isinstance(one, kinds))
    found["Task"] = len(asyncio.all_tasks())
    return found


async def settled(operator: Operator) -> None:
    """Wait until the main screen is on top and no message is left."""
    await operator.until(lambda: operator.on_main, "the main screen")
    await operator.until(lambda: not operator.main.query("Toast"), "no message")


async def press(operator: Operator, keys: tuple[str, ...], times: int) -> None:
    for _ in range(times):
        for key in keys:
            await operator.press(key)
            if key == "d":
                await operator.until(lambda: operator.in_dialog, "the question")
    await settled(operator)


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param(("4", "1", "8", "2"), id="tabs"),
        pytest.param(("slash", "p", "enter", "escape"), id="filter"),
        pytest.param(("question_mark", "escape"), id="help"),
        pytest.param(("1", "enter", "escape"), id="detail"),
        pytest.param(("ctrl+p", "h", "escape", "escape"), id="palette"),
        pytest.param(("1", "d", "escape"), id="question"),
        pytest.param(("c", "escape"), id="clean up"),
        pytest.param(("4", "w", "escape"), id="tap"),
        pytest.param(("space", "v", "asterisk", "asterisk", "s", "S", "f", "f"), id="marks"),
        pytest.param(("x", "x", "y", "i", "Y", "t", "t"), id="messages"),
    ],
)
async def test_what_was_opened_leaves_no_widget_timer_or_task(keys: tuple[str, ...]) -> None:
    shown = world()
    async with dashboard(
        shown, taps=SaidTaps(lambda: shown.now), shown_for=0.05, size=(120, 40), draws=True
    ) as operator:
        await press(operator, keys, WARM)
        before = held()
        await press(operator, keys, ROUNDS)

        def grown() -> dict[str, int]:
            return {kind: more for kind, more in (held() - before).items() if more >= ROUNDS}

        # What was closed last may take a moment to go.
        await operator.until(lambda: not grown(), f"no more than before {keys}")


async def test_lines_of_the_tree_are_not_kept_for_each_number_that_they_had() -> None:
    shown, changes = world(), LINES_KEPT // 2
    async with dashboard(shown, size=(120, 40), draws=True) as operator:
        for number in range(9, 9 + changes):
            # Drawn anew are the lines of everything, of the namespace and of the component.
            shown.put(registered.instance(number))
            await operator.until(
                lambda number=number: f"/{number} " in operator.lines()[1],  # type: ignore[misc]
                f"{number} instances in the first line of the tree",
            )
        assert len(operator.tree._line_cache) <= LINES_KEPT


async def test_of_jumps_without_a_way_back_only_the_last_are_kept() -> None:
    async with dashboard(world(), draws=True) as operator:
        instance = operator.main.navigator.jumps.target(next(iter(operator.pane.rows)), "models")
        assert isinstance(instance, EndpointInstance)
        for number in range(MOST_BOOKMARKS):
            operator.main.navigator.jumps.remember(Bookmark("workers", (), number))
        await operator.press("2", "o")
        await operator.until(lambda: operator.tab() == "instances")
        await operator.press("b")
        await operator.until(lambda: operator.tab() == "models")
        assert len(list(iter(operator.main.navigator.jumps.back, None))) == MOST_BOOKMARKS - 1


def test_what_was_drawn_is_forgotten_where_a_library_would_keep_it() -> None:
    """Fails when a release takes one of these caches away."""
    assert Region(0, 0, 9, 9).union(Region(1, 1, 20, 2)) == Region(0, 0, 21, 9)
    Strip([Segment("a wide 名 that is cut")]).crop(2, 5)
    assert Segment._split_cells.cache_info().currsize
    clear_drawing_caches()
    assert [cache.cache_info().currsize for cache in CACHES] == [0] * len(CACHES)
    assert Segment._split_cells.cache_info().currsize == 0


async def test_sizes_that_the_window_had_are_forgotten() -> None:
    kinds = (Fraction, Size)

    def sizes() -> int:
        gc.collect()
        return sum(isinstance(one, kinds) for one in gc.get_objects())

    async with dashboard(world(), size=(120, 40), draws=True) as operator:
        operator.app._free_memory()
        before = sizes()
        for columns in range(80, 110):
            await operator.pilot.resize_terminal(columns, 40)
        await operator.pilot.resize_terminal(120, 40)
        grown = sizes() - before
        operator.app._free_memory()
        assert sizes() - before < grown / 2


async def test_what_was_found_on_the_screen_is_forgotten_with_what_was_drawn() -> None:
    async with dashboard(world(), draws=True) as operator:
        # The answers are kept by how often widgets came and went.
        for _ in range(ROUNDS):
            await operator.press("question_mark", "escape")
            operator.app.notify("a message", timeout=0.05)
            await settled(operator)
        assert operator.main._query_one_cache
        operator.app._free_memory()
        found = [one._query_one_cache for one in operator.main.walk_children(with_self=True)]
        assert not any(found)


async def test_no_container_is_left_of_messages_that_ended_as_others_came() -> None:
    async with dashboard(world()) as operator:
        for number in range(3):
            operator.app.notify(f"message {number}")
            await operator.until(lambda: operator.main.query("Toast"), "a message")
            operator.app.clear_notifications()
        await settled(operator)
        await operator.until(lambda: not operator.main.query("ToastHolder"), "no container")


def test_textual_still_leaves_the_container_of_a_toast_that_ended() -> None:
    """Fails when a release removes it: then the workaround can go."""
    remove_holders_with_their_toasts()
    show = inspect.unwrap(ToastRack.show)
    assert ToastRack.show is not show
    remove_holders_with_their_toasts()
    assert ToastRack.show.__wrapped__ is show  # type: ignore[attr-defined]
    assert "toast.remove()" in inspect.getsource(show)
    assert "ToastHolder(Toast(" in inspect.getsource(show)
    assert "_pruning" in vars(DOMNode())


def test_textual_still_keeps_what_is_let_go_of_here() -> None:
    """Fails when a release caches by the class: then the workaround can go."""
    forget_removed_widgets()
    method = StylesCache.__dict__["get_inner_outer"]
    assert isinstance(method, classmethod)
    parameters = inspect.signature(method.__func__).parameters
    assert list(parameters) == ["cls", "base_background", "background"]
    forget_removed_widgets()
    assert StylesCache.__dict__["get_inner_outer"] is method
