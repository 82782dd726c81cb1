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
from tui.state.column import GAP, NAMES, REASONS, Cell, Column, lay_out
from tui.text.short import SHORTEST
from tui.widgets.panes.channels import ChannelsPane
from tui.widgets.panes.events import EventsPane
from tui.widgets.panes.instances import InstancesPane, OthersPane
from tui.widgets.panes.models import ModelsPane
from tui.widgets.panes.workers import WorkersPane
from tui.widgets.table.list_table import ListTable, enough_cells, fitted

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
                drop=draw(st.integers(0, 4)),
                grow=tuple(draw(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 90))))),
                right=draw(st.booleans()),
            )
        )
    return found


@st.composite
def needs(draw: st.DrawFn) -> dict[str, int]:
    return draw(st.dictionaries(st.sampled_from("012345"), st.integers(0, 90)))


def used(laid_out: list[tuple[Column[Any], int]]) -> int:
    return sum(cells + GAP for _, cells in laid_out) - GAP


def least(kept: list[Column[Any]]) -> int:
    return sum(column.width + GAP for column in kept) - GAP


@given(columns(), widths, needs())
def test_it_fits_into_any_width_that_holds_what_may_not_be_dropped(
    every: list[Column[Any]], width: int, needed: dict[str, int]
) -> None:
    laid_out = lay_out(every, width, needed)
    vital = [column for column in every if not column.drop]
    assert [column for column, _ in laid_out if not column.drop] == vital
    assert used(laid_out) <= max(width, least(vital) if vital else 0, 6 * len(vital) + GAP)


@given(columns(), widths, needs())
def test_columns_keep_their_order_and_go_one_by_one_the_least_needed_first(
    every: list[Column[Any]], width: int, needed: dict[str, int]
) -> None:
    kept = [column for column, _ in lay_out(every, width, needed)]
    assert kept == [column for column in every if column in kept]
    for column in every:
        if column not in kept:
            # Of what has a text, nothing less needed is shown in its place.
            assert all(one.drop <= column.drop for one in kept if needed.get(one.id, 1))
        elif column.drop and not needed.get(column.id, 1):
            assert all(one in kept for one in every if needed.get(one.id, 1))


@given(columns(), widths, needs())
def test_a_wider_screen_shows_all_that_a_narrower_one_shows(
    every: list[Column[Any]], width: int, needed: dict[str, int]
) -> None:
    wider = {column.id for column, _ in lay_out(every, width + 1, needed)}
    assert {column.id for column, _ in lay_out(every, width, needed)} <= wider


@given(columns(), widths, needs())
def test_nothing_is_cut_while_there_is_room(
    every: list[Column[Any]], width: int, needed: dict[str, int]
) -> None:
    laid_out = lay_out(every, width, needed)
    cut = any(needed.get(column.id, 0) > cells for column, cells in laid_out)
    assert not cut or used(laid_out) >= width


@given(columns(), widths, needs())
def test_a_column_is_no_wider_than_its_texts_title_and_usual_width(
    every: list[Column[Any]], width: int, needed: dict[str, int]
) -> None:
    for column, cells in lay_out(every, width, needed):
        assert cells <= max(column.width, needed.get(column.id, 0), len(column.title) + 1)


@given(st.integers(20, 120), st.integers(1, 60), st.integers(1, 60))
def test_what_comes_first_is_in_full_before_the_next_has_a_place(
    width: int, name: int, address: int
) -> None:
    every: list[Column[Any]] = [
        Column("name", "NAME", 10, str),
        Column("address", "ADDRESS", 10, str, drop=1),
    ]
    laid_out = {
        column.id: cells
        for column, cells in lay_out(every, width, {"name": name, "address": address})
    }
    if "address" in laid_out:
        assert laid_out["name"] >= name


def test_a_reason_has_its_least_before_names_are_in_full_and_all_before_lesser_columns() -> None:
    every: list[Column[Any]] = [
        Column("state", "STATE", 13, str, drop=1),
        Column("name", "NAME", 16, str, grow=NAMES),
        Column("id", "ID", 16, str, drop=3),
        Column("host", "HOST", 12, str, drop=7),
        Column("why", "WHY", SHORTEST, str, drop=2, grow=REASONS),
    ]
    needed = {"state": 13, "name": 30, "id": 16, "host": 12, "why": 40}

    def shown(width: int) -> dict[str, int]:
        return {column.id: cells for column, cells in lay_out(every, width, needed)}

    assert shown(57) == {"state": 13, "name": 29, "why": 11}
    assert shown(78) == {"state": 13, "name": 30, "id": 16, "why": 13}
    assert shown(89) == {"state": 13, "name": 30, "id": 16, "why": 24}
    assert shown(119) == {"state": 13, "name": 30, "id": 16, "why": 40, "host": 12}
    needed["why"] = 0
    assert shown(57) == {"state": 13, "name": 24, "id": 16}
    assert shown(79) == {"state": 13, "name": 30, "id": 16, "host": 12}
    assert shown(89) == {"state": 13, "name": 30, "id": 16, "host": 12, "why": 10}


