"""The dashboard on a memory store, as an operator has it: keys, mouse, and what is on screen."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from textual import events
from textual.css.query import NoMatches
from textual.pilot import Pilot
from textual.widgets import Input, TabbedContent
from textual.widgets.tree import TreeNode

from backends.aio.timer import LOOP, Timer
from backends.connections import MemoryConnection
from backends.discovery.discovery import Discovery
from backends.discovery.record_index import Scope
from backends.liveness.collector import Probes
from backends.liveness.judge import LeaseTtl
from backends.liveness.tracker import lease_or_key
from backends.memory import Keyspace, MemoryStore
from backends.metrics.scraper import Scrapes
from backends.probe.types import ProbeAnswer, ProbeResult, ProbeTarget
from backends.removal.audit.audit import Audit
from backends.removal.removals import Removals
from backends.services.types import Services
from backends.store import Cause, Entry, Lifetime, Store, Unreachable
from backends.tap import OpensTaps
from tests.support.drawing import Looked, lines_of, undrawn
from tests.support.idle import wait_for_messages
from tests.support.registered import KeyAndValue
from tests.support.styles import styles_once
from tui.app import DyntopApp
from tui.config.preferences import Preferences
from tui.config.settings import Settings
from tui.dialogs.question import QuestionScreen
from tui.dialogs.unregister import UnregisterDialog
from tui.screens.main import MainScreen
from tui.session import Session
from tui.state.dashboard import Dashboard
from tui.state.timings import Timings
from tui.widgets.detail_pane import DetailPane
from tui.widgets.namespace_tree import NamespaceTree
from tui.widgets.panes.pane import Pane
from tui.widgets.panes.tabs import PaneTabs

wait_for_messages()
styles_once()

DEADLINE = 60.0
"""Seconds within which an awaited state must come: generous, these machines are shared."""
QUICK = Timings(reading=0.05, probing=0.05, saving=0.05)
"""Nobody has to read these questions; what comes in one burst still comes before. And nobody holds
down a key."""
MOST_SHOWN = 3600.0
"""Seconds for which what is notified is shown: on a busy machine one may be gone before it is
drawn, so each stays until it is cleared."""
POLL_INTERVAL = 0.02
"""Seconds between two looks at what is awaited."""
START = 1_700_000_000.0
LOST = Unreachable("this process", Cause.LOST)


class World:
    """A keyspace with a clock that goes on only when told to."""

    def __init__(self, *, leases: bool = True, objects: bool = False) -> None:
        """Without `leases` it is as a file store: what is there is kept alive. With `objects` it is
        as Kubernetes: what is there has an owner."""
        self.leases = leases and not objects
        self.objects = objects
        self.now = START
        self.ahead = 0.0
        """Seconds by which the host's clock was set."""
        self.keyspace = Keyspace(lambda: self.now)

    def open(self) -> MemoryStore:
        """A connection to it."""
        if self.objects:
            return OwningStore(self.keyspace)
        return (MemoryStore if self.leases else LeaselessStore)(self.keyspace)

    def host_clock(self) -> float:
        return self.now + self.ahead

    def put(self, *registered: KeyAndValue, lease: int | None = None) -> None:
        """Under this lease, which is granted for a minute if it is new."""
        if lease is not None:
            self.keyspace.grant(lease, 60.0)
        for key, value in registered:
            self.keyspace.put(key, value, lease)

    def renewed(self, lease: int, ago: float = 0.0) -> None:
        """Its keep-alive was this many seconds ago; it is granted for a minute."""
        now, self.now = self.now, self.now - ago
        self.keyspace.grant(lease, 60.0)
        self.now = now

    def keys(self) -> set[bytes]:
        return {entry.key for entry in self.entries()}

    def find(self, key: bytes) -> Entry | None:
        return self.keyspace.find(key)

    def entries(self) -> tuple[Entry, ...]:
        return self.keyspace.read([b""]).entries


class LeaselessStore(MemoryStore):
    """Keys live in it as long as they have not expired, as in a file store."""

    lifetime = Lifetime.TOUCHED


class OwningStore(MemoryStore):
    """Keys live in it as long as the objects that hold them, as in Kubernetes."""

    lifetime = Lifetime.OWNED


