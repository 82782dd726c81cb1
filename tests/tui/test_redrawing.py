"""What did not change is not made, laid out or drawn anew."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import registered
from tests.support.operating import World, dashboard, read_leases
from tui.config.preferences import Preferences
from tui.state.overview.contents import OverviewContents
from tui.text.detail import Detail
from tui.text.detail_lines import DetailLine, lines_of
from tui.widgets import detail_pane
from tui.widgets.footer import KeyFooter
from tui.widgets.header import StoreHeader
from tui.widgets.panes.overview import OverviewPane
from tui.widgets.panes.tabs import PaneTabs


async def test_a_count_that_takes_as_much_room_as_before_lays_nothing_out() -> None:
    world = World()
    world.put(*(registered.instance(worker) for worker in range(1, 9)))
    async with dashboard(world, draws=True) as operator:
        tab = operator.main.query_one(PaneTabs).get_tab("tab-instances")
        asked = tab._layout_updates
        world.put(registered.instance(9))
        await operator.until(lambda: operator.tabs()[1] == "Instances 9")
        assert "Instances 9" in operator.text()
        assert tab._layout_updates == asked
        world.put(registered.instance(10))
        await operator.until_shown("Instances 10")
        assert tab._layout_updates > asked


async def test_the_line_of_keys_is_drawn_again_only_where_other_keys_are_shown() -> None:
    async with dashboard(draws=True) as operator:
        footer = operator.main.query_one(KeyFooter)
        await operator.until_shown("Unregister")
        drawn = []
        refresh = footer.refresh

        def noted(*args: Any, **kwargs: Any) -> KeyFooter:
            drawn.append(operator.tab())
            return refresh(*args, **kwargs)

        footer.refresh = noted  # type: ignore[method-assign]
        await operator.open("workers")
        assert operator.tab() == "workers"
        assert drawn == []
        await operator.open("channels")
        await operator.until(lambda: "Tap" in operator.footer())
        assert drawn
        await operator.open("instances")
        await operator.until(lambda: "Tap" not in operator.footer())


async def test_a_second_that_changes_nothing_makes_no_row_and_no_header_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    world.put(registered.instance(1), registered.instance(2), lease=1)
    made: list[str] = []

    def noting(cls: type, name: str) -> None:
        make = getattr(cls, name)

        def noted(self: object, *args: object) -> object:
            made.append(name)
            return make(self, *args)

        monkeypatch.setattr(cls, name, noted)

    preferences = Preferences(first_tab="overview")
    async with dashboard(world, preferences=preferences, lease_rate=0.0) as operator:
        await read_leases(operator.dashboard)
        operator.dashboard.show_evidence()
        main = operator.main
        await operator.until(lambda: "nothing: all 2 records are live" in operator.text())
        main._tick()
        noting(StoreHeader, "_line")
        noting(OverviewContents, "rows")
        noting(OverviewPane, "look_at_screen")
        # What rests on nothing but that is the same object.
        seen = main.records_on_screen()
        for _ in range(5):
            main._tick()
            assert main.records_on_screen() is seen
        assert made in ([], ["look_at_screen"])
        # What is wrong has ages, and may be another by time alone.
        world.renewed(1, ago=50.0)
        await read_leases(operator.dashboard)
        operator.dashboard.show_evidence()
        await operator.until(lambda: "late" in operator.text())
        made.clear()
        main._tick()
        assert "rows" in made
        assert main.records_on_screen() is not seen


async def test_a_detail_is_folded_only_where_its_width_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    widths: list[int] = []

    def noted(detail: Detail, cells: int) -> list[DetailLine]:
        widths.append(cells)
        return lines_of(detail, cells)

    monkeypatch.setattr(detail_pane, "lines_of", noted)
    world = World()
    world.put(registered.instance(1))
    async with dashboard(world, draws=True) as operator:
        await operator.press("enter")
        await operator.until_shown("Close", "prod/backend/generate")
        assert widths
        assert min(widths) > 0
