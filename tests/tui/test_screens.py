"""Tabs, help, read-only, sizes, and the way out."""

from __future__ import annotations

import pytest

from tests.support import registered
from tests.support.operating import World, dashboard
from tests.support.registered import card, channel, instance, source
from tui.dialogs.help import HelpScreen
from tui.widgets.detail_pane import DetailPane


def full_world() -> World:
    world = World(leases=False)
    world.put(instance(1), card(1), card(1, lora="acme/sql"), channel(7), source(7, 1), lease=1)
    world.put(registered.MALFORMED, registered.UNKNOWN)
    return world


TABS = [
    "overview",
    "instances",
    "models",
    "workers",
    "channels",
    "requests",
    "metrics",
    "events",
    "others",
]


async def test_number_keys_open_the_tabs() -> None:
    async with dashboard(full_world()) as operator:
        for number in reversed(range(len(TABS))):
            await operator.press(str(number))
            assert operator.tab() == TABS[number]
            assert operator.pane.table.has_focus


async def test_a_key_typed_in_one_go_behind_the_number_of_a_tab_is_for_that_tab() -> None:
    world = World()
    world.put(instance(1), instance(2), card(1, "acme/a"), card(2, "acme/b"))
    async with dashboard(world) as operator:
        await operator.type("2G")
        assert operator.pane.row is operator.pane.rows[-1]
        await operator.type("1d")
        await operator.until(lambda: operator.in_dialog)
        assert "Drain 1 instance?" in operator.text()


async def test_a_click_opens_a_tab() -> None:
    async with dashboard(full_world()) as operator:
        await operator.click_text("Chan 1")
        await operator.until(lambda: operator.tab() == "channels")
        await operator.until(lambda: len(operator.pane.rows) == 2)


async def test_other_keys_have_a_tab_only_while_there_are_any() -> None:
    world = World(leases=False)
    world.put(instance(1))
    async with dashboard(world) as operator:
        assert len(operator.tabs()) == len(TABS) - 1
        await operator.open("others")
        assert operator.tab() == "instances"
        world.put(registered.UNKNOWN)
        await operator.until(lambda: operator.tabs()[-1] == "Other 1")
        await operator.open("others")
        assert operator.rows("key") == ["v1/claims/prod/router/leader"]
        world.keyspace.delete(registered.UNKNOWN[0])
        await operator.until(lambda: len(operator.tabs()) == len(TABS) - 1)
        await operator.until(lambda: operator.tab() != "others")


async def test_what_went_while_another_tab_was_open_is_not_there_on_return() -> None:
    world = full_world()
    async with dashboard(world) as operator:
        for there, away in ((1, 5), (2, 1), (4, 1), (len(TABS) - 1, 1)):
            await operator.press(str(there))
            key = operator.pane.selected()[0].key
            await operator.press(str(away))
            world.keyspace.delete(key)
            records = operator.dashboard.view.cluster.records
            await operator.until(lambda key=key, records=records: key not in records)  # type: ignore[misc]
            await operator.press(str(there))
            await operator.until(
                lambda key=key: (  # type: ignore[misc]
                    key
                    not in {
                        one.key
                        for row in operator.pane.rows
                        for one in operator.pane.records_of(row)
                    }
                )
            )


async def test_the_help_has_every_key_of_the_screen_and_closes_again() -> None:
    async with dashboard(full_world()) as operator:
        await operator.press("question_mark")
        await operator.until_shown("keys and signs", "Show only records that are not live")
        for close in ("escape", "q", "question_mark", "enter"):
            if operator.on_main:
                await operator.press("question_mark")
            await operator.until(lambda: isinstance(operator.app.screen, HelpScreen))
            await operator.press(close)
            await operator.until(lambda: operator.on_main)
        assert operator.app.is_running


async def test_what_can_be_done_is_in_the_footer_and_the_help() -> None:
    async with dashboard(full_world(), size=(110, 60)) as operator:
        await operator.until_shown("d Drain")
        await operator.press("question_mark")
        await operator.until_shown("Drain the workers of the", "Unregister marked or selected")


