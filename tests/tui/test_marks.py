"""Marks: which rows an act is about, in every tab; never one that cannot be seen."""

from __future__ import annotations

import pytest

from tests.support.operating import Operator, World, dashboard
from tests.support.registered import KeyAndValue, card, channel, instance, source
from tui.dialogs.unregister import UnregisterDialog
from tui.widgets.table.list_table import MARK


def world_of(*workers: int) -> World:
    """An instance and a channel of each worker, on a lease of its own, and a model for each."""
    world = World()
    for worker in workers:
        contents = [instance(worker), card(worker, f"acme/m{worker:x}"), channel(0x100 + worker)]
        world.put(*contents, lease=worker)
    return world


def marked(operator: Operator, column: str = "id") -> list[str]:
    """What the marked rows say, in the order of the table."""
    pane = operator.pane
    of = next(one for one in pane.table.columns if one.id == column)
    return [of.cell_of(row).text for row in pane.rows if row.key in pane.table.marked]


def asked_about(operator: Operator) -> set[bytes]:
    """The keys that the open dialog is about."""
    assert isinstance(operator.app.screen, UnregisterDialog)
    return {record.key for record in operator.app.screen.targets.records}


def keys_of(*contents: KeyAndValue) -> set[bytes]:
    return {key for key, _ in contents}


async def test_space_marks_and_goes_on_and_again_takes_the_mark_away() -> None:
    async with dashboard(world_of(1, 2, 3)) as operator:
        await operator.press("space")
        assert (marked(operator), operator.at("id")) == (["1"], "2")
        await operator.press("space")
        assert (marked(operator), operator.at("id")) == (["1", "2"], "3")
        await operator.press("g", "space")
        assert marked(operator) == ["2"]


async def test_a_mark_is_a_sign_left_of_the_row_and_the_header_counts_them() -> None:
    async with dashboard(world_of(1, 2, 3)) as operator:
        assert MARK not in operator.text()
        await operator.press("j", "space")
        await operator.until(lambda: "▪ 1 marked" in operator.header())
        (line,) = [one for one in operator.lines()[1:] if MARK in one]
        assert " 10.0.0.2 " in line
        await operator.press("asterisk")
        await operator.until(lambda: "▪ 3 marked" in operator.header())
        await operator.press("asterisk")
        await operator.until(lambda: "marked" not in operator.header())
        assert MARK not in operator.text()


async def test_v_marks_from_the_row_that_was_marked_last_to_the_cursor_both_ways() -> None:
    async with dashboard(world_of(*range(1, 8))) as operator:
        await operator.press("j", "space", "j", "j", "v")
        assert marked(operator) == ["2", "3", "4", "5"]
        await operator.press("asterisk", "asterisk")
        await operator.press("G", "k", "space", "g", "j", "j", "j", "v")
        assert marked(operator) == ["4", "5", "6"]


async def test_v_without_a_mark_before_marks_the_row_of_the_cursor() -> None:
    async with dashboard(world_of(1, 2, 3)) as operator:
        await operator.press("j", "v")
        assert marked(operator) == ["2"]


async def test_asterisk_marks_all_that_the_filter_shows_and_again_none() -> None:
    async with dashboard(world_of(1, 2, 3, 0x11, 0x12)) as operator:
        await operator.press("slash", *"10.0.0.1", "enter")
        await operator.until(lambda: operator.rows("id") == ["1", "11", "12"])
        await operator.press("asterisk")
        assert marked(operator) == ["1", "11", "12"]
        await operator.press("escape")
        await operator.until(lambda: len(operator.rows("id")) == 5)
        assert marked(operator) == ["1", "11", "12"]
        await operator.press("asterisk")
        assert len(marked(operator)) == 5
        await operator.press("asterisk")
        assert marked(operator) == []


async def test_a_mark_is_taken_from_a_row_that_a_filter_hides_and_does_not_come_back() -> None:
    async with dashboard(world_of(1, 2)) as operator:
        await operator.press("asterisk", "slash", *"10.0.0.2", "enter")
        await operator.until(lambda: operator.rows("id") == ["2"])
        await operator.until(lambda: "▪ 1 marked" in operator.header())
        await operator.press("d")
        await operator.until(lambda: operator.in_dialog)
        assert asked_about(operator) == keys_of(instance(2))
        await operator.press("escape", "escape")
        await operator.until(lambda: operator.rows("id") == ["1", "2"])
        assert marked(operator) == ["2"]


async def test_a_mark_is_taken_from_a_row_outside_the_selected_place() -> None:
    world = world_of(1)
    world.put(instance(2, component="router"), lease=2)
    async with dashboard(world) as operator:
        await operator.press("asterisk")
        assert marked(operator) == ["1", "2"]
        await operator.select("prod", "router")
        assert marked(operator) == ["2"]
        await operator.until(lambda: "▪ 1 marked" in operator.header())


