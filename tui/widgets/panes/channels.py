"""The Event channels tab: publishers' channels, each with its kind of events."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import ClassVar

import msgspec
from textual.binding import BindingType
from textual.message import Message

from backends.discovery.cluster import Cluster
from backends.dynamo.ids import Kind
from backends.dynamo.records import AnyRecord, EventChannel, EventSource
from tui.runtime.textual_bindings import bindings
from tui.state.column import NAMES, Cell, Column, SortOrder
from tui.state.columns.of_records import seen_column, severity_of, state_column, why_column
from tui.state.dashboard import Dashboard
from tui.state.sorted_rows import ListedRows
from tui.state.tabs import TabId
from tui.text.format import NOTHING, count, hex_id, short_transport, worker_word
from tui.widgets.panes.pane import Pane


class ChannelRow(msgspec.Struct, frozen=True):
    """A channel, a source below its channel, or a source without one."""

    key: Hashable
    record: EventChannel | EventSource
    under_channel: bool
    worker: int | None
    """The worker, if known."""


class ChannelsPane(Pane[ChannelRow]):
    """Event channels and sources below the selected place."""

    TAB = TabId.CHANNELS
    TITLE = "Event channels"
    SHORT_TITLES = ("Channels", "Chan")
    KINDS = frozenset({Kind.EVENT_CHANNEL, Kind.EVENT_SOURCE})

    ACTIONS: ClassVar[dict[str, str]] = {"tap": "tap"}
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)

    class TapAsked(Message):
        """The person wants to listen in on some channels."""

        def __init__(self, channels: Sequence[EventChannel]) -> None:
            super().__init__()
            self.channels = channels

    def __init__(self, dashboard: Dashboard) -> None:
        states = dashboard.states
        columns = [
            state_column(states, _record),
            Column("topic", "TOPIC", 11, _topic, grow=NAMES, path=True),
            Column("where", "SCOPE", 16, _scope, grow=NAMES, path=True),
            Column("worker", "WORKER", 16, _worker, drop=3),
            Column("transport", "TRANSPORT", 10, _transport, drop=9),
            seen_column(states, _record),
            why_column(states, _record, severity_of(states, _record)),
        ]
        super().__init__(dashboard, columns, order=SortOrder("topic"))

    def rebuild(self) -> None:
        tops = self._tops()
        tops.sort(key=lambda row: row.record.key)
        tops.sort(key=self.sort_column.sort_value, reverse=self.order.reverse)
        rows: list[ChannelRow] = []
        for row in tops:
            rows.append(row)
            if isinstance(row.record, EventChannel) and not self.is_faded(row):
                sources = self._cluster.sources_of(row.record)
                rows += [self._row(source, under_channel=True) for source in sources]
        self.show(ListedRows(rows))

    def count(self) -> int:
        return len(self.dashboard.shown.keys(Kind.EVENT_CHANNEL, self.dashboard.scope))

    def records_of(self, row: ChannelRow) -> Sequence[AnyRecord]:
        return self.states.registered([row.record])

    def detail_record(self) -> AnyRecord | None:
        """Return the last record of a row that is gone, too."""
        return None if self.row is None else self.row.record

    def action_tap(self) -> None:
        """Open one tap on the channels of the marked rows, or of the selected row. A source stands
        for its channel."""
        from backends.tap import MOST_TAPPED  # the first paint need not wait for it

        records = self._or_told(self.acted_on())
        channels: dict[bytes, EventChannel] = {}
        for record in records:
            channel: AnyRecord | None = record
            if isinstance(record, EventSource):
                channel = self._cluster.channel_of(record)
            if isinstance(channel, EventChannel):
                channels[channel.key] = channel
        text = ""
        if len(channels) > MOST_TAPPED:
            most = count(MOST_TAPPED, "channel")
            text = f"Listens to the first {most} of {len(channels):,} that are marked."
        elif records and not channels:
            text = "Nothing to listen to: the channel of this source is not registered."
        if text:
            self.notify(text, severity="warning", markup=False)
        if channels:
            self.post_message(self.TapAsked(list(channels.values())[:MOST_TAPPED]))

    @property
    def _cluster(self) -> Cluster:
        return self.view.cluster

    def _tops(self) -> list[ChannelRow]:
        """Return the matching channels, those with a matching source, sources without a channel,
        and tombstones."""
        shown, scope = self.dashboard.shown, self.dashboard.scope
        tops: dict[bytes, EventChannel | EventSource] = {}
        for kind in (Kind.EVENT_CHANNEL, Kind.EVENT_SOURCE):
            for key in shown.keys(kind, scope):
                record = shown.records[key]
                if isinstance(record, EventSource):
                    record = self._cluster.channel_of(record) or record
                assert isinstance(record, EventChannel | EventSource)
                tops[record.key] = record
        for record in self.view.gone(self.KINDS, scope):
            assert isinstance(record, EventChannel | EventSource)
            tops[record.key] = record
        return [self._row(record, under_channel=False) for record in tops.values()]

    def _row(self, record: EventChannel | EventSource, *, under_channel: bool) -> ChannelRow:
        return ChannelRow(record.key, record, under_channel, self._cluster.worker_of(record))


def _record(row: ChannelRow) -> AnyRecord:
    return row.record


def _topic(row: ChannelRow) -> Cell:
    if row.under_channel:
        return Cell("└ source", "dim")
    topic = row.record.id.topic or NOTHING
    return Cell(topic if isinstance(row.record, EventChannel) else f"{topic} (source)")


def _scope(row: ChannelRow) -> Cell:
    if row.under_channel:
        return Cell("")
    names = (row.record.id.namespace, row.record.id.component, row.record.id.endpoint)
    return Cell("/".join(name for name in names if name) or NOTHING)


def _worker(row: ChannelRow) -> Cell:
    if row.under_channel:
        return Cell(worker_word(row.record, row.worker), "dim")
    return Cell("unknown" if row.worker is None else hex_id(row.worker), "accent")


def _transport(row: ChannelRow) -> Cell:
    return Cell("" if row.under_channel else short_transport(row.record), "dim")
