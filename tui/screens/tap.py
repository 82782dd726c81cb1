"""Listening in on one channel: how much comes, from whom, and the last messages."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
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
from backends.tap import (
    MatchingMessages,
    MessageFilter,
    NumberedMessage,
    Publisher,
    Tap,
    decode,
)
from tui.actions import Place
from tui.runtime.textual_bindings import bindings, keys_of
from tui.runtime.textual_styles import StyledOnce
from tui.screens.detail import DetailScreen
from tui.state.column import REASONS, Cell, Column
from tui.state.sorted_rows import Row
from tui.text.detail import Detail
from tui.text.format import NOTHING, duration, hex_id
from tui.text.host_clock import HostClock, ShownAt
from tui.text.sanitize import plain
from tui.text.tap import (
    bar_line,
    channels_name,
    clock_time,
    figures,
    fill,
    filter_in_words,
    has_any_topic,
    in_bytes,
    message_detail,
    message_line,
    route_in_words,
    standing_in_words,
)
from tui.widgets.detail_pane import DetailPane
from tui.widgets.filter_bar import FilterBar
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


FILTERING = 0.05
"""Seconds of such an interval for which messages are decoded for the filter. The rest comes at the
next update."""

WorkerOf = Callable[[int | None], int | None]
"""Returns the worker of a publisher, by its id. None: it is not known."""


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
        self,
        what: Callable[[NumberedMessage], str],
        shown_at: ShownAt,
        worker_of: WorkerOf | None,
        *,
        id: str,
    ) -> None:
        """`worker_of`: each message names its worker. None: there is one only."""

        def worker(row: NumberedMessage) -> Cell:
            assert worker_of is not None
            found = worker_of(row.message.publisher)
            return Cell("unknown", "dim") if found is None else Cell(hex_id(found), "accent")

        whom = [Column("publisher", "PUBLISHER", 14, _publisher, drop=2)]
        if worker_of is not None:
            whom.insert(0, Column("worker", "WORKER", 16, worker))
            whom[1] = Column("publisher", "PUBLISHER", 14, _publisher, drop=3)
        columns: list[Column[NumberedMessage]] = [
            Column("time", "HEARD", 12, lambda row: clock_time(shown_at(row.message.at))),
            Column("sequence", "SEQ", 8, _sequence, right=True),
            *whom,
            Column("size", "SIZE", 8, lambda row: in_bytes(row.message.size), right=True, drop=1),
            Column("what", "SAYS", 30, what, grow=REASONS),
        ]
        super().__init__(columns, follow_top=True, id=id)


class PublisherTable(_Unmarked[_PublisherRow]):
    """The publishers."""

    def __init__(
        self, own: int | None, clock: Callable[[], float], worker_of: WorkerOf | None, *, id: str
    ) -> None:
        """`own`: the publisher of the chosen channel. `worker_of`: each publisher names its worker.
        None: there is one channel only."""

        def worker(row: _PublisherRow) -> Cell:
            found = None if worker_of is None else worker_of(row.publisher.id)
            return Cell(NOTHING if found is None else hex_id(found), "accent")

        def name(row: _PublisherRow) -> Cell:
            if row.publisher.id is None:
                return Cell("others", "dim")
            mark = "▸ " if row.publisher.id == own else "  "
            return Cell(mark + hex_id(row.publisher.id), "accent")

        def ago(row: _PublisherRow) -> Cell:
            if not row.publisher.messages:
                return Cell(NOTHING, "dim")
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
        if worker_of is not None:
            columns.insert(1, Column("worker", "WORKER", 16, worker))
        super().__init__(columns, id=id)


class MessageFilterBar(FilterBar):
    """The line for typing the filter of messages."""

    PLACEHOLDER = "words, or field:value"


class MessageScreen(DetailScreen):
    """One message in full."""

    PLACE = Place.MESSAGE
    ACTIONS: ClassVar[dict[str, str]] = {"raw": "toggle_raw"}
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)

    def __init__(
        self,
        channel: EventChannel,
        heard: NumberedMessage,
        shown_at: ShownAt,
        *,
        raw: bool,
        worker: int | None = None,
    ) -> None:
        self._channel, self._heard, self._raw, self._worker = channel, heard, raw, worker
        self._decoded, self._shown_at = decode(heard.message), shown_at
        super().__init__(self._message())

    def action_toggle_raw(self) -> None:
        self._raw = not self._raw
        self.query_one(DetailPane).show(self._message(), same_record=True)

    def _message(self) -> Detail:
        return message_detail(
            self._channel,
            self._heard,
            self._decoded,
            raw=self._raw,
            worker=self._worker,
            shown_at=self._shown_at,
        )


class TapScreen(StyledOnce, Screen[None]):
    """Listens while it is open; closing it ends the tap."""

    CSS_PATH = "tap.tcss"

    PLACE = Place.TAP
    ACTIONS: ClassVar[dict[str, str]] = {
        "tap-filter": "filter",
        "raw": "toggle_raw",
        "tap-freeze": "freeze",
        "close-tap": "close",
        "help": "app.help",
    }
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)

    def __init__(
        self,
        tap: Tap,
        channels: Sequence[EventChannel],
        state: Callable[[], str],
        worker_of: WorkerOf,
        clock: HostClock,
        timer: Timer = LOOP,
    ) -> None:
        """`channels`: those that the tap listens to. `state`: the state of their records. `timer`:
        paces the updates, and measures the time for decoding."""
        super().__init__()
        self._timer = timer
        self._next_look: TimerHandle | None = None
        self._tap = tap
        self._channels = channels
        self._worker_of = worker_of
        self._own = channels[0].id.instance_id if len(channels) == 1 else None
        """The publisher of the chosen channel. None: there are several."""
        self._has_topics = len({channel.id.topic for channel in channels}) > 1
        self._filter = ""
        self._matching: MatchingMessages | None = None
        """The messages that match the filter. None: there is no filter."""
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
        several = self._worker_of if len(self._channels) > 1 else None
        yield PublisherTable(self._own, self._clock, several, id="tap-publishers")
        yield MessageTable(self._decoded, self._clock.shown_at, several, id="tap-messages")
        yield MessageFilterBar()
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
        text, tone = standing_in_words(self._tap, now, self._own)
        self._set_line("standing", text, tone)
        looked_at = self._look_at_messages()
        drawn = (statistics.messages + looked_at, int(now))
        if drawn == self._drawn:
            return
        new_messages = drawn[0] != self._drawn[0]
        self._drawn = drawn
        state = self._state()
        key = keys_of(self).shown("tap-freeze")
        notes = [channels_name(self._channels), state]
        if self._matching is not None:
            notes.append(filter_in_words(self._filter, self._matching))
        if self._frozen is not None:
            notes.append(f"frozen: {key} lets it go on")
        self._set_line("title", "   ".join(notes))
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
        publishers = list(self._tap.statistics.publishers())
        if len(self._channels) > 1:
            heard = {publisher.id for publisher in publishers}
            ids = (channel.id.instance_id for channel in self._channels)
            publishers += [Publisher(one) for one in ids if one is not None and one not in heard]
        rows = [_PublisherRow(publisher.id, publisher) for publisher in publishers]
        index: dict[Hashable, int] = {row.key: number for number, row in enumerate(rows)}
        table = self.query_one(PublisherTable)
        short = self.has_class("-short")
        height = 2 + min(max(1, len(rows)), 2 if short else MOST_PUBLISHERS)
        if table.styles.height is None or table.styles.height.value != height:
            table.styles.height = height
        table.show(rows, index.get)

    def _show_messages(self) -> None:
        kept: Iterable[NumberedMessage] = self._source()
        if self._matching is not None:
            kept = self._matching.last
        shown = self._shown = list(kept)[::-1]
        numbers = {heard.number for heard in shown}
        self._lines = {number: line for number, line in self._lines.items() if number in numbers}
        index: dict[Hashable, int] = {heard.number: place for place, heard in enumerate(shown)}
        self._messages.show(shown, index.get)

    def _source(self) -> Iterable[NumberedMessage]:
        """Return the messages that are there, or were as it was frozen, oldest first."""
        return self._tap.recent if self._frozen is None else self._frozen

    def _look_at_messages(self) -> int:
        """Look for messages that match the filter. Returns how many were looked at."""
        if self._matching is None:
            return 0
        end = self._timer.now() + FILTERING
        self._matching.look(list(self._source()), lambda: self._timer.now() < end)
        return self._matching.looked_at

    def _when_empty(self, standing: str) -> str:
        if self._matching is not None and self._tap.statistics.messages:
            return "No message matches the filter: Esc clears it"
        if self._tap.statistics.messages:
            return ""
        return f"Nothing was heard yet ({standing}): messages show up here as they are published"

    def _decoded(self, heard: NumberedMessage) -> str:
        line = self._lines.get(heard.number)
        if line is not None:
            return line
        if self._decoding <= 0:
            return "… Enter decodes it"
        with_topic = self._has_topics or has_any_topic(self._tap)
        start = self._timer.now()
        line = self._lines[heard.number] = message_line(heard, raw=self._raw, with_topic=with_topic)
        self._decoding -= self._timer.now() - start
        return line

    # --- keys ---------------------------------------------------------------------------------

    def on_list_table_chosen(self, message: ListTable.Chosen) -> None:
        if message.table is self._messages and (heard := self._messages.row) is not None:
            number = heard.message.publisher
            of_it = (one for one in self._channels if one.id.instance_id == number)
            self.app.push_screen(
                MessageScreen(
                    next(of_it, self._channels[0]),
                    heard,
                    self._clock.shown_at,
                    raw=self._raw,
                    worker=self._worker_of(number),
                )
            )

    def action_filter(self) -> None:
        self.query_one(MessageFilterBar).open()

    def on_filter_bar_changed(self, message: FilterBar.Changed) -> None:
        self._narrow(message.text)

    def on_filter_bar_kept(self) -> None:
        self._messages.focus()

    def _narrow(self, text: str) -> None:
        """Show only messages that match a filter; "" shows all."""
        self._filter, wanted = text.strip(), MessageFilter.parse(text)
        self._matching = None
        if wanted:
            self._matching = MatchingMessages(
                lambda one: wanted.matches(one.message, self._worker_of(one.message.publisher))
            )
        self._drawn = (-1, -1)
        self._draw()

    def action_close(self) -> None:
        """Leave the line that is typed into, then the filter, then the screen."""
        bar = self.query_one(MessageFilterBar)
        if bar.typing or self._matching is not None:
            bar.clear()
            self._narrow("")
            self._messages.focus()
        else:
            self.app.pop_screen()

    def action_toggle_raw(self) -> None:
        self._raw = not self._raw
        self._lines.clear()
        self._messages.refresh()

    def action_freeze(self) -> None:
        if self._frozen is not None:
            self._frozen = None
        else:
            kept = () if self._matching is None else self._matching.last
            found = {one.number: one for one in (*kept, *self._tap.recent)}
            self._frozen = [found[number] for number in sorted(found)]
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
