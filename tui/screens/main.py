"""The main screen: composes header, tree, tabs and detail, binds keys, and draws the differences of
the dashboard."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property
from time import monotonic
from typing import Any, ClassVar

from msgspec.structs import replace
from textual import work
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.await_remove import AwaitRemove
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import TabbedContent

from backends.aio.common_moments import until_next
from backends.dynamo.records import AnyRecord
from tui.actions import Place
from tui.config.preferences import Preferences
from tui.runtime.textual_bindings import bindings
from tui.runtime.textual_drawing import draw_now
from tui.runtime.textual_driver import call_out
from tui.screens.actions import Actions
from tui.screens.detail import DetailScreen
from tui.screens.job_screen import JobScreen
from tui.screens.navigator import Navigator
from tui.screens.typed_filter import TypedFilter
from tui.state.cluster_view import Changes
from tui.state.dashboard import Dashboard
from tui.state.destinations import Destination
from tui.state.navigation.breadcrumb import BreadcrumbStep, next_step
from tui.state.navigation.go_to import ContextNamed, GoTo, GoToWord
from tui.state.observer import Unseen, Update
from tui.state.past.moves import MINUTE, ByChanges, BySeconds, Move, ToTime, leads_back
from tui.state.reported_removals import Notice
from tui.text.past.typed_time import TypedTime
from tui.text.sanitize import plain
from tui.widgets.command_bar import CommandBar
from tui.widgets.detail_pane import DetailPane
from tui.widgets.filter_bar import FilterBar
from tui.widgets.footer import KeyFooter
from tui.widgets.header import StoreHeader
from tui.widgets.namespace_tree import NamespaceTree
from tui.widgets.panes.channels import ChannelsPane
from tui.widgets.panes.models import ModelsPane
from tui.widgets.panes.overview import OverviewPane
from tui.widgets.panes.pane import Pane
from tui.widgets.panes.tabs import PaneTabs
from tui.widgets.table.list_table import ListTable
from tui.widgets.typed_line import TypedLine

TICK = 1.0
"""Seconds between two looks at the clock: ages, countdowns, and how old the data is."""
LONGEST_LAYOUT = 5.0
"""Seconds after which the data is shown though the screen was never laid out."""


class MainScreen(JobScreen):
    """Draws a dashboard, and passes keys on to it."""

    # The table has it from the start, and no other part before it.
    AUTO_FOCUS: ClassVar[str | None] = ""

    PLACE = Place.MAIN
    # With priority: what is typed right behind it, in one go over a slow line, is already the
    # filter's text and no command, or already for that tab.
    AT_ONCE: ClassVar[dict[str, str]] = {
        "filter": "filter",
        "go-to": "go_to",
        **{f"tab-{n}": f"tab({n})" for n in range(9)},
    }
    IN_TURN: ClassVar[dict[str, str]] = {
        "not-live": "only_findings",
        "freeze": "freeze",
        "gone": "hide_gone",
        "internal": "show_internal",
        "columns": "choose_columns",
        "earlier": "travel(-1)",
        "later": "travel(1)",
        "minute-earlier": "travel_minutes(-1)",
        "minute-later": "travel_minutes(1)",
        "to-time": "ask_time",
        "present": "present",
        "tree": "toggle_tree",
        "tree-narrower": "widen_tree(-1)",
        "tree-wider": "widen_tree(1)",
        "back": "back",
        "step-out": "step_out",
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

    class GoToOpened(Message):
        """The line of `:` was opened: names of contexts are of use."""

        def __init__(self, screen: MainScreen) -> None:
            super().__init__()
            self.screen = screen

    class PastAsked(Message):
        """An earlier moment is to be shown."""

        def __init__(self, screen: MainScreen, move: Move) -> None:
            super().__init__()
            self.screen = screen
            self.move = move

    class ContextAsked(Message):
        """Another context is to be shown."""

        def __init__(self, name: str) -> None:
            """`name`: as in `ContextNamed`."""
            super().__init__()
            self.name = name

    def __init__(self, dashboard: Dashboard) -> None:
        super().__init__(dashboard.jobs(), dashboard.timings.restarting)
        self.dashboard = dashboard
        dashboard.updates.observer = self
        dashboard.remembering.report = self._show_not_remembered
        self._acting = Actions(dashboard, self)
        self._go_to = GoTo(dashboard.view)
        self._filter = TypedFilter(dashboard, self)
        self.navigator = Navigator(dashboard, self, self._filter)
        self._detail_key: bytes | None = None
        self._is_read_only = dashboard.is_read_only
        """As keys were offered last."""

    def compose(self) -> ComposeResult:
        dashboard = self.dashboard
        yield StoreHeader(dashboard)
        with Horizontal(id="body"):
            yield NamespaceTree(dashboard, id="tree")
            with Vertical(id="right"):
                yield PaneTabs(dashboard, id="tabs")
                yield DetailPane(id="detail")
        yield FilterBar()
        yield CommandBar(self._go_to.completed)
        yield KeyFooter()

    def on_mount(self) -> None:
        self._make_room()
        self.set_focus(self.active.table)
        # Should the first layout be long in coming.
        self.set_timer(LONGEST_LAYOUT, self.dashboard.link.may_show.set)
        self.set_timer(until_next(TICK, monotonic()), self._begin_to_tick)
        self._draw_everything()
        self._header.update()
        self.begin_jobs()

    def on_resize(self) -> None:
        self._tree.fit()

    def remove(self) -> AwaitRemove:
        """Remove the screen. The dashboard has none from now on: widgets go before the screen, and
        the jobs of it go on for a while."""
        self.dashboard.updates.observer = Unseen()
        return super().remove()

    # --- behind the screen --------------------------------------------------------------------

    @work(group="watch", exclusive=True, exit_on_error=False)
    async def follow(self) -> None:
        """Once, as soon as there is an app. The store is read while the screen is being made."""
        await self.dashboard.link.run()

    def on_pane_tabs_laid_out(self) -> None:
        # A label that changes before its tab was laid out for the first time keeps the room that it
        # had: Textual 8.2.8 takes no notice.
        self.dashboard.link.may_show.set()

    def _begin_to_tick(self) -> None:
        # From a common moment on. Not at once, too: a fault there would count as another.
        self.set_interval(TICK, self._tick)

    def _tick(self) -> None:
        if self.dashboard.updates.observer is not self:
            # It is being removed.
            return
        self.dashboard.tick()
        if not self.dashboard.is_still:
            self._header.update()
        self.active.tick()
        self._show_detail()

    def take_choices(self, chosen: Preferences) -> None:
        """Look as was chosen by key on another screen: columns, orders, the width of the tree."""
        self.dashboard.preferences = replace(
            self.dashboard.preferences, columns=chosen.columns, tree_width=chosen.tree_width
        )
        self._tabs.take_choices()
        self._tree.take_choices()

    # --- drawing ------------------------------------------------------------------------------

    def changed(self, update: Update) -> None:
        """Draw the differences, unless the screen is being made or taken down."""
        if not (self.is_mounted and self.is_attached and self.app.is_running):
            return
        if update.everything:
            self._draw_everything()
        elif update.records is not None:
            self._draw_changes(update.records)
        if update.history:
            self._tabs.show_history()
        if update.requests:
            self._tabs.show_requests()
        if update.metrics:
            self._tabs.show_metrics()
        if update.served:
            self._tabs.show_models(update.served)
        if update.link:
            self._tabs.show_link()
            self._mute_what_may_be_untrue()
        keys = () if update.records is None else update.records.keys
        if update.detail or update.link or self._detail_key in keys:
            self._show_detail()
        if self.dashboard.is_read_only != self._is_read_only:
            self._is_read_only = self.dashboard.is_read_only
            self.refresh_bindings()
        self._header.update()
        if update.is_first:
            self.post_message(self.Complete())
        if update.at_once:
            draw_now(self)

    def when_shown(self, answer: Callable[[], None]) -> bool:
        """Call back, by the screen's own queue: a screen above takes nothing of that along."""
        return self.call_later(answer)

    def report(self, fault: Exception) -> None:
        """Report a fault of dyntop's own, after which everything is read again."""
        self.app.post_message(self.Failed(fault, starts_again=True))

    def _show_not_remembered(self, problem: str) -> None:
        text = f"What you choose by key is not remembered: {plain(problem)}."
        self.show_notice(Notice(text, "warning"))

    def call_out(self, text: str) -> None:
        """Have the terminal notify the person."""
        call_out(self.app, self.dashboard.settings.notify, text)

    def records_on_screen(self) -> list[AnyRecord]:
        """Return the records of the detail and of the rows on screen."""
        return self.active.records_on_screen()

    def _draw_everything(self) -> None:
        self._tabs.set_empty_text(self.dashboard.nothing_to_show())
        self._tree.rebuild()
        self._tabs.rebuild()

    def _draw_changes(self, changes: Changes) -> None:
        # Most of the evidence, and every sign of life, changes nothing that is shown here.
        if changes.scopes:
            self._tree.amend(changes.scopes)
        if changes.keys:
            self._tabs.amend(changes)
        self._tabs.set_empty_text(self.dashboard.nothing_to_show())

    def _mute_what_may_be_untrue(self) -> None:
        """While the store is lost or not followed, all that is known from it."""
        lost = self.dashboard.view.store.link.is_outdated
        self._tree.set_class(lost, "-stale")
        for pane in self._tabs.panes:
            pane.table.set_class(lost and pane.TELLS_OF_STORE, "-stale")
        self._detail.set_class(lost and self.active.TELLS_OF_STORE, "-stale")

    def _show_detail(self) -> None:
        record = self.active.detail_record()
        self.dashboard.inspect(record, self.active.detail_worker())
        detail = self.active.detail(self.dashboard.inspector)
        key = None if record is None else record.key
        same, self._detail_key = key == self._detail_key, key
        self._detail.show(detail, same_record=same)
        self._name_keys()

    def _name_keys(self) -> None:
        """Show in the footer what `d` does to the marked or selected rows."""
        if not self.dashboard.is_read_only and self.active.look_at_verb():
            self.refresh_bindings()

    # --- tree, tabs, filter -------------------------------------------------------------------

    def on_list_table_highlighted(self, message: ListTable.Highlighted) -> None:
        if message.table is self.active.table:
            self._show_detail()

    def on_list_table_marked(self, message: ListTable.Marked) -> None:
        if message.table is self.active.table:
            self.dashboard.mark(len(self.active.table.marked))
            self._name_keys()

    def on_namespace_tree_scope_selected(self, message: NamespaceTree.ScopeSelected) -> None:
        self.dashboard.select(message.scope)

    def on_tabbed_content_tab_activated(self, _event: TabbedContent.TabActivated) -> None:
        self._make_room()
        self.dashboard.open_tab(self.active.TAB, len(self.active.table.marked))
        self._mute_what_may_be_untrue()
        self._show_detail()

    def _make_room(self) -> None:
        """On a small screen, show the rows of a tab in place of the detail, if they go first."""
        self.query_one("#right").set_class(self.active.HIDES_DETAIL, "-no-detail")

    def on_filter_bar_changed(self, message: FilterBar.Changed) -> None:
        self._filter.type(message.text)

    def on_filter_bar_kept(self) -> None:
        self._filter.keep()
        self.set_focus(self.active.table)

    def action_filter(self) -> None:
        self._skip_while_typing()
        self._filter.open()

    def _skip_while_typing(self) -> None:
        """Leave a key to the line that is typed into: there it is a character like any other."""
        if any(line.typing for line in self.query(TypedLine)):
            raise SkipAction

    def action_step_out(self) -> None:
        """Close what is open for typing, or over the table; else take the breadcrumb's last step
        back."""
        bar, tree = self.query_one(FilterBar), self._tree
        if (line := self.query_one(CommandBar)).typing:
            line.clear()
        elif tree.lies_over:
            tree.hide_overlay()
        else:
            step = BreadcrumbStep.FILTER if bar.typing else next_step(self.dashboard)
            self._step_out_of(step)
            if step is BreadcrumbStep.SCOPE and self.focused is tree:
                return
        self.set_focus(self.active.table)

    def _step_out_of(self, step: BreadcrumbStep | None) -> None:
        match step:
            case BreadcrumbStep.FILTER:
                self._filter.clear()
                self.dashboard.narrow("")
            case BreadcrumbStep.FINDINGS:
                self.dashboard.show_only_findings(False)
            case BreadcrumbStep.SCOPE:
                scope = self.dashboard.scope[:-1]
                self._tree.select_scope(scope)
                self.dashboard.select(scope)
            case None if self.dashboard.view.frozen:
                key = self.dashboard.keys.shown("freeze")
                self.show_notice(Notice(f"Still frozen: {key} lets it go on.", "information"))

    def action_only_findings(self) -> None:
        self.dashboard.show_only_findings(not self.dashboard.view.only_findings)

    def action_hide_gone(self) -> None:
        self.show_notice(self.dashboard.hide_gone(not self.dashboard.view.hides_gone))

    def action_show_internal(self) -> None:
        self.show_notice(self.dashboard.show_internal(not self.dashboard.view.shows_internal))

    def action_freeze(self) -> None:
        self.dashboard.freeze(not self.dashboard.view.frozen)

    def action_toggle_tree(self) -> None:
        lies_over = self._tree.toggle()
        self.set_focus(self._tree if lies_over else self.active.table)
        self._header.update()

    def action_widen_tree(self, steps: int) -> None:
        if self._tree.is_shown:
            self._tree.widen(steps)
        else:
            key = self.dashboard.keys.shown("tree")
            self.show_notice(Notice(f"The tree is hidden: {key} shows it.", "information"))

    def action_tab(self, number: int) -> None:
        self._skip_while_typing()
        if number < len(self._tabs.panes):
            self._tabs.open(self._tabs.panes[number])

    # --- going to what is named, and to what belongs together ----------------------------------

    def action_go_to(self) -> None:
        self._skip_while_typing()
        self._go_to.forget()
        self.query_one(CommandBar).open()
        self.post_message(self.GoToOpened(self))

    def offer_contexts(self, names: list[str]) -> None:
        """Complete these names of contexts."""
        self._go_to.contexts = names
        self._go_to.forget()

    def take_word(self, word: GoToWord) -> None:
        """Do what a word does after `:`; open the line with it if more has to follow."""
        if word.needs_more:
            self.action_go_to()
            self.query_one(CommandBar).begin(f"{word.word} ")
        else:
            self.post_message(CommandBar.Given(word.word))

    def on_command_bar_given(self, message: CommandBar.Given) -> None:
        self.set_focus(self.active.table)
        if not message.text.strip():
            return
        match self._go_to.resolve(message.text):
            case Notice() as notice:
                self.show_notice(notice)
            case ContextNamed(name=name):
                self.post_message(self.ContextAsked(name))
            case TypedTime() as typed:
                self.travel(ToTime(self.time_of(typed)))
            case Destination() as destination:
                self.navigator.follow(destination)
            case move:
                self.travel(move)

    def on_overview_pane_destination_chosen(self, message: OverviewPane.DestinationChosen) -> None:
        self.navigator.follow(message.destination, opened=True)

    def on_pane_jump_asked(self, message: Pane.JumpAsked) -> None:
        if (notice := self.navigator.jump(message.record)) is not None:
            self.show_notice(notice)

    def action_back(self) -> None:
        self.navigator.back()

    # --- the past -----------------------------------------------------------------------------

    def time_of(self, typed: TypedTime) -> float:
        """Return a time that was typed, in POSIX seconds."""
        return self._time_between(typed, self.dashboard.known_since, self.dashboard.clock())

    def _time_between(self, typed: TypedTime, start: float, end: float) -> float:
        clock = self.dashboard.clock
        latest = clock.shown_at(end)
        shown = typed.at(clock.shown_at(start), latest)
        # What is still to come is no earlier moment, however long it takes to get there.
        return math.inf if shown >= latest else clock.when_shown(shown)

    def travel(self, move: Move) -> None:
        """Show another moment."""
        if not leads_back(move, self.dashboard.clock()):
            key = self.dashboard.keys.shown("earlier")
            self.show_notice(
                Notice(f"This is the present: {key} goes a change back.", "information")
            )
        else:
            self.post_message(self.PastAsked(self, move))

    def action_travel(self, changes: int) -> None:
        self.travel(ByChanges(changes))

    def action_present(self) -> None:
        """Return from the past: this is the present."""

    def action_travel_minutes(self, minutes: int) -> None:
        self.travel(BySeconds(minutes * MINUTE))

    def action_ask_time(self) -> None:
        self.action_go_to()
        self.query_one(CommandBar).begin("at ")

    # --- what lies over it --------------------------------------------------------------------

    def on_list_table_chosen(self, _message: ListTable.Chosen) -> None:
        if (detail := self.active.detail(self.dashboard.inspector)) is not None:
            self.app.push_screen(DetailScreen(detail))

    def action_choose_columns(self) -> None:
        choice = self.active.column_choice()
        if choice is None:
            text = f"{self.active.TITLE} has no columns to choose from."
            self.show_notice(Notice(text, "information"))
            return
        from tui.dialogs.columns import ColumnsScreen  # the first paint need not wait for it

        self.app.push_screen(ColumnsScreen(self.active, choice))

    def on_channels_pane_tap_asked(self, message: ChannelsPane.TapAsked) -> None:
        dashboard, channels = self.dashboard, message.channels
        worker_of = dashboard.view.cluster.worker_of
        workers = {one.id.instance_id: worker_of(one) for one in channels}
        tap = dashboard.open_tap(channels)

        def state() -> str:
            return dashboard.states.of_many(channels).text

        from tui.screens.tap import TapScreen  # the first paint need not wait for it

        self.app.push_screen(
            TapScreen(tap, channels, state, workers.get, dashboard.clock, dashboard.timer)
        )

    def on_pane_chart_asked(self, message: Pane.ChartAsked) -> None:
        from tui.screens.charts import ChartScreen  # the first paint need not wait for it

        self.app.push_screen(ChartScreen(self.dashboard, message.subject))

    def on_models_pane_compare_asked(self, message: ModelsPane.CompareAsked) -> None:
        clock = self.dashboard.clock
        from tui.screens.comparison import CardComparisonScreen  # as above

        now = clock()
        shown = CardComparisonScreen(message.compared, now, clock.shown_at(now))
        self.app.push_screen(shown)

    # --- acting -------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "present":
            return self.dashboard.is_past
        return not (action in ("clean_up", "undo") and self.dashboard.is_read_only)

    def on_pane_removal_asked(self, message: Pane.RemovalAsked) -> None:
        self._acting.unregister(list(message.records))

    def on_pane_probe_asked(self, message: Pane.ProbeAsked) -> None:
        self._acting.probe(list(message.records))

    def on_pane_copy_asked(self, message: Pane.CopyAsked) -> None:
        self._acting.copy(message.record, message.what)

    def action_clean_up(self) -> None:
        self._acting.clean_up()

    def action_undo(self) -> None:
        self._acting.undo(self.active.detail_record())

    # --- parts --------------------------------------------------------------------------------

    @property
    def active(self) -> Pane[Any]:
        """The open tab's."""
        return self._tabs.current

    # Searched for once, and not each second.

    @cached_property
    def _tabs(self) -> PaneTabs:
        return self.query_one(PaneTabs)

    @cached_property
    def _header(self) -> StoreHeader:
        return self.query_one(StoreHeader)

    @cached_property
    def _tree(self) -> NamespaceTree:
        return self.query_one(NamespaceTree)

    @cached_property
    def _detail(self) -> DetailPane:
        return self.query_one(DetailPane)
