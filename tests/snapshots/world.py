"""What the pictures show: the demo's cluster at one moment, and records that are hard to draw."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence

from textual.pilot import Pilot
from textual.widgets import Input

from backends.demo import Demo
from backends.discovery import Discovery
from backends.memory import Keyspace, MemoryStore
from backends.store import Loading, Store, StoreEvent
from tui.app import DyntopApp
from tui.screens.main import MainScreen
from tui.settings import Settings

NOW = 1_763_719_200.0
"""2025-11-21 10:00:00 UTC."""

DEADLINE = 20.0
"""Seconds within which an awaited state must come."""


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


def demo(clock: Clock, steps: int = 12) -> Demo:
    """The demo's cluster, `steps` seconds old."""
    world = Demo(clock=clock)
    for _ in range(steps):
        clock.now += 1
        world.step()
    return world


def app(
    store: Store, clock: Clock, *, read_only: bool = False, namespace: str | None = None
) -> DyntopApp:
    """The dashboard over a store; nothing in it moves by itself."""
    settings = Settings.from_environment({}, demo=True, read_only=read_only, namespace=namespace)
    dashboard = DyntopApp(Discovery(store), settings, clock)
    dashboard.animation_level = "none"
    return dashboard


def main_screen(pilot: Pilot[None]) -> MainScreen:
    screen = next(screen for screen in pilot.app.screen_stack if isinstance(screen, MainScreen))
    screen.query_one(Input).cursor_blink = False
    return screen


async def until(pilot: Pilot[None], condition: Callable[[], bool]) -> None:
    """Wait for a state, then until it is drawn."""
    async with asyncio.timeout(DEADLINE):
        while not condition():
            await pilot.pause(0.01)
    await pilot.pause()


async def loaded(pilot: Pilot[None]) -> MainScreen:
    """Wait until a whole snapshot, and the remaining time of what is selected, are shown."""
    await until(pilot, lambda: len(pilot.app.screen_stack) > 1)
    screen = main_screen(pilot)
    await until(pilot, lambda: screen.monitor.complete)
    await settled(pilot)
    return screen


async def settled(pilot: Pilot[None]) -> None:
    """Wait until nothing is being asked of the store any more."""
    screen = main_screen(pilot)
    await until(
        pilot,
        lambda: all(worker.group == "watch" or worker.is_finished for worker in screen.workers),
    )


async def live(pilot: Pilot[None], world: Demo, clock: Clock, seconds: int) -> None:
    """Let the cluster live on, and the dashboard take in each second of it by itself."""
    screen = main_screen(pilot)

    def taken_in() -> bool:
        shown = {key: record.entry for key, record in screen.monitor.cluster.records.items()}
        return shown == {entry.key: entry for entry in world.keyspace.read((b"",)).entries}

    for _ in range(seconds):
        clock.now += 1
        world.step()
        await until(pilot, taken_in)
        await settled(pilot)


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
