"""Reasons in so few words that they stand in a narrow column whole. No Textual in here.

The last form of each has at most `SHORTEST` characters. Each module uses only modules below it in
this list:

    reason_words    why a record went
    evidence_words  a piece of evidence
"""

from __future__ import annotations

import re

SHORTEST = 11
"""Characters: what a column of reasons has at least."""


def forms(*texts: str) -> tuple[str, ...]:
    """Return the texts, the longest first, without those that are no shorter than the one
    before."""
    kept: list[str] = []
    for text in texts:
        if text and (not kept or len(text) < len(kept[-1])):
            kept.append(text)
    return tuple(kept)


def without_last_clauses(text: str) -> tuple[str, ...]:
    """Return a text without its last clause, without its last two, and so on."""
    ends = [found.start() for found in _BETWEEN_CLAUSES.finditer(text)]
    return tuple(text[:end] for end in reversed(ends))


_BETWEEN_CLAUSES = re.compile("[,;:] ")


def shortest(*of: tuple[str, ...]) -> tuple[str, ...]:
    """Return the forms of the first reason that has any: the others are left out."""
    return next(filter(None, of), ())
