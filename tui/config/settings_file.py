"""This user's settings file, `settings.toml`: read as a whole, and usable whatever is wrong in it.

    version = 1

    [dashboard]                     # and [columns.TAB]: tui/config/preferences.py
    theme = "nord"

    [keys]                          # tui/config/keys.py
    drain = "D"

    [contexts.prod]                 # tui/config/context_file.py
    endpoints = "https://etcd-0:2379"

A setting that is wrong has its default. dyntop writes only to a file in which nothing is wrong
(`tui/config/settings_writer.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from backends.store import Misconfigured
from tui.actions import DEFAULT_KEYS, Keys
from tui.config.folder import SETTINGS_FILE, config_folder, parse_toml, read_bytes
from tui.config.keys import KEYS, read_keys
from tui.config.preferences import (
    COLUMNS,
    DASHBOARD,
    Preferences,
    Wrong,
    read_preferences,
    unknown,
)
from tui.config.toml_lines import line_of
from tui.config.versions import CONTEXTS, VERSION, wrong_version

TABLES = (VERSION, DASHBOARD, COLUMNS, KEYS, CONTEXTS)
"""All that the file may have."""


INSTEAD = "defaults are used, and dyntop does not write the file"


class SettingsFile(msgspec.Struct, frozen=True, kw_only=True):
    """What a settings file says, as far as it can be used."""

    path: Path
    exists: bool = True
    keys: Keys = DEFAULT_KEYS
    preferences: Preferences = Preferences()
    contexts: Mapping[str, object] | None = None
    """Its tables of contexts, not yet looked at. None: there is no such file, or it cannot be
    read."""
    wrong: tuple[Misconfigured, ...] = ()
    """Each thing that is wrong, but for contexts."""

    @property
    def remembered_in(self) -> Path | None:
        """Return the file to write to what is chosen by key. None: it is not written."""
        is_written = not self.wrong and self.preferences.remember is not False
        return self.path if is_written else None

    @property
    def problem(self) -> str | None:
        """Return a sentence about what is wrong. None: nothing is."""
        if not self.wrong:
            return None
        first, more = self.wrong[0], len(self.wrong) - 1
        others = f" ({more} more: dyntop config check)" if more else ""
        return f"{first.setting}: {first.problem}{others}; {INSTEAD}"


def settings_file(environ: Mapping[str, str]) -> SettingsFile | None:
    """Read this user's settings file. None: this user has no home. Blocks."""
    folder = config_folder(environ)
    return None if folder is None else read_settings(folder / SETTINGS_FILE)


def read_settings(path: Path) -> SettingsFile:
    """Read a settings file, or find out that there is none. Blocks."""
    try:
        path.stat()
    except OSError:
        return SettingsFile(path=path, exists=False)  # or a folder of another user
    try:
        content = read_bytes(path, SETTINGS_FILE, "remove the file")
    except FileNotFoundError:
        return SettingsFile(path=path, exists=False)
    except Misconfigured as error:
        return SettingsFile(path=path, wrong=(error,))
    return parse_settings(content, path)


def parse_settings(content: bytes, path: Path) -> SettingsFile:
    """Return what a file with this content says. `path`: its name in errors."""
    try:
        tables = parse_toml(content, path, SETTINGS_FILE)
    except Misconfigured as error:
        return SettingsFile(path=path, wrong=(error,))
    text = content.decode()

    def at(wrong: Wrong) -> Misconfigured:
        line = line_of(text, wrong.place)
        return Misconfigured(str(path) if line is None else f"{path}, line {line}", wrong.problem)

    if (problem := wrong_version(tables)) is not None:
        return SettingsFile(path=path, wrong=(at(Wrong((VERSION,), problem)),))
    wrong = [Wrong((one,), unknown(one, TABLES, "setting")) for one in tables if one not in TABLES]
    keys, wrong_keys = read_keys(tables)
    preferences, wrong_preferences = read_preferences(tables)
    wrong += wrong_preferences + wrong_keys
    contexts = tables.get(CONTEXTS, {})
    if not isinstance(contexts, dict):
        problem = f"{CONTEXTS} must be a table: write [{CONTEXTS}.NAME]"
        wrong.append(Wrong((CONTEXTS,), problem))
        contexts = None
    return SettingsFile(
        path=path,
        keys=keys,
        preferences=preferences,
        contexts=contexts,
        wrong=tuple(map(at, wrong)),
    )
