"""The host's clock is set while the dashboard is open: no age and no remaining time notices."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.metrics_screen import FRONTEND, SaidScrapes, open_metrics
from tests.support.moved_timer import MovedTimer
from tests.support.operating import LOST, Operator, World, dashboard
from tests.support.registered import card, channel, instance, source
from tests.support.said_taps import SaidTaps
from tests.support.saying import endpoint, nats_entry, said
from tests.support.wire import stored
from tests.tui.test_requests import SaidServices
from tui.dialogs.clean_up import CleanUpScreen
from tui.dialogs.undo import UndoDialog
from tui.dialogs.unregister import UnregisterDialog
from tui.screens.tap import TapScreen

HOUR = 3600.0
PANES = ("instances", "models", "workers", "channels", "events")
LEASE = 60.0


def world_of_one() -> World:
    world = World()
    world.put(instance(1), card(1), channel(0x11), source(0x11, 1), lease=1)
    world.put(instance(2), lease=2)
    return world


async def set_by(operator: Operator, world: World, by: float) -> None:
    """Set the host's clock, and wait until that is noticed."""
    world.ahead += by
    host = operator.app.clock
    await operator.until(lambda: host.shown_at(host()) == world.host_clock(), "the clock set")
    # And until all that ticks has ticked once more.
    operator.main._tick()
    await operator.pilot.pause()


def ticked(operator: Operator) -> bool:
    """Whether what is on screen is not changed by one more tick."""
    before = operator.text()
    operator.main._tick()
    return operator.text() == before


async def stays(operator: Operator, world: World) -> None:
    """All that is on screen is as it was, whatever the host's clock is set to."""
    await operator.until(lambda: ticked(operator), "what is shown of this time")
    before = operator.text()
    for by in (HOUR, -2 * HOUR, HOUR):
        await set_by(operator, world, by)
        await operator.until(lambda: operator.text() == before, f"as before:\n{before}")


async def test_every_tab_its_detail_and_the_header_stay_as_they_were() -> None:
    world = world_of_one()
    async with dashboard(world, size=(140, 50)) as operator:
        await operator.until(lambda: operator.rows("state") == ["● live", "● live"])
        world.keyspace.delete(instance(2)[0])
        await operator.until_shown("† gone")
        world.now += 12
        # The store was heard of since, and asked.
        await operator.until_shown("48 of 60 s left", "(now)")
        await operator.until_not_shown(" old ")
        for pane in PANES:
            await operator.open(pane)
            await operator.pilot.pause()
            await stays(operator, world)
        # And it goes on from there.
        await operator.open("instances")
        world.now += 60
        await operator.until_shown("†1m")


async def test_the_remaining_time_of_a_lease_and_the_age_of_evidence_stay() -> None:
    world = world_of_one()
    async with dashboard(world, size=(140, 50)) as operator:
        await operator.until(lambda: operator.detail().get("lease") == "1  60 of 60 s left")
        await operator.press("enter")
        await operator.until_shown("60 of 60 s left", "(now)")
        world.ahead = HOUR
        await set_by(operator, world, 0.0)
        assert "60 of 60 s left" in operator.text()
        assert "ago)" not in operator.text()
        await stays(operator, world)


async def test_dialogs_stay_as_they_were(tmp_path: Path) -> None:
    world = world_of_one()
    async with dashboard(world, size=(140, 50), audit=tmp_path / "audit") as operator:
        await operator.until(lambda: operator.rows("state") == ["● live", "● live"])
        await operator.unregister()
        await operator.until_asked(UnregisterDialog)
        await operator.until_shown("seen for")
        await stays(operator, world)
        await operator.press("escape")
        world.put(card(9))
        await operator.open("models")
        await operator.press("c")
        await operator.until_asked(CleanUpScreen)
        await stays(operator, world)
        await operator.press("escape")


