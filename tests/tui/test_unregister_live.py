"""What may live is drained, and for that a yes is not enough: it has to be named."""

from __future__ import annotations

import pytest
from textual import events
from textual.widgets import Button, Input

from backends.store import Cause, Unreachable
from tests.support.operating import World, dashboard
from tests.support.registered import MALFORMED, instance
from tests.tui.unregistering import KEY, WORKER, dialog, there, world_of_stale, world_of_two


@pytest.mark.parametrize("typed", ["a7\r", "A7\r", " a7 \r"])
async def test_the_id_of_a_worker_that_may_live_is_typed_to_drain_it(typed: str) -> None:
    world = world_of_two()
    others = world.keys() - {KEY}
    async with dashboard(world) as operator:
        await operator.unregister()
        await operator.until_shown("Drain 1 instance?", "Type a7 to drain", KEY.decode())
        await operator.until_shown("The worker keeps 2 model cards.", "no worker serves it then.")
        await operator.type(typed)
        await operator.until(lambda: there(operator) == ["b2"])
        assert world.keys() == others
        assert operator.told() == ["Drained 1 instance. u puts it back."]


async def test_no_letter_says_yes_or_no_where_an_id_is_typed() -> None:
    world = world_of_two()
    before = world.entries()
    async with dashboard(world) as operator:
        await operator.unregister()
        await operator.type("Ynqkj/?fc")
        assert dialog(operator).query_one(Input).value == "Ynqkj/?fc"
        await operator.press("escape")
        await operator.until(lambda: operator.on_main)
        assert world.entries() == before


@pytest.mark.parametrize(
    ("typed", "said"),
    [("", "Nothing was typed."), ("a", "“a” does not match."), ("b2", "“b2” does not")],
)
async def test_enter_on_anything_but_the_id_only_says_that_it_is_not(typed: str, said: str) -> None:
    world = world_of_two()
    before = world.entries()
    async with dashboard(world) as operator:
        await operator.unregister()
        await operator.type(f"{typed}\r")
        await operator.until_shown(said, "Type a7 to drain")
        assert operator.in_dialog
        assert world.entries() == before


async def test_yes_outside_the_input_does_not_drain_either() -> None:
    world = world_of_two()
    before = world.entries()
    async with dashboard(world) as operator:
        await operator.unregister()
        await operator.press("tab", "Y")
        await operator.until_shown("Nothing was typed.")
        assert operator.in_dialog
        assert world.entries() == before


async def test_an_id_can_be_pasted_and_its_button_pressed() -> None:
    world = world_of_two()
    async with dashboard(world) as operator:
        await operator.unregister()
        button = dialog(operator).query_one("#yes", Button)
        assert button.disabled
        driver = operator.app._driver
        assert driver is not None
        driver.send_message(events.Paste("a7\n"))
        await operator.until(lambda: not button.disabled, "the button to press")
        assert world.find(KEY) is not None
        await operator.click_text("Drain (Enter)")
        await operator.until(lambda: world.find(KEY) is None)


async def test_of_several_workers_their_number_is_typed() -> None:
    world = world_of_two()
    async with dashboard(world) as operator:
        await operator.press("asterisk")
        await operator.unregister()
        await operator.until_shown("Drain 2 instances?", "Type drain 2 to drain")
        await operator.type("drain 2\r")
        await operator.until(lambda: there(operator) == [])
        assert operator.told() == ["Drained 2 instances. u puts them back."]


async def test_several_endpoints_of_one_worker_are_named_by_its_id() -> None:
    world = World()
    world.put(instance(WORKER), instance(WORKER, endpoint="clear_kv_blocks"), lease=WORKER)
    async with dashboard(world) as operator:
        await operator.press("asterisk")
        await operator.unregister()
        await operator.until_shown("Type a7 to drain", "All 2 belong to a live worker.")


async def test_of_living_and_stale_it_says_how_many_are_which_and_names_those_that_live() -> None:
    world = World()
    world.put(MALFORMED, instance(WORKER))
    async with dashboard(world) as operator:
        await operator.press("asterisk")
        await operator.unregister()
        await operator.until_shown("1 may be alive (1 unleased), 1 stale (1 malformed)")
        await operator.press("Y")
        await operator.type("\r")
        assert operator.in_dialog
        await operator.press("backspace")
        await operator.type("a7\r")
        await operator.until(lambda: not world.keys())


async def test_what_comes_to_life_while_it_is_asked_has_to_be_named_from_then_on() -> None:
    world = World()
    world.put(instance(WORKER))
    world.keyspace.expire(KEY, world.now - 60)
    async with dashboard(world) as operator:
        await operator.unregister()
        await operator.until_shown("Unregister 1 instance?")
        world.keyspace.expire(KEY, None)
        cluster = operator.dashboard.view.cluster
        await operator.until(lambda: cluster.records[KEY].expired_at is None)
        await operator.press("Y")
        await operator.until_shown("Drain 1 instance?", "Type a7 to drain")
        assert world.find(KEY) is not None
        # And not back again: what it says must not change under a hand that types.
        world.keyspace.expire(KEY, world.now - 60)
        await operator.until(lambda: cluster.records[KEY].expired_at is not None)
        await operator.press("enter")
        assert operator.in_dialog


async def test_what_expires_while_it_is_asked_is_not_said_to_be_kept_alive() -> None:
    world = World(leases=False)
    endpoints = [instance(WORKER), instance(WORKER, endpoint="clear_kv_blocks")]
    world.put(*endpoints)
    async with dashboard(world) as operator:
        await operator.press("asterisk")
        await operator.unregister()
        await operator.until_shown("● live  it is kept alive", "All 2 belong to a live worker.")
        for key, _ in endpoints:
            world.keyspace.expire(key, world.now - 60)
        await operator.until_shown("○ expired  its time to live has expired", "2 stale (2 expired)")
        await operator.until_not_shown("kept alive")
        # What was thought to live still has to be named.
        await operator.until_shown("Type a7 to drain")


@pytest.mark.parametrize("how", ["frozen", "lost"])
async def test_where_what_is_shown_may_not_be_so_any_more_a_yes_is_not_enough(how: str) -> None:
    world = world_of_stale()
    async with dashboard(world) as operator:
        if how == "frozen":
            await operator.press("f")
        else:
            world.keyspace.break_off(Unreachable("this process", Cause.LOST))
            await operator.until_shown("disconnected")
        await operator.unregister()
        await operator.until_shown("this is how it was", "to unregister:")
        await operator.press("Y")
        assert operator.in_dialog


async def test_a_store_that_is_back_is_not_said_to_be_away_and_a_yes_is_still_not_enough() -> None:
    world = world_of_stale()
    async with dashboard(world) as operator:
        world.keyspace.break_off(Unreachable("this process", Cause.LOST))
        await operator.until_shown("disconnected")
        await operator.unregister()
        await operator.until_shown("The store is not connected")
        world.keyspace.mend()
        await operator.until_not_shown("The store is not connected")
        await operator.until_shown("to unregister:")
        world.keyspace.break_off(Unreachable("this process", Cause.LOST))
        await operator.until_shown("The store is not connected")
