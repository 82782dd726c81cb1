"""Find the line of a setting in a TOML file, which the parser does not tell."""

from __future__ import annotations

import re
import tomllib

_HEADER = re.compile(r"\s*(\[\[?)(.*?)(\]\]?)\s*(?:#.*)?$")
_SETTING = re.compile(r"""\s*((?:"[^"]*"|'[^']*'|[\w\-.\s])+?)\s*=""")


def line_of(text: str, place: tuple[str, ...]) -> int | None:
    """Return the line of a setting, which is named by its tables and itself; else that of the
    table that it is in. None: neither is there."""
    table: tuple[str, ...] = ()
    best, line = 0, None
    for number, content in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(content):
            here = table = _names(header[2])
        elif setting := _SETTING.match(content):
            here = table + _names(setting[1])
        else:
            continue
        common = min(len(here), len(place))
        if here[:common] == place[:common] and common > best:
            best, line = common, number
    return line


def _names(dotted: str) -> tuple[str, ...]:
    """Return the parts of a dotted key. Empty: it is none."""
    try:
        found = tomllib.loads(f"{dotted} = 0")
    except tomllib.TOMLDecodeError:
        return ()
    names: list[str] = []
    level: object = found
    while isinstance(level, dict):
        ((name, level),) = level.items()
        names.append(name)
    return tuple(names)
