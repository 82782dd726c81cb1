"""Clean up: proposes what is stale, removes what stays ticked, and nothing without a capital Y."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import pytest

from backends.store import Cause, Unreachable
from tests.registered import MALFORMED, KeyAndValue, card, instance
from tests.tui.operating import Operator, World, dashboard
from tui.screens.clean_up import CleanUpScreen

LIVE = instance(0xA7)
ORPHANS = [card(1), card(2)]
STALE = [*ORPHANS, MALFORMED]
"""In the order in which they are proposed."""


def world_of(*contents: KeyAndValue) -> World:
    world = World()
    world.put(LIVE, *contents)
    return world


def keys_of(contents: Sequence[KeyAndValue]) -> set[bytes]:
    return {key for key, _ in contents}


def screen(operator: Operator) -> CleanUpScreen:
    assert isinstance(operator.app.screen, CleanUpScreen)
    return operator.app.screen


@asynccontextmanager
async def cleaning_up(
    world: World, size: tuple[int, int] = (130, 40)
) -> AsyncGenerator[Operator, None]:
    """The dashboard, where it is asked."""
    async with dashboard(world, size=size) as operator:
        await operator.press("c")
        await operator.until_asked(CleanUpScreen)
        await operator.until_shown("Clean up", "[x]")
        yield operator


async def test_everything_stale_is_proposed_with_its_evidence_and_nothing_else() -> None:
    async with cleaning_up(world_of(*STALE)) as operator:
        await operator.until_shown("Clean up 3 stale keys?", "from memory at this process")
        ticked = [line for line in operator.lines() if "[x]" in line]
        assert len(ticked) == 3
        assert ["orphaned" in ticked[0], "orphaned" in ticked[1], "malformed" in ticked[2]] == [
            True
        ] * 3
        assert "its worker 1 has no instance" in ticked[0]
        assert "Dynamo skips it" in ticked[2]
        # Of the row that the cursor is on, all.
        await operator.until_shown(f"{card(1)[0].decode()}  revision", "its worker 1 has no")
        await operator.press("down", "down")
        await operator.until_shown(f"{MALFORMED[0].decode()}  revision")


async def test_y_removes_what_is_ticked_and_the_row_of_what_is_not_stays() -> None:
    world = world_of(*STALE)
    async with cleaning_up(world) as operator:
        await operator.press("space")
        await operator.until_shown("Clean up 2 of 3 stale keys?", "[ ]")
        await operator.press("Y")
        await operator.until(lambda: world.keys() == keys_of([LIVE, card(1)]))
        await operator.until(lambda: operator.told() != [])
        assert operator.told() == ["Cleaned up 1 model card, 1 instance. u puts them back."]


@pytest.mark.parametrize("answer", ["n", "escape", "q"])
async def test_no_removes_nothing(answer: str) -> None:
    world = world_of(*STALE)
    before = world.entries()
    async with cleaning_up(world) as operator:
        await operator.press(answer)
        await operator.until(lambda: operator.on_main)
        assert world.entries() == before


async def test_enter_only_ticks() -> None:
    world = world_of(*STALE)
    before = world.entries()
    async with cleaning_up(world) as operator:
        await operator.press("enter", "enter", "enter")
        await operator.until_shown("Clean up 0 of 3 stale keys?")
        await operator.press("Y")
        await operator.until_shown("Nothing is ticked")
        assert world.entries() == before


@pytest.mark.parametrize("key", ["a", "asterisk"])
async def test_all_or_none_in_one_key(key: str) -> None:
    async with cleaning_up(world_of(*STALE)) as operator:
        await operator.press(key)
        await operator.until_shown("Clean up 0 of 3 stale keys?")
        await operator.press(key)
        await operator.until_shown("Clean up 3 stale keys?")
        await operator.press("space", "down", "v")
        await operator.until_shown("Clean up 0 of 3 stale keys?")


async def test_a_row_is_ticked_by_mouse() -> None:
    async with cleaning_up(world_of(*STALE)) as operator:
        await operator.click_text("[x]  ! malformed", times=2)
        await operator.until_shown("Clean up 2 of 3 stale keys?")
        assert MALFORMED[0] not in screen(operator)._table.ticked


async def test_what_registers_again_meanwhile_is_never_removed() -> None:
    world = world_of(*STALE)
    async with cleaning_up(world) as operator:
        world.put(card(1))
        world.keyspace.delete(card(2)[0])
        await operator.until_shown("~ changed", "† gone")
        await operator.press("Y")
        await operator.until(lambda: world.find(MALFORMED[0]) is None)
        assert world.find(card(1)[0]) is not None
        await operator.until(lambda: len(operator.told()) == 4)


async def test_what_stops_being_stale_loses_its_tick_and_cannot_be_ticked_again() -> None:
    world = world_of(*STALE)
    async with cleaning_up(world) as operator:
        # Its worker comes back: the card itself stays as it was.
        world.put(instance(1), lease=1)
        cluster = operator.main.monitor.cluster
        await operator.until(lambda: instance(1)[0] in cluster.records)
        await operator.until(lambda: screen(operator)._table.ticked == keys_of(STALE[1:]))
        await operator.press("home", "space")
        await operator.until_shown("That is not stale any more", "Clean up 2 of 3")
        await operator.press("Y")
        await operator.until(lambda: world.keys() == keys_of([LIVE, card(1), instance(1)]))


@pytest.mark.parametrize("how", ["frozen", "lost"])
async def test_nothing_is_removed_by_what_may_not_be_so_any_more(how: str) -> None:
    world = world_of(*STALE)
    before = world.entries()
    async with dashboard(world) as operator:
        if how == "frozen":
            await operator.press("f")
        else:
            world.keyspace.break_off(Unreachable("this process", Cause.LOST))
            await operator.until_shown("disconnected")
        await operator.press("c")
        await operator.until_asked(CleanUpScreen)
        await operator.until_shown("Clean up 3 stale keys?")
        await operator.press("Y")
        await operator.until_shown("Nothing is removed.")
        assert world.entries() == before


async def test_a_yes_typed_right_behind_the_key_answers_nothing_that_nobody_has_seen() -> None:
    world = world_of(*STALE)
    before = world.entries()
    async with dashboard(world) as operator:
        await operator.type("cY")
        await operator.until_asked(CleanUpScreen)
        assert world.entries() == before
        await operator.press("Y")
        await operator.until(lambda: world.keys() == keys_of([LIVE]))


async def test_ten_thousand_are_proposed_and_removed() -> None:
    world = world_of(*(card(worker) for worker in range(1_000, 11_000)))
    async with cleaning_up(world) as operator:
        await operator.until_shown("Clean up 10,000 stale keys?")
        await operator.press("space", "end", "space")
        await operator.until_shown("Clean up 9,998 of 10,000 stale keys?")
        await operator.press("Y")
        await operator.until(lambda: len(world.keys()) == 3)
        await operator.until(lambda: operator.told() != [])
        assert operator.told() == ["Cleaned up 9,998 model cards. u puts them back."]


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (60, 20)])
async def test_at_any_size_the_question_the_ticks_and_the_keys_are_there(
    size: tuple[int, int],
) -> None:
    async with cleaning_up(world_of(*(card(worker) for worker in range(1, 50))), size) as operator:
        await operator.until_shown("Clean up 49 stale keys?", "from memory", "⊘ orphaned")
        await operator.until_shown("space toggles", "n leaves", f"{card(1)[0].decode()}")
