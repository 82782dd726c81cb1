"""The dashboard: settings → discovery → screen."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from msgspec.structs import replace
from rich.console import Console, RenderableType
from textual.app import SystemCommand
from textual.binding import BindingType
from textual.dom import DOMNode
from textual.events import AppBlur, AppFocus, Event, InputEvent, Key, Paste
from textual.markup import escape
from textual.notifications import Notify
from textual.screen import Screen
from textual.theme import Theme
from textual.worker import Worker

from backends.dynamo.ids import Kind
from backends.dynamo.queries import Query
from backends.store import NoPast
from tui.actions import ACTIONS, palette_help, shown_key
from tui.config.other_contexts import ContextChoice, OtherContexts
from tui.config.preferences import DASHBOARD
from tui.config.settings import Settings
from tui.runtime.crash_report import write_report
from tui.runtime.fault_tolerance import FaultTolerantApp
from tui.runtime.heap import give_back, keep_one_heap
from tui.runtime.later_imports import import_later
from tui.runtime.logs import Logs
from tui.runtime.redact import masks
from tui.runtime.shutdown import (
    QUITTING_GRACE,
    Ending,
    can_be_suspended,
    suspend,
    terminal_is_gone,
    why_unsupported,
)
from tui.runtime.standard_streams import print_message
from tui.runtime.terminal_encoding import drawing_in_utf8
from tui.runtime.textual_bindings import HasKeys, actions_of, bindings, place_of
from tui.runtime.textual_driver import TerminalDriver
from tui.runtime.textual_memory import (
    FORGETTING,
    clear_drawing_caches,
    clear_query_caches,
    forget_removed_widgets,
    remove_holders_with_their_toasts,
)
from tui.runtime.textual_palette import HasPalette
from tui.runtime.textual_theme import colours_of_terminal, drop_colours, legible, theme_for
from tui.runtime.typed_ahead import AT_ONCE, DrawnBeforeKeys, TypedAhead
from tui.screens.context_switch import ContextSwitch
from tui.screens.job_screen import JobScreen
from tui.screens.main import MainScreen
from tui.session import HeldSession, Session
from tui.state.dashboard import Dashboard
from tui.state.navigation.go_to import WORDS
from tui.state.reported_removals import Notice
from tui.state.tabs import TabId
from tui.state.timings import TIMINGS, Timings
from tui.text.errors import Exit, explain
from tui.text.host_clock import HostClock
from tui.text.sanitize import plain

if TYPE_CHECKING:
    from tui.screens.past import PastScreen


class TextualFailed(Exception):
    """Textual ended with an error; the text has the reason."""


STYLES_OF_SCREENS = ("dialogs/dialog.tcss", "screens/tap.tcss")
"""Read once the dashboard is complete, and not before: it takes some ms."""

USED_LATER = (
    "backends.dynamo.full_parse",
    "backends.dynamo.queries",
    "backends.removal.audit.lines",
    "backends.tap",
    "backends.timeline.revisions",
    "difflib",
    "msgpack",
    "pydantic_core",
    "tomlkit",
    "tui.config.context_file",
    "tui.config.settings_writer",
    "tui.dialogs.clean_up",
    "tui.dialogs.columns",
    "tui.dialogs.context_list",
    "tui.dialogs.help",
    "tui.dialogs.label_back",
    "tui.dialogs.outcomes",
    "tui.dialogs.undo",
    "tui.dialogs.unregister",
    "tui.screens.charts",
    "tui.screens.comparison",
    "tui.screens.past",
    "tui.screens.tap",
    "tui.text.cards",
    "tui.text.cards.card_comparison",
    "tui.text.evidence",
    "tui.text.owner",
    "tui.text.sanitize",
)
"""Modules that are not needed for the first paint, but by keys, or by unusual records."""

COLLECTIONS = (2_000, 5, 10)
"""After how many new objects, and how many smaller ones, Python collects garbage. By its own
700, 10, 10 it goes over all records again and again while they are read, up to 0.4 s at a time with
20,000. They have no circles, but drawn lines have, and workers that ended, so a collection of all
comes now and then: 31 ms where all instances were replaced since the start."""

REPLACED = frozenset({"Quit", "Keys"})
"""Textual's own commands that ours replace: they know no key of the dashboard."""

