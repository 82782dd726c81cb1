"""Split a model's stored value at its card: thousands of values share the half with the card."""

from __future__ import annotations

LONGEST_SHARED = 16_384
"""Bytes of the half with the card, about ten times the usual size: larger ones are not worth
caching."""

_BEFORE_CARD = b',"card_json":'
_CARD_FIRST = b'{"card_json":'
_BEHIND_CARD = b',"component":'


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


def split_sorted_body(value: bytes) -> tuple[bytes, bytes] | None:
    """Split a model's body that begins with its card, since Kubernetes sorts members by name, into
    the card and the part behind it.

    None: it does not begin so, or the card is very long. The halves make the value as in
    `split_body`.
    """
    cut = value.rfind(_BEHIND_CARD) if value.startswith(_CARD_FIRST) else -1
    if cut < 0 or cut > LONGEST_SHARED:
        return None
    return value[:cut] + b"}", b"{" + value[cut + 1 :]
