"""A move from the present leads back, or nowhere."""

from __future__ import annotations

import pytest

from tui.state.past.moves import ByChanges, BySeconds, Move, ToRevision, ToTime, leads_back

NOW = 1_000.0


@pytest.mark.parametrize("move", [ByChanges(-1), BySeconds(-60.0), ToTime(NOW - 1), ToRevision(7)])
def test_what_is_earlier_leads_back(move: Move) -> None:
    assert leads_back(move, NOW)


@pytest.mark.parametrize("move", [ByChanges(1), BySeconds(60.0), ToTime(NOW), ToTime(NOW + 1)])
def test_from_the_present_nothing_is_later(move: Move) -> None:
    assert not leads_back(move, NOW)
