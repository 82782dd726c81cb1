"""Style sheets that are parsed once, however many dashboards a process of tests makes.

Textual (8.2.8) parses its own, some 70, for each app and each theme: a sixth of the start of one.
Stylesheets of an app share what was parsed already, by text and place; here those of all apps do,
by the variables of the theme, too.
"""

from __future__ import annotations

from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet

_parse_rules = Stylesheet._parse_rules
_known: dict[tuple[object, ...], list[RuleSet]] = {}


def _parse_once(self: Stylesheet, css: str, *args: object, **more: object) -> list[RuleSet]:
    theme = frozenset(self._variables.items())
    key = (theme, css, *args, *sorted(more.items()))
    if key not in _known:
        _known[key] = _parse_rules(self, css, *args, **more)  # type: ignore[arg-type]
    return _known[key]


def parse_styles_once() -> None:
    """From here on no style sheet is parsed twice with the same variables."""
    Stylesheet._parse_rules = _parse_once  # type: ignore[method-assign]
