"""Keys that were chosen: they act, the old ones do not, and texts name them."""

from __future__ import annotations

from tests.support.operating import Operator, World, dashboard
from tests.support.registered import MALFORMED, card, channel, instance
from tui.actions import Keys


def world() -> World:
    world = World()
    world.put(instance(0xA7), card(0xA7), lease=0xA7)
    world.put(channel(0x101), lease=0xA7)
    world.put(MALFORMED)
    return world


def at(operator: Operator) -> int:
    """The number of the row that the cursor is on."""
    rows: list[object] = list(operator.pane.rows)
    return rows.index(operator.pane.row)


async def test_the_chosen_key_acts_and_the_old_one_does_not() -> None:
    async with dashboard(world(), keys=Keys({"drain": ("D",)}), size=(120, 40)) as operator:
        await operator.go_to("id", "a7")
        await operator.until_shown("D Drain")
        await operator.press("d")
        assert operator.on_main
        await operator.press("D")
        await operator.until(lambda: operator.in_dialog, "the question")


async def test_unregister_has_the_key_of_drain() -> None:
    async with dashboard(world(), keys=Keys({"drain": ("D",)}), size=(120, 40)) as operator:
        await operator.go_to("id", "bad")
        await operator.until_shown("D Unregister")
        await operator.press("D")
        await operator.until(lambda: operator.in_dialog, "the question")


async def test_each_of_several_keys_acts_and_the_first_is_shown() -> None:
    async with dashboard(world(), keys=Keys({"help": ("f5", "comma")})) as operator:
        await operator.until_shown("F5 Help")
        for key in ("f5", "comma"):
            await operator.press(key)
            await operator.until(lambda: not operator.on_main, "the help")
            await operator.press(key)
            await operator.until(lambda: operator.on_main, "back")
        await operator.press("question_mark")
        assert operator.on_main


async def test_two_actions_of_one_widget_change_their_keys_with_each_other() -> None:
    keys = Keys({"drain": ("p",), "probe": ("d",)})
    async with dashboard(world(), keys=keys, size=(120, 40)) as operator:
        await operator.until_shown("p Drain", "d Probe")
        await operator.press("p")
        await operator.until(lambda: operator.in_dialog, "the question")


async def test_moving_can_be_rebound_in_table_tree_and_help_alike() -> None:
    keys = Keys({"down": ("n",), "up": ("e",)})
    async with dashboard(world(), keys=keys) as operator:
        await operator.press("g", "n")
        await operator.until(lambda: at(operator) == 1, "the second row")
        await operator.press("j", "down")
        assert at(operator) == 1
        operator.tree.focus()
        await operator.until(lambda: operator.tree.has_focus, "the tree has the focus")
        line = operator.tree.cursor_line
        await operator.press("n")
        await operator.until(lambda: operator.tree.cursor_line == line + 1, "the next place")
        await operator.press("question_mark")
        await operator.until_shown("e n ")


async def test_what_is_typed_behind_a_rebound_filter_key_in_one_go_is_filtered_for() -> None:
    async with dashboard(world(), keys=Keys({"filter": ("z",)})) as operator:
        await operator.type("zd7z")
        assert operator.filter.value == "d7z"
        assert operator.on_main


async def test_a_rebound_tab_key_is_a_character_in_the_filter() -> None:
    async with dashboard(world(), keys=Keys({"tab-2": ("m",)})) as operator:
        await operator.type("m")
        await operator.until(lambda: operator.tab() == "models", "the tab")
        await operator.type("/m2")
        assert operator.filter.value == "m2"
        assert operator.tab() == "models"


async def test_a_key_that_tables_mark_with_elsewhere_is_free_while_listening() -> None:
    """Tables there have no marks, so that their key may be that of an action of the screen."""
    keys = Keys({"mark": ("r",)})
    async with dashboard(world(), keys=keys, size=(120, 40)) as operator:
        await operator.open("channels")
        await operator.press("w")
        await operator.until_shown("r Raw")


async def test_help_palette_and_messages_name_the_chosen_keys() -> None:
    keys = Keys({"drain": ("D",), "not-live": ("f7",), "undo": ("U",), "freeze": ("f8",)})
    async with dashboard(world(), keys=keys, size=(150, 60)) as operator:
        await operator.press("question_mark")
        await operator.until_shown("D  ", "F7  ", "Drain the workers of the")
        await operator.press("escape")
        found = {
            one.title: one.help for one in operator.app.get_system_commands(operator.app.screen)
        }
        assert found["Show only records that are not live"].endswith("Key: F7")
        await operator.press("f7")
        await operator.until_shown("F7 not live only")
        await operator.press("escape")
        await operator.go_to("id", "bad")
        await operator.press("D")
        await operator.until_shown("Undo with U")
