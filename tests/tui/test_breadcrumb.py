"""The line below the header says where the dashboard is, and Esc steps out, the last first."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.operating import Operator, World, dashboard
from tests.support.registered import instance

UNREADABLE = b"v1/instances/staging/router/generate/b2"
"""It is a finding from the start."""


def world_of_two() -> World:
    found = World(leases=False)
    found.put(instance(0xA1), (UNREADABLE, b"cut of"))
    return found


async def until_breadcrumb(operator: Operator, text: str) -> None:
    await operator.until(lambda: operator.breadcrumb().strip() == text, f"the breadcrumb “{text}”")


async def test_esc_steps_out_of_filter_findings_and_place_and_leaves_the_freeze() -> None:
    async with dashboard(world_of_two()) as operator:
        assert operator.breadcrumb() == ""
        await operator.press("f", "exclamation_mark")
        await operator.select("staging", "router")
        await operator.type("/B2\r")
        place = "staging › router"
        frozen = "  ❄ frozen, 0 changes waiting"
        await until_breadcrumb(operator, f"{place} › ! not live only › filter “b2”{frozen}")
        # The header has it: no second line is taken for it.
        assert not operator.filter.parent.display  # type: ignore[union-attr]
        for left in (f"{place} › ! not live only", place, "staging", ""):
            await operator.press("escape")
            await until_breadcrumb(operator, f"{left}{frozen}".strip())
        await operator.press("escape")
        assert operator.dashboard.view.frozen
        assert operator.told() == ["Still frozen: f lets it go on."]
        await operator.press("f")
        await until_breadcrumb(operator, "")


async def test_esc_while_a_filter_is_typed_leaves_the_place_and_findings_as_they_are() -> None:
    async with dashboard(world_of_two()) as operator:
        await operator.press("exclamation_mark")
        await operator.select("staging")
        for text in ("/b2", "/"):
            await operator.type(text)
            await operator.press("escape")
            await until_breadcrumb(operator, "staging › ! not live only")
            assert operator.pane.table.has_focus


async def test_esc_in_the_tree_goes_a_level_up_and_stays_there() -> None:
    async with dashboard(world_of_two()) as operator:
        await operator.select("staging", "router")
        operator.tree.focus()
        await operator.press("escape")
        await until_breadcrumb(operator, "staging")
        assert operator.tree.has_focus
        assert operator.node() == ("staging",)


@pytest.mark.parametrize("size", [(80, 24), (60, 20)])
async def test_in_a_short_terminal_the_trail_is_in_the_header_and_takes_no_line(
    size: tuple[int, int],
) -> None:
    async with dashboard(world_of_two(), size=size, audit=Path("unused")) as operator:
        first = operator.lines()[1]
        operator.tree.select_scope(("staging",))
        await operator.press("f")
        await operator.until(lambda: "  staging  ❄ frozen, 0 changes" in operator.header())
        assert operator.breadcrumb() == ""
        assert operator.lines()[1].split()[:1] == first.split()[:1]


async def test_in_80_columns_a_freeze_is_shown_whole_beside_context_and_place() -> None:
    async with dashboard(
        world_of_two(), size=(80, 24), context="prod-eu", context_source="--context", colour="red"
    ) as operator:
        operator.tree.select_scope(("staging", "router"))
        await operator.press("f", "exclamation_mark")
        where = " ctx prod-eu  › staging › router › ! not live only  ❄ frozen  "
        await operator.until(lambda: where in operator.header())