READING = 20.0
"""Seconds that a sentence is shown for that was not asked for."""

SAVING = 1.0
"""Seconds that the end waits until choices are written."""

STARTING = 10.0
"""Seconds after which garbage is collected though the store did not tell all that it has."""


class DyntopApp(HasPalette, HasKeys, FaultTolerantApp):
    """One main screen over one store."""

    TITLE = "dyntop"
    CSS_PATH = "screens/main.tcss"  # of a default screen Textual reads none
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012  (declared by App, without ClassVar)
        (0, "-narrow"),
        (80, "-normal"),
        (100, "-medium"),
        (110, "-wide"),
        (160, "-widest"),
    ]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]  # noqa: RUF012
    ACTIONS: ClassVar[dict[str, str]] = {
        "quit-now": "quit",
        "suspend": "suspend_process",
        "palette": "command_palette",
    }
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS, priority=True)

    def __init__(
        self,
        session: Session,
        settings: Settings,
        clock: Callable[[], float] | None = None,
        *,
        logs: Logs | None = None,
        steady: Callable[[], float] | None = None,
        when_complete: Callable[[], None] = lambda: None,
        timings: Timings = TIMINGS,
        held: HeldSession | None = None,
        contexts: OtherContexts | None = None,
    ) -> None:
        """`clock` gives POSIX seconds; nothing else looks at the time. None: the session's.
        `steady`: a clock that is never set; None: `clock` is never set. `logs` None: its own.
        `when_complete` is called when the whole store is on screen, and some time after another.
        `held`: holds the session, if this closes it. `contexts`: those that may be shown next;
        None: there are none."""
        forget_removed_widgets()
        remove_holders_with_their_toasts()
        self._dashboard: Dashboard | None = None
        self._colours = colours_of_terminal()
        self.clock = session.clock if clock is None else HostClock(clock, steady or clock)
        super().__init__(TerminalDriver, self.clock)
        self.logs = Logs(masks(os.environ)) if logs is None else logs
        self._typed = TypedAhead(self, super().on_event)
        self._key: Key | None = None
        """The key that is just handled."""
        self._when_complete = when_complete
        # A monitor over SSH has nothing to animate, and each frame would be paid for.
        self.animation_level = "none"
        self.session = session
        self.settings = settings
        self._timings = timings
        self._is_ready = False
        """Whether the first session was shown, and all that keys need is read."""
        self._is_garbage = False
        """Whether a session was closed whose memory was not given back yet."""
        self.switch = ContextSwitch(self, contexts, held)
        if (preferences := settings.preferences) is not None and preferences.theme is not None:
            # It is there from the first paint, as Textual's own default is.
            self.set_reactive(DyntopApp.theme, preferences.theme)

    def get_default_screen(self) -> Screen[None]:
        return self._main_screen()

    def _main_screen(self, way_back: str = "") -> MainScreen:
        watched = Query(frozenset(Kind), self.settings.namespace, nested=True)
        dashboard = Dashboard(self.session, watched, self.settings, self.clock, self._timings)
        dashboard.way_back = way_back
        if self._dashboard is not None:
            # Not all of it may be written yet.
            dashboard.remembering = self._dashboard.remembering
        self._dashboard = dashboard
        screen = MainScreen(dashboard)
        screen.follow()  # the store answers while it is being made
        return screen

    def on_mount(self) -> None:
        if self.settings.keys is not None:
            self.rebind(self.settings.keys)
        if (problem := self.settings.file_problem) is not None:
            text = f"{plain(problem)}."
            self.notify(text, severity="warning", timeout=READING, markup=False)
        self.logs.report_problem_to(partial(self._show_log_problem, asyncio.get_running_loop()))
        self.set_interval(FORGETTING, self._free_memory)

    def _free_memory(self) -> None:
        """Return unused memory to the system: in weeks it would add up."""
        clear_drawing_caches()
        clear_query_caches(self.screen_stack)
        if self._is_garbage:
            # Not sooner: a timer that was stopped keeps what began it until it would have gone off.
            self._is_garbage = False
            gc.collect()
            self._when_complete()
        give_back()

    def _show_log_problem(self, loop: asyncio.AbstractEventLoop, problem: str) -> None:
        """Called by the thread that writes it."""
        text = f"{problem[:1].upper()}{plain(problem[1:])}."
        tell = partial(self.notify, text, severity="warning", markup=False)
        with suppress(RuntimeError):  # the loop is closed: nobody sees it any more
            loop.call_soon_threadsafe(tell)

    async def on_event(self, event: Event) -> None:
        if isinstance(event, Key):
            self._key = event
        self._look(event)
        if isinstance(event, InputEvent | Paste) and not event.is_forwarded:
            await self._typed.add(event)
        else:
            await super().on_event(event)

    def _look(self, event: Event) -> None:
        """Note whether a person looks at the terminal, as far as it reports that."""
        if self._dashboard is None:
            return
        if isinstance(event, AppBlur) or any(self._pasts()):
            # In the past nothing of the present is seen.
            self._dashboard.attention.look_away()
        elif isinstance(event, Key) and not event.is_forwarded:
            in_events = self._dashboard.tab == TabId.EVENTS
            self._dashboard.attention.look(event.key, in_events=in_events)
        elif isinstance(event, AppFocus | Paste) or (
            isinstance(event, InputEvent) and not event.is_forwarded
        ):
            self._dashboard.attention.look()

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        super()._display(screen, renderable)
        if renderable is not None and not self._batch_count:
            self.is_up = self.is_up or screen.is_mounted
            self._typed.drawn(screen)

    def on_job_screen_failed(self, message: JobScreen.Failed) -> None:
        """A part of the main screen stopped with an error. The screen stays."""
        if not self.survives(message.error, self, message):
            self.end_by_fault(message.error)
        elif message.starts_again:
            self.notify("Everything is read again.", severity="warning", markup=False)

    def show_fault(self, error: Exception, closed: Screen[object] | None) -> None:
        known = self.faults.known(error)
        if known.report is None:
            known.report = write_report(error, self.settings, self.logs)
        text = f"A fault of dyntop's own ({type(error).__name__})."
        if isinstance(closed, DrawnBeforeKeys):
            text += " The question was closed, and its answer is no."
        elif closed is not None:
            text += " The open screen was closed."
        text += " The rest goes on."
        if known.report is not None:
            text += f" Please report it, with {plain(str(known.report))}."
        if text not in (one.message for one in self._notifications):
            self.notify(text, severity="error", timeout=3600, markup=False)

    async def action_quit(self) -> None:
        key = self._key
        if key is not None and key.key not in AT_ONCE and self._typed.came_before_all(key):
            typed = shown_key(key.character or key.key)
            text = f"{typed} was typed before anything was shown: it is not taken. "
            text += "Press it again to quit."
            self.notify(text, markup=False)
            return
        await super().action_quit()

    def action_suspend_process(self) -> None:
        if can_be_suspended():
            suspend()
        else:
            self.notify("There is no shell here that could bring it back.", severity="warning")

    def _fatal_error(self) -> None:
        """Print no traceback, as Textual 8.2.8 would: it has values of variables, which are others'
        texts and may be secrets. The caller prints the error."""
        self._close_messages_no_wait()

    def panic(self, *renderables: RenderableType) -> None:
        """Keep the text of an error that Textual would print."""
        if terminal_is_gone():
            return  # that keys cannot be read there is no error, and it ends in a moment
        if self.fault is None:
            text = StringIO()
            Console(file=text, width=100).print(*renderables)
            self.fault = TextualFailed(text.getvalue())
        self._close_messages_no_wait()

    # --- the past ------------------------------------------------------------------------------

    def _pasts(self) -> Iterator[MainScreen]:
        """Yield the screens of the past."""
        mains = (one for one in self.screen_stack if isinstance(one, MainScreen))
        return (one for one in mains if one.dashboard.is_past)

    def on_main_screen_past_asked(self, message: MainScreen.PastAsked) -> None:
        if message.screen is not self.screen or (present := self._dashboard) is None:
            return
        from tui.screens.past import open_past  # the first paint need not wait for it

        try:
            screen = open_past(message.screen, message.move, self.clock, self._timings)
        except NoPast as error:
            sentence = explain(error).sentence
            self.show_notice(Notice(f"{sentence[:1].upper()}{sentence[1:]}.", "warning"))
            return
        screen.dashboard.remembering = present.remembering
        present.attention.look_away()
        self.push_screen(screen)

    async def on_past_screen_present_asked(self, message: PastScreen.PresentAsked) -> None:
        if message.screen is self.screen:
            await self.pop_screen()
            if isinstance(self.screen, MainScreen):
                self.screen.take_choices(message.screen.dashboard.preferences)
            if self._dashboard is not None:
                self._dashboard.attention.look()
            if message.notice is not None:
                self.show_notice(message.notice)
            self.forget_session()

    # --- another context ----------------------------------------------------------------------

    def on_main_screen_context_asked(self, message: MainScreen.ContextAsked) -> None:
        self.switch.ask_for(message.name)

    def on_main_screen_go_to_opened(self, message: MainScreen.GoToOpened) -> None:
        async def offer() -> None:
            names = await self.switch.names()
            if message.screen is self.screen:
                message.screen.offer_contexts(names)

        group = "context names"
        _: Worker[None] = self.run_worker(offer, group=group, exclusive=True, exit_on_error=False)

    def why_no_switch(self) -> str:
        main = self.screen
        if any(self._pasts()):
            key = self.keys.shown("present")
            return f"No other context is shown from the past: {key} returns to the present."
        if not isinstance(main, MainScreen):
            return "No other context is shown while something else is open: close it first."
        if main.is_at_work("removals"):
            return "No other context is shown while keys are removed or put back."
        return ""

    def on_notify(self, event: Notify) -> None:
        """Show no notice that is still shown: a key that is held would pile up copies until they
        cover the screen."""
        new = event.notification
        if (new.message, new.severity) in (
            (one.message, one.severity) for one in self._notifications
        ):
            event.prevent_default()

    def show_notice(self, notice: Notice) -> None:
        self.notify(notice.text, severity=notice.severity, markup=False)

    def choose_context(
        self, choices: Sequence[ContextChoice], current: str, chosen: Callable[[str], None]
    ) -> None:
        from tui.dialogs.context_list import ContextList

        def answered(choice: ContextChoice | None) -> None:
            if choice is not None and choice.name != current:
                chosen(choice.name)

        self.push_screen(ContextList(choices, current), answered)

    def begin_switch(self, job: Callable[[], Awaitable[None]]) -> None:
        async def work() -> None:
            await job()

        _: Worker[None] = self.run_worker(work, group="context", exit_on_error=False)

    async def show_session(self, settings: Settings, session: Session, way_back: str) -> None:
        if self._dashboard is not None:
            # What was chosen since the start may not be in the file.
            settings = replace(settings, preferences=self._dashboard.preferences)
        self.settings, self.session = settings, session
        # They are about the other store.
        self.clear_notifications()
        await self.replace_base(self._main_screen(way_back))

    def forget_session(self) -> None:
        # What was shown is exempt from being searched for garbage.
        gc.unfreeze()
        self._is_garbage = True

    def is_drawn(self) -> bool:
        """Whether the screen of the terminal is the dashboard's now."""
        return isinstance(self._driver, TerminalDriver) and self._driver.is_drawn

    def on_main_screen_complete(self) -> None:
        if self._is_ready:
            return
        self._is_ready = True
        self._when_complete()
        # When they are needed, this process may have no file left to open.
        folder = Path(__file__).parent
        self.stylesheet.read_all([folder / name for name in STYLES_OF_SCREENS])
        self.stylesheet.reparse()
        self.run_worker(import_later(USED_LATER), group="imports", exit_on_error=False)

    def get_theme(self, theme_name: str) -> Theme | None:
        theme = super().get_theme(theme_name)
        return None if theme is None else theme_for(theme, self._colours)

    def watch_theme(self, before: str, after: str) -> None:
        drop_colours(self._filters, self.current_theme)
        if self._dashboard is not None and before != after:
            self._dashboard.choose((DASHBOARD, "theme"), after)

    async def save_choices(self) -> None:
        """Write what was chosen last, unless the disk takes longer than `SAVING`."""
        if self._dashboard is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(SAVING):
                    await self._dashboard.remembering.save()

    def get_css_variables(self) -> dict[str, str]:
        variables = super().get_css_variables()
        theme, no_color = self.current_theme, self.no_color
        self.theme_variables = legible(variables, theme, self._colours, no_color=no_color)
        return self.theme_variables

    def action_help(self) -> None:
        """Show the keys of the screen that is on top."""
        place = place_of(self.screen)
        if place is not None:
            mains = (one for one in reversed(self.screen_stack) if isinstance(one, MainScreen))
            main = next(mains, None)
            by_rights = main is not None and main.dashboard.is_read_only
            writes = not (self.settings.read_only or by_rights)
            from tui.dialogs.help import HelpScreen  # the first paint need not wait for it

            self.push_screen(HelpScreen(place, writes=writes))

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Yield the actions of the screen, each with its keys, and Textual's other commands."""
        # Of actions that do the same the first has the keys that are for this screen.
        ours: dict[str, SystemCommand] = {}
        for command in self._commands(screen):
            ours.setdefault(command.title, command)
        yield from ours.values()
        if isinstance(screen, MainScreen):
            for word in WORDS:
                title = f":{word.word} {word.argument}".rstrip()
                shows = f"Show {word.shows}."
                if word.same_as is not None:
                    shows += f" Key: {self.keys.shown(word.same_as)}"
                yield SystemCommand(title, escape(shows), partial(screen.take_word, word))
        for command in super().get_system_commands(screen):
            if command.title not in REPLACED:
                yield command

    def _commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        place = place_of(screen)
        if place is None:
            return
        nodes: list[DOMNode] = [self, screen]
        if isinstance(screen, MainScreen):
            nodes += [screen.active, screen.active.table]
        does = {one: (node, name) for node in nodes for one, name in actions_of(node).items()}
        for action in ACTIONS:
            # A question is answered where it is read.
            if action.title is None or place not in action.places or action.id not in does:
                continue
            node, name = does[action.id]
            if node.check_action(name.partition("(")[0], ()) is not False:
                run = partial(self.run_action, name, node)
                yield SystemCommand(action.title, escape(palette_help(action, self.keys)), run)


