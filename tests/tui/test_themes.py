"""Every theme starts, draws, and keeps what is bad at least as easy to read as muted text."""

from __future__ import annotations

import pytest
from rich.color import Color as RichColor
from rich.color import ColorSystem
from rich.console import Console
from rich.style import Style
from textual.app import App
from textual.color import Color
from textual.constants import COLOR_SYSTEM
from textual.theme import BUILTIN_THEMES

from backends.store import Cause, Unreachable
from tests.support import registered
from tests.support.operating import Operator, World, dashboard
from tui.runtime.textual_theme import BACKGROUNDS, MUTED, TONES, contrast, legible

THEMES = sorted(BUILTIN_THEMES)
RGB = [name for name in THEMES if not BUILTIN_THEMES[name].ansi]
FEW = ("ansi-dark", "ansi-light", "nord", "textual-light")
DEPTHS = {
    "24 bit": {"TERM": "xterm-256color", "COLORTERM": "truecolor"},
    "256": {"TERM": "screen-256color"},
    "16": {"TERM": "xterm"},
    "NO_COLOR": {"TERM": "xterm-256color", "COLORTERM": "truecolor", "NO_COLOR": "1"},
    "16, NO_COLOR": {"TERM": "linux", "NO_COLOR": "1"},
}
"""What a terminal is, by the environment that names it."""
BRIGHT_BLACK = 8


@pytest.fixture(params=DEPTHS)
def depth(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    assert COLOR_SYSTEM == "auto", "the environment of the tests does not force one"
    for name in ("TERM", "COLORTERM", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in DEPTHS[request.param].items():
        monkeypatch.setenv(name, value)
    return str(request.param)


def troubled() -> World:
    world = World()
    for worker in range(1, 5):
        world.put(registered.instance(worker), registered.card(worker), lease=worker)
    world.put((b"v1/instances/prod/backend/generate/9", b"no JSON"))
    return world


def style_of(operator: Operator, text: str) -> Style:
    """Return how the first such text on screen is drawn."""
    for strip in operator.app.screen._compositor.render_strips():
        at = strip.text.find(text)
        if at >= 0:
            style = next(iter(strip.crop(at, at + 1))).style
            assert style is not None
            return style
    raise AssertionError(f"nowhere: {text}\n{operator.text()}")


def brightness(operator: Operator, text: str) -> float:
    """Return the contrast of a text to its background, as the terminal shows it."""
    style, dark = style_of(operator, text), operator.app.current_theme.dark
    colours = operator.app._colours
    black, white = Color(0, 0, 0), Color(229, 229, 229)
    default = (white, black) if dark else (black, white)

    def shown(colour: RichColor | None, otherwise: Color) -> Color:
        colour = None if colour is None else colour.downgrade(colours)
        if colour is None or colour.is_default:
            return otherwise
        assert colour.number != BRIGHT_BLACK or colour.triplet is not None
        return Color(*colour.get_truecolor())

    text_colour, background = shown(style.color, default[0]), shown(style.bgcolor, default[1])
    if style.dim:
        text_colour = background.blend(text_colour, 0.5)
    return contrast(text_colour, background)


async def test_in_each_theme_that_is_chosen_what_is_bad_is_no_dimmer_than_what_is_muted(
    depth: str,
) -> None:
    async with dashboard(troubled(), size=(120, 30)) as operator:
        await operator.until_shown("malformed", "live")
        assert operator.app.no_color == ("NO_COLOR" in depth)
        # With 16 colours all dark themes are drawn in the same, and so are all light ones; in
        # between, each tone of each theme is computed below.
        for theme in THEMES if depth == "24 bit" else FEW:
            operator.app.theme = theme
            await operator.pilot.pause()
            # In the table and in the header; the cursor is on neither.
            for bad, muted in (("! malformed", "10.0.0.3"), (" finding", "changes/s")):
                assert brightness(operator, bad) >= brightness(operator, muted), (theme, bad)
                assert not style_of(operator, bad).dim, theme
            assert brightness(operator, "connected") >= 2, theme


@pytest.mark.parametrize("no_color", [False, True])
@pytest.mark.parametrize("colours", [ColorSystem.TRUECOLOR, ColorSystem.EIGHT_BIT])
@pytest.mark.parametrize("name", RGB)
def test_no_tone_is_dimmer_than_muted_text_on_any_background(
    name: str, colours: ColorSystem, no_color: bool
) -> None:
    theme = BUILTIN_THEMES[name]
    variables = {**theme.to_color_system().generate(), **theme.variables}
    changed = legible(variables, theme, colours, no_color=no_color)

    def seen(colour: Color, on: Color) -> float:
        shown = [one.monochrome if no_color else one for one in (colour, on)]
        exact = [one.rich_color.downgrade(colours).get_truecolor() for one in shown]
        return contrast(*(Color(*one) for one in exact))

    for background in (Color.parse(variables[name]) for name in BACKGROUNDS):
        muted = background + background.get_contrast_text(MUTED)
        for tone in TONES:
            assert seen(Color.parse(changed[tone]), background) >= seen(muted, background)


@pytest.mark.parametrize("name", ["ansi-dark", "ansi-light"])
async def test_with_the_terminals_own_colours_every_pane_and_question_is_drawn(name: str) -> None:
    world = troubled()
    async with dashboard(world, size=(120, 30)) as operator:
        operator.app.theme = name
        await operator.until_shown("malformed")
        for tab in "12345678":
            await operator.press(tab)
        await operator.press("1", "question_mark")
        await operator.until_shown("keys and signs")
        await operator.press("escape", "d")
        await operator.until(lambda: operator.in_dialog, "the question")
        await operator.press("escape")
        world.keyspace.delete(registered.instance(2)[0])
        await operator.until_shown("† gone")
        assert style_of(operator, "† gone").dim
        world.keyspace.break_off(Unreachable("http://etcd-0:2379", Cause.REFUSED))
        await operator.until_shown("disconnected", "nothing listens")
        trouble = style_of(operator, "nothing listens")
        assert trouble.color != trouble.bgcolor


async def test_a_theme_is_chosen_in_the_palette_while_a_question_is_open() -> None:
    async with dashboard(troubled(), size=(120, 30)) as operator:
        await operator.press("d")
        await operator.until(lambda: operator.in_dialog, "the question")
        await operator.press("ctrl+p")
        await operator.type("theme")
        await operator.until_shown("Change the current theme")
        await operator.press("enter")
        await operator.type("ansi-light")
        await operator.until_shown("ansi-light")
        await operator.press("down", "enter")
        await operator.until(lambda: operator.app.theme == "ansi-light", "the theme")
        await operator.until(lambda: operator.in_dialog, "the question again")
        await operator.press("escape")
        await operator.until(lambda: operator.on_main, "the main screen")


def test_textual_still_has_what_is_mended_here() -> None:
    """Fails when a release takes a private name away that this relies on."""
    assert isinstance(Console()._color_system, ColorSystem | None)
    assert isinstance(App[None]()._filters, list)
