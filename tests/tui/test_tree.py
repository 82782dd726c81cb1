"""The tree: every place with how many workers it has, as of now."""

from __future__ import annotations

import pytest

from backends.discovery.record_index import Scope
from tests.support import registered
from tests.support.operating import Operator, World, dashboard
from tests.support.registered import KeyAndValue, instance


def small_world() -> World:
    world = World(leases=False)
    world.put(instance(1), instance(2), instance(1, endpoint="clear"))
    world.put(instance(3, component="frontend"), instance(4, namespace="staging"))
    return world


OPEN_AT_START = [
    "all namespaces 4",
    "  prod 3",
    "    backend 2",
    "    frontend 1",
    "  staging 1",
    "    backend 1",
]


async def test_at_the_start_everything_is_selected_and_open_down_to_components() -> None:
    async with dashboard(small_world()) as operator:
        assert operator.branches() == OPEN_AT_START
        assert operator.node() == ()
        assert len(operator.pane.rows) == 5


async def test_counts_are_exact_with_commas_for_thousands() -> None:
    world = World(leases=False)
    world.put(*(instance(number) for number in range(1, 1235)))
    async with dashboard(world, size=(130, 30)) as operator:
        assert operator.branches()[0] == "all namespaces 1,234"
        assert "1,234 instances" in operator.header()
        assert operator.tabs()[1] == "Instances 1,234"
        world.put(instance(5000, namespace="staging"))
        await operator.until_shown("1,235 instances", "prod 1,234", "staging 1")


async def test_places_come_in_order_and_counts_follow() -> None:
    world = small_world()
    async with dashboard(world) as operator:
        world.put(instance(9, namespace="alpha"), instance(9))
        await operator.until(
            lambda: (
                operator.branches()
                == [
                    "all namespaces 5",
                    "  alpha 1",
                    "    backend 1",
                    "  prod 4",
                    "    backend 3",
                    *OPEN_AT_START[3:],
                ]
            )
        )


async def test_a_place_goes_when_the_last_thing_in_it_goes() -> None:
    world = small_world()
    async with dashboard(world) as operator:
        world.keyspace.delete(instance(4, namespace="staging")[0])
        await operator.until(
            lambda: operator.branches() == ["all namespaces 3", *OPEN_AT_START[1:4]]
        )


@pytest.mark.parametrize(
    ("kept", "left_at"),
    [
        ((), ()),
        ((instance(9, namespace="test"),), ()),
        ((instance(9, namespace="staging", component="other"),), ("staging",)),
    ],
)
async def test_when_the_selected_place_goes_what_is_left_above_it_is_selected(
    kept: tuple[KeyAndValue, ...], left_at: Scope
) -> None:
    world = small_world()
    world.put(*kept)
    async with dashboard(world) as operator:
        await operator.select("staging", "backend", "generate")
        assert operator.node() == ("staging", "backend", "generate")
        assert operator.rows("id") == ["4"]
        world.keyspace.delete(instance(4, namespace="staging")[0])
        await operator.until(lambda: operator.dashboard.scope == left_at, f"{left_at} selected")
        assert operator.node() == left_at
        assert len(operator.rows("id")) == (1 if left_at else 4 + len(kept))


async def test_the_tree_opens_and_closes_with_vim_and_arrow_keys() -> None:
    async with dashboard(small_world()) as operator:
        operator.tree.focus()
        await operator.press("j", "j")
        assert operator.node() == ("prod", "backend")
        for opening, closing in (("l", "h"), ("right", "left")):
            await operator.press(opening)
            await operator.until(lambda: "      generate 2" in operator.branches())
            assert "      clear 1" in operator.branches()
            await operator.press(closing)
            await operator.until(lambda: operator.branches() == OPEN_AT_START)
        await operator.press("h")
        assert operator.node() == ("prod",)
        await operator.press("h")
        await operator.until(lambda: "    backend 3" not in operator.branches())
        assert operator.node() == ("prod",)


async def test_what_is_closed_stays_closed_and_what_is_open_stays_open() -> None:
    world = small_world()
    async with dashboard(world) as operator:
        operator.tree.focus()
        await operator.press("j", "h", "j", "j", "l")
        await operator.until(lambda: "      generate 1" in operator.branches())
        world.put(instance(8), instance(8, namespace="staging"))
        await operator.until(
            lambda: (
                operator.branches()
                == [
                    "all namespaces 5",
                    "  prod 4",
                    "  staging 2",
                    "    backend 2",
                    "      generate 2",
                ]
            )
        )


async def test_selecting_a_place_restricts_every_tab() -> None:
    world = small_world()
    world.put(registered.card(1), registered.card(4, "acme/other", namespace="staging"))
    world.put(registered.channel(77), registered.source(77, 1))
    async with dashboard(world) as operator:
        assert tabs(operator) == ["Instances 5", "Models 2", "Channels 1"]
        await moved_to(operator, "prod", keys=["j"])
        assert tabs(operator) == ["Instances 4", "Models 1", "Channels 1"]
        await moved_to(operator, "prod", "backend", keys=["j"])
        assert tabs(operator) == ["Instances 3", "Models 1", "Channels 1"]
        await moved_to(operator, "prod", "frontend", keys=["j"])
        assert tabs(operator) == ["Instances 1", "Models 0", "Channels 0"]
        assert operator.rows("id") == ["3"]
        await operator.press("2")
        await operator.until_shown("None here")


def tabs(operator: Operator) -> list[str]:
    """The labels of the tabs that count records."""
    found = operator.tabs()
    return [found[1], found[2], found[4]]


async def moved_to(operator: Operator, *scope: str, keys: list[str]) -> None:
    wanted: Scope = scope
    operator.tree.focus()
    await operator.press(*keys)
    await operator.until(lambda: operator.dashboard.scope == wanted, f"{scope} selected")


async def test_a_click_selects_a_place() -> None:
    async with dashboard(small_world()) as operator:
        await operator.click_text("staging 1")
        await operator.until(lambda: operator.dashboard.scope == ("staging",))
        await operator.until(lambda: operator.rows("id") == ["4"])


async def test_keys_make_it_wider_and_narrower_as_far_as_the_table_has_room_left() -> None:
    async with dashboard(small_world(), size=(100, 30)) as operator:
        await operator.press(*[">"] * 20)
        await operator.until(lambda: operator.tree.outer_size.width == 40)
        await operator.press(*["<"] * 20)
        await operator.until(lambda: operator.tree.outer_size.width == 12)
        await operator.press("t", ">")
        assert operator.told() == ["The tree is hidden: t shows it."]
