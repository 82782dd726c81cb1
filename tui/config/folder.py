"""The folder of a user's own files for dyntop, and how to read one."""

from __future__ import annotations

import os
import pwd
import tomllib
from codecs import BOM_UTF8
from collections.abc import Mapping
from pathlib import Path

from backends.store import Misconfigured
from backends.store.regular_file import open_regular

CONTEXTS_FILE = "contexts.toml"
SETTINGS_FILE = "settings.toml"
"""The settings, and contexts too."""


def config_folder(environ: Mapping[str, str]) -> Path | None:
    """Return the folder of the user's files. None: this user has no home.

    By the XDG base directory specification (0.8), a path that is not absolute is ignored.
    """
    folder = Path(environ.get("XDG_CONFIG_HOME", ""))
    if not folder.is_absolute():
        home = Path(environ.get("HOME", ""))
        if not home.is_absolute():
            try:
                home = Path(pwd.getpwuid(os.getuid()).pw_dir)
            except KeyError:
                return None
        folder = home / ".config"
    return folder / "dyntop"


def read_bytes(path: Path, source: str, otherwise: str) -> bytes:
    """Return the contents of a file. Blocks.

    Raises `FileNotFoundError`, and `Misconfigured` with `source` for an unreadable file.
    `otherwise`: what the user can do instead of fixing the file.
    """
    try:
        with open_regular(path) as file:
            return file.read()
    except FileNotFoundError:
        raise
    except OSError as error:
        reason = error.strerror or "input or output failed"
        problem = f"{path} cannot be read ({reason}): mend that, or {otherwise}"
    raise Misconfigured(source, problem)


def parse_toml(content: bytes, path: Path, source: str) -> dict[str, object]:
    """Return the tables of a file. Raises `Misconfigured` with `source`."""
    try:
        return tomllib.loads(content.decode())
    except tomllib.TOMLDecodeError as error:
        problem = f"{path} is not TOML: {error}"
        if content.startswith(BOM_UTF8):
            # Else the first character of the file would be called wrong, which no editor shows.
            problem = f"{path} begins with a byte order mark: save it as UTF-8 without one"
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        problem = f"{path} is not UTF-8 at line {line}: save it as UTF-8"
    except RecursionError:
        problem = f"{path} is nested too deeply: write plain tables"
    raise Misconfigured(source, problem)


def read_toml(path: Path, source: str, otherwise: str) -> dict[str, object]:
    """Return the tables of a file. Blocks. Raises as `read_bytes` and `parse_toml` do."""
    return parse_toml(read_bytes(path, source, otherwise), path, source)
