"""The contract of every store: keys, bytes and revisions. It knows nothing of Dynamo.

`watch` first yields one `Resync` with all entries, then `Put` and `Delete` in order. After any gap
(a lost connection, a compacted revision, a restored server) it yields `Resync` again. The consumer
then replaces its state and compares, so no list-then-watch race can exist above a store.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Sequence
from enum import StrEnum
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from backends.store.entries import Entry, NoPuts, PutBack, Removal, Revision, TimeToLive
from backends.store.errors import StoreError
from backends.store.events import Resync, StoreEvent

if TYPE_CHECKING:
    from backends.store.past import Past
    from backends.store.pod_labels import PodLabels
    from backends.store.pods import Pods

Outcome = Removal | StoreError
"""The result for one key: what was done, or the error that prevented it or left it unknown."""


class Lifetime(StrEnum):
    """What limits the life of a key in a store, and so what its presence proves about its worker.

    Read off Dynamo's own stores (`storage/kv/*.rs`, releases 0.6 to 1.6).
    """

    LEASED = "leased"
    """etcd, memory: a key is bound to a lease that its worker renews. Without a lease it never
    expires.
    """
    TOUCHED = "touched"
    """file: its worker touches the key within its time to live. No key has a lease."""
    UNBOUNDED = "unbounded"
    """NATS: nothing is renewed, so a key's presence proves nothing about its worker."""
    OWNED = "owned"
    """Kubernetes: an object holds the keys of one process and ends with the pod that owns it.
    Nothing is renewed; the pod's readiness is evidence of its process (`Entry.owner`).
    """

    @property
    def has_leases(self) -> bool:
        """Return whether keys are bound to leases, so that a key without one never expires."""
        return self is Lifetime.LEASED

    @property
    def is_renewed(self) -> bool:
        """Return whether a live worker renews its keys, by lease or by touch."""
        return self in (Lifetime.LEASED, Lifetime.TOUCHED)


class Store(Protocol):
    """A key-value store in which Dynamo keeps its discovery plane.

    Every method may raise `StoreError`; `watch` yields `Lost` instead and retries.
    """

    @property
    def name(self) -> str:
        """One word: `etcd`, `file`, `nats`, `kubernetes`, `memory`."""

    @property
    def address(self) -> str:
        """The store's address, for people, without credentials."""

    @property
    def lifetime(self) -> Lifetime:
        """What limits the life of a key here."""

    @property
    def pods(self) -> Pods | None:
        """What is known of the pods of its processes. None: this store has no pods."""

    @property
    def pod_labels(self) -> PodLabels | None:
        """The labels of pods by which clients find processes. None: processes are not found by
        pods here, so no drain lasts beyond the next change of its worker."""

    @property
    def past(self) -> Past | None:
        """What the store still knows of earlier revisions. None: only what is."""

    async def instance_id(self) -> int:
        """Return this process's instance id (u64), which its registrations are bound to.

        The first call may write to the store (etcd grants the lease that the id names).
        """

    async def snapshot(self, prefixes: Sequence[bytes]) -> Resync:
        """Return all keys that begin with one of the prefixes, at one revision, sorted by key.

        If this user may read only some of them, return those: `Resync.unread` describes the rest.
        """

    async def get(self, keys: Iterable[bytes]) -> dict[bytes, Entry]:
        """Return the entries of exactly these keys. A key that does not exist is left out."""

    def watch(self, prefixes: Sequence[bytes]) -> AsyncGenerator[StoreEvent, None]:
        """Yield a resync, then every change, without end. Close it with `aclose`."""

    async def put(self, key: bytes, value: bytes) -> Revision:
        """Write a key under this process's own lease or keep-alive. Replaces what is there.

        Raises `KeyNotAllowed` if this store cannot hold such a key or value. In stores whose
        objects each belong to a process (Kubernetes), other processes may have the same key: it is
        not replaced, and one of the two is qualified (`owner.qualify`).
        """

    async def delete(self, entries: Iterable[Entry]) -> dict[bytes, Outcome]:
        """Remove each entry that the store still holds unchanged (`Entry.is_still`). Return each
        outcome by key: the removed bytes are those of the entry.

        Comparing the revision is not enough: a store restored from a backup assigns revisions a
        second time. A store that cannot compare and remove in one step reads and compares directly
        before it removes, and documents the remaining window.

        Outcomes are independent: if the store refused to remove a key or did not answer, that key's
        outcome is the error, and nothing is raised. `Unreachable` with cause timeout or lost leaves
        open whether the key was removed.
        """

    async def put_back(self, entry: Entry) -> PutBack:
        """Write exactly these bytes under the same key and lease, unless the key exists.

        An entry without a lease is written without one. In a store without leases the process that
        kept the key alive (file: the worker that touches it) does so again. Never replaces
        anything, and writes nothing if the value is incomplete (`Entry.unread`).
        """

    async def no_puts(self) -> tuple[NoPuts, ...]:
        """Return why puts are refused now, as far as known without trying.

        A watch reports the same in each `Heartbeat`.
        """

    async def read_only(self) -> str:
        """Return why this user may neither remove anything nor put it back, as a clause. Empty:
        they may, as far as known without trying.

        A watch reports the same in each `Heartbeat`.
        """

    async def server_version(self) -> str:
        """Return which release the server is, as it tells it itself: `3.5.17`. Untrusted. Empty:
        the store has no server, or its server does not tell."""

    async def time_to_live(self, entries: Iterable[Entry]) -> dict[bytes, TimeToLive]:
        """Return each entry's time limit. An entry without a lease or TTL is not in the result.

        Costs the store one small call for each lease, so ask only for entries that are visible.
        """

    async def __aenter__(self) -> Self:
        """Return the store. `async with open_store(…) as store` closes it at the end."""

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the store, as `aclose` does."""

    async def aclose(self) -> None:
        """End this store's tasks and connections.

        Keys that this process registered end as they would if the process ended: at once, or when
        the lease expires.
        """
