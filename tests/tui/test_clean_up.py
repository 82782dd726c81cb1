"""Clean up: proposes what is stale, removes what stays ticked, and nothing without a capital Y."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from backends.dynamo.records import AnyRecord
from backends.liveness.gathering import Probing
from backends.probe.types import ProbeAnswer, ProbeResult, ProbeTarget
from backends.removal.audit.audit import Audit
from backends.store import Cause, Unreachable
from tests.support.operating import QUICK, Operator, SaidProbes, World, dashboard
from tests.support.registered import MALFORMED, KeyAndValue, card, instance
from tui.dialogs.clean_up import CleanUpScreen

LIVE = instance(0xA7)
ORPHANS = [card(1), card(2)]
STALE = [*ORPHANS, MALFORMED]
"""In the order in which they are proposed."""


def world_of(*contents: KeyAndValue) -> World:
    world = World()
    world.put(LIVE, *contents)
    return world


def keys_of(contents: Sequence[KeyAndValue]) -> set[bytes]:
    return {key for key, _ in contents}


def screen(operator: Operator) -> CleanUpScreen:
    assert isinstance(operator.app.screen, CleanUpScreen)
    return operator.app.screen


@asynccontextmanager
async def cleaning_up(
    world: World, size: tuple[int, int] = (130, 40)
) -> AsyncGenerator[Operator, None]:
    """The dashboard, where it is asked."""
    async with dashboard(world, size=size) as operator:
        await operator.press("c")
        await operator.until_asked(CleanUpScreen)
        await operator.until_shown("Clean up", "[x]")
        yield operator


async def test_everything_stale_is_proposed_with_its_evidence_and_nothing_else() -> None:
    async with cleaning_up(world_of(*STALE)) as operator:
        await operator.until_shown("Clean up 3 stale keys?", "from memory at this process")
        ticked = [line for line in operator.lines() if "[x]" in line]
        assert len(ticked) == 3
        assert ["orphaned" in ticked[0], "orphaned" in ticked[1], "malformed" in ticked[2]] == [
            True
        ] * 3
        assert "its worker 1 has no instance" in ticked[0]
        assert "Dynamo skips it" in ticked[2]
        # Of the row that the cursor is on, all.
        await operator.until_shown(f"{card(1)[0].decode()}  revision", "its worker 1 has no")
        await operator.press("down", "down")
        await operator.until_shown(f"{MALFORMED[0].decode()}  revision")


async def test_y_removes_what_is_ticked_and_the_row_of_what_is_not_stays() -> None:
    world = world_of(*STALE)
    async with cleaning_up(world) as operator:
        await operator.press("space")
        await operator.until_shown("Clean up 2 of 3 stale keys?", "[ ]")
        await operator.press("Y")
        await operator.until(lambda: world.keys() == keys_of([LIVE, card(1)]))
        await operator.until(lambda: operator.told() != [])
        assert operator.told() == ["Cleaned up 1 instance, 1 model card. u puts them back."]


@pytest.mark.parametrize("answer", ["n", "escape", "q"])
async def test_no_removes_nothing(answer: str) -> None:
    world = world_of(*STALE)
    before = world.entries()
    async with cleaning_up(world) as operator:
        await operator.press(answer)
        await operator.until(lambda: operator.on_main)
        assert world.entries() == before


async def test_enter_only_ticks() -> None:
    world = world_of(*STALE)
    before = world.entries()
    async with cleaning_up(world) as operator:
        await operator.press("enter", "enter", "enter")
        await operator.until_shown("Clean up 0 of 3 stale keys?")
        await operator.press("Y")
        await operator.until_shown("Nothing is selected")
        assert world.entries() == before


@pytest.mark.parametrize("key", ["a", "asterisk"])
async def test_all_or_none_in_one_key(key: str) -> None:
    async with cleaning_up(world_of(*STALE)) as operator:
        await operator.press(key)
        await operator.until_shown("Clean up 0 of 3 stale keys?")
        await operator.press(key)
        await operator.until_shown("Clean up 3 stale keys?")
        await operator.press("space", "down", "v")
        await operator.until_shown("Clean up 0 of 3 stale keys?")


async def test_a_row_is_ticked_by_mouse() -> None:
    async with cleaning_up(world_of(*STALE)) as operator:
        await operator.click_text("[x]  ! malformed", times=2)
        await operator.until_shown("Clean up 2 of 3 stale keys?")
        assert MALFORMED[0] not in screen(operator)._table.ticked


async def test_what_registers_again_meanwhile_is_never_removed() -> None:
    world = world_of(*STALE)
    async with cleaning_up(world) as operator:
        world.put(card(1))
        world.keyspace.delete(card(2)[0])
        await operator.until_shown("~ changed", "† gone")
        await operator.press("Y")
        await operator.until(lambda: world.find(MALFORMED[0]) is None)
        assert world.find(card(1)[0]) is not None
        await operator.until(lambda: len(operator.told()) == 2)
        assert operator.told()[1] == (
            "Cleaned up 1 of 3 keys: 1 changed meanwhile, so it was not removed; 1 gone already."
        )


async def test_what_stops_being_stale_loses_its_tick_and_cannot_be_ticked_again() -> None:
    world = world_of(*STALE)
    async with cleaning_up(world) as operator:
        # Its worker comes back: the card itself stays as it was.
        world.put(instance(1), lease=1)
        cluster = operator.dashboard.view.cluster
        await operator.until(lambda: instance(1)[0] in cluster.records)
        await operator.until(lambda: screen(operator)._table.ticked == keys_of(STALE[1:]))
        await operator.press("home", "space")
        await operator.until_shown("That is no longer stale", "Clean up 2 of 3")
        await operator.press("Y")
        await operator.until(lambda: world.keys() == keys_of([LIVE, card(1), instance(1)]))


@pytest.mark.parametrize("how", ["frozen", "lost"])
async def test_nothing_is_removed_by_what_may_not_be_so_any_more(how: str) -> None:
    world = world_of(*STALE)
    before = world.entries()
    async with dashboard(world) as operator:
        if how == "frozen":
            await operator.press("f")
        else:
            world.keyspace.break_off(Unreachable("this process", Cause.LOST))
            await operator.until_shown("disconnected")
        await operator.press("c")
        await operator.until_asked(CleanUpScreen)
        await operator.until_shown("Clean up 3 stale keys?")
        await operator.press("Y")
        await operator.until_shown("Nothing is removed.")
        assert world.entries() == before


async def test_a_yes_typed_right_behind_the_key_answers_nothing_that_nobody_has_seen() -> None:
    world = world_of(*STALE)
    before = world.entries()
    async with dashboard(world) as operator:
        await operator.type("cY")
        await operator.until_asked(CleanUpScreen)
        assert world.entries() == before
        await operator.press("Y")
        await operator.until(lambda: world.keys() == keys_of([LIVE]))


async def test_ten_thousand_are_proposed_and_removed() -> None:
    world = world_of(*(card(worker) for worker in range(1_000, 11_000)))
    async with cleaning_up(world) as operator:
        await operator.until_shown("Clean up 10,000 stale keys?")
        await operator.press("space", "end", "space")
        await operator.until_shown("Clean up 9,998 of 10,000 stale keys?")
        await operator.press("Y")
        await operator.until(lambda: len(world.keys()) == 3)
        await operator.until(lambda: operator.told() != [])
        assert operator.told() == ["Cleaned up 9,998 model cards. u puts them back."]


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (60, 20)])
async def test_at_any_size_the_question_the_ticks_and_the_keys_are_there(
    size: tuple[int, int],
) -> None:
    async with cleaning_up(world_of(*(card(worker) for worker in range(1, 50))), size) as operator:
        await operator.until_shown("Clean up 49 stale keys?", "from memory", "⊘ orphaned")
        await operator.until_shown("space select", "Esc cancel", f"{card(1)[0].decode()}")


REFUSES = (ProbeAnswer.REFUSED, "refuses connections")


class Held(SaidProbes):
    """Answers once it is let, each round two seconds after the one before."""

    def __init__(self, answers: Mapping[str, tuple[ProbeAnswer, str]]) -> None:
        super().__init__(answers)
        self.go_on = asyncio.Event()
        self.rounds = 0

    async def once(
        self, targets: Collection[ProbeTarget], *, deep: bool = False
    ) -> list[ProbeResult]:
        await self.go_on.wait()
        self.rounds += 1
        readings = await super().once(targets, deep=deep)
        return [replace(one, at=one.at + 2.0 * self.rounds) for one in readings]


async def test_all_that_is_registered_is_probed_before_anything_is_proposed() -> None:
    dead = [instance(1), card(1), instance(2), card(2)]
    world = world_of(*dead)
    probes = Held({f"10.0.0.{number}:9000": REFUSES for number in (1, 2)})
    async with dashboard(world, probes=probes, size=(130, 40)) as operator:
        await operator.press("c", "c")
        await operator.until_shown("checking 3 addresses")
        assert operator.on_main
        probes.go_on.set()
        await operator.until_asked(CleanUpScreen)
        # Twice, since a network has bad moments; and none deep.
        assert {deep for _, deep in probes.asked} == {False}
        await operator.until_shown("Clean up 4 stale keys?")
        await operator.press("Y")
        await operator.until(lambda: world.keys() == keys_of([LIVE]))


async def test_where_probing_is_off_it_says_so() -> None:
    async with dashboard(world_of(), probing=Probing.NEVER) as operator:
        await operator.press("c")
        await operator.until(operator.told)
        assert operator.told() == ["Nothing stale found. No address was probed (--probe never)."]


class OnThisHost(Held):
    """Likewise, and all of it is on this host."""

    async def once(
        self, targets: Collection[ProbeTarget], *, deep: bool = False
    ) -> list[ProbeResult]:
        readings = await super().once(targets, deep=deep)
        return [replace(one, local=True) for one in readings]


async def test_what_goes_with_its_lease_meanwhile_is_written_down_as_it_was_shown(
    tmp_path: Path,
) -> None:
    world = world_of(MALFORMED)
    world.put(instance(1), card(1), lease=1)
    probes = OnThisHost({"10.0.0.1:9000": REFUSES})
    probes.go_on.set()
    path = tmp_path / "audit.jsonl"
    async with dashboard(world, probes=probes, size=(130, 40), audit=path) as operator:
        await operator.press("c")
        await operator.until_asked(CleanUpScreen)
        await operator.until_shown("Clean up 3 stale keys?", "✗ unreachable")
        for key, _ in (instance(1), card(1)):
            world.keyspace.delete(key)
        await operator.until_shown("Clean up 1 stale key?", "† gone")
        await operator.press("Y")
        await operator.until(lambda: world.keys() == keys_of([LIVE]))
        await operator.until(operator.told)
    (act,) = Audit(path, clock=world.host_clock, user="", host="").acts()
    verdicts = {item.entry.key: item.verdict for item in act.items}
    assert verdicts == {
        instance(1)[0]: "unreachable",
        card(1)[0]: "unreachable",
        MALFORMED[0]: "malformed",
    }


async def test_what_could_not_be_asked_is_not_passed_over() -> None:
    away = (ProbeAnswer.UNTRIED, "is a loopback address: only its own machine can ask there")
    probes = SaidProbes({"10.0.0.167:9000": away})
    async with dashboard(world_of(), probes=probes) as operator:
        await operator.press("c")
        await operator.until(operator.told)
        assert operator.told() == ["Nothing stale found. 1 of 1 address could not be asked."]


async def test_the_title_counts_what_is_left_to_be_removed() -> None:
    world = world_of(*STALE)
    async with cleaning_up(world) as operator:
        world.keyspace.delete(card(1)[0])
        await operator.until_shown("Clean up 2 stale keys?", "† gone")
        for key, _ in STALE[1:]:
            world.keyspace.delete(key)
        await operator.until_shown("All of these keys are gone or changed.")


class AtItsTime(SaidProbes):
    """Its readings are of the world's time, from another host."""

    def __init__(self, world: World, answers: Mapping[str, tuple[ProbeAnswer, str]]) -> None:
        super().__init__(answers)
        self.world = world

    def _readings(self, targets: Collection[ProbeTarget], deep: bool) -> list[ProbeResult]:
        return [replace(one, at=self.world.now) for one in super()._readings(targets, deep)]


