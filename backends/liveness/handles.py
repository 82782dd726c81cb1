"""The keys on each lease, or each key itself where there are no leases. Pure."""

from __future__ import annotations

from collections.abc import Set

from backends.dynamo.records import AnyRecord

Handle = int | bytes
"""The store is asked for its TTL: a lease's id, or a key where there are no leases."""

_NO_KEYS: frozenset[bytes] = frozenset()


class Handles:
    """The keys on each handle."""

    def __init__(self) -> None:
        self._keys: dict[Handle, set[bytes]] = {}
        self._new: set[Handle] = set()
        self._gone: set[Handle] = set()
        """Of those that were taken as new: without a reader of `take_new` there are none."""
        self._perhaps_empty: set[Handle] = set()

    def __contains__(self, handle: Handle) -> bool:
        return handle in self._keys

    def keys(self, handle: Handle) -> Set[bytes]:
        """Return the keys on a handle. Do not change them, nor keep them."""
        return self._keys.get(handle, _NO_KEYS)

    def add(self, key: bytes, handle: Handle) -> None:
        """Put a key on a handle."""
        keys = self._keys.get(handle)
        if keys is None:
            self._keys[handle] = {key}
            self._new.add(handle)
        else:
            keys.add(key)

    def discard(self, key: bytes, handle: Handle) -> None:
        """Take a key from its handle. The handle stays until `take_empty`."""
        self._keys[handle].discard(key)
        self._perhaps_empty.add(handle)

    def take_empty(self) -> list[Handle]:
        """Drop the handles that have no keys any more, and return them.

        Call it once all changes are taken in: a key that left a lease may have come back to it.
        """
        if not self._perhaps_empty:
            return []
        empty: list[Handle] = []
        for handle in self._perhaps_empty:
            if not self._keys[handle]:
                empty.append(handle)
                del self._keys[handle]
                if handle in self._new:
                    self._new.discard(handle)
                else:
                    self._gone.add(handle)
        self._perhaps_empty.clear()
        return empty

    def take_new(self) -> set[Handle]:
        """Return the handles that have keys since the last call, and had none before."""
        new, self._new = self._new, set()
        return new

    def take_gone(self) -> set[Handle]:
        """Return the handles that `take_new` returned, and that lost their keys since the last
        call. One that came back meanwhile is new again."""
        gone, self._gone = self._gone, set()
        return gone


def handle_of(record: AnyRecord) -> Handle:
    """Return the handle of a record."""
    entry = record.entry
    return entry.key if (lease := entry.lease) is None else lease
