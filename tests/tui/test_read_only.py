"""Read-only: no act is offered, and none is done, whichever way it is asked for."""

from __future__ import annotations

import pytest
from textual.command import CommandList, CommandPalette

from tests.support.operating import Operator, World, dashboard
from tests.support.registered import MALFORMED, card, instance

ACTS = {"Drain", "Clean up", "Undo"}


def world_of_stale() -> World:
    """There is something to drain, and something to clean up."""
    world = World()
    world.put(instance(1), lease=1)
    world.put(card(2), MALFORMED)
    return world


def offered(operator: Operator) -> set[str]:
    """What the command palette would offer here."""
    return {command.title for command in operator.app.get_system_commands(operator.app.screen)}


async def test_the_acts_are_in_the_footer_and_the_palette_otherwise() -> None:
    async with dashboard(world_of_stale(), size=(130, 40)) as operator:
        await operator.until_shown("d Drain")
        for text in ("c Clean up", "u Undo"):
            assert text in operator.footer()
        assert offered(operator) >= ACTS


async def test_read_only_they_are_in_neither_nor_in_the_help() -> None:
    async with dashboard(world_of_stale(), read_only=True, size=(130, 60)) as operator:
        for text in ("Drain", "Unregister", "Clean up", "Undo"):
            assert text not in operator.footer()
        assert not offered(operator) & (ACTS | {"Unregister"})
        # Looking is not acting.
        assert "p Probe" in operator.footer()
        assert {"Probe", "Show only records that are not live"} <= offered(operator)
        await operator.press("question_mark")
        await operator.until_shown("keys and signs", "Freeze")
        for text in ("drain the", "unregister what", "put back", "propose"):
            assert text not in operator.text().lower()


async def test_read_only_the_keys_do_nothing_in_any_tab() -> None:
    world = world_of_stale()
    before = world.entries()
    async with dashboard(world, read_only=True) as operator:
        for tab in range(len(operator.tabs())):
            await operator.press(str(tab), "asterisk")
            for key in ("d", "c", "u"):
                await operator.press(key)
                assert operator.on_main, f"{key} in tab {tab}"
        assert operator.told() == []
        assert world.entries() == before


@pytest.mark.parametrize("read_only", [False, True])
async def test_read_only_the_palette_does_not_find_them(read_only: bool) -> None:
    world = world_of_stale()
    before = world.entries()
    async with dashboard(world, read_only=read_only) as operator:
        for typed in ("drain", "clean up", "undo"):
            await operator.press("ctrl+p")
            await operator.until(lambda: isinstance(operator.app.screen, CommandPalette))
            await operator.type(typed)
            found = operator.app.screen.query_one(CommandList)
            wanted = 0 if read_only else 1
            await operator.until(
                lambda found=found, wanted=wanted: _commands(found) == wanted,  # type: ignore[misc]
                f"{wanted} found for {typed}",
            )
            assert world.entries() == before
            await operator.press("escape")
            await operator.until(lambda: operator.on_main, "the palette closed")


@pytest.mark.parametrize("action", ["screen.clean_up", "screen.undo"])
async def test_read_only_an_action_that_is_run_all_the_same_asks_nothing(action: str) -> None:
    async with dashboard(world_of_stale(), read_only=True) as operator:
        await operator.app.run_action(action)
        await operator.pilot.pause()
        assert operator.on_main
        assert operator.told() == []


def _commands(found: CommandList) -> int | None:
    """How many commands were found. None: it still looks."""
    if not found.option_count:
        return None
    options = [found.get_option_at_index(index) for index in range(found.option_count)]
    return sum(not option.disabled for option in options)


async def test_without_rights_it_is_read_only_for_as_long_as_the_store_says_so() -> None:
    world = world_of_stale()
    async with dashboard(world, size=(130, 40)) as operator:
        await operator.until_shown("d Drain")
        world.keyspace.forbid_changes("this user may not delete anything")
        await operator.until_shown("read-only: this user may not delete anything")
        await operator.until_not_shown("d Drain")
        assert not offered(operator) & (ACTS | {"Unregister"})
        for key in ("d", "c", "u"):
            await operator.press(key)
            assert operator.on_main, key
        await operator.press("question_mark")
        await operator.until_shown("keys and signs", "Freeze")
        assert "put back" not in operator.text().lower()
        await operator.press("escape")
        world.keyspace.forbid_changes("")
        await operator.until_shown("d Drain")
