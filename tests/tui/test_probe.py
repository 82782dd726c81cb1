"""Who answers where they say they are: asked of what is on screen or late, and by `p`."""

from __future__ import annotations

from backends.liveness.gathering import Probing
from backends.probe.types import ProbeAnswer, ProbeMethod, ProbeTarget
from tests.support.operating import Operator, SaidProbes, World, dashboard
from tests.support.registered import card, channel, instance, source
from tui.dialogs.clean_up import CleanUpScreen

REFUSES = (ProbeAnswer.REFUSED, "refuses connections")
ACCEPTS = (ProbeAnswer.ACCEPTS, "accepts connections")
ANSWERS = (ProbeAnswer.ANSWERS, "answers")
SILENT = (ProbeAnswer.SILENT, "does not answer")

OFF = "Probing is switched off (--probe never)."
LATE = 41.0
"""Seconds after which a renewal of a minute's lease was missed."""


def address(worker: int) -> str:
    return f"10.0.0.{worker % 256}:9000"


def target(worker: int) -> ProbeTarget:
    return ProbeTarget(ProbeMethod.TCP, address(worker))


def register(world: World, worker: int) -> None:
    """An instance, its card, and a channel with its source on a port of its own."""
    publisher = 0x1000 + worker
    contents = [instance(worker), card(worker), channel(publisher, port=5000 + worker)]
    world.put(*contents, source(publisher, worker), lease=worker)


def world_of(*workers: int) -> World:
    world = World()
    for worker in workers:
        register(world, worker)
    return world


def channel_target(worker: int) -> ProbeTarget:
    return ProbeTarget(ProbeMethod.ZMTP, f"10.0.0.1:{5000 + worker}")


async def until_wanted(operator: Operator, probes: SaidProbes, *targets: ProbeTarget) -> None:
    await operator.until(lambda: set(probes.wanted) == set(targets), f"{targets} wanted")


async def until_states(operator: Operator, *states: str) -> None:
    await operator.until(lambda: operator.rows("state") == list(states), f"the states {states}")


async def ask(operator: Operator, *keys: str) -> None:
    """Press these keys and `p`, once it takes a new question."""
    await operator.until(
        lambda: all(one.is_finished for one in operator.main.workers if one.group == "probe"),
        "the last question is over",
    )
    await operator.press(*keys, "p")


async def until_told(operator: Operator, text: str) -> None:
    await operator.until(lambda: operator.told()[-1:] == [text], text)


async def test_an_address_that_refuses_makes_all_of_its_worker_unreachable_at_once() -> None:
    probes = SaidProbes({address(1): REFUSES, address(2): ACCEPTS})
    async with dashboard(world_of(1, 2), probes=probes) as operator:
        await until_states(operator, "● live", "● live")
        await operator.until(lambda: target(1) in probes.wanted)
        probes.tell()
        await until_states(operator, "✗ unreachable", "● live")
        assert operator.branches()[0] == "all namespaces 1/2 !4"
        await operator.until(lambda: "4 findings" in operator.header())
        said = f"{address(1)} refuses connections  (now)"
        await operator.until(lambda: operator.detail()["evidence"] == said)
        await operator.press("2", "l")
        await until_states(operator, "✗ 1 unreachable", "✗ unreachable", "● live")
        await operator.press("3")
        await until_states(operator, "✗ unreachable", "● live")
        await operator.press("4")
        await until_states(operator, "✗ unreachable", "✗ unreachable", "● live", "● live")


async def test_one_that_accepts_again_is_live_again() -> None:
    probes = SaidProbes({address(1): REFUSES})
    async with dashboard(world_of(1), probes=probes) as operator:
        await operator.until(lambda: target(1) in probes.wanted)
        probes.tell()
        await until_states(operator, "✗ unreachable")
        probes.answers[address(1)] = ACCEPTS
        probes.tell()
        await until_states(operator, "● live")
        assert operator.branches()[0] == "all namespaces 1"


async def test_what_does_not_answer_though_its_lease_is_renewed_is_only_not_live() -> None:
    probes = SaidProbes({"10.0.0.1:5001": SILENT, address(1): ACCEPTS})
    async with dashboard(world_of(1), probes=probes) as operator:
        await operator.until(lambda: channel_target(1) in probes.wanted)
        probes.tell()
        # A connection shows the kernel; the greeting that does not come, that the process hangs.
        await until_states(operator, "✗ unreachable")
        await operator.press("exclamation_mark")
        await operator.until(lambda: operator.rows("id") == ["1"])
        # It may come back, and the store removes it if it does not.
        await operator.press("c")
        await operator.until_asked(CleanUpScreen)
        await operator.until_shown("Nothing is stale yet.", "4 keys are undecided")


async def test_what_is_on_screen_is_asked_with_its_workers_other_addresses_and_no_others() -> None:
    world, probes = world_of(*range(1, 101)), SaidProbes()
    async with dashboard(world, probes=probes, size=(110, 30)) as operator:
        await operator.until(lambda: target(1) in probes.wanted)
        seen = [row.id.instance_id for row in operator.pane.table.on_screen()]
        assert 5 < len(seen) < 40
        await until_wanted(
            operator, probes, *map(target, seen), *(channel_target(one) for one in seen)
        )
        await operator.press("G")
        await operator.until(lambda: target(100) in probes.wanted)
        seen = [row.id.instance_id for row in operator.pane.table.on_screen()]
        await until_wanted(
            operator, probes, *map(target, seen), *(channel_target(one) for one in seen)
        )
        assert target(1) not in probes.wanted


