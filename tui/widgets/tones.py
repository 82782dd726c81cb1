"""The style of a tone in the colours of the theme."""

from __future__ import annotations

from collections.abc import Mapping

from rich.style import Style
from rich.text import Text

from tui.runtime.textual_theme import rich_colour
from tui.text.charts.chart_line import ChartLine

VARIABLES = {
    "accent": "text-accent",
    "good": "text-success",
    "warn": "text-warning",
    "bad": "text-error",
}
"""The theme's variables for tones."""


def toned(line: ChartLine, theme_variables: Mapping[str, str]) -> Text:
    """Return a line with its colours."""
    return Text.assemble(*((piece.text, _style(piece.tone, theme_variables)) for piece in line))


def _style(tone: str, theme_variables: Mapping[str, str]) -> Style:
    if tone == "title":
        return Style(bold=True)
    if tone == "dim":
        return Style(dim=True)
    return Style.parse(rich_colour(theme_variables, VARIABLES.get(tone, "")))