async def test_read_only_there_is_no_act_in_footer_help_or_behind_the_key() -> None:
    world = full_world()
    before = world.entries()
    async with dashboard(world, size=(110, 45), read_only=True) as operator:
        assert operator.breadcrumb() == " read-only".ljust(110)
        for tab in "12345":
            await operator.press(tab)
            await operator.until(lambda: "Filter" in operator.footer())
            assert "nregister" not in operator.footer()
            await operator.press("d")
            assert operator.on_main
        await operator.press("question_mark")
        await operator.until_shown("keys and signs", "Freeze or resume the view")
        assert "nregister" not in operator.text()
        assert world.entries() == before


async def test_q_quits_at_once() -> None:
    async with dashboard(full_world()) as operator:
        await operator.press("q")
        await operator.until(lambda: not operator.app.is_running, "the end")
        assert operator.app.return_code == 0


async def test_the_tree_hides_and_comes_back() -> None:
    async with dashboard(full_world()) as operator:
        for shown in (False, True):
            await operator.press("t")
            await operator.until(lambda shown=shown: ("all namespaces" in operator.text()) == shown)  # type: ignore[misc]


async def test_on_a_narrow_screen_the_tree_is_called_and_goes_again() -> None:
    async with dashboard(full_world(), size=(60, 20)) as operator:
        assert "all namespaces" not in operator.text()
        await operator.press("t")
        await operator.until_shown("all namespaces")
        assert operator.tree.has_focus
        await operator.press("t")
        await operator.until_not_shown("all namespaces")
        assert operator.pane.table.has_focus


@pytest.mark.parametrize("size", [(60, 20), (20, 5), (1, 1)])
async def test_any_size_works_and_growing_again_shows_everything(size: tuple[int, int]) -> None:
    world = full_world()
    async with dashboard(world) as operator:
        await operator.until(lambda: "unknown" not in operator.text(), "all verdicts")
        before = operator.lines()
        await operator.pilot.resize_terminal(*size)
        for key in "2l34561tt?q/a":
            await operator.press({"?": "question_mark", "/": "slash"}.get(key, key))
            assert all(len(line) <= size[0] for line in operator.lines())
        await operator.press("escape")
        world.put(instance(2))
        await operator.until(lambda: len(operator.rows("id")) == 3)
        if operator.pane.selected():
            await operator.unregister()
            await operator.press("escape")
        world.keyspace.delete(instance(2)[0])
        await operator.until(lambda: len(operator.rows("id")) == 2)
        await operator.press("x")
        await operator.pilot.resize_terminal(110, 30)
        await operator.until(lambda: operator.lines()[1:5] == before[1:5], "the screen as before")


async def test_in_a_terminal_of_ten_lines_rows_are_there_above_the_detail() -> None:
    async with dashboard(full_world(), size=(40, 10)) as operator:
        for tab in ("instances", "workers", "models", "events"):
            await operator.open(tab)
            await operator.until(lambda: operator.pane.table.size.height > 0, f"the table of {tab}")
            detail = operator.main.query_one(DetailPane)
            assert operator.pane.table.size.height > detail.size.height > 0


async def test_at_80x24_and_60x20_what_matters_most_is_in_the_header() -> None:
    for size in ((80, 24), (60, 20)):
        async with dashboard(full_world(), size=size) as operator:
            assert "● connected" in operator.header()
            assert "2 instances" in operator.header()
            await operator.press("f")
            await operator.until_shown("frozen")


async def test_at_80x24_the_header_says_that_a_model_is_not_served() -> None:
    world = World()
    world.put(instance(1), card(1), lease=1)
    world.put(card(2, "acme/big"), lease=2)
    async with dashboard(world, size=(80, 24)) as operator:
        await operator.until(lambda: "1 of 2 models not served" in operator.header())


async def test_evidence_that_is_due_once_the_screen_was_taken_down_is_not_drawn() -> None:
    async with dashboard(full_world(), draws=True) as operator:
        shown = operator.dashboard
    # As what gathers it does, where it ends in that moment.
    shown.show_evidence()
