"""Style sheets that are parsed and applied once say what they say if each app does so itself."""

from __future__ import annotations

from textual.app import App
from textual.color import Color
from textual.dom import DOMNode

from tests.support.operating import Operator, World, dashboard
from tests.support.registered import card, instance
from tests.support.styles import said_anew, said_of


async def coloured(theme: str) -> list[tuple[str, Color, Color]]:
    """The colours of each widget in a theme."""
    world = World()
    world.put(instance(1), card(1), lease=1)
    async with dashboard(world) as operator:
        operator.app.theme = theme
        await operator.until_shown("live")
        widgets = operator.app.screen.walk_children()
        return [(str(one), one.styles.background, one.styles.color) for one in widgets]


async def test_what_another_dashboard_had_for_a_theme_changes_nothing() -> None:
    first, other = await coloured("nord"), await coloured("textual-light")
    assert first != other
    assert await coloured("nord") == first


def assert_all_as_anew(operator: Operator) -> None:
    """Of every node, and of every part that is styled by itself, is said what would be found if
    nothing had been kept."""
    app: App[None] = operator.app
    nodes: list[DOMNode] = [app, *app.screen.walk_children(with_self=True)]
    for node in nodes:
        parts = [DOMNode(classes=part) for part in node._get_component_classes()]
        for part in parts:
            part._attach(node)
        for one in (node, *parts):
            assert said_of(app.stylesheet, one) == said_anew(app.stylesheet, one), one


async def test_each_state_of_each_widget_has_the_styles_of_that_state() -> None:
    world = World()
    world.put(instance(1), card(1), lease=1)
    for _ in range(2):
        async with dashboard(world) as operator:
            for keys in ("2", "tab", "slash", "escape", "question_mark", "escape", "1", "d"):
                await operator.press(keys)
                assert_all_as_anew(operator)
            operator.app.theme = "textual-light"
            await operator.pilot.resize_terminal(60, 20)
            await operator.pilot.hover(offset=(20, 10))
            assert_all_as_anew(operator)