class SaidProbes:
    """Answers for addresses as a test says, and for no others; keeps the `Probes` protocol."""

    def __init__(self, answers: Mapping[str, tuple[ProbeAnswer, str]] | None = None) -> None:
        self.answers = dict(answers or {})
        """By address."""
        self.wanted: Collection[ProbeTarget] = ()
        self.asked: list[tuple[ProbeTarget, bool]] = []
        """What a person asked for, each with whether it was to be deep."""
        self._told: Callable[[list[ProbeResult]], None] = lambda _: None

    def want(self, targets: Collection[ProbeTarget]) -> None:
        self.wanted = targets

    async def run(self, told: Callable[[list[ProbeResult]], None]) -> None:
        self._told = told
        await asyncio.Event().wait()

    async def once(
        self, targets: Collection[ProbeTarget], *, deep: bool = False
    ) -> list[ProbeResult]:
        self.asked += [(target, deep) for target in targets]
        return self._readings(targets, deep)

    async def aclose(self) -> None:
        """There is nothing to end."""

    def tell(self) -> None:
        """All that is wanted was probed."""
        self._told(self._readings(self.wanted, False))

    def _readings(self, targets: Collection[ProbeTarget], deep: bool) -> list[ProbeResult]:
        return [
            _reading(target, self.answers[target.address], deep)
            for target in targets
            if target.address in self.answers
        ]


def _reading(target: ProbeTarget, said: tuple[ProbeAnswer, str], deep: bool) -> ProbeResult:
    answer, text = said
    return ProbeResult(target, answer, START, text, deep)


def acts_of(discovery: Discovery, audit: Path | None, world: World) -> Removals:
    if audit is None:
        return Removals(discovery, None, clock=world.host_clock)
    written = Audit(audit, clock=world.host_clock, user="joe", host="node-1")
    return Removals(discovery, written, clock=world.host_clock)


