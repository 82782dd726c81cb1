"""What all tests of the dashboard share."""

from __future__ import annotations

import pytest
from textual import _wait

from tui.dialogs import question
from tui.screens import actions


@pytest.fixture(autouse=True)
def reads_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has to read these questions; what comes in one burst still comes before. And nobody
    holds down a key."""
    monkeypatch.setattr(question, "READ_TIME", 0.05)
    monkeypatch.setattr(actions, "PROBE_INTERVAL", 0.05)


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """After each key it is waited until nothing happens any more, in steps of 20 ms: a third of the
    time that these tests would take. What is asserted is awaited anyway."""
    monkeypatch.setattr(_wait, "SLEEP_GRANULARITY", 0.01)
    monkeypatch.setattr(_wait, "SLEEP_IDLE", 0.0005)
