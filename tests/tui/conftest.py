"""What all tests of the dashboard share."""

from __future__ import annotations

import pytest
from textual import _wait


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """After each key it is waited until nothing happens any more, in steps of 20 ms: a third of the
    time that these tests would take. What is asserted is awaited anyway."""
    monkeypatch.setattr(_wait, "SLEEP_GRANULARITY", 0.01)
    monkeypatch.setattr(_wait, "SLEEP_IDLE", 0.0005)
