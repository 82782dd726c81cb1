"""The tables of the settings file on how the dashboard looks, and what is wrong in them.

    [dashboard]
    theme = "nord"
    tree_width = 40

    [columns.workers]
    shown = ["state", "id", "where", "why"]
    sort = "state"

They are msgspec's and not pydantic's, as contexts are: each start of the dashboard reads them, and
pydantic would take 50 ms of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal, get_type_hints

import msgspec
from msgspec.structs import replace

from tui.config.tab_columns import NAMING, TAB_COLUMNS
from tui.text.suggestions import nearest

DASHBOARD = "dashboard"
COLUMNS = "columns"
"""The tables."""

ThemeName = Literal[
    "textual-dark",
    "textual-light",
    "nord",
    "gruvbox",
    "catppuccin-mocha",
    "dracula",
    "tokyo-night",
    "monokai",
    "flexoki",
    "catppuccin-latte",
    "catppuccin-frappe",
    "catppuccin-macchiato",
    "solarized-light",
    "solarized-dark",
    "rose-pine",
    "rose-pine-moon",
    "rose-pine-dawn",
    "atom-one-dark",
    "atom-one-light",
    "ansi-dark",
    "ansi-light",
]
"""The themes of the palette. A test holds them to Textual's."""
TabName = Literal[
    "overview",
    "instances",
    "models",
    "workers",
    "channels",
    "requests",
    "metrics",
    "events",
    "others",
]
"""The tabs. A test holds them to the dashboard's."""

NotifyWay = Literal["off", "bell", "osc9", "osc777"]
"""How the terminal is told that something became wrong."""

DEFAULT_TAB: TabName = "overview"
DEFAULT_THEME: ThemeName = "textual-dark"
NARROWEST_TREE, WIDEST_TREE = 12, 100


class TabPreferences(msgspec.Struct, frozen=True):
    """The table of one tab. The description of a field is for the schema; `must` completes the
    sentence about a wrong value."""

    shown: Annotated[
        tuple[str, ...] | None,
        msgspec.Meta(
            description="The columns that are shown, in this order. All others are hidden.",
            extra={"must": "must be a list of names of columns"},
        ),
    ] = None
    sort: Annotated[
        str | None,
        msgspec.Meta(
            description="The column that rows are sorted by, shown or not.",
            extra={"must": "must be the name of a column"},
        ),
    ] = None
    reverse: Annotated[
        bool | None,
        msgspec.Meta(
            description="Whether rows are in the reverse of the order that `sort` gives them.",
            extra={"must": "must be true or false, without quotes"},
        ),
    ] = None


class Preferences(msgspec.Struct, frozen=True):
    """What the settings file says of how the dashboard looks. None: the default. The columns are a
    table of their own; all else is in `[dashboard]`."""

    first_tab: Annotated[
        TabName | None,
        msgspec.Meta(
            description="The tab that is open at first.",
            extra={"must": "must be the name of a tab", "choices": TabName},
        ),
    ] = None
    theme: Annotated[
        ThemeName | None,
        msgspec.Meta(
            description="The theme. TEXTUAL_THEME goes before it.",
            extra={"must": "must be the name of a theme", "choices": ThemeName},
        ),
    ] = None
    tree_width: Annotated[
        Annotated[int, msgspec.Meta(ge=NARROWEST_TREE, le=WIDEST_TREE)] | None,
        msgspec.Meta(
            description="Cells of the tree. In a narrow terminal it takes less.",
            extra={"must": f"must be a number from {NARROWEST_TREE} to {WIDEST_TREE}"},
        ),
    ] = None
    remember: Annotated[
        bool | None,
        msgspec.Meta(
            description="Whether the dashboard writes to this file what is chosen by key.",
            extra={"must": "must be true or false, without quotes"},
        ),
    ] = None
    notify: Annotated[
        NotifyWay | None,
        msgspec.Meta(
            description="How the terminal is told that something became wrong. --notify goes "
            "before it.",
            extra={"must": "must be a way to notify", "choices": NotifyWay},
        ),
    ] = None
    columns: Mapping[str, TabPreferences] = {}
    """By tab."""

    def amended(self, place: tuple[str, ...], value: Any) -> Preferences:
        """Return the preferences with another value of a setting. None: its default."""
        *tables, name = place
        if tables == [DASHBOARD]:
            return replace(self, **{name: value})
        _, tab = tables
        amended = replace(self.of_tab(tab), **{name: value})
        return replace(self, columns={**self.columns, tab: amended})

    def of_tab(self, tab: str) -> TabPreferences:
        """Return the preferences for a tab."""
        return self.columns.get(tab) or TabPreferences()


