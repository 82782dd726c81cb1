"""Open a store from the settings, with its probes, removals, services, taps and scrapes.

Dashboard and commands use it alike.
"""

from __future__ import annotations

import asyncio
import logging
import os
import pwd
import random
import socket
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

import msgspec

from backends.aio.timer import LOOP, Timer
from backends.connections import (
    Connection,
    EtcdConnection,
    KubernetesConnection,
    NatsKvConnection,
    open_and_locate,
)
from backends.discovery.discovery import Discovery
from backends.liveness.gathering import Probing
from tui.text.host_clock import HostClock

_log = logging.getLogger(__name__)

if TYPE_CHECKING:
    from backends.demo import Demo
    from backends.liveness.collector import Probes
    from backends.metrics.scraper import Scrapes
    from backends.probe.prober import Prober
    from backends.removal.audit.audit import Audit
    from backends.removal.removals import Removals
    from backends.services.types import Services
    from backends.tap import OpensTaps
    from tui.config.settings import Settings


def _no_taps() -> OpensTaps:
    from backends.tap import Taps

    return Taps(None, here=False, clock=time.time)


def _no_scrapes() -> Scrapes:
    from backends.metrics.scraper import Scraper

    return Scraper((), reveals=False, here=False, clock=time.time)


class Session(msgspec.Struct, frozen=True):
    """An open store: its registrations, the ways to ask about them, and the removals."""

    discovery: Discovery
    probes: Probes
    removals: Removals
    services: Services | None = None
    """Asks NATS services what they counted. None: no NATS server is set."""
    taps: OpensTaps = msgspec.field(default_factory=_no_taps)
    """Opens taps on its event channels."""
    scrapes: Scrapes = msgspec.field(default_factory=_no_scrapes)
    """Reads Prometheus figures. By default there are no targets."""
    timer: Timer = LOOP
    """Paces polling, and the reading of taps."""
    clock: HostClock = msgspec.field(default_factory=HostClock)
    """Stamps all findings."""


@asynccontextmanager
async def open_discovery(settings: Settings) -> AsyncIterator[Discovery]:
    """Open the store that the settings name, to read it. It is closed at the end of the block.

    Raises `Misconfigured`.
    """
    if settings.demo:
        async with _demo_cluster(HostClock()) as demo:
            yield Discovery(demo.store)
        return
    store = await open_and_locate(settings.connection)
    _log.info("the store is %s at %s", store.name, store.address)
    try:
        yield Discovery(store)
    finally:
        await store.aclose()


@asynccontextmanager
async def open_probes(settings: Settings) -> AsyncIterator[tuple[Discovery, Probes]]:
    """Open the store that the settings name, to read it and to probe addresses. Raises
    `Misconfigured`."""
    if settings.demo:
        async with open_session(settings) as session:
            yield session.discovery, session.probes
        return
    async with open_discovery(settings) as discovery:
        prober = _prober(settings, HostClock())
        try:
            yield discovery, prober
        finally:
            await prober.aclose()


