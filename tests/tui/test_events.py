"""The Events tab: what happened, newest first, and why as far as it is known."""

from __future__ import annotations

from textual import events

from tests.support.operating import LOST, Operator, World, dashboard
from tests.support.registered import card, instance
from tui.text.reasons import AFTER_GAP, reason_text


def happened(operator: Operator) -> list[tuple[str, str, str]]:
    """What, which id, and why; newest first; each event by itself."""
    causes = operator.dashboard.view.causes()
    found = [event for cause in causes for event in reversed(cause.events)]
    ids = ["" if one.record is None else f"{one.record.id.instance_id:x}" for one in found]
    return [
        (one.type.value, number, reason_text(one.why))
        for one, number in zip(found, ids, strict=True)
    ]


START = ("resynced", "", "1 record at the start at revision 1")


async def test_what_was_there_at_the_start_is_one_event() -> None:
    world = World(leases=False)
    world.put(instance(1))
    async with dashboard(world) as operator:
        await operator.open("events")
        assert happened(operator) == [START]


async def test_what_came_changed_and_went_is_told_with_why_newest_first() -> None:
    world = World(leases=False)
    world.put(instance(1), lease=1)
    async with dashboard(world) as operator:
        await operator.open("events")
        world.put(instance(2), lease=2)
        world.put(instance(2, address="10.9.9.9:1"), lease=2)
        world.keyspace.end_lease(2)
        world.keyspace.delete(instance(1)[0])
        await operator.until(lambda: len(happened(operator)) == 5)
        await operator.until(lambda: all(why for _, _, why in happened(operator)[:2]))
        lives_on = "its lease was alive with 60 of 60 s left"
        found = happened(operator)
        ended = found[1][2]
        # Whether that lease was read before it ended is chance.
        assert ended.startswith(("lease ended", "lease revoked with 60 of 60 s left"))
        assert found == [
            ("removed", "1", f"drained or deleted, or its worker is stopping: {lives_on}"),
            ("removed", "2", ended),
            ("changed", "2", ""),
            ("added", "2", ""),
            START,
        ]
        await operator.until_shown("lease ")


async def test_what_this_dyntop_unregistered_is_told_as_such() -> None:
    world = World(leases=False)
    world.put(instance(1))
    async with dashboard(world) as operator:
        await operator.drain("1")
        await operator.until(lambda: operator.gone("id") == ["1"])
        await operator.open("events")
        assert happened(operator)[0] == ("removed", "1", "drained by this dyntop")


async def test_the_cursor_stays_on_top_like_a_log_and_on_its_row_below() -> None:
    world = World(leases=False)
    world.put(instance(1))
    async with dashboard(world) as operator:
        await operator.open("events")
        world.put(instance(2))
        await operator.until(lambda: len(operator.pane.rows) == 2)
        assert operator.at("id") == "2"
        await operator.press("j")
        world.put(instance(3))
        await operator.until(lambda: len(operator.pane.rows) == 3)
        assert operator.at("what") == operator.rows("what")[-1]


async def test_a_gap_is_told_with_what_differs_after_it() -> None:
    world = World(leases=False)
    world.put(instance(1))
    async with dashboard(world) as operator:
        await operator.open("events")
        world.keyspace.break_off(LOST)
        world.keyspace.delete(instance(1)[0])
        world.put(instance(2))
        world.keyspace.mend()
        await operator.until(lambda: len(happened(operator)) == 5)
        await operator.until(lambda: bool(happened(operator)[2][2]))
        assert happened(operator) == [
            ("resynced", "", "1 added or changed, 1 removed at revision 3"),
            ("added", "2", "differed after a gap"),
            ("removed", "1", f"{AFTER_GAP}stopped: all keys of its worker were removed"),
            ("lost", "", "lost: this process"),
            START,
        ]


async def test_what_went_is_shown_as_it_last_was_and_cannot_be_unregistered_again() -> None:
    world = World(leases=False)
    world.put(instance(1), card(1))
    async with dashboard(world) as operator:
        await operator.open("events")
        world.keyspace.delete(instance(1)[0])
        await operator.until(lambda: operator.at("id") == "1")
        await operator.until(lambda: "removed" in operator.detail())
        assert operator.detail()["key"] == "v1/instances/prod/backend/generate/1"
        await operator.press("d")
        assert operator.on_main


