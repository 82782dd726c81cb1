"""In the row of everything that is not live stands why, in the words of its evidence."""

from __future__ import annotations

import pytest

from backends.liveness.tracker import LivenessTracker
from backends.probe.types import ProbeAnswer
from tests.support.operating import Operator, SaidProbes, World, dashboard
from tests.support.registered import MALFORMED, UNKNOWN, card, channel, instance, source

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


WORKER = 0x7D7BA1FD23953294
MODEL = "meta-llama/Llama-3.1-8B-Instruct"
BELOW = {"overview": (), "instances": (), "models": ("l",), "workers": (), "channels": ()}
"""The tabs that have rows of workers, and what is pressed in each."""


def shown_of(operator: Operator, state: str) -> list[str]:
    """The lines of the table that have a state."""
    lines = operator.lines()
    end = next((n for n, line in enumerate(lines) if "────" in line), len(lines))
    return [line for line in lines[:end] if state in line]


def has_whole(line: str, *forms: str) -> bool:
    """Whether a reason stands in a line, and nothing of it is cut."""
    return any(line.rstrip(" ▁▂▃▄▅▆▇█").endswith(f"  {one}") for one in forms)


async def until_whole(operator: Operator, state: str, *forms: str) -> None:
    """Wait until each row of a state has its reason, and a row of the worker its whole id."""
    await operator.until(
        lambda: (
            (found := shown_of(operator, state))
            and all(has_whole(line, *forms) for line in found)
            and any(f"  {WORKER:x}  " in line for line in found)
        ),
        f"{state}, {WORKER:x} and one of {forms} in {operator.tab()}",
    )


async def test_at_80x24_state_whole_id_and_a_whole_reason_are_in_a_row_of_every_tab() -> None:
    probes = SaidProbes({"10.0.0.148:9000": SILENT, "10.0.0.1:5557": SILENT})
    forms = ("accepts, does not answer", "no answer", "worker dead", "1 dead")
    world = World(leases=False)
    world.put(instance(WORKER, "prod.canary"), card(WORKER, MODEL, namespace="prod.canary"))
    world.put(channel(WORKER), source(WORKER, WORKER))
    async with dashboard(world, probes=probes, size=(80, 24)) as operator:
        await operator.press("p")
        for tab, keys in BELOW.items():
            await operator.open(tab)
            await operator.press(*keys)
            await until_whole(operator, "✗", *forms)
        # A tree that is called lies over the beginning of the rows.
        await operator.open("instances")
        await operator.press("t")
        await operator.until(lambda: operator.tree.lies_over)
        await operator.until_shown("all namespaces", f"  {WORKER:x}  ", "no answer")


async def test_at_80x24_a_key_of_an_unknown_kind_has_state_and_a_whole_reason() -> None:
    world = World()
    world.put(UNKNOWN, lease=1)
    world.renewed(1, ago=41.0)
    async with dashboard(world, size=(80, 24)) as operator:
        await operator.open("others")
        await operator.until(lambda: bool(shown_of(operator, "◐ late")))
        (line,) = shown_of(operator, "◐ late")
        assert "v1/claims/prod/router/leader" in line
        assert has_whole(line, MISSED, "keep-alive missed", "not renewed")


async def test_at_60x20_it_stands_whole_beside_state_and_name() -> None:
    world = World()
    world.put(instance(WORKER, "prod.canary"), lease=WORKER)
    world.renewed(WORKER, ago=41.0)
    async with dashboard(world, size=(60, 20)) as operator:
        await until_reasons(operator, MISSED)
        await operator.until(lambda: bool(shown_of(operator, "◐ late")))
        (line,) = shown_of(operator, "◐ late")
        assert "/backend/" in line
        assert has_whole(line, "keep-alive missed", "not renewed")


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
        await operator.until(lambda: any("no answer" in line for line in operator.lines()[:9]))


async def test_its_place_comes_with_the_first_reason_and_goes_with_the_last() -> None:
    world = World()
    world.put(instance(WORKER, "inference-prod-qwen3-235b"), lease=WORKER)
    async with dashboard(world, size=(80, 24)) as operator:
        await until_reasons(operator, "")
        await operator.until_shown("INSTANCE", f"{WORKER:x}", "HOST")
        world.renewed(WORKER, ago=41.0)
        await operator.until_shown("INSTANCE", f"{WORKER:x}", "WHY", "keep-alive")
        assert "HOST" not in operator.text()
        world.renewed(WORKER)
        await until_reasons(operator, "")
        await operator.until_shown("INSTANCE", f"{WORKER:x}", "HOST")
        assert "WHY" not in operator.text()


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
        with monkeypatch.context() as meanwhile:
            meanwhile.setattr(LivenessTracker, "assessment", None)
            assert operator.rows("why") == ["", ""]
