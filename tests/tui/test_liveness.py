"""What the leases say reaches the screen: soon, at a bounded cost, and as it was when frozen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest

from backends.liveness.judge import Verdict
from backends.memory import MemoryStore
from backends.store import Entry, TimeToLive
from tests.support.asking import Turns
from tests.support.operating import LOST, Operator, World, dashboard
from tests.support.registered import MALFORMED, card, channel, instance, source
from tui.screens.detail import DetailScreen

DUE = 31.0
"""Seconds after which a renewal of a minute's lease is due: from then on it is asked about again
and again, so that what comes of it is seen soon."""
MISSED = 41.0
"""Seconds after which it was missed."""


class CountingStore(MemoryStore):
    """Remembers what it was asked about time to live."""

    def __init__(self, world: World) -> None:
        super().__init__(world.keyspace)
        self.asked: list[int | None] = []
        """The lease that each question was about."""

    async def time_to_live(self, entries: Iterable[Entry]) -> dict[bytes, TimeToLive]:
        asked = list(entries)
        self.asked += [entry.lease for entry in asked]
        return await super().time_to_live(asked)


def register(world: World, worker: int, component: str = "backend") -> None:
    """An instance, its model's card, and a channel with its source, all on one lease."""
    contents = [instance(worker, component=component), card(worker, component=component)]
    publisher = 0x100 + worker
    world.put(*contents, channel(publisher), source(publisher, worker), lease=worker)


def world_of(*workers: int) -> World:
    """Workers whose renewals are due now, and did not come yet."""
    world = World()
    for worker in workers:
        register(world, worker)
    due(world, *workers)
    return world


def due(world: World, *workers: int) -> None:
    for worker in workers:
        world.renewed(worker, ago=DUE)


def miss(world: World, *workers: int) -> None:
    for worker in workers:
        world.renewed(worker, ago=MISSED)


async def until_states(operator: Operator, *states: str) -> None:
    await operator.until(lambda: operator.rows("state") == list(states), f"the states {states}")


async def show_only_findings(operator: Operator) -> None:
    await operator.press("exclamation_mark")
    await operator.until(lambda: "! not live only" in operator.breadcrumb())


async def test_before_a_lease_was_read_nothing_is_said_of_it_and_then_it_is_live() -> None:
    world = World()
    register(world, 1)
    world.keyspace.break_off(LOST)
    async with dashboard(world, complete=False) as operator:
        await operator.until_shown("not connected")
        world.keyspace.mend()
        await until_states(operator, "● live")
        assert "finding" not in operator.header()
        assert operator.branches()[0] == "all namespaces 1"


async def test_a_late_lease_shows_on_every_row_that_hangs_on_it() -> None:
    world = world_of(1, 2)
    async with dashboard(world) as operator:
        await until_states(operator, "● live", "● live")
        miss(world, 1)
        await until_states(operator, "◐ late", "● live")
        await operator.press("2", "l")
        # The model's own row says how many of its cards are.
        await until_states(operator, "◐ 1 late", "◐ late", "● live")
        await operator.press("3")
        await until_states(operator, "◐ late", "● live")
        await operator.press("4")
        await until_states(operator, "◐ late", "◐ late", "● live", "● live")


async def test_the_tree_says_how_many_are_well_and_the_header_how_many_are_not() -> None:
    world = World()
    for worker in range(1, 31):
        register(world, worker, "backend" if worker < 21 else "router")
    due(world, *range(1, 31))
    async with dashboard(world, size=(130, 40)) as operator:
        await operator.until(lambda: set(operator.rows("state")) == {"● live"})
        assert operator.branches() == [
            "all namespaces 30",
            "  prod 30",
            "    backend 30",  # all have their channels there
            "    router 10",
        ]
        miss(world, 1)
        await operator.until(lambda: "4 findings  30 instances" in operator.header())
        assert operator.branches() == [
            "all namespaces 29/30 !4",
            "  prod 29/30 !4",
            "    backend 29/30 !4",
            "    router 10",
        ]


async def test_a_lease_that_is_renewed_after_all_is_live_again_everywhere() -> None:
    world = world_of(1, 2)
    async with dashboard(world) as operator:
        miss(world, 1)
        await until_states(operator, "◐ late", "● live")
        await operator.until(lambda: "4 findings" in operator.header())
        world.renewed(1)
        await until_states(operator, "● live", "● live")
        await operator.until(lambda: "finding" not in operator.header())
        assert operator.branches()[0] == "all namespaces 2"


async def test_the_store_is_asked_no_more_often_than_the_cap_and_nothing_is_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    turns = Turns(monkeypatch)
    world = World()
    for worker in range(1, 41):
        register(world, worker)
        # It is then that the store is asked most.
        miss(world, worker)
    before, store = world.keyspace.read([b""]), CountingStore(world)
    async with dashboard(world, store=store, lease_rate=20.0) as operator:
        await operator.until(lambda: len(set(store.asked)) == 40, "each lease asked about")
        await operator.until(lambda: len(store.asked) >= 80, "each asked about again")
        assert turns.keep(20.0)
        assert None not in store.asked
    assert world.keyspace.read([b""]) == before
    assert world.entries() == before.entries


