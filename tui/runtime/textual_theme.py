"""Textual 8.2.8's themes, corrected where a text would be illegible.

Its themes tint error colours towards the text, which is often dimmer than the text that they mute.
With `NO_COLOR` only the brightness of it is left. In a terminal of 16 colours each colour becomes
the nearest of those, and error colours the same grey as the rest, or the background's colour.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rich.color import ColorSystem
from rich.console import Console
from textual import constants
from textual.color import Color
from textual.filter import LineFilter, Monochrome, NoColor
from textual.theme import BUILTIN_THEMES, Theme

TONES = ("text-error", "text-warning", "text-success", "text-accent")
"""The variables for errors, warnings, success and accents."""
BACKGROUNDS = ("background", "surface", "panel", "surface-lighten-2", "error-muted")
"""The variables for the backgrounds of these."""
MUTED = 0.6
"""The part of the best contrast that Textual gives to muted text."""
STEPS = 20
LEAST_CURSOR = 3.0
"""The contrast of the text under the cursor: WCAG's minimum for text that is not small."""

Drawn = Callable[[Color], Color]
"""Converts a colour to the one that a terminal shows for it."""


def colours_of_terminal() -> ColorSystem:
    """Return how many colours Textual will draw with."""
    system: Any = constants.COLOR_SYSTEM
    console = Console(color_system=system, force_terminal=True)
    # Textual draws with all colours if the terminal names none.
    return console._color_system or ColorSystem.TRUECOLOR


def theme_for(theme: Theme, colours: ColorSystem) -> Theme:
    """Return the theme to draw for a chosen one: with 16 colours the terminal's own."""
    if theme.ansi or colours > ColorSystem.STANDARD:
        return theme
    return BUILTIN_THEMES["ansi-dark" if theme.dark else "ansi-light"]


def legible(
    variables: Mapping[str, str], theme: Theme, colours: ColorSystem, *, no_color: bool
) -> dict[str, str]:
    """Return a theme's variables with tones that stand out at least as much as muted text."""
    if theme.ansi:
        # Half of red is red again, on which red is illegible. And plain red is the darkest colour
        # but blue on black, while it is easily read on white.
        error = "ansi_bright_red" if theme.dark else variables["text-error"]
        return {**variables, "text-error": error, "error-muted": "transparent"}
    drawn = _drawn(colours, no_color=no_color)
    wanted = list(_wanted(variables, drawn))
    changed = dict(variables)
    for name in TONES:
        colour = Color.parse(variables[name])
        changed[name] = _standing_out(colour, wanted, drawn, dark=theme.dark).hex
    changed["block-cursor-foreground"] = _under_cursor(variables, drawn)
    return changed


def drop_colours(filters: list[LineFilter], theme: Theme) -> None:
    """Replace the filter of `NO_COLOR` by that of a theme.

    Textual chooses it once, at the start. The filter for RGB would draw a theme black whose colours
    are the terminal's own.
    """
    fitting = NoColor if theme.ansi else Monochrome
    for index, one in enumerate(filters):
        if isinstance(one, NoColor | Monochrome):
            filters[index] = fitting()


def rich_colour(variables: Mapping[str, str], name: str) -> str:
    """Return Rich's name of a variable's colour. Empty: no such variable."""
    value = variables.get(name)
    return "" if value is None else Color.parse(value).rich_color.name


def on_colour(colour: str) -> str:
    """Return Rich's style of a text on a colour: black or white, whichever is read better."""
    background = Color.parse(colour)
    text = max(("#000000", "#ffffff"), key=lambda one: contrast(Color.parse(one), background))
    return f"{text} on {background.hex6.lower()}"


def contrast(colour: Color, background: Color) -> float:
    """Return the contrast of two colours by WCAG 2: from 1 to 21."""
    dark, light = sorted((_luminance(colour), _luminance(background)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: Color) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in colour.normalized
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _drawn(colours: ColorSystem, *, no_color: bool) -> Drawn:
    def drawn(colour: Color) -> Color:
        if no_color:
            colour = colour.monochrome
        triplet = colour.rich_color.downgrade(colours).get_truecolor()
        return Color(*triplet)

    return drawn


def _wanted(variables: Mapping[str, str], drawn: Drawn) -> Iterator[tuple[Color, float]]:
    """Yield each background with the contrast of the brightest muted or dim text on it."""
    text = Color.parse(variables["foreground"])
    for background in (Color.parse(variables[name]) for name in BACKGROUNDS):
        muted = background + background.get_contrast_text(MUTED)
        dim = background.blend(text, constants.DIM_FACTOR)
        shown = drawn(background)
        yield shown, max(contrast(drawn(muted), shown), contrast(drawn(dim), shown))


def _standing_out(
    colour: Color, wanted: list[tuple[Color, float]], drawn: Drawn, *, dark: bool
) -> Color:
    """Return the first shade of a colour that has the wanted contrast on each background."""
    for shade in _shades(colour, dark=dark):
        if all(contrast(drawn(shade), background) >= least for background, least in wanted):
            return shade
    return shade


def _shades(colour: Color, *, dark: bool) -> Iterator[Color]:
    """Yield a colour, then it ever lighter on a dark theme, darker on a light one."""
    yield colour
    hue, saturation, lightness = colour.hsl
    most = 1.0 if dark else 0.0
    for step in range(STEPS + 1):
        part = step / STEPS
        yield Color.from_hsl(hue, max(saturation, 0.8), lightness + (most - lightness) * part)


def _under_cursor(variables: Mapping[str, str], drawn: Drawn) -> str:
    """Return the colour of the text under the cursor: the theme's own if it is legible."""
    bar = Color.parse(variables["block-cursor-background"])
    name = variables["block-cursor-foreground"]
    if name.startswith("auto"):
        return name
    if contrast(drawn(Color.parse(name)), drawn(bar)) >= LEAST_CURSOR:
        return name
    return max((Color(0, 0, 0), Color(255, 255, 255)), key=lambda one: contrast(one, bar)).hex
