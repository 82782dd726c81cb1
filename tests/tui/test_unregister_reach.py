"""What an unregister takes along: a worker, an endpoint, a model or its cards; and what stays."""

from __future__ import annotations

import json

import pytest

from tests.support.operating import World, dashboard
from tests.support.registered import KeyAndValue, card, instance
from tests.tui.unregistering import KEY, LIVING, WORKER, agree, keys_of

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


async def test_a_record_that_names_another_than_its_key_says_that_this_does_not_unroute_it() -> (
    None
):
    world = World()
    world.put((KEY, instance(2)[1]))
    async with dashboard(world) as operator:
        await operator.unregister()
        await operator.until_shown("removing the key does not unroute that id", "go by the body")
