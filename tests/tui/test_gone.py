"""What went stays for a while, dimmed, with its reason; it is counted nowhere and cannot be acted
on.
"""

from __future__ import annotations

import pytest

from backends.discovery.tombstones import KEPT_SECONDS
from tests.support.operating import LOST, Operator, World, dashboard
from tests.support.registered import card, channel, instance, source
from tui.text.reasons import AFTER_GAP

LEASE = "lease "
"""How the reason of what went with its lease begins; whether that was read before is chance."""


def register(world: World, worker: int, port: int = 9000, host: str = "") -> None:
    """An instance on a host, its model's card, and a channel, all on one lease."""
    address = f"{host or f'10.0.0.{worker}'}:{port}"
    world.put(
        instance(worker, address=address), card(worker), channel(0x100 + worker), lease=worker
    )


def world_of(*workers: int) -> World:
    world = World()
    for worker in workers:
        register(world, worker)
    return world


async def until_gone(operator: Operator, *ids: str) -> None:
    await operator.until(lambda: operator.gone("id") == list(ids), f"gone: {ids}")


async def select_gone(operator: Operator, instance_id: str) -> None:
    """Put the cursor on the row of what is gone."""
    for _ in range(len(operator.pane.rows)):
        if operator.at("id") == instance_id and operator.at("state") == "† gone":
            return
        await operator.press("j")
    raise AssertionError(f"no such row: {instance_id}\n{operator.text()}")


async def test_what_went_stays_in_its_place_with_its_sign_and_since_when() -> None:
    world = world_of(1, 2, 3)
    async with dashboard(world) as operator:
        world.keyspace.end_lease(2)
        await until_gone(operator, "2")
        assert [row.id.instance_id for row in operator.pane.rows] == [1, 2, 3]
        assert operator.gone("state") == ["† gone"]
        assert operator.gone("seen") == ["†0s"]
        world.now += 130
        await operator.until_shown("† gone", "†2m")
        assert operator.rows("state")[0] != "† gone"


async def test_it_is_counted_in_no_tab_tree_or_header() -> None:
    world = world_of(1, 2)
    async with dashboard(world, size=(130, 30)) as operator:
        world.keyspace.end_lease(2)
        await until_gone(operator, "2")
        assert operator.tabs()[1:5] == ["Instances 1", "Models 1", "Workers 1", "Event channels 1"]
        assert operator.branches()[0] == "all namespaces 1"
        assert "1 instance  1 worker  1 model  1 channel" in operator.header()
        world.keyspace.end_lease(1)
        await until_gone(operator, "1", "2")
        assert operator.tabs()[1:5] == ["Instances 0", "Models 0", "Workers 0", "Event channels 0"]
        assert operator.branches() == ["all namespaces 0"]
        assert "0 instances  0 workers  0 models  0 channels" in operator.header()


async def test_it_is_in_every_tab_that_had_it() -> None:
    world = world_of(1, 2)
    world.put(source(0x102, 2), lease=2)
    async with dashboard(world) as operator:
        world.keyspace.end_lease(2)
        await until_gone(operator, "2")
        await operator.press("2", "l")
        # The model itself still has a card.
        await operator.until(lambda: operator.gone("state") == ["† gone"])
        assert operator.rows("workers")[0] == "1"
        await operator.press("3")
        await until_gone(operator, "2")
        await operator.press("4")
        await operator.until(lambda: operator.gone("topic") == ["kv-events", "kv-events (source)"])


@pytest.mark.parametrize("how", ["lease", "deleted", "by this dyntop", "gap"])
async def test_the_detail_says_when_and_why_it_went(how: str) -> None:
    world = world_of(1, 2)
    async with dashboard(world) as operator:
        if how == "lease":
            world.keyspace.end_lease(2)
            why = LEASE
        elif how == "deleted":
            world.keyspace.delete(instance(2)[0])
            why = "drained or deleted"
        elif how == "gap":
            world.keyspace.break_off(LOST)
            await operator.until_shown("disconnected")
            world.keyspace.end_lease(2)
            world.keyspace.mend()
            why = AFTER_GAP + LEASE
        else:
            await operator.go_to("id", "2")
            await operator.drain("2")
            why = "drained by this dyntop"
        await until_gone(operator, "2")
        await operator.press("g")
        await select_gone(operator, "2")
        await operator.until(lambda: f"  {why}" in operator.detail().get("gone", ""))
        assert operator.detail()["state"].startswith("gone: no longer registered")
        await operator.until_shown("† gone  instance prod/backend/generate", why)


async def test_x_hides_and_shows_it_in_every_tab() -> None:
    world = world_of(1, 2)
    async with dashboard(world) as operator:
        world.keyspace.end_lease(2)
        await until_gone(operator, "2")
        await operator.press("x")
        await until_gone(operator)
        await operator.until(lambda: operator.told()[-1:] == ["Hides 3 tombstones."])
        for tab in "234":
            await operator.press(tab)
            assert operator.gone("state") == []
        await operator.press("x", "1")
        await until_gone(operator, "2")
        assert operator.told()[-1] == "Shows 3 tombstones."


