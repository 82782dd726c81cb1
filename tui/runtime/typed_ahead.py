"""Hold keys until there is a screen for them, and deliver them in order.

Textual 8.2.8 gives each key to the screen that is on top when the key is read, even if that has no
widgets yet, and delivers the next one while the one before is still on its way up from the focused
widget. Keys come in one burst over slow lines, and while the dashboard starts.

So a key waits until the top screen was drawn, and until the effects of the key before it are done.
Mouse events from before the screen was drawn were meant for another screen, and are dropped.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from weakref import WeakKeyDictionary, WeakSet

from textual import events
from textual._time import get_time
from textual.app import ScreenStackError
from textual.errors import NoWidget
from textual.message_pump import MessagePump
from textual.screen import Screen
from textual.widget import Widget

from tui.runtime.textual_errors import SurvivesHandlerErrors

AT_ONCE = frozenset({"ctrl+c", "ctrl+q"})
"""Keys that never wait: they end the dashboard whatever hangs."""
TYPED_IN_A_LINE = {"ctrl+j": events.Key("enter", "\r")}
"""Keys as a terminal sends them before a program asks for each key on its own."""
MOST = 10_000
"""Events that may wait; further ones are dropped."""
LOOK_INTERVAL = 0.02
"""Seconds between two checks whether the screen was drawn."""
UNSEEN_FOR = 2.0
"""Seconds after which a key goes to a screen that was not drawn, if that is allowed."""
UNDER_WAY_FOR = 2.0
"""Seconds after which the effects of a key are no longer waited for."""
ROUNDS = 2
"""How often the marker after a key goes the key's way up: at its end the key starts an action, and
the action sends a message the same way."""


class DrawnBeforeKeys:
    """A screen with dangerous keys: it gets none before it was drawn."""

    def was_drawn(self) -> None:
        """Called when it was drawn for the first time."""
        raise NotImplementedError

    def typed_at(self, seconds: float) -> None:
        """Note when the next key was typed, or the mouse used, by Textual's clock."""
        raise NotImplementedError


class TypedAhead:
    """Holds back keys and mouse reports for one app. Used by its message loop alone."""

    def __init__(
        self, app: SurvivesHandlerErrors, handle: Callable[[events.Event], Awaitable[None]]
    ) -> None:
        """`handle`: handles an event."""
        self._app = app
        self._handle = handle
        self._first_drawn: float | None = None
        self._waiting: deque[events.Event] = deque()
        self._drawn: WeakKeyDictionary[Screen[object], float] = WeakKeyDictionary()
        """When screens were drawn for the first time."""
        self._seen: WeakSet[Screen[object]] = WeakSet()
        """Screens that were drawn, including those that cannot have keys yet."""
        self._under_way: object | None = None
        """Stands for the effects of the last key, while they last."""
        self._since = 0.0
        """Since when the waiting events have waited for the same thing."""
        self._looking: asyncio.TimerHandle | None = None

    @property
    def is_idle(self) -> bool:
        """Return whether no event waits, and the effects of the last key are done."""
        return not self._waiting and self._under_way is None

    def came_before_all(self, event: events.Event) -> bool:
        """Return whether the event came before the first frame."""
        return self._first_drawn is None or event.time < self._first_drawn

    async def add(self, event: events.Event) -> None:
        """Handle an event, now or once it can be."""
        if isinstance(event, events.Key):
            if event.key in AT_ONCE:
                await self._handle(event)
                return
            if self._first_drawn is None:
                event = _as_a_key(event)
        if len(self._waiting) < MOST:
            if not self._waiting:
                self._since = get_time()
            self._waiting.append(event)
        await self._go_on()

    def drawn(self, screen: Screen[object]) -> None:
        """Note that part of the screen was drawn."""
        if screen in self._seen or not screen.is_mounted:
            return
        self._seen.add(screen)
        if isinstance(screen, DrawnBeforeKeys):
            screen.was_drawn()
        # After its requests to the app, such as where the focus is.
        self._app.call_later(self._can_have_keys, screen, get_time())

    async def _can_have_keys(self, screen: Screen[object], since: float) -> None:
        self._drawn[screen] = since
        if self._first_drawn is None:
            self._first_drawn = since
        await self._go_on()

    async def _go_on(self) -> None:
        while self._waiting and self._under_way is None and (screen := self._screen()) is not None:
            event = self._waiting.popleft()
            self._since = get_time()
            if isinstance(event, events.MouseEvent) and not self._is_meant_for(event, screen):
                continue
            if isinstance(screen, DrawnBeforeKeys):
                screen.typed_at(event.time)
            way = self._way(event)
            self._under_way = mark = object()
            try:
                await self._handle(event)
            except Exception as error:
                if not self._app.survives(error, self._app, event):
                    raise
            finally:
                self._follow(mark, way * ROUNDS)
        if self._waiting and self._looking is None:
            loop = asyncio.get_running_loop()
            self._looking = loop.call_later(LOOK_INTERVAL, self._look)

    def _screen(self) -> Screen[object] | None:
        """Return the screen that can have the next event. None: none yet."""
        try:
            screen = self._app.screen
        except ScreenStackError:
            return None
        if screen in self._drawn:
            return screen
        if not screen.is_mounted or isinstance(screen, DrawnBeforeKeys):
            return None
        waited = get_time() - self._since
        return screen if self._first_drawn is not None and waited > UNSEEN_FOR else None

    def _is_meant_for(self, event: events.MouseEvent, screen: Screen[object]) -> bool:
        """Return whether the screen was there for the mouse, and the widget under it still is."""
        drawn = self._drawn.get(screen)
        if drawn is None or event.time < drawn:
            # Releasing a button ends what its press began, wherever that was.
            return drawn is not None and isinstance(event, events.MouseUp)
        if isinstance(event, events.MouseUp) or self._app.mouse_captured is not None:
            return True
        # After the window shrank it may be outside, where Textual takes the focus away.
        under = self._under(event)
        return under is not None and under.is_attached

    def _under(self, event: events.MouseEvent) -> Widget | None:
        try:
            return self._app.get_widget_at(int(event.x), int(event.y))[0]
        except NoWidget:
            return None

    def _way(self, event: events.Event) -> list[MessagePump]:
        """Return the nodes that an event passes on its way up, the app last."""
        start = self._app.focused or self._app.screen
        if isinstance(event, events.MouseMove):
            return []
        if isinstance(event, events.MouseEvent):
            start = self._under(event) or start
        parts = [one for one in start.ancestors_with_self if isinstance(one, Widget)]
        return [*parts, self._app]

    def _follow(self, mark: object, way: list[MessagePump]) -> None:
        """Follow the effects of an event to their end, then handle the next event."""
        for place, pump in enumerate(way):
            rest = way[place + 1 :]
            if rest and pump.call_later(self._follow, mark, rest):
                return
            if not rest and pump.call_later(self._done, mark):
                return
        if self._under_way is mark:
            self._under_way = None

    async def _done(self, mark: object) -> None:
        if self._under_way is mark:
            self._under_way = None
            await self._go_on()

    def _look(self) -> None:
        self._looking = None
        if self._under_way is not None and get_time() - self._since > UNDER_WAY_FOR:
            self._under_way = None
        self._app.call_later(self._go_on)


def _as_a_key(event: events.Key) -> events.Key:
    """Return the key for input that was typed as a line."""
    key = TYPED_IN_A_LINE.get(event.key, event).copy()
    key.time = event.time
    return key
