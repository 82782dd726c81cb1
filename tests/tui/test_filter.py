"""The filter: live, over every name, id and address, and what is typed into it is only text."""

from __future__ import annotations

from tests.support.operating import Operator, World, dashboard
from tests.support.registered import card, instance
from tui.state.narrowing import STEP
from tui.widgets.filter_bar import FilterBar


def world_of_three() -> World:
    world = World(leases=False)
    world.put(instance(0xABC1, address="10.1.1.1:9000"), card(0xABC1, "acme/tiny"))
    world.put(instance(0xABC2, component="frontend"), instance(0xDEF3, namespace="staging"))
    return world


async def typed(operator: Operator, text: str) -> None:
    await operator.press("slash")
    await operator.type(text)


async def test_it_is_live_over_names_ids_and_addresses() -> None:
    async with dashboard(world_of_three()) as operator:
        for text, ids in (
            ("front", ["abc2"]),
            ("def", ["def3"]),
            ("10.1.1.1", ["abc1"]),
            ("PROD Backend", ["abc1"]),
            ("staging front", []),
        ):
            await typed(operator, text)
            await operator.until(lambda ids=ids: operator.rows("id") == ids, text)  # type: ignore[misc]
            await operator.press("escape")
            await operator.until(lambda: len(operator.pane.rows) == 3)


async def test_what_is_typed_is_seen_while_it_is_typed() -> None:
    async with dashboard(world_of_three()) as operator:
        await typed(operator, "staging front")
        await operator.until_shown(" filter  staging front")


async def test_among_many_records_what_is_typed_is_seen_before_it_is_looked_for() -> None:
    world = World(leases=False)
    world.put(*(instance(0x100000 + n, component=f"part-{n % 7}") for n in range(3 * STEP)))
    async with dashboard(world, draws=True) as operator:
        await operator.press("slash")
        view = operator.dashboard.view
        operator.app.screen.on_filter_bar_changed(FilterBar.Changed("part-3"))  # type: ignore[attr-defined]
        assert (view.filter, len(operator.pane.rows)) == ("", 3 * STEP)
        await operator.until(lambda: view.filter == "part-3")
        assert {place.split("/")[1] for place in operator.rows("name")} == {"part-3"}
        operator.filter.value = "part-4"
        await operator.press("enter")
        # What the next key acts on is what was asked for.
        assert view.filter == "part-4"
        assert {place.split("/")[1] for place in operator.rows("name")} == {"part-4"}


async def test_each_character_narrows_and_each_backspace_widens() -> None:
    async with dashboard(world_of_three()) as operator:
        await typed(operator, "ab")
        assert operator.rows("id") == ["abc1", "abc2"]
        await operator.type("c2")
        assert operator.rows("id") == ["abc2"]
        await operator.press("backspace")
        assert operator.rows("id") == ["abc1", "abc2"]


async def test_the_tree_shows_matches_and_what_is_above_them() -> None:
    async with dashboard(world_of_three()) as operator:
        await typed(operator, "def3")
        await operator.until(
            lambda: (
                [line.split()[0] for line in operator.branches()]
                == ["matches", "staging", "backend", "generate"]
            )
        )
        assert operator.branches()[0] == "matches 1"
        assert "3 instances" in operator.header()
        await operator.press("escape")
        await operator.until(lambda: operator.branches()[0] == "all namespaces 3")
        assert "  prod 2" in operator.branches()
        assert not any("generate" in line for line in operator.branches())


async def test_it_holds_for_every_tab_and_for_what_comes_later() -> None:
    world = world_of_three()
    async with dashboard(world) as operator:
        await typed(operator, "acme")
        await operator.press("enter")
        assert operator.pane.table.has_focus
        assert operator.tabs()[1:3] == ["Instances 0", "Models 1"]
        world.put(card(0xDEF3, "acme/later", namespace="staging"), card(0xDEF3, "other/one"))
        await operator.until(lambda: operator.tabs()[2] == "Models 2")
        world.put(instance(9, component="acme"))
        await operator.until(lambda: operator.rows("id") == ["9"])


async def test_a_slash_typed_into_it_is_a_character() -> None:
    async with dashboard(world_of_three()) as operator:
        await typed(operator, "prod/front")
        assert operator.filter.value == "prod/front"
        await operator.until(lambda: operator.rows("id") == ["abc2"])


async def test_keys_typed_in_one_go_behind_the_slash_are_never_commands() -> None:
    world = world_of_three()
    async with dashboard(world) as operator:
        await operator.type("/dfqsotb123/8?yiY")
        await operator.until(lambda: operator.filter.value == "dfqsotb123/8?yiY")
        assert operator.on_main
        assert operator.app.is_running
        assert not operator.dashboard.view.frozen
        assert operator.tab() == "instances"
        assert len(world.keys()) == 4


async def test_what_does_not_match_says_so_and_esc_clears_it() -> None:
    async with dashboard(world_of_three()) as operator:
        await typed(operator, "nowhere")
        await operator.until_shown("Nothing here matches “nowhere”")
        await operator.press("escape")
        await operator.until(lambda: len(operator.pane.rows) == 3)
        assert not operator.filter.has_focus
        await typed(operator, "x")
        assert operator.filter.value == "x"


async def test_the_selection_survives_a_filter_that_it_matches() -> None:
    async with dashboard(world_of_three()) as operator:
        await operator.go_to("id", "def3")
        await typed(operator, "f3")
        assert operator.at("id") == "def3"
        await operator.press("escape")
        await operator.until(lambda: len(operator.pane.rows) == 3)
        assert operator.at("id") == "def3"
