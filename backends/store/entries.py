"""Stored entries, and the outcomes of changing them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NewType

import msgspec

if TYPE_CHECKING:
    from backends.store.owner import Owner

Revision = NewType("Revision", str)
"""A token for a key's current content: equal tokens mean equal content.

Opaque above the store: etcd's is the key's `mod_revision`; the file store's is made of the file's
identity, its birth time and its content; Kubernetes' of the object's uid, its last write by Dynamo
and the value.
"""


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One key as it is stored."""

    key: bytes
    """The full key exactly as stored, bucket included."""
    head: bytes
    """The value, or its beginning if there is a `tail`."""
    revision: Revision
    lease: int | None = None
    """The id (u64) of the lease that the key is bound to. None: the key or the store has no lease.
    """
    expired_at: float | None = None
    """When its time to live ended, in POSIX seconds, in stores that keep expired keys (file)."""
    unread: str = ""
    """Why `value` is not the stored value, for people: this user may not read it, or it was cut
    off. Empty: the value is complete. An incomplete value proves nothing and cannot be put back.
    """
    problem: str = ""
    """A problem of how the store holds the key, for people, e.g. that a second file decodes to the
    same key. Empty: none. Not compared."""
    owner: Owner | None = None
    """The object that holds the entry, in stores where an object does (Kubernetes)."""
    tail: bytes = b""
    """The end of the value, where it is also that of others: one object for thousands of cards.
    Equal values need not be divided alike."""

    @property
    def value(self) -> bytes:
        """The value exactly as stored."""
        return self.head + self.tail if self.tail else self.head

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Entry):
            return NotImplemented
        return self._compared == other._compared

    def __hash__(self) -> int:
        return hash(self._compared)

    @property
    def _compared(self) -> tuple[object, ...]:
        held = (self.key, self.value, self.revision, self.lease)
        return (*held, self.expired_at, self.unread, self.owner)

    @property
    def plain_key(self) -> bytes:
        """Return the key as Dynamo spells it: without the object that `qualify` may have added."""
        if self.owner is None or b"@" not in self.key:
            return self.key
        return self.key.removesuffix(b"@" + self.owner.path.encode())

    def is_still(self, now: Entry | None) -> bool:
        """Return whether `now` holds the same revision, bytes and lease.

        The revision alone is not enough: a store restored from a backup assigns revisions a second
        time.
        """
        return now is not None and (
            (self.revision, self.lease, self.unread, self.value)
            == (now.revision, now.lease, now.unread, now.value)
        )


@dataclass(frozen=True, slots=True)
class TimeToLive:
    """The time limit of a key."""

    granted: float | None
    """Seconds, as granted by the store. None: not known, since the lease is gone."""
    remaining: float
    """Seconds, negative once the time is over. -1.0 if the lease no longer exists."""
    reset_ago: float | None = field(default=None, compare=False)
    """Seconds since the store itself last gave every lease its full time (an etcd with a new
    leader), if this lease was not seen renewed since. None: the remaining time is due to a renewal,
    as far as known.

    For a lease that is gone: seconds since the last such reset. None: no reset is known.
    """


class Removal(StrEnum):
    """The outcome of removing one key."""

    REMOVED = "removed"
    CHANGED = "changed"
    """The key holds other content than the named entry: nothing was removed."""
    GONE = "gone"
    """The key no longer existed."""


class PutBack(StrEnum):
    """The outcome of putting a removed entry back."""

    DONE = "put back"
    THERE = "there"
    """The key exists: nothing was written."""
    LEASE_GONE = "lease gone"
    """The entry's lease no longer exists: nothing was written."""
    POD_GONE = "pod gone"
    """The pod that owned the entry's object no longer exists (Kubernetes): nothing was written."""
    UNREAD = "value not known"
    """The entry's value is incomplete (`Entry.unread`): nothing was written."""


class NoPuts(msgspec.Struct, frozen=True):
    """A reason why the store refuses puts, while it may still delete: a removed key could then not
    be put back.
    """

    reason: str
    """For people, as a clause: `etcd is out of space (alarm NOSPACE)`."""

    def concerns(self, key: bytes) -> bool:
        """Return whether puts of this key are refused too. Stores that refuse only some keys use a
        subclass.
        """
        return True
