"""Tabs say what they can in the cells that there are."""

from __future__ import annotations

import pytest

from tui.text.tab_titles import TabTitle, fitting

TABS = (
    TabTitle(("Instances", "Inst"), 1_234, is_open=True),
    TabTitle(("Event channels", "Channels", "Chan"), 12),
    TabTitle(("Events",)),
)


@pytest.mark.parametrize(
    ("cells", "titles"),
    [
        (100, ["Instances 1,234", "Event channels 12", "Events"]),
        (44, ["Instances 1,234", "Event channels 12", "Events"]),
        (43, ["Instances 1,234", "Channels 12", "Events"]),
        (36, ["Inst 1,234", "Channels 12", "Events"]),
        (32, ["Inst 1,234", "Chan 12", "Events"]),
        (28, ["Inst 1,234", "Chan", "Events"]),
        # There is nothing shorter.
        (23, ["Inst", "Chan", "Events"]),
        (5, ["Inst", "Chan", "Events"]),
    ],
)
def test_the_fullest_titles_that_fit(cells: int, titles: list[str]) -> None:
    assert fitting(TABS, cells) == titles


def test_what_is_new_is_counted_in_place_of_all_where_there_is_room() -> None:
    tabs = (*TABS[:2], TabTitle(("Events",), new=1_003))
    assert fitting(tabs, 60) == ["Instances 1,234", "Event channels 12", "Events •1,003"]
    assert fitting(tabs, 28) == ["Inst 1,234", "Chan", "Events"]


def test_without_tabs_there_are_no_titles() -> None:
    assert fitting((), 10) == []
