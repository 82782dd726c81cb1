"""Unregister: asked first, removed exactly as shown, off the screen only when it is gone.

What may live is drained, and for that a yes is not enough.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

import pytest
from textual import events
from textual.widgets import Button, Input

from backends.discovery.reasons import BY_THIS_DYNTOP
from backends.memory import MemoryStore
from backends.store import (
    Cause,
    Entry,
    Forbidden,
    Outcome,
    Removal,
    StoreError,
    Unreachable,
)
from tests.support import registered
from tests.support.operating import Operator, World, dashboard
from tests.support.registered import MALFORMED, KeyAndValue, card, channel, instance, source
from tui.dialogs.unregister import UnregisterDialog
from tui.widgets.panes.pane import Pane

WORKER = 0xA7
KEY = instance(WORKER)[0]


def world_of_two() -> World:
    world = World()
    world.put(instance(WORKER), card(WORKER), card(WORKER, lora="acme/sql"), instance(0xB2))
    return world


def world_of_stale() -> World:
    world = World()
    world.put(MALFORMED)
    return world


def dialog(operator: Operator) -> UnregisterDialog:
    assert isinstance(operator.app.screen, UnregisterDialog)
    return operator.app.screen


async def agree(operator: Operator) -> None:
    """Say what the dialog asks for."""
    if dialog(operator).targets.must_be_typed:
        await operator.type(f"{dialog(operator).targets.phrase()}\r")
    else:
        await operator.press("Y")
    await operator.until(
        lambda: not isinstance(operator.app.screen, UnregisterDialog), "the answer taken"
    )


def there(operator: Operator) -> list[str]:
    """The ids of the instances on screen that are not shown as gone."""
    states = operator.rows("state")
    return [
        one for one, state in zip(operator.rows("id"), states, strict=True) if state != "† gone"
    ]


# What is stale needs a yes.


async def test_no_is_the_default_and_no_removes_nothing() -> None:
    world = world_of_stale()
    before = world.entries()
    async with dashboard(world) as operator:
        for answer in (["enter"], ["n"], ["escape"], ["q"], ["tab", "tab", "enter"]):
            await operator.unregister()
            assert operator.app.focused is not None
            assert operator.app.focused.id == "no"
            await operator.press(*answer)
            await operator.until(lambda: operator.on_main)
            assert world.entries() == before
        assert operator.app.is_running
        assert operator.told() == []


@pytest.mark.parametrize("world_of", [world_of_two, world_of_stale])
async def test_enter_typed_right_behind_d_removes_nothing(world_of: Callable[[], World]) -> None:
    world = world_of()
    before = world.entries()
    async with dashboard(world) as operator:
        await operator.type("d\r")
        await operator.press("enter")
        assert world.entries() == before


@pytest.mark.parametrize("answer", [["Y"], ["tab", "enter"], ["right", "enter"]])
async def test_yes_removes_exactly_the_stale_key_shown(answer: list[str]) -> None:
    world = world_of_stale()
    async with dashboard(world) as operator:
        await operator.unregister()
        await operator.until_shown(
            "Unregister 1 instance?", "from memory at this process", MALFORMED[0].decode()
        )
        await operator.until_shown("revision 1", "! malformed  Dynamo skips it")
        await operator.press(*answer)
        await operator.until(lambda: not operator.dashboard.monitor.cluster.records)
        assert not world.keys()
        assert operator.told() == ["Unregistered 1 instance. u puts it back."]


async def test_yes_by_mouse() -> None:
    world = world_of_stale()
    async with dashboard(world) as operator:
        await operator.unregister()
        await operator.click_text("Unregister (Y)")
        await operator.until(lambda: not world.keys())


# What may live has to be named.


@pytest.mark.parametrize("typed", ["a7\r", "A7\r", " a7 \r"])
async def test_the_id_of_a_worker_that_may_live_is_typed_to_drain_it(typed: str) -> None:
    world = world_of_two()
    others = world.keys() - {KEY}
    async with dashboard(world) as operator:
        await operator.unregister()
        await operator.until_shown("Drain 1 instance?", "Type a7 to drain", KEY.decode())
        await operator.until_shown("The worker keeps 2 model cards.", "no worker serves it then.")
        await operator.type(typed)
        await operator.until(lambda: there(operator) == ["b2"])
        assert world.keys() == others
        assert operator.told() == ["Drained 1 instance. u puts it back."]


async def test_no_letter_says_yes_or_no_where_an_id_is_typed() -> None:
    world = world_of_two()
    before = world.entries()
    async with dashboard(world) as operator:
        await operator.unregister()
        await operator.type("Ynqkj/?fc")
        assert dialog(operator).query_one(Input).value == "Ynqkj/?fc"
        await operator.press("escape")
        await operator.until(lambda: operator.on_main)
        assert world.entries() == before


@pytest.mark.parametrize(
    ("typed", "said"),
    [("", "Nothing was typed."), ("a", "“a” does not match."), ("b2", "“b2” does not")],
)
async def test_enter_on_anything_but_the_id_only_says_that_it_is_not(typed: str, said: str) -> None:
    world = world_of_two()
    before = world.entries()
    async with dashboard(world) as operator:
        await operator.unregister()
        await operator.type(f"{typed}\r")
        await operator.until_shown(said, "Type a7 to drain")
        assert operator.in_dialog
        assert world.entries() == before


async def test_yes_outside_the_input_does_not_drain_either() -> None:
    world = world_of_two()
    before = world.entries()
    async with dashboard(world) as operator:
        await operator.unregister()
        await operator.press("tab", "Y")
        await operator.until_shown("Nothing was typed.")
        assert operator.in_dialog
        assert world.entries() == before


async def test_an_id_can_be_pasted_and_its_button_pressed() -> None:
    world = world_of_two()
    async with dashboard(world) as operator:
        await operator.unregister()
        button = dialog(operator).query_one("#yes", Button)
        assert button.disabled
        driver = operator.app._driver
        assert driver is not None
        driver.send_message(events.Paste("a7\n"))
        await operator.until(lambda: not button.disabled, "the button to press")
        assert world.find(KEY) is not None
        await operator.click_text("Drain (Enter)")
        await operator.until(lambda: world.find(KEY) is None)


async def test_of_several_workers_their_number_is_typed() -> None:
    world = world_of_two()
    async with dashboard(world) as operator:
        await operator.press("asterisk")
        await operator.unregister()
        await operator.until_shown("Drain 2 instances?", "Type drain 2 to drain")
        await operator.type("drain 2\r")
        await operator.until(lambda: there(operator) == [])
        assert operator.told() == ["Drained 2 instances. u puts them back."]


async def test_several_endpoints_of_one_worker_are_named_by_its_id() -> None:
    world = World()
    world.put(instance(WORKER), instance(WORKER, endpoint="clear_kv_blocks"), lease=WORKER)
    async with dashboard(world) as operator:
        await operator.press("asterisk")
        await operator.unregister()
        await operator.until_shown("Type a7 to drain", "All 2 belong to a live worker.")


async def test_of_living_and_stale_it_says_how_many_are_which_and_names_those_that_live() -> None:
    world = World()
    world.put(MALFORMED, instance(WORKER))
    async with dashboard(world) as operator:
        await operator.press("asterisk")
        await operator.unregister()
        await operator.until_shown("1 may be alive (1 unleased), 1 stale (1 malformed)")
        await operator.press("Y")
        await operator.type("\r")
        assert operator.in_dialog
        await operator.press("backspace")
        await operator.type("a7\r")
        await operator.until(lambda: not world.keys())


async def test_what_comes_to_life_while_it_is_asked_has_to_be_named_from_then_on() -> None:
    world = World()
    world.put(instance(WORKER))
    world.keyspace.expire(KEY, world.now - 60)
    async with dashboard(world) as operator:
        await operator.unregister()
        await operator.until_shown("Unregister 1 instance?")
        world.keyspace.expire(KEY, None)
        cluster = operator.dashboard.monitor.cluster
        await operator.until(lambda: cluster.records[KEY].expired_at is None)
        await operator.press("Y")
        await operator.until_shown("Drain 1 instance?", "Type a7 to drain")
        assert world.find(KEY) is not None
        # And not back again: what it says must not change under a hand that types.
        world.keyspace.expire(KEY, world.now - 60)
        await operator.until(lambda: cluster.records[KEY].expired_at is not None)
        await operator.press("enter")
        assert operator.in_dialog


async def test_what_expires_while_it_is_asked_is_not_said_to_be_kept_alive() -> None:
    world = World(leases=False)
    endpoints = [instance(WORKER), instance(WORKER, endpoint="clear_kv_blocks")]
    world.put(*endpoints)
    async with dashboard(world) as operator:
        await operator.press("asterisk")
        await operator.unregister()
        await operator.until_shown("● live  it is kept alive", "All 2 belong to a live worker.")
        for key, _ in endpoints:
            world.keyspace.expire(key, world.now - 60)
        await operator.until_shown("○ expired  its time to live ran out", "2 stale (2 expired)")
        await operator.until_not_shown("kept alive")
        # What was thought to live still has to be named.
        await operator.until_shown("Type a7 to drain")


@pytest.mark.parametrize("how", ["frozen", "lost"])
async def test_where_what_is_shown_may_not_be_so_any_more_a_yes_is_not_enough(how: str) -> None:
    world = world_of_stale()
    async with dashboard(world) as operator:
        if how == "frozen":
            await operator.press("f")
        else:
            world.keyspace.break_off(Unreachable("this process", Cause.LOST))
            await operator.until_shown("disconnected")
        await operator.unregister()
        await operator.until_shown("this is how it was", "to unregister:")
        await operator.press("Y")
        assert operator.in_dialog


async def test_a_store_that_is_back_is_not_said_to_be_away_and_a_yes_is_still_not_enough() -> None:
    world = world_of_stale()
    async with dashboard(world) as operator:
        world.keyspace.break_off(Unreachable("this process", Cause.LOST))
        await operator.until_shown("disconnected")
        await operator.unregister()
        await operator.until_shown("The store is not connected")
        world.keyspace.mend()
        await operator.until_not_shown("The store is not connected")
        await operator.until_shown("to unregister:")
        world.keyspace.break_off(Unreachable("this process", Cause.LOST))
        await operator.until_shown("The store is not connected")


async def test_the_store_and_its_address_are_there_in_full() -> None:
    class Far(MemoryStore):
        address = ",".join(f"http://etcd-{n}.a-long-name.example.com:2379" for n in range(3))

    world = world_of_two()
    async with dashboard(world, store=Far(world.keyspace), size=(60, 20)) as operator:
        await operator.unregister()
        await operator.until_shown("Type a7 to drain")
        shown = "".join(line.strip() for line in operator.lines())
        assert f"from memory at {Far.address}".replace(" ", "") in shown.replace(" ", "")


async def test_ten_thousand_cards_can_be_asked_about() -> None:
    world = World()
    world.put(*(card(worker) for worker in range(1, 10_001)))
    async with dashboard(world) as operator:
        await operator.press("2")
        await operator.unregister()
        await operator.until_shown("Unregister 10,000 model cards?", "10,000 orphaned")
        await operator.type("jjjj")
        await operator.until_shown(f"{card(0x100)[0].decode()}  ")
        await operator.press("escape")
        await operator.until(lambda: operator.on_main)
        assert len(world.keys()) == 10_000


def keys_of(*contents: KeyAndValue) -> set[bytes]:
    return {key for key, _ in contents}


MODELS = [card(1), card(2), card(1, lora="acme/sql"), card(2, lora="acme/sql")]


@pytest.mark.parametrize(
    ("keys", "removed"),
    [
        (["2"], keys_of(instance(1), instance(2))),
        (["2", "l", "j", "j"], keys_of(instance(1))),
        (["2", "l", "j"], keys_of(*MODELS[2:])),
        (["2", "l", "j", "l", "j"], keys_of(MODELS[2])),
    ],
)
async def test_a_model_or_its_card_is_drained_and_of_an_adapter_the_cards_go(
    keys: list[str], removed: set[bytes]
) -> None:
    world = World()
    world.put(*MODELS, instance(1), instance(2))
    before = world.keys()
    async with dashboard(world) as operator:
        await operator.press(*keys)
        await operator.unregister()
        await operator.until_shown(*(f"{key.decode()}  " for key in removed))
        for kept in before - removed:
            assert f"{kept.decode()}  " not in operator.text()
        await agree(operator)
        await operator.until(lambda: world.keys() == before - removed)
        await operator.until(lambda: any("u puts" in told for told in operator.told()))


async def test_on_a_model_its_cards_alone_are_another_choice() -> None:
    world = World()
    world.put(*MODELS, instance(1), instance(2))
    before = world.keys()
    async with dashboard(world) as operator:
        await operator.press("2")
        await operator.unregister()
        await operator.until_shown("Drain 2 instances?", "Type drain 2 to drain")
        await operator.press("f2")
        await operator.until_shown("Unregister 2 model cards?", "Type unregister 2 to unregister")
        await operator.until_shown(*(f"{key.decode()}  " for key in keys_of(*MODELS[:2])))
        # What the first choice asked for is not enough for this one.
        await operator.type("drain 2\r")
        assert operator.in_dialog
        await operator.press(*["backspace"] * 7)
        await operator.type("unregister 2\r")
        await operator.until(lambda: world.keys() == before - keys_of(*MODELS[:2]))
        await operator.until(operator.told)
        assert operator.told() == ["Unregistered 2 model cards. u puts them back."]


INTERNAL = instance(WORKER, endpoint="worker_kv_query_source_1f")
LIVING = [instance(WORKER), INTERNAL, card(WORKER), channel(0x11), source(0x11, WORKER)]


@pytest.mark.parametrize("tab", ["1", "2", "3"])
async def test_d_on_an_instance_a_model_or_a_worker_drains_the_worker(tab: str) -> None:
    world = World()
    world.put(*LIVING, lease=WORKER)
    world.put(instance(0xB2), card(0xB2), lease=0xB2)
    async with dashboard(world) as operator:
        if tab == "2":
            await operator.press("2", "l", "j")
        else:
            await operator.press(tab)
        await operator.unregister()
        await operator.until_shown("Drain 2 instances?", "Type a7 to drain")
        await operator.until_shown(
            "acme/tiny-llm: 1 of 2 stays routable.",
            "The worker keeps 1 model card, 1 event channel, 1 event source and its lease.",
        )
        await operator.type("a7\r")
        stays = keys_of(*LIVING[2:], instance(0xB2), card(0xB2))
        await operator.until(lambda: world.keys() == stays)
        assert operator.told() == ["Drained 2 instances. u puts them back."]


async def test_one_endpoint_alone_and_the_rest_of_a_worker_are_choices_of_their_own() -> None:
    world = World()
    world.put(*LIVING, lease=WORKER)
    async with dashboard(world) as operator:
        await operator.unregister()
        await operator.until_shown("( ) Remove this endpoint alone: 1 instance")
        await operator.press("escape", "3")
        await operator.unregister()
        everything = "Unregister everything: 2 instances, 1 model card, 1 event channel"
        await operator.until_shown("(•) Drain worker a7: 2 endpoint instances", f"( ) {everything}")
        await operator.press("f2")
        await operator.until_shown(f"(•) {everything}", "Type a7 to unregister")
        await operator.type("a7\r")
        await operator.until(lambda: not world.keys())


def sort_of(worker: int, context_length: int) -> KeyAndValue:
    """A card that differs from those with another context length."""
    key, value = card(worker)
    body = json.loads(value)
    body["card_json"]["context_length"] = context_length
    return key, json.dumps(body).encode()


async def test_of_cards_in_conflict_it_says_what_each_sort_is_left_with() -> None:
    world = World()
    for worker, length in ((WORKER, 4096), (0xB2, 4096), (0xC3, 2048)):
        world.put(instance(worker), sort_of(worker, length), lease=worker)
    async with dashboard(world, size=(160, 45)) as operator:
        await operator.until(lambda: len(operator.rows("id")) == 3)
        await operator.unregister()
        await operator.until_shown(
            "That of a7 is left with 1 of 2 routable workers, the other with 1 of 1.",
            "acme/tiny-llm: 1 of 2 stays routable.",
        )


async def test_what_is_no_worker_is_unregistered_and_not_drained() -> None:
    world = World()
    router = instance(WORKER, component="router", endpoint="best_worker_id")
    world.put(router, lease=WORKER)
    async with dashboard(world) as operator:
        await operator.unregister()
        await operator.until_shown("Unregister 1 instance?", "Type a7 to unregister")
        await operator.type("a7\r")
        await operator.until(operator.told)
        assert operator.told() == ["Unregistered 1 instance. u puts it back."]


async def test_a_choice_can_be_made_by_mouse() -> None:
    world = World()
    world.put(*LIVING, lease=WORKER)
    async with dashboard(world) as operator:
        await operator.unregister()
        await operator.click_text("( ) Remove this endpoint alone")
        await operator.until_shown("Unregister 1 instance?", "Type a7 to unregister")


async def test_other_workers_of_the_process_are_named() -> None:
    world = World()
    for number in (WORKER, 0xB2, 0xC3):
        world.put(instance(number, address="10.0.0.1:9000"), lease=number)
    async with dashboard(world) as operator:
        await operator.unregister()
        await operator.until_shown("In the same process, workers b2 and c3 go on serving.")


@pytest.mark.parametrize("size", [(200, 50), (120, 40)])
async def test_every_key_is_there_that_there_is_room_for(size: tuple[int, int]) -> None:
    world = World()
    endpoints = [instance(WORKER, endpoint=f"endpoint_{n}") for n in range(6)]
    world.put(*endpoints, lease=WORKER)
    async with dashboard(world, size=size) as operator:
        await operator.unregister()
        await operator.until_shown(*(key.decode() for key, _ in endpoints), "left alone.")


async def test_room_that_is_shared_while_the_question_is_taken_down_is_no_fault() -> None:
    world = world_of_two()
    async with dashboard(world) as operator:
        await operator.unregister()
        asked = dialog(operator)
        asked.share_room()
        await operator.press("escape")
        await operator.until(lambda: operator.on_main)
        asked._share_room()


async def test_of_keys_that_all_went_it_does_not_say_that_they_may_be_alive() -> None:
    world = World()
    world.put(*LIVING[:2], lease=WORKER)
    async with dashboard(world) as operator:
        await operator.unregister()
        await operator.until_shown("Drain 2 instances?")
        for key, _ in LIVING[:2]:
            world.keyspace.delete(key)
        await operator.until_shown("there is nothing left to remove.")
        await operator.until_not_shown("may be alive")
        await operator.until_not_shown("belong to")
        # Nothing is removed any more, so nothing follows from it.
        assert "Clients stop routing" not in operator.text()
        assert "Undo with u" not in operator.text()


@pytest.mark.parametrize(
    ("content", "tab"),
    [
        (channel(0x11), "4"),
        (source(0x11, 1), "4"),
        (registered.MALFORMED, "1"),
        (registered.UNKNOWN, "8"),
        ((b"v1/instances/\xff\x1b", b"\x00"), "1"),
    ],
)
async def test_every_other_kind_can_be_unregistered(content: KeyAndValue, tab: str) -> None:
    world = World()
    world.put(content)
    async with dashboard(world) as operator:
        await operator.press(tab)
        await operator.unregister()
        await agree(operator)
        await operator.until(lambda: not world.keys())
        await operator.until(lambda: not operator.dashboard.monitor.cluster.records)


async def test_a_record_that_names_another_than_its_key_says_that_this_does_not_unroute_it() -> (
    None
):
    world = World()
    world.put((KEY, instance(2)[1]))
    async with dashboard(world) as operator:
        await operator.unregister()
        await operator.until_shown("removing the key does not unroute that id", "go by the body")


async def test_what_changed_meanwhile_stays_and_the_person_is_told() -> None:
    world = world_of_two()
    async with dashboard(world) as operator:
        await operator.unregister()
        world.put(instance(WORKER, address="10.9.9.9:1"))
        await agree(operator)
        await operator.until(operator.told)
        assert operator.told() == [f"Changed meanwhile, so it was not removed: {KEY.decode()}"]
        assert world.find(KEY) is not None
        assert there(operator) == ["a7", "b2"]


async def test_what_went_meanwhile_is_told() -> None:
    world = world_of_two()
    async with dashboard(world) as operator:
        await operator.unregister()
        world.keyspace.delete(KEY)
        await operator.until(lambda: there(operator) == ["b2"])
        await operator.until_shown("nothing left to remove.", "† gone meanwhile")
        await agree(operator)
        await operator.until(operator.told)
        assert operator.told() == [f"Gone already: {KEY.decode()}"]


async def test_of_several_keys_those_that_are_as_shown_are_removed() -> None:
    world = World()
    world.put(card(1), card(2))
    async with dashboard(world) as operator:
        await operator.press("2")
        await operator.unregister()
        world.put(card(2))
        await operator.until_shown("1 key changed meanwhile and stays.")
        await operator.until_shown("~ changed meanwhile: it stays")
        await agree(operator)
        await operator.until(lambda: len(operator.told()) == 2)
        assert operator.told() == [
            "Unregistered 1 model card. u puts it back.",
            "Unregistered 1 of 2 keys: 1 changed meanwhile, so it was not removed.",
        ]
        assert world.keys() == keys_of(card(2))


async def test_a_yes_typed_right_behind_d_removes_nothing() -> None:
    world = world_of_stale()
    async with dashboard(world) as operator:
        await operator.type("dY")
        await operator.until(lambda: operator.in_dialog)
        assert world.keys() == keys_of(MALFORMED)


class Failing(MemoryStore):
    """Removes nothing and says why."""

    error: StoreError = Unreachable("this process", Cause.TIMEOUT)

    async def delete(self, entries: Iterable[Entry]) -> dict[bytes, Outcome]:
        return {entry.key: self.error for entry in entries}


class Denying(Failing):
    error = Forbidden("this process", "permission denied")


@pytest.mark.parametrize(
    ("failing", "text"), [(Failing, "did not answer in time"), (Denying, "permission denied")]
)
async def test_an_error_of_the_store_is_told_and_the_row_stays(
    failing: type[Failing], text: str
) -> None:
    world = world_of_two()
    async with dashboard(world, store=failing(world.keyspace)) as operator:
        await operator.unregister()
        await agree(operator)
        await operator.until(operator.told)
        assert text in operator.told()[0]
        assert there(operator) == ["a7", "b2"]
        # Not dyntop's doing, then.
        world.keyspace.delete(KEY)
        await operator.until(lambda: there(operator) == ["b2"])
        assert [one.why for one in operator.dashboard.monitor.history][-1] != BY_THIS_DYNTOP


class Unheard(MemoryStore):
    """Says that it removed, and its watch has not told of it yet."""

    async def delete(self, entries: Iterable[Entry]) -> dict[bytes, Outcome]:
        return {entry.key: Removal.REMOVED for entry in entries}


async def test_the_row_goes_only_when_the_store_confirms() -> None:
    world = world_of_two()
    async with dashboard(world, store=Unheard(world.keyspace)) as operator:
        await operator.unregister()
        await agree(operator)
        await operator.until(lambda: operator.told() == ["Drained 1 instance. u puts it back."])
        assert there(operator) == ["a7", "b2"]
        world.keyspace.delete(KEY)
        await operator.until(lambda: there(operator) == ["b2"])
        assert [one.why for one in operator.dashboard.monitor.history][-1] == BY_THIS_DYNTOP


async def test_what_goes_before_the_dialog_is_there_harms_nothing() -> None:
    world = world_of_two()
    async with dashboard(world) as operator:
        records = operator.pane.selected()
        world.keyspace.delete(KEY)
        await operator.until(lambda: there(operator) == ["b2"])
        # As if the key had been pressed before the watch told of it.
        operator.pane.post_message(Pane.UnregisterAsked(records))
        await operator.until(lambda: operator.in_dialog)
        await agree(operator)
        await operator.until(operator.told)
        assert operator.told() == [f"Gone already: {KEY.decode()}"]
