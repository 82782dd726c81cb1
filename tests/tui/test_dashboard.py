"""When the dashboard collects garbage."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator

import pytest

from backends.connections import MemoryConnection
from tui import app
from tui.app import DyntopApp
from tui.cli import main
from tui.config.settings import Settings
from tui.runtime.logs import Logs
from tui.runtime.redact import masks

SETTINGS = Settings(connection=MemoryConnection())


class NoEnding:
    """No terminal, and no signals, that there would have to be an end on."""

    def watch_over(self, _app: DyntopApp) -> None:
        pass

    def in_time(self, _seconds: float, _code: int) -> None:
        pass

    def over(self) -> None:
        pass


@pytest.fixture(autouse=True)
def without_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "why_unsupported", lambda: None)
    monkeypatch.setattr(app, "Ending", NoEnding)


@pytest.fixture(autouse=True)
def collecting(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leaves Python's collecting of garbage as it was. Nothing is frozen: to undo that, all that
    the tests of a process have would be looked through."""
    threshold = gc.get_threshold()
    monkeypatch.setattr(gc, "freeze", lambda: None)
    yield
    gc.set_threshold(*threshold)
    gc.enable()


def test_no_garbage_is_collected_while_the_dashboard_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    collects: list[bool] = []

    def run(_settings: Settings, _logs: Logs, _contexts: object) -> int:
        collects.append(gc.isenabled())
        return 0

    monkeypatch.setattr(app, "run", run)
    assert main.main(["--backend", "memory", "--no-audit"]) == 0
    assert collects == [False]


def test_garbage_is_collected_once_the_dashboard_is_complete(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def complete(self: DyntopApp) -> None:
        self.on_main_screen_complete()

    monkeypatch.setattr(DyntopApp, "run_async", complete)
    gc.disable()
    assert app.run(SETTINGS, Logs(masks({}, ()))) == 0
    assert gc.isenabled()


def test_garbage_is_collected_although_the_store_never_tells_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def wait(_self: DyntopApp) -> None:
        started = asyncio.Event()
        asyncio.get_running_loop().call_later(0.0, started.set)
        await started.wait()

    monkeypatch.setattr(DyntopApp, "run_async", wait)
    gc.disable()
    assert app.run(SETTINGS, Logs(masks({}, ())), starting=0.0) == 0
    assert gc.isenabled()