class Wrong(msgspec.Struct, frozen=True):
    """A setting that cannot be used, by its place in the file, and why."""

    place: tuple[str, ...]
    problem: str


FIELDS = tuple(one for one in Preferences.__struct_fields__ if one != COLUMNS)
"""The settings of `[dashboard]`."""


def read_preferences(tables: Mapping[str, object]) -> tuple[Preferences, list[Wrong]]:
    """Return what a file's tables say, with the default for each setting that is wrong."""
    values: dict[str, Any] = {}
    wrong: list[Wrong] = []
    for name, table in _tables(tables, wrong):
        if name == DASHBOARD:
            values |= _checked(Preferences, FIELDS, table, (DASHBOARD,), wrong)
        else:
            values[COLUMNS] = dict(_of_tabs(table, wrong))
    return Preferences(**values), wrong


def unknown(name: str, known: Iterable[str], what: str) -> str:
    """Return the sentence about a name that is not `what`."""
    known = tuple(known)
    like = nearest(name, known)
    hint = f"there are {', '.join(known)}" if like is None else f"did you mean {like}"
    return f"{name!r} is no {what}: {hint}"


def _tables(
    tables: Mapping[str, object], wrong: list[Wrong]
) -> Iterator[tuple[str, dict[str, object]]]:
    for name, header in ((DASHBOARD, f"[{DASHBOARD}]"), (COLUMNS, f"[{COLUMNS}.TAB]")):
        table = tables.get(name, {})
        if isinstance(table, dict):
            yield name, table
        else:
            wrong.append(Wrong((name,), f"{name} must be a table: write {header}"))


def _of_tabs(
    tables: Mapping[str, object], wrong: list[Wrong]
) -> Iterator[tuple[str, TabPreferences]]:
    for tab, table in tables.items():
        place = (COLUMNS, tab)
        if tab not in TAB_COLUMNS:
            wrong.append(Wrong(place, unknown(tab, TAB_COLUMNS, "tab")))
        elif not isinstance(table, dict):
            wrong.append(Wrong(place, f"{tab} must be a table: write [{COLUMNS}.{tab}]"))
        else:
            fields = TabPreferences.__struct_fields__
            values = _checked(TabPreferences, fields, table, place, wrong)
            for name in ("shown", "sort"):
                value = values.get(name)
                if value is not None and (problem := _about_columns(tab, name, value)):
                    wrong.append(Wrong((*place, name), problem))
                    del values[name]
            yield tab, TabPreferences(**values)


def _about_columns(tab: str, name: str, value: str | tuple[str, ...]) -> str | None:
    """Return what is wrong with names of columns. None: nothing."""
    named = (value,) if isinstance(value, str) else value
    for one in named:
        if one not in TAB_COLUMNS[tab]:
            return unknown(one, TAB_COLUMNS[tab], f"column of {tab}")
    if name == "sort":
        return None
    if twice := next((one for one in named if named.count(one) > 1), None):
        return f"{twice!r} is there twice: leave one out"
    if not any(one in NAMING[tab] for one in named):
        return f"no column names a row: add {' or '.join(NAMING[tab])}"
    return None


def _checked(
    of: type[msgspec.Struct],
    fields: Iterable[str],
    table: Mapping[str, object],
    place: tuple[str, ...],
    wrong: list[Wrong],
) -> dict[str, Any]:
    """Return the values of a table that can be used."""
    # One by one: msgspec ends with the first that is wrong.
    hints = get_type_hints(of, include_extras=True)
    found: dict[str, Any] = {}
    for name, value in table.items():
        if name not in fields:
            wrong.append(Wrong((*place, name), unknown(name, fields, "setting")))
            continue
        try:
            found[name] = msgspec.convert(value, hints[name])
        except msgspec.ValidationError:
            wrong.append(Wrong((*place, name), _problem(name, value, hints[name])))
    return found


def _problem(name: str, value: object, hint: Any) -> str:
    extra = next(one.extra for one in hint.__metadata__ if one.extra)
    if isinstance(value, str) and "choices" in extra:
        return unknown(value, extra["choices"].__args__, name.replace("first_", ""))
    return f"{name} {extra['must']}"
