"""What the contract suite needs of a store under test."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from backends.store import Store


class Harness(Protocol):
    """A place where a store keeps its data (a server, a folder), owned by one test."""

    def __init__(self, folder: Path) -> None:
        """`folder` is this test's own temporary folder."""

    async def start(self) -> None:
        """Make the place ready and empty."""

    def open(self) -> Store:
        """A new store on the same place, as another process would open it. The test closes it."""

    async def break_off(self) -> None:
        """Make the place unreachable, with its data kept."""

    async def mend(self) -> None:
        """Make it reachable again, data as it was."""

    async def put_while_broken(self, key: bytes, value: bytes) -> None:
        """Change a key so that no watcher can be told of it: called between the two above.

        A store whose place cannot be changed while it is unreachable makes the change
        visible at the latest when `mend` returns.
        """

    async def delete_while_broken(self, key: bytes) -> None:
        """Likewise, remove a key."""

    async def put_by_a_worker(self, key: bytes, value: bytes) -> None:
        """Put a key as another process does: under a lease of its own where there are leases."""

    async def end_the_worker(self) -> None:
        """End that process's lease. Called only where the store has leases."""

    counts_again: bool
    """Whether a place that was restored gives the same revisions a second time."""

    keeps_bytes: bool
    """Whether a value may be any bytes. If not, it is JSON."""

    shares_keys: bool
    """Whether a key has one value for all processes. If not, each process has entries of its own,
    and an entry is told by its key and its owner."""

    async def back_up(self) -> None:
        """Keep what there is now, elsewhere."""

    async def restore(self) -> None:
        """Make the place what it was when it was backed up, as an operator does it."""

    async def keep_past(self, key: bytes) -> None:
        """Have the place keep all that keys such as this one, of one kind and namespace, held
        before. Called only where the store has a past, of an empty place."""

    async def forget_past(self, key: bytes) -> None:
        """Have it drop that."""

    async def stop(self) -> None:
        """End it all."""
