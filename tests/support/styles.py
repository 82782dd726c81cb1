"""Style sheets that are parsed and applied once, however many dashboards a process of tests makes.

Textual (8.2.8) parses its own, some 70, for each app and each theme. It puts them together anew
whenever a widget of another kind is mounted, and goes over all rules for each widget and each of
its parts: a quarter of the start of an app. Here all apps share what the same sheets made, and
what they say of a node in the same place and state: all that a selector can look at is compared.
"""

from __future__ import annotations

from typing import NamedTuple

from textual.css.model import RuleSet
from textual.css.styles import RulesMap
from textual.css.stylesheet import Stylesheet
from textual.dom import DOMNode

_Place = tuple[object, ...]
"""Of a node and of each that it is in: type, id, classes and the pseudo-classes asked for."""


class Said(NamedTuple):
    """What a style sheet says of a node."""

    rules: RulesMap | None
    """None: nothing."""
    marks: tuple[bool, bool, bool, bool]
    """What Textual notes on the node about the pseudo-classes of its rules."""


class _Reading:
    """A style sheet that only tells what it would set on a node, to Textual's `apply`."""

    _check_rule = Stylesheet._check_rule
    said: RulesMap | None = None

    def __init__(self, sheet: Stylesheet) -> None:
        self.rules, self.rules_map = sheet.rules, sheet.rules_map

    def replace_rules(self, _node: DOMNode, rules: RulesMap, *, animate: bool) -> None:
        self.said = rules

    def _process_component_classes(self, _node: DOMNode) -> None:
        """They are asked about one by one."""


class _Asked(NamedTuple):
    """What a style sheet has for some of the names that a node goes by."""

    pseudo_classes: tuple[str, ...]
    """All of which the selectors ask for one."""
    said: dict[_Place, Said]


class _Sheet(NamedTuple):
    """What came of the same sources with the same variables."""

    rules: list[RuleSet]
    by_name: dict[str, list[RuleSet]]
    asked: dict[frozenset[str], _Asked]


_parse_rules = Stylesheet._parse_rules
_parse = Stylesheet.parse
_apply = Stylesheet.apply

_parsed: dict[tuple[object, ...], list[RuleSet]] = {}
_sheets: dict[tuple[object, ...], _Sheet] = {}
_by_rules: dict[int, _Sheet] = {}
"""By the identity of their lists of rules."""


def _parse_rules_once(self: Stylesheet, css: str, *args: object, **more: object) -> list[RuleSet]:
    theme = frozenset(self._variables.items())
    key = (theme, css, *args, *sorted(more.items()))
    if key not in _parsed:
        _parsed[key] = _parse_rules(self, css, *args, **more)  # type: ignore[arg-type]
    return _parsed[key]


def _parse_once(self: Stylesheet) -> None:
    if self._invalid_css:
        _parse(self)
        return
    key = (frozenset(self._variables.items()), *self.source.items())
    if (sheet := _sheets.get(key)) is None:
        _parse(self)
        sheet = _sheets[key] = _Sheet(self._rules, self.rules_map, {})
        _by_rules[id(sheet.rules)] = sheet
    self._rules, self._rules_map = sheet.rules, sheet.by_name
    self._require_parse = False


def _apply_once(
    self: Stylesheet,
    node: DOMNode,
    *,
    animate: bool = False,
    cache: dict[tuple[object, ...], RulesMap] | None = None,
) -> None:
    if (said := said_of(self, node)) is None:
        _apply(self, node, animate=animate, cache=cache)
        return
    (
        node._has_hover_style,
        node._has_focus_within,
        node._has_order_style,
        node._has_odd_or_even,
    ) = said.marks
    if said.rules is not None:
        self.replace_rules(node, said.rules, animate=animate)
    self._process_component_classes(node)


def said_of(style_sheet: Stylesheet, node: DOMNode) -> Said | None:
    """Return what a style sheet says of a node, from what is known of its place. None: it is a
    style sheet with mistakes, of which nothing is kept."""
    by_name = style_sheet.rules_map
    if (sheet := _by_rules.get(id(style_sheet._rules))) is None:
        return None
    names = frozenset(by_name.keys() & node._selector_names)
    if (asked := sheet.asked.get(names)) is None:
        found = {one for name in names for rule in by_name[name] for one in rule.pseudo_classes}
        asked = sheet.asked[names] = _Asked(tuple(found), {})
    place = tuple(
        (type(one), one._id, frozenset(one._classes), *map(one.has_pseudo_class, asked[0]))
        for one in node.css_path_nodes
    )
    if (said := asked.said.get(place)) is None:
        said = asked.said[place] = said_anew(style_sheet, node)
    return said


def said_anew(style_sheet: Stylesheet, node: DOMNode) -> Said:
    """Return what Textual finds for a node, and notes on it."""
    reading = _Reading(style_sheet)
    _apply(reading, node)  # type: ignore[arg-type]
    marks = (
        node._has_hover_style,
        node._has_focus_within,
        node._has_order_style,
        node._has_odd_or_even,
    )
    return Said(reading.said, marks)


def styles_once() -> None:
    """From here on no style sheet is parsed twice with the same variables, nor applied twice to
    the same place."""
    Stylesheet._parse_rules = _parse_rules_once  # type: ignore[method-assign]
    Stylesheet.parse = _parse_once  # type: ignore[method-assign]
    Stylesheet.apply = _apply_once  # type: ignore[method-assign]


def styles_each_time() -> None:
    """Undo `styles_once`, where it counts what an app holds: what is kept here grows with each
    place that a widget is in."""
    Stylesheet._parse_rules = _parse_rules  # type: ignore[method-assign]
    Stylesheet.parse = _parse  # type: ignore[method-assign]
    Stylesheet.apply = _apply  # type: ignore[method-assign]
