"""Go on with another context, without a restart: ask for it, open it, and close the one before."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Protocol, TypeVar

from backends.aio.daemon_thread import in_daemon_thread
from backends.store import StoreError
from tui.config.other_contexts import (
    ContextChoice,
    OtherContexts,
    described_context,
    dropped_flags,
)
from tui.config.settings import Settings
from tui.session import HeldSession, Session
from tui.state.navigation.go_to import BEFORE
from tui.state.reported_removals import Notice
from tui.text.errors import explain
from tui.text.host_clock import HostClock
from tui.text.sanitize import plain

_log = logging.getLogger(__name__)

CLOSING = 10.0
"""Seconds that closing a session may take before it is left to end by itself."""
AS_STARTED = ""
"""Stands for the settings of the start, where these are not those of a context alone."""
NO_CONTEXTS = "There are no contexts: write them as [contexts.NAME] into settings.toml."

_T = TypeVar("_T")


class SwitchHost(Protocol):
    """What shows a session, and what asks."""

    settings: Settings
    clock: HostClock

    def why_no_switch(self) -> str:
        """Return why no other context can be shown at present. Empty: one can."""

    def show_notice(self, notice: Notice) -> None:
        """Show a notice."""

    def choose_context(
        self, choices: Sequence[ContextChoice], current: str, chosen: Callable[[str], None]
    ) -> None:
        """Open a list. `current`: the name of the one that is shown. `chosen` is called with the
        name of another."""

    def begin_switch(self, job: Callable[[], Awaitable[None]]) -> None:
        """Run a job that no screen ends."""

    async def show_session(self, settings: Settings, session: Session, way_back: str) -> None:
        """Show another session from nothing. Returns once all work on the one before has ended.
        `way_back`: where the user came from."""

    def forget_session(self) -> None:
        """Free the memory of the session before, which is closed, some time from now."""


class ContextSwitch:
    """Holds the session that is open, and goes on with another."""

    def __init__(
        self, host: SwitchHost, contexts: OtherContexts | None, held: HeldSession | None
    ) -> None:
        """`contexts` None: there are none. `held` None: the first session is closed by whoever
        opened it."""
        self._host = host
        self._contexts = contexts
        self._held = held
        self._start = host.settings
        self._before: Settings | None = None
        """Of what was shown before."""
        self._is_at_work = False

    async def names(self) -> list[str]:
        """Return the names of all contexts."""
        return [] if self._contexts is None else await _read(self._contexts.names)

    def ask_for(self, named: str) -> None:
        """Go on with a context that the user named. Empty: let one be chosen. `-`: the one
        before."""
        if self._is_at_work:
            self._refuse("Another context is being opened.")
        elif why := self._host.why_no_switch():
            self._refuse(why)
        elif not named:
            self._host.begin_switch(self._choose)
        elif named != BEFORE:
            self._host.begin_switch(partial(self._go, named))
        elif self._before is None:
            self._refuse("No other context was shown before this one.")
        elif self._before is self._start:
            self._host.begin_switch(self._go_to_start)
        else:
            self._host.begin_switch(partial(self._go, self._before.context or ""))

    async def aclose(self) -> None:
        """Close the session that is open."""
        if self._held is not None:
            await self._held.aclose()

    async def _choose(self) -> None:
        try:
            found = [] if self._contexts is None else await _read(self._contexts.choices)
        except StoreError as error:
            self._host.show_notice(_failed(error))
            return
        shown, start = self._host.settings, self._start
        if not found:
            self._refuse(NO_CONTEXTS)
            return
        current = shown.context or AS_STARTED
        if start.context is None or dropped_flags(start):
            found.insert(0, described_context(AS_STARTED, start))
            current = AS_STARTED if shown is start else current
        if not (why := self._host.why_no_switch()):
            self._host.choose_context(found, current, self._chosen)
        else:
            self._refuse(why)

    def _chosen(self, name: str) -> None:
        job = self._go_to_start if name == AS_STARTED else partial(self._go, name)
        self._host.begin_switch(job)

    async def _go_to_start(self) -> None:
        await self._go_on(self._start)

    async def _go(self, named: str) -> None:
        """Go on with a context by its name, as it is shown."""
        contexts = self._contexts
        if contexts is None:
            self._refuse(NO_CONTEXTS)
            return
        shown = self._host.settings
        try:
            name = next((one for one in await _read(contexts.names) if plain(one) == named), named)
            settings = await _read(partial(contexts.settings, name))
        except StoreError as error:
            self._host.show_notice(_failed(error))
            return
        if settings.context == shown.context and settings.connection == shown.connection:
            self._refuse(f"Context {plain(named)} is shown already.")
            return
        await self._go_on(settings)

    async def _go_on(self, settings: Settings) -> None:
        """Open a session and show it. What is shown stays if that fails."""
        if self._is_at_work:
            return
        host, before = self._host, self._host.settings
        self._is_at_work = True
        try:
            held = await HeldSession.open(settings, host.clock)
            # Meanwhile a question may have been opened.
            if why := host.why_no_switch():
                await held.aclose()
                self._refuse(why)
                return
            was, self._held, self._before = self._held, held, before
            await host.show_session(settings, held.session, place_name(before))
            await _close(was)
            host.forget_session()
        except StoreError as error:
            host.show_notice(_failed(error))
            return
        finally:
            self._is_at_work = False
        if dropped := dropped_flags(before) if before is self._start else []:
            flags = " and ".join(dropped)
            said = f"{flags} of the start {'is' if len(dropped) == 1 else 'are'} not part of it"
            host.show_notice(Notice(f"{said}; :ctx {BEFORE} goes back to that.", "information"))

    def _refuse(self, why: str) -> None:
        self._host.show_notice(Notice(why, "warning"))


def place_name(settings: Settings) -> str:
    """Return what the user knows a session by: its context, else its store."""
    if settings.context is not None:
        return f"context {plain(settings.context)}"
    found = described_context(AS_STARTED, settings)
    return plain(f"{found.store} {found.address}").strip()


async def _close(held: HeldSession | None) -> None:
    """Close a session that nothing uses any more."""
    if held is None:
        return
    try:
        async with asyncio.timeout(CLOSING):
            await held.aclose()
    except Exception:
        _log.exception("the session before could not be closed")


async def _read(do: Callable[[], _T]) -> _T:
    return await in_daemon_thread(do, "dyntop-contexts")


def _failed(error: StoreError) -> Notice:
    return Notice(explain(error, "").sentence, "error")
