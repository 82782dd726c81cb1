"""The settings file: how the dashboard looks, and what is said of the rest."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from jsonschema import Draft202012Validator
from textual.theme import BUILTIN_THEMES

from backends.connections import MemoryConnection
from tests.support.settings_schema import SCHEMA, settings_schema
from tui.config.keys import read_keys
from tui.config.preferences import Preferences, TabName, TabPreferences, ThemeName, read_preferences
from tui.config.settings import Settings
from tui.config.settings_file import INSTEAD, TABLES, SettingsFile, parse_settings, read_settings
from tui.config.tab_columns import NAMING, OF_SOME_STORES, TAB_COLUMNS
from tui.config.toml_lines import line_of
from tui.config.versions import wrong_version
from tui.state.tabs import TabId

PATH = Path("/home/me/.config/dyntop/settings.toml")

WHOLE = """\
version = 1

[dashboard]
first_tab = "workers"
theme = "nord"
tree_width = 40
remember = false
notify = "osc9"

[columns.workers]
shown = ["state", "id", "why"]
sort = "state"
reverse = true

[columns.events]
sort = "name"

[keys]
drain = "D"

[contexts.prod]
endpoints = "http://etcd:2379"
"""


def read(text: str) -> SettingsFile:
    return parse_settings(text.encode(), PATH)


def problems(text: str) -> list[str]:
    """What is wrong, each with the place after the file's name."""
    found = [f"{one.setting}: {one.problem}" for one in read(text).wrong]
    return [one.removeprefix(f"{PATH}, ") for one in found]


def test_all_that_the_file_may_say() -> None:
    file = read(WHOLE)
    assert file.wrong == ()
    assert file.problem is None
    assert file.preferences == Preferences(
        first_tab="workers",
        theme="nord",
        tree_width=40,
        remember=False,
        notify="osc9",
        columns={
            "workers": TabPreferences(shown=("state", "id", "why"), sort="state", reverse=True),
            "events": TabPreferences(sort="name"),
        },
    )
    assert file.keys.of("drain") == ("D",)
    assert file.contexts == {"prod": {"endpoints": "http://etcd:2379"}}


def test_a_file_that_says_nothing_and_no_file_mean_the_defaults(tmp_path: Path) -> None:
    for text in ("", "# nothing\n", "version = 1\n", "[dashboard]\n[columns]\n[contexts]\n"):
        assert read(text) == SettingsFile(path=PATH, contexts={})
    assert read_settings(tmp_path / "none") == SettingsFile(path=tmp_path / "none", exists=False)


def test_a_pipe_of_its_name_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(path := tmp_path / "settings.toml")
    (wrong,), mend = read_settings(path).wrong, "mend that, or remove the file"
    assert wrong.problem == f"{path} cannot be read (Not a regular file): {mend}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[dashbord]\n", "line 1: 'dashbord' is no setting: did you mean dashboard"),
        ("\n[dashboard]\ntheme = 4\n", "line 3: theme must be the name of a theme"),
        ('[dashboard]\ntheme = "nrod"\n', "line 2: 'nrod' is no theme: did you mean nord"),
        ('[dashboard]\nfirst_tab = "work"\n', "line 2: 'work' is no tab: did you mean workers"),
        ("[dashboard]\ntree_width = 4\n", "line 2: tree_width must be a number from 12 to 100"),
        ("[dashboard]\ntree_width = true\n", "line 2: tree_width must be a number from 12 to 100"),
        ("[dashboard]\nremember = 1\n", "line 2: remember must be true or false, without quotes"),
        ('[dashboard]\nnotify = "osc"\n', "line 2: 'osc' is no notify: did you mean osc9"),
        ("[dashboard]\nthme = 1\n", "line 2: 'thme' is no setting: did you mean theme"),
        ("dashboard = 1\n", "line 1: dashboard must be a table: write [dashboard]"),
        ("columns = 1\n", "line 1: columns must be a table: write [columns.TAB]"),
        ("[columns.wrokers]\n", "line 1: 'wrokers' is no tab: did you mean workers"),
        ("[columns]\nevents = 1\n", "line 2: events must be a table: write [columns.events]"),
        (
            '[keys]\nsort = "z"\n[columns.events]\nsort = "nmae"\n',
            "line 4: 'nmae' is no column of events: did you mean name",
        ),
        (
            '[columns.events]\nshown = ["name", "pod"]\n',
            "line 2: 'pod' is no column of events: there are time, what, kind, name, id, why",
        ),
        (
            '[columns.events]\nshown = ["name", "name"]\n',
            "line 2: 'name' is there twice: leave one out",
        ),
        (
            '[columns.events]\nshown = ["time"]\n',
            "line 2: no column names a row: add name or id",
        ),
        (
            "[columns.events]\nshown = []\n",
            "line 2: no column names a row: add name or id",
        ),
        ("[columns]\nevents = {shown = 1}\n", "line 2: shown must be a list of names of columns"),
        ("columns.events.sort = 1\n", "line 1: sort must be the name of a column"),
        ('contexts = "prod"\n', "line 1: contexts must be a table: write [contexts.NAME]"),
        ("version = true\n", "line 1: version must be 1, or left out"),
    ],
)
def test_what_cannot_be_used_is_one_sentence_with_the_line(text: str, said: str) -> None:
    assert problems(text) == [said]


