"""The tabs: which of them is open, also before they are on screen."""

from __future__ import annotations

from msgspec.structs import replace

from backends.memory import MemoryStore
from tests.support.unseen import unseen
from tui.widgets.panes.tabs import PaneTabs


def test_before_any_is_open_it_is_the_one_that_will_be() -> None:
    dashboard = unseen(MemoryStore(), 0.0)
    dashboard.preferences = replace(dashboard.preferences, first_tab="models")
    tabs = PaneTabs(dashboard, id="tabs")
    assert tabs.active == ""
    assert str(tabs.current.TAB) == "models"
