"""The choice of columns: what is shown, moved and reset, and what is remembered of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tui.config.preferences import TabPreferences
from tui.config.tab_columns import NAMING, TAB_COLUMNS
from tui.state.column import Column, SortOrder
from tui.state.columns.choice import ColumnChoice
from tui.state.columns.chosen import shown_columns, sort_order

ON_LEASES = [one for one in TAB_COLUMNS["workers"] if one not in ("pod", "restarts")]
ON_PODS = [one for one in TAB_COLUMNS["workers"] if one != "lease"]


def columns(ids: list[str]) -> list[Column[Any]]:
    return [Column(one, one.upper(), 4, lambda _: "") for one in ids]


def choice(tab: str, ids: list[str], shown: list[str] | None = None) -> ColumnChoice:
    return ColumnChoice(tab, columns(ids), ids if shown is None else shown)


def test_without_a_choice_all_columns_are_shown_in_their_order() -> None:
    made = choice("workers", ON_LEASES)
    assert [row.key for row in made.rows] == made.shown == ON_LEASES
    assert made.is_default
    assert made.setting(None) is None
    assert shown_columns(made_of := columns(ON_LEASES), None) == made_of


def test_a_hidden_column_stands_where_it_is_by_default() -> None:
    made = choice("events", [*TAB_COLUMNS["events"]], ["why", "time", "name"])
    assert [row.key for row in made.rows] == ["why", "time", "what", "kind", "name", "id"]
    assert made.shown == ["why", "time", "name"]


def test_columns_are_moved_up_to_the_ends() -> None:
    made = choice("events", [*TAB_COLUMNS["events"]])
    assert made.move(0, -1) == 0
    assert made.move(1, -1) == 0
    assert made.shown[:2] == ["what", "time"]
    assert made.move(5, 1) == 5
    assert made.setting(None) == ("what", "time", "kind", "name", "id", "why")
    made.reset()
    assert made.is_default


def test_the_last_column_that_names_the_rows_stays() -> None:
    made = choice("events", [*TAB_COLUMNS["events"]])
    name, id = 3, 4
    assert made.toggle(name) is None
    assert made.toggle(id) == "ID stays: it alone names the rows."
    assert "id" in made.shown
    assert made.toggle(name) is None
    assert made.toggle(id) is None
    assert (
        choice("models", [*TAB_COLUMNS["models"]]).toggle(0)
        == "NAME stays: it alone names the rows."
    )


def test_columns_of_another_kind_of_store_stay_as_they_are_there() -> None:
    """Who hides a column on etcd must not miss the pods on Kubernetes."""
    made = choice("workers", ON_LEASES)
    made.toggle(ON_LEASES.index("host"))
    setting = made.setting(None)
    assert setting == tuple(one for one in TAB_COLUMNS["workers"] if one != "host")
    there = shown_columns(columns(ON_PODS), setting)
    assert [one.id for one in there] == [one for one in ON_PODS if one != "host"]
    # There the pod is hidden: on etcd that changes nothing, and is still so after a reset here.
    other = choice("workers", ON_PODS, [one.id for one in there])
    other.toggle([row.key for row in other.rows].index("pod"))
    setting = other.setting(setting)
    assert setting is not None
    assert "pod" not in setting
    assert "lease" in setting
    made.reset()
    setting = made.setting(setting)
    assert setting == tuple(one for one in TAB_COLUMNS["workers"] if one != "pod")


@given(
    some.sampled_from([*TAB_COLUMNS]),
    some.lists(some.tuples(some.sampled_from(["toggle", "up", "down"]), some.integers(0, 20))),
)
def test_whatever_is_done_a_start_with_the_setting_shows_the_same(
    tab: str, steps: list[tuple[str, int]]
) -> None:
    ids = [*TAB_COLUMNS[tab]]
    made = choice(tab, ids)
    for step, number in steps:
        index = number % len(ids)
        if step == "toggle":
            made.toggle(index)
        else:
            made.move(index, -1 if step == "up" else 1)
        assert sorted(row.key for row in made.rows) == sorted(ids)
        assert set(made.shown) & set(NAMING[tab])
    again = [one.id for one in shown_columns(columns(ids), made.setting(None))]
    assert again == made.shown


@pytest.mark.parametrize(
    ("chosen", "order"),
    [
        (TabPreferences(), SortOrder("time", reverse=True)),
        (TabPreferences(reverse=False), SortOrder("time")),
        (TabPreferences(sort="name"), SortOrder("name")),
        (TabPreferences(sort="time"), SortOrder("time")),
        (TabPreferences(sort="name", reverse=True), SortOrder("name", reverse=True)),
        (TabPreferences(sort="pod", reverse=False), SortOrder("time", reverse=True)),
    ],
)
def test_the_sort_order_is_the_chosen_one_or_the_default(
    chosen: TabPreferences, order: SortOrder
) -> None:
    default = SortOrder("time", reverse=True)
    assert sort_order(columns([*TAB_COLUMNS["events"]]), chosen, default) == order
