"""Ranges of keys, in etcd's form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

NO_END = b"\0"
"""As the end of a range: it includes the last key."""


class KeyRange(msgspec.Struct, frozen=True):
    """All keys from `start` on, before `end`. There is no empty key."""

    start: bytes
    end: bytes

    def __str__(self) -> str:
        """Return the common prefix of its keys, or its bounds, for people."""
        start = _spelled(self.start)
        if self.end == NO_END:
            return "all keys" if self.start == b"\0" else f"{start} and all that follows"
        if self.end == range_end(self.start):
            return start
        if self.end == self.start + b"\0":
            return f"the key {start}"
        return f"{start} up to {_spelled(self.end)}"

    def common(self, other: KeyRange) -> KeyRange | None:
        """Return the keys that are in both. None: there are none."""
        start = max(self.start, other.start)
        end = min(self.end, other.end, key=_order)
        return KeyRange(start, end) if end == NO_END or end > start else None


def key_ranges(prefixes: Sequence[bytes]) -> tuple[KeyRange, ...]:
    """Return disjoint ranges, sorted. A prefix within another one is dropped."""
    kept: list[bytes] = []
    for prefix in sorted(prefixes):
        if not kept or not prefix.startswith(kept[-1]):
            kept.append(prefix)
    return tuple(KeyRange(prefix or b"\0", range_end(prefix)) for prefix in kept)


def range_end(prefix: bytes) -> bytes:
    """Return the first key after all keys with this prefix. `NO_END`: there is none."""
    stem = prefix.rstrip(b"\xff")
    return stem[:-1] + bytes((stem[-1] + 1,)) if stem else NO_END


def merged(ranges: Iterable[KeyRange]) -> list[KeyRange]:
    """Return the same keys in sorted ranges that neither overlap nor touch."""
    found: list[KeyRange] = []
    for one in sorted(ranges, key=lambda one: one.start):
        if found and _order(found[-1].end) >= _order(one.start):
            last = found.pop()
            one = KeyRange(last.start, max(last.end, one.end, key=_order))
        found.append(one)
    return found


def common(some: Iterable[KeyRange], others: Iterable[KeyRange]) -> list[KeyRange]:
    """Return the keys that are in both, in sorted ranges that neither overlap nor touch."""
    others = list(others)
    parts = (one.common(other) for one in some for other in others)
    return merged(part for part in parts if part is not None)


def without(some: Iterable[KeyRange], others: Iterable[KeyRange]) -> list[KeyRange]:
    """Return the keys of some ranges that are not in others."""
    found = list(some)
    for other in others:
        found = [part for one in found for part in _without(one, other)]
    return found


def _without(one: KeyRange, other: KeyRange) -> Iterator[KeyRange]:
    """Return the parts of a range before another one, and after it."""
    if other.start > one.start:
        yield KeyRange(one.start, min(one.end, other.start, key=_order))
    if other.end != NO_END and (one.end == NO_END or one.end > other.end):
        yield KeyRange(max(one.start, other.end), one.end)


def _order(bound: bytes) -> tuple[bool, bytes]:
    return bound == NO_END, bound


def _spelled(key: bytes) -> str:
    return key.decode(errors="backslashreplace")