DUE, MISSED = 30.0, 41.0
"""Seconds after which the renewal of a minute's lease is due, and was missed."""
LEASED = [instance(3), card(3)]
UNDECIDED = (
    "2 keys are undecided: the next renewal of the lease shows within 2 s whether the worker"
)


@asynccontextmanager
async def cleaning_up_with_undecided(
    *stale: KeyAndValue, size: tuple[int, int] = (130, 40)
) -> AsyncGenerator[tuple[Operator, World, AtItsTime], None]:
    """Asked, while a worker that another host refuses has a lease whose renewal is due."""
    world = world_of(*stale)
    world.put(*LEASED, lease=3)
    world.renewed(3, ago=DUE)
    probes = AtItsTime(world, {"10.0.0.3:9000": REFUSES})
    async with dashboard(world, probes=probes, size=size) as operator:
        await operator.until(
            lambda: operator.dashboard.view.verdicts.lease_ttl(lease_record(operator))
        )
        await operator.until(lambda: "10.0.0.3:9000" in {one.address for one in probes.wanted})
        await operator.press("c")
        await operator.until_asked(CleanUpScreen)
        yield operator, world, probes


def lease_record(operator: Operator) -> AnyRecord:
    return operator.dashboard.view.cluster.records[LEASED[0][0]]


