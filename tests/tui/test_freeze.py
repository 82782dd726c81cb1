"""Frozen, the view stands still, counts what waits, and loses nothing."""

from __future__ import annotations

from backends.discovery.reasons import ReasonKind
from tests.support.operating import LOST, World, dashboard
from tests.support.registered import instance


async def test_what_waits_is_counted_and_then_everything_is_there() -> None:
    world = World(leases=False)
    world.put(instance(1), instance(2), lease=1)
    async with dashboard(world) as operator:
        await operator.press("f")
        await operator.until_shown("frozen, 0 changes waiting")
        world.put(instance(3), instance(4))
        world.keyspace.delete(instance(1)[0])
        await operator.until_shown("frozen, 3 changes waiting")
        assert operator.rows("id") == ["1", "2"]
        assert operator.branches()[0] == "all namespaces 1"
        assert "2 instances" in operator.header()
        assert len(operator.dashboard.view.events()) == 1
        await operator.press("f")
        await operator.until(lambda: operator.rows("id") == ["2", "3", "4"])
        assert "frozen" not in operator.header()
        assert "3 instances" in operator.header()
        assert operator.branches()[0] == "all namespaces 3"
        await operator.open("events")
        assert operator.rows("id") == ["1", "4", "3", ""]
        await operator.until(lambda: operator.pane.rows[0].event.why)


async def test_what_is_selected_while_frozen_can_be_looked_at_filtered_and_copied() -> None:
    world = World(leases=False)
    world.put(instance(1), instance(2))
    async with dashboard(world) as operator:
        await operator.press("f", "j")
        world.keyspace.delete(instance(2)[0])
        await operator.until_shown("1 change waiting")
        await operator.press("y", "slash", "2", "enter")
        assert operator.app.clipboard == "v1/instances/prod/backend/generate/2"
        assert operator.rows("id") == ["2"]
        await operator.press("f", "escape")
        await operator.until(lambda: operator.rows("id") == ["1"])


async def test_a_gap_while_frozen_is_told_at_once_and_its_differences_wait() -> None:
    world = World(leases=False)
    world.put(instance(1))
    async with dashboard(world) as operator:
        await operator.press("f")
        world.keyspace.break_off(LOST)
        await operator.until_shown("disconnected")
        world.put(instance(2))
        world.keyspace.mend()
        await operator.until_shown("● connected", "1 change waiting")
        assert operator.rows("id") == ["1"]
        await operator.press("f")
        await operator.until(lambda: operator.rows("id") == ["1", "2"])


async def test_a_row_that_was_unregistered_while_frozen_goes_when_the_view_goes_on() -> None:
    world = World(leases=False)
    world.put(instance(1), instance(2))
    async with dashboard(world) as operator:
        await operator.press("f")
        await operator.drain("1")
        await operator.until(lambda: len(world.keys()) == 1)
        await operator.until_shown("1 change waiting")
        assert operator.rows("id") == ["1", "2"]
        await operator.press("f")
        await operator.until(lambda: operator.rows("id") == ["2"])
        await operator.open("events")
        assert operator.pane.rows[0].event.why.kind is ReasonKind.THIS_DYNTOP