async def test_leases_are_read_also_with_less_than_one_question_a_second() -> None:
    world = World()
    register(world, 1)
    async with dashboard(world, lease_rate=0.5) as operator:
        await until_states(operator, "● live")


async def test_the_header_says_how_old_the_answers_are_where_there_are_too_many_leases() -> None:
    world = World()
    for worker in range(1, 200):
        register(world, worker)
    async with dashboard(world, lease_rate=2.0, size=(130, 30)) as operator:
        # Most were never read: how old their answers are cannot be said.
        await operator.until(lambda: " of 199 leases read" in operator.header())
        assert "leases read up to" not in operator.header()
    async with dashboard(world, size=(130, 30)) as operator:
        verdicts = operator.dashboard.view.verdicts
        await operator.until(lambda: all(map(verdicts.lease_ttl, verdicts.records())), "all read")
        await operator.until(lambda: "leases read" not in operator.header())


async def test_what_is_known_of_a_record_is_in_the_detail_with_its_age() -> None:
    world = world_of(1)
    async with dashboard(world) as operator:
        miss(world, 1)
        await until_states(operator, "◐ late")
        late = "its lease has 19 of 60 s left: the keep-alive at 30 s was missed"
        await operator.until(lambda: operator.detail()["evidence"] == f"{late}  (now)")
        assert operator.detail()["state"].startswith("late: a keep-alive was missed")
        # No answer from now on: what is known gets older.
        world.keyspace.break_off(LOST)
        await operator.until_shown("disconnected")
        world.now += 75
        await operator.until(lambda: operator.detail()["evidence"] == f"{late}  (1m ago)")
        await operator.until_shown(late, "1m ago")
        await operator.press("enter")
        await operator.until(lambda: isinstance(operator.app.screen, DetailScreen))
        await operator.until_shown(late)


async def test_without_a_connection_the_last_verdicts_stay_muted() -> None:
    world = world_of(1, 2)
    async with dashboard(world) as operator:
        miss(world, 1)
        await until_states(operator, "◐ late", "● live")
        world.keyspace.break_off(LOST)
        await operator.until_shown("disconnected since")
        assert operator.rows("state") == ["◐ late", "● live"]
        assert operator.branches()[0] == "all namespaces 1/2 !4"
        assert operator.pane.table.has_class("-stale")
        # Nothing is concluded from silence.
        world.now += 300
        await operator.until(lambda: "data 5m old" in operator.header())
        assert operator.rows("state") == ["◐ late", "● live"]
        world.now -= 300
        world.renewed(1)
        world.keyspace.mend()
        await until_states(operator, "● live", "● live")
        assert not operator.pane.table.has_class("-stale")


async def test_a_frozen_view_keeps_its_verdicts_and_catches_up() -> None:
    world = world_of(1, 2)
    async with dashboard(world) as operator:
        await until_states(operator, "● live", "● live")
        await operator.press("f")
        await operator.until_shown("frozen")
        miss(world, 1)
        verdicts = operator.dashboard.view.verdicts
        late = next(one for one in verdicts.records() if one.key == instance(1)[0])
        await operator.until(
            lambda: (life := verdicts.lease_ttl(late)) is not None and life.ttl.remaining < 20,
            "it was heard",
        )
        assert operator.rows("state") == ["● live", "● live"]
        assert operator.branches()[0] == "all namespaces 2"
        assert "finding" not in operator.header()
        await operator.press("f")
        await until_states(operator, "◐ late", "● live")
        assert operator.branches()[0] == "all namespaces 1/2 !4"
        await operator.until(lambda: "4 findings" in operator.header())


async def test_what_was_frozen_before_it_was_read_gets_its_verdicts_when_it_goes_on() -> None:
    world = World()
    register(world, 1)
    world.keyspace.break_off(LOST)
    async with dashboard(world, complete=False) as operator:
        await operator.until_shown("not connected")
        await operator.press("f")
        await operator.until_shown("frozen")
        world.keyspace.mend()
        await operator.until(lambda: operator.rows("id") == ["1"])
        await operator.press("f")
        await until_states(operator, "● live")


# Only what is not live.


async def test_only_what_is_not_live_is_shown_and_follows_as_it_changes() -> None:
    world = world_of(1, 2, 3)
    async with dashboard(world) as operator:
        miss(world, 1)
        await until_states(operator, "◐ late", "● live", "● live")
        await show_only_findings(operator)
        assert operator.rows("id") == ["1"]
        # Another one becomes late, and the first recovers.
        miss(world, 3)
        world.renewed(1)
        await operator.until(lambda: operator.rows("id") == ["3"])
        assert operator.rows("state") == ["◐ late"]
        world.renewed(3)
        await operator.until(lambda: operator.rows("id") == [])
        await operator.until_shown("No findings here, by the evidence so far")