async def decide(world: World, probes: AtItsTime, *, renewed: bool) -> None:
    """Three seconds later the renewal has come, or was missed, and the address still refuses."""
    world.now += 3.0
    world.renewed(3, ago=0.0 if renewed else MISSED)
    probes.tell()


@pytest.mark.parametrize("size", [(130, 40), (120, 40), (80, 24)])
async def test_what_a_renewal_is_to_decide_is_shown_with_when_and_has_no_tick(
    size: tuple[int, int],
) -> None:
    async with cleaning_up_with_undecided(*ORPHANS, size=size) as (operator, world, _):
        await operator.until_shown("Clean up 2 stale keys?", "2 keys are undecided", "within 2 s")
        assert screen(operator)._table.ticked == keys_of(ORPHANS)
        assert len([line for line in operator.lines() if "[" in line and "]" in line]) == 2
        await operator.press("end", "space")
        await operator.until_shown("That is undecided: the next renewal of its lease shows")
        await operator.press("a", "a", "end")
        await operator.until_shown("space select")
        # Whichever comes first: the key, or the next look at what is stale.
        screen(operator)._table.action_choose()
        screen(operator)._look_again()
        await operator.until_shown("That is undecided: the next renewal of its lease shows")
        # All or none is of what may be ticked.
        await operator.press("a")
        await operator.until(lambda: screen(operator)._table.ticked == set())
        await operator.press("a")
        await operator.until(lambda: screen(operator)._table.ticked == keys_of(ORPHANS))
        await operator.press("Y")
        await operator.until(lambda: world.keys() == keys_of([LIVE, *LEASED]))


