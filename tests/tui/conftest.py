"""What all tests of the dashboard share."""

from __future__ import annotations

import pytest

from tui.screens import asking


@pytest.fixture(autouse=True)
def reads_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has to read these questions; what comes in one burst still comes before."""
    monkeypatch.setattr(asking, "READ_TIME", 0.05)
