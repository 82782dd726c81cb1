"""Keys that come in one go act one after the other, each on what the one before it left."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from textual import events
from textual.command import CommandPalette

from tests.support.operating import Operator, World, dashboard
from tests.support.registered import MALFORMED, card, channel, instance
from tui.actions import Place
from tui.app import DyntopApp
from tui.dialogs.help import HelpScreen
from tui.dialogs.question import QuestionScreen
from tui.dialogs.unregister import UnregisterDialog
from tui.screens.detail import DetailScreen
from tui.state.timings import TIMINGS
from tui.widgets.panes.tabs import PaneTabs

KEYS = ["2", "7", "d", "c", "w", "t", "/", "?", "enter", "escape", "tab", "ctrl+p", "pagedown"]
"""Keys of the README that open, close, or go somewhere."""


@pytest.fixture
def world() -> World:
    world = World()
    for number in (1, 2, 3):
        world.put(instance(number), card(number), channel(number), lease=number)
    return world


def key(name: str) -> events.Key:
    names = {"/": "slash", "?": "question_mark", "!": "exclamation_mark", "*": "asterisk"}
    return events.Key(names.get(name, name), name if len(name) == 1 else None)


@asynccontextmanager
async def begun_with(
    world: World, monkeypatch: pytest.MonkeyPatch, *early: events.Event
) -> AsyncGenerator[Operator]:
    """The dashboard, to which all this came before it had any screen."""
    compose = DyntopApp.on_event

    async def first(app: DyntopApp, event: events.Event) -> None:
        if isinstance(event, events.Compose):
            for one in early:
                await compose(app, one)
        await compose(app, event)

    monkeypatch.setattr(DyntopApp, "on_event", first)
    async with dashboard(world, draws=True) as operator:
        await operator._until_handled()
        yield operator


@pytest.mark.parametrize("name", KEYS)
async def test_a_key_typed_before_the_first_frame_does_no_harm(
    world: World, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    keys = world.keys()
    async with begun_with(world, monkeypatch, key(name)) as operator:
        assert operator.app.is_running
        if name.isdecimal():
            assert operator.tab() == operator.main.query_one(PaneTabs).panes[int(name)].TAB
        assert world.keys() == keys


async def test_of_several_keys_typed_before_the_first_frame_each_acts_in_its_order(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with begun_with(world, monkeypatch, *map(key, "3x2/prod")) as operator:
        assert operator.tab() == "models"
        assert operator.filter.value == "prod"
        assert operator.dashboard.view.hides_gone


async def test_the_tab_of_what_is_read_later_is_opened_once_it_is_there(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.put((b"v1/claims/x", b"{}"))
    async with begun_with(world, monkeypatch, *map(key, "28")) as operator:
        await operator.until(lambda: operator.tab() == "others")


async def test_a_line_end_typed_before_the_first_frame_is_enter(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with begun_with(world, monkeypatch, *map(key, "/prod"), key("ctrl+j")) as operator:
        assert operator.filter.value == "prod"
        assert operator.app.focused is operator.pane.table


async def test_to_quit_before_the_first_frame_takes_another_key(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with begun_with(world, monkeypatch, key("q")) as operator:
        app = operator.app
        assert "q was typed before anything was shown" in operator.told()[-1]
        operator.app.post_message(key("q"))
        await operator.until(lambda: not app.is_running)


async def test_what_the_mouse_did_before_the_first_frame_is_left_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with begun_with(world, monkeypatch, *clicked(40, 1), *moved(3, 3)) as operator:
        assert operator.tab() == "instances"
        assert operator.app.focused is operator.pane.table


def moved(x: int, y: int) -> list[events.Event]:
    return [events.MouseMove(None, x, y, 0, 0, 0, False, False, False, x, y)]


def clicked(x: int, y: int) -> list[events.Event]:
    return [
        kind(None, x, y, 0, 0, 1, False, False, False, x, y)
        for kind in (events.MouseDown, events.MouseUp)
    ]


async def test_what_is_typed_behind_a_key_that_opens_something_is_for_that(world: World) -> None:
    async with dashboard(world, draws=True) as operator:
        await operator.type("?q")
        assert operator.on_main
        await operator.type("jd" + "2" * 3)
        await operator.until_asked(UnregisterDialog)
        screen = operator.app.screen
        assert isinstance(screen, UnregisterDialog)
        assert screen._input.value == "222"
        assert operator.tab() == "instances"


async def test_a_key_acts_on_the_tab_that_was_open_when_it_was_typed(world: World) -> None:
    async with dashboard(world, draws=True) as operator:
        await operator.type("yj2")
        assert operator.tab() == "models"
        assert len(operator.told()) == 1
        assert "Copied the key" in operator.told()[0]


async def test_two_enters_run_a_command_of_the_palette_once(world: World) -> None:
    async with dashboard(world, draws=True) as operator:
        await operator.press("ctrl+p")
        await operator.until(lambda: isinstance(operator.app.screen, CommandPalette))
        await operator.type("freeze")
        await operator.until_shown("Freeze or resume the view")
        await operator.type("\r\r")
        await operator.until(lambda: operator.dashboard.view.frozen)
        assert len(operator.app.screen_stack) == 1 or isinstance(operator.app.screen, DetailScreen)
        await operator.pilot.pause()
        assert operator.dashboard.view.frozen


async def test_a_double_click_runs_a_command_of_the_palette_once(world: World) -> None:
    async with dashboard(world, draws=True) as operator:
        await operator.press("ctrl+p")
        await operator.type("freeze")
        await operator.until_shown("Freeze or resume the view")
        await operator.click_text("Freeze or resume the view", times=2)
        await operator.until(lambda: operator.dashboard.view.frozen)
        await operator.until(lambda: operator.on_main)
        await operator.pilot.pause()
        assert operator.dashboard.view.frozen


async def test_moving_in_a_palette_that_has_no_lines_yet(world: World) -> None:
    async with dashboard(world, draws=True) as operator:
        for name in ("pagedown", "pageup", "down", "up", "home", "end", "ctrl+end"):
            for one in ("ctrl+p", name, name, "z", "z", name, "escape"):
                operator.app.post_message(key(one))
            await operator._until_handled()
            await operator.until(lambda: operator.on_main, f"the palette closed after {name}")


async def test_a_yes_typed_with_the_key_that_asks_is_none(world: World) -> None:
    world.put(instance(9))  # unleased
    keys = world.keys()
    async with dashboard(world, timings=TIMINGS, draws=True) as operator:
        await operator.go_to("id", "9")
        await operator.type("d" + "Y" * 5)
        await operator.until_asked(UnregisterDialog)
        assert world.keys() == keys


async def test_a_yes_that_was_typed_before_the_question_counts_never_however_late_it_is_handled(
    world: World,
) -> None:
    world.put(instance(9))  # unleased: a yes is enough
    async with dashboard(world, draws=True) as operator:
        await operator.go_to("id", "9")
        typed = key("Y")
        await operator.press("d")
        await operator.until(lambda: isinstance(operator.app.screen, QuestionScreen))
        screen = operator.app.screen
        assert isinstance(screen, QuestionScreen)
        await operator.until(lambda: screen.can_be_read)
        operator.app.post_message(typed)
        await operator._until_handled()
        await operator.until(lambda: screen.can_be_read)
        assert operator.app.screen is screen


async def test_a_yes_typed_too_early_counts_never_though_a_busy_machine_handles_it_late() -> None:
    world = World()
    world.put(MALFORMED)  # a yes is enough
    async with dashboard(world, timings=TIMINGS, draws=True) as operator:
        await operator.until_shown("1 instance")
        await operator.press("d")
        await operator.until(lambda: isinstance(operator.app.screen, QuestionScreen))
        screen = operator.app.screen
        assert isinstance(screen, QuestionScreen)
        await operator.until(lambda: screen._shown_at < math.inf)
        early, late = key("Y"), key("Y")
        early.time = screen._shown_at + 0.4
        late.time = screen._shown_at + 0.6
        await operator.until(lambda: screen.can_be_read)
        operator.app.post_message(early)
        await operator._until_handled()
        assert operator.app.screen is screen
        operator.app.post_message(late)
        await operator.until(lambda: not world.keys())


async def test_three_clicks_on_a_message_close_it(world: World) -> None:
    async with dashboard(world, size=(100, 30), draws=True) as operator:
        await operator.press("y")
        await operator.until_shown("Copied the key")
        lines = operator.lines()
        y = next(row for row, line in enumerate(lines) if "Copied the key" in line)
        x = lines[y].index("Copied the key")
        for _ in range(3):
            for event in clicked(x, y):
                operator.app.post_message(event)
            await asyncio.sleep(0.03)
        await operator.until_not_shown("Copied the key")


async def test_enter_twice_answers_one_question_only(world: World) -> None:
    async with dashboard(world, draws=True) as operator:
        await operator.open("channels")
        await operator.type("w")
        await operator.until(lambda: len(operator.app.screen_stack) == 2)
        tap = operator.app.screen
        operator.app.push_screen(HelpScreen(Place.MAIN, writes=True))
        operator.app.push_screen(HelpScreen(Place.MAIN, writes=True))
        top = operator.app.screen
        top.dismiss()
        top.dismiss()
        await operator.pilot.pause()
        assert len(operator.app.screen_stack) == 3
        assert tap in operator.app.screen_stack
