"""Ids of acts: making one, and finding those that are taken."""

from __future__ import annotations

import re
import secrets
from collections.abc import Container
from datetime import UTC, datetime

_ID = re.compile(rb'"id":"([0-9]{8}-[0-9]{6}-[0-9a-f]{4})"')
"""Of an act, in a line of the audit: inside a key or value, quotes are escaped."""


def new_id(at: float, taken: Container[str]) -> str:
    """An id for an act at `at` (POSIX seconds) that is not taken."""
    second = datetime.fromtimestamp(at, UTC).strftime("%Y%m%d-%H%M%S")
    while True:
        candidate = f"{second}-{secrets.token_hex(2)}"
        if candidate not in taken:
            return candidate


def ids_in(content: bytes) -> set[str]:
    """The ids of all acts in lines of the audit, without reading the lines: that takes longer."""
    return {act_id.decode() for act_id in _ID.findall(content)}
