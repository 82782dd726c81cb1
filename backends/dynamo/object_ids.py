"""The instance id of a process in Kubernetes: a hash of the name of the object that it owns.

Every release makes it with Rust's default hasher, SipHash-1-3 with a key of zeros, over the bytes
of the name and one byte 0xff, and keeps the low 53 bits. Seen in releases 0.8 to 1.6.
"""

from __future__ import annotations

from functools import lru_cache

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
    state = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)
    whole = len(data) // 8 * 8
    words = [data[at : at + 8] for at in range(0, whole, 8)]
    words.append(data[whole:].ljust(7, b"\0") + bytes([len(data) & 0xFF]))
    for word in words:
        number = int.from_bytes(word, "little")
        v0, v1, v2, v3 = state
        v0, v1, v2, v3 = _round(v0, v1, v2, v3 ^ number)
        state = (v0 ^ number, v1, v2, v3)
    v0, v1, v2, v3 = state
    v2 ^= 0xFF
    for _ in range(3):
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    return v0 ^ v1 ^ v2 ^ v3


def _round(v0: int, v1: int, v2: int, v3: int) -> tuple[int, int, int, int]:
    v0 = (v0 + v1) & _MASK
    v1 = _rotated(v1, 13) ^ v0
    v0 = _rotated(v0, 32)
    v2 = (v2 + v3) & _MASK
    v3 = _rotated(v3, 16) ^ v2
    v0 = (v0 + v3) & _MASK
    v3 = _rotated(v3, 21) ^ v0
    v2 = (v2 + v1) & _MASK
    v1 = _rotated(v1, 17) ^ v2
    v2 = _rotated(v2, 32)
    return v0, v1, v2, v3


def _rotated(value: int, bits: int) -> int:
    return ((value << bits) | (value >> (64 - bits))) & _MASK
