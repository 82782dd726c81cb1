"""What all tests of the dashboard share."""

from __future__ import annotations

import pytest

from tui.screens import asking, main


@pytest.fixture(autouse=True)
def reads_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has to read these questions; what comes in one burst still comes before. And nobody
    holds down a key."""
    monkeypatch.setattr(asking, "READ_TIME", 0.05)
    monkeypatch.setattr(main, "PROBE_INTERVAL", 0.05)
