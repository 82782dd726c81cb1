"""The one screen that stays: header, tree, tabs, detail, and the watch that feeds them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Hashable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, ClassVar

from textual import work
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.screen import Screen
from textual.widgets import TabbedContent
from textual.worker import Worker, WorkerState

from backends.discovery import WatchEvent
from backends.history import Happening
from backends.lookout import Lookout
from backends.metrics.metering import Metering
from backends.places import Scope
from backends.queries import Query
from backends.records import AnyRecord, EndpointInstance, ModelCard
from backends.services.tallying import Tallying
from tui.detail import Detail
from tui.feed import batches
from tui.heap import Heap
from tui.host_clock import HostClock
from tui.inspector import Inspector
from tui.monitor import Link, Monitor
from tui.opening import Plane
from tui.removals import Removals, Told
from tui.screens.acting import Acting
from tui.screens.detail import DetailScreen
from tui.screens.help import HelpScreen
from tui.screens.tap import TapScreen
from tui.settings import Settings
from tui.view import View
from tui.widgets.channels import ChannelsPane
from tui.widgets.detail_pane import DetailPane
from tui.widgets.filter_bar import FilterBar
from tui.widgets.key_footer import KeyFooter
from tui.widgets.list_table import ListTable
from tui.widgets.metrics import MetricsPane
from tui.widgets.namespace_tree import NamespaceTree
from tui.widgets.pane import Pane
from tui.widgets.pane_tabs import PaneTabs
from tui.widgets.requests import RequestsPane
from tui.widgets.store_header import StoreHeader
from tui.words import State, count, hex_id, nothing_to_show

_log = logging.getLogger(__name__)

TICK = 1.0
"""Seconds between two looks at the clock: ages, countdowns, and how old the data is."""
EVIDENCE_INTERVAL = 0.25
"""Seconds until evidence that came is drawn: it comes in many small pieces."""

ASKED_AT_ONCE = 500
"""Removals whose reasons are asked for at once."""

WITHOUT = "-"
"""A worker's description. Without one Textual 8.2.8 writes out all arguments: a second of CPU for
20,000 records that went."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where the person was before a jump."""

    pane: str
    scope: Scope
    row: Hashable


