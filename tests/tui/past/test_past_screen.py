"""The dashboard of an earlier moment: what was registered then, and no act."""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from itertools import count

import pytest
from textual.timer import Timer
from textual.widget import Widget

from backends.store import Cause, Unreachable
from tests.support import registered
from tests.support.operating import Operator, dashboard
from tests.support.remembering import RememberingWorld
from tui.actions import ACTIONS, Place
from tui.config.preferences import Preferences
from tui.dialogs.columns import ColumnsScreen, ColumnTable
from tui.screens.main import MainScreen
from tui.screens.past import PastScreen
from tui.state.dashboard import Dashboard

VISITS = 50


def world_of(*numbers: int) -> RememberingWorld:
    """Instances in the order in which they came; the first at revision 2."""
    world = RememberingWorld()
    for number in numbers:
        world.put(registered.instance(number), lease=number)
    return world


async def until_ids(operator: Operator, *ids: str) -> None:
    await operator.until(lambda: operator.on_main and operator.rows("id") == [*ids], f"{ids}")


async def until_past(operator: Operator, revision: int) -> None:
    await operator.until_shown("PAST", f"revision {revision} ")


async def until_present(operator: Operator) -> None:
    await operator.until(lambda: not isinstance(operator.app.screen, PastScreen), "the present")


async def test_keys_step_back_and_forward_and_beyond_the_last_change_is_the_present() -> None:
    async with dashboard(world_of(1, 2, 3)) as operator:
        for key, revision, ids in (("[", 3, "12"), ("[", 2, "1"), ("[", 1, ""), ("]", 2, "1")):
            await operator.press(key)
            await until_past(operator, revision)
            await until_ids(operator, *ids)
        await operator.press("]", "]")
        await until_past(operator, 4)
        await until_ids(operator, "1", "2", "3")
        await operator.press("]")
        await until_present(operator)
        assert "PAST" not in operator.text()


@pytest.mark.parametrize("key", ["N", "escape"])
async def test_one_key_returns_and_nothing_of_the_present_was_lost(key: str) -> None:
    world = world_of(1, 2, 3)
    async with dashboard(world) as operator:
        await operator.press("[")
        await until_past(operator, 3)
        world.put(registered.instance(4))
        world.keyspace.delete(registered.instance(1)[0])
        live = operator.app.screen_stack[0]
        assert isinstance(live, MainScreen)
        await operator.until(lambda: len(live.dashboard.view.tombstones) == 1)
        await until_ids(operator, "1", "2")
        await operator.press(key)
        await until_present(operator)
        await until_ids(operator, "2", "3", "4")
        assert operator.gone("id") == ["1"]
        assert [one.type.value for one in operator.dashboard.view.events()[:2]] == [
            "removed",
            "added",
        ]


async def test_no_act_is_possible_and_a_notice_says_why() -> None:
    world = world_of(1, 2, 3)
    world.put(registered.MALFORMED)
    async with dashboard(world) as operator:
        await operator.press("[")
        await until_past(operator, 4)
        before = world.entries()
        acts = [one for one in ACTIONS if one.writes and Place.MAIN in one.places]
        assert {one.id for one in acts} == {"drain", "unregister", "clean-up", "undo"}
        for tab in range(len(operator.tabs())):
            await operator.press(str(tab), "asterisk")
            for key in ("d", "c", "u", "p", "f"):
                operator.forget_told()
                await operator.press(key)
                assert operator.on_main
                (told,) = operator.told() or [""]
                if key in "dcu":
                    assert told.startswith("This is the past: nothing can be changed here"), key
        assert world.entries() == before
        offered = {one.title for one in operator.app.get_system_commands(operator.app.screen)}
        assert not offered & {"Drain", "Unregister", "Clean up", "Undo"}
        assert "Return to the present" in offered


async def test_nothing_is_claimed_of_leases_of_then() -> None:
    async with dashboard(world_of(1, 2, 3)) as operator:
        await operator.press("[")
        await until_past(operator, 3)
        assert set(operator.rows("state")) == {"? unknown"}
        assert "time not known" in operator.header()
        assert set(operator.rows("seen")) == {"–"}
        text = operator.text()
        assert " yet" not in text
        assert "no evidence of then is known" in text
        await operator.press("0")
        await operator.until_shown("WRONG THEN", "nothing that is known: 2 records are unknown")
        for tab in range(9):
            await operator.press(str(tab))
            assert " yet" not in operator.text(), tab


async def test_models_are_as_served_as_their_cards_were_at_each_step() -> None:
    world = RememberingWorld()
    for number in (1, 2):
        world.put(registered.instance(number), lease=number)
        world.put(registered.card(number), lease=number)
    async with dashboard(world, preferences=Preferences(first_tab="overview")) as operator:
        await operator.until_shown("aggregated 2/2")
        there = (("[", 4, "?/1"), ("[", 3, "?/1"), ("[", 2, None))
        for key, revision, served in (*there, ("]", 3, "?/1"), ("]", 4, "?/1"), ("]", 5, "?/2")):
            await operator.press(key)
            await until_past(operator, revision)
            text = "Models 0" if served is None else f"aggregated {served}"
            await operator.until_shown(text)


