"""What is written into the settings file, and what stays as it is."""

from __future__ import annotations

import os
import re
import threading
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tui.config.settings_file import parse_settings, read_settings
from tui.config.settings_writer import NotWritten, Place, Value, merged, write_settings

THEME = ("dashboard", "theme")
SHOWN = ("columns", "workers", "shown")
SORT = ("columns", "workers", "sort")
CHANGES: Mapping[Place, Value | None] = {
    THEME: "nord",
    SHOWN: ("id", "why"),
    SORT: "id",
    ("columns", "events", "reverse"): True,
}

COMMENTS = some.sampled_from(["", "# mine", "  # with = and [brackets]", "\t", "# ünïcode"])
BLOCKS = some.sampled_from(
    [
        "[dashboard]\ntheme = 'dracula'  # at night\ntree_width=30\n",
        "dashboard.theme = 'dracula'\n",
        'dashboard = { theme = "dracula", tree_width = 0x1e }\n',
        "[dashboard]\n  'tree_width' = 30\n",
        '[columns.workers]\nshown = [\n  "id",   # first\n  "why",\n]\nsort = "why"\n',
        "[columns.workers]\n",
        "[columns]\nworkers.sort = 'id'\n",
        "[columns.models]\nsort = '''name'''\n",
        '[columns.events]\nreverse = false\n[columns.metrics]\nsort = "kv"\n',
        '[keys]\ndrain = "D"\n"undo" = ["f5",\n "f6"]\n',
        '[contexts."prod.eu"]\nread_only = true\nmetrics = [ \'http://a:1\' , "http://b:2" ]\n',
        "[contexts.prod]\nendpoints = 'http://a:1'\n\n[contexts.lab]\n",
        "version = 1\n",
    ]
)


@some.composite
def files(draw: some.DrawFn) -> str:
    """Any file that is well, with comments and blank lines between its tables."""
    blocks = draw(some.lists(BLOCKS, unique=True, max_size=6))
    # What is in no table comes first.
    blocks.sort(key=lambda one: one.startswith("["))
    between = [draw(some.lists(COMMENTS, max_size=3)) for _ in range(len(blocks) + 1)]
    lines = [*between[0]]
    for block, more in zip(blocks, between[1:], strict=True):
        lines += [*block.splitlines(), *more]
    text = "\n".join(lines) + draw(some.sampled_from(["", "\n"]))
    return text.replace("\n", "\r\n") if draw(some.booleans()) else text


def is_well(text: str) -> bool:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False  # one table twice
    return not parse_settings(text.encode(), Path("x")).wrong


CHOICES = some.dictionaries(some.sampled_from([*CHANGES]), some.booleans(), min_size=1).map(
    lambda found: {place: CHANGES[place] if kept else None for place, kept in found.items()}
)


@given(files().filter(is_well), CHOICES)
def test_all_else_in_the_file_stays_byte_for_byte(
    text: str, changes: dict[Place, Value | None]
) -> None:
    after = merged(text.encode(), changes).decode()
    assert not parse_settings(after.encode(), Path("x")).wrong
    wanted, found = tomllib.loads(text), tomllib.loads(after)
    for place, value in changes.items():
        *tables, name = place
        in_wanted, in_found = wanted, found
        for table in tables:
            in_wanted = in_wanted.setdefault(table, {})
            in_found = in_found.get(table, {})
        assert in_found.get(name) == (list(value) if isinstance(value, tuple) else value)
        in_wanted.pop(name, None)
    names = "|".join({place[-1] for place in changes})
    changed = re.compile(
        rf"\s*(\w+\.)*'?(dashboard|columns|workers|{names})\b|\[(dashb|colu)|shown"
    )
    rest = iter(after.splitlines(keepends=True))
    in_list = False
    for line in text.splitlines(keepends=True):
        # A list that is replaced has several lines.
        in_list = (in_list or "shown = [" in line) and SHOWN in changes
        if in_list:
            in_list = "]\n" not in line.replace("\r", "").lstrip()
            continue
        if line.strip() and not changed.search(line):
            assert any(line.rstrip("\r\n") == one.rstrip("\r\n") for one in rest), line
    if "\r\n" in text:
        assert not re.search(r"(?<!\r)\n", after)


