"""Waiting until all of a world is known to a dashboard."""

from __future__ import annotations

from tests.agreement.on_screen import read_clean_up
from tests.agreement.statements import Statements
from tests.support.operating import Operator, read_leases

SIZE = (200, 40)
"""Of a terminal in which nothing is left out."""
LATER = 3.0
"""Seconds that go by before anything is read."""


async def until_all_is_known(operator: Operator) -> None:
    """Until each lease was read and each address was asked, and what came of it is drawn."""
    collector, verdicts = operator.dashboard.collector, operator.dashboard.view.verdicts

    def is_read() -> bool:
        read, leases = collector.leases_read()
        return read == leases and not verdicts.is_behind

    await operator.until(is_read, "all leases read")
    # Some answers may be of before the clock was moved.
    await read_leases(operator.dashboard)
    operator.dashboard.show_evidence()
    # It probes everything first.
    await read_clean_up(operator, Statements())
