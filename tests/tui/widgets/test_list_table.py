"""Columns are laid out to fit, whatever the width."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    every = pane(DASHBOARD).columns
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
