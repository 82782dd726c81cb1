"""The names of keys: as a person types them, and as they are shown.

A key is written as a person types it (`d`, `D`, `?`), or by name (`space`, `f2`, `ctrl+p`).
"""

from __future__ import annotations

SHOWN = {
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "home": "Home",
    "end": "End",
    "escape": "Esc",
    "enter": "Enter",
    "tab": "Tab",
    "space": "space",
    "backspace": "Backspace",
    "delete": "Del",
    "insert": "Ins",
    **{f"f{n}": f"F{n}" for n in range(1, 13)},
}
"""How keys with a name are shown; these are the names that there are."""
OTHER_NAMES = {
    "esc": "escape",
    "return": "enter",
    "pgup": "pageup",
    "pgdn": "pagedown",
    "del": "delete",
    "ins": "insert",
    " ": "space",
}
MODIFIERS = ("ctrl", "alt", "shift")
SENT_AS = {"ctrl+i": "tab", "ctrl+j": "enter", "ctrl+m": "enter", "ctrl+h": "backspace"}
"""Keys for which a terminal sends the same as for another."""


def shown_key(key: str) -> str:
    """Return a key as people read it."""
    *modifiers, base = key.split("+") if len(key) > 1 else [key]
    shown = SHOWN.get(base, base.upper() if modifiers else base)
    return "+".join([*(one.capitalize() for one in modifiers), shown])


def parse_key(text: str) -> str | None:
    """Return the key that a person means by this. None: there is no such key."""
    if text in OTHER_NAMES:
        return OTHER_NAMES[text]
    if len(text) == 1:
        return text if text.isprintable() else None
    *modifiers, base = text.lower().split("+")
    base = OTHER_NAMES.get(base, base)
    if any(modifiers.count(one) != 1 or one not in MODIFIERS for one in modifiers):
        return None
    is_letter = len(base) == 1 and base.isascii() and base.isalpha()
    if not (base in SHOWN or (is_letter and modifiers)):
        return None
    if is_letter and "shift" in modifiers:
        # A terminal sends the capital alone.
        return base.upper() if modifiers == ["shift"] else None
    return "+".join([*(one for one in MODIFIERS if one in modifiers), base])
