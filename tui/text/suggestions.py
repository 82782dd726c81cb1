"""What a mistyped word may have meant. Imports nothing that every start would pay for."""

from __future__ import annotations

from collections.abc import Iterable

LONGEST = 64
"""Characters of a word that is compared: comparing takes time by their square."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ` (did you mean list?)`, to follow a word that is none of the known ones. Empty: it
    is like none of them."""
    from difflib import get_close_matches

    if len(word) > LONGEST:
        return ""
    by_lower = {one.lower(): one for one in known}
    close = get_close_matches(word.lower(), by_lower, n=1)
    return f" (did you mean {by_lower[close[0]]}?)" if close else ""