class Operator:
    """Presses keys, clicks, and reads the screen."""

    def __init__(self, app: DyntopApp, pilot: Pilot[None], told: list[str]) -> None:
        """`told` is what the app notifies."""
        self.app = app
        self.pilot = pilot
        self._told = told
        self._looked: dict[asyncio.Task[Any] | None, Looked] = {}
        """By whom a state is awaited."""

    async def until(self, condition: Callable[[], object], what: str = "") -> None:
        """Wait for a state; fails with what was on screen instead."""
        deadline = time.monotonic() + DEADLINE
        waits = asyncio.current_task()
        self._looked[waits] = Looked()
        try:
            while not self._holds(condition):
                if time.monotonic() > deadline:
                    shown = self.text() if self.app.is_running else "(it ended)"
                    raise AssertionError(
                        f"never came: {what or 'the state'}; on screen was\n{shown}"
                    )
                await asyncio.sleep(POLL_INTERVAL)
        finally:
            del self._looked[waits]
        if self.app.is_running:
            await self.pilot.pause()

    def _holds(self, condition: Callable[[], object]) -> object:
        """Return what a condition does. False: a screen that it looks at is being made."""
        try:
            return condition()
        except NoMatches:
            return False

    async def until_asked(self, question: type[QuestionScreen[Any]]) -> None:
        """Wait until a question is there, and can be answered."""

        def is_asked() -> bool:
            screen = self.app.screen
            return isinstance(screen, question) and screen.can_be_read

        await self.until(is_asked, f"the question {question.__name__}")

    async def until_shown(self, *texts: str) -> None:
        await self.until(lambda: all(text in self.text() for text in texts), " and ".join(texts))

    async def until_not_shown(self, text: str) -> None:
        await self.until(lambda: text not in self.text(), f"no {text}")

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.pilot.press(key)
            await self._until_handled()

    async def _until_handled(self) -> None:
        """Wait until all keys did what they do."""
        app = self.app
        await self.until(lambda: app._typed.is_idle or not app.is_running, "all keys handled")

    async def open(self, pane_id: str) -> None:
        """Open a tab by its number, whichever that is."""
        panes = [str(pane.TAB) for pane in self.main.query_one(PaneTabs).panes]
        await self.press(str(panes.index(pane_id)))

    async def type(self, text: str) -> None:
        """In one go, as over a slow line: nothing happens between two keys."""
        driver = self.app._driver
        assert driver is not None
        for char in text:
            key = {
                "/": "slash",
                " ": "space",
                "?": "question_mark",
                "\r": "enter",
                ".": "full_stop",
                ":": "colon",
            }
            driver.send_message(events.Key(key.get(char, char), char))
        await self.pilot.pause()
        await self._until_handled()

    async def click(self, x: int, y: int) -> None:
        await self.pilot.click(offset=(x, y))

    async def click_text(self, text: str, times: int = 1) -> None:
        """On the first place where the screen says so."""
        for y, line in enumerate(self.lines()):
            if (x := line.find(text)) >= 0:
                await self.pilot.click(offset=(x, y), times=times)
                return
        raise AssertionError(f"nowhere: {text}\n{self.text()}")

    # --- what is on screen --------------------------------------------------------------------

    def lines(self) -> list[str]:
        screen = self.app.screen
        looked = self._looked.get(asyncio.current_task()) if self._looked else None
        return lines_of(screen) if looked is None else looked.lines(screen)

    def text(self) -> str:
        return "\n".join(self.lines())

    def header(self) -> str:
        return self.lines()[0]

    def breadcrumb(self) -> str:
        """The line below the header. Empty: it is not there."""
        return self.lines()[1] if self.main.query_one("#breadcrumb").display else ""

    def footer(self) -> str:
        return self.lines()[-1]

    def told(self) -> list[str]:
        """What was notified since it was cleared, oldest first; also what is not shown any more."""
        return list(self._told)

    def forget_told(self) -> None:
        self._told.clear()

    # --- parts --------------------------------------------------------------------------------

    @property
    def main(self) -> MainScreen:
        mains = (one for one in reversed(self.app.screen_stack) if isinstance(one, MainScreen))
        return next(mains)

    @property
    def dashboard(self) -> Dashboard:
        return self.main.dashboard

    @property
    def pane(self) -> Pane[Any]:
        return self.main.active

    @property
    def tree(self) -> NamespaceTree:
        return self.main.query_one(NamespaceTree)

    @property
    def filter(self) -> Input:
        return self.main.query_one(Input)

    @property
    def in_dialog(self) -> bool:
        """A question about removing is there, and can be answered."""
        screen = self.app.screen
        return isinstance(screen, UnregisterDialog) and screen.can_be_read

    @property
    def on_main(self) -> bool:
        return isinstance(self.app.screen, MainScreen)

    def tab(self) -> str:
        return self.main.query_one(TabbedContent).active.removeprefix("tab-")

    def tabs(self) -> list[str]:
        """The labels of the tabs that are there."""
        content = self.main.query_one(PaneTabs)
        tabs = [content.get_tab(f"tab-{pane.TAB}") for pane in content.panes]
        return [tab.label_text for tab in tabs if tab.display]

    def branches(self) -> list[str]:
        """The lines of the tree, with two spaces for each level."""
        return list(_labels(self.tree.root, 0))

    def node(self) -> Scope | None:
        """Where the tree's cursor is."""
        node = self.tree.cursor_node
        return None if node is None else node.data

    def rows(self, column: str) -> list[str]:
        """The texts of a column of the open tab, from the top; without what is gone."""
        rows = [row for row in self.pane.rows if not self.pane.is_faded(row)]
        return [self._text(row, column) for row in rows]

    def gone(self, column: str) -> list[str]:
        """Likewise, of what is gone."""
        rows = [row for row in self.pane.rows if self.pane.is_faded(row)]
        return [self._text(row, column) for row in rows]

    def at(self, column: str) -> str | None:
        """What a column says in the row that the cursor is on."""
        return None if self.pane.row is None else self._text(self.pane.row, column)

    def _text(self, row: Any, column: str) -> str:
        cell = next(one for one in self.pane.table.columns if one.id == column).cell(row)
        return cell if isinstance(cell, str) else cell.lead + cell.text

    def detail(self) -> dict[str, str]:
        """The fields of the detail below the table."""
        shown = self.main.query_one(DetailPane)._shown
        return {} if shown is None else dict(shown.fields)

    async def go_to(self, column: str, text: str) -> None:
        """Put the cursor on the row that has this text in a column, key by key."""
        await self.until(lambda: text in self.rows(column), f"a row {text}")
        lines = [self._text(row, column) for row in self.pane.rows]
        await self.type("g" + "j" * lines.index(text))
        await self.until(lambda: self.at(column) == text, f"the cursor on {text}")

    async def select(self, *scope: str) -> None:
        """Select a place in the tree, and go back to the table."""
        self.tree.focus()
        self.tree.select_scope(scope)
        await self.until(lambda: self.dashboard.scope == scope, f"{scope} selected")
        self.pane.table.focus()

    async def drain(self, instance_id: str) -> None:
        """Ask for it on a live row, and type what the dialog wants to see."""
        await self.unregister()
        await self.type(instance_id)
        await self.press("enter")
        await self.until(lambda: self.on_main, "the dialog answered")

    async def unregister(self) -> None:
        """Ask for it; the dialog is there then."""
        await self.press("d")
        await self.until(lambda: self.in_dialog, "the dialog")