def test_a_setting_that_is_wrong_has_its_default_and_the_others_are_used() -> None:
    file = read(WHOLE.replace('"nord"', '"nrod"').replace('sort = "state"', 'sort = "x"'))
    assert len(file.wrong) == 2
    assert file.preferences.theme is None
    assert file.preferences.tree_width == 40
    assert file.preferences.columns["workers"] == TabPreferences(
        shown=("state", "id", "why"), reverse=True
    )
    assert file.keys.of("drain") == ("D",)
    assert file.problem == (
        f"{PATH}, line 5: 'nrod' is no theme: did you mean nord "
        f"(1 more: dyntop config check); {INSTEAD}"
    )


VALUES = some.recursive(
    some.none()
    | some.booleans()
    | some.integers()
    | some.floats()
    | some.text(max_size=5)
    | some.sampled_from(["name", "id", "workers", "nord", "D", "why"])
    | some.dates(),
    lambda inner: (
        some.lists(inner, max_size=3)
        | some.dictionaries(
            some.sampled_from(
                ["events", "workers", "shown", "sort", "theme", "drain", "first_tab", "\x1b[2J", ""]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@given(some.dictionaries(some.sampled_from([*TABLES, "other"]), VALUES))
def test_whatever_its_tables_have_the_rest_can_be_used(tables: dict[str, Any]) -> None:
    preferences, wrong = read_preferences(tables)
    keys, wrong_keys = read_keys(tables)
    assert wrong_version(tables) is None or "version" in tables
    for one in [*wrong, *wrong_keys]:
        assert one.problem
        line_of("[columns.events]\nsort = 'x'\n", one.place)
    for tab, chosen in preferences.columns.items():
        assert {*(chosen.shown or ())} <= {*TAB_COLUMNS[tab]}
        assert chosen.sort is None or chosen.sort in TAB_COLUMNS[tab]
    for action, some_keys in keys.chosen.items():
        assert all(keys.taken(action, key) is None for key in some_keys)


@pytest.mark.parametrize(
    ("text", "place", "line"),
    [
        ("a = 1\nb = 2\n", ("b",), 2),
        ("[t]\na = 1\n[u]\na = 1\n", ("u", "a"), 4),
        ("[t]\na = 1\n", ("t", "b"), 1),
        ("[t]\na = 1\n", ("u",), None),
        ('["t.u".v]   # said\n"a b" = 1\n', ("t.u", "v", "a b"), 2),
        ("t.u.a = 1\n", ("t", "u", "a"), 1),
        ("[t]\nu = {a = 1}\n", ("t", "u", "a"), 2),
        ("[t]\n  a=1\n# a = 2\n[t.u]\n", ("t", "u"), 4),
    ],
)
def test_the_line_of_a_setting_is_found(text: str, place: tuple[str, ...], line: int) -> None:
    assert line_of(text, place) == line


def test_of_a_newer_version_nothing_is_used_and_one_sentence_says_so() -> None:
    file = read(WHOLE.replace("version = 1", "version = 2") + "[new]\n")
    assert file.preferences == Preferences()
    assert file.keys == read("").keys
    assert file.contexts is None
    assert file.problem == (
        f"{PATH}, line 1: version 2 is of a newer dyntop: this one reads version 1; {INSTEAD}"
    )


@pytest.mark.parametrize(
    ("text", "is_written"),
    [
        ("", True),
        ("[dashboard]\nremember = true\n", True),
        ("[dashboard]\nremember = false\n", False),
        ("[dashboard]\nremember = 1\n", False),
        ("version = 2\n", False),
        ("[keys\n", False),
    ],
)
def test_only_a_file_in_which_nothing_is_wrong_is_written(text: str, is_written: bool) -> None:
    file = read(text)
    assert file.remembered_in == (PATH if is_written else None)
    settings = Settings.from_environment({}, demo=True, no_audit=True, file=file)
    assert settings.remembered_in is None, "a demo leaves nothing behind"


def test_the_environment_s_theme_goes_before_the_file_s() -> None:
    given = {"TEXTUAL_THEME": "dracula"}
    settings = Settings.from_environment(given, no_audit=True, file=read(WHOLE))
    assert settings.preferences is not None
    assert settings.preferences.theme == "dracula"
    assert settings.sources["theme"] == "TEXTUAL_THEME"
    assert settings.sources["tree_width"] == "settings.toml"
    assert isinstance(settings.connection, MemoryConnection) is False


def test_the_names_of_the_file_are_those_of_the_dashboard() -> None:
    assert set(ThemeName.__args__) == BUILTIN_THEMES.keys()  # type: ignore[attr-defined]
    tabs = [*TabId]
    assert [*TabName.__args__] == tabs  # type: ignore[attr-defined]
    # Overview has the columns of its parts.
    with_columns = [tab for tab in tabs if tab is not TabId.OVERVIEW]
    assert [*TAB_COLUMNS] == [*NAMING] == with_columns
    for tab in with_columns:
        assert set(NAMING[tab]) <= set(TAB_COLUMNS[tab]) - set(OF_SOME_STORES)


def test_the_schema_is_current() -> None:
    """`make schema` writes it."""
    assert SCHEMA.read_text() == settings_schema()


@pytest.mark.parametrize(
    "text",
    [
        WHOLE,
        "",
        "version = 2\n",
        "other = 1\n",
        "dashboard = 1\n",
        "[dashboard]\nother = 1\n",
        '[dashboard]\nfirst_tab = "x"\n',
        '[dashboard]\ntheme = "x"\n',
        "[dashboard]\ntree_width = 12\n",
        "[dashboard]\ntree_width = 11\n",
        '[dashboard]\ntree_width = "12"\n',
        "[dashboard]\nremember = 0\n",
        "[columns.x]\n",
        '[columns.events]\nshown = ["name"]\n',
        '[columns.events]\nshown = ["time"]\n',
        '[columns.events]\nshown = ["name", "name"]\n',
        '[columns.events]\nshown = "name"\n',
        '[columns.events]\nshown = ["name", "pod"]\n',
        '[columns.events]\nsort = "pod"\n',
        '[columns.events]\nsort = "why"\nreverse = false\n',
        "[columns.events]\nreverse = 1\n",
        "[columns.events]\nother = 1\n",
        '[keys]\ndrain = ["D", "f5"]\n',
        "[keys]\ndrain = []\n",
        "[keys]\ndrain = 1\n",
        '[keys]\nno-action = "D"\n',
        "contexts = 1\n",
    ],
)
def test_the_schema_takes_just_what_dyntop_takes(text: str) -> None:
    schema = json.loads(SCHEMA.read_text())
    by_schema = Draft202012Validator(schema).is_valid(tomllib.loads(text))
    assert by_schema is not bool(read(text).wrong), read(text).wrong


def test_a_file_of_the_build_that_had_keys_alone_means_the_same() -> None:
    file = read_settings(Path(__file__).parent / "samples" / "settings-keys.toml")
    assert file.wrong == ()
    assert file.keys.chosen == {"drain": ("D",), "probe": ("P", "f5"), "undo": ("ctrl+d",)}
    assert file.preferences == Preferences()
    assert file.remembered_in is not None
