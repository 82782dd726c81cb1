"""One run: bursts on the dashboard of a store that changes, and what must hold of it.

    make fuzz                        # ten minutes, with a seed of its own
    FUZZ_MINUTES=60 FUZZ_SEED=7 make fuzz

No fault, also none that is survived; at the end the view is the store; and nothing was removed that
no question was answered for. What a failure says repeats it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from unittest import mock

from msgspec.structs import replace
from textual import events
from textual.screen import Screen

from backends.memory import MemoryStore
from backends.store import Entry, Outcome
from tests.fuzz import terminal_bytes
from tests.fuzz.bursts import Bursts, Input, Resized
from tests.support.operating import LOST, QUICK, Operator, World, dashboard
from tests.support.registered import MALFORMED, UNKNOWN, card, channel, instance, source
from tests.support.said_taps import SaidTaps
from tests.support.seeing import held
from tests.support.wire import removed, stored
from tui import app as app_module
from tui.app import DyntopApp
from tui.dialogs.clean_up import CleanUpScreen
from tui.dialogs.unregister import UnregisterDialog
from tui.state.store_state import LinkState

MINUTES = float(os.environ.get("FUZZ_MINUTES") or 10)
SEED = int(os.environ.get("FUZZ_SEED") or random.SystemRandom().randrange(1, 10**6))
BURSTS_OF_A_ROUND = 100
"""After which it is begun anew, with another seed."""
BYTES_OF_A_ROUND = 4000
TIMINGS = replace(QUICK, reading=0.01)
"""Nobody reads the questions."""
LAST = 40
"""Bursts that a failure tells."""


class Recorder(MemoryStore):
    """Keeps what it was told to remove."""

    def __init__(self, world: World) -> None:
        super().__init__(world.keyspace)
        self.removed: Counter[bytes] = Counter()

    async def delete(self, entries: Iterable[Entry]) -> dict[bytes, Outcome]:
        seen = list(entries)
        self.removed.update(entry.key for entry in seen)
        return await super().delete(seen)


class Answers:
    """What questions were answered with yes, as it can be seen from outside of them."""

    def __init__(self) -> None:
        self.allowed: Counter[bytes] = Counter()
        self.wrong: list[str] = []

    def note(self, screen: Screen[object], result: object) -> None:
        """A screen answers."""
        if not isinstance(screen, UnregisterDialog | CleanUpScreen) or not result:
            return
        if isinstance(screen, CleanUpScreen):
            chosen = result if isinstance(result, list) else []
        else:
            chosen = [*screen.targets.records]
            typed = screen._input.value.strip()
            if screen.targets.must_be_typed and typed != screen.targets.phrase():
                self.wrong.append(f"{typed!r} was enough for {screen.targets.phrase()!r}")
        if screen is screen.app.screen:
            self.allowed.update(record.key for record in chosen)


class Fuzz:
    """One run over one dashboard."""

    def __init__(self, seed: int, *, bursts: int, read_only: bool, confirms: bool) -> None:
        self.seed = seed
        self._bursts = Bursts(seed, confirms=confirms)
        self._number = bursts
        self._read_only = read_only
        self._random = random.Random(seed)
        self._world = World()
        self._store = Recorder(self._world)
        self._answers = Answers()
        self._taps = SaidTaps(lambda: self._world.now)
        self._told: deque[str] = deque(maxlen=LAST)

    async def run(self) -> None:
        """Raises for whatever must not be."""
        for worker in range(1, 30):
            self._register(worker)
        self._world.put(MALFORMED, UNKNOWN, source(0x11, 0x1A))
        with tempfile.TemporaryDirectory() as folder, self._watched(folder):
            try:
                async with dashboard(
                    self._world,
                    store=self._store,
                    taps=self._taps,
                    audit=Path(folder) / "audit.jsonl",
                    read_only=self._read_only,
                    complete=False,
                    timings=TIMINGS,
                    draws=True,
                ) as operator:
                    await self._play(operator)
                    await self._settles(operator)
            except BaseException as error:
                error.add_note(f"seed {self.seed}, the last bursts:\n" + "\n".join(self._told))
                raise
        assert self._answers.wrong == []
        unasked = self._store.removed - self._answers.allowed
        assert not unasked, f"removed without a yes: {unasked} (seed {self.seed})"
        assert not (self._read_only and self._store.removed)

    @contextlib.contextmanager
    def _watched(self, folder: str) -> Iterator[None]:
        """Keys come before the first screen; no key ends it; answers are noted."""
        on_event, answers, dismiss = DyntopApp.on_event, self._answers, Screen.dismiss

        async def first(app: DyntopApp, event: events.Event) -> None:
            if isinstance(event, events.Compose):
                for _ in range(self._random.randrange(4)):
                    for one in self._bursts.next():
                        # The app's own messages wait until it has a screen.
                        if isinstance(one, events.InputEvent | events.Paste):
                            await on_event(app, one)
            await on_event(app, event)

        def noted(screen: Screen[object], result: object = None) -> object:
            answers.note(screen, result)
            return dismiss(screen, result)

        async def stay(_: DyntopApp) -> None:
            """It would end."""

        with (
            mock.patch.dict(os.environ, {"XDG_STATE_HOME": folder}),
            mock.patch.object(app_module, "can_be_suspended", return_value=False),
            mock.patch.object(DyntopApp, "on_event", first),
            mock.patch.object(DyntopApp, "action_quit", stay),
            mock.patch.object(DyntopApp, "deliver_screenshot"),
            mock.patch.object(UnregisterDialog, "dismiss", noted),
            mock.patch.object(CleanUpScreen, "dismiss", noted),
        ):
            yield

    async def _play(self, operator: Operator) -> None:
        app = operator.app
        for number in range(self._number):
            burst = self._bursts.next()
            self._told.append(f"{number} on {app.screen}: {' '.join(map(_words, burst))}")
            for one in burst:
                await self._send(operator, one)
            self._churn()
            match self._random.randrange(6):
                case 0:
                    pass
                case 1 | 2:
                    await asyncio.sleep(0)
                case 3 | 4:
                    await asyncio.sleep(self._random.uniform(0, 0.03))
                case _:
                    await self._types_what_is_asked(operator)
            if app.faults.errors:
                raise app.faults.errors[0]
            assert app.is_running

    async def _send(self, operator: Operator, one: Input) -> None:
        if isinstance(one, Resized):
            await operator.pilot.resize_terminal(*one.size)
        else:
            operator.app.post_message(one)

    async def _types_what_is_asked(self, operator: Operator) -> None:
        """Now and then a question gets the yes that it asks for."""
        await operator._until_handled()
        screen = operator.app.screen
        if isinstance(screen, UnregisterDialog) and screen.is_mounted:
            phrase = screen.targets.phrase() if screen.targets.must_be_typed else ""
            for key in self._bursts.typed(phrase + self._random.choice(("\r", "\r\r", "\x1b"))):
                await self._send(operator, key)

    def _register(self, worker: int) -> None:
        lease = worker if self._random.random() < 0.8 else None
        self._world.put(instance(worker), card(worker), channel(worker), lease=lease)

    def _churn(self) -> None:
        world = self._world
        world.now += self._random.choice((0.0, 0.0, 0.5, 5.0, 70.0))
        worker = self._random.randrange(1, 40)
        match self._random.randrange(12):
            case 0:
                self._register(worker)
            case 1:
                world.keyspace.delete(instance(worker)[0])
            case 2:
                world.keyspace.end_lease(worker)
            case 3:
                world.keyspace.end_overdue_leases()
            case 4:
                world.keyspace.break_off(LOST)
            case 5 | 6 | 7:
                if world.keyspace.is_broken:
                    world.keyspace.mend()
            case 8 | 9:
                content = self._random.choice(([stored(1, 2)], [removed(1)], {"a": "b"}))
                self._taps.said(content, self._random.randrange(1000))

    async def _settles(self, operator: Operator) -> None:
        """Once it is left alone, it shows what there is, and takes keys."""
        app, world = operator.app, self._world
        if world.keyspace.is_broken:
            world.keyspace.mend()
        app.post_message(events.AppFocus())
        await operator.pilot.resize_terminal(120, 40)
        await operator._until_handled()
        for _ in range(20):
            await operator.press("escape")
        await operator.until(lambda: operator.on_main, "the main screen")
        await operator.until(lambda: not operator.main.is_at_work("removals"), "all is done")
        await operator.press("escape")
        if operator.dashboard.view.frozen:
            await operator.type("f")
        if operator.dashboard.view.hides_gone:
            await operator.type("x")
        world.put(instance(99))
        entries = {entry.key: entry.value for entry in world.entries()}
        await operator.until(lambda: held(operator) == entries, "the view is the store")
        await operator.until(lambda: operator.dashboard.view.store.link is LinkState.CONNECTED)
        await operator.press("1")
        await operator.until(lambda: operator.tab() == "instances", "the first tab")
        assert app.fault is None


def _words(one: Input) -> str:
    match one:
        case Resized():
            return f"{one.size.width}x{one.size.height}"
        case events.Key():
            return one.key
        case events.Paste():
            return f"paste({one.text[:20]!r}, {len(one.text)})"
        case events.MouseEvent():
            return f"{type(one).__name__}({one.x:.0f},{one.y:.0f})"
    return type(one).__name__


async def main() -> int:
    print(f"FUZZ_SEED={SEED} FUZZ_MINUTES={MINUTES:g}", flush=True)
    until = time.monotonic() + MINUTES * 60
    seed = SEED
    while time.monotonic() < until:
        read_only, confirms = bool(seed % 2), seed % 3 > 0
        print(f"seed {seed}{' read-only' if read_only else ''}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            await asyncio.to_thread(terminal_bytes.fuzz, seed, BYTES_OF_A_ROUND, Path(folder))
        await Fuzz(seed, bursts=BURSTS_OF_A_ROUND, read_only=read_only, confirms=confirms).run()
        seed += 1
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
