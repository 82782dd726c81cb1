"""Unregister: asked first, removed exactly as shown, off the screen only when it is gone."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from backends.memory import MemoryStore
from backends.store import Cause, NotAuthorised, Removal, Revision, Unreachable
from tests import registered
from tests.registered import KeyAndValue, card, channel, instance, source
from tests.tui.operating import World, dashboard
from tui.widgets.pane import Pane

KEY = instance(1)[0]


def world_of_two() -> World:
    world = World()
    world.put(instance(1), card(1), card(1, lora="acme/sql"), instance(2))
    return world


async def test_no_is_the_default_and_no_removes_nothing() -> None:
    world = world_of_two()
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


async def test_enter_typed_right_behind_d_removes_nothing() -> None:
    world = world_of_two()
    before = world.entries()
    async with dashboard(world) as operator:
        await operator.type("d\r")
        await operator.press("enter")
        assert world.entries() == before


@pytest.mark.parametrize("answer", [["Y"], ["tab", "enter"], ["right", "enter"]])
async def test_yes_removes_exactly_the_key_shown(answer: list[str]) -> None:
    world = world_of_two()
    others = world.keys() - {KEY}
    async with dashboard(world) as operator:
        await operator.unregister()
        await operator.until_shown(
            "Unregister 1 instance?", "from memory at this process", KEY.decode(), "revision 1"
        )
        await operator.until_shown("Its worker keeps 2 model cards.")
        await operator.press(*answer)
        await operator.until(lambda: operator.rows("id") == ["2"])
        assert world.keys() == others
        assert operator.told() == ["Unregistered 1 instance."]


async def test_yes_by_mouse() -> None:
    world = world_of_two()
    async with dashboard(world) as operator:
        await operator.unregister()
        await operator.click_text("Unregister (Y)")
        await operator.until(lambda: world.find(KEY) is None)


def keys_of(*contents: KeyAndValue) -> set[bytes]:
    return {key for key, _ in contents}


MODELS = [card(1), card(2), card(1, lora="acme/sql"), card(2, lora="acme/sql")]


@pytest.mark.parametrize(
    ("keys", "removed"),
    [
        (["2"], keys_of(*MODELS[:2])),
        (["2", "l", "j"], keys_of(*MODELS[2:])),
        (["2", "l", "j", "l", "j"], keys_of(MODELS[2])),
    ],
)
async def test_on_a_model_an_adapter_or_a_card_it_takes_the_cards_of_that_row(
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
        await operator.press("Y")
        await operator.until(lambda: world.keys() == before - removed)
        await operator.until(lambda: any("Unregistered" in told for told in operator.told()))


@pytest.mark.parametrize(
    ("content", "tab"),
    [
        (channel(0x11), "3"),
        (source(0x11, 1), "3"),
        (registered.MALFORMED, "1"),
        (registered.UNKNOWN, "5"),
        ((b"v1/instances/\xff\x1b", b"\x00"), "1"),
    ],
)
async def test_every_other_kind_can_be_unregistered(content: KeyAndValue, tab: str) -> None:
    world = World()
    world.put(content)
    async with dashboard(world) as operator:
        await operator.press(tab)
        await operator.unregister()
        await operator.press("Y")
        await operator.until(lambda: not world.keys())
        await operator.until(lambda: not operator.main.monitor.cluster.records)


async def test_a_record_that_names_another_than_its_key_says_that_this_does_not_unroute_it() -> (
    None
):
    world = World()
    world.put((instance(1)[0], instance(2)[1]))
    async with dashboard(world) as operator:
        await operator.unregister()
        await operator.until_shown("clients of Dynamo 1.6 go by the body")


async def test_what_changed_meanwhile_stays_and_the_person_is_told() -> None:
    world = world_of_two()
    async with dashboard(world) as operator:
        await operator.unregister()
        world.put(instance(1, address="10.9.9.9:1"))
        await operator.press("Y")
        await operator.until(operator.told)
        assert operator.told() == [f"It changed meanwhile, so it was not removed: {KEY.decode()}"]
        assert world.find(KEY) is not None
        assert operator.rows("id") == ["1", "2"]


async def test_what_went_meanwhile_is_told() -> None:
    world = world_of_two()
    async with dashboard(world) as operator:
        await operator.unregister()
        world.keyspace.delete(KEY)
        await operator.until(lambda: operator.rows("id") == ["2"])
        assert operator.in_dialog
        await operator.press("Y")
        await operator.until(operator.told)
        assert operator.told() == [f"It was gone already: {KEY.decode()}"]


async def test_of_several_keys_those_that_are_as_shown_are_removed() -> None:
    world = World()
    world.put(card(1), card(2))
    async with dashboard(world) as operator:
        await operator.press("2")
        await operator.unregister()
        world.put(card(2))
        await operator.press("Y")
        await operator.until(lambda: len(operator.told()) == 2)
        assert operator.told()[0] == "Unregistered 1 model card."
        assert "It changed meanwhile" in operator.told()[1]
        assert world.keys() == keys_of(card(2))


class Failing(MemoryStore):
    """Removes nothing and says why."""

    error = Unreachable("this process", Cause.TIMEOUT)

    async def delete(self, targets: Mapping[bytes, Revision]) -> dict[bytes, Removal]:
        raise self.error


class Forbidden(Failing):
    error = NotAuthorised("this process", "permission denied")  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("failing", "text"), [(Failing, "did not answer in time"), (Forbidden, "permission denied")]
)
async def test_an_error_of_the_store_is_told_and_the_row_stays(
    failing: type[Failing], text: str
) -> None:
    world = world_of_two()
    async with dashboard(world, store=failing(world.keyspace)) as operator:
        await operator.unregister()
        await operator.press("Y")
        await operator.until(operator.told)
        assert text in operator.told()[0]
        assert operator.rows("id") == ["1", "2"]
        # Not dyntop's doing, then.
        world.keyspace.delete(KEY)
        await operator.until(lambda: operator.rows("id") == ["2"])
        assert [one.why for one in operator.main.monitor.history][
            -1
        ] != "unregistered by this dyntop"


class Unheard(MemoryStore):
    """Says that it removed, and its watch has not told of it yet."""

    async def delete(self, targets: Mapping[bytes, Revision]) -> dict[bytes, Removal]:
        return dict.fromkeys(targets, Removal.REMOVED)


async def test_the_row_goes_only_when_the_store_confirms() -> None:
    world = world_of_two()
    async with dashboard(world, store=Unheard(world.keyspace)) as operator:
        await operator.unregister()
        await operator.press("Y")
        await operator.until(lambda: operator.told() == ["Unregistered 1 instance."])
        assert operator.rows("id") == ["1", "2"]
        world.keyspace.delete(KEY)
        await operator.until(lambda: operator.rows("id") == ["2"])
        assert [one.why for one in operator.main.monitor.history][
            -1
        ] == "unregistered by this dyntop"


async def test_what_goes_before_the_dialog_is_there_harms_nothing() -> None:
    world = world_of_two()
    async with dashboard(world) as operator:
        records = operator.pane.selected()
        world.keyspace.delete(KEY)
        await operator.until(lambda: operator.rows("id") == ["2"])
        # As if the key had been pressed before the watch told of it.
        operator.pane.post_message(Pane.UnregisterAsked(records))
        await operator.until(lambda: operator.in_dialog)
        await operator.press("Y")
        await operator.until(operator.told)
        assert operator.told() == [f"It was gone already: {KEY.decode()}"]