async def test_what_goes_while_the_gone_are_hidden_is_there_when_they_are_shown() -> None:
    world = world_of(1, 2)
    async with dashboard(world) as operator:
        await operator.press("x")
        world.keyspace.end_lease(2)
        await operator.until(lambda: operator.rows("id") == ["1"])
        assert operator.gone("id") == []
        await operator.press("x")
        await until_gone(operator, "2")


async def test_it_leaves_after_ten_minutes() -> None:
    world = world_of(1, 2)
    async with dashboard(world) as operator:
        world.keyspace.end_lease(2)
        await until_gone(operator, "2")
        world.now += KEPT_SECONDS - 1
        await operator.until_shown("†9m")
        world.now += 1
        await until_gone(operator)
        assert operator.rows("id") == ["1"]
        await operator.press("3")
        assert operator.gone("id") == []


async def test_it_leaves_after_ten_minutes_also_while_nothing_is_heard() -> None:
    world = world_of(1, 2)
    async with dashboard(world) as operator:
        world.keyspace.end_lease(2)
        await until_gone(operator, "2")
        world.keyspace.break_off(LOST)
        await operator.until_shown("disconnected")
        world.now += KEPT_SECONDS
        await until_gone(operator)


async def test_a_key_that_comes_back_is_a_live_row_again() -> None:
    world = world_of(1, 2)
    async with dashboard(world) as operator:
        await operator.until(lambda: operator.rows("state") == ["● live", "● live"])
        world.keyspace.end_lease(2)
        await until_gone(operator, "2")
        register(world, 2)
        await operator.until(lambda: operator.rows("state") == ["● live", "● live"])
        assert operator.gone("id") == []
        await operator.go_to("id", "2")
        assert "gone" not in operator.detail()
        assert operator.branches()[0] == "all namespaces 2"


async def test_a_filter_finds_what_is_gone_and_only_what_is_not_live_leaves_it_out() -> None:
    world = world_of(1, 2, 3)
    async with dashboard(world) as operator:
        for worker in (2, 3):
            world.keyspace.end_lease(worker)
        await until_gone(operator, "2", "3")
        await operator.press("slash", *"10.0.0.2", "enter")
        await until_gone(operator, "2")
        assert operator.rows("id") == []
        await operator.press("escape", "exclamation_mark")
        await until_gone(operator)
        await operator.until_shown("No findings here")


async def test_the_selected_place_has_what_went_from_it() -> None:
    world = world_of(1)
    world.put(instance(2, component="router"), instance(3, component="router"), lease=2)
    async with dashboard(world) as operator:
        world.keyspace.delete(instance(3, component="router")[0])
        world.keyspace.end_lease(1)
        await until_gone(operator, "1", "3")
        await operator.select("prod", "router")
        await until_gone(operator, "3")


async def test_restarts_are_told_where_they_happen() -> None:
    world = World()
    register(world, 1, host="node-a")
    register(world, 9, host="node-b")
    async with dashboard(world, size=(130, 30)) as operator:
        for before, after in ((1, 2), (2, 3)):
            world.keyspace.end_lease(before)
            await operator.until(lambda before=before: f"{before}" in operator.gone("id"))  # type: ignore[misc]
            register(world, after, port=9000 + after, host="node-a")
            await operator.until(lambda after=after: f"{after}" in operator.rows("id"))  # type: ignore[misc]
        await operator.until(lambda: operator.rows("host") == ["↻2 node-a", "node-b"])
        await operator.go_to("id", "3")
        await operator.until(lambda: operator.detail()["restarts"] == "2 restarts in 10 min")
        await operator.go_to("id", "9")
        assert "restarts" not in operator.detail()
        await operator.press("g")
        await select_gone(operator, "2")
        await operator.until(lambda: operator.detail()["gone"].endswith("replaced by 3"))
        world.now += KEPT_SECONDS
        await operator.until(lambda: operator.rows("transport")[0] == "tcp node-a:9003")


async def test_acting_on_what_is_gone_removes_nothing_and_says_so() -> None:
    world = world_of(1, 2)
    async with dashboard(world) as operator:
        world.keyspace.end_lease(2)
        await until_gone(operator, "2")
        before = world.entries()
        await select_gone(operator, "2")
        for key in ("d", "p", "o"):
            await operator.press(key)
            await operator.until(
                lambda: operator.told()[-1:] == ["This row is gone: there is nothing to act on."]
            )
            assert operator.on_main
        assert world.entries() == before
        # Its key may be wanted just because it went.
        await operator.press("y")
        assert operator.app.clipboard == instance(2)[0].decode()
        await operator.press("enter")
        await operator.until(lambda: not operator.on_main)
        await operator.until_shown("† gone  instance", "gone       ", LEASE)


async def test_frozen_what_went_stays_as_it_was_until_the_view_goes_on() -> None:
    world = world_of(1, 2)
    async with dashboard(world) as operator:
        await operator.until(lambda: operator.rows("state") == ["● live", "● live"])
        await operator.press("f")
        await operator.until_shown("frozen")
        world.keyspace.end_lease(2)
        await operator.until_shown("3 changes waiting")
        assert operator.rows("id") == ["1", "2"]
        await operator.press("f")
        await until_gone(operator, "2")
