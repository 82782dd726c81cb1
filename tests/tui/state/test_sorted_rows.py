"""Rows stay in order while they come, change and go, whichever way round."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.state.sorted_rows import ListedRows, SortedRows


@dataclass(frozen=True)
class Row:
    key: int
    value: int


rows = st.builds(Row, st.integers(0, 8), st.integers(0, 3))
operations = st.lists(rows | st.integers(0, 8), max_size=30)
"""A row is put, a key is discarded."""


def by_value(row: Row) -> int:
    return row.value


def in_order(held: dict[int, Row], reverse: bool) -> list[Row]:
    return sorted(held.values(), key=lambda row: (row.value, row.key), reverse=reverse)


@given(st.lists(rows, max_size=8), operations, st.booleans())
def test_it_is_always_what_sorting_the_whole_gives(
    start: list[Row], steps: list[Row | int], reverse: bool
) -> None:
    table: SortedRows[Row] = SortedRows()
    table.rebuild(start, by_value, reverse)
    held = {row.key: row for row in start}
    for step in steps:
        before = [row.key for row in in_order(held, reverse)]
        if isinstance(step, Row):
            held[step.key] = step
            moved = table.put(step)
            assert moved == (before != [row.key for row in in_order(held, reverse)])
        else:
            assert table.discard(step) == (held.pop(step, None) is not None)
        expected = in_order(held, reverse)
        assert list(table) == expected
        assert len(table) == len(expected)
        assert table[1:3] == expected[1:3]
        assert [table.index_of(row.key) for row in expected] == list(range(len(expected)))
        assert [table[-1 - index] for index in range(len(table))] == expected[::-1]


@given(st.lists(rows, max_size=8), st.lists(rows, max_size=4), st.sets(st.integers(0, 8)))
def test_rows_that_are_amended_tell_which_changed_unless_some_moved(
    start: list[Row], now: list[Row], gone: set[int]
) -> None:
    table: SortedRows[Row] = SortedRows()
    table.rebuild(start, by_value, False)
    before = [row.key for row in table]
    changed = table.amend(now, gone - {row.key for row in now})
    held = {row.key: row for row in (*start, *now) if row in now or row.key not in gone}
    assert list(table) == in_order(held, False)
    after = [row.key for row in table]
    if changed is None:
        # One that moved and came back is told of too.
        assert len({row.key for row in now}) < len(now) or before != after
    else:
        assert before == after
        assert changed == {row.key for row in now}


@given(st.lists(rows, max_size=8, unique_by=lambda row: row.key))
def test_rows_that_were_put_in_order_are_found_by_their_keys(start: list[Row]) -> None:
    listed = ListedRows(start)
    assert list(listed) == start
    assert [listed.index_of(row.key) for row in start] == list(range(len(start)))
    assert listed.index_of(9) is None
    assert listed.has_keys_of(ListedRows([Row(row.key, row.value + 1) for row in start]))
    assert not listed.has_keys_of(ListedRows([*start, Row(9, 0)]))


@given(st.lists(st.tuples(st.lists(rows, max_size=3), st.booleans()), max_size=4))
def test_rows_that_last_are_in_order_after_each_rebuild(
    contents: list[tuple[list[Row], bool]],
) -> None:
    table: SortedRows[Row] = SortedRows()
    for content, reverse in contents:
        table.rebuild(content, by_value, reverse, lasting=True)
        held = {row.key: row for row in content}
        assert list(table) == in_order(held, reverse)


def test_a_row_that_lasts_is_not_asked_again_by_what_it_is_sorted() -> None:
    asked: list[int] = []

    def noted(row: Row) -> int:
        asked.append(row.key)
        return row.value

    table: SortedRows[Row] = SortedRows()
    one, two = Row(1, 3), Row(2, 1)
    table.rebuild([one, two], noted, False, lasting=True)
    table.rebuild([one, Row(2, 4)], noted, False, lasting=True)
    assert asked == [1, 2, 2]
    assert list(table) == [one, Row(2, 4)]
    table.rebuild([one], noted, False)
    assert asked == [1, 2, 2, 1]


def test_a_row_goes_though_what_it_is_sorted_by_is_not_known_any_more() -> None:
    # As with rows sorted by how long they are known, which a cluster forgets of what went.
    known = {1: 3, 2: 1, 3: 2}
    table: SortedRows[Row] = SortedRows()
    table.rebuild([Row(key, 0) for key in known], lambda row: known[row.key], False)
    known.clear()
    assert table.index_of(3) == 1
    assert table.discard(2)
    assert [row.key for row in table] == [3, 1]
    known[1] = 0
    table.put(Row(1, 9))
    assert list(table) == [Row(1, 9), Row(3, 0)]


def test_what_is_not_there_has_no_place() -> None:
    table: SortedRows[Row] = SortedRows()
    assert table.index_of(1) is None
    assert not table.discard(1)
    for index in (0, -1):
        with pytest.raises(IndexError):
            table[index]
