"""How an etcd is examined: each member by itself, and the user's roles."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from backends.connections import EtcdConnection, etcd_config
from backends.doctor.clocks import date_of, difference
from backends.doctor.contact import Contact, ServerAnswer
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
from backends.etcd import EtcdConfig, EtcdStore
from backends.etcd.config import Endpoint, read_tls
from backends.etcd.members import Member, Members
from backends.etcd.put_back import FORBIDS_PUTS
from backends.store import Cause, StoreError, Unreachable

VERSION = "/version"
"""A path that each etcd answers over HTTP, on the port of its clients, without a user."""
DIAL_SHARE, REQUEST_SHARE = 0.3, 0.4
"""Parts of a step's time: the cause of a failure is looked for in the rest."""


class EtcdContact(Contact):
    """Asks an etcd. The constructor raises `Misconfigured`, and does no I/O."""

    store: EtcdStore

    def __init__(
        self, connection: EtcdConnection, limit: float, clock: Callable[[], float] = time.time
    ) -> None:
        """`limit`: seconds of a step. `clock`: POSIX seconds."""
        config = etcd_config(connection)
        dial = min(config.dial_timeout, limit * DIAL_SHARE)
        self._config: EtcdConfig = replace(
            config,
            dial_timeout=dial,
            last_dial_timeout=dial,
            request_timeout=min(config.request_timeout, limit * REQUEST_SHARE),
        )
        self.store = EtcdStore(self._config)
        self._members = Members(self._config)
        endpoints = self._config.parsed_endpoints()
        self.addresses = tuple(ServerAddress(one.host, one.port) for one in endpoints)
        self._found: Sequence[Member] = ()
        self._asked_at = 0.0
        self._clock = clock
        self._needs_user: bool | None = None

    async def answers(self) -> Sequence[ServerAnswer]:
        self._asked_at = asyncio.get_running_loop().time()
        self._found = await self._members.ask()
        return [
            ServerAnswer(str(one.endpoint), _error_of(one), one.endpoint.tls, one.cluster_id)
            for one in self._found
        ]

    async def login(self) -> LoggedIn | NotApplicable:
        self._needs_user = await self.store.login()
        return LoggedIn(self._config.username or "", self._needs_user)

    async def removable(self, prefixes: Sequence[bytes]) -> Removable | NotApplicable:
        if self._needs_user is False:
            return Removable(allowed=True, reason="authentication is off")
        if not self._config.username:
            return NotApplicable(WhyNot.CLIENT_CERTIFICATE)
        found = await self.store.removable(prefixes)
        if not found:
            return Removable(allowed=False, reason="no role of this user has read and write")
        return Removable(allowed=True, only=tuple(filter(None, found)), reason="by its roles")

    async def clock(self, records: Sequence[AnyRecord]) -> ClockDifference | NotApplicable:
        endpoint = next((one.endpoint for one in self._found if one.error is None), None)
        if endpoint is None:
            return NotApplicable(WhyNot.NO_ANSWER)
        if endpoint.tls and self._config.cert:
            return NotApplicable(WhyNot.CLIENT_CERTIFICATE)
        tls = await asyncio.to_thread(self._tls) if endpoint.tls else None
        return await _difference(endpoint, tls, self._clock) or NotApplicable(WhyNot.NO_CLOCK)

    async def alarms(self) -> Alarms | NotApplicable:
        raised = dict.fromkeys(alarm for one in self._found for alarm in one.alarms)
        return Alarms(tuple(map(_with_effect, raised)))

    async def terms(self) -> RaftTerms | NotApplicable:
        first = {str(one.endpoint): one.term for one in self._found if one.error is None}
        again = [one for one in await self._members.ask() if one.error is None]
        if not again:
            return NotApplicable(WhyNot.NO_ANSWER)
        return RaftTerms(
            first,
            {str(one.endpoint): one.term for one in again},
            tuple(str(one.endpoint) for one in again if not one.leader),
            asyncio.get_running_loop().time() - self._asked_at,
        )

    async def aclose(self) -> None:
        await self._members.aclose()
        await super().aclose()

    def _tls(self) -> ssl.SSLContext:
        ca = read_tls(self._config).ca
        return ssl.create_default_context(cadata=None if ca is None else ca.decode("ascii"))


def _error_of(member: Member) -> StoreError | None:
    if member.error is None and not member.leader:
        # It tells its status, and serves no other request.
        return Unreachable(str(member.endpoint), Cause.NO_LEADER)
    return member.error


async def _difference(
    endpoint: Endpoint, tls: ssl.SSLContext | None, clock: Callable[[], float]
) -> ClockDifference | None:
    date, asked, answered = await date_of(endpoint.host, endpoint.port, VERSION, tls, clock)
    return difference(date, asked, answered, f"etcd at {endpoint}")


def _with_effect(alarm: str) -> str:
    """Return an alarm with its effect, if it is known."""
    for name, effect in FORBIDS_PUTS.items():
        if alarm.split()[:2] == ["alarm", name]:
            member = alarm.partition(" on ")[2]
            return f"{effect} (on {member})" if member else effect
    return alarm
