"""The columns that the settings file may name are those of the tabs."""

from __future__ import annotations

import pytest

from backends.memory import MemoryStore
from tests.support.operating import OwningStore
from tests.support.unseen import unseen
from tui.config.tab_columns import NAMING, OF_SOME_STORES, TAB_COLUMNS
from tui.state.column import lay_out
from tui.state.tabs import TabId
from tui.widgets.panes.tabs import PaneTabs


@pytest.mark.parametrize("store", [MemoryStore, OwningStore])
def test_each_tab_has_the_columns_that_its_settings_may_name(store: type[MemoryStore]) -> None:
    panes = PaneTabs(unseen(store(), 0.0), id="tabs").panes
    assert [pane.TAB for pane in panes] == [*TabId]
    has_pods = store is OwningStore
    for pane in panes:
        named = [
            one
            for one in TAB_COLUMNS.get(pane.TAB, ())
            if one not in OF_SOME_STORES or (one != "lease") is has_pods
        ]
        # `tui/config/tab_columns.py` has them; after a change there `make schema`.
        assert [column.id for column in pane.columns] == named


NAMES_COME_FIRST = 5
"""The turn at which names of usual length have their room: all columns of later turns come after
it."""


def test_no_name_is_cut_for_a_column_that_matters_less() -> None:
    """A name as long as `▸ ◐ meta-llama/Llama-3.1-8B-Instruct`."""
    name = 36
    for pane in PaneTabs(unseen(MemoryStore(), 0.0), id="tabs").panes:
        names = [one for one in pane.columns if one.id in NAMING.get(pane.TAB, ()) and one.grow]
        for cells in range(60, 260):
            laid = lay_out(pane.columns, cells, {one.id: name for one in names})
            if any(one.drop > NAMES_COME_FIRST for one, _ in laid):
                cut = [one.id for one, width in laid if one in names and width < name]
                assert not cut, (pane.TAB, cells, [(one.id, width) for one, width in laid])


def test_metrics_has_whole_names_before_high_percentiles() -> None:
    """Two models may differ in the middle of their names alone."""
    (pane,) = (
        one
        for one in PaneTabs(unseen(MemoryStore(), 0.0), id="tabs").panes
        if one.TAB is TabId.METRICS
    )
    for cells in range(60, 260):
        widths = {one.id: width for one, width in lay_out(pane.columns, cells, {"name": 36})}
        assert widths["name"] == 36 or not {"ttft99", "itl99", "kv", "queued"} & {*widths}, cells