async def test_what_hides_all_rows_is_said_be_it_the_filter_or_only_findings_or_both() -> None:
    world = world_of(1, 2)
    async with dashboard(world) as operator:
        miss(world, 1)
        await until_states(operator, "◐ late", "● live")
        await show_only_findings(operator)
        await operator.type("/generate/2\r")
        assert operator.rows("id") == []
        await operator.until_shown("Nothing here matches “generate/2” and is not live:")
        await operator.press("exclamation_mark")
        assert operator.rows("id") == ["2"]
        await operator.press("escape")
        await operator.until(lambda: operator.rows("id") == ["1", "2"])


async def test_every_tab_shows_only_what_is_not_live() -> None:
    world = world_of(1, 2)
    world.put(MALFORMED)
    async with dashboard(world) as operator:
        miss(world, 1)
        await operator.until(lambda: operator.rows("state").count("◐ late") == 1)
        await show_only_findings(operator)
        await operator.until(lambda: len(operator.rows("id")) == 2)
        assert operator.tabs()[1:5] == ["Instances 2", "Models 1", "Workers 2", "Channels 1"]
        await operator.press("2")
        # What is narrowed is open.
        await until_states(operator, "◐ 1 late", "◐ late")
        await operator.press("3")
        assert operator.rows("id") == ["1", "bad"]
        await operator.press("4")
        assert set(operator.rows("worker")) == {"1"}


async def test_esc_and_the_same_key_again_show_everything() -> None:
    world = world_of(1, 2)
    async with dashboard(world) as operator:
        await operator.until(lambda: set(operator.rows("state")) == {"● live"})
        for end in ("exclamation_mark", "escape"):
            await show_only_findings(operator)
            assert operator.rows("id") == []
            await operator.press(end)
            await operator.until(lambda: operator.rows("id") == ["1", "2"])
            assert "not live only" not in operator.breadcrumb()


async def test_the_trees_numbers_are_of_what_is_shown() -> None:
    world = World()
    register(world, 1)
    register(world, 2)
    register(world, 3, "router")
    due(world, 1, 2, 3)
    async with dashboard(world) as operator:
        miss(world, 1)
        await operator.until(lambda: operator.branches()[0] == "all namespaces 2/3 !4")
        await show_only_findings(operator)
        await operator.until(lambda: operator.branches()[0] == "matches 4 !4")
        assert operator.branches()[1:] == ["  prod 4 !4", "    backend 4 !4", "      generate 2 !2"]
        await operator.press("exclamation_mark", "slash", *"10.0.0.2", "enter")
        await operator.until(lambda: operator.branches()[0] == "matches 1")
        await operator.press("slash", *["backspace"] * 9, *"backend", "enter")
        await operator.until(lambda: "    backend 10 !4" in operator.branches())
        # What is said of all is not of what is shown.
        assert "4 findings  3 instances" in operator.header()


async def test_with_a_filter_it_shows_what_matches_and_is_not_live() -> None:
    world = world_of(1, 2, 3)
    async with dashboard(world) as operator:
        miss(world, 1, 2)
        await until_states(operator, "◐ late", "◐ late", "● live")
        await show_only_findings(operator)
        await operator.press("slash", *"10.0.0.2", "enter")
        await operator.until(lambda: operator.rows("id") == ["2"])
        await operator.press("slash", *["backspace"] * 9, *"10.0.0.3", "enter")
        await operator.until(lambda: operator.rows("id") == [])
        await operator.until_shown("Nothing here matches")


async def test_the_tree_and_the_table_agree_while_many_recover_and_fail() -> None:
    world = world_of(*range(1, 13))
    async with dashboard(world) as operator:
        late: Sequence[int]
        for late in ([1, 5, 9], [2], [], [1, 2, 3, 4], [12]):
            due(world, *(one for one in range(1, 13) if one not in late))
            miss(world, *late)
            wanted = [f"{one:x}" for one in late]
            await operator.until(
                lambda wanted=wanted: (
                    [  # type: ignore[misc]
                        one
                        for one, state in zip(
                            operator.rows("id"), operator.rows("state"), strict=True
                        )
                        if state == "◐ late"
                    ]
                    == wanted
                ),
                f"{wanted} late",
            )
            well = f"{12 - len(late)}/12 !{4 * len(late)}" if late else "12"
            await operator.until(
                lambda well=well: operator.branches()[0] == f"all namespaces {well}"  # type: ignore[misc]
            )
        verdicts = operator.dashboard.view.verdicts
        assert verdicts.of(instance(12)[0]) is Verdict.LATE
