"""Listening in on a channel, from the Event channels tab."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any

import pytest
import zmq

from backends.aio.timer import LOOP, Timer
from backends.tap import NumberedMessage, TapLink, Taps
from backends.tap.link import TapState
from backends.tap.messages import TapMessage, of_nats
from tests.support.moved_timer import MovedTimer
from tests.support.operating import Operator, World, dashboard
from tests.support.ports import LOOPBACK
from tests.support.registered import channel, source
from tests.support.said_taps import SaidTaps
from tests.support.wire import envelope, frames, removed, stored
from tui.screens.tap import DRAW_INTERVAL, MessageScreen, MessageTable, PublisherTable, TapScreen


class _Slow(MovedTimer):
    """By which whatever is measured takes a second."""

    def __init__(self) -> None:
        super().__init__()
        self._looks = 0

    def now(self) -> float:
        self._looks += 1
        return super().now() + self._looks


@contextlib.asynccontextmanager
async def tapping(
    size: tuple[int, int] = (110, 30), timer: Timer = LOOP, **settings: Any
) -> AsyncIterator[tuple[Operator, SaidTaps, World]]:
    world = World(leases=False)
    world.put(channel(0x11), source(0x11, 0x1A))
    taps = SaidTaps(lambda: world.now)
    async with dashboard(
        world, taps=taps, size=size, timer=timer, **settings, draws=True
    ) as operator:
        await operator.press("4", "w")
        await operator.until(lambda: isinstance(operator.app.screen, TapScreen) and taps.listening)
        yield operator, taps, world


def messages(operator: Operator) -> list[str]:
    """What the rows say, from the top."""
    table = operator.app.screen.query_one(MessageTable)
    what = next(column for column in table.columns if column.id == "what")
    return [what.cell_of(row).text for row in table.rows]


def _is(number: Callable[[], int], expected: int) -> bool:
    return number() == expected


def _are(operator: Operator, number: int) -> bool:
    return len(messages(operator)) == number


async def test_w_listens_to_the_channel_and_shows_what_comes_newest_first() -> None:
    async with tapping() as (operator, taps, world):
        await operator.until_shown("kv-events of prod/backend", "connected, listening")
        await operator.until_shown("Nothing was heard yet")
        taps.said([stored(1, 2, 3, parent=0x1F2E5A77)], 4)
        taps.said([removed(1, 2)], 7)
        await operator.until(lambda: len(messages(operator)) == 2)
        assert messages(operator) == ["removed 2 blocks", "stored 3 blocks, parent 1f2e…"]
        await operator.until_shown("2 messages", "2 missed", "▸ 11")
        # Who sends over ZMQ does not say what was dropped on the way.
        assert "dropped" not in operator.text()
        world.now += 12
        await operator.until_shown("connected, nothing published for 12s")
        taps.tell(TapState(TapLink.LOST, "10.0.0.1:5557 refuses connections"))
        await operator.until_shown(
            "connection lost 0s ago: 10.0.0.1:5557 refuses connections; trying again"
        )


async def test_of_a_source_it_is_the_channel_that_is_listened_to() -> None:
    world = World(leases=False)
    world.put(channel(0x11), source(0x11, 0x1A), source(0x33, 0x1A))
    taps = SaidTaps(lambda: world.now)
    async with dashboard(world, taps=taps, draws=True) as operator:
        await operator.press("4", "j", "w")
        await operator.until(lambda: taps.opened)
        assert taps.opened[0].key == channel(0x11)[0]
        await operator.press("escape")
        await operator.press("G", "w")
        await operator.until(lambda: operator.told())
        assert "the channel of this source is not registered" in operator.told()[0]
        assert operator.on_main


async def test_closing_ends_the_tap_and_so_does_quitting() -> None:
    async with tapping() as (operator, taps, _):
        for key in ("escape", "q"):
            await operator.press(key)
            await operator.until(lambda: operator.on_main and not taps.listening, "the end of it")
            await operator.press("w")
            await operator.until(lambda: taps.listening, "another tap")
        operator.app.exit()
        await operator.until(lambda: not taps.listening, "the end of it")


async def test_freezing_stops_the_list_and_not_the_counting() -> None:
    async with tapping() as (operator, taps, world):
        taps.said([stored(1)], 0)
        await operator.until(lambda: len(messages(operator)) == 1)
        for key in ("f", "space"):
            await operator.press(key)
            await operator.until_shown("frozen")
            before = messages(operator)
            taps.said([removed(1)], len(before))
            count = f"{len(before) + 1} messages"
            world.now += 1
            await operator.until_shown(count)
            assert messages(operator) == before
            await operator.press(key)
            wanted = len(before) + 1
            await operator.until(partial(_are, operator, wanted))


async def test_a_filter_narrows_by_word_and_field_also_while_frozen() -> None:
    async with tapping() as (operator, taps, _):
        for sequence in range(4):
            taps.said([removed(1) if sequence % 2 else stored(1)], sequence)
        await operator.until(partial(_are, operator, 4))
        await operator.press("/")
        await operator.type("removed\r")
        await operator.until_shown("filter “removed”: 2 of 4 match")
        assert messages(operator) == ["removed 1 block"] * 2
        await operator.press("f")
        await operator.until_shown("frozen: f lets it go on")
        taps.said([removed(1)], 4)
        await operator.press("/")
        await operator.type("\x15data:stored sequence:2\r")
        await operator.until_shown("filter “data:stored sequence:2”: 1 of 4 match")
        assert messages(operator) == ["stored 1 block"]
        # Esc leaves the filter first, and then the screen.
        await operator.press("escape")
        await operator.until(partial(_are, operator, 4))
        await operator.press("f")
        await operator.until(partial(_are, operator, 5))
        await operator.press("escape")
        await operator.until(lambda: operator.on_main)


async def test_marked_channels_are_listened_to_together_and_each_message_has_its_worker() -> None:
    world = World(leases=False)
    for publisher, worker in ((0x11, 0x1A), (0x12, 0x1B), (0x13, 0x1C)):
        world.put(channel(publisher, port=5000 + publisher), source(publisher, worker))
    taps = SaidTaps(lambda: world.now)
    async with dashboard(world, taps=taps, size=(110, 30), draws=True) as operator:
        # A marked source stands for its channel.
        await operator.press("4", "space", "space", "j", "space", "w")
        await operator.until(lambda: isinstance(operator.app.screen, TapScreen) and taps.listening)
        assert [one.id.instance_id for one in taps.opened] == [0x11, 0x12]
        await operator.until_shown("kv-events of prod/backend, 2 channels")
        taps.said([stored(1)], 0, publisher=0x12)
        await operator.until(partial(_are, operator, 1))
        table = operator.app.screen.query_one(PublisherTable)
        cells = {
            column.id: [column.cell_of(row).text.strip() for row in table.rows]
            for column in table.columns
        }
        assert cells["worker"] == ["1b", "1a"]
        assert cells["messages"] == ["1", "0"]
        await operator.press("enter")
        await operator.until_shown("worker     1b")


async def test_raw_shows_bytes_in_the_list_and_in_the_message() -> None:
    async with tapping() as (operator, taps, _):
        taps.said("hello there", 0)
        await operator.until_shown("hello there")
        await operator.press("r")
        await operator.until_shown("ab 68 65 6c 6c 6f 20 74  ·hello there")
        await operator.press("enter")
        await operator.until(lambda: isinstance(operator.app.screen, MessageScreen))
        await operator.until_shown("000000  85 ac 70 75 62")
        await operator.press("r")
        await operator.until_shown('"hello there"')
        await operator.press("escape")
        await operator.until(lambda: isinstance(operator.app.screen, TapScreen))
        assert taps.listening == 1


async def test_a_cursor_further_down_stays_with_its_message() -> None:
    async with tapping() as (operator, taps, _):
        for number in range(5):
            taps.said([stored(number)], number)
        await operator.until(lambda: len(messages(operator)) == 5)
        await operator.press("j", "j")
        table = operator.app.screen.query_one(MessageTable)
        marked = table.row
        assert isinstance(marked, NumberedMessage)
        for number in range(5, 105):
            taps.said([stored(number)], number)
        await operator.until(lambda: len(messages(operator)) == 105)
        assert table.row == marked
        await operator.press("v", "asterisk")
        assert not table.marked


async def test_what_is_in_a_message_reaches_the_terminal_only_harmless() -> None:
    nasty = "\x1b]0;owned\x07[bold]\u202ex\r\n"
    async with tapping() as (operator, taps, world):
        body = envelope({nasty: nasty}, topic=nasty)
        taps.hear(of_nats(nasty, body, world.now))
        taps.hear(TapMessage(world.now, None, None, nasty, 3, nasty.encode()))
        await operator.until(lambda: len(messages(operator)) == 2)
        await operator.until_shown("\\x1b]0;owned\\x07[bold]\\u202ex")
        for keys in (("j",), ("enter",), ("r",)):
            await operator.press(*keys)
            await operator.pilot.pause()
            for text in ("\x1b", "\x07", "\u202e"):
                assert text not in operator.text()


async def test_a_burst_is_drawn_a_few_times_a_second_at_most() -> None:
    timer = MovedTimer()
    async with tapping(timer=timer) as (operator, taps, _):
        drawn = 0
        screen = operator.app.screen
        table = screen.query_one(MessageTable)
        show = table.show

        def counting(*args: Any, **more: Any) -> None:
            nonlocal drawn
            drawn += 1
            show(*args, **more)

        table.show = counting  # type: ignore[method-assign]
        for number in range(5000):
            taps.said([stored(number)], number)
            if number % 50 == 0:
                await asyncio.sleep(0)
        await operator.pilot.pause()
        assert drawn == 0
        for looks in range(1, 4):
            taps.said([stored(looks)], 5000 + looks)
            await timer.advance(DRAW_INTERVAL)
            await operator.until(partial(_is, lambda: drawn, looks))
        assert len(table.rows) == 200


async def test_what_takes_long_to_decode_is_decoded_little_by_little(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    timer = _Slow()
    # The first message of each look takes all the time there is.
    async with tapping(timer=timer) as (operator, taps, _):
        for number in range(4):
            taps.said([stored(number)], number)
        for decoded in range(1, 5):
            await timer.advance(DRAW_INTERVAL)
            shown = partial(_is, lambda: operator.text().count("stored 1 block"), decoded)
            await operator.until(shown)
            assert operator.text().count("… Enter decodes it") == 4 - decoded


async def test_the_screen_below_is_not_drawn_and_is_true_again_when_the_tap_closes() -> None:
    async with tapping() as (operator, _, world):
        assert not operator.main.is_current
        world.put(channel(0x22, "metrics"))
        await operator.until(lambda: len(operator.dashboard.view.cluster.records) == 3)
        await operator.press("escape")
        await operator.until_shown("metrics", "Channels 2")
        assert operator.main.is_current
        await operator.press("question_mark")
        # What lies below a dialog is seen around it.
        await operator.until(lambda: not operator.on_main)
        assert operator.main.is_current


async def test_all_that_matters_is_on_screen_at_every_size() -> None:
    async with tapping((120, 40)) as (operator, taps, world):
        for publisher in range(0x11, 0x19):
            taps.said([stored(1)], 3, publisher)
        world.now += 1
        for size in ((120, 40), (80, 24), (60, 20)):
            await operator.pilot.resize_terminal(*size)
            await operator.until_shown(
                *("kv-events of prod/backend", "8 messages", "0 missed", "msg/s"),
                "stored 1",
            )
            publishers = operator.app.screen.query_one(PublisherTable)
            assert len(publishers.rows) == 8
            assert operator.app.screen.query_one(MessageTable).size.height >= 5


# --- with a real publisher ------------------------------------------------------------------------


@pytest.fixture
def publisher() -> Iterator[zmq.Socket[bytes]]:
    context = zmq.Context()
    made = context.socket(zmq.XPUB)
    yield made
    made.close(linger=0)
    context.term()


async def test_the_connection_to_a_real_publisher_is_gone_when_the_screen_is(
    publisher: zmq.Socket[bytes],
) -> None:
    port = publisher.bind_to_random_port(f"tcp://{LOOPBACK}")
    key, value = channel(0x11, port=port)
    world = World(leases=False)
    world.put((key, value.replace(b"10.0.0.1", LOOPBACK.encode())))
    taps = Taps(None, here=True, clock=lambda: world.now)
    async with dashboard(world, taps=taps, draws=True) as operator:

        async def told(what: bytes) -> None:
            await operator.until(lambda: publisher.poll(0), "word of the subscriber")
            assert publisher.recv() == what

        await operator.press("4", "w")
        await told(b"\x01kv-events")
        publisher.send_multipart(frames([stored(1, 2)]))
        await operator.until_shown("stored 2 blocks")
        await operator.press("escape")
        await told(b"\x00kv-events")
