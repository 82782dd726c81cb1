"""Whatever is opened and closed while the store changes, the view follows; and where it cannot, the
header says so and everything is read again."""

from __future__ import annotations

import asyncio
import time

import pytest
from msgspec.structs import replace
from textual import events

from tests.support.operating import DEADLINE, LOST, QUICK, Operator, World, dashboard
from tests.support.registered import card, channel, instance, source
from tests.support.said_taps import SaidTaps
from tui.state.store_state import LinkState
from tui.state.watchdog import Trouble
from tui.widgets.panes.tabs import PaneTabs

BETWEEN_KEYS = 0.02
"""Seconds: enough for a screen to be there, and not for it to be drawn in peace."""
TIMES = 3

OPENINGS = {
    "help": ("1", "question_mark", "escape"),
    "the detail of an instance": ("1", "enter", "escape"),
    "the detail of a model": ("2", "enter", "enter", "escape"),
    "the detail of an event": ("7", "enter", "escape"),
    "the palette": ("ctrl+p", "escape"),
    "the palette over help": ("question_mark", "ctrl+p", "escape", "escape"),
    "clean up": ("c", "escape"),
    "the question before a removal": ("1", "d", "escape"),
    "a tap": ("4", "w", "escape"),
    "all tabs": tuple("12345678"),
    "the filter": ("slash", "a", "escape"),
    "a stopped view": ("1", "f", "f"),
    "the tree": ("t", "t"),
}
"""Keys that open something and close it again."""


def world_of_all_kinds() -> World:
    world = World(leases=False)
    world.put(instance(1), card(1), channel(1), source(1, 1))
    return world


def send(operator: Operator, *keys: str) -> None:
    """As they come from a terminal: nothing is waited for."""
    driver = operator.app._driver
    assert driver is not None
    for key in keys:
        driver.send_message(events.Key(key, key if len(key) == 1 else None))


async def press(operator: Operator, key: str) -> None:
    """Press a key, and give it a moment; one that closes a screen, until that is away: the next one
    is not for it."""
    screens = operator.app.screen_stack
    send(operator, key)
    await asyncio.sleep(BETWEEN_KEYS)
    if key == "escape" and len(screens) > 1:
        until = time.monotonic() + DEADLINE
        while operator.app.screen is screens[-1]:
            assert time.monotonic() < until, operator.text()
            await asyncio.sleep(BETWEEN_KEYS)


async def equals(operator: Operator, world: World) -> None:
    """The view comes to equal the store, and is connected."""

    def is_equal() -> bool:
        main = operator.main
        shown = {key: one.entry for key, one in main.dashboard.view.cluster.records.items()}
        return shown == {one.key: one for one in world.entries()}

    await operator.until(is_equal, "what the store has")
    await operator.until(lambda: operator.dashboard.view.store.link is LinkState.CONNECTED)


@pytest.mark.parametrize("keys", OPENINGS.values(), ids=OPENINGS)
async def test_whatever_is_opened_and_closed_while_the_store_changes_the_view_follows(
    keys: tuple[str, ...],
) -> None:
    world = world_of_all_kinds()
    async with dashboard(world, taps=SaidTaps(lambda: world.now), draws=True) as operator:
        for number, key in enumerate(keys * TIMES):
            # The change is on its way to the screen while that is covered or uncovered.
            world.put(instance(100 + number))
            await press(operator, key)
        await equals(operator, world)
        while not operator.on_main:
            await press(operator, "escape")
        send(operator, "1")
        shown = f"{len(world.entries()) - 3} instances"
        await operator.until(lambda: shown in operator.header(), shown)
        # What comes later is followed too.
        world.put(instance(7))
        await operator.until(lambda: "7" in operator.rows("id"), "the newest")
        world.keyspace.break_off(LOST)
        await operator.until_shown("✗ disconnected since")


