"""Columns are laid out to fit, whatever the width."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.app import App, ComposeResult

from backends.memory import Keyspace, MemoryStore
from tests.support import registered
from tests.support.registered import record
from tests.support.unseen import unseen
from tui.state.columns import GAP, Cell, Column, lay_out
from tui.widgets.panes.channels import ChannelsPane
from tui.widgets.panes.events import EventsPane
from tui.widgets.panes.instances import InstancesPane, OthersPane
from tui.widgets.panes.models import ModelsPane
from tui.widgets.panes.workers import WorkersPane
from tui.widgets.table.list_table import ListTable

widths = st.integers(1, 200)


@st.composite
def columns(draw: st.DrawFn) -> list[Column[Any]]:
    found = []
    for number in range(draw(st.integers(1, 6))):
        width = draw(st.integers(1, 30))
        found.append(
            Column(
                str(number),
                "TITLE",
                width,
                str,
                share=draw(st.integers(0, 3)),
                most=draw(st.just(0) | st.integers(width, 60)),
                drop=draw(st.integers(0, 4)),
            )
        )
    return found


def used(laid_out: list[tuple[Column[Any], int]]) -> int:
    return sum(cells + GAP for _, cells in laid_out) - GAP


def least(kept: list[Column[Any]]) -> int:
    return sum(column.width + GAP for column in kept) - GAP


@given(columns(), widths)
def test_it_fits_into_any_width_that_holds_what_may_not_be_dropped(
    every: list[Column[Any]], width: int
) -> None:
    laid_out = lay_out(every, width)
    needed = least([column for column in every if not column.drop])
    assert used(laid_out) <= max(width, needed)


@given(columns(), widths)
def test_each_column_has_at_least_its_width_and_at_most_its_most(
    every: list[Column[Any]], width: int
) -> None:
    for column, cells in lay_out(every, width):
        assert column.width <= cells
        assert not column.most or cells <= column.most
        assert column.share or cells == column.width


@given(columns(), widths)
def test_columns_keep_their_order_and_go_one_by_one_the_least_needed_first(
    every: list[Column[Any]], width: int
) -> None:
    kept = [column for column, _ in lay_out(every, width)]
    assert kept == [column for column in every if column in kept]
    dropped = [column for column in every if column not in kept]
    assert all(column.drop for column in dropped)
    if dropped:
        assert min(column.drop for column in dropped) >= max(
            column.drop for column in kept or every
        )
        # None was dropped for nothing.
        last = min(reversed(dropped), key=lambda column: column.drop)
        assert least([*kept, last]) > width


@given(columns(), widths)
def test_all_room_is_used_where_a_column_can_grow(every: list[Column[Any]], width: int) -> None:
    laid_out = lay_out(every, width)
    if any(column.share and not column.most for column, _ in laid_out):
        assert used(laid_out) >= width


DASHBOARD = unseen(MemoryStore(Keyspace()), 0.0)
PANES = [InstancesPane, ModelsPane, WorkersPane, ChannelsPane, EventsPane, OthersPane]


@pytest.mark.parametrize("pane", PANES)
@given(width=widths)
def test_the_columns_of_every_tab_can_be_laid_out(pane: Any, width: int) -> None:
    every = pane(DASHBOARD).table.columns
    laid_out = lay_out(every, width)
    assert laid_out
    assert used(laid_out) <= max(width, least([column for column in every if not column.drop]))
    assert not any(column.most and column.most < column.width for column in every)


def test_a_column_is_sorted_by_its_text_unless_it_says_by_what() -> None:
    one = record(registered.instance(0x1A))
    assert Column[Any]("a", "A", 1, lambda row: Cell("Text")).sort_value(one) == "text"
    assert Column[Any]("a", "A", 1, lambda row: "Text").sort_value(one) == "text"
    by_id = Column[Any]("a", "A", 1, lambda row: "Text", sort=lambda row: row.id.instance_id)
    assert by_id.sort_value(one) == 0x1A


@st.composite
def needs(draw: st.DrawFn) -> dict[str, int]:
    return draw(st.dictionaries(st.sampled_from("012345"), st.integers(0, 90)))


@given(columns(), widths, needs())
def test_what_texts_need_changes_neither_which_columns_there_are_nor_the_room_that_all_take(
    every: list[Column[Any]], width: int, needed: dict[str, int]
) -> None:
    before, fitted = lay_out(every, width), lay_out(every, width, needed)
    assert [column for column, _ in fitted] == [column for column, _ in before]
    assert used(before) <= used(fitted) <= max(width, used(before))


@given(columns(), widths, needs())
def test_no_column_gives_what_its_own_texts_need(
    every: list[Column[Any]], width: int, needed: dict[str, int]
) -> None:
    before = {column.id: cells for column, cells in lay_out(every, width)}
    for column, cells in lay_out(every, width, needed):
        assert cells >= min(before[column.id], max(needed.get(column.id, 0), len(column.title) + 1))


@given(columns(), widths, needs())
def test_nothing_is_cut_while_another_column_has_room(
    every: list[Column[Any]], width: int, needed: dict[str, int]
) -> None:
    fitted = lay_out(every, width, needed)
    if all(needed.get(column.id, 0) <= cells for column, cells in fitted):
        return
    assert used(fitted) >= width
    for column, cells in fitted:
        if column.id in needed and cells > column.width:
            assert cells <= max(needed[column.id], len(column.title) + 1)


@given(columns(), widths)
def test_columns_are_as_wide_as_ever_where_nothing_is_cut(
    every: list[Column[Any]], width: int
) -> None:
    before = lay_out(every, width)
    assert lay_out(every, width, {column.id: cells for column, cells in before}) == before


def test_names_come_before_sentences_and_sentences_keep_their_least() -> None:
    every: list[Column[Any]] = [
        Column("state", "STATE", 13, str),
        Column("name", "NAME", 10, str, share=1),
        Column("why", "WHY", 10, str, share=1, prose=True),
    ]
    fitted = lay_out(every, 61, {"state": 6, "name": 8, "why": 80})
    assert [cells for _, cells in fitted] == [13, 8, 36]
    fitted = lay_out(every, 61, {"state": 6, "name": 80, "why": 80})
    assert [cells for _, cells in fitted] == [6, 29, 22]
    fitted = lay_out(every, 61, {"state": 6, "name": 41, "why": 80})
    assert [cells for _, cells in fitted] == [6, 41, 10]
    fitted = lay_out(every, 61, {"state": 6, "name": 30, "why": 80})
    assert [cells for _, cells in fitted] == [6, 30, 21]


class _Row:
    def __init__(self, number: int, name: str, value: str = "") -> None:
        self.key, self.name, self.value = number, name, value


class _TableApp(App[None]):
    def __init__(self, rows: list[_Row]) -> None:
        super().__init__()
        self.shown = rows

    def compose(self) -> ComposeResult:
        columns: list[Column[_Row]] = [
            Column("name", "NAME", 10, lambda row: row.name, share=1),
            Column("value", "VALUE", 10, lambda row: row.value, share=1),
        ]
        yield ListTable(columns)

    @property
    def table(self) -> ListTable[_Row]:
        return self.query_one(ListTable)

    def fill(self, changed: set[Hashable] | None = None) -> None:
        places: dict[Hashable, int] = {row.key: place for place, row in enumerate(self.shown)}
        self.table.show(self.shown, places.get, changed)

    def line(self, number: int) -> str:
        return self.table.render_line(number).text.rstrip()

    def edge(self) -> int:
        return self.line(0).index("VALUE")


async def test_a_long_name_takes_the_room_that_the_column_beside_it_does_not_need() -> None:
    app = _TableApp([_Row(1, "n" * 50, "v"), _Row(2, "short")])
    async with app.run_test(size=(64, 8)) as pilot:
        app.fill()
        await pilot.pause()
        assert app.line(1) == f" {'n' * 50}  v"


async def test_a_name_that_comes_later_is_shown_in_full_too() -> None:
    app = _TableApp([_Row(1, "short", "v")])
    async with app.run_test(size=(64, 8)) as pilot:
        app.fill()
        await pilot.pause()
        before = app.edge()
        app.shown = [_Row(1, "n" * 45, "v")]
        app.fill({1})
        await pilot.pause()
        await pilot.pause()
        assert app.line(1) == f" {'n' * 45}  v"
        assert app.edge() > before


async def test_columns_stay_where_they_are_while_scrolling_back() -> None:
    rows = [_Row(number, "n" * (45 if number == 30 else 5), "v") for number in range(60)]
    app = _TableApp(rows)
    async with app.run_test(size=(64, 8)) as pilot:
        app.fill()
        await pilot.pause()
        app.table.move_to(32)
        await pilot.pause()
        await pilot.pause()
        moved = app.edge()
        assert any("n" * 45 in app.line(number) for number in range(8))
        for index in (50, 20, 0):
            app.table.move_to(index)
            await pilot.pause()
            assert app.edge() == moved


async def test_room_kept_for_rows_that_are_out_of_sight_is_given_up_where_it_is_needed() -> None:
    names = [_Row(number, "n" * 50, "v") for number in range(10)]
    values = [_Row(number, "n", "v" * 50) for number in range(10, 20)]
    app = _TableApp([*names, *values])
    async with app.run_test(size=(64, 8)) as pilot:
        app.fill()
        await pilot.pause()
        app.table.move_to(19)
        await pilot.pause()
        await pilot.pause()
        assert app.line(7).endswith("  " + "v" * 50)
