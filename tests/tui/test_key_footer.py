"""The line of keys at the bottom: it shows what can be pressed, and a click presses it."""

from __future__ import annotations

import re

import pytest
from textual import events

from tests.support import registered
from tests.support.operating import Operator, World, dashboard
from tests.support.registered import MALFORMED, UNKNOWN, card, channel, instance, source
from tui.dialogs.help import HelpScreen
from tui.dialogs.unregister import UnregisterDialog
from tui.widgets.footer import KeyFooter


def offered(operator: Operator) -> set[str]:
    """What the command palette would offer here."""
    return {command.title for command in operator.app.get_system_commands(operator.app.screen)}


def footer_of(operator: Operator) -> KeyFooter:
    return operator.app.screen.query_one(KeyFooter)


async def test_it_shows_each_key_that_is_to_be_shown_with_what_it_does() -> None:
    async with dashboard(size=(120, 30)) as operator:
        await operator.until_shown("Unregister")
        shown = {
            f"{operator.app.get_key_display(binding)} {binding.description}"
            for _, binding, _, _ in operator.main.active_bindings.values()
            if binding.show
        }
        assert "d Unregister" in shown
        assert all(key in operator.footer() for key in shown)


ROUTER = instance(0xF0, component="router", endpoint="best_worker_id")


async def test_d_is_named_drain_where_it_drains_and_unregister_where_it_unregisters() -> None:
    """By the row, in whichever tab; the command palette and what the question proposes agree."""
    world = World()
    world.put(instance(0xA7), card(0xA7), card(0xA7, lora="acme/sql"), lease=0xA7)
    world.put(channel(0x101), source(0x101, 0xA7), lease=0xA7)
    world.put(ROUTER, lease=0xF0)
    world.put(MALFORMED, card(2, "acme/other"), UNKNOWN)
    rows = [
        ("instances", "id", "a7", "Drain"),
        ("instances", "id", "f0", "Unregister"),
        ("instances", "id", "bad", "Unregister"),
        ("models", "name", "▸ acme/other", "Unregister"),
        ("models", "name", "▸ acme/tiny-llm", "Drain"),
        ("workers", "id", "a7", "Drain"),
        ("workers", "id", "2", "Unregister"),
        ("channels", "topic", "kv-events", "Unregister"),
    ]
    async with dashboard(world, size=(130, 40)) as operator:
        for tab, column, text, verb in rows:
            await operator.open(tab)
            await operator.go_to(column, text)
            await operator.until_shown(f"d {verb}")
            assert f"d {'Unregister' if verb == 'Drain' else 'Drain'}" not in operator.footer()
            assert verb in offered(operator), (tab, text)
            await operator.unregister()
            dialog = operator.app.screen
            assert isinstance(dialog, UnregisterDialog)
            assert dialog.targets.verb == verb.lower(), (tab, text)
            await operator.press("escape")
            await operator.until(lambda: operator.on_main, "the question answered")


async def test_d_is_named_by_what_is_marked_and_by_what_becomes_of_it() -> None:
    world = World()
    world.put(instance(0xA7), lease=0xA7)
    world.put(MALFORMED)
    async with dashboard(world, size=(130, 40)) as operator:
        await operator.go_to("id", "bad")
        await operator.until_shown("d Unregister")
        await operator.press("asterisk")
        await operator.until_shown("d Drain")
        await operator.press("asterisk")
        await operator.until_shown("d Unregister")
        await operator.go_to("id", "a7")
        await operator.until_shown("d Drain")
        world.keyspace.delete(instance(0xA7)[0])
        await operator.until(lambda: operator.gone("id") == ["a7"])
        await operator.until_shown("d Unregister")


async def test_a_click_on_drain_asks() -> None:
    world = World()
    world.put(instance(0xA7), lease=0xA7)
    async with dashboard(world, size=(130, 40)) as operator:
        await operator.until_shown("d Drain")
        await operator.click_text("Drain ")
        await operator.until(lambda: operator.in_dialog, "the question")
        await operator.until_shown("Drain 1 instance?", "Type a7 to drain")


