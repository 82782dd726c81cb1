"""Follow the store, and start anew whenever that stops: no wait in here is without an end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import aclosing
from typing import NoReturn, Protocol

from backends.aio.backoff import Backoff
from backends.aio.common_moments import until_next
from backends.discovery.discovery import Resynced, WatchEvent
from backends.dynamo.records import AnyRecord
from backends.store import Lost
from tui.state.batches import batches
from tui.state.cluster_view import ClusterView
from tui.state.store_state import LinkState
from tui.state.timings import TIMINGS
from tui.state.watchdog import FIRST_GAP, LONGEST_GAP, Trouble, Watchdog, gap

LONGEST_END = 5.0
"""Seconds that a watch which was given up has to end before the next one starts."""

Watches = Callable[[Mapping[bytes, AnyRecord]], AsyncGenerator[WatchEvent, None]]
"""Watch the store; called with the records that are known already, by key."""

_log = logging.getLogger(__name__)


class EventDisplay(Protocol):
    """Shows the events: a screen."""

    def prepare(self, batch: list[WatchEvent]) -> Iterator[None]:
        """Do step by step what would take `take_in` long. Raises whatever goes wrong with that."""

    def take_in(self, batch: list[WatchEvent]) -> None:
        """Show events. Raises whatever goes wrong with that."""

    def when_shown(self, answer: Callable[[], None]) -> bool:
        """Call back once everything that was taken in is worked off. False: that cannot be."""

    def show_link(self) -> None:
        """Show how it stands with the store by now."""

    def report(self, fault: Exception) -> None:
        """Report a fault of dyntop's own, after which everything is read again."""


class StoreLink:
    """Passes the events of a store's watch on to a display, for as long as it runs.

    The display applies a batch at once and in this task: no screen, and no queue of a screen, is
    waited for. Of the events that come meanwhile all but `batches.MOST_AT_ONCE` wait in the store.
    """

    def __init__(
        self,
        watch: Watches,
        view: ClusterView,
        display: EventDisplay,
        *,
        clock: Callable[[], float],
        looking: float = TIMINGS.looking,
    ) -> None:
        """`clock` gives POSIX seconds that no setting of the host's clock moves; `looking`: seconds
        between two looks of the watchdog."""
        self.may_show = asyncio.Event()
        """Set it once the display is there. Until then the store is read, and nothing shown."""
        self._watch = watch
        self._view = view
        self._display = display
        self._clock = clock
        self._looking = looking
        self._backoff = Backoff(FIRST_GAP, LONGEST_GAP)
        self._dog = Watchdog(clock())
        self._stopped_at: float | None = None
        """When the view stopped following the store, in POSIX seconds. None: it follows."""
        self._taken = 0
        """Events that were taken in, and not confirmed as shown yet."""
        self._is_told = False
        """Whether the watch has reported its state: from then on all its events count."""
        self._is_asked = False
        """Whether the display was asked to confirm them, and did not do so yet."""
        self._given_up: set[asyncio.Task[None]] = set()
        """Watches that did not end in time."""

    async def run(self) -> NoReturn:
        """Follow the store until cancelled."""
        while True:
            began = self._clock()
            self._dog, self._taken, self._is_told = Watchdog(began), 0, False
            following = asyncio.create_task(self._follow(self._dog), name="follow the store")
            try:
                await self._until_in_vain(following, began)
            except Exception as error:
                # A fault in here must not end it either.
                _log.exception("following the store failed")
                self._display.report(error)
                await asyncio.sleep(FIRST_GAP)
            finally:
                await self._end(following)

    async def _follow(self, dog: Watchdog) -> None:
        """Run one watch, from the present contents on."""
        known = self._view.registered()
        async with (
            aclosing(self._watch(known)) as events,
            aclosing(batches(_counted(events, dog))) as watched,
        ):
            del known
            async for batch in watched:
                await self.may_show.wait()
                for _ in self._display.prepare(batch):
                    dog.go_on()
                    await asyncio.sleep(0)
                self._display.take_in(batch)
                self._taken += len(batch)
                if not self._is_told:
                    self._is_told = any(isinstance(one, Resynced | Lost) for one in batch)
                # Not to be held until something comes again.
                del batch
                # One question at a time, so that none pile up before a screen that is stuck.
                if not self._is_asked:
                    self._is_asked = self._display.when_shown(self._shown)

    def _shown(self) -> None:
        self._is_asked = False
        self._dog.show(self._taken)
        self._taken = 0
        if self._stopped_at is not None and self._is_told:
            self._stopped_at = None
            self._view.follow_again()
            _log.warning("the store is followed again")
            self._show_link()

    async def _until_in_vain(self, following: asyncio.Task[None], began: float) -> None:
        """Returns when it is time to start anew."""
        trouble: Trouble | None = None
        again_at = began
        loop = asyncio.get_running_loop()
        while trouble is None or self._clock() < again_at:
            pause = until_next(self._looking, loop.time())
            if trouble is not None and following.done():
                await asyncio.sleep(pause)
            else:
                await asyncio.wait((following,), timeout=pause)
            found = self._found(following)
            if found is trouble:
                continue
            trouble = found
            if trouble is not None:
                again_at = began + gap(self._backoff, self._dog.well_at - began)
                self._give_notice(trouble, following, again_at - self._clock())

    def _found(self, following: asyncio.Task[None]) -> Trouble | None:
        if following.done():
            return Trouble.ENDED if _error_of(following) is None else Trouble.FAILED
        is_connected = self._view.store.link in (LinkState.CONNECTED, LinkState.NOT_UPDATING)
        found = self._dog.look(self._clock(), is_connected=is_connected)
        # A display that is still being made need not show anything.
        return found if self.may_show.is_set() else None

    def _give_notice(self, trouble: Trouble, following: asyncio.Task[None], pause: float) -> None:
        """That nothing is followed, and that everything is read again in `pause` seconds."""
        now, pause = self._clock(), max(0.0, pause)
        if self._stopped_at is None:
            self._stopped_at = self._dog.well_at
        error = _error_of(following)
        _log.error(
            "the store is not followed (%s): everything is read again in %.0f s",
            trouble.value,
            pause,
            exc_info=error,
        )
        self._view.stop_following(trouble, self._stopped_at, now + pause)
        self._show_link()
        # Once for each run of bad luck: the same fault mostly comes again.
        if error is not None and self._backoff.times == 1:
            self._display.report(error)

    def _show_link(self) -> None:
        try:
            self._display.show_link()
        except Exception:
            _log.exception("how it stands with the store could not be shown")

    async def _end(self, following: asyncio.Task[None]) -> None:
        """End a watch, so that the store never has two of them."""
        following.cancel()
        await asyncio.wait((following,), timeout=LONGEST_END)
        if not following.done():
            _log.warning("a watch that was given up does not end")
            self._given_up.add(following)
            following.add_done_callback(self._given_up.discard)


def _error_of(following: asyncio.Task[None]) -> Exception | None:
    if not following.done() or following.cancelled():
        return None
    error = following.exception()
    return error if isinstance(error, Exception) else None


async def _counted(
    events: AsyncGenerator[WatchEvent, None], dog: Watchdog
) -> AsyncGenerator[WatchEvent, None]:
    async for event in events:
        dog.deliver()
        yield event
        # Not to be held until something comes again.
        del event
