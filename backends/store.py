"""The contract that every store keeps: keys, bytes and revisions, and nothing of Dynamo.

A store's `watch` first yields one `Resync` with everything there is, then `Put` and
`Delete` in order. After any gap (a lost connection, a compacted revision, a restored
server) it yields `Resync` again. Whoever consumes it replaces its state and compares, so
no list-then-watch race can exist above a store.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType, Protocol

Revision = NewType("Revision", str)
"""What a key's current content is known by: equal tokens, equal content. Opaque above the store:
etcd's is the key's `mod_revision`, the file store's is made of the file, its birth, and content."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One key as it is stored."""

    key: bytes
    """In full, exactly as stored, bucket included."""
    value: bytes
    revision: Revision
    lease: int | None = None
    """The id (u64) of the lease that the key hangs on. None: it has none, or the store has none."""
    expired_at: float | None = None
    """When its time to live ran out, in POSIX seconds, for stores that keep expired keys (file)."""


@dataclass(frozen=True, slots=True)
class TimeToLive:
    """What bounds the life of a key."""

    granted: float | None
    """Seconds, as granted by the store. None: no longer known, the lease is gone."""
    remaining: float
    """Seconds, negative once it is over. -1.0 where the lease does not exist any more."""


class Removal(StrEnum):
    """What came of removing one key."""

    REMOVED = "removed"
    CHANGED = "changed"
    """The key's revision is not the one that was named: nothing was removed."""
    GONE = "gone"
    """The key was not there any more."""


class PutBack(StrEnum):
    """What came of putting an entry back that had been removed."""

    DONE = "put back"
    THERE = "there"
    """A key of that name is there: nothing was written."""
    LEASE_GONE = "lease gone"
    """The lease that it hung on does not exist any more: nothing was written."""


@dataclass(frozen=True, slots=True)
class Loading:
    """A snapshot is being read; `total` is None while the store has not said how much there is."""

    done: int
    total: int | None
    read: tuple[Entry, ...] = field(default=(), compare=False, repr=False)
    """What was read since the last one, for who wants to look at it already. A store need not tell,
    and what is told here comes again with the whole, if that comes."""


@dataclass(frozen=True, slots=True)
class Resync:
    """Everything there is, at one moment. The consumer replaces what it knew."""

    entries: tuple[Entry, ...]
    revision: str
    """The store's own revision at that moment, for people; stores without one say an empty text."""
    unread: str = ""
    """What was asked for and is not among them, since this user may not read it; for people.
    Empty: all that was asked for was read."""


@dataclass(frozen=True, slots=True)
class Put:
    """A key was created or changed, or its expiry mark changed."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class Delete:
    """A key is gone."""

    key: bytes


@dataclass(frozen=True, slots=True)
class Heard:
    """The store answered: all that was yielded before is true now. At least every few seconds."""

    warnings: tuple[str, ...] = ()
    """What the store says of its own state, e.g. etcd's alarms. Replaces the ones said before."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The store cannot be reached. What was yielded may be out of date until the next `Resync`."""

    error: StoreError


StoreEvent = Loading | Resync | Put | Delete | Heard | Lost


