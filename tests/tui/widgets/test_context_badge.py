"""A context is shown in its colour, in the header and in each question, and is legible in it."""

from __future__ import annotations

import pytest
from rich.color import ColorSystem
from rich.style import Style
from textual.color import Color

from tests.support.operating import World, dashboard
from tests.support.registered import instance
from tui.config.context_colours import COLOURS
from tui.runtime.textual_theme import _drawn, contrast, on_colour
from tui.widgets.context_badge import context_badge

LEGIBLE = 4.5
"""The least contrast of a text by WCAG."""
LEGIBLE_BOLD = 3.0
"""Of one that is bold, where a terminal has 16 colours."""


def style_of(colour: str) -> tuple[Color, Color]:
    style = Style.parse(on_colour(colour))
    assert style.color is not None
    assert style.bgcolor is not None
    return Color.from_rich_color(style.color), Color.from_rich_color(style.bgcolor)


@pytest.mark.parametrize("colour", [*COLOURS.values(), "#000000", "#ffffff", "#808080"])
@pytest.mark.parametrize("no_color", [False, True])
def test_each_colour_is_legible_in_each_terminal(colour: str, no_color: bool) -> None:
    text, background = style_of(colour)
    for system in (ColorSystem.TRUECOLOR, ColorSystem.EIGHT_BIT, ColorSystem.STANDARD):
        drawn = _drawn(system, no_color=no_color)
        least = LEGIBLE_BOLD if system is ColorSystem.STANDARD else LEGIBLE
        assert contrast(drawn(text), drawn(background)) >= least, system


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_the_context_has_its_colour_in_the_header_and_in_a_question(
    size: tuple[int, int],
) -> None:
    world = World(leases=False)
    world.put(instance(0xA1))
    async with dashboard(
        world, size=size, context="prod", context_source="--context", colour="red"
    ) as operator:
        await operator.until_shown(" ctx prod ")
        badge = context_badge(operator.app, operator.app.settings)
        assert str(badge.style) == f"bold #ffffff on {COLOURS['red']}"
        await operator.unregister()
        await operator.until_shown(" ctx prod   from memory at this process")


async def test_without_colours_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with dashboard(context="prod", context_source="--context", colour="#00ff00") as operator:
        await operator.until(lambda: "ctx prod (#00ff00)" in operator.breadcrumb())