async def test_where_nothing_is_stale_yet_the_question_waits_for_what_may_be() -> None:
    async with cleaning_up_with_undecided() as (operator, world, probes):
        await operator.until_shown("Nothing is stale yet.", UNDECIDED)
        await operator.press("Y")
        await operator.until_shown("Nothing is selected")
        await decide(world, probes, renewed=False)
        await operator.until_shown("Clean up 2 stale keys?", "2 keys are stale now, too, and")
        await operator.until_shown("No key is undecided any more.")
        await operator.until_asked(CleanUpScreen)
        await operator.press("Y")
        await operator.until(lambda: world.keys() == keys_of([LIVE]))


async def test_what_is_decided_while_it_is_open_joins_and_a_yes_counts_only_once_it_was_seen() -> (
    None
):
    async with cleaning_up_with_undecided(*ORPHANS) as (operator, world, probes):
        before = world.keys()
        rows = [row.key for row in screen(operator)._table.rows]
        screen(operator).reading = 3600.0
        await decide(world, probes, renewed=False)
        await operator.until_shown("Clean up 4 stale keys?", "selected. Look again.")
        assert [row.key for row in screen(operator)._table.rows] == rows
        await operator.press("Y")
        assert not operator.on_main
        assert world.keys() == before
        screen(operator).reading = QUICK.reading
        screen(operator).was_drawn()
        await operator.until_asked(CleanUpScreen)
        await operator.press("Y")
        await operator.until(lambda: world.keys() == keys_of([LIVE]))


async def test_a_yes_at_the_moment_of_the_decision_removes_nothing() -> None:
    async with cleaning_up_with_undecided(*ORPHANS) as (operator, world, probes):
        before, question = world.keys(), screen(operator)
        # It was read as it is, and however late the key comes, not as it will be.
        question.reading = 3600.0
        question._shown_at -= 3600.0
        verdicts = operator.dashboard.view.verdicts
        await decide(world, probes, renewed=False)
        await operator.until(lambda: verdicts.is_stale(lease_record(operator)))
        # Whether the question looked by itself before or not.
        await operator.press("Y")
        assert operator.app.screen is question
        assert question._table.ticked == keys_of([*ORPHANS, *LEASED])
        assert world.keys() == before


async def test_a_selection_of_one_s_own_stays_as_it_is_when_more_is_decided() -> None:
    async with cleaning_up_with_undecided(*ORPHANS) as (operator, world, probes):
        await operator.press("home", "space")
        await decide(world, probes, renewed=False)
        await operator.until_shown("2 keys are stale now, too: space selects.", "Clean up 1 of 4")
        assert screen(operator)._table.ticked == keys_of(ORPHANS[1:])
        await operator.press("Y")
        await operator.until(lambda: world.keys() == keys_of([LIVE, ORPHANS[0], *LEASED]))


async def test_what_is_renewed_while_it_is_open_is_shown_to_live_and_stays() -> None:
    async with cleaning_up_with_undecided(*ORPHANS) as (operator, world, probes):
        await decide(world, probes, renewed=True)
        await operator.until_shown("No key is undecided any more.")
        await operator.until_shown("Clean up 2 stale keys?", "⇥ unreached")
        await operator.press("end", "space")
        await operator.until_shown("That is not stale: its lease is renewed.")
        await operator.press("Y")
        await operator.until(lambda: world.keys() == keys_of([LIVE, *LEASED]))