async def test_times_are_those_of_then_as_far_as_the_store_was_followed() -> None:
    world = world_of(1)
    async with dashboard(world) as operator:
        world.now += 100
        world.put(registered.instance(2))
        await until_ids(operator, "1", "2")
        world.now += 200
        world.put(registered.instance(3))
        await until_ids(operator, "1", "2", "3")
        world.now += 50
        await operator.press("[")
        await until_past(operator, 3)
        await operator.until_shown("4m ago")
        assert operator.rows("seen") == [">1m", "0s"]
        await operator.press("}")
        await operator.until_shown("3m ago")
        assert operator.rows("seen") == [">2m", "1m"]
        await operator.press("{", "{", "{")
        await operator.until(
            lambda: any("those since" in one for one in operator.told()), "that it is not known"
        )
        await until_past(operator, 2)


async def test_a_removal_has_the_reason_that_was_found_when_it_came() -> None:
    world = world_of(1, 2)
    async with dashboard(world) as operator:
        world.now += 5
        world.keyspace.end_lease(1)
        await until_ids(operator, "2")
        await operator.until(lambda: operator.dashboard.view.events()[0].why is not None, "why")
        why = operator.dashboard.view.events()[0].why
        world.put(registered.instance(3))
        await until_ids(operator, "2", "3")
        await operator.press("[")
        await until_past(operator, 4)
        (newest, *_) = operator.dashboard.view.events()
        assert (newest.type.value, newest.why, newest.is_untimed) == ("removed", why, False)
        await operator.press("[", "]")
        await until_past(operator, 4)
        (newest, *_) = operator.dashboard.view.events()
        assert (newest.type.value, newest.why, newest.is_untimed) == ("removed", why, False)
        assert operator.gone("id") == ["1"]


async def test_events_that_are_stepped_to_have_revisions_as_those_that_it_opens_with() -> None:
    async with dashboard(world_of(1, 2, 3, 4), size=(130, 40)) as operator:
        await operator.press("7", "[", "[", "[", "[")
        await until_past(operator, 1)
        await operator.until_shown("No event up to this moment is known")
        for revision in (2, 3, 4):
            await operator.press("]")
            await until_past(operator, revision)
        await operator.until_shown("The last 3 events up to this moment", "1+ revisions ago")
        stepped = operator.rows("why")
        assert [one.partition(":")[0] for one in stepped] == [f"revision {n}" for n in (4, 3, 2)]
        await operator.press("[", "N", "[")
        await until_past(operator, 4)
        assert operator.rows("why") == stepped
        assert "dyntop's start" not in operator.text()


async def test_a_key_that_is_held_piles_up_no_notices() -> None:
    async with dashboard(world_of(1)) as operator:
        await operator.press("[")
        await until_past(operator, 1)
        for _ in range(5):
            await operator.press("[")
            await operator.until_shown("Nothing was written before revision 1.")
            await operator.press("d", "d", "d")
            await operator.until_shown("nothing can be changed here")
        assert len(operator.app._notifications) == 2


async def test_what_is_compacted_is_said_and_what_was_shown_stays() -> None:
    world = world_of(1, 2, 3, 4)
    world.compact(3)
    async with dashboard(world) as operator:
        await operator.press("[", "[")
        await until_past(operator, 3)
        await operator.press("[")
        await operator.until(
            lambda: any("Revision 3 is the oldest" in one for one in operator.told())
        )
        await until_past(operator, 3)
        await operator.press("colon")
        await operator.type("rev 2\r")
        await operator.until(lambda: any("compacted" in one for one in operator.told()))
        await until_past(operator, 3)


async def test_a_store_that_is_lost_is_said_and_what_was_shown_stays() -> None:
    world = world_of(1, 2, 3)
    async with dashboard(world) as operator:
        await operator.press("[")
        await until_past(operator, 3)
        world.past.error = Unreachable("this process", Cause.LOST)
        await operator.press("[")
        await operator.until(lambda: operator.told(), "a notice")
        await until_past(operator, 3)
        await operator.press("N")
        await until_present(operator)
        operator.forget_told()
        await operator.press("[")
        await operator.until(lambda: operator.told() and operator.on_main, "a notice")
        await until_present(operator)


async def test_a_store_that_is_lost_meanwhile_is_said_in_the_top_line() -> None:
    world = world_of(1, 2, 3)
    async with dashboard(world, size=(80, 24)) as operator:
        await operator.press("[")
        await until_past(operator, 3)
        world.keyspace.break_off(Unreachable("this process", Cause.LOST))
        await operator.until(lambda: "✗ now disconnected since" in operator.header())
        assert "revision 3" in operator.header()
        assert operator.told() == []


async def test_of_keys_pressed_fast_only_where_they_lead_is_read() -> None:
    world = world_of(*range(1, 10))
    async with dashboard(world) as operator:
        await operator.press("[")
        await until_past(operator, 9)
        world.past.read.clear()
        world.past.may_answer.clear()
        await operator.press("[", "[", "[", "[", "[")
        world.past.may_answer.set()
        await until_past(operator, 4)
        assert len(world.past.read) <= 2