def _labels(node: TreeNode[Scope], level: int) -> Iterable[str]:
    yield "  " * level + str(node.label)
    if node.is_expanded:
        for child in node.children:
            yield from _labels(child, level + 1)


def noting(app: DyntopApp) -> list[str]:
    """What the app notifies, as it comes: on a busy machine one may be gone before the next."""
    told: list[str] = []
    notify, clear = app.notify, app.clear_notifications

    def note(message: str, **more: Any) -> None:
        told.append(message)
        notify(message, **more)

    def forget() -> None:
        told.clear()
        clear()

    app.notify = note  # type: ignore[method-assign]
    app.clear_notifications = forget  # type: ignore[method-assign]
    return told


async def read_leases(shown: Dashboard) -> None:
    """Read all leases now, so that what is known does not depend on when that is done."""
    records = list(shown.view.cluster.records.values())
    lives = await shown.discovery.time_to_live(records)
    shown.view.verdicts.observe_ttls(
        {
            lease_or_key(record): LeaseTtl(lives[record.key], shown.clock())
            for record in records
            if record.key in lives
        }
    )


@asynccontextmanager
async def dashboard(
    world: World | None = None,
    *,
    store: Store | None = None,
    probes: Probes | None = None,
    services: Services | None = None,
    audit: Path | None = None,
    taps: OpensTaps | None = None,
    scrapes: Scrapes | None = None,
    timer: Timer = LOOP,
    timings: Timings = QUICK,
    shown_for: float = MOST_SHOWN,
    size: tuple[int, int] = (110, 30),
    complete: bool = True,
    may_fail: bool = False,
    writes_down: bool = True,
    draws: bool = False,
    **settings: Any,
) -> AsyncGenerator[Operator, None]:
    """The running dashboard; `complete`: once it has seen a whole snapshot; `writes_down`: without
    `--no-audit`.

    A fault of its own fails the test, also one that it survived, unless it `may_fail`.

    `store` goes before the world's own; `probes` answer for addresses, by themselves none does;
    `services` tell what they count, by themselves there is no NATS; `audit` is where removals are
    written down, by themselves nowhere; `taps` are where taps come from; `scrapes` is who is asked
    for metrics, by themselves nobody; `timer` waits between two rounds of asking, `timings`
    are how long everything else is waited; what is notified stays for `shown_for` seconds;
    it `draws` each frame, by itself only what a test reads, and what is there at the end;
    `settings` are those of `Settings`; by themselves it opens with Instances.
    """
    world = world or World()
    discovery = Discovery(store or world.open())
    session = Session(
        discovery,
        probes or SaidProbes(),
        acts_of(discovery, audit, world),
        services,
        timer=timer,
    )
    if taps is not None:
        session = replace(session, taps=taps)
    if scrapes is not None:
        session = replace(session, scrapes=scrapes)
    settings["audit"] = Path("audit.jsonl") if writes_down else None
    chosen = settings.get("preferences") or Preferences()
    if chosen.first_tab is None:
        settings["preferences"] = replace(chosen, first_tab="instances")
    given = Settings(connection=MemoryConnection(), **settings)
    app = DyntopApp(session, given, world.host_clock, steady=lambda: world.now, timings=timings)
    app.animation_level = "none"
    told = noting(app)
    app.NOTIFICATION_TIMEOUT = shown_for  # type: ignore[misc]
    # What may fail, may fail where it is drawn.
    with undrawn(not (draws or may_fail)):
        async with app.run_test(size=size, notifications=True) as pilot:
            operator = Operator(app, pilot, told)
            if complete:
                await operator.until(lambda: operator.dashboard.view.complete, "a whole snapshot")
                await pilot.pause()
            yield operator
            if app.is_running:
                lines_of(app.screen)
    if app.faults.errors and not may_fail:
        raise app.faults.errors[0]