async def test_it_has_no_widget_for_a_key() -> None:
    async with dashboard() as operator:
        await operator.until_shown("Unregister")
        assert list(footer_of(operator).walk_children()) == []


async def test_a_click_on_a_key_presses_it() -> None:
    async with dashboard() as operator:
        await operator.until_shown("? Help")
        await operator.click_text("Help")
        await operator.until(lambda: isinstance(operator.app.screen, HelpScreen), "the help")


async def test_a_click_beside_the_keys_presses_none() -> None:
    async with dashboard(size=(200, 30)) as operator:
        await operator.until_shown("q Quit")
        await operator.click(199, 29)
        await operator.click_text("Filter")
        await operator.until(lambda: operator.filter.has_focus, "the filter is typed in")


@pytest.mark.parametrize("theme", ["textual-dark", "ansi-dark"])
async def test_the_key_under_the_mouse_stands_out_and_says_more(theme: str) -> None:
    async with dashboard() as operator:
        operator.app.theme = theme
        await operator.until_shown("c Clean up")
        x = operator.footer().index("Clean up")

        def look(at: int) -> str:
            style = operator.app.screen.get_style_at(at, 29)
            return f"{style.bgcolor} {style.reverse}"

        plain = look(x)
        await operator.pilot.hover(offset=(x, 29))
        await operator.until(lambda: look(x) != plain, "another background")
        assert look(x - 4) == plain
        assert footer_of(operator).tooltip == "Propose all stale keys for removal."
        await operator.pilot.hover(offset=(x, 10))
        await operator.until(lambda: look(x) == plain, "the background as before")
        assert footer_of(operator).tooltip is None


@pytest.mark.parametrize("cells", [20, 40, 60, 80, 100])
async def test_where_not_all_have_room_those_that_are_shown_are_whole(cells: int) -> None:
    async with dashboard(size=(cells, 24)) as operator:
        await operator.until_shown("? Help")
        footer = footer_of(operator)
        whole = {f"{key.label}{key.description}".strip() for key in footer._keys}
        shown = re.split(r"\s{2,}", operator.footer().strip())
        assert whole >= {*shown}
        # The help has the others.
        assert {"? Help", "q Quit"} <= {*shown}
        assert (len(shown) == len(whole)) == (cells == 100)


async def test_on_a_narrow_screen_the_wheel_brings_the_rest_and_a_click_hits_what_is_seen() -> None:
    async with dashboard(size=(40, 20)) as operator:
        await operator.until_shown("p Probe")
        assert "Clean up" not in operator.footer()

        async def turn(way: type[events.MouseEvent], until: str) -> None:
            while until not in operator.footer():
                await operator.pilot._post_mouse_events([way], offset=(5, 19))
                await operator.pilot.pause()

        await turn(events.MouseScrollDown, "u Undo")
        assert "? Help" in operator.footer()
        await turn(events.MouseScrollUp, "p Probe")
        await turn(events.MouseScrollDown, "c Clean up")
        await operator.click_text("Clean up")
        await operator.until(operator.told, "that nothing is stale")


async def test_its_keys_are_those_of_the_open_tab_and_of_the_filter() -> None:
    world = World()
    world.put(registered.channel(1))
    async with dashboard(world) as operator:
        await operator.open("channels")
        await operator.until(lambda: "w Tap" in operator.footer(), "the channel's key")
        await operator.press("slash")
        # All else is text of the filter.
        await operator.until(lambda: operator.footer().split() == ["Enter", "Keep", "Esc", "Clear"])
        await operator.press("escape")
        await operator.until(lambda: "w Tap" in operator.footer(), "the channel's key again")
        await operator.press("colon")
        await operator.until(lambda: "Tab Complete" in operator.footer(), "the keys of going to")
        assert "Filter" not in operator.footer()
        await operator.press("escape")
        await operator.until(lambda: "w Tap" in operator.footer(), "the channel's key again")