async def test_a_window_that_is_resized_while_a_dialog_is_closed_is_followed() -> None:
    world = world_of_all_kinds()
    async with dashboard(world, draws=True) as operator:
        for number in range(TIMES):
            send(operator, "question_mark")
            await operator.pilot.resize_terminal(60 + 5 * number, 20 + number)
            world.put(instance(100 + number))
            send(operator, "escape")
        await equals(operator, world)


LOOKS_OFTEN = replace(QUICK, looking=0.01)
"""The watchdog does."""


async def passes(operator: Operator, world: World, until: Trouble | None) -> None:
    """Time passes, second by second, until it stands like this with what is shown."""

    def stands() -> bool:
        world.now += 1.0
        return operator.dashboard.view.store.trouble is until

    await operator.until(stands, str(until))


@pytest.mark.parametrize("size", [(120, 30), (60, 20)], ids=lambda size: f"{size[0]}")
async def test_a_view_that_was_stopped_by_force_says_so_and_reads_everything_again(
    size: tuple[int, int],
) -> None:
    world = world_of_all_kinds()
    async with dashboard(world, timings=LOOKS_OFTEN, size=size, draws=True) as operator:
        goes_on = asyncio.Event()
        # The screen works none of its messages off any more, as one that waits in a handler.
        operator.main.call_later(goes_on.wait)
        world.put(instance(2))

        # What is on screen, without waiting for the screen.
        def shown() -> str:
            return " ".join(" ".join(operator.lines()).split())

        async with asyncio.timeout(DEADLINE):
            while "everything is read again at" not in shown():
                world.now += 1.0
                await asyncio.sleep(0.02)
        assert "✗ not updating since" in operator.header()
        assert "connected" not in shown()
        # It was read again meanwhile, and the store has one watcher.
        assert len(world.keyspace._watchers) == 1
        world.put(instance(3))
        goes_on.set()
        await passes(operator, world, None)
        await equals(operator, world)
        await operator.until_shown("● connected", "3 instances")
        assert "not updating" not in operator.text()
        assert len(world.keyspace._watchers) == 1
        # The view was read more than once, and nothing is said to have happened twice.
        await operator.open("events")
        assert [one for one in operator.rows("id") if one == "3"] == ["3"]


async def test_a_fault_while_taking_something_in_is_said_and_everything_is_read_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = world_of_all_kinds()
    async with dashboard(world, timings=LOOKS_OFTEN, may_fail=True, draws=True) as operator:
        faulty = True
        rebuild, amend = PaneTabs.rebuild, PaneTabs.amend

        def fails(*arguments: object) -> None:
            if faulty:
                raise LookupError("a defect")
            (amend if arguments[1:] else rebuild)(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(PaneTabs, "rebuild", fails)
        monkeypatch.setattr(PaneTabs, "amend", fails)
        world.put(instance(2))
        await passes(operator, world, Trouble.FAILED)
        await operator.until_shown("✗ not updating since", "fault of dyntop's own (LookupError)")
        told = operator.told()
        for _ in range(3):
            begun = operator.dashboard.view.store.again_at
            await operator.until(lambda begun=begun: later(operator, world) > begun)  # type: ignore[misc]
        # One line, however often it fails.
        assert operator.told() == told
        faulty = False
        await passes(operator, world, None)
        await operator.until_shown("● connected", "2 instances")
        await operator.until(lambda: sorted(operator.rows("id")) == ["1", "2"])


def later(operator: Operator, world: World) -> float:
    world.now += 1.0
    return operator.dashboard.view.store.again_at


async def test_a_frozen_view_and_hours_in_which_the_process_did_not_run_are_followed() -> None:
    world = world_of_all_kinds()
    async with dashboard(world, timings=LOOKS_OFTEN, draws=True) as operator:
        send(operator, "f")
        await operator.until_shown("frozen, 0 changes")
        for number in range(10, 20):
            world.put(instance(number))
            await operator.until_shown(f"frozen, {number - 9} change")
            world.now += 3600.0
        await operator.until_shown("● connected")
        send(operator, "f")
        await equals(operator, world)
        assert len([one for one in operator.dashboard.view.events() if not one.record]) == 1
