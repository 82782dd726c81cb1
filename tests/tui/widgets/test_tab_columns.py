"""The columns that the settings file may name are those of the tabs."""

from __future__ import annotations

import pytest

from backends.memory import MemoryStore
from tests.support.operating import OwningStore
from tests.support.unseen import unseen
from tui.config.tab_columns import OF_SOME_STORES, TAB_COLUMNS
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