class Store(Protocol):
    """A key-value store that Dynamo keeps its discovery plane in.

    Every method may raise `StoreError`; `watch` yields `Lost` instead and goes on trying.
    """

    @property
    def name(self) -> str:
        """One word: `etcd`, `file`, `nats`, `memory`."""

    @property
    def address(self) -> str:
        """Where it is, for people, without credentials."""

    @property
    def has_leases(self) -> bool:
        """Whether keys hang on leases here, so that one without a lease stays for ever."""

    @property
    def is_kept_alive(self) -> bool:
        """Whether a worker that lives renews what it registered here, by its lease or by touching
        it. Where not (NATS), that a key is there says nothing of its worker."""

    async def instance_id(self) -> int:
        """This process's id (u64), which what it registers is bound to.

        The first call may write to the store (etcd grants the lease that the id names).
        """

    async def snapshot(self, prefixes: Sequence[bytes]) -> Resync:
        """All keys that begin with one of the prefixes, at one revision, in order of their keys.

        Where this user may read a part of them only, that part: `Resync.unread` says so.
        """

    async def get(self, keys: Iterable[bytes]) -> dict[bytes, Entry]:
        """The entries of exactly these keys; a key that is not there is not in the result."""

    def watch(self, prefixes: Sequence[bytes]) -> AsyncGenerator[StoreEvent, None]:
        """Everything, then every change, for ever. Close it (`aclose`) to end it."""

    async def put(self, key: bytes, value: bytes) -> Revision:
        """Store under this process's own lease or keep-alive; replaces what is there.

        Raises `KeyNotAllowed` if this store cannot hold such a key.
        """

    async def delete(self, targets: Mapping[bytes, Revision]) -> dict[bytes, Outcome]:
        """Remove each key if it still has the revision named; says for each what came of it.

        One key's outcome neither stops nor hides the others: where the store would not remove a
        key, or did not answer, that key's outcome is the error, and nothing is raised.
        `Unreachable` with cause timeout or lost leaves open whether the key was removed.
        """

    async def put_back(self, entry: Entry) -> PutBack:
        """Write exactly these bytes under the same key and lease, if no such key is there.

        Without a lease it is written without one; where the store has none, whoever keeps the
        key alive (file: the worker that touches it) does so again. Never replaces anything.
        """

    async def time_to_live(self, entries: Iterable[Entry]) -> dict[bytes, TimeToLive]:
        """What bounds each entry's life now. Without a lease or TTL an entry is not in the result.

        Costs the store one small call for each lease, so ask only for what is looked at.
        """

    async def aclose(self) -> None:
        """End this store's tasks and connections. What this process registered ends as a process's
        own registrations do in that store: at once, or when the lease runs out."""


class Cause(StrEnum):
    """Why a store cannot be reached, as far as can be told: each has another remedy."""

    REFUSED = "refused"
    """Nothing listens at that address."""
    NAME = "name"
    """The host name cannot be resolved."""
    TIMEOUT = "timeout"
    """No answer in time."""
    TLS_EXPECTED = "tls expected"
    """The server speaks TLS and was spoken to in plain text."""
    PLAIN_EXPECTED = "plain expected"
    """The server speaks plain text and was spoken to in TLS."""
    CERTIFICATE = "certificate"
    """A certificate was not accepted, by us or by the server."""
    NOT_THIS_STORE = "not this store"
    """Something answers there, but it is not such a store."""
    MISSING = "missing"
    """The folder does not exist."""
    NO_LEADER = "no leader"
    """The store answers but cannot serve: its cluster has no leader or no quorum."""
    LOST = "lost"
    """The connection broke off."""


# StoreError
# ├── Unreachable        try again later, or at another address
# ├── NotAuthorised      the store answered and refused who we are
# │   └── Forbidden      it knows who we are, and that we may not do this
# ├── Misconfigured      what was asked for cannot be tried at all
# ├── KeyNotAllowed      this store cannot hold such a key
# └── Refused            the store answered and would not do it (out of space, too large, ...)
class StoreError(Exception):
    """Base of everything that a store raises."""


class Unreachable(StoreError):
    """The store at `address` cannot be reached."""

    def __init__(self, address: str, cause: Cause, detail: str = "") -> None:
        super().__init__(f"{cause.value}: {address}" + (f": {detail}" if detail else ""))
        self.address = address
        self.cause = cause
        self.detail = detail


class NotAuthorised(StoreError):
    """The store at `address` refused this user, or this user that key."""

    def __init__(self, address: str, detail: str) -> None:
        super().__init__(f"{address}: {detail}")
        self.address = address
        self.detail = detail


class Forbidden(NotAuthorised):
    """The store at `address` knows this user, who may not read or change all that was named."""


class Misconfigured(StoreError):
    """A setting cannot be used: `setting` names it, `problem` says what is wrong with it."""

    def __init__(self, setting: str, problem: str) -> None:
        super().__init__(f"{setting}: {problem}")
        self.setting = setting
        self.problem = problem


class KeyNotAllowed(StoreError):
    """This store cannot hold `key`, for `reason`."""

    def __init__(self, key: bytes, reason: str) -> None:
        super().__init__(f"{key!r}: {reason}")
        self.key = key
        self.reason = reason


class Refused(StoreError):
    """The store at `address` answered that it would not, e.g. because it is out of space."""

    def __init__(self, address: str, detail: str) -> None:
        super().__init__(f"{address}: {detail}")
        self.address = address
        self.detail = detail


Outcome = Removal | StoreError
"""Of removing one key: what came of it, or why it cannot be told or was not done."""
