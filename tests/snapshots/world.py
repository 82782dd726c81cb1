"""What the pictures show: the demo's cluster at one moment, and records that are hard to draw."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import NoReturn

from msgspec.structs import replace
from textual.pilot import Pilot
from textual.widgets import Input

from backends.aio.timer import LoopTimer, Timer
from backends.demo.cluster import Demo
from backends.demo.metrics import FAILS, DemoScrapes
from backends.demo.probes import DemoProbes
from backends.demo.records import DemoWorker
from backends.demo.services import DemoServices
from backends.discovery.discovery import Discovery
from backends.dynamo.parse import read
from backends.dynamo.records import EventChannel
from backends.liveness.collector import Probes
from backends.memory import Keyspace, MemoryStore
from backends.probe.types import ProbeResult
from backends.removal.removals import Removals
from backends.services.types import Services
from backends.store import Loading, Store, StoreEvent
from backends.tap import OpensTaps
from tests.support.idle import wait_for_messages
from tests.support.moved_timer import MovedTimer
from tests.support.operating import SaidProbes, read_leases
from tests.support.said_taps import SaidTaps
from tests.support.wire import removed, stored
from tui.app import DyntopApp
from tui.config.preferences import Preferences, TabName
from tui.config.settings import Settings
from tui.screens.charts import ChartScreen
from tui.screens.main import MainScreen
from tui.screens.tap import MessageTable, TapScreen
from tui.session import Session
from tui.widgets.chart_view import ChartView
from tui.widgets.panes.metrics import MetricsPane
from tui.widgets.panes.tabs import PaneTabs

NOW = 1_763_719_200.0
"""2025-11-21 10:00:00 UTC."""

wait_for_messages()

DEADLINE = 60.0
"""Seconds within which an awaited state must come."""


LASTING = (
    *("watch", "collector", "services", "metrics", "tap", "audit", "drained", "evidence", "travel"),
)
"""What never finishes while the screen is there."""
NEVER = 86_400.0
"""Seconds; no picture takes so long."""


class Clock:
    """Stands still until somebody moves it."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


class StuckStore(MemoryStore):
    """A store that begins to answer and then does not go on, as over a line that hangs."""

    def __init__(self, *events: StoreEvent) -> None:
        super().__init__()
        self._events = events

    async def watch(self, prefixes: Sequence[bytes]) -> AsyncGenerator[StoreEvent, None]:
        for event in self._events:
            yield event
        await asyncio.Event().wait()


class StillProbes(DemoProbes):
    """The demo's answers, given only when they are asked for at once: not as time goes on."""

    async def run(self, told: Callable[[list[ProbeResult]], None]) -> NoReturn:
        await asyncio.Event().wait()
        raise AssertionError("it waits for ever")


def demo(clock: Clock, steps: int = 12) -> Demo:
    """The demo's cluster, `steps` seconds old."""
    world = Demo(clock=clock)
    for _ in range(steps):
        clock.now += 1
        world.step()
    return world


def troubled(clock: Clock) -> Demo:
    """The demo's cluster with one worker that missed a keep-alive and one that was killed just now,
    beside the one that always hangs."""
    world = demo(clock)
    late, killed = worker(world, "prod/backend"), worker(world, "prod/prefill", 1)
    killed.alive = False
    late.renewed_at = clock.now - 21
    clock.now -= 21
    world.keyspace.renew(late.id)
    clock.now += 21
    return world


def worker(world: Demo, component: str, number: int = 0) -> DemoWorker:
    """One of a component's, in the order of their ids."""
    prefix = f"v1/instances/{component}/generate/".encode()
    found = [read(entry) for entry in world.keyspace.read([prefix]).entries]
    transport = found[number].transport
    assert transport is not None
    assert transport.address is not None
    there = world.worker_at(transport.address)
    assert there is not None
    return there


class Unmeasured(LoopTimer):
    """By it nothing takes time, so that all messages are decoded at once on a busy machine, too."""

    def now(self) -> float:
        return 0.0


