"""The table of actions: help, palette, and the line of keys are made from it, on every screen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from textual.app import SystemCommand
from textual.command import CommandPalette

from backends.dynamo.records import ModelCard
from tests.support.operating import Operator, World, dashboard
from tests.support.registered import MALFORMED, card, channel, instance
from tui.actions import ACTIONS, BY_ID, DEFAULT_KEYS, Action, Keys, Place, help_lines
from tui.actions.action import LIVE
from tui.app import DyntopApp
from tui.dialogs.clean_up import CleanUpScreen, ProposalTable
from tui.dialogs.columns import ColumnsScreen, ColumnTable
from tui.dialogs.context_list import ContextList, ContextTable
from tui.dialogs.help import HelpScreen
from tui.dialogs.outcomes import OutcomesScreen
from tui.dialogs.removal_option_list import RemovalOptionList
from tui.dialogs.undo import UndoDialog
from tui.dialogs.unregister import UnregisterDialog
from tui.screens.charts import ChartScreen
from tui.screens.comparison import CardComparisonScreen
from tui.screens.detail import DetailScreen
from tui.screens.main import MainScreen
from tui.screens.past import REFUSED, PastScreen
from tui.screens.replay import ReplayScreen
from tui.screens.tap import MessageScreen, TapScreen
from tui.state.reported_removals import Report
from tui.text.cards.card_comparison import ComparedCards, comparison_of_marked
from tui.widgets.chart_view import ChartView
from tui.widgets.detail_pane import DetailPane
from tui.widgets.namespace_tree import NamespaceTree
from tui.widgets.panes.channels import ChannelsPane
from tui.widgets.panes.models import ModelsPane
from tui.widgets.panes.tree_pane import TreePane
from tui.widgets.table.list_table import ListTable


def world() -> World:
    world = World()
    world.put(instance(0xA7), card(0xA7), lease=0xA7)
    world.put(channel(0x101), lease=0xA7)
    world.put(MALFORMED)
    return world


OF_MAIN = (
    NamespaceTree,
    ListTable,
    ChannelsPane,
    ModelsPane,
    TreePane,
    DetailPane,
    DyntopApp,
)
PARTS: dict[Place, tuple[type, ...]] = {
    Place.MAIN: (MainScreen, *OF_MAIN),
    Place.REPLAY: (ReplayScreen, *OF_MAIN),
    Place.TAP: (TapScreen, ListTable, DyntopApp),
    Place.CHART: (ChartScreen, ChartView, DyntopApp),
    Place.DETAIL: (DetailScreen, DetailPane, DyntopApp),
    Place.COLUMNS: (ColumnsScreen, ColumnTable, DyntopApp),
    Place.COMPARISON: (CardComparisonScreen, ListTable, DyntopApp),
    Place.MESSAGE: (MessageScreen, DetailPane, DyntopApp),
    Place.UNREGISTER: (UnregisterDialog, RemovalOptionList, DyntopApp),
    Place.UNDO: (UndoDialog, DyntopApp),
    Place.CLEAN_UP: (CleanUpScreen, ProposalTable, DyntopApp),
    Place.OUTCOMES: (OutcomesScreen, DyntopApp),
    Place.CONTEXTS: (ContextList, ContextTable, DyntopApp),
    Place.HELP: (HelpScreen, DyntopApp),
}
OF_THE_PAST = {*PastScreen.MOVES, *REFUSED}
"""Actions of the present that do something else in the past."""
OF_TEXTUAL = {"next-part"}
"""Actions that Textual's own screens have."""


def bound(part: type) -> set[str]:
    return {one for base in part.__mro__ for one in vars(base).get("ACTIONS", {})}


@pytest.mark.parametrize("place", Place)
def test_a_screen_has_just_the_actions_that_the_table_says(place: Place) -> None:
    has = set().union(*map(bound, PARTS[place]))
    # Nothing of a store is asked or changed in a recording; its keys say why, or do something else.
    # In these tables Enter ticks, closes or switches.
    has -= {one.id for one in ACTIONS if one.places <= LIVE} if place is Place.REPLAY else set()
    has -= {"freeze"} if place is Place.REPLAY else set()
    has -= {"open"} if place in (Place.CLEAN_UP, Place.COLUMNS, Place.CONTEXTS) else set()
    assert has == {one.id for one in ACTIONS if place in one.places} - OF_TEXTUAL


def test_every_binding_of_ours_is_of_the_table() -> None:
    for part in {part for parts in PARTS.values() for part in parts}:
        for base in part.__mro__:
            if base.__module__.startswith("tui.") and "BINDINGS" in vars(base):
                ids = {binding.id for binding in vars(base)["BINDINGS"]}
                own = vars(base)["ACTIONS"] if base is not PastScreen else OF_THE_PAST
                assert ids == {BY_ID[one].same_keys_as or one for one in own}, base


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.id)
def test_help_is_a_whole_sentence(action: Action) -> None:
    text = action.help
    assert text[0].isupper()
    assert text.endswith(".")
    assert len(text.split()) > 1


async def on_main(operator: Operator) -> None:
    await operator.until_shown("? Help")


async def in_detail(operator: Operator) -> None:
    await operator.press("enter")
    await operator.until(lambda: isinstance(operator.app.screen, DetailScreen))


