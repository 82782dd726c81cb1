"""Unregister: asked first, removed exactly as shown, and what is stale needs no more than a yes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from backends.memory import MemoryStore
from tests.support import registered
from tests.support.operating import World, dashboard
from tests.support.registered import MALFORMED, KeyAndValue, card, channel, instance, source
from tests.tui.unregistering import WORKER, agree, dialog, keys_of, world_of_stale, world_of_two


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
        await operator.until(lambda: not operator.dashboard.view.cluster.records)
        assert not world.keys()
        assert operator.told() == ["Unregistered 1 instance. u puts it back."]


async def test_yes_by_mouse() -> None:
    world = world_of_stale()
    async with dashboard(world) as operator:
        await operator.unregister()
        await operator.click_text("Unregister (Y)")
        await operator.until(lambda: not world.keys())


async def test_the_store_and_its_address_are_there_in_full() -> None:
    class Far(MemoryStore):
        address = ",".join(f"http://etcd-{n}.a-long-name.example.com:2379" for n in range(3))

    world = world_of_two()
    async with dashboard(world, store=Far(world.keyspace), size=(60, 20)) as operator:
        await operator.unregister()
        await operator.until_shown("Type a7 to drain")
        shown = "".join(line.strip() for line in operator.lines())
        assert f"from memory at {Far.address}".replace(" ", "") in shown.replace(" ", "")


async def test_two_thousand_cards_can_be_asked_about() -> None:
    world = World()
    world.put(*(card(worker) for worker in range(1, 2_001)))
    async with dashboard(world) as operator:
        await operator.press("2")
        await operator.unregister()
        await operator.until_shown("Unregister 2,000 model cards?", "2,000 orphaned")
        await operator.type("jjjj")
        await operator.until_shown(f"{card(0x100)[0].decode()}  ")
        await operator.press("escape")
        await operator.until(lambda: operator.on_main)
        assert len(world.keys()) == 2_000


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
        await operator.until(lambda: not operator.dashboard.view.cluster.records)


async def test_a_yes_typed_right_behind_d_removes_nothing() -> None:
    world = world_of_stale()
    async with dashboard(world) as operator:
        await operator.type("dY")
        await operator.until(lambda: operator.in_dialog)
        assert world.keys() == keys_of(MALFORMED)