def app(
    shown: Demo | Store,
    clock: Clock,
    *,
    read_only: bool = False,
    namespace: str | None = None,
    taps: OpensTaps | None = None,
    timer: Timer | None = None,
    first_tab: TabName = "instances",
) -> DyntopApp:
    """The dashboard over a store, or over a demo's, whose workers answer probes; nothing in it
    moves by itself, nor, without a `timer`, polls."""
    # On a busy host figures would be polled once more at the same time of `clock`.
    timer = MovedTimer() if timer is None else timer
    settings = Settings.from_environment({}, demo=True, read_only=read_only, namespace=namespace)
    settings = replace(settings, preferences=Preferences(first_tab=first_tab))
    if isinstance(shown, Demo):
        store: Store = shown.store
        probes: Probes = StillProbes(shown, clock)
        services: Services | None = DemoServices(shown, clock)
    else:
        store, probes, services = shown, SaidProbes(), None
    discovery = Discovery(store)
    session = Session(
        discovery, probes, Removals(discovery, None, clock=clock), services, timer=timer
    )
    if isinstance(shown, Demo):
        session = replace(session, scrapes=DemoScrapes(shown, clock))
    if taps is not None:
        session = replace(session, taps=taps)
    dashboard = DyntopApp(session, settings, clock)
    dashboard.animation_level = "none"
    return dashboard


def main_screen(pilot: Pilot[None]) -> MainScreen:
    return next(screen for screen in pilot.app.screen_stack if isinstance(screen, MainScreen))


async def until(pilot: Pilot[None], condition: Callable[[], bool]) -> None:
    """Wait for a state, then until it is drawn."""
    async with asyncio.timeout(DEADLINE):
        while not condition():
            await pilot.pause(0.01)
    await pilot.pause()


async def loaded(pilot: Pilot[None]) -> MainScreen:
    """Wait until a whole snapshot is shown, with the evidence that there is."""
    screen = main_screen(pilot)
    await until(pilot, lambda: screen.dashboard.complete)
    await settled(pilot)
    await gather(pilot)
    return screen


async def gather(pilot: Pilot[None]) -> None:
    """Read all leases and probe everybody now, so that it does not matter when that is done."""
    screen = main_screen(pilot)
    records = list(screen.dashboard.view.cluster.records.values())
    await read_leases(screen.dashboard)
    await screen.dashboard.collector.probe(records, deep=False)
    screen.dashboard.show_evidence()
    screen._tick()
    await settled(pilot)


async def settled(pilot: Pilot[None]) -> None:
    """Wait until nothing is being asked of the store any more, nor blinks."""
    screen = main_screen(pilot)
    for shown in pilot.app.screen_stack:
        for field in shown.query(Input):
            field.cursor_blink = False
    await until(
        pilot,
        lambda: all(worker.group in LASTING or worker.is_finished for worker in screen.workers),
    )


async def live(pilot: Pilot[None], world: Demo, clock: Clock, seconds: int) -> None:
    """Let the cluster live on, and the dashboard take in each second of it by itself."""
    screen = main_screen(pilot)

    def taken_in() -> bool:
        shown = {key: record.entry for key, record in screen.dashboard.view.cluster.records.items()}
        return shown == {entry.key: entry for entry in world.keyspace.read((b"",)).entries}

    for _ in range(seconds):
        clock.now += 1
        world.step()
        await until(pilot, taken_in)
        await read_leases(screen.dashboard)
        await settled(pilot)
    await gather(pilot)


async def scraped(pilot: Pilot[None], world: Demo, clock: Clock) -> None:
    """Open the Requests tab, and ask services twice: then there are rates."""
    screen = main_screen(pilot)
    panes = [str(pane.TAB) for pane in screen.query_one(PaneTabs).panes]
    services = screen.dashboard.figures.services
    assert services is not None
    # Not by itself once more: on a busy machine that is at another second of the picture's clock.
    services.interval = NEVER
    await pilot.press(str(panes.index("requests")))
    await services.round()
    await live(pilot, world, clock, 5)
    await services.round()
    await live(pilot, world, clock, 2)


