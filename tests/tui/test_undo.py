"""Undo: asked first, puts back what was removed, overwrites nothing, and says what it cannot."""

from __future__ import annotations

import pytest

from backends.liveness.judge import Verdict
from tests.support.operating import Operator, World, dashboard
from tests.support.registered import MALFORMED, card, instance
from tui.dialogs.undo import UndoDialog

WORKER = 0xA7
KEY = instance(WORKER)[0]


def leased() -> World:
    world = World()
    world.put(instance(WORKER), card(WORKER), lease=WORKER)
    return world


async def drain(world: World, operator: Operator) -> None:
    """Drain the instance that the cursor is on."""
    await operator.unregister()
    await operator.type("a7\r")
    await operator.until(lambda: world.find(KEY) is None)
    await operator.until(lambda: len(operator.told()) == 1)


async def ask(operator: Operator) -> None:
    await operator.press("u")
    await operator.until_asked(UndoDialog)
    await operator.until_shown("back?")


async def test_a_drained_worker_is_put_back_exactly_as_it_was() -> None:
    world = leased()
    before = world.find(KEY)
    assert before is not None
    async with dashboard(world) as operator:
        await drain(world, operator)
        world.now += 65
        await ask(operator)
        await operator.until_shown(
            "Put 1 instance back?", "into memory at this process", KEY.decode(), "Drained at"
        )
        await operator.until_shown("1m ago", "under lease a7", "route to an instance again")
        await operator.press("Y")
        await operator.until(lambda: world.find(KEY) is not None)
        after = world.find(KEY)
        assert after is not None
        assert (after.value, after.lease) == (before.value, before.lease)
        await operator.until(lambda: "Put back 1 instance." in operator.told())


async def test_the_card_of_a_drained_worker_is_shown_as_drained_until_it_is_put_back() -> None:
    world = leased()
    async with dashboard(world) as operator:
        await drain(world, operator)
        verdicts = operator.dashboard.view.verdicts
        await operator.until(lambda: verdicts.of(card(WORKER)[0]) is Verdict.DRAINED)
        await ask(operator)
        await operator.press("Y")
        await operator.until(lambda: verdicts.of(card(WORKER)[0]) is not Verdict.DRAINED)


async def test_no_is_the_default_and_no_puts_nothing_back() -> None:
    world = leased()
    async with dashboard(world) as operator:
        await drain(world, operator)
        for answer in (["enter"], ["n"], ["escape"], ["q"], ["tab", "tab", "enter"]):
            await ask(operator)
            assert operator.app.focused is not None
            assert operator.app.focused.id == "no"
            await operator.press(*answer)
            await operator.until(lambda: operator.on_main)
            assert world.find(KEY) is None


@pytest.mark.parametrize("answer", [["tab", "enter"], ["right", "enter"]])
async def test_yes_by_its_button(answer: list[str]) -> None:
    world = leased()
    async with dashboard(world) as operator:
        await drain(world, operator)
        await ask(operator)
        await operator.press(*answer)
        await operator.until(lambda: world.find(KEY) is not None)


async def test_a_key_that_came_back_is_never_overwritten() -> None:
    world = leased()
    async with dashboard(world) as operator:
        await drain(world, operator)
        await ask(operator)
        world.put((KEY, b'{"another": 1}'))
        await operator.until_shown("the key exists again")
        await operator.press("Y")
        await operator.until(lambda: len(operator.told()) == 2)
        assert operator.told()[1].startswith("Not put back: the key exists again")
        found = world.find(KEY)
        assert found is not None
        assert found.value == b'{"another": 1}'


async def test_where_the_lease_has_ended_it_says_that_it_cannot_be_put_back() -> None:
    world = leased()
    async with dashboard(world) as operator:
        await drain(world, operator)
        world.keyspace.end_lease(WORKER)
        await ask(operator)
        await operator.press("Y")
        await operator.until(lambda: len(operator.told()) == 2)
        assert operator.told()[1].startswith("Cannot be put back: its lease has ended")
        assert world.find(KEY) is None


async def test_what_was_undone_is_not_asked_about_again() -> None:
    world = leased()
    world.put(MALFORMED)
    async with dashboard(world) as operator:
        await drain(world, operator)
        await ask(operator)
        await operator.press("Y")
        await operator.until(lambda: world.find(KEY) is not None)
        await operator.until(lambda: len(operator.told()) == 2)
        await operator.press("u")
        await operator.until(lambda: "Nothing removed in this session" in operator.told()[-1])
        assert operator.on_main