async def test_how_long_ago_something_was_removed_is_told_right_before_and_after_a_jump(
    tmp_path: Path,
) -> None:
    world = world_of_one()
    key = instance(2)[0]
    async with dashboard(world, size=(140, 50), audit=tmp_path / "audit") as operator:
        await operator.until(lambda: operator.rows("state") == ["● live", "● live"])
        await set_by(operator, world, HOUR)
        await operator.press("down")
        await operator.unregister()
        await operator.type("2\r")
        await operator.until(lambda: world.find(key) is None)
        await operator.until(lambda: len(operator.told()) >= 1)
        world.now += 65
        await operator.press("u")
        await operator.until_asked(UndoDialog)
        await operator.until_shown("1m ago")
        await set_by(operator, world, -HOUR)
        await operator.until_shown("1m ago")


async def test_a_tap_stays_as_it_was() -> None:
    world = World(leases=False)
    world.put(channel(0x11), source(0x11, 0x1A))
    taps = SaidTaps(lambda: world.now)
    async with dashboard(world, taps=taps, size=(110, 30)) as operator:
        await operator.press("4", "w")
        await operator.until(lambda: isinstance(operator.app.screen, TapScreen) and taps.listening)
        taps.said([stored(1)], 0)
        world.now += 14
        await operator.until_shown("1 message", "nothing published for 14s")
        await stays(operator, world)


async def test_what_services_and_metrics_are_as_old_as_stays() -> None:
    world = World(leases=False)
    world.put(nats_entry(1))
    services = SaidServices(world, said("stats", endpoint("prod_backend.generate-1", 5)))
    scrapes = SaidScrapes(FRONTEND)
    scrapes.troubles[FRONTEND] = "refuses connections"
    async with dashboard(
        world, services=services, timer=MovedTimer(), scrapes=scrapes, size=(140, 40)
    ) as operator:
        await operator.open("requests")
        await operator.until_shown("answered 0s ago")
        world.now += 9
        await operator.until_shown("answered 9s ago")
        for by in (HOUR, -HOUR):
            await set_by(operator, world, by)
            await operator.until_shown("answered 9s ago")
        await open_metrics(operator)
        await operator.until_shown("refuses connections")
        await stays(operator, world)


# --- while the store is away ----------------------------------------------------------------------


async def test_without_a_connection_ages_and_remaining_times_are_of_when_it_was_lost() -> None:
    world = world_of_one()
    async with dashboard(world, size=(140, 50)) as operator:
        await operator.until(lambda: operator.detail().get("lease") == "1  60 of 60 s left")
        world.keyspace.break_off(LOST)
        await operator.until_shown("disconnected since")
        world.now += 300
        detail = operator.detail
        await operator.until(lambda: " as of " in detail().get("seen", ""), "as of")
        told = re.fullmatch(r"1  60 of 60 s left as of (\d\d:\d\d:\d\d)", detail()["lease"])
        assert told is not None
        as_of = told[1]
        assert detail()["seen"] == f"for more than 0s as of {as_of}"
        assert operator.rows("seen") == [">0s", ">0s"]
        await operator.open("workers")
        await operator.until(lambda: set(operator.rows("lease")) == {"60/60s"}, "no countdown")
        await stays(operator, world)


async def test_a_lease_that_is_not_asked_about_any_more_does_not_count_down_to_nothing() -> None:
    world = world_of_one()
    async with dashboard(world, size=(140, 50), lease_rate=0.0) as operator:
        await operator.until(lambda: operator.rows("state") == ["? unknown", "? unknown"])
        from backends.liveness.judge import LeaseTtl
        from backends.store import TimeToLive

        view = operator.dashboard.view
        view.verdicts.observe_ttls({1: LeaseTtl(TimeToLive(LEASE, 50.0), world.now)})
        await operator.until(lambda: operator.detail()["lease"] == "1  50 of 60 s left")
        world.now += 22
        await operator.until(lambda: operator.detail()["lease"] == "1  28 of 60 s left")
        world.now += 10
        await operator.until(lambda: "1  50 of 60 s left as of" in operator.detail()["lease"])
        await operator.open("workers")
        await operator.until(lambda: operator.rows("lease") == ["–", "–"], "not known")
