"""Listening in on one channel: how much comes, from whom, and the last messages."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial
from typing import ClassVar

import msgspec
from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen
from textual.strip import Strip
from textual.widgets import Static

from backends.aio.timer import LOOP, Timer, TimerHandle
from backends.dynamo.records import EventChannel
from backends.tap import NumberedMessage, Publisher, Tap, ZmqRoute, decode
from tui.actions import Place
from tui.runtime.textual_bindings import bindings, keys_of
from tui.runtime.textual_styles import StyledOnce
from tui.screens.detail import DetailScreen
from tui.state.column import REASONS, Cell, Column
from tui.state.sorted_rows import Row
from tui.text.detail import Detail
from tui.text.format import NOTHING, State, duration, hex_id
from tui.text.host_clock import HostClock, ShownAt
from tui.text.sanitize import plain
from tui.text.tap import (
    bar_line,
    channel_name,
    clock_time,
    figures,
    fill,
    in_bytes,
    message_detail,
    message_line,
    route_in_words,
    standing_in_words,
)
from tui.widgets.detail_pane import DetailPane
from tui.widgets.footer import KeyFooter
from tui.widgets.table.list_table import ListTable

DRAW_INTERVAL = 0.5
"""Seconds between two updates of the list. It is not read faster, and every row moves then, which
is 5 KB over a slow line."""
DECODING = 0.02
"""Seconds of such an interval after which no further message is decoded: 64 KB may be 20,000 lists.
The rest is decoded at the next update."""
MOST_LINES = 3
"""Lines that any of the texts above the tables takes."""
MOST_PUBLISHERS = 5
"""Publishers that are shown at once; the others can be scrolled to."""


class _PublisherRow(msgspec.Struct, frozen=True):
    key: Hashable
    publisher: Publisher


class _Unmarked(ListTable[Row]):
    """Rows that nothing can be done with but look at them. They change all the time, so they have
    few tones, and a line is written in as few pieces as it has."""

    def _line(self, index: int, width: int) -> Strip:
        return super()._line(index, width).simplify()


class MessageTable(_Unmarked[NumberedMessage]):
    """The last messages, the newest first, as in Events. A cursor further down stays with its
    message."""

    def __init__(
        self, what: Callable[[NumberedMessage], str], shown_at: ShownAt, *, id: str
    ) -> None:
        columns: list[Column[NumberedMessage]] = [
            Column("time", "HEARD", 12, lambda row: clock_time(shown_at(row.message.at))),
            Column("sequence", "SEQ", 8, _sequence, right=True),
            Column("publisher", "PUBLISHER", 14, _publisher, drop=2),
            Column("size", "SIZE", 8, lambda row: in_bytes(row.message.size), right=True, drop=1),
            Column("what", "SAYS", 30, what, grow=REASONS),
        ]
        super().__init__(columns, follow_top=True, id=id)


class PublisherTable(_Unmarked[_PublisherRow]):
    """The publishers."""

    def __init__(self, own: int | None, clock: Callable[[], float], *, id: str) -> None:
        """`own`: the publisher of the chosen channel."""

        def name(row: _PublisherRow) -> Cell:
            if row.publisher.id is None:
                return Cell("others", "dim")
            mark = "▸ " if row.publisher.id == own else "  "
            return Cell(mark + hex_id(row.publisher.id), "accent")

        def ago(row: _PublisherRow) -> Cell:
            return Cell(duration(clock() - row.publisher.last_message_at), "dim")

        columns: list[Column[_PublisherRow]] = [
            Column("publisher", "  PUBLISHER", 18, name),
            Column("last", "LAST SEQ", 9, _last, right=True),
            Column("messages", "MESSAGES", 9, _messages, right=True),
            Column("missed", "MISSED", 7, _missed, right=True),
            Column("restarts", "RESTARTS", 8, _restarts, right=True, drop=2),
            Column("size", "SIZE", 8, _bytes, right=True, drop=1),
            Column("heard", "AGO", 4, ago, right=True, ticks=True, drop=3),
        ]
        super().__init__(columns, id=id)


class MessageScreen(DetailScreen):
    """One message in full."""

    PLACE = Place.MESSAGE
    ACTIONS: ClassVar[dict[str, str]] = {"raw": "toggle_raw"}
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)

    def __init__(
        self, channel: EventChannel, heard: NumberedMessage, shown_at: ShownAt, *, raw: bool
    ) -> None:
        self._channel, self._heard, self._raw = channel, heard, raw
        self._decoded, self._shown_at = decode(heard.message), shown_at
        super().__init__(self._message())

    def action_toggle_raw(self) -> None:
        self._raw = not self._raw
        self.query_one(DetailPane).show(self._message(), same_record=True)

    def _message(self) -> Detail:
        return message_detail(
            self._channel, self._heard, self._decoded, raw=self._raw, shown_at=self._shown_at
        )


class TapScreen(StyledOnce, Screen[None]):
    """Listens while it is open; closing it ends the tap."""

    CSS_PATH = "tap.tcss"

    PLACE = Place.TAP
    ACTIONS: ClassVar[dict[str, str]] = {
        "raw": "toggle_raw",
        "tap-freeze": "freeze",
        "close-tap": "app.pop_screen",
        "help": "app.help",
    }
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)

    def __init__(
        self,
        tap: Tap,
        channel: EventChannel,
        state: Callable[[], State],
        clock: HostClock,
        timer: Timer = LOOP,
    ) -> None:
        """`state`: the state of the channel's record. `timer`: paces the updates, and measures the
        time for decoding."""
        super().__init__()
        self._timer = timer
        self._next_look: TimerHandle | None = None
        self._tap = tap
        self._channel = channel
        self._state = state
        self._clock = clock
        self._raw = False
        self._frozen: list[NumberedMessage] | None = None
        self._drawn: tuple[int, int] = (-1, -1)
        """How many messages there were, and which second it was."""
        self._shown: list[NumberedMessage] = []
        self._lines: dict[int, str] = {}
        """The lines of messages on screen, by number: each is decoded once."""
        self._decoding = DECODING
        """Seconds that are left for it until the next look."""

    def compose(self) -> ComposeResult:
        for name in ("title", "route", "standing", "figures", "bars", "bytes"):
            yield Static(id=f"tap-{name}")
        yield PublisherTable(self._channel.id.instance_id, self._clock, id="tap-publishers")
        yield MessageTable(self._decoded, self._clock.shown_at, id="tap-messages")
        yield KeyFooter()

    def on_mount(self) -> None:
        self._messages.focus()
        self._listen()
        self._look()

    def on_unmount(self) -> None:
        if self._next_look is not None:
            self._next_look.cancel()

    @work(group="tap", exclusive=True)
    async def _listen(self) -> None:
        # The worker is this screen's: it is cancelled when the screen closes.
        await self._tap.run()

    def _look(self) -> None:
        """Draw now, and again and again."""
        # As a message, so that an error is this screen's.
        look = partial(self.call_later, self._look)
        self._next_look = self._timer.call_later(DRAW_INTERVAL, look)
        self._draw()

    def on_resize(self) -> None:
        self._drawn = (-1, -1)
        self._draw()

    # --- drawing ------------------------------------------------------------------------------

    def _draw(self) -> None:
        """Show new messages, and draw nothing if there are none."""
        now, statistics = self._clock(), self._tap.statistics
        ran_out, self._decoding = self._decoding <= 0, DECODING
        if ran_out:
            self._messages.refresh()
        text, tone = standing_in_words(self._tap, now, self._channel.id.instance_id)
        self._set_line("standing", text, tone)
        drawn = (statistics.messages, int(now))
        if drawn == self._drawn:
            return
        new_messages = drawn[0] != self._drawn[0]
        self._drawn = drawn
        state = self._state()
        key = keys_of(self).shown("tap-freeze")
        frozen = f"   frozen: {key} lets it go on" if self._frozen is not None else ""
        self._set_line("title", f"{channel_name(self._channel)}   {state}{frozen}")
        self._set_line("route", route_in_words(self._tap))
        width = self.query_one("#tap-figures").content_size.width
        self._set_line("figures", fill(figures(self._tap, now), width))
        messages, sizes = statistics.history(now)
        self._set_line("bars", bar_line("msg/s", messages, f"{max(messages):,}", width))
        self._set_line("bytes", bar_line("B/s  ", sizes, in_bytes(max(sizes)), width))
        self._show_publishers()
        if new_messages or not self._messages.rows:
            self._show_messages()
        self._messages.empty_text = self._when_empty(text)

    def _set_line(self, name: str, text: str, tone: str = "") -> None:
        line = self.query_one(f"#tap-{name}", Static)
        for one in ("good", "warn", "bad", "dim"):
            line.set_class(tone == one, f"-{one}")
        shown = Text("\n".join(map(plain, text.split("\n"))))
        lines = shown.wrap(self.app.console, max(1, line.content_size.width))
        height = min(MOST_LINES, max(1, len(lines)))
        if line.styles.height is None or line.styles.height.value != height:
            line.styles.height = height
        line.update(shown, layout=False)

    def _show_publishers(self) -> None:
        publishers = self._tap.statistics.publishers()
        rows = [_PublisherRow(publisher.id, publisher) for publisher in publishers]
        index: dict[Hashable, int] = {row.key: number for number, row in enumerate(rows)}
        table = self.query_one(PublisherTable)
        short = self.has_class("-short")
        height = 2 + min(max(1, len(rows)), 2 if short else MOST_PUBLISHERS)
        if table.styles.height is None or table.styles.height.value != height:
            table.styles.height = height
        table.show(rows, index.get)

    def _show_messages(self) -> None:
        kept = self._tap.recent if self._frozen is None else self._frozen
        shown = self._shown = list(kept)[::-1]
        numbers = {heard.number for heard in shown}
        self._lines = {number: line for number, line in self._lines.items() if number in numbers}
        index: dict[Hashable, int] = {heard.number: place for place, heard in enumerate(shown)}
        self._messages.show(shown, index.get)

    def _when_empty(self, standing: str) -> str:
        if self._tap.statistics.messages:
            return ""
        return f"Nothing was heard yet ({standing}): messages show up here as they are published"

    def _decoded(self, heard: NumberedMessage) -> str:
        line = self._lines.get(heard.number)
        if line is not None:
            return line
        if self._decoding <= 0:
            return "… Enter decodes it"
        # What a broker passes on is of any topic.
        route = self._tap.route
        with_topic = isinstance(route, ZmqRoute) and not route.topic
        start = self._timer.now()
        line = self._lines[heard.number] = message_line(heard, raw=self._raw, with_topic=with_topic)
        self._decoding -= self._timer.now() - start
        return line

    # --- keys ---------------------------------------------------------------------------------

    def on_list_table_chosen(self, message: ListTable.Chosen) -> None:
        if message.table is self._messages and (heard := self._messages.row) is not None:
            shown_at = self._clock.shown_at
            self.app.push_screen(MessageScreen(self._channel, heard, shown_at, raw=self._raw))

    def action_toggle_raw(self) -> None:
        self._raw = not self._raw
        self._lines.clear()
        self._messages.refresh()

    def action_freeze(self) -> None:
        self._frozen = list(self._tap.recent) if self._frozen is None else None
        self._drawn = (-1, -1)
        self._draw()

    @property
    def _messages(self) -> MessageTable:
        return self.query_one(MessageTable)


def _sequence(row: NumberedMessage) -> Cell:
    number = row.message.sequence
    return Cell(NOTHING if number is None else f"{number:,}")


def _publisher(row: NumberedMessage) -> Cell:
    return Cell(hex_id(row.message.publisher))


def _last(row: _PublisherRow) -> str:
    if row.publisher.last is None:
        return NOTHING
    # Of several ranks that count each for itself.
    ranks = f"×{row.publisher.ranks} " if row.publisher.ranks > 1 else ""
    return f"{ranks}{row.publisher.last:,}"


def _messages(row: _PublisherRow) -> str:
    return f"{row.publisher.messages:,}"


def _missed(row: _PublisherRow) -> Cell:
    return Cell(f"{row.publisher.gaps:,}", "warn" if row.publisher.gaps else "")


def _restarts(row: _PublisherRow) -> Cell:
    return Cell(f"{row.publisher.restarts:,}", "warn" if row.publisher.restarts else "")


def _bytes(row: _PublisherRow) -> str:
    return in_bytes(row.publisher.bytes)
