"""The events of a watch: a resync, then changes, heartbeats, and lost connections."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from backends.store.entries import Entry, NoPuts
from backends.store.errors import StoreError


@dataclass(frozen=True, slots=True)
class Loading:
    """A snapshot is being read. `total` is None until the store has reported the number of keys."""

    done: int
    total: int | None
    read: tuple[Entry, ...] = field(default=(), compare=False, repr=False)
    """Entries read since the last such event, for display before the snapshot is complete.
    Optional: a store may leave it empty. The complete `Resync` holds them again.
    """


class Resync(msgspec.Struct, frozen=True):
    """All entries at one moment. The consumer replaces its state."""

    entries: tuple[Entry, ...]
    revision: str
    """The store's own revision at that moment, for people. Empty: the store has none."""
    unread: str = ""
    """Which of the requested keys are missing here because this user may not read them, for people.
    Empty: none.
    """


class Put(msgspec.Struct, frozen=True, gc=False):
    """A key was created or changed, or its expiry changed."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class Delete:
    """A key was removed."""

    key: bytes
    revision: str = field(default="", compare=False)
    """The store's own revision of the removal: keys of one lease are removed in one revision.
    Empty: the store reports none.
    """
    overdue: float | None = field(default=None, compare=False)
    """Seconds for which its time to live had been over, counted from the last touch seen; below 0,
    the seconds it still had. None: not known, or another process keeps that time (a lease).
    """


class Heartbeat(msgspec.Struct, frozen=True):
    """The store answered: everything yielded before holds now. Comes at least every few seconds."""

    warnings: tuple[str, ...] = ()
    """The store's own warnings, e.g. etcd's alarms. Replaces those of the last heartbeat."""
    no_puts: tuple[NoPuts, ...] = ()
    """As `Store.no_puts`. Replaces those of the last heartbeat."""
    read_only: str = ""
    """As `Store.read_only`. Replaces that of the last heartbeat."""


class Lost(msgspec.Struct, frozen=True):
    """The store cannot be reached. Earlier events may be out of date until the next `Resync`."""

    error: StoreError


StoreEvent = Loading | Resync | Put | Delete | Heartbeat | Lost
