"""In the row of everything that is not live stands why, in the words of its evidence."""

from __future__ import annotations

import pytest

from backends.liveness.tracker import LivenessTracker
from backends.probe.types import ProbeAnswer
from tests.support.operating import Operator, SaidProbes, World, dashboard
from tests.support.registered import MALFORMED, card, channel, instance, source

REFUSES = ProbeAnswer.REFUSED, "refuses connections"
SILENT = ProbeAnswer.SILENT, "accepts a connection, and does not answer"
MISSED = "keep-alive at 30 s was missed"


def world_of(*workers: int) -> World:
    """Workers, each with an instance, a card and a channel on its lease."""
    world = World()
    for worker in workers:
        publisher = 0x100 + worker
        there = [instance(worker), card(worker), channel(publisher), source(publisher, worker)]
        world.put(*there, lease=worker)
    return world


async def until_reasons(operator: Operator, *reasons: str) -> None:
    await operator.until(lambda: operator.rows("why") == list(reasons), f"the reasons {reasons}")


async def test_the_reason_is_in_every_tab_and_none_is_given_for_what_is_live() -> None:
    world = world_of(1, 2)
    async with dashboard(world, size=(160, 30)) as operator:
        await until_reasons(operator, "", "")
        world.renewed(1, ago=41.0)
        await until_reasons(operator, MISSED, "")
        await operator.until_shown(MISSED)
        await operator.press("2", "l")
        await until_reasons(operator, MISSED, MISSED, "")
        await operator.press("3")
        await until_reasons(operator, MISSED, "")
        await operator.press("4")
        await until_reasons(operator, MISSED, MISSED, "", "")
        world.renewed(1)
        await until_reasons(operator, "", "", "", "")


@pytest.mark.parametrize("size", [(80, 24), (60, 20)])
async def test_on_a_narrow_screen_it_stands_beside_state_and_name(size: tuple[int, int]) -> None:
    world = World()
    world.put(instance(0x7D7BA1FD23953294, "prod.canary"), lease=0x7D7BA1FD23953294)
    world.renewed(0x7D7BA1FD23953294, ago=41.0)
    async with dashboard(world, size=size) as operator:
        await until_reasons(operator, MISSED)
        await operator.until_shown("◐ late  ")
        line = next(line for line in operator.lines() if "◐ late  " in line)
        assert "backend/generate" in line
        assert "keep-alive at 30 s" in line


async def test_it_follows_the_evidence_also_where_the_state_stays() -> None:
    probes = SaidProbes({"10.0.0.1:9000": REFUSES})
    world = World(leases=False)
    world.put(instance(1))
    async with dashboard(world, probes=probes) as operator:
        await operator.press("p")
        await until_reasons(operator, "refuses connections")
        assert operator.rows("state") == ["✗ unreachable"]
        await operator.until_shown("refuses connections")
        world.now += 1
        probes.answers["10.0.0.1:9000"] = SILENT
        await operator.press("p")
        await until_reasons(operator, SILENT[1])
        assert operator.rows("state") == ["✗ unreachable"]
        await operator.until(lambda: any("accepts a conn" in line for line in operator.lines()[:9]))


async def test_its_place_comes_with_the_first_reason_and_goes_with_the_last() -> None:
    world = World()
    worker = 0x7D7BA1FD23953294
    world.put(instance(worker, "inference-prod-qwen3-235b"), lease=worker)
    async with dashboard(world, size=(80, 24)) as operator:
        await until_reasons(operator, "")
        await operator.until_shown("INSTANCE", f"{worker:x}")
        world.renewed(worker, ago=41.0)
        await operator.until_shown("WHY", "keep-alive at")
        assert "INSTANCE" not in operator.text()
        world.renewed(worker)
        await until_reasons(operator, "")
        await operator.until_shown("INSTANCE", f"{worker:x}")


async def test_of_another_address_than_the_rows_own_it_names_the_address() -> None:
    probes = SaidProbes({"10.0.0.1:5557": SILENT})
    world = world_of(1)
    async with dashboard(world, probes=probes) as operator:
        await operator.press("p")
        await until_reasons(operator, f"10.0.0.1:5557 {SILENT[1]}")
        await operator.press("4")
        await until_reasons(operator, SILENT[1], f"10.0.0.1:5557 {SILENT[1]}")


async def test_what_is_malformed_says_how_and_what_went_says_why() -> None:
    world = world_of(1)
    world.put(MALFORMED, lease=1)
    async with dashboard(world, size=(160, 30)) as operator:
        await operator.until(lambda: "! malformed" in operator.rows("state"))
        reason = operator.rows("why")[operator.rows("state").index("! malformed")]
        assert reason.startswith("the value is not JSON: ")
        world.keyspace.delete(instance(1)[0])
        gone = "drained or deleted, or its worker is stopping: its lease was alive"
        await operator.until(lambda: [one[: len(gone)] for one in operator.gone("why")] == [gone])
        await operator.until_shown("drained or deleted, or its worker")


async def test_a_worker_that_is_gone_says_why() -> None:
    world = world_of(1, 2)
    async with dashboard(world, size=(160, 30)) as operator:
        await operator.press("3")
        world.keyspace.end_lease(1)
        await operator.until(lambda: operator.gone("id") == ["1"])
        await operator.until(lambda: bool(operator.gone("why")[0]), "a reason")
        assert operator.gone("why")[0].startswith(("stopped", "lease"))


async def test_evidence_is_looked_up_for_rows_on_screen_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    for worker in range(1, 301):
        world.put(instance(worker, component=f"c{worker:03}"), lease=worker)
        world.renewed(worker, ago=41.0)
    looked_up = list[bytes]()
    assessment = LivenessTracker.assessment

    def counted(self: LivenessTracker, record: object, at: float) -> object:
        looked_up.append(record.key)  # type: ignore[attr-defined]
        return assessment(self, record, at)  # type: ignore[arg-type]

    async with dashboard(world, size=(160, 30), lease_rate=1000.0) as operator:
        await operator.until(lambda: set(operator.rows("state")) == {"◐ late"})
        monkeypatch.setattr(LivenessTracker, "assessment", counted)
        for _ in range(len(operator.pane.table.laid_out())):
            await operator.press("s", "S")
        # Half of the screen is the detail, and other rows come on screen with each order.
        assert len({*looked_up}) < 200


async def test_a_live_row_costs_no_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    world = world_of(1, 2)
    async with dashboard(world) as operator:
        await operator.until(lambda: operator.rows("state") == ["● live", "● live"])
        monkeypatch.setattr(LivenessTracker, "assessment", None)
        assert operator.rows("why") == ["", ""]
