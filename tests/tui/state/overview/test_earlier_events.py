"""What happened before the start has no time in Overview either."""

from __future__ import annotations

from backends.discovery.discovery import Resynced
from backends.discovery.past_records import RecordChange
from backends.memory import MemoryStore
from tests.support.registered import instance, record
from tests.support.unseen import unseen
from tui.state.overview.contents import OverviewContents
from tui.state.overview.rows import OverviewPart
from tui.text.timestamps import time_of_day

NOW = 1_700_000_000.0


def test_what_happened_before_the_start_is_before_it() -> None:
    dashboard = unseen(MemoryStore(), NOW)
    view = dashboard.view
    view.take([Resynced((), (), "50")], NOW)
    gone = RecordChange(None, record(instance(1), lease=1), 40)
    view.put_before(view.earlier_events([gone]))
    contents = OverviewContents(dashboard)
    contents.rebuild()
    rows = [
        row for row in contents.rows(30) if row.part is OverviewPart.EVENTS and row.can_be_selected
    ]
    times = [row.cells["time"].text for row in rows]
    assert times == [time_of_day(NOW), f"<{time_of_day(NOW)}"]
    assert rows[1].cells["why"].text == "revision 40, before the start"
