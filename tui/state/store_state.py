"""How it stands with the store, as the header shows it."""

from __future__ import annotations

from enum import StrEnum

import msgspec
from msgspec.structs import replace

from backends.discovery.discovery import Added, Removed, Resynced, WatchEvent
from backends.store import Heartbeat, Loading, Lost, NoPuts, StoreError
from tui.state.watchdog import Trouble


class LinkState(StrEnum):
    """How it stands with the store, in one word."""

    CONNECTING = "connecting"
    LOADING = "loading"
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    """Lost, and not resynced since, even if it answers again."""
    NOT_UPDATING = "not updating"
    """The view does not follow the store, whatever its link."""

    @property
    def is_outdated(self) -> bool:
        """Return whether the view may be outdated."""
        return self in (LinkState.DISCONNECTED, LinkState.NOT_UPDATING)


class StoreState(msgspec.Struct, frozen=True):
    """The state of the store, for the header."""

    link: LinkState = LinkState.CONNECTING
    since: float = 0.0
    """When it became so, in POSIX seconds."""
    error: StoreError | None = None
    """Why it is disconnected."""
    loading: Loading | None = None
    """How far a snapshot is, while one is being read."""
    last_contact: float | None = None
    """When the store last confirmed that the data is current."""
    warnings: tuple[str, ...] = ()
    no_puts: tuple[NoPuts, ...] = ()
    """Why puts are refused, by the store's last answer."""
    read_only: str = ""
    """Why nothing may be changed, by the store's last answer. Empty: it may."""
    trouble: Trouble | None = None
    """Why the view does not follow the store. None: it does."""
    again_at: float = 0.0
    """When everything is read again because of that, in POSIX seconds."""


def next_state(state: StoreState, event: WatchEvent, now: float) -> StoreState:
    """Return the state after an event of a watch."""
    match event:
        case Lost(error=error):
            if state.link is LinkState.DISCONNECTED:
                return replace(state, error=error, loading=None)
            return replace(state, link=LinkState.DISCONNECTED, since=now, error=error, loading=None)
        case Loading():
            if state.link in (LinkState.CONNECTING, LinkState.LOADING):
                return replace(state, link=LinkState.LOADING, loading=event)
            return replace(state, loading=event)
        case Resynced(unread=unread):
            since = state.since if state.link is LinkState.CONNECTED else now
            return replace(
                state,
                link=LinkState.CONNECTED,
                since=since,
                error=None,
                loading=None,
                last_contact=now,
                # At once: what is connected must not look whole until it is heard of again.
                warnings=(unread,) if unread else state.warnings,
            )
        case Heartbeat():
            return replace(
                state,
                last_contact=now,
                warnings=event.warnings,
                no_puts=event.no_puts,
                read_only=event.read_only,
            )
        case Added() | Removed():
            return replace(state, last_contact=now)
