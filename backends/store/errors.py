"""Errors of stores."""

from __future__ import annotations

from enum import StrEnum


class Cause(StrEnum):
    """Why a store is unreachable, as far as known. Each cause has its own remedy."""

    REFUSED = "refused"
    """Nothing listens at that address."""
    NAME = "name"
    """The host name cannot be resolved."""
    TIMEOUT = "timeout"
    """There was no answer in time."""
    TLS_EXPECTED = "tls expected"
    """The server speaks TLS; the client used plain text."""
    PLAIN_EXPECTED = "plain expected"
    """The server speaks plain text; the client used TLS."""
    CERTIFICATE = "certificate"
    """The client or the server rejected a certificate."""
    NOT_THIS_STORE = "not this store"
    """A server answers, but it is not such a store."""
    MISSING = "missing"
    """The folder does not exist."""
    NO_LEADER = "no leader"
    """The store answers but cannot serve: its cluster has no leader, or no quorum."""
    LOST = "lost"
    """The connection broke."""


# StoreError
# ├── Unreachable        try again later, or at another address
# ├── NotAuthorised      the store refused the credentials
# │   └── Forbidden      the credentials are accepted, but not for this operation
# ├── Misconfigured      a setting cannot be used
# ├── KeyNotAllowed      this store cannot hold such a key
# ├── Refused            the store answered and declined (out of space, too large, …)
# ├── NoPast             the store keeps nothing of what was
# ├── Compacted          the revision asked for was dropped
# └── NotYet             the revision asked for is still to come
class StoreError(Exception):
    """Base of all errors that a store raises."""


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
    """The store at `address` accepts this user, but not for all of the keys or operations named."""


class Misconfigured(StoreError):
    """A setting cannot be used. `setting` is its name, `problem` what is wrong with it."""

    def __init__(self, setting: str, problem: str) -> None:
        super().__init__(f"{setting}: {problem}")
        self.setting = setting
        self.problem = problem


class KeyNotAllowed(StoreError):
    """This store cannot hold `key`. `reason` says why."""

    def __init__(self, key: bytes, reason: str) -> None:
        super().__init__(f"{key!r}: {reason}")
        self.key = key
        self.reason = reason


class Refused(StoreError):
    """The store at `address` answered and declined, e.g. because it is out of space."""

    def __init__(self, address: str, detail: str) -> None:
        super().__init__(f"{address}: {detail}")
        self.address = address
        self.detail = detail


class NoPast(StoreError):
    """The store called `store` keeps nothing of what was: only what is. `why`, for people, if this
    is not so of every such store."""

    def __init__(self, store: str, why: str = "") -> None:
        super().__init__(why or f"{store} keeps no past")
        self.store = store
        self.why = why


class Compacted(StoreError):
    """The store at `address` dropped what was at `revision`: `oldest` is the first that it has."""

    def __init__(
        self,
        address: str,
        revision: int,
        oldest: int,
        oldest_at: float | None = None,
        why: str = "",
    ) -> None:
        """`oldest_at`: when that was, in POSIX seconds. None: the store keeps no times. `why`: what
        dropped the rest, for people, where that is known."""
        super().__init__(f"{address}: revision {revision} is compacted, {oldest} is the oldest")
        self.address = address
        self.revision = revision
        self.oldest = oldest
        self.oldest_at = oldest_at
        self.why = why


class NotYet(StoreError):
    """The store at `address` has not come to `revision`: it is at `newest`."""

    def __init__(self, address: str, revision: int, newest: int) -> None:
        super().__init__(f"{address}: revision {revision} is still to come, {newest} is the newest")
        self.address = address
        self.revision = revision
        self.newest = newest
