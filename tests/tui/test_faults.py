"""A fault of dyntop's own closes what it is in, is said, and the rest goes on."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from textual import events
from textual.app import ComposeResult
from textual.screen import ModalScreen
from textual.widgets import Static

from tests.support.operating import DEADLINE, POLL_INTERVAL, QUICK, Operator, World, dashboard
from tests.support.registered import card, channel, instance
from tui.actions import Place
from tui.app import DyntopApp
from tui.dialogs.help import HelpScreen
from tui.dialogs.unregister import UnregisterDialog
from tui.screens.main import MainScreen
from tui.widgets.header import StoreHeader
from tui.widgets.panes.pane import Pane
from tui.widgets.table.list_table import ListTable


class Provoked(Exception):
    """What these tests make fail."""


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "dyntop"


@pytest.fixture
def world() -> World:
    world = World()
    world.put(instance(1), card(1), channel(1), lease=1)
    world.put(instance(2), lease=2)
    return world


def fail(*_: object, **__: object) -> Any:
    raise Provoked


class FailsOnce:
    """Fails when it is called first, and then does what it stands for."""

    def __init__(self, of: Any) -> None:
        self._of = of
        self.failed = False

    def __get__(self, instance: Any, _owner: type) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            if not self.failed:
                self.failed = True
                raise Provoked
            return self._of(instance, *arguments, **options)

        return call


def reports(state: Path) -> list[Path]:
    return list(state.glob("crash-*"))


async def ended(world: World, kind: type[Exception], key: str, told: bool = False) -> DyntopApp:
    """The app that a key ended; `told`: by being pressed twice, with a word in between."""
    app = None
    try:
        async with dashboard(world, may_fail=True) as operator:
            app = operator.app
            for char in key:
                app.post_message(events.Key(char, char))
            if told:
                await until_told(operator)
                app.post_message(events.Key(key, key))
            # Not `until`, which paints, too.
            async with asyncio.timeout(DEADLINE):
                while app.is_running:  # noqa: ASYNC110  (nothing tells of the end)
                    await asyncio.sleep(POLL_INTERVAL)
    except kind:
        assert app is not None
        assert isinstance(app.fault, kind)
        return app
    raise AssertionError("it ended without a fault")


async def until_told(operator: Operator) -> str:
    await operator.until(lambda: any("A fault of" in one for one in operator.told()), "it is told")
    return operator.told()[-1]


async def assert_lives(operator: Operator, world: World) -> None:
    """It follows the store, draws, and takes keys in every part."""
    assert operator.app.fault is None
    assert operator.on_main
    world.put(instance(77))
    await operator.open("instances")
    await operator.until(lambda: len(operator.pane.rows) == 3, "the new row")
    await operator.type("g")
    before = operator.at("id")
    await operator.press("j")
    await operator.until(lambda: operator.at("id") != before, "the cursor moves")
    await operator.press("question_mark")
    await operator.until(lambda: isinstance(operator.app.screen, HelpScreen))
    await operator.press("escape")
    await operator.until(lambda: operator.on_main)
    await operator.type("/zzz")
    await operator.until(lambda: operator.filter.value == "zzz")


@pytest.mark.parametrize(
    ("owner", "name", "keys"),
    [
        (MainScreen, "on_list_table_highlighted", "j"),
        (MainScreen, "action_freeze", "f"),
        (MainScreen, "on_pane_copy_asked", "y"),
        (MainScreen, "_show_detail", "j"),
        (Pane, "action_copy", "y"),
        (Pane, "action_sort_next", "s"),
        (ListTable, "action_cursor", "j"),
    ],
)
async def test_of_a_handler_or_action_of_the_main_screen(
    world: World, monkeypatch: pytest.MonkeyPatch, owner: type, name: str, keys: str
) -> None:
    async with dashboard(world, may_fail=True) as operator:
        monkeypatch.setattr(owner, name, FailsOnce(getattr(owner, name)))
        await operator.type(keys)
        told = await until_told(operator)
        assert "A fault of dyntop's own (Provoked). The rest goes on. Please report it" in told
        await assert_lives(operator, world)


async def test_of_a_timer(world: World, monkeypatch: pytest.MonkeyPatch, state: Path) -> None:
    monkeypatch.setattr(MainScreen, "_tick", FailsOnce(MainScreen._tick))
    async with dashboard(world, may_fail=True) as operator:
        await until_told(operator)
        (report,) = reports(state)
        assert "Provoked" in report.read_text()
        assert str(report) in operator.told()[-1]
        await assert_lives(operator, world)


async def test_of_painting_a_part_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async with dashboard(world, may_fail=True) as operator:
        once = FailsOnce(ListTable.render_line)
        monkeypatch.setattr(ListTable, "render_line", once)
        await operator.press("j")
        await until_told(operator)
        await assert_lives(operator, world)


async def test_of_painting_the_main_screen_each_time_ends_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unpaintable(_: object) -> None:
        monkeypatch.setattr(StoreHeader, "render", fail)
        monkeypatch.setattr(ListTable, "render_line", fail)

    monkeypatch.setattr(MainScreen, "action_freeze", unpaintable)
    app = await ended(world, Provoked, "fj")
    assert len(app.faults.errors) > 1


async def test_the_same_again_within_a_minute_ends_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MainScreen, "action_freeze", fail)
    await ended(world, Provoked, "f", told=True)


async def test_the_same_again_after_a_minute_is_said_once(
    world: World, monkeypatch: pytest.MonkeyPatch, state: Path
) -> None:
    async with dashboard(world, may_fail=True) as operator:
        monkeypatch.setattr(MainScreen, "action_freeze", fail)
        for _ in range(3):
            await operator.type("f")
            await until_told(operator)
            world.now += 61
        assert len(operator.told()) == 1
        assert len(reports(state)) == 1
        assert operator.app.fault is None


async def test_in_a_question_closes_it_and_nothing_is_done(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with dashboard(world, may_fail=True) as operator:
        await operator.open("instances")
        await operator.go_to("id", f"{2:x}")
        await operator.unregister()
        keys = world.keys()
        monkeypatch.setattr(UnregisterDialog, "_look_again", fail)
        await operator.type("2")
        await operator.press("enter")
        told = await until_told(operator)
        assert "The question was closed, and its answer is no." in told
        await operator.until(lambda: operator.on_main)
        assert world.keys() == keys
        await assert_lives(operator, world)


@pytest.mark.parametrize("name", ["compose", "on_mount"])
async def test_while_a_screen_is_made(
    world: World, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    async with dashboard(world, may_fail=True) as operator:
        with monkeypatch.context() as broken:
            broken.setattr(UnregisterDialog, name, fail)
            await operator.open("instances")
            await operator.press("d")
            await until_told(operator)
            await operator.until(lambda: operator.on_main)
        await assert_lives(operator, world)


class BadStyle(ModalScreen[None]):
    CSS = "BadStyle { color: nonsense; }"


class BadWidget(Static):
    def render(self) -> Any:
        raise Provoked


class BadPaint(ModalScreen[None]):
    def compose(self) -> ComposeResult:
        yield BadWidget()


@pytest.mark.parametrize("bad", [BadStyle, BadPaint])
async def test_of_a_screen_that_cannot_be_drawn(world: World, bad: type[ModalScreen[None]]) -> None:
    async with dashboard(world, may_fail=True) as operator:
        operator.main.call_later(operator.app.push_screen, bad())
        await until_told(operator)
        await operator.until(lambda: operator.on_main)
        await assert_lives(operator, world)


async def test_in_a_callback_leaves_the_other_callbacks(world: World) -> None:
    called: list[str] = []
    async with dashboard(world, may_fail=True) as operator:
        for pump in (operator.app, operator.main, operator.pane):
            for later in (pump.call_next, pump.call_later, pump.call_after_refresh):
                later(called.append, "before")

        def all_at_once() -> None:
            main = operator.main
            main.call_next(fail)
            main.call_next(called.append, "next")
            main.call_after_refresh(lambda: called[100])
            main.call_after_refresh(called.append, "after")

        operator.main.call_later(all_at_once)
        await operator.until(lambda: {"next", "after"} <= set(called))
        await operator.until(lambda: len(operator.app.faults.errors) == 2)
        await assert_lives(operator, world)


async def test_of_a_part_that_works_behind_the_screen_begins_it_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = []

    async def failing_once(*_: object) -> None:
        running.append(1)
        if len(running) == 1:
            raise Provoked

    monkeypatch.setattr("backends.liveness.collector.EvidenceCollector.run", failing_once)
    async with dashboard(world, timings=replace(QUICK, restarting=0.05), may_fail=True) as operator:
        await operator.until(lambda: len(running) == 2, "it was begun again")
        await until_told(operator)
        await assert_lives(operator, world)


async def test_before_anything_was_shown_ends_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MainScreen, "compose", fail)

    async def begin() -> None:
        async with dashboard(world, may_fail=True, complete=False):
            pass

    with pytest.raises(Provoked):
        await begin()


async def test_memory_that_ran_out_ends_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(MainScreen, "action_freeze", no_memory)
    await ended(world, MemoryError, "f")


async def test_that_cannot_be_told_ends_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DyntopApp, "show_fault", lambda *_: 1 / 0)
    monkeypatch.setattr(MainScreen, "action_freeze", fail)
    await ended(world, Provoked, "f")


async def test_what_waits_for_a_frame_of_a_closed_screen_gets_the_next_one(world: World) -> None:
    called: list[int] = []
    async with dashboard(world, draws=True) as operator:
        app = operator.app
        for number in range(3):
            app.push_screen(HelpScreen(Place.MAIN, writes=True))
            app.screen._invoke_later(lambda number=number: called.append(number), operator.main)
            app.pop_screen()
        await operator.until(lambda: called == [0, 1, 2], "all were called")
