"""The keys that a user chose, in the settings file:

[keys]
drain = "D"                  # in place of d
probe = ["P", "f5"]          # several; the first is the one that is shown
"""

from __future__ import annotations

from collections.abc import Mapping

from tui.actions import BY_ID, DEFAULT_KEYS, REBINDABLE, SENT_AS, Keys, parse_key, shown_key
from tui.config.preferences import Wrong, unknown

KEYS = "keys"
"""The table."""


def read_keys(tables: Mapping[str, object]) -> tuple[Keys, list[Wrong]]:
    """Return the keys that a file's tables choose, and each thing that is wrong. An action whose
    line is wrong has its default keys."""
    table = tables.get(KEYS, {})
    if not isinstance(table, dict):
        return DEFAULT_KEYS, [Wrong((KEYS,), f"{KEYS} must be a table: write [{KEYS}]")]
    chosen: dict[str, tuple[str, ...]] = {}
    wrong: list[Wrong] = []
    for action, value in table.items():
        keys = _keys(action, value)
        if isinstance(keys, str):
            wrong.append(Wrong((KEYS, action), keys))
        else:
            chosen[action] = keys
    # An action that has its default keys again may have taken those of another.
    while taken := _taken(Keys(chosen)):
        wrong += taken
        for one in taken:
            chosen.pop(one.place[-1], None)
    return Keys(chosen) if chosen else DEFAULT_KEYS, wrong


def _keys(action: str, value: object) -> tuple[str, ...] | str:
    """Return the keys that a line chooses, or what is wrong with it."""
    if action not in REBINDABLE:
        return _why_not(action)
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        return f"{action} must be a key in quotes, or a list of them"
    if not given:
        return f"{action} has no key: name one, or leave the line out"
    keys: list[str] = []
    for text in given:
        key = parse_key(text)
        if key is None:
            return f"{text!r} is no key: write a character, or a name such as f5 or ctrl+d"
        if key in SENT_AS:
            problem = f"a terminal sends {shown_key(key)} as {shown_key(SENT_AS[key])}"
            return f"{problem}: choose another"
        keys.append(key)
    return tuple(dict.fromkeys(keys))


def _why_not(action: str) -> str:
    if action in BY_ID:
        other = BY_ID[action].same_keys_as
        return f"{action} keeps its keys" if other is None else f"{action} has the keys of {other}"
    return unknown(action, REBINDABLE, "action")


def _taken(keys: Keys) -> list[Wrong]:
    """Return the keys that are those of another action, too."""
    wrong: list[Wrong] = []
    for action, some in keys.chosen.items():
        for key in some:
            if (other := keys.taken(action, key)) is not None:
                frees = "choose another"
                if not other.fixed:
                    frees += f", or give {other.same_keys_as or other.id} another"
                problem = f"{shown_key(key)} is the key of {other.id}: {frees}"
                wrong.append(Wrong((KEYS, action), problem))
    return wrong
