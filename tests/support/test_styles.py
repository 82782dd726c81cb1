"""Style sheets that are parsed once are those of their own theme."""

from __future__ import annotations

from textual.color import Color

from tests.support.operating import World, dashboard
from tests.support.registered import card, instance


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
