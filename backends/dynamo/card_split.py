"""Split a model's stored value at its card: thousands of values share the half with the card."""

from __future__ import annotations

from functools import lru_cache

from backends.store import Entry

LONGEST_SHARED = 16_384
"""Bytes of the half with the card, about ten times the usual size: larger ones are not worth
caching."""
CARDS_KEPT = 2048
"""Halves with a card that are cached: more than a cluster has models and LoRA adapters."""

_BEFORE_CARD = b',"card_json":'
_CARD_FIRST = b'{"card_json":'
_BEHIND_CARD = b',"component":'


def split_body(value: bytes) -> tuple[bytes, bytes] | None:
    """Split a model's body into the part before the card and the card with all that follows it.

    None: nothing stands before the card, there is no card, or it is very long.

    If both halves are JSON objects (the second as of `as_object`) and the first has a member, the
    value is a JSON object with the members of the first and then of the second. Otherwise nothing
    follows for the value.
    """
    head, tail = parted(value)
    return (head + b"}", tail) if tail else None


def split_entry(entry: Entry) -> tuple[bytes, bytes] | None:
    """As `split_body` of an entry's value."""
    return (entry.head + b"}", entry.tail) if entry.tail else split_body(entry.head)


def as_object(shared: bytes) -> bytes:
    """Return the text of the half with the card: it begins with the comma before it, if any."""
    return b"{" + shared[1:]


def parted(value: bytes) -> tuple[bytes, bytes]:
    """Return `head` and `tail` of the entry of a value: that of a card is one object for all."""
    cut = value.find(_BEFORE_CARD)
    if cut < 0 or len(value) - cut > LONGEST_SHARED:
        return value, b""
    return value[:cut], _once(value[cut:])


@lru_cache(maxsize=CARDS_KEPT)
def _once(shared: bytes) -> bytes:
    return shared


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