async def in_charts(operator: Operator) -> None:
    await operator.press("m")
    await operator.until(lambda: isinstance(operator.app.screen, ChartScreen))


async def in_columns(operator: Operator) -> None:
    await operator.press("C")
    await operator.until_shown("Columns of Instances")


async def in_tap(operator: Operator) -> None:
    await operator.open("channels")
    await operator.press("w")
    await operator.until(lambda: isinstance(operator.app.screen, TapScreen))


async def in_comparison(operator: Operator) -> None:
    compared = comparison_of_marked(
        [*operator.dashboard.view.cluster.of_type(ModelCard)] * 2,
        operator.dashboard.view.cluster,
        "=",
    )
    assert isinstance(compared, ComparedCards)
    operator.app.push_screen(CardComparisonScreen(compared, 0.0, 0.0))
    await operator.until_shown("No field of Dynamo's checksum differs")


async def asked_to_unregister(operator: Operator) -> None:
    await operator.go_to("id", "bad")
    await operator.unregister()


async def asked_to_clean_up(operator: Operator) -> None:
    operator.app.push_screen(CleanUpScreen(operator.dashboard, [], "here"))
    await operator.until_asked(CleanUpScreen)


async def in_outcomes(operator: Operator) -> None:
    operator.app.push_screen(OutcomesScreen(Report("What came of it", ())))
    await operator.until_shown("What came of it")


PLACES = [
    (on_main, Place.MAIN),
    (in_detail, Place.DETAIL),
    (in_tap, Place.TAP),
    (in_charts, Place.CHART),
    (in_columns, Place.COLUMNS),
    (in_comparison, Place.COMPARISON),
    (asked_to_unregister, Place.UNREGISTER),
    (asked_to_clean_up, Place.CLEAN_UP),
    (in_outcomes, Place.OUTCOMES),
]


@pytest.mark.parametrize(("go", "place"), PLACES, ids=lambda one: getattr(one, "name", None))
async def test_help_and_the_palette_have_the_keys_of_the_screen_that_is_there_again_afterwards(
    go: Callable[[Operator], Awaitable[None]], place: Place
) -> None:
    async with dashboard(world(), size=(150, 90)) as operator:
        await go(operator)
        below = operator.app.screen
        assert_palette_is_of(place, list(operator.app.get_system_commands(below)))
        await operator.press("question_mark")
        await operator.until(lambda: isinstance(operator.app.screen, HelpScreen), "the help")
        for _, keys, sentence in help_lines(place, DEFAULT_KEYS, writes=True):
            line = next((one for one in operator.lines() if sentence[:60] in one), "")
            assert f" {keys} " in line, sentence
        await operator.press("question_mark")
        await operator.until(lambda: operator.app.screen is below, "back")


def assert_palette_is_of(place: Place, commands: list[SystemCommand]) -> None:
    """It has all commands of the place, each with its keys, and none of another's."""
    titles = [one.title for one in commands]
    assert len(titles) == len(set(titles))
    here = {one.title for one in ACTIONS if place in one.places and one.title}
    # Of these only one is there at a time, and those of one tab only there.
    here -= {"Drain", "Unregister", "Listen to the channel", "Compare model cards"}
    # This only in the past.
    here -= {"Return to the present"}
    assert here <= set(titles)
    others = {one.title for one in ACTIONS if place not in one.places and one.title} - here
    assert not others & set(titles)
    for command in commands:
        if command.title in here:
            assert ". Key" in command.help, command


async def test_where_an_id_is_typed_the_key_of_help_is_a_character() -> None:
    async with dashboard(world(), size=(150, 60)) as operator:
        await operator.go_to("id", "a7")
        await operator.unregister()
        await operator.type("?")
        assert isinstance(operator.app.screen, UnregisterDialog)
        await operator.until_shown("? ")
        await operator.press("tab", "question_mark")
        await operator.until(lambda: isinstance(operator.app.screen, HelpScreen), "the help")


async def test_help_over_a_question_answers_nothing() -> None:
    there = world()
    before = there.entries()
    async with dashboard(there, size=(150, 60)) as operator:
        await asked_to_unregister(operator)
        await operator.press("question_mark", "Y", "question_mark")
        await operator.until(lambda: operator.in_dialog, "the question again")
        await operator.press("n")
        await operator.until(lambda: operator.on_main, "the question answered")
        assert there.entries() == before


async def test_a_command_of_the_palette_acts_on_the_screen_below_it() -> None:
    async with dashboard(world(), size=(150, 60)) as operator:
        await in_tap(operator)
        await operator.press("ctrl+p")
        await operator.until(lambda: isinstance(operator.app.screen, CommandPalette))
        await operator.type("freeze")
        await operator.until_shown("Freeze or resume the list of messages. Keys: f, space")
        await operator.type("\r")
        await operator.until_shown("frozen: f lets it go on")


async def test_a_key_that_means_something_in_markup_is_shown_as_it_is() -> None:
    async with dashboard(world(), keys=Keys({"tree": ("[",)}), size=(150, 60)) as operator:
        await operator.press("ctrl+p")
        await operator.until(lambda: isinstance(operator.app.screen, CommandPalette))
        await operator.type("hide the tree")
        await operator.until_shown("Show or hide the tree. Key: [")