async def test_place_filter_and_row_go_along_and_stay_on_every_move() -> None:
    world = world_of(1, 2, 3, 4)
    async with dashboard(world, size=(140, 30)) as operator:
        await operator.select("prod")
        await operator.go_to("id", "2")
        await operator.press("[")
        await until_past(operator, 4)
        assert (operator.tab(), operator.at("id"), operator.dashboard.scope) == (
            "instances",
            "2",
            ("prod",),
        )
        await operator.press("[")
        await until_past(operator, 3)
        assert (operator.at("id"), operator.dashboard.scope) == ("2", ("prod",))


async def test_a_store_without_a_past_says_so() -> None:
    async with dashboard() as operator:
        await operator.press("[")
        await operator.until(lambda: any("keeps only" in one for one in operator.told()))
        operator.forget_told()
        await operator.press("]")
        assert operator.told() == ["This is the present: [ goes a change back."]
        assert not isinstance(operator.app.screen, PastScreen)


async def test_a_time_that_is_still_to_come_is_the_present(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = world_of(1, 2, 3)
    async with dashboard(world) as operator:
        clock = operator.dashboard.clock
        # As all clocks, it has gone on whenever it is read.
        ticks = count(clock(), 0.001)
        monkeypatch.setattr(type(clock), "__call__", lambda _: next(ticks))
        for typed in ("2099-01-01", "end", "0s", "+99999999d"):
            operator.forget_told()
            await operator.press("colon")
            await operator.type(f"at {typed}\r")
            await operator.until(
                lambda: operator.told() == ["This is the present: [ goes a change back."]
            )
            assert not isinstance(operator.app.screen, PastScreen)
        await operator.press("[")
        await until_past(operator, 3)
        await operator.press("colon")
        await operator.type("at 2099-01-01\r")
        await operator.until(
            lambda: operator.on_main and not isinstance(operator.app.screen, PastScreen)
        )


async def test_no_other_context_is_shown_from_the_past() -> None:
    async with dashboard(world_of(1, 2)) as operator:
        await operator.press("[")
        await until_past(operator, 2)
        await operator.press("colon")
        await operator.type("ctx\r")
        await operator.until(lambda: any("from the past" in one for one in operator.told()))


async def test_visits_leave_nothing_behind() -> None:
    kinds = (Dashboard, MainScreen, Widget, Timer)

    def held() -> Counter[str]:
        gc.collect()
        found = Counter(type(one).__name__ for one in gc.get_objects() if isinstance(one, kinds))
        found["Task"] = len(asyncio.all_tasks())
        return found

    async with dashboard(world_of(*range(1, 6))) as operator:
        before = held()
        for _ in range(VISITS):
            await operator.press("[")
            await until_past(operator, 5)
            await operator.press("N")
            await until_present(operator)
        operator.app.clear_notifications()
        await operator.until(lambda: not operator.main.query("Toast"), "no message")
        operator.app._free_memory()
        # A timer that was stopped keeps what began it until it would have gone off.
        await operator.until(lambda: not held()["PastScreen"], "all screens of the past gone")
        after = held()
        more = {name: after[name] - before[name] for name in after if after[name] > before[name]}
        assert not {name: number for name, number in more.items() if number > 5}, more


async def test_how_many_revisions_ago_is_not_counted_beyond_a_restore() -> None:
    async with dashboard(world_of(1, 2, 3)) as operator:
        await operator.press("[")
        await operator.until_shown("1+ revisions ago")
        times = operator.dashboard.times
        times.observe(2, 1.0, is_all=True)
        times.observe(9, 2.0)
        assert not any("revisions ago" in one for one in operator.dashboard.place_parts())
        await operator.press("[")
        await operator.until(lambda: any("counts its revisions anew" in o for o in operator.told()))
        await until_past(operator, 3)


async def test_what_is_chosen_by_key_in_the_past_is_seen_in_the_present_at_once() -> None:
    async with dashboard(world_of(1, 2, 3), size=(160, 30)) as operator:
        width = operator.tree.outer_size.width
        await operator.press("[")
        await until_past(operator, 3)
        await operator.press("3", "S", "1", "S", ">", "C")
        await operator.until(lambda: isinstance(operator.app.screen, ColumnsScreen), "the choice")
        rows = operator.app.screen.query_one(ColumnTable).rows
        down = [one.key for one in rows].index("host")
        await operator.press(*["j"] * down, "space", "escape", "N")
        await until_present(operator)
        await operator.until(lambda: operator.tree.outer_size.width == width + 2)
        await until_ids(operator, "3", "2", "1")
        assert "host" not in [column.id for column, _ in operator.pane.table.laid_out()]
        await operator.press("3")
        await until_ids(operator, "3", "2", "1")
        # And again in the past, where that was chosen in the present.
        await operator.press("S", "[")
        await until_past(operator, 3)
        await until_ids(operator, "1", "2")
