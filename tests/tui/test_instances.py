"""The Instances tab: the cursor stays on its row, whatever comes, goes and moves around it."""

from __future__ import annotations

from typing import Any

import pytest
from textual.selection import Selection

from tests.support.operating import Operator, World, dashboard
from tests.support.registered import instance
from tui.widgets.detail_pane import DetailPane


def world_of(*workers: int) -> World:
    world = World(leases=False)
    world.put(*map(instance, workers))
    return world


def key(worker: int) -> bytes:
    return instance(worker)[0]


async def until_ids(operator: Operator, *ids: str) -> None:
    await operator.until(lambda: operator.rows("id") == list(ids), f"the ids {ids}")


async def test_the_selection_stays_on_its_row_while_rows_come_and_go_above_it() -> None:
    world = world_of(0x20, 0x30, 0x40)
    async with dashboard(world) as operator:
        await operator.go_to("id", "30")
        world.put(instance(0x10), instance(0x25), instance(0x50))
        await until_ids(operator, "10", "20", "25", "30", "40", "50")
        assert operator.at("id") == "30"
        for gone in (0x10, 0x20):
            world.keyspace.delete(key(gone))
        await until_ids(operator, "25", "30", "40", "50")
        assert operator.at("id") == "30"
        assert operator.detail()["instance"] == "30, in decimal 48"
        await operator.until_shown("30, in decimal 48")


async def test_the_selection_stays_on_its_row_when_the_order_changes() -> None:
    world = World(leases=False)
    world.put(*(instance(number, address=f"10.0.0.{number}:1") for number in (1, 2, 3)))
    async with dashboard(world) as operator:
        await operator.go_to("id", "2")
        await operator.press("s", "s")
        assert operator.pane.order.column == "host"
        world.put(instance(1, address="10.0.0.9:1"))
        await until_ids(operator, "2", "3", "1")
        assert operator.at("id") == "2"
        await operator.press("S")
        await until_ids(operator, "1", "3", "2")
        assert operator.at("id") == "2"


async def test_the_selected_row_stays_on_its_line_of_the_screen() -> None:
    world = world_of(*range(100, 300))
    async with dashboard(world) as operator:
        await operator.press("G", "k", "k")
        shown = f" {operator.at('id')} "
        line = next(y for y, text in enumerate(operator.lines()) if shown in text)
        world.put(*map(instance, range(1, 30)))
        await operator.until(lambda: len(operator.pane.rows) == 229)
        await operator.until(lambda: shown in operator.lines()[line], "the row on its line")


async def test_where_the_gone_are_hidden_the_next_row_is_selected_and_at_the_end_the_last() -> None:
    world = world_of(1, 2, 3)
    async with dashboard(world) as operator:
        await operator.press("x")
        await operator.go_to("id", "2")
        world.keyspace.delete(key(2))
        await until_ids(operator, "1", "3")
        assert operator.at("id") == "3"
        world.keyspace.delete(key(3))
        await until_ids(operator, "1")
        assert operator.at("id") == "1"
        world.keyspace.delete(key(1))
        await until_ids(operator)
        assert operator.pane.row is None
        await operator.press("d", "o", "y", "i", "Y", "j", "k", "g", "G", "enter")
        assert operator.on_main
        world.put(instance(7))
        await operator.until(lambda: operator.at("id") == "7")


def odd_world() -> World:
    world = World(leases=False)
    world.put(instance(0xB, "beta", address="10.0.0.3:1"))
    world.now += 100
    world.put(instance(0x1A, "alpha", address="10.0.0.2:1"), lease=0x1A)
    world.put((instance(0x9, "gamma")[0], b"{"))
    return world


ASCENDING = {
    "name": ["1a", "b", "9"],
    "id": ["9", "b", "1a"],
}


async def test_every_column_sorts_both_ways_by_key() -> None:
    async with dashboard(odd_world()) as operator:
        for _ in operator.pane.table.columns:
            await operator.press("s")
            column = operator.pane.order.column
            ids = operator.rows("id")
            await operator.press("S")
            assert operator.rows("id") == ids[::-1]
            title = operator.pane.sort_column.title
            assert f"{title}▼" in operator.text()
            await operator.press("S")
            assert operator.rows("id") == ids
            assert f"{title}▲" in operator.text()
            if column in ASCENDING:
                assert ids == ASCENDING[column]


