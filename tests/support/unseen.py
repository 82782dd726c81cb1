"""A dashboard that no screen shows."""

from __future__ import annotations

from collections.abc import Callable

from backends.connections import MemoryConnection
from backends.discovery.discovery import Discovery
from backends.dynamo.queries import EVERYTHING
from backends.memory import MemoryStore
from backends.removal.audit.audit import Audit
from backends.removal.removals import Removals
from tests.support.operating import SaidProbes
from tui.config.preferences import NotifyWay
from tui.config.settings import Settings
from tui.session import Session
from tui.state.dashboard import Dashboard
from tui.text.host_clock import HostClock


def unseen(
    store: MemoryStore,
    now: float | Callable[[], float],
    audit: Audit | None = None,
    notify: NotifyWay = "off",
) -> Dashboard:
    """The dashboard over a store, at a time that stands still, or by a clock; it follows nothing
    yet."""
    clock = now if callable(now) else lambda: now
    discovery = Discovery(store)
    session = Session(discovery, SaidProbes(), Removals(discovery, audit, clock=clock))
    settings = Settings(connection=MemoryConnection(), audit=None, notify=notify)
    return Dashboard(session, EVERYTHING, settings, HostClock(clock, clock))
