"""The instance id of a process in Kubernetes: a hash of the name of the object that it owns.

Every release makes it with Rust's default hasher, SipHash-1-3 with a key of zeros, over the bytes
of the name and one byte 0xff, and keeps the low 53 bits. Seen in releases 0.8 to 1.6.
"""

from __future__ import annotations

from functools import lru_cache
from struct import iter_unpack

NAMES_KEPT = 16384
"""Names whose ids are cached: each record of an object asks for it."""

_MASK = (1 << 64) - 1
_ID_BITS = 53


@lru_cache(maxsize=NAMES_KEPT)
def instance_id_of(name: str) -> int:
    """Return the instance id (u64) of the process that owns an object of this name."""
    hashed = _siphash_1_3(name.encode("utf-8", "backslashreplace") + b"\xff")
    return hashed & ((1 << _ID_BITS) - 1)


def _siphash_1_3(data: bytes) -> int:
    """Return SipHash with one compression round and three at the end, for a key of zeros."""
    v0, v1, v2, v3 = 0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573
    padded = data + bytes(7 - len(data) % 8) + bytes([len(data) & 0xFF])
    words = [word for (word,) in iter_unpack("<Q", padded)]
    # In one loop without calls: a dashboard may start with thousands of names.
    for number, word in enumerate([*words, 0, 0, 0]):
        if number == len(words):
            v2 ^= 0xFF
        v3 ^= word
        v0 = (v0 + v1) & _MASK
        v1 = ((v1 << 13 | v1 >> 51) & _MASK) ^ v0
        v0 = (v0 << 32 | v0 >> 32) & _MASK
        v2 = (v2 + v3) & _MASK
        v3 = ((v3 << 16 | v3 >> 48) & _MASK) ^ v2
        v0 = (v0 + v3) & _MASK
        v3 = ((v3 << 21 | v3 >> 43) & _MASK) ^ v0
        v2 = (v2 + v1) & _MASK
        v1 = ((v1 << 17 | v1 >> 47) & _MASK) ^ v2
        v2 = (v2 << 32 | v2 >> 32) & _MASK
        v0 ^= word
    return v0 ^ v1 ^ v2 ^ v3