def test_where_a_text_does_not_fit_the_longest_shorter_form_that_does_stands_whole() -> None:
    why: Column[Any] = Column("why", "WHY", SHORTEST, str)
    forms = "accepts a connection, and does not answer", "does not answer", "no answer"

    def shown(cells: int, *texts: str) -> str:
        return fitted(texts[0], cells, why, shorter=texts[1:])

    assert shown(41, *forms) == forms[0]
    assert shown(40, *forms) == f"{forms[1]:40}"
    assert shown(15, *forms) == forms[1]
    assert shown(14, *forms) == f"{forms[2]:14}"
    assert shown(6, *forms) == "no an…"
    # Escapes count as what is drawn of them.
    assert shown(5, "a\x1bb", "ab") == "ab   "
    assert shown(6, "a\x1bb", "ab") == "a\\x1bb"


DASHBOARD = unseen(MemoryStore(Keyspace()), 0.0)
PANES = [InstancesPane, ModelsPane, WorkersPane, ChannelsPane, EventsPane, OthersPane]


@pytest.mark.parametrize("pane", PANES)
@given(width=widths)
def test_the_columns_of_every_tab_can_be_laid_out(pane: Any, width: int) -> None:
    every = pane(DASHBOARD).table.columns
    laid_out = lay_out(every, width)
    assert laid_out
    assert used(laid_out) <= max(width, least([column for column in every if not column.drop]))
    assert len({column.id for column in every}) == len(every)


@pytest.mark.parametrize(
    ("pane", "state", "name", "id"),
    [
        (InstancesPane, 13, "name", "id"),
        (ModelsPane, 15, "name", "id"),
        (WorkersPane, 13, "where", "id"),
        (ChannelsPane, 13, "where", "worker"),
        (OthersPane, 13, "key", None),
    ],
)
def test_at_80_columns_and_beside_the_tree_of_100_state_id_and_reason_have_their_places(
    pane: Any, state: int, name: str, id: str | None
) -> None:
    every = pane(DASHBOARD).table.columns
    # All other texts are longer than there is room for.
    needed = {one.id: 200 for one in every} | {"state": state, str(id): 16}
    # A column is for marks, and one for the scroll bar.
    for width in (80 - 2, 100 - 22 - 2):
        cells = {column.id: cells for column, cells in lay_out(every, width, needed)}
        assert cells["state"] == state
        assert cells["why"] >= SHORTEST
        assert cells[name] >= 16
        assert id is None or cells[id] == 16


def test_a_column_is_sorted_by_its_text_unless_it_says_by_what() -> None:
    one = record(registered.instance(0x1A))
    assert Column[Any]("a", "A", 1, lambda row: Cell("Text")).sort_value(one) == "text"
    assert Column[Any]("a", "A", 1, lambda row: "Text").sort_value(one) == "text"
    by_id = Column[Any]("a", "A", 1, lambda row: "Text", sort=lambda row: row.id.instance_id)
    assert by_id.sort_value(one) == 0x1A


class _Row:
    def __init__(self, number: int, name: str, value: str = "") -> None:
        self.key, self.name, self.value = number, name, value


class _TableApp(App[None]):
    def __init__(self, rows: list[_Row]) -> None:
        super().__init__()
        self.shown = rows

    def compose(self) -> ComposeResult:
        columns: list[Column[_Row]] = [
            Column("name", "NAME", 10, lambda row: row.name),
            Column("value", "VALUE", 10, lambda row: row.value),
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


def test_a_reason_grows_no_further_than_the_form_that_is_shown_while_others_have_no_place() -> None:
    """Of a reason that has no room, a few words are shown: the rest is for others."""
    long = Cell("x" * 60, shorter=("y" * 12, "z" * 9))
    every: list[Column[Any]] = [
        Column("name", "NAME", 16, lambda _: "n" * 30),
        Column("why", "WHY", SHORTEST, lambda _: long, drop=2, grow=REASONS),
        Column("host", "HOST", 12, lambda _: "h" * 12, drop=7),
    ]
    needs = {"name": 30, "why": 60, "host": 12}
    first = lay_out(every, 62, needs)
    assert [(one.id, cells) for one, cells in first] == [("name", 30), ("why", 30)]
    enough = enough_cells(first, needs, [1, 2])
    assert enough == {"why": 12}
    laid = lay_out(every, 62, needs, enough)
    assert [(one.id, cells) for one, cells in laid] == [("name", 30), ("why", 16), ("host", 12)]
    # What fits, or has no other form, is left alone.
    assert enough_cells(lay_out(every, 200, needs), needs, [1]) == {}