async def test_the_filter_looks_at_names_ids_and_reasons() -> None:
    world = World(leases=False)
    world.put(instance(1))
    async with dashboard(world) as operator:
        await operator.open("events")
        world.put(instance(0xAB), instance(0xCD))
        await operator.until(lambda: len(operator.pane.rows) == 3)
        for text, ids in (("cd", ["cd"]), ("at the start", [""]), ("generate", ["cd", "ab"])):
            await operator.press("slash")
            await operator.type(text)
            await operator.until(lambda ids=ids: operator.rows("id") == ids, text)  # type: ignore[misc]
            await operator.press("escape")
        await operator.until(lambda: len(operator.pane.rows) == 3)
        # What happened has no verdict: that only findings are shown hides none of it.
        await operator.press("exclamation_mark")
        assert len(operator.pane.rows) == 3
        await operator.type("/nowhere\r")
        await operator.until_shown("Nothing that happened matches “nowhere”")


async def test_a_worker_is_one_row_that_grows_where_it_is_and_opens_to_its_keys() -> None:
    world = World()
    world.put(instance(1))
    async with dashboard(world) as operator:
        await operator.open("events")
        world.put(instance(0xA7), lease=0xA7)
        await operator.until(lambda: "+ started" in operator.rows("what")[0])
        world.put(instance(0xB2), lease=0xB2)
        await operator.until(lambda: len(operator.pane.rows) == 3)
        await operator.press("j")
        assert (operator.at("kind"), operator.at("id")) == ("worker", "a7")
        world.put(card(0xA7), lease=0xA7)
        await operator.until(lambda: (operator.at("why") or "").endswith("2 keys"))
        assert operator.at("id") == "a7"
        assert operator.at("why") == "acme/tiny-llm, 10.0.0.167, 2 keys"
        await operator.press("right")
        await operator.until(lambda: len(operator.pane.rows) == 5)
        below = ["prod/backend", "generate acme/tiny-llm", "generate"]
        assert operator.rows("name")[1:4] == below
        detail = operator.detail()
        assert detail["worker"] == "a7, in decimal 167"
        assert detail["now"].startswith("2 keys registered, ")
        # From an event below to the row that it belongs to, and closed.
        await operator.press("j", "left")
        assert operator.at("name") == "prod/backend"
        await operator.press("enter")
        await operator.until(lambda: len(operator.pane.rows) == 3)
        await operator.press("o")
        await operator.until(lambda: operator.tab() == "instances")
        assert operator.at("id") == "a7"
        # The worker ends: `o` has nowhere to go.
        world.keyspace.end_lease(0xA7)
        await operator.open("events")
        await operator.until(lambda: operator.rows("id")[0] == "a7")
        await operator.press("home", "o")
        await operator.until_shown("This row is gone: there is nothing to act on.")


async def test_a_filter_by_time_is_named_after_a_colon_and_hides_no_record() -> None:
    world = World()
    world.put(instance(1))
    async with dashboard(world) as operator:
        await operator.type(":events 10m kind:worker\r")
        # The start is about the store.
        await operator.until_shown("Nothing that happened matches “10m kind:worker”")
        world.put(instance(2), lease=2)
        await operator.until(lambda: operator.rows("id") == ["2"])
        await operator.press("1")
        assert operator.rows("id") == ["1", "2"]
        # As it ages it leaves, without an event, and is not there when the tab opens again.
        world.now += 601
        await operator.press("7")
        await operator.until_shown("Nothing that happened matches “10m kind:worker”")
        world.put(instance(3), lease=3)
        await operator.until(lambda: operator.rows("id") == ["3"])
        world.now += 601
        await operator.until_shown("Nothing that happened matches “10m kind:worker”")


async def test_what_came_without_a_look_is_marked_and_counted_until_a_key_in_events() -> None:
    world = World()
    world.put(instance(1))
    async with dashboard(world) as operator:
        world.put(instance(2), lease=2)
        await operator.until(lambda: len(operator.dashboard.view.history) == 2)
        operator.app.post_message(events.AppBlur())
        await operator.until(lambda: operator.dashboard.attention.unseen.is_away)
        world.put(instance(3), lease=3)
        await operator.until_shown("Events •1")
        operator.app.post_message(events.AppFocus())
        await operator.until(lambda: not operator.dashboard.attention.unseen.is_away)
        world.put(instance(4), lease=4)
        # A key anywhere else says nothing of Events; to open it shows the marks.
        await operator.press("j")
        await operator.open("events")
        await operator.until(lambda: len(operator.pane.rows) == 4)
        marked = [text.endswith("•") for text in operator.rows("time")]
        assert marked == [False, True, False, False]
        assert "Events •1" in operator.text()
        await operator.press("j")
        await operator.until_not_shown("•1")
        assert not any(text.endswith("•") for text in operator.rows("time"))
