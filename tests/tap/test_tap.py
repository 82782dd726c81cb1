"""What a tap holds, and what it does when something is wrong."""

from __future__ import annotations

from typing import NoReturn

import pytest

from backends.tap import Inbox, NoRoute, Tap, TapLink
from backends.tap.link import TapState
from backends.tap.messages import TapMessage
from backends.tap.tap import Drop, Receive, ReportState
from tests.tap.conftest import running, until


def message(number: int, size: int = 10) -> TapMessage:
    return TapMessage(1.0, 1, number, "t", size, bytes(size))


class Faulty:
    def __init__(self, error: Exception) -> None:
        self._error = error

    async def run(self, hear: Receive, tell: ReportState, drop: Drop) -> NoReturn:
        tell(TapState(TapLink.CONNECTED))
        raise self._error


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (ModuleNotFoundError(name="zmq"), "the package zmq is not installed"),
        (ExceptionGroup("x", [OSError("secret")]), "a fault on this machine (OSError)"),
    ],
)
async def test_a_listener_that_gives_up_is_said_and_kills_nobody(
    error: Exception, why: str
) -> None:
    async with running(Tap(NoRoute("x"), Faulty(error), lambda: 1.0)) as tap:
        await until(lambda: tap.standing.link is TapLink.IMPOSSIBLE)
        assert tap.standing.why == why


def said(tap: Tap, *publishers: int) -> None:
    for number, publisher in enumerate(publishers):
        tap._receive(TapMessage(1.0, publisher, number, "t", 10, bytes(10)))


async def test_of_one_publisher_only_its_messages_are_handed_on_and_the_others_counted() -> None:
    tap, inbox = Tap(NoRoute("x"), Faulty(OSError()), lambda: 1.0), Inbox()
    tap.follow(inbox, only=1)
    said(tap, 1, 2, 1, 3)
    assert [one.sequence for one in await inbox.get()] == [0, 2]
    assert (tap.left_out, tap.statistics.messages, tap.statistics.dropped) == (2, 4, 0)


def test_a_ring_of_nothing_keeps_nothing() -> None:
    tap = Tap(NoRoute("x"), Faulty(OSError()), lambda: 1.0, ring=0)
    said(tap, 1, 1)
    assert (len(tap.recent), tap.statistics.messages) == (0, 2)


async def test_an_inbox_takes_so_many_messages_and_so_many_bytes() -> None:
    few, small = Inbox(most=2), Inbox(most_bytes=25)
    for inbox in (few, small):
        assert [inbox.put(message(number)) for number in range(4)] == [True, True, False, False]
        assert [one.sequence for one in await inbox.get()] == [0, 1]
        assert len(inbox) == 0
        assert inbox.put(message(5))
        assert [one.sequence for one in await inbox.get()] == [5]