async def test_what_went_is_not_acted_on_though_it_was_marked() -> None:
    world = world_of(1, 2)
    async with dashboard(world) as operator:
        await operator.press("asterisk")
        world.keyspace.end_lease(1)
        await operator.until(lambda: operator.gone("id") == ["1"])
        await operator.press("d")
        await operator.until(lambda: operator.in_dialog)
        assert asked_about(operator) == keys_of(instance(2))
        await operator.press("escape")


async def test_a_mark_is_taken_from_what_is_gone_and_hidden() -> None:
    world = world_of(1, 2)
    async with dashboard(world) as operator:
        await operator.press("x", "asterisk")
        world.keyspace.end_lease(1)
        await operator.until(lambda: marked(operator) == ["2"])
        await operator.until(lambda: "▪ 1 marked" in operator.header())


async def test_a_mark_on_a_child_goes_when_its_model_is_closed() -> None:
    world = World()
    world.put(card(1), card(2), lease=1)
    async with dashboard(world) as operator:
        await operator.press("2", "l", "j", "space", "space")
        assert len(operator.pane.table.marked) == 2
        await operator.press("g", "h")
        assert operator.pane.table.marked == frozenset()
        await operator.until(lambda: "marked" not in operator.header())


@pytest.mark.parametrize(
    ("tab", "expected"),
    [
        ("1", [instance(1), instance(3)]),
        ("2", [instance(1), instance(3)]),
        ("3", [instance(1), instance(3)]),
        ("4", [channel(0x101), channel(0x103)]),
    ],
    ids=["instances", "models", "workers", "channels"],
)
async def test_d_asks_about_exactly_what_the_marked_rows_stand_for(
    tab: str, expected: list[KeyAndValue]
) -> None:
    world = world_of(1, 2, 3)
    before = world.entries()
    async with dashboard(world) as operator:
        await operator.press(tab)
        await operator.until(lambda: len(operator.rows("state")) == 3)
        # The cursor's own row is not marked, and not meant.
        await operator.press("g", "space", "j", "space", "k", "k")
        await operator.unregister()
        assert asked_about(operator) == keys_of(*expected)
        await operator.press("escape")
        assert world.entries() == before


async def test_marked_rows_of_one_worker_are_asked_about_once_and_all_removed() -> None:
    world = world_of(1, 2, 3)
    async with dashboard(world) as operator:
        await operator.press("space", "space")
        await operator.unregister()
        await operator.until_shown("Drain 2 instances?")
        await operator.type("drain 2\r")
        await operator.until(lambda: world.find(instance(1)[0]) is None)
        assert world.find(instance(2)[0]) is None
        assert world.find(instance(3)[0]) is not None


async def test_marks_belong_to_their_tab() -> None:
    async with dashboard(world_of(1, 2, 3)) as operator:
        await operator.press("space", "space")
        await operator.press("4")
        assert operator.tab() == "channels"
        await operator.until(lambda: "marked" not in operator.header())
        assert marked(operator, "worker") == []
        await operator.press("space")
        await operator.until(lambda: "▪ 1 marked" in operator.header())
        await operator.press("1")
        await operator.until(lambda: "▪ 2 marked" in operator.header())
        assert marked(operator) == ["1", "2"]


async def test_a_marked_source_is_not_its_channel() -> None:
    world = World()
    world.put(channel(0x11), source(0x11, 1), lease=1)
    async with dashboard(world) as operator:
        await operator.press("4", "j", "space")
        await operator.unregister()
        assert asked_about(operator) == keys_of(source(0x11, 1))


async def test_marks_stay_on_their_rows_while_others_come_go_and_change_places() -> None:
    world = world_of(2, 3, 4)
    async with dashboard(world) as operator:
        await operator.press("j", "space", "g")
        world.put(instance(1), lease=1)
        world.keyspace.end_lease(4)
        await operator.until(lambda: operator.rows("id") == ["1", "2", "3"])
        assert marked(operator) == ["3"]
        await operator.press("s", "S", "s", "S")
        assert marked(operator) == ["3"]


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 40)])
async def test_a_click_meets_the_title_and_the_row_that_it_points_at(
    size: tuple[int, int],
) -> None:
    async with dashboard(world_of(1, 2, 3), size=size) as operator:
        await operator.press("1")
        for column, width in operator.pane.table.laid_out():
            before = operator.pane.order
            region = operator.pane.table.region
            line = operator.lines()[region.y][region.x : region.right]
            first = line.index(column.title)
            # Both ends of a title are its own; a column aligned to the right has room before it.
            for at in (first, first + len(column.title) - 1):
                await operator.click(region.x + at, region.y)
                assert operator.pane.order.column == column.id
                assert operator.pane.order != before
                before = operator.pane.order
            assert width >= len(column.title)
        await operator.press("asterisk")
        shown = operator.rows("id")
        for number, one in enumerate(shown):
            await operator.click(
                operator.pane.table.region.x, operator.pane.table.region.y + 1 + number
            )
            assert operator.at("id") == one