def run(
    settings: Settings,
    logs: Logs,
    contexts: OtherContexts | None = None,
    *,
    starting: float = STARTING,
) -> int:
    """Show the dashboard until the person quits. Returns an exit code.

    Collecting garbage may be off at first: it is on once the dashboard is complete, or after
    `starting` seconds.
    Raises `Misconfigured` before anything is drawn, and afterwards, with the terminal given back,
    whatever fault of its own ended it.
    """

    async def opened() -> DyntopApp:
        held = await HeldSession.open(settings)
        complete = _collect_from_now_on
        return DyntopApp(
            held.session, settings, logs=logs, when_complete=complete, held=held, contexts=contexts
        )

    return run_app(opened, starting=starting)


def run_app(open_app: Callable[[], Awaitable[DyntopApp]], *, starting: float = STARTING) -> int:
    """Show an app that is opened before anything is drawn. Else as `run`."""
    if (problem := why_unsupported()) is not None:
        print_message(f"{problem}; dyntop list and dyntop watch need none")
        return Exit.USAGE
    ending = Ending()
    keep_one_heap()
    try:
        with drawing_in_utf8():
            return asyncio.run(_run(open_app, ending, starting))
    finally:
        ending.over()


async def _run(
    open_app: Callable[[], Awaitable[DyntopApp]], ending: Ending, starting: float
) -> int:
    gc.set_threshold(*COLLECTIONS)
    asyncio.get_running_loop().call_later(starting, gc.enable)
    app = await open_app()
    try:
        ending.is_drawn = app.is_drawn
        ending.watch_over(app)
        await app.run_async()
        code = app.return_code or 0
        ending.in_time(QUITTING_GRACE, code)
        if app.fault is not None:
            raise app.fault
        await app.save_choices()
        return code
    finally:
        await app.switch.aclose()


def _collect_from_now_on() -> None:
    """Exempt the objects of the snapshot from garbage collection: most of them stay."""
    gc.freeze()
    gc.enable()