async def test_a_click_on_a_title_sorts_by_it_and_another_turns_it_round() -> None:
    async with dashboard(odd_world()) as operator:
        await operator.click_text("INSTANCE")
        await until_ids(operator, *ASCENDING["id"])
        await operator.click_text("INSTANCE▲")
        await until_ids(operator, *ASCENDING["id"][::-1])
        await operator.click_text("ENDPOINT")
        await until_ids(operator, *ASCENDING["name"])


@pytest.mark.parametrize("presses", range(5))
async def test_rows_come_change_and_go_under_every_order(presses: int) -> None:
    world = world_of(*range(1, 12))
    async with dashboard(world) as operator:
        await operator.press(*["s"] * presses)
        await operator.go_to("id", "5")
        world.now += 5
        world.put(instance(20), instance(3, address="10.9.9.9:1"))
        world.keyspace.delete(key(7))
        await operator.until(lambda: "14" in operator.rows("id") and "7" not in operator.rows("id"))
        # Gone and there again between two looks.
        world.keyspace.delete(key(2))
        world.put(instance(2), instance(21))
        await operator.until(lambda: "15" in operator.rows("id"))
        sort = operator.pane.sort_column.sort_value
        rows = list(operator.pane.rows)
        assert rows == sorted(rows, key=lambda row: (sort(row), row.key))
        assert operator.at("id") == "5"


async def test_a_click_selects_a_row_and_a_double_click_opens_its_detail_in_full() -> None:
    async with dashboard(world_of(1, 2, 3), size=(160, 30)) as operator:
        await operator.click_text("10.0.0.2:9000")
        assert operator.at("id") == "2"
        await operator.click_text("10.0.0.3:9000", times=2)
        await operator.until(lambda: not operator.on_main)
        await operator.until_shown("v1/instances/prod/backend/generate/3", '"instance_id": 3')
        await operator.press("escape")
        assert operator.on_main


async def test_the_detail_follows_the_selected_record_and_its_lease() -> None:
    world = World(leases=False)
    world.put(instance(1), lease=1)
    async with dashboard(world) as operator:
        await operator.until(lambda: operator.detail()["lease"] == "1  60 of 60 s left")
        world.put(instance(1, address="10.9.9.9:1"), lease=1)
        await operator.until(lambda: operator.detail()["transport"] == "tcp 10.9.9.9:1")
        assert operator.detail()["revision"] == "2"
        world.now += 20
        await operator.until(lambda: operator.detail()["lease"] == "1  40 of 60 s left")
        await operator.until_shown("1  40 of 60 s left")


async def test_the_detail_follows_without_laying_out_the_whole_screen_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(leases=False)
    world.put(instance(1), instance(2, address="10.0.0.2:9000/" + "path/" * 60))
    async with dashboard(world) as operator:
        await operator.until_shown("for more than 0s")
        layouts = []
        compositor = operator.app.screen._compositor
        reflow = compositor.reflow

        def counted(*args: Any, **named: Any) -> Any:
            layouts.append(args)
            return reflow(*args, **named)

        monkeypatch.setattr(compositor, "reflow", counted)
        world.now += 7
        await operator.until_shown("for more than 7s")
        await operator.press("down")
        await operator.until_shown("● live  instance", "worker     2")
        await operator.press("up")
        await operator.until_shown("in decimal 1")
        assert not layouts


async def test_all_of_the_detail_can_be_reached_and_copied_with_the_mouse() -> None:
    world = World(leases=False)
    world.put(instance(1, address="10.0.0.1:9000/" + "path/" * 60))
    async with dashboard(world, size=(80, 24)) as operator:
        detail = operator.main.query_one(DetailPane)
        detail.focus()
        await operator.press("G")
        await operator.until(lambda: operator.lines()[-2].startswith(" } "))
        await operator.press("g")
        await operator.until_shown("● live  instance")
        copied = detail.get_selection(Selection(None, None))
        assert copied is not None
        assert "key" in copied[0]
        assert copied[0].endswith("}")
