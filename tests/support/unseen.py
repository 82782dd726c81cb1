"""A dashboard that no screen shows."""

from __future__ import annotations

from backends.connections import MemoryConnection
from backends.discovery.discovery import Discovery
from backends.dynamo.queries import EVERYTHING
from backends.memory import MemoryStore
from backends.removal.audit.audit import Audit
from backends.removal.removals import Removals
from tests.support.operating import SaidProbes
from tui.config.settings import Settings
from tui.session import Session
from tui.state.dashboard import Dashboard
from tui.text.host_clock import HostClock


def unseen(store: MemoryStore, now: float, audit: Audit | None = None) -> Dashboard:
    """The dashboard over a store, at a time that stands still; it follows nothing yet."""
    discovery = Discovery(store)
    session = Session(discovery, SaidProbes(), Removals(discovery, audit, clock=lambda: now))
    settings = Settings(connection=MemoryConnection(), audit=None)
    return Dashboard(session, EVERYTHING, settings, HostClock(lambda: now, lambda: now))
