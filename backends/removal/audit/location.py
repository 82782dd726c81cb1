"""Where the audit stands by default."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from pathlib import Path

NO_HOME = "~"
"""The first part of a path if the user has no home."""


def default_path(environ: Mapping[str, str]) -> Path:
    """Return `dyntop/audit.jsonl` in `$XDG_STATE_HOME`, else in `~/.local/state`.

    By the XDG base directory specification (0.8), a path that is not absolute is ignored. If the
    user has no home the `~` stays: an `Audit` there can be neither written nor read.
    """
    state = Path(environ.get("XDG_STATE_HOME", ""))
    if not state.is_absolute():
        state = _home(environ) / ".local" / "state"
    return state / "dyntop" / "audit.jsonl"


def _home(environ: Mapping[str, str]) -> Path:
    home = Path(environ.get("HOME", ""))
    if home.is_absolute():
        return home
    try:
        home = Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        return Path(NO_HOME)
    return home if home.is_absolute() else Path(NO_HOME)
