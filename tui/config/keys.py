"""The keys that a user chose, in `settings.toml` beside the contexts:

    [keys]
    drain = "D"                  # in place of d
    probe = ["P", "f5"]          # several; the first is the one that is shown

dyntop reads this file when the dashboard starts, and never writes it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from backends.store import Misconfigured
from tui.actions import BY_ID, DEFAULT_KEYS, REBINDABLE, SENT_AS, Keys, parse_key, shown_key
from tui.config.folder import config_folder, read_toml

FILE = "settings.toml"
SECTION = "keys"


def chosen_keys(environ: Mapping[str, str]) -> Keys:
    """Return the keys of the settings file; without one, the default keys. Blocks.

    Raises `Misconfigured` with the place in the file for an invalid entry.
    """
    folder = config_folder(environ)
    if folder is None:
        return DEFAULT_KEYS
    path = folder / FILE
    try:
        path.stat()
    except OSError:
        return DEFAULT_KEYS  # or a folder of another user
    keys, wrong = read_keys(path)
    if wrong:
        raise wrong[0]
    return keys


def read_keys(path: Path) -> tuple[Keys, list[Misconfigured]]:
    """Return the keys of a settings file, and each thing that is wrong in it. Blocks.

    Raises `FileNotFoundError`.
    """
    try:
        tables = read_toml(path, SECTION, "remove the file")
    except Misconfigured as error:
        return DEFAULT_KEYS, [error]
    wrong = [
        Misconfigured(
            _place(path, stray), f"{stray} is no setting: the file may have a table [{SECTION}]"
        )
        for stray in tables
        if stray != SECTION
    ]
    table = tables.get(SECTION, {})
    if not isinstance(table, dict):
        problem = f"{SECTION} must be a table: write [{SECTION}]"
        return DEFAULT_KEYS, [*wrong, Misconfigured(_place(path, SECTION), problem)]
    chosen: dict[str, tuple[str, ...]] = {}
    for one, value in table.items():
        try:
            chosen[one] = _keys(path, one, value)
        except Misconfigured as error:
            wrong.append(error)
    keys = Keys(chosen)
    return keys, wrong + _taken(path, keys)


def _keys(path: Path, action: str, value: object) -> tuple[str, ...]:
    place = _place(path, action)
    if action not in REBINDABLE:
        raise Misconfigured(place, _why_not(action))
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise Misconfigured(place, f"{action} must be a key in quotes, or a list of them")
    if not given:
        raise Misconfigured(place, f"{action} has no key: name one, or leave the line out")
    keys: list[str] = []
    for text in given:
        key = parse_key(text)
        if key is None:
            problem = f"{text!r} is no key: write a character, or a name such as f5 or ctrl+d"
            raise Misconfigured(place, problem)
        if key in SENT_AS:
            problem = f"a terminal sends {shown_key(key)} as {shown_key(SENT_AS[key])}"
            raise Misconfigured(place, f"{problem}: choose another")
        keys.append(key)
    return tuple(dict.fromkeys(keys))


def _why_not(action: str) -> str:
    if action in BY_ID:
        other = BY_ID[action].same_keys_as
        return f"{action} keeps its keys" if other is None else f"{action} has the keys of {other}"
    from difflib import get_close_matches

    near = get_close_matches(action, REBINDABLE, 1)
    hint = f"did you mean {near[0]}" if near else f"there are {', '.join(REBINDABLE)}"
    return f"{action!r} is no action: {hint}"


def _taken(path: Path, keys: Keys) -> list[Misconfigured]:
    """Return the keys that are those of another action, too."""
    wrong: list[Misconfigured] = []
    for action, some in keys.chosen.items():
        for key in some:
            if (other := keys.taken(action, key)) is not None:
                frees = "choose another"
                if not other.fixed:
                    frees += f", or give {other.same_keys_as or other.id} another"
                problem = f"{shown_key(key)} is the key of {other.id}: {frees}"
                wrong.append(Misconfigured(_place(path, action), problem))
    return wrong


def _place(path: Path, name: str) -> str:
    """Return the line of a name in the file: the first with that name before a value."""
    pattern = re.compile(rf"^[^#]*?(?<![\w-])[\"']?{re.escape(name)}[\"']?\s*[\]=.]")
    lines = path.read_text("utf-8").splitlines()
    found = next((number for number, line in enumerate(lines, 1) if pattern.match(line)), None)
    return str(path) if found is None else f"{path}, line {found}"
