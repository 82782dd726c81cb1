"""A jump leads to what a record belongs to, and is gone back once."""

from __future__ import annotations

from backends.liveness.workers import Worker
from tests.support.registered import card
from tests.tui.state.test_dashboard import KEPT, LIVING, opened
from tui.state.destinations import Bookmark
from tui.state.navigation.jumps import Jumps
from tui.state.reported_removals import Notice
from tui.state.tabs import TabId


async def test_a_jump_is_gone_back_once() -> None:
    async with opened(KEPT, card(1)) as shown:
        dashboard = shown.dashboard
        jumps = Jumps(dashboard)
        model = dashboard.view.cluster.records[card(1)[0]]
        found = jumps.target(model, TabId.MODELS)
        assert found == shown.record(LIVING)
        dashboard.select(("elsewhere",))
        jumps.remember(Bookmark(TabId.MODELS, dashboard.scope, "row"))
        to = jumps.place_of(shown.record(LIVING))
        assert to == Bookmark(TabId.INSTANCES, (), LIVING)
        assert jumps.back() == Bookmark(TabId.MODELS, ("elsewhere",), "row")
        assert jumps.back() is None


async def test_a_jump_from_what_has_no_instance_goes_to_its_worker() -> None:
    async with opened(card(7)) as shown:
        dashboard = shown.dashboard
        jumps = Jumps(dashboard)
        alone = dashboard.view.cluster.records[card(7)[0]]
        worker = jumps.target(alone, TabId.MODELS)
        assert isinstance(worker, Worker)
        assert jumps.place_of(worker) == Bookmark(TabId.WORKERS, (), 7)
        assert jumps.target(alone, TabId.WORKERS) == Notice(
            "Its worker is 7, which has no instance.", "warning"
        )
