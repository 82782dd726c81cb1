"""How a NATS is examined: as the store, and as the server of services and channels."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from backends.aio.timer import LOOP
from backends.doctor.contact import Contact, ServerAnswer
from backends.doctor.steps import (
    LoggedIn,
    NatsAnswered,
    NatsFailed,
    NotApplicable,
    Removable,
    ServerAddress,
    WhyNot,
)
from backends.nats.config import NatsConfig
from backends.nats.connection import NatsConnection
from backends.nats.errors import settings_of
from backends.nats.scatter_gather import reach, why_not_asked
from backends.nats_kv.sessions import Sessions, address_of
from backends.nats_kv.store import NatsStore
from backends.store import Cause, StoreError, Unreachable

PORT = 4222
SHARE = 0.9
"""Part of a step's time in which a server has to answer."""


class NatsContact(Contact):
    """Asks a NATS whose buckets are the store. The constructor does no I/O."""

    def __init__(self, config: NatsConfig, limit: float) -> None:
        """`limit`: seconds of a step."""
        self._config = config
        self._limit = limit * SHARE
        self.store = NatsStore(config)
        self.addresses = tuple(filter(None, map(_address, config.servers)))

    async def answers(self) -> Sequence[ServerAnswer]:
        each = (replace(self._config, servers=(one,)) for one in self._config.servers)
        return await asyncio.gather(*(_answer(one, self._limit) for one in each))

    async def login(self) -> LoggedIn | NotApplicable:
        return LoggedIn(self._config.username or "")

    async def removable(self, prefixes: Sequence[bytes]) -> Removable | NotApplicable:
        return NotApplicable(WhyNot.NOT_TOLD)


async def asked(config: NatsConfig, limit: float) -> NatsAnswered | NatsFailed:
    """Connect to the first server that accepts, and return the time of one answer more."""
    connection = NatsConnection(config)
    address = address_of(config)
    try:
        await connection.prepare()
        await reach(connection, limit * SHARE)
        began = LOOP.now()
        await reach(connection, limit * SHARE)
        return NatsAnswered(address, LOOP.now() - began)
    # The library raises whatever a server makes it raise.
    except Exception as error:
        return NatsFailed(address, why_not_asked(error), settings_of(error, config))
    finally:
        await connection.aclose()


async def _answer(config: NatsConfig, limit: float) -> ServerAnswer:
    sessions = Sessions(config)
    tls = config.ca_cert is not None or config.servers[0].startswith("tls:")
    error: StoreError | None = None
    try:
        async with asyncio.timeout(limit):
            await sessions.session()
    except TimeoutError:
        error = Unreachable(sessions.address, Cause.TIMEOUT)
    except StoreError as raised:
        error = raised
    finally:
        with contextlib.suppress(StoreError):
            await sessions.aclose()
    return ServerAnswer(sessions.address, error, tls)


def _address(url: str) -> ServerAddress | None:
    try:
        parts = urlsplit(url if "://" in url else f"nats://{url}")
        return ServerAddress(parts.hostname, parts.port or PORT) if parts.hostname else None
    except ValueError:
        # The store itself says what is wrong with it.
        return None
