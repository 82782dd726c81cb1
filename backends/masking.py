"""What may be repeated of a setting, and of a text that somebody else sends: nothing secret."""

from __future__ import annotations

import re
from collections.abc import Iterable

MASK = "***"
"""What stands where a secret was."""

_PATH = re.compile(r"[^\s-][^\r\n]{0,254}")


def path_or_mask(text: str) -> str:
    """A setting that should be a path, to be named in a message. What does not look like one may be
    the key itself, put there by mistake."""
    looks_like_one = text.startswith("/") or "." in text
    return text if looks_like_one and "-----" not in text and _PATH.fullmatch(text) else MASK


def without(text: str, secrets: Iterable[str | None]) -> str:
    """A text of somebody else's in which none of these is repeated, in whatever case."""
    for secret in secrets:
        if secret:
            text = re.sub(re.escape(secret), MASK, text, flags=re.IGNORECASE)
    return text
