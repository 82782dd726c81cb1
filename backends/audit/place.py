"""Where the audit is, unless it was told otherwise."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from pathlib import Path

from backends.audit.errors import AuditFailed


def default_path(environ: Mapping[str, str]) -> Path:
    """`dyntop/audit.jsonl` in `$XDG_STATE_HOME`, else in `~/.local/state`.

    As the XDG base directory specification (0.8) has it, a path that is not absolute is ignored.
    Raises `AuditFailed` where this user has no home.
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
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        raise AuditFailed(Path("~/.local/state"), "this user has no home") from None
