"""The tab Overview on screen: what is wrong is there without a key, and Enter leads to it."""

from __future__ import annotations

import pytest

from tests.support.operating import Operator, World, dashboard, read_leases
from tests.support.registered import MALFORMED, card, channel, instance
from tui.config.preferences import Preferences
from tui.state.overview.rows import OverviewPart, RowKind
from tui.widgets.detail_pane import DetailPane

FIRST = Preferences(first_tab="overview")
"""As it is by default; other tests begin with Instances."""


def world() -> World:
    """Three workers of one model, of which the last missed a keep-alive."""
    made = World()
    for number in (1, 2, 3):
        made.put(instance(number), card(number), channel(0x10 + number), lease=number)
        made.renewed(number, ago=50.0 if number == 3 else 0.0)
    return made


async def read(operator: Operator) -> None:
    """Wait until all leases were read, and what came of it is listed."""
    await read_leases(operator.dashboard)
    operator.dashboard.show_evidence()
    collector = operator.dashboard.collector

    def is_read() -> bool:
        read, leases = collector.leases_read()
        return read == leases

    await operator.until(is_read, "all leases read")
    operator.main._tick()
    await operator.pilot.pause()


def lines(operator: Operator, part: OverviewPart) -> list[str]:
    """What stands in the lines of a part, without blanks between columns."""
    rows = [row for row in operator.pane.rows if row.part is part and row.kind is RowKind.LINE]
    return [" ".join(filter(None, (cell.text for cell in row.cells.values()))) for row in rows]


async def test_it_is_open_at_first_and_says_what_is_wrong_and_where_without_a_key() -> None:
    async with dashboard(world(), preferences=FIRST, size=(120, 40)) as operator:
        assert operator.tab() == "overview"
        await operator.until_shown("◐ late", "WRONG NOW")
        await read(operator)
        (late,) = lines(operator, OverviewPart.WRONG)
        assert late.startswith("◐ late prod/backend 3 10.0.0.3 3 ")
        assert lines(operator, OverviewPart.MODELS) == ["acme/tiny-llm prod aggregated 3/3"]
        # The detail has the evidence of the worst.
        assert operator.detail()["worker"].startswith("3")
        assert "keep-alive" in operator.detail()["evidence"]


async def test_enter_leads_to_the_cause_with_its_evidence_and_b_back() -> None:
    async with dashboard(world(), preferences=FIRST, size=(80, 24)) as operator:
        await operator.until_shown("◐ late")
        await read(operator)
        await operator.press("enter")
        assert operator.tab() == "workers"
        await operator.until(lambda: operator.at("id") == "3")
        assert "keep-alive" in operator.detail()["evidence"]
        await operator.press("b")
        assert operator.tab() == "overview"
        # Titles are passed over.
        await operator.press("j", "enter")
        await operator.until(lambda: operator.tab() == "models")
        row = operator.pane.row
        assert row is not None
        assert (row.name, row.opened) == ("acme/tiny-llm", True)
        assert operator.rows("id")[1:] == ["1", "2", "3"]
        await operator.press("b", "j", "enter")
        await operator.until(lambda: operator.tab() == "events")


async def test_actions_take_the_records_of_the_line_and_marks_the_lines_of_one_part() -> None:
    made = world()
    made.put(MALFORMED)
    async with dashboard(made, preferences=FIRST, size=(120, 40)) as operator:
        await operator.until_shown("◐ late", "! malformed")
        await read(operator)
        found = [one.key for one in operator.pane.acted_on()]
        assert len(found) == 3
        await operator.press("asterisk")
        assert operator.dashboard.marked == 2
        await operator.press("asterisk", "j")
        await operator.unregister()
        assert "Unregister 1" in operator.text()
        assert MALFORMED[0].decode() in operator.text()
        await operator.press("escape")
        await operator.press("s", "S")
        assert operator.pane.TAB == "overview"


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (60, 20)])
async def test_it_fits_on_one_screen(size: tuple[int, int]) -> None:
    made = world()
    for number in range(0x20, 0x60):
        made.put(instance(number), card(number, f"acme/model-{number}"), lease=number)
        made.renewed(number, ago=50.0 if number % 2 else 0.0)
    async with dashboard(made, preferences=FIRST, size=size) as operator:
        await operator.until_shown("◐ late", "more: ! shows only findings")
        await read(operator)
        table = operator.pane.table
        assert len(table.rows) + 1 <= table.size.height
        assert {row.part for row in table.rows} == set(OverviewPart)
        assert operator.main.query_one(DetailPane).display is (size[1] >= 30)


async def test_what_comes_is_shown_and_a_frozen_view_stays() -> None:
    made = World()
    made.put(instance(1), card(1), lease=1)
    async with dashboard(made, preferences=FIRST, size=(120, 40)) as operator:
        await read(operator)
        await operator.until_shown("● nothing: all 2 records are live")
        await operator.press("d")
        assert operator.told() == ["Nothing that is registered belongs to this line."]
        made.put(MALFORMED)
        await operator.until_shown("! malformed")
        await operator.press("f")
        made.put(instance(2), lease=2)
        await operator.until(lambda: operator.dashboard.view.waiting == 1)
        made.keyspace.delete(MALFORMED[0])
        await operator.until(lambda: operator.dashboard.view.waiting == 2)
        assert "! malformed" in operator.text()
        await operator.press("f")
        await operator.until_not_shown("! malformed")
        await read(operator)
        await operator.until_shown("● nothing: all 3 records are live")


async def test_while_it_is_hidden_it_does_no_work() -> None:
    made = world()
    async with dashboard(made) as operator:
        pane = operator.main._tabs.pane("overview")
        made.put(MALFORMED)
        await operator.until(lambda: len(operator.dashboard.view.cluster.records) == 10)
        assert pane.rows == ()
        await operator.open("overview")
        assert any("malformed" in line for line in lines(operator, OverviewPart.WRONG))
