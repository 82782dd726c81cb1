"""Style sheets that are parsed once are those of their own theme."""

from __future__ import annotations

from textual.strip import Strip

from tests.support.operating import World, dashboard
from tests.support.registered import card, instance


async def drawn(theme: str) -> list[Strip]:
    world = World()
    world.put(instance(1), card(1), lease=1)
    async with dashboard(world) as operator:
        operator.app.theme = theme
        await operator.until_shown("live")
        return list(operator.app.screen._compositor.render_strips())


async def test_what_another_dashboard_had_for_a_theme_changes_nothing() -> None:
    first, other = await drawn("nord"), await drawn("textual-light")
    assert first != other
    assert await drawn("nord") == first
