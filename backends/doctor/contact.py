"""What an examination asks of any store. Each store answers it in a module of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

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


class Contact(Protocol):
    """Asks one store. Writes nothing."""

    addresses: tuple[ServerAddress, ...]
    """Of its servers, as this host connects to them. Empty: it does not connect to any itself."""
    why_no_address: WhyNot

    @property
    def store(self) -> Store:
        """The store, for reading records."""

    async def answers(self) -> Sequence[ServerAnswer]:
        """Ask each server for one small answer. Raises nothing but cancellation."""

    async def login(self) -> LoggedIn | NotApplicable:
        """Return as whom the store accepts this client. Raises `StoreError`."""

    async def removable(self, prefixes: Sequence[bytes]) -> Removable | NotApplicable:
        """Return whether this user may remove keys below the prefixes, as the store tells of
        rights. Raises `StoreError`."""

    async def clock(self, records: Sequence[AnyRecord]) -> ClockDifference | NotApplicable:
        """Return how far the store's clock is ahead. `records`: what was read. Raises
        `StoreError`, `OSError`."""

    async def alarms(self) -> Alarms | NotApplicable:
        """Return what keeps the store from being written. Raises `StoreError`."""

    async def terms(self) -> RaftTerms | NotApplicable:
        """Return the changes of leaders since `answers`. Raises `StoreError`."""

    async def aclose(self) -> None:
        """End all connections, and the store's."""


class MemoryContact:
    """A store in this process."""

    addresses: tuple[ServerAddress, ...] = ()
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

    async def alarms(self) -> Alarms | NotApplicable:
        return NotApplicable(WhyNot.OTHER_STORE)

    async def terms(self) -> RaftTerms | NotApplicable:
        return NotApplicable(WhyNot.OTHER_STORE)

    async def aclose(self) -> None:
        await self.store.aclose()
