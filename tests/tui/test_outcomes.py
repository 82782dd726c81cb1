"""The report of an act where not all went well holds every key's outcome."""

from __future__ import annotations

import pytest

from tests.registered import instance
from tests.tui.operating import dashboard
from tui.removals import KeyOutcome, Report
from tui.screens.outcomes import OutcomesScreen

GONE = [KeyOutcome(instance(worker)[0], "gone already", "warn") for worker in range(1, 101)]
REMOVED = KeyOutcome(b"v1/instances/\x1b[31m/last", "removed", "good")
REPORT = Report("Drained 1 of 101 keys", (*GONE, REMOVED))


@pytest.mark.parametrize("size", [(120, 40), (60, 20)])
async def test_every_outcome_can_be_scrolled_to_and_nothing_is_drawn_raw(
    size: tuple[int, int],
) -> None:
    async with dashboard(size=size) as operator:
        operator.app.push_screen(OutcomesScreen(REPORT))
        await operator.until_shown(REPORT.title, GONE[0].key.decode(), "~ gone already", "Esc")
        await operator.press(*["pagedown"] * 25)
        await operator.until_shown("v1/instances/\\x1b[31m/last", "✓ removed", "Esc closes")
        await operator.press("escape")
        await operator.until(lambda: operator.on_main)
