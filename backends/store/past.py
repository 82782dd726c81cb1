"""What a store still knows of its own past: all keys at an earlier revision, and every change
between two.

For stores that keep what was for a while: etcd, which counts its changes, and NATS, where a
revision is a time. What a store does not know any more is an error and never a guess.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from backends.store.entries import Entry
from backends.store.events import Resync


class PastChange(msgspec.Struct, frozen=True, gc=False):
    """One key was put or removed, before anybody here watched."""

    revision: int
    """The store's own. Changes that were made in one step have the same."""
    key: bytes
    entry: Entry | None
    """What was put. None: the key was removed; how (by hand, or with its lease) is not kept."""
    previous: Entry | None
    """What the key held before. None: it was not there. `Entry.unread` says so if the store does
    not know any more what it held."""
    at: float | None = None
    """POSIX seconds. None: the store keeps no times."""


class Past(Protocol):
    """Reads the past of a store. Revisions are whole numbers that count up from 1.

    Every method but the first two may raise `StoreError`. A revision that is not there any more
    raises `Compacted`, one that is not there yet `NotYet`. `NoPast`: nothing of the past is known.
    """

    def time_of(self, revision: int) -> float | None:
        """Return when a revision was, in POSIX seconds. None: the store keeps no times."""

    def revision_at(self, at: float) -> int | None:
        """Return the revision that a store had at a time, in POSIX seconds. None: it keeps no
        times."""

    async def newest(self) -> int:
        """Return the revision of the last change."""

    async def oldest(self, prefixes: Sequence[bytes]) -> int:
        """Return the oldest revision of which everything is still there. 1: nothing was dropped."""

    async def at(self, prefixes: Sequence[bytes], revision: int) -> Resync:
        """Return what `Store.snapshot` would have returned at a revision, as far as this user may
        read it now.

        No part of it is of another revision: if it is compacted meanwhile, that is raised.
        """

    async def changes(
        self, prefixes: Sequence[bytes], after: int, until: int
    ) -> tuple[PastChange, ...]:
        """Return every change after one revision, up to and with another, in their order.

        Keys that this user may not read are left out, as in `at`.
        """

    async def recent(
        self, prefixes: Sequence[bytes], until: int, most: int
    ) -> tuple[PastChange, ...]:
        """Return the changes of the last so many revisions up to and with one, in their order, as
        far as all of them are still known. Nothing is raised for those that are not."""
