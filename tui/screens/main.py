"""The one screen that stays: header, tree, tabs, detail, and the watch that feeds them."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from textual import work
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.screen import Screen
from textual.widgets import TabbedContent
from textual.worker import Worker, WorkerState

from backends.discovery.discovery import WatchEvent
from backends.discovery.history import Event
from backends.discovery.record_index import Scope
from backends.dynamo.queries import Query
from backends.dynamo.records import AnyRecord, EndpointInstance, ModelCard
from backends.liveness.collector import EvidenceCollector
from backends.metrics.in_flight import DrainWatch
from backends.metrics.poller import MetricsPoller
from backends.metrics.reports import reports
from backends.services.poller import ServicesPoller
from tui.actions import Place
from tui.config.settings import Settings
from tui.runtime.heap import Heap
from tui.runtime.screen_work import is_at_work
from tui.runtime.textual_bindings import bindings
from tui.runtime.textual_drawing import draw_now
from tui.screens.actions import Actions
from tui.screens.detail import DetailScreen
from tui.screens.tap import TapScreen
from tui.session import Session
from tui.state.empty import nothing_to_show
from tui.state.inspector import Inspector
from tui.state.monitor import Monitor
from tui.state.reported_removals import Notice, ReportedRemovals
from tui.state.store_link import StoreLink
from tui.state.unexplained import Unexplained
from tui.state.view import View
from tui.text.detail import Detail
from tui.text.format import State, count, hex_id
from tui.text.host_clock import HostClock
from tui.widgets.detail_pane import DetailPane
from tui.widgets.filter_bar import FilterBar
from tui.widgets.footer import KeyFooter
from tui.widgets.header import StoreHeader
from tui.widgets.namespace_tree import NamespaceTree
from tui.widgets.panes.channels import ChannelsPane
from tui.widgets.panes.metrics import MetricsPane
from tui.widgets.panes.models import ModelsPane
from tui.widgets.panes.pane import Pane
from tui.widgets.panes.requests import RequestsPane
from tui.widgets.panes.tabs import PaneTabs
from tui.widgets.table.list_table import ListTable

_log = logging.getLogger(__name__)

TICK = 1.0
"""Seconds between two looks at the clock: ages, countdowns, and how old the data is."""
RESTART = 5.0
"""Seconds after which what failed behind the screen is begun again."""
EVIDENCE_INTERVAL = 0.25
"""Seconds until evidence that came is drawn: it comes in many small pieces."""

LONGEST_LAYOUT = 5.0
"""Seconds after which the data is shown though the screen was never laid out."""

MOST_SPOTS = 100
"""Jumps that `b` goes back; the oldest are forgotten."""


@dataclass(frozen=True, slots=True)
class Bookmark:
    """Where the person was before a jump."""

    pane: str
    scope: Scope
    row: Hashable


class MainScreen(Screen[None]):
    """Wires the watch to the widgets, and the person's intent back to `Discovery`."""

    # The table has it from the start, and no other part before it.
    AUTO_FOCUS: ClassVar[str | None] = ""

    PLACE = Place.MAIN
    # With priority: what is typed right behind it, in one go over a slow line, is already the
    # filter's text and no command, or already for that tab.
    AT_ONCE: ClassVar[dict[str, str]] = {
        "filter": "filter",
        **{f"tab-{n}": f"tab({n})" for n in range(1, 9)},
    }
    IN_TURN: ClassVar[dict[str, str]] = {
        "not-live": "only_findings",
        "freeze": "freeze",
        "gone": "hide_gone",
        "tree": "toggle_tree",
        "back": "back",
        "clear-filter": "clear_filter",
        "clean-up": "clean_up",
        "undo": "undo",
        "help": "app.help",
        "quit": "app.quit",
    }
    ACTIONS: ClassVar[dict[str, str]] = {**AT_ONCE, **IN_TURN}
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(AT_ONCE, priority=True),
        *bindings(IN_TURN),
    ]

    class Complete(Message):
        """All that the store has is on screen, for the first time."""

    class Failed(Message):
        """A part of dyntop stopped with an error of its own, and the rest goes on."""

        def __init__(self, error: Exception, *, starts_again: bool = False) -> None:
            """`starts_again`: whether that part does so by itself."""
            super().__init__()
            self.error = error
            self.starts_again = starts_again

    def __init__(
        self,
        plane: Session,
        query: Query,
        settings: Settings,
        clock: HostClock,
    ) -> None:
        super().__init__()
        self.discovery = plane.discovery
        self.settings = settings
        self.clock = clock
        self._timer = plane.timer
        store = self.discovery.store
        self.monitor = Monitor(clock(), store.lifetime)
        self.view = View(
            self.monitor,
            clock,
            read_only=settings.read_only,
            namespace=settings.namespace,
            keys=settings.keys,
            # What is removed from the demo is nobody's loss.
            writes_down=settings.audit is not None or settings.demo,
        )
        self.view.tree_is_seen = self._tree_is_seen
        self.tallying: ServicesPoller | None = None
        if plane.services is not None:
            self.tallying = ServicesPoller(plane.services, self._instances, clock, plane.timer)
            self.view.board = self.tallying.latest
        self.collector = EvidenceCollector(
            self.discovery,
            self.monitor.verdicts,
            plane.probes,
            self._on_screen,
            clock=clock,
            probing=settings.probing,
            cap=settings.lease_rate,
        )
        self._scrapes = plane.scrapes
        self.metering = MetricsPoller(plane.scrapes, self._cards, timer=plane.timer)
        self._evidence_came = False
        self._link = StoreLink(
            partial(self.discovery.watch, query), self.monitor, self, clock=clock
        )
        self._drain_watch = DrainWatch(plane.scrapes, plane.timer)
        self._inspector = Inspector(self.view, self._drain_watch.of)
        self._removals = ReportedRemovals(plane.acts, self.view)
        self._acting = Actions(
            self,
            self.view,
            self._removals,
            self.collector,
            settings,
            f"{store.name} at {store.address}",
            after_acts=self._acted,
            after_probes=self._show_evidence,
            show_under_way=self._show_under_way,
            timer=plane.timer,
        )
        self._taps = plane.taps
        self._heap = Heap()
        self._unexplained = Unexplained(self._removals, self.monitor)
        self._spots: deque[Bookmark] = deque(maxlen=MOST_SPOTS)
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
        # Should the first layout be long in coming.
        self.set_timer(LONGEST_LAYOUT, self._link.may_show.set)
        self.set_interval(TICK, self._tick)
        self._refresh_all()
        self._collect_evidence()
        self._tally()
        self._meter()
        self._follow_audit()
        self._watch_drained()

    # --- from the watch to the widgets --------------------------------------------------------

    @work(group="watch", exclusive=True, exit_on_error=False)
    async def follow(self) -> None:
        """Once, as soon as there is an app. The store is read while the screen is being made."""
        await self._link.run()

    def on_pane_tabs_laid_out(self) -> None:
        # A label that changes before its tab was laid out for the first time keeps the room that it
        # had: Textual 8.2.8 takes no notice.
        self._link.may_show.set()

    def take_in(self, batch: list[WatchEvent]) -> None:
        """Show what the watch delivered, unless the screen is being taken down."""
        if not self.app.is_running:
            return
        link = self.monitor.store.link
        self._heap.took_in(len(batch))
        self._show(self.monitor.take(batch, self.clock()))
        if self.monitor.store.link is not link:
            self._mute_what_may_be_untrue()
            self._show_detail()

    def when_shown(self, answer: Callable[[], None]) -> bool:
        """Call back, by the screen's own queue: a screen above takes nothing of that along."""
        return self.call_later(answer)

    def show_link(self) -> None:
        """Show how it stands with the store by now."""
        if not (self.is_mounted and self.app.is_running):
            return
        self._mute_what_may_be_untrue()
        self._header.update()
        self._show_detail()
        draw_now(self)

    def report(self, fault: Exception) -> None:
        """Report a fault of dyntop's own, after which everything is read again."""
        self.app.post_message(self.Failed(fault, starts_again=True))

    @work(group="collector", exclusive=True, exit_on_error=False)
    async def _collect_evidence(self) -> None:
        await self.collector.run(self._note_evidence)

    @work(group="drained", exclusive=True, exit_on_error=False)
    async def _watch_drained(self) -> None:
        await self._drain_watch.run(self._show_detail)

    @work(group="audit", exclusive=True, exit_on_error=False)
    async def _follow_audit(self) -> None:
        await self._removals.follow_audit(self._note_evidence)

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
            self._hear_frontends()
            self._show_detail()

    def _hear_frontends(self) -> None:
        """Take what frontends said last; what is too old says nothing of now."""
        if self.monitor.frozen:
            return
        told = reports(self.metering.latest, self.clock())
        if names := self.monitor.verdicts.serving.hear_frontends(told):
            self._tabs.show_models(names)
            self._header.update()

    def _note_evidence(self) -> None:
        if not self._evidence_came:
            self._evidence_came = True
            self.set_timer(EVIDENCE_INTERVAL, self._weigh_evidence)

    def _acted(self) -> None:
        """What the store answered says why some of what went did so."""
        self._note_evidence()
        self._tabs.show_history()

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
            self.app.post_message(self.Failed(error))
            again = {
                "collector": self._collect_evidence,
                "services": self._tally,
                "metrics": self._meter,
                "audit": self._follow_audit,
                "drained": self._watch_drained,
            }
            if (work := again.get(event.worker.group)) is not None:
                self.set_timer(RESTART, work)

    def _mute_what_may_be_untrue(self) -> None:
        """While the store is lost or not followed, all that is known from it."""
        lost = self.monitor.store.link.is_outdated
        for part in (self._tree, *(pane for pane in self._tabs.panes if pane.TELLS_OF_STORE)):
            part.set_class(lost, "-stale")
        self.query_one(DetailPane).set_class(lost and self.active.TELLS_OF_STORE, "-stale")

    def _show(self, noted: Sequence[Event]) -> None:
        """Draw what the monitor took in since the last time."""
        if self._unexplained.add(noted) and not is_at_work(self, "reasons"):
            self._find_reasons()
        if self.view.complete != self.monitor.complete:
            self.view.complete = self.monitor.complete
            self._refresh_all()
            self.post_message(self.Complete())
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
        self._tabs.say_when_empty(self._nothing_to_show(where))

    def _nothing_to_show(self, where: str) -> str:
        return nothing_to_show(self.monitor, where, self.settings.namespace, self.view.keys)

    @work(group="reasons", exit_on_error=False)
    async def _find_reasons(self) -> None:
        await self._unexplained.explain(self._show_reasons)
        if self._unexplained.is_open and not is_at_work(self, "confirm"):
            self._confirm_reasons()

    @work(group="confirm", exit_on_error=False)
    async def _confirm_reasons(self) -> None:
        await self._unexplained.confirm(self._show_reasons)

    def _show_reasons(self) -> None:
        self._tabs.show_history()
        self._show_detail()

    def _tick(self) -> None:
        if by := self.clock.was_set_by():
            # Ages are of the even time; only times of day are shown by the host's.
            _log.warning("the host's clock was set by %+.0f s", by)
        if self.monitor.prune(self.clock()):
            self._show(())
        self._hear_frontends()
        self._heap.tick()
        # Where there are no leases, what is read in their place is the store's own business.
        has_leases = self.discovery.store.lifetime.has_leases
        self.view.sweep_age = self.collector.sweep_age() if has_leases else 0.0
        self.view.leases_read = self.collector.leases_read()
        self.view.trouble = self.collector.trouble
        self._header.update()
        self.active.tick()
        self._show_detail()

    # --- the detail ---------------------------------------------------------------------------

    def on_list_table_highlighted(self, message: ListTable.Highlighted) -> None:
        if message.table is self.active:
            self._show_detail()

    def _show_detail(self) -> None:
        record = self.active.detail_record()
        frozen = self.monitor.frozen
        drained = self._inspector.drained(self.active.detail_worker(), record)
        self._drain_watch.watch(None if frozen else drained)
        detail = self._detail()
        key = None if record is None else record.key
        same, self._detail_key = key == self._detail_key, key
        self.query_one(DetailPane).show(detail, same_record=same)
        self._name_keys()

    def _name_keys(self) -> None:
        """Say in the line of keys what `d` does to what is marked or selected."""
        if not self.settings.read_only and self.active.look_at_verb():
            self.refresh_bindings()

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
        metrics = isinstance(pane, MetricsPane)
        # What a model's row says rests on what the frontends say that were named.
        models = isinstance(pane, ModelsPane) and bool(self._scrapes.given)
        self.metering.look(metrics or models, at_all=metrics)
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
        self.app.push_screen(TapScreen(tap, channel, state, self.clock, self._timer))

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
            Notice(f"{'Hides' if self.monitor.hides_gone else 'Shows'} {gone}.", "information")
        )

    def action_clear_filter(self) -> None:
        self.query_one(FilterBar).clear()
        self.monitor.set_filter("")
        self.monitor.show_only_findings(False)
        self._refresh_all()
        self._tree.remove_class("-called")
        self._header.update()
        self.set_focus(self.active)

    def action_freeze(self) -> None:
        self.monitor.freeze(not self.monitor.frozen)
        self._look_at_figures()
        self._show(())
        self._tabs.show_history()

    def action_toggle_tree(self) -> None:
        narrow = self.has_class("-narrow")
        self._tree.toggle_class("-called" if narrow else "-hidden")
        self.set_focus(self._tree if self._tree_is_seen() and narrow else self.active)
        self._header.update()

    def _tree_is_seen(self) -> bool:
        narrow = self.has_class("-narrow")
        return self._tree.has_class("-called") if narrow else not self._tree.has_class("-hidden")

    def action_tab(self, number: int) -> None:
        if self.query_one(FilterBar).typing:
            raise SkipAction
        if number <= len(self._tabs.panes):
            self._tabs.open(self._tabs.panes[number - 1])

    # --- going to what belongs together -------------------------------------------------------

    def on_pane_jump_asked(self, message: Pane.JumpAsked) -> None:
        instance = self.monitor.cluster.instance_of(message.record)
        if instance is None:
            worker = self.monitor.cluster.worker_of(message.record)
            whose = "unknown" if worker is None else f"{hex_id(worker)}, which has no instance"
            self._acting.tell(Notice(f"Its worker is {whose}.", "warning"))
            return
        row = self.active.row
        here = Bookmark(self.active.id or "", self.view.scope, None if row is None else row.key)
        self._spots.append(here)
        if instance.key not in self.monitor.shown.records:
            self.action_clear_filter()
        below = instance.key in self.monitor.shown.keys(instance.kind, self.view.scope)
        self._go(Bookmark("instances", self.view.scope if below else (), instance.key))

    def action_back(self) -> None:
        if self._spots:
            self._go(self._spots.pop())

    def _go(self, spot: Bookmark) -> None:
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
            self._name_keys()

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
