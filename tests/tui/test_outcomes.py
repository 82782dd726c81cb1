"""The report of an act where not all went well holds every key's outcome."""

from __future__ import annotations

import pytest

from tests.support.operating import dashboard
from tests.support.registered import instance
from tests.support.removing import GONE, REMOVED
from tui.dialogs.outcomes import OutcomesScreen
from tui.state.reported_removals import KeyReport, Report
from tui.text.outcomes import outcome_text

LEFT = [
    KeyReport(instance(worker)[0], outcome_text(GONE, "removed", "etcd"))
    for worker in range(1, 101)
]
LAST = KeyReport(b"v1/instances/\x1b[31m/last", outcome_text(REMOVED, "removed", "etcd"))
REPORT = Report("Drained 1 of 101 keys", (*LEFT, LAST))


@pytest.mark.parametrize("size", [(120, 40), (60, 20)])
async def test_every_outcome_can_be_scrolled_to_and_nothing_is_drawn_raw(
    size: tuple[int, int],
) -> None:
    async with dashboard(size=size) as operator:
        operator.app.push_screen(OutcomesScreen(REPORT))
        await operator.until_shown(REPORT.title, LEFT[0].key.decode(), "~ gone already", "Esc")
        await operator.press(*["pagedown"] * 25)
        await operator.until_shown("v1/instances/\\x1b[31m/last", "✓ removed", "Esc closes")
        await operator.press("escape")
        await operator.until(lambda: operator.on_main)