@asynccontextmanager
async def open_session(
    settings: Settings, clock: HostClock | None = None
) -> AsyncIterator[Session]:
    """Open the store with its probes, removals, services, taps and scrapes. Under `--demo` the
    cluster runs in memory. `clock` stamps all findings. None: a new one.

    Raises `Misconfigured`.
    """
    # Imported here, as below: commands that only read need not wait for these.
    from backends.removal.removals import Removals

    clock = HostClock() if clock is None else clock
    if settings.demo:
        from backends.demo import DemoProbes, DemoScrapes, DemoServices, DemoTaps

        async with _demo_cluster(clock) as demo:
            discovery = Discovery(demo.store)
            # Removals from a demo are not audited.
            yield Session(
                discovery,
                DemoProbes(demo, clock),
                Removals(discovery, None),
                services=DemoServices(demo, clock),
                taps=DemoTaps(demo, clock),
                scrapes=DemoScrapes(demo, clock),
                clock=clock,
            )
        return
    from backends.metrics.scraper import Scraper
    from backends.services.scraper import ServiceScraper
    from backends.tap import Taps

    async with open_discovery(settings) as discovery:
        here = is_local(settings.connection)
        prober = _prober(settings, clock)
        nats = settings.nats
        services = None if nats is None else ServiceScraper(nats, clock=clock)
        scraper = Scraper(
            settings.metrics,
            reveals=settings.probing is not Probing.NEVER,
            here=here,
            clock=clock,
        )
        try:
            yield Session(
                discovery,
                prober,
                Removals(discovery, _audit(settings)),
                services=services,
                taps=Taps(nats, here=here, clock=clock),
                scrapes=scraper,
                clock=clock,
            )
        finally:
            await scraper.aclose()
            await prober.aclose()
            if services is not None:
                await services.aclose()


class HeldSession:
    """A session that stays open until it is closed. A task of its own opens and closes it, whoever
    asks for that."""

    session: Session

    def __init__(self) -> None:
        self._closing = asyncio.Event()
        self._holding: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, settings: Settings, clock: HostClock | None = None) -> Self:
        """Open the store that settings name, as `open_session` does. Raises `Misconfigured`."""
        held, opened = cls(), asyncio.get_running_loop().create_future()
        held._holding = asyncio.create_task(held._hold(settings, clock, opened), name="session")
        try:
            held.session = await opened
        except BaseException:
            held._holding.cancel()
            raise
        return held

    async def aclose(self) -> None:
        """Close it, with all that belongs to it. Raises any error of that."""
        self._closing.set()
        if self._holding is not None:
            await self._holding

    async def _hold(
        self, settings: Settings, clock: HostClock | None, opened: asyncio.Future[Session]
    ) -> None:
        try:
            async with open_session(settings, clock) as session:
                opened.set_result(session)
                await self._closing.wait()
        except Exception as error:
            if opened.done():
                raise
            opened.set_exception(error)


def _prober(settings: Settings, clock: HostClock) -> Prober:
    from backends.probe.prober import Prober

    here = is_local(settings.connection)
    return Prober(nats=settings.nats, clock=clock, random=random.random, here=here)


@asynccontextmanager
async def _demo_cluster(clock: HostClock) -> AsyncIterator[Demo]:
    """Run a cluster in memory until the end of the block."""
    from backends.demo import Demo

    demo = Demo(clock=clock)
    life = asyncio.create_task(demo.run())
    try:
        yield demo
    finally:
        life.cancel()
        with suppress(asyncio.CancelledError):
            await life


def is_local(connection: Connection) -> bool:
    """Return whether a store is on this machine, by its address. If so, a loopback address that is
    registered in it most likely means this machine too."""
    match connection:
        case EtcdConnection():
            urls = connection.endpoints
        case NatsKvConnection():
            urls = connection.config.servers
        case KubernetesConnection():
            # Each pod has a loopback address of its own.
            return False
        case _:
            return True
    try:
        hosts = [urlsplit(url if "://" in url else f"//{url}").hostname or "" for url in urls]
    except ValueError:
        # No valid address: the store reports that when it is used.
        return False
    return all(host == "localhost" or host.startswith("127.") or host == "::1" for host in hosts)


def _audit(settings: Settings) -> Audit | None:
    if settings.audit is None:
        return None
    from backends.removal.audit.audit import Audit

    host = socket.gethostname()
    return Audit(settings.audit, clock=time.time, user=_user(os.environ), host=host)


def _user(environ: Mapping[str, str]) -> str:
    """Return the name of the user, also behind sudo, for the audit."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        # Containers often run under an id that has no name.
        name = f"uid {os.getuid()}"
    behind = environ.get("SUDO_USER")
    return f"{name} (sudo of {behind})" if behind else name
