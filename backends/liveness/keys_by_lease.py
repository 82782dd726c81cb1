"""The keys on each lease, or each key itself where there are no leases. Pure."""

from __future__ import annotations

from collections.abc import Set

from backends.dynamo.records import AnyRecord

LeaseOrKey = int | bytes
"""The store is asked for its TTL: a lease's id, or a key where there are no leases."""

_NO_KEYS: frozenset[bytes] = frozenset()


class KeysByLease:
    """The keys on each lease."""

    def __init__(self) -> None:
        self._keys: dict[LeaseOrKey, set[bytes]] = {}
        self._new: set[LeaseOrKey] = set()
        self._gone: set[LeaseOrKey] = set()
        """Of those that were taken as new: without a reader of `take_new` there are none."""
        self._perhaps_empty: set[LeaseOrKey] = set()

    def __contains__(self, lease: LeaseOrKey) -> bool:
        return lease in self._keys

    def keys(self, lease: LeaseOrKey) -> Set[bytes]:
        """Return the keys on a lease. Do not change them, nor keep them."""
        return self._keys.get(lease, _NO_KEYS)

    def add(self, key: bytes, lease: LeaseOrKey) -> None:
        """Put a key on a lease."""
        keys = self._keys.get(lease)
        if keys is None:
            self._keys[lease] = {key}
            self._new.add(lease)
        else:
            keys.add(key)

    def discard(self, key: bytes, lease: LeaseOrKey) -> None:
        """Take a key from its lease. The lease stays until `take_empty`."""
        self._keys[lease].discard(key)
        self._perhaps_empty.add(lease)

    def take_empty(self) -> list[LeaseOrKey]:
        """Drop the leases that have no keys any more, and return them.

        Call it once all changes are taken in: a key that left a lease may have come back to it.
        """
        if not self._perhaps_empty:
            return []
        empty: list[LeaseOrKey] = []
        for lease in self._perhaps_empty:
            if not self._keys[lease]:
                empty.append(lease)
                del self._keys[lease]
                if lease in self._new:
                    self._new.discard(lease)
                else:
                    self._gone.add(lease)
        self._perhaps_empty.clear()
        return empty

    def take_new(self) -> set[LeaseOrKey]:
        """Return the leases that have keys since the last call, and had none before."""
        new, self._new = self._new, set()
        return new

    def take_gone(self) -> set[LeaseOrKey]:
        """Return the leases that `take_new` returned, and that lost their keys since the last
        call. One that came back meanwhile is new again."""
        gone, self._gone = self._gone, set()
        return gone


def lease_or_key(record: AnyRecord) -> LeaseOrKey:
    """Return the lease of a record."""
    entry = record.entry
    return entry.key if (lease := entry.lease) is None else lease