async def metered(pilot: Pilot[None], world: Demo, clock: Clock) -> None:
    """Open the tab Metrics after some scrapes, one each five seconds."""
    screen = main_screen(pilot)
    for _ in range(3):
        await screen.dashboard.figures.metrics.round()
        await live(pilot, world, clock, 5)
    tabs = screen.query_one(PaneTabs)
    tabs.open(tabs.query_one(MetricsPane))
    # Opening it scrapes once more; the next time is seconds away.
    await until(
        pilot,
        lambda: all(
            one.scraped_at == clock.now or one.trouble
            for one in screen.dashboard.figures.metrics.latest.known.values()
        ),
    )
    await settled(pilot)


async def charted(pilot: Pilot[None], world: Demo, clock: Clock) -> None:
    """Open the charts of a model after some minutes of scrapes, with a break."""
    await metered(pilot, world, clock)
    screen = main_screen(pilot)
    for number in range(24):
        clock.now += 90 if number == 8 else 15
        await screen.dashboard.figures.metrics.round()
    assert screen.active.select(("model", FAILS))
    await pilot.press("m")
    await until(pilot, lambda: isinstance(pilot.app.screen, ChartScreen))
    view = pilot.app.screen.query_one(ChartView)
    await until(pilot, lambda: bool(view.shown_text()))


async def tapped(pilot: Pilot[None], world: Demo, clock: Clock, taps: SaidTaps) -> None:
    """Listen in on the first channel, while its publisher publishes, and all renew their leases."""
    await pilot.press("4")
    pane = main_screen(pilot).active
    pane.select(next(row for row in pane.rows if isinstance(row.record, EventChannel)).key)
    await settled(pilot)
    await pilot.press("w")
    await until(pilot, lambda: bool(taps.listening))
    screen = pilot.app.screen
    assert isinstance(screen, TapScreen)
    publisher = taps.opened[0].id.instance_id
    assert publisher is not None
    for number in range(24):
        # One is missed on the way.
        sequence = 4_711 + number + (number > 17)
        blocks = range(number, number + 1 + number % 5)
        content = removed(*blocks) if number % 4 == 3 else stored(*blocks, parent=0x1F2E5A77)
        taps.said([content], sequence, publisher)
        clock.now += 0.25 + (number % 3) * 0.5
    for one in world.workers():
        if world.lives(one):
            world.keyspace.renew(one.id)
    table = screen.query_one(MessageTable)
    await until(pilot, lambda: len(table.rows) == 24)


def hard_to_draw() -> Keyspace:
    """Long, wide and hostile names, in every kind of record."""
    keyspace = Keyspace(Clock())
    keyspace.grant(0x1A, 30.0)
    long = "a-component-with-a-name-that-nobody-would-choose-" * 3
    wide = "推理服务/名前/ひらがな/🚀🚀🚀"
    hostile = "\x1b]0;title\x07[@click=app.quit]quit[/]\u202egnp.exe\u200b[bold"
    for number, name in enumerate((long, wide.replace("/", "-"), hostile)):
        for bucket in ("instances", "mdc"):
            key = f"v1/{bucket}/{name}/{name}/{name}/{number + 0x1A:x}"
            keyspace.put(key.encode(), b'{"type": "Endpoint"', 0x1A)
    card = (
        '{"type":"Model","namespace":"prod","component":"backend","endpoint":"generate",'
        f'"instance_id":26,"card_json":{{"display_name":"推理/非常に長い名前のモデル-{long}"}}}}'
    )
    keyspace.put(b"v1/mdc/prod/backend/generate/1a", card.encode(), 0x1A)
    keyspace.put(b"v1/instances/prod/backend/generate/\xff\xfe", b"\xff\xfe\x00", 0x1A)
    keyspace.put(b"v1/event_channels/prod//" + hostile.encode() + b"/1a", b"{}", 0x1A)
    keyspace.put(b"v1/claims/" + wide.encode(), hostile.encode())
    return keyspace


LOADING = Loading(4_000, 20_000)
