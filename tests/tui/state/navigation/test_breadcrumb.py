"""A breadcrumb fits into its cells as long as there is room for anything of it."""

from __future__ import annotations

import pytest

from tui.state.navigation.breadcrumb import BETWEEN, Breadcrumb
from tui.text.sanitize import width

LONG = Breadcrumb(
    place=("prod-eu-1a2b3c4d5e6f", "VllmDecodeWorker", "worker_kv_query"),
    findings="! not live only",
    filter="filter “" + "x" * 60 + "”",
)


def test_all_is_shown_where_there_is_room_each_name_by_itself() -> None:
    assert LONG.steps(200) == [*LONG.place, LONG.findings, LONG.filter]


@pytest.mark.parametrize("room", [70, 100, 120])
def test_what_does_not_fit_is_cut_in_place_and_filter_and_what_is_left_out_is_marked(
    room: int,
) -> None:
    place, findings, sought = LONG.steps(room)
    assert findings == LONG.findings
    assert width(BETWEEN.join((place, findings, sought))) <= room
    assert "…" in sought
    assert sought.startswith("filter “")
    assert sought.endswith("”")
    # A name is cut only where the filter cannot be.
    assert ("…" in place) == (room == 70)


def test_nothing_is_nowhere() -> None:
    assert not Breadcrumb()
    assert Breadcrumb(frozen="❄ frozen")
    assert Breadcrumb().steps(80) == []