class MainScreen(Screen[None]):
    """Wires the watch to the widgets, and the person's intent back to `Discovery`."""

    # The table has it from the start, and no other part before it.
    AUTO_FOCUS: ClassVar[str | None] = ""

    BINDINGS: ClassVar[list[BindingType]] = [
        # With priority, as the tabs' numbers: what is typed right behind it, in one go over a slow
        # line, is already the filter's text and no command, or already for that tab.
        Binding("slash", "filter", "Filter", key_display="/", priority=True),
        Binding("exclamation_mark", "only_findings", "Not live", key_display="!"),
        Binding("f", "freeze", "Freeze", show=False, tooltip="Stop the view, or let it go on"),
        Binding("x", "hide_gone", "Gone", show=False, tooltip="Show or hide what is gone"),
        Binding("t", "toggle_tree", "Tree", show=False),
        Binding("b", "back", "Back", show=False, tooltip="To where you were before `o`"),
        Binding("escape", "clear_filter", "Clear filter", show=False),
        *(Binding(str(n), f"tab({n})", f"Tab {n}", show=False, priority=True) for n in range(1, 9)),
        Binding("c", "clean_up", "Clean up", tooltip="Propose what is stale for removal"),
        Binding("u", "undo", "Undo", tooltip="Put back what was removed last"),
        Binding("question_mark", "help", "Help", key_display="?"),
        Binding("q", "app.quit", "Quit"),
    ]

    class Discovered(Message):
        """What the watch told, in order."""

        def __init__(self, batch: list[WatchEvent]) -> None:
            super().__init__()
            self.batch = batch
            self.painted = asyncio.Event()
            """It was taken in, and drawn if the terminal has room for that."""

    class Complete(Message):
        """All that the store has is on screen, for the first time."""

    class Failed(Message):
        """A part of dyntop stopped with an error of its own, and the rest goes on."""

        def __init__(self, error: Exception, *, updates: bool) -> None:
            """`updates`: whether what is shown is not updated any more."""
            super().__init__()
            self.error = error
            self.updates = updates

    def __init__(
        self,
        plane: Plane,
        query: Query,
        settings: Settings,
        clock: Callable[[], float],
        steady: Callable[[], float],
    ) -> None:
        """`clock` is the host's, which may be set; `steady` one that nobody sets."""
        super().__init__()
        self._host_clock = HostClock(clock, steady)
        self.discovery = plane.discovery
        self.settings = settings
        self.clock = clock
        store = self.discovery.store
        self.monitor = Monitor(
            clock(), has_leases=store.has_leases, is_kept_alive=store.is_kept_alive
        )
        self.view = View(
            self.monitor, clock, read_only=settings.read_only, namespace=settings.namespace
        )
        self.tallying: Tallying | None = None
        if plane.services is not None:
            self.tallying = Tallying(plane.services, self._instances, clock)
            self.view.board = self.tallying.board
        self.lookout = Lookout(
            self.discovery,
            self.monitor.verdicts,
            plane.probes,
            self._on_screen,
            clock=clock,
            probing=settings.probing,
            cap=settings.lease_rate,
        )
        self.metering = Metering(plane.scrapes, self._cards)
        self._evidence_came = False
        self._was_drawn = asyncio.Event()
        self._query = query
        self._inspector = Inspector(self.view)
        self._removals = Removals(plane.acts, self.view)
        self._acting = Acting(
            self,
            self.view,
            self._removals,
            self.lookout,
            settings,
            f"{store.name} at {store.address}",
            after_acts=self._note_evidence,
            after_probes=self._show_evidence,
            show_under_way=self._show_under_way,
        )
        self._taps = plane.taps
        self._heap = Heap()
        self._unexplained: list[Happening] = []
        """Removals whose reason is to be asked for, oldest first."""
        self._spots: list[Spot] = []
        self._detail_key: bytes | None = None

    @property
    def is_current(self) -> bool:
        """Whether it is seen: not below a screen that covers it. Textual 8.2.8 takes the screen
        below any other for visible, and draws the upper one whole for each change of the lower."""
        top = self.app.screen
        return super().is_current and (top is self or top.styles.background.a < 1)

    def compose(self) -> ComposeResult:
        yield StoreHeader(self.view, self.discovery.store, self.settings)
        with Horizontal(id="body"):
            yield NamespaceTree(self.view, id="tree")
            with Vertical(id="right"):
                yield PaneTabs(self.view, metering=self.metering, id="tabs")
                yield DetailPane(id="detail")
        yield FilterBar()
        yield KeyFooter()

    def on_mount(self) -> None:
        self.set_focus(self.active)
        self.call_after_refresh(self._was_drawn.set)
        self.set_interval(TICK, self._tick)
        self._refresh_all()
        self._look_out()
        self._tally()
        self._meter()

    # --- from the watch to the widgets --------------------------------------------------------

    @work(group="watch", exclusive=True, exit_on_error=False)
    async def follow(self) -> None:
        """Once, as soon as there is an app. The store is read while the screen is being made."""
        async with (
            aclosing(self.discovery.watch(self._query)) as events,
            aclosing(batches(events)) as watched,
        ):
            async for batch in watched:
                # A label that changes before its tab was laid out for the first time keeps the room
                # that it had: Textual 8.2.8 takes no notice.
                await self._was_drawn.wait()
                told = self.Discovered(batch)
                self.post_message(told)
                # Otherwise, with more than can be drawn, what is told would wait in a queue that
                # grows, and each key behind it.
                await told.painted.wait()
                # Not to be held until something comes again.
                del told, batch

    @work(group="lookout", exclusive=True, exit_on_error=False)
    async def _look_out(self) -> None:
        await self.lookout.run(self._note_evidence)

    @work(group="services", exclusive=True, exit_on_error=False)
    async def _tally(self) -> None:
        if self.tallying is not None:
            await self.tallying.run(self._show_requests)

    def _instances(self) -> list[EndpointInstance]:
        """All that are registered."""
        return self.monitor.cluster.of_type(EndpointInstance)

    def _show_requests(self) -> None:
        if self.is_attached and not self.monitor.frozen:
            self._tabs.show_requests()
            self._show_detail()

    @work(group="metrics", exclusive=True, exit_on_error=False)
    async def _meter(self) -> None:
        await self.metering.run(self._show_metrics)

    def _cards(self) -> list[ModelCard]:
        """All that are registered."""
        return self.monitor.cluster.of_type(ModelCard)

    def _show_metrics(self) -> None:
        if self.is_attached and not self.monitor.frozen:
            self._tabs.show_metrics()
            self._show_detail()

    def _note_evidence(self) -> None:
        if not self._evidence_came:
            self._evidence_came = True
            self.set_timer(EVIDENCE_INTERVAL, self._weigh_evidence)

    def _weigh_evidence(self) -> None:
        """Draw what differs by what was learnt since the last time."""
        if self._evidence_came and self.is_attached:
            self._evidence_came = False
            self._show(())

    def _show_evidence(self) -> None:
        """At once: somebody waits for it."""
        self._weigh_evidence()
        self._show_detail()

    def _on_screen(self) -> list[AnyRecord]:
        record = self.active.detail_record()
        return [*([] if record is None else [record]), *self.active.records_on_screen()]

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A worker that failed is a defect of dyntop's: it is told, and the screen stays."""
        error = event.worker.error
        if event.state is WorkerState.ERROR and isinstance(error, Exception):
            self.post_message(self.Failed(error, updates=event.worker.group == "watch"))

    def on_main_screen_discovered(self, message: Discovered) -> None:
        link = self.monitor.store.link
        self._heap.took_in(len(message.batch))
        self._show(self.monitor.take(message.batch, self.clock()))
        if self.monitor.store.link is not link:
            self._mute_what_may_be_untrue()
            self._show_detail()
        self.call_after_refresh(message.painted.set)

    def _mute_what_may_be_untrue(self) -> None:
        """While the store is lost, all that is known from it."""
        lost = self.monitor.store.link is Link.DISCONNECTED
        for part in (self._tree, *(pane for pane in self._tabs.panes if pane.TELLS_OF_STORE)):
            part.set_class(lost, "-stale")
        self.query_one(DetailPane).set_class(lost and self.active.TELLS_OF_STORE, "-stale")

    def _show(self, noted: Sequence[Happening]) -> None:
        """Draw what the monitor took in since the last time."""
        if unexplained := self._removals.without_reason(noted):
            waiting = (*self._unexplained, *unexplained)
            # Of what cannot be seen any more nobody needs it, and there may be very many.
            self._unexplained = [one for one in waiting if self.monitor.tells_of(one)]
            if not self._is_at_work("reasons"):
                self._find_reasons()
        if self.view.complete != self.monitor.complete:
            self.view.complete = self.monitor.complete
            self._refresh_all()
            self.call_after_refresh(self.post_message, self.Complete())
            return
        changes = self.monitor.take_changes()
        # Most of the evidence, and every sign of life, changes nothing that is shown here.
        if changes.scopes:
            self._tree.amend(changes.scopes)
        if changes.keys:
            self._tabs.amend(changes)
        self._say_what_is_missing()
        if noted and not self.monitor.frozen:
            self._tabs.show_history()
        if self._detail_key in changes.keys:
            self._show_detail()
        self._header.update()

    def _refresh_all(self) -> None:
        """Everything may be different: another place, another filter, the first snapshot."""
        self.monitor.take_changes()
        self._say_what_is_missing()
        self._tree.rebuild()
        self._tabs.rebuild()
        self._header.update()

    def _say_what_is_missing(self) -> None:
        store = self.discovery.store
        where = f"{store.name} {store.address}"
        self._tabs.say_when_empty(nothing_to_show(self.monitor, where, self.settings.namespace))

    @work(group="reasons", exit_on_error=False)
    async def _find_reasons(self) -> None:
        """Of all that waits, then of what came meanwhile: never more at once, however much goes."""
        while some := self._unexplained[:ASKED_AT_ONCE]:
            del self._unexplained[:ASKED_AT_ONCE]
            await self._removals.find_reasons(some)
            self._tabs.show_history()
            self._show_detail()

    def _is_at_work(self, group: str) -> bool:
        return any(one.group == group and not one.is_finished for one in self.workers)

    def _tick(self) -> None:
        if by := self._host_clock.was_set_by():
            _log.warning("the host's clock was set by %+.0f s", by)
            self.monitor.clock_was_set(by)
            self._refresh_all()
        if self.monitor.prune(self.clock()):
            self._show(())
        self._heap.tick()
        # Where there are no leases, what is read in their place is the store's own business.
        has_leases = self.discovery.store.has_leases
        self.view.sweep_age = self.lookout.sweep_age() if has_leases else 0.0
        self.view.trouble = self.lookout.trouble
        self._header.update()
        self.active.tick()
        self._show_detail()

    # --- the detail ---------------------------------------------------------------------------

    def on_list_table_highlighted(self, message: ListTable.Highlighted) -> None:
        if message.table is self.active:
            self._show_detail()

    def _show_detail(self) -> None:
        detail, record = self._detail(), self.active.detail_record()
        key = None if record is None else record.key
        same, self._detail_key = key == self._detail_key, key
        self.query_one(DetailPane).show(detail, same_record=same)

    def _detail(self) -> Detail | None:
        pane = self.active
        if (detail := pane.detail_text()) is not None:
            return detail
        if (worker := pane.detail_worker()) is not None:
            return self._inspector.worker(worker)
        return pane.with_own(
            self._inspector.detail(
                pane.detail_record(), pane.detail_happening(), len(pane.selected())
            )
        )

    # --- tree, tabs, filter -------------------------------------------------------------------

    def on_namespace_tree_scope_selected(self, message: NamespaceTree.ScopeSelected) -> None:
        if message.scope != self.view.scope:
            self.view.scope = message.scope
            self._refresh_all()

    def on_tabbed_content_tab_activated(self, _event: TabbedContent.TabActivated) -> None:
        self.view.marked = len(self.active.marked)
        self._look_at_figures()
        self._mute_what_may_be_untrue()
        self._header.update()
        self._show_detail()

    def _look_at_figures(self) -> None:
        """Nobody is asked for what is not seen, nor for what a frozen view would not show."""
        pane = None if self.monitor.frozen else self.active
        self.metering.look(isinstance(pane, MetricsPane))
        if self.tallying is not None:
            self.tallying.look(isinstance(pane, RequestsPane))

    def on_list_table_chosen(self, _message: ListTable.Chosen) -> None:
        if (detail := self._detail()) is not None:
            self.app.push_screen(DetailScreen(detail))

    def on_channels_pane_tap_asked(self, message: ChannelsPane.TapAsked) -> None:
        channel = message.channel

        def state() -> State:
            return self.view.state(channel)

        tap = self._taps.open(channel)
        self.app.push_screen(TapScreen(tap, channel, state, self.clock))

    def on_filter_bar_changed(self, message: FilterBar.Changed) -> None:
        self.monitor.set_filter(message.text)
        self._refresh_all()

    def on_filter_bar_kept(self) -> None:
        self.set_focus(self.active)

    def action_filter(self) -> None:
        bar = self.query_one(FilterBar)
        if bar.typing:
            raise SkipAction  # there it is a character like any other
        bar.open()
        self.monitor.prepare_filter()

    def action_only_findings(self) -> None:
        self.monitor.show_only_findings(not self.monitor.only_findings)
        self._refresh_all()

    def action_hide_gone(self) -> None:
        self.monitor.hides_gone = not self.monitor.hides_gone
        self._refresh_all()
        gone = count(len(self.monitor.tombstones), "tombstone")
        self._acting.tell(
            Told(f"{'Hides' if self.monitor.hides_gone else 'Shows'} {gone}.", "information")
        )

    def action_clear_filter(self) -> None:
        self.query_one(FilterBar).clear()
        self.monitor.set_filter("")
        self.monitor.show_only_findings(False)
        self._refresh_all()
        self._tree.remove_class("-called")
        self.set_focus(self.active)

    def action_freeze(self) -> None:
        self.monitor.freeze(not self.monitor.frozen)
        self._look_at_figures()
        self._show(())
        self._tabs.show_history()

    def action_toggle_tree(self) -> None:
        narrow = self.has_class("-narrow")
        self._tree.toggle_class("-called" if narrow else "-hidden")
        shown = self._tree.has_class("-called") if narrow else not self._tree.has_class("-hidden")
        self.set_focus(self._tree if shown and narrow else self.active)

    def action_tab(self, number: int) -> None:
        if self.query_one(FilterBar).typing:
            raise SkipAction
        if number <= len(self._tabs.panes):
            self._tabs.open(self._tabs.panes[number - 1])

    def action_help(self) -> None:
        self.app.push_screen(HelpScreen(acts=not self.settings.read_only))

    # --- going to what belongs together -------------------------------------------------------

    def on_pane_jump_asked(self, message: Pane.JumpAsked) -> None:
        instance = self.monitor.cluster.instance_of(message.record)
        if instance is None:
            worker = self.monitor.cluster.worker_of(message.record)
            whose = "unknown" if worker is None else f"{hex_id(worker)}, which has no instance"
            self._acting.tell(Told(f"Its worker is {whose}.", "warning"))
            return
        row = self.active.row
        here = Spot(self.active.id or "", self.view.scope, None if row is None else row.key)
        self._spots.append(here)
        if instance.key not in self.monitor.shown.records:
            self.action_clear_filter()
        below = instance.key in self.monitor.shown.keys(instance.kind, self.view.scope)
        self._go(Spot("instances", self.view.scope if below else (), instance.key))

    def action_back(self) -> None:
        if self._spots:
            self._go(self._spots.pop())

    def _go(self, spot: Spot) -> None:
        pane = self._tabs.pane(spot.pane)
        self._tree.select_scope(spot.scope)
        self.view.scope = spot.scope
        self._tabs.open(pane)
        self._refresh_all()
        pane.select(spot.row)

    # --- acting -------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return not (action in ("clean_up", "undo") and self.settings.read_only)

    def on_pane_unregister_asked(self, message: Pane.UnregisterAsked) -> None:
        self._acting.unregister(list(message.records))

    def on_pane_probe_asked(self, message: Pane.ProbeAsked) -> None:
        self._acting.probe(list(message.records))

    def on_pane_copy_asked(self, message: Pane.CopyAsked) -> None:
        self._acting.copy(message.record, message.what)

    def action_clean_up(self) -> None:
        self._acting.clean_up()

    def action_undo(self) -> None:
        self._acting.undo()

    def _show_under_way(self) -> None:
        if self.is_attached:
            self._header.update()

    def on_list_table_marked(self, message: ListTable.Marked) -> None:
        if message.table is self.active:
            self.view.marked = len(self.active.marked)
            self._header.update()

    # --- parts --------------------------------------------------------------------------------

    @property
    def active(self) -> Pane[Any]:
        """The open tab's."""
        return self._tabs.current

    @property
    def _tabs(self) -> PaneTabs:
        return self.query_one(PaneTabs)

    @property
    def _header(self) -> StoreHeader:
        return self.query_one(StoreHeader)

    @property
    def _tree(self) -> NamespaceTree:
        return self.query_one(NamespaceTree)
