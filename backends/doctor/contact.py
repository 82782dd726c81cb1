"""What an examination asks of any store. Each store answers it in a module of its own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import msgspec

from backends.doctor.steps import (
    Alarms,
    ClockDifference,
    LoggedIn,
    NotApplicable,
    RaftTerms,
    Removable,
    ServerAddress,
    WhyNot,
)
from backends.dynamo.records import AnyRecord
from backends.store import Store, StoreError


class ServerAnswer(msgspec.Struct, frozen=True):
    """One server's answer to the first small request."""

    address: str
    error: StoreError | None = None
    """Why there is none, or why it was refused."""
    tls: bool = False
    """Whether TLS is used with it."""
    cluster: int = 0
    """The id of its cluster. 0: not told."""


class Contact(ABC):
    """Asks one store. Writes nothing."""

    addresses: tuple[ServerAddress, ...] = ()
    """Of its servers, as this host connects to them. Empty: it does not connect to any itself."""
    why_no_address = WhyNot.NO_NETWORK
    store: Store
    """The store, for reading records."""

    @abstractmethod
    async def answers(self) -> Sequence[ServerAnswer]:
        """Ask each server for one small answer. Raises nothing but cancellation."""

    @abstractmethod
    async def login(self) -> LoggedIn | NotApplicable:
        """Return as whom the store accepts this client. Raises `StoreError`."""

    @abstractmethod
    async def removable(self, prefixes: Sequence[bytes]) -> Removable | NotApplicable:
        """Return whether this user may remove keys below the prefixes, as the store tells of
        rights. Raises `StoreError`."""

    async def clock(self, records: Sequence[AnyRecord]) -> ClockDifference | NotApplicable:
        """Return how far the store's clock is ahead. `records`: what was read. Raises
        `StoreError`, `OSError`."""
        return NotApplicable(WhyNot.NO_CLOCK)

    async def alarms(self) -> Alarms | NotApplicable:
        """Return what keeps the store from being written. Raises `StoreError`."""
        return NotApplicable(WhyNot.OTHER_STORE)

    async def terms(self) -> RaftTerms | NotApplicable:
        """Return the changes of leaders since `answers`. Raises `StoreError`."""
        return NotApplicable(WhyNot.OTHER_STORE)

    async def aclose(self) -> None:
        """End all connections, and the store's."""
        await self.store.aclose()


class MemoryContact(Contact):
    """A store in this process."""

    why_no_address = WhyNot.SAME_PROCESS

    def __init__(self, store: Store) -> None:
        self.store = store

    async def answers(self) -> Sequence[ServerAnswer]:
        return (ServerAnswer(self.store.address),)

    async def login(self) -> LoggedIn | NotApplicable:
        return NotApplicable(WhyNot.NO_LOGIN)

    async def removable(self, prefixes: Sequence[bytes]) -> Removable | NotApplicable:
        return Removable(allowed=True, reason="it is this process's own")

    async def clock(self, records: Sequence[AnyRecord]) -> ClockDifference | NotApplicable:
        return NotApplicable(WhyNot.SAME_PROCESS)
