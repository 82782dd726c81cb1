"""What a mistyped word may have meant. Imports nothing that every start would pay for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backends.discovery.namespaces_beside import NamespacesBeside

LONGEST = 64
"""Characters of a word that is compared: comparing takes time by their square."""
MOST_NAMED = 3


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that a mistyped one may have meant. None: it is like none of them."""
    from difflib import get_close_matches

    if len(word) > LONGEST:
        return None
    # Dashes would make any two options alike.
    by_letters = {one.lower().lstrip("-"): one for one in known}
    letters = word.lower().lstrip("-")
    # What was cut short is less alike than what was mistyped: `end` and `endpoints`.
    begun = [one for one in by_letters if letters and one.startswith(letters)]
    like = begun if len(begun) == 1 else get_close_matches(letters, by_letters, n=1)
    return by_letters[like[0]] if like else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ` (did you mean list?)`, to follow a word that is none of the known ones. Empty: it
    is like none of them."""
    like = nearest(word, known)
    return "" if like is None else f" (did you mean {like}?)"


def others_named(found: NamespacesBeside) -> str:
    """Return which namespaces there are instead, and how to see all that begin so, as a clause of
    harmless text."""
    from backends.dynamo.queries import ANY_END
    from tui.text.sanitize import plain

    names, most = list(map(plain, found.names)), MOST_NAMED
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    start = f"{plain(found.start)}{ANY_END}"
    return f"there is {', '.join(names[:most])}{more}: -n '{start}' takes all that begin so"
