"""Stored values, and how a model's is cut in two: thousands of them have the same second half."""

from __future__ import annotations

LONGEST_SHARED = 16_384
"""Bytes of a second half, some ten times the usual: longer ones are not worth keeping."""

_BEFORE_CARD = b',"card_json":'


def in_two(value: bytes) -> tuple[bytes, bytes] | None:
    """The body of a model's card as two texts: what is before the card, and the card with what is
    behind it. None: it has no card behind something else, or a very long one.

    If both texts are JSON objects and the first has a member, then the value is one, of the members
    of the first and then those of the second. If not, nothing is said about the value.
    """
    cut = value.find(_BEFORE_CARD)
    if cut < 0 or len(value) - cut > LONGEST_SHARED:
        return None
    return value[:cut] + b"}", b"{" + value[cut + 1 :]