def test_what_is_chosen_and_reset_leaves_the_file_as_it_was() -> None:
    for text in ("[keys]\ndrain = 'D'  # mine\n", "# only this\n", "[contexts.a]\n\n\n[keys]\n"):
        chosen = merged(text.encode(), CHANGES)
        assert chosen != text.encode()
        again = merged(chosen, dict.fromkeys(CHANGES)).decode()
        assert again.rstrip() == text.rstrip()


def test_a_new_file_has_its_version_and_is_for_this_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "dyntop" / "settings.toml"
    write_settings(path, {THEME: "nord"})
    assert path.read_text() == 'version = 1\n\n[dashboard]\ntheme = "nord"\n'
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [one.name for one in path.parent.iterdir()] == ["settings.toml"]


def test_a_symbolic_link_stays_and_so_does_the_mode_of_its_file(tmp_path: Path) -> None:
    dotfile = tmp_path / "dotfiles" / "dyntop.toml"
    dotfile.parent.mkdir()
    dotfile.write_text("# mine\n")
    dotfile.chmod(0o640)
    path = tmp_path / "dyntop" / "settings.toml"
    path.parent.mkdir()
    path.symlink_to(dotfile)
    write_settings(path, {THEME: "nord"})
    assert path.is_symlink()
    assert read_settings(path).preferences.theme == "nord"
    assert dotfile.read_text().startswith("# mine\n")
    assert dotfile.stat().st_mode & 0o777 == 0o640
    assert [one.name for one in dotfile.parent.iterdir()] == [dotfile.name]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("version = 2\n", "version 2 is of a newer dyntop"),
        ("[dashboard]\ntheme = 'nrod'\n", "'nrod' is no theme"),
        ("[dashboard\n", "is not TOML"),
        ("[contexts.prod]\nread_onyl = true\n", "read_onyl is no setting of a context"),
    ],
)
def test_a_file_that_became_wrong_meanwhile_is_not_written(
    content: str, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(content)
    with pytest.raises(NotWritten, match=said):
        write_settings(path, {THEME: "nord"})
    assert path.read_text() == content


def test_a_read_only_file_is_not_replaced_by_root_either(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text("# mine\n")
    path.chmod(0o444)
    with pytest.raises(NotWritten, match="cannot be written \\(it is read-only\\)"):
        write_settings(path, {THEME: "nord"})
    assert path.read_text() == "# mine\n"


@pytest.mark.usefixtures("permissions_bind")
def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    path = tmp_path / "settings.toml"
    try:
        with pytest.raises(NotWritten) as raised:
            write_settings(path, {THEME: "nord"})
    finally:
        tmp_path.chmod(0o700)
    assert str(raised.value) == f"{path} cannot be written (Permission denied)"
    assert not path.exists()


def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.symlink_to(os.devnull)
    with pytest.raises(NotWritten, match="not a regular file"):
        write_settings(path, {THEME: "nord"})
    path.unlink()
    path.symlink_to(tmp_path / "gone" / "settings.toml")
    with pytest.raises(NotWritten, match="No such file"):
        write_settings(path, {THEME: "nord"})


def test_two_writers_at_once_lose_nothing_of_each_other(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text("# mine\n")
    sorts = {
        tab: ("columns", tab, "sort") for tab in ("instances", "models", "requests", "metrics")
    }

    def write(place: Place) -> None:
        for _ in range(5):
            write_settings(path, {place: None})
            write_settings(path, {place: "name"})

    threads = [threading.Thread(target=write, args=(place,)) for place in sorts.values()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = read_settings(path)
    assert found.wrong == ()
    assert {tab: one.sort for tab, one in found.preferences.columns.items()} == dict.fromkeys(
        sorts, "name"
    )
    assert path.read_text().startswith("# mine\n")
