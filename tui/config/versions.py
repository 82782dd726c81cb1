"""The version of the settings file, which commands look at too: they read its contexts alone."""

from __future__ import annotations

from collections.abc import Mapping

VERSION = "version"
CONTEXTS = "contexts"
"""The name of the version, and of the table of contexts."""
NEWEST = 1
"""The version that this dyntop reads and writes. A file without one has it."""


def wrong_version(tables: Mapping[str, object]) -> str | None:
    """Return why a file with these tables cannot be read. None: it can."""
    version = tables.get(VERSION, NEWEST)
    if type(version) is not int or version < 1:
        return f"{VERSION} must be {NEWEST}, or left out"
    if version > NEWEST:
        return f"{VERSION} {version} is of a newer dyntop: this one reads version {NEWEST}"
    return None
