"""Split a model's stored value before its card: thousands of values share the second half."""

from __future__ import annotations

LONGEST_SHARED = 16_384
"""Bytes of a second half, about ten times the usual size: larger ones are not worth caching."""

_BEFORE_CARD = b',"card_json":'


def split_body(value: bytes) -> tuple[bytes, bytes] | None:
    """Split a model's body into the part before the card and the card with all that follows it.

    None: nothing stands before the card, there is no card, or it is very long.

    If both halves are JSON objects and the first has a member, the value is a JSON object with the
    members of the first and then of the second. Otherwise nothing follows for the value.
    """
    cut = value.find(_BEFORE_CARD)
    if cut < 0 or len(value) - cut > LONGEST_SHARED:
        return None
    return value[:cut] + b"}", b"{" + value[cut + 1 :]
