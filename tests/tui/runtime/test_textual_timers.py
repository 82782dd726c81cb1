"""Timers that go off once, with delays that have passed already."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator

import pytest
from textual.app import App
from textual.notifications import Notification
from textual.timer import Timer
from textual.widgets._toast import Toast

from tests.support.peers import until
from tui.runtime.textual_timers import keep_single_timers

DELAYS = (-3600.0, -0.0003, 0.0, 1e-9)
"""In seconds."""
MOST_LOOKS = 10_000
"""At the clock. Unmended, a timer looks at it for ever and lets nothing else run."""


@pytest.fixture(autouse=True)
def looks(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """Ends a timer that does not stop looking at the clock."""
    keep_single_timers()
    looks: list[float] = []

    def get_time() -> float:
        looks.append(time.monotonic())
        assert len(looks) < MOST_LOOKS, "the timer goes on looking at the clock"
        return looks[-1]

    monkeypatch.setattr("textual._time.get_time", get_time)
    yield looks
    assert looks, "the timers look at this clock"


async def went_off(start: Callable[[App[None], Callable[[], None]], Timer]) -> bool:
    app, off = App[None](), asyncio.Event()
    async with app.run_test():
        start(app, off.set)
        async with asyncio.timeout(60):
            await off.wait()
    return off.is_set()


@pytest.mark.parametrize("delay", DELAYS)
async def test_a_timer_whose_moment_has_passed_goes_off(delay: float) -> None:
    assert await went_off(lambda app, call: app.set_timer(delay, call))


async def test_a_timer_that_was_held_up_for_longer_than_its_delay_goes_off(
    monkeypatch: pytest.MonkeyPatch, looks: list[float]
) -> None:
    """The process is stopped, or another one runs, between two of its looks at the clock."""

    def start(app: App[None], call: Callable[[], None]) -> Timer:
        stopped = iter((0.0, 10.0))

        def get_time() -> float:
            looks.append(time.monotonic() + next(stopped, 10.0))
            return looks[-1]

        monkeypatch.setattr("textual._time.get_time", get_time)
        return app.set_timer(0.01, call)

    assert await went_off(start)


async def test_a_message_that_expires_while_it_is_being_shown_goes_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    toasts = 0

    def time_left(_: Notification) -> float:
        nonlocal toasts
        toasts += 1
        return -0.0003

    monkeypatch.setattr(Notification, "time_left", property(time_left))
    monkeypatch.setattr(Notification, "has_expired", property(lambda _: toasts > 0))
    app = App[None]()
    async with app.run_test(notifications=True):
        app.notify("for a moment")
        await until(lambda: toasts, "the message on screen")
        await until(lambda: not app.screen.query(Toast), "the end of the message")