async def test_what_is_late_is_asked_though_it_is_not_on_screen() -> None:
    world, probes = world_of(*range(1, 101)), SaidProbes({address(90): REFUSES})
    world.renewed(90, ago=LATE)
    async with dashboard(world, probes=probes, size=(110, 30)) as operator:
        await operator.until(lambda: target(90) in probes.wanted)
        assert target(89) not in probes.wanted
        await operator.until(lambda: operator.branches()[0] == "all namespaces 99/100 !4")
        probes.tell()
        await operator.press("exclamation_mark")
        await until_states(operator, "✗ unreachable")
        # It stays asked about, whatever is on screen, until it answers.
        await operator.press("exclamation_mark", "g")
        await operator.until(lambda: target(1) in probes.wanted)
        assert target(90) in probes.wanted


async def test_all_are_asked_only_where_that_was_asked_for() -> None:
    world, probes = world_of(*range(1, 101)), SaidProbes()
    async with dashboard(world, probes=probes, probing=Probing.ALL) as operator:
        await operator.until(lambda: len(probes.wanted) == 200)


async def test_p_asks_the_selected_in_depth_and_says_what_came_of_it() -> None:
    probes = SaidProbes({address(2): ANSWERS})
    async with dashboard(world_of(1, 2), probes=probes) as operator:
        await operator.go_to("id", "2")
        await ask(operator)
        await until_told(operator, f"{address(2)} answers.")
        assert {one for one, _ in probes.asked} == {target(2), channel_target(2)}
        assert all(deep for _, deep in probes.asked)
        await operator.until(lambda: "answers" in operator.detail()["evidence"])
        probes.answers[address(2)] = SILENT
        await ask(operator)
        await until_told(operator, f"{address(2)} does not answer.")
        await operator.until(lambda: operator.rows("state")[1] == "✗ unreachable")


async def test_p_asks_the_marked_and_tells_the_worst_of_them() -> None:
    probes = SaidProbes({address(1): ANSWERS, address(2): REFUSES, address(3): ANSWERS})
    async with dashboard(world_of(1, 2, 3), probes=probes) as operator:
        await operator.press("space", "space", "p")
        worst = f"2 addresses probed, 1 failed: {address(2)} refuses connections."
        await operator.until(lambda: operator.told() == [worst])
        asked = {one for one, _ in probes.asked if one.method is ProbeMethod.TCP}
        assert asked == {target(1), target(2)}
        await operator.until(lambda: operator.rows("state")[1] == "✗ unreachable")


async def test_p_on_a_worker_or_a_model_asks_all_that_the_row_stands_for() -> None:
    probes = SaidProbes({address(1): ANSWERS, address(2): ANSWERS})
    async with dashboard(world_of(1, 2), probes=probes) as operator:
        await ask(operator, "2")
        # Which of them is named is nobody's concern: all is well.
        await operator.until(lambda: "2 addresses probed, 0 failed:" in "".join(operator.told()))
        assert target(1) in {one for one, _ in probes.asked}
        assert target(2) in {one for one, _ in probes.asked}
        probes.asked.clear()
        await ask(operator, "3", "j")
        await until_told(operator, f"{address(2)} answers.")
        assert {one for one, _ in probes.asked} == {target(2), channel_target(2)}


async def test_p_says_so_where_there_is_no_address_to_ask() -> None:
    world = World()
    world.put(card(1), lease=1)
    async with dashboard(world) as operator:
        await operator.press("2", "p")
        await operator.until(
            lambda: operator.told() == ["Nothing to probe: no address is known for 1 record."]
        )


async def test_where_it_is_switched_off_nobody_is_asked_not_even_by_p() -> None:
    world = world_of(1)
    world.renewed(1, ago=LATE)
    probes = SaidProbes({address(1): REFUSES})
    async with dashboard(world, probes=probes, probing=Probing.NEVER) as operator:
        # Leases are read all the same.
        await until_states(operator, "◐ late")
        await operator.press("p")
        await operator.until(lambda: operator.told() == [OFF])
        assert probes.asked == []
        assert probes.wanted == ()


async def test_a_refusal_does_not_outlive_the_address_it_was_of() -> None:
    world, probes = world_of(1), SaidProbes({address(1): REFUSES})
    async with dashboard(world, probes=probes) as operator:
        await operator.until(lambda: target(1) in probes.wanted)
        probes.tell()
        await until_states(operator, "✗ unreachable")
        world.put(instance(1, address="10.9.9.9:1"), lease=1)
        await until_states(operator, "● live")
        await operator.until(lambda: ProbeTarget(ProbeMethod.TCP, "10.9.9.9:1") in probes.wanted)


async def test_what_is_unreachable_from_here_is_shown_and_removed_only_by_typing_its_id() -> None:
    world = world_of(1)
    lost = (ProbeAnswer.UNREACHED, "cannot be reached: no route to host")
    probes = SaidProbes({address(1): lost, channel_target(1).address: lost})
    async with dashboard(world, probes=probes) as operator:
        await operator.until(lambda: target(1) in probes.wanted)
        probes.tell()
        await until_states(operator, "⇥ unreached")
        await operator.until(
            lambda: "tried from this host" in operator.detail()["evidence"], "from where"
        )
        await operator.press("d")
        await operator.until(lambda: "Type 1 to drain" in operator.text(), "the question")
        await operator.press("Y", "enter")
        assert world.find(instance(1)[0]) is not None
        # Clean up does not propose it.
        await operator.press("escape", "c")
        await operator.until(lambda: "Nothing stale found." in operator.told()[-1])
