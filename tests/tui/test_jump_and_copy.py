"""Going to the instance that something belongs to and back, and copying what is selected."""

from __future__ import annotations

import json
from collections.abc import Hashable

import pytest

from tests.support.operating import Operator, World, dashboard
from tests.support.registered import KeyAndValue, card, channel, instance, source


def world_of_one_worker() -> World:
    world = World(leases=False)
    world.put(*map(instance, range(1, 9)), card(5), channel(0x77), source(0x77, 5))
    return world


def key_of_row(operator: Operator) -> Hashable:
    return None if operator.pane.row is None else operator.pane.row.key


@pytest.mark.parametrize("keys", [["2"], ["2", "l", "j"], ["4"], ["4", "j"]])
async def test_o_goes_to_the_instance_and_b_back_to_the_same_row(keys: list[str]) -> None:
    async with dashboard(world_of_one_worker()) as operator:
        await operator.press(*keys)
        tab, row = operator.tab(), key_of_row(operator)
        await operator.press("o")
        await operator.until(lambda: operator.tab() == "instances")
        assert operator.at("id") == "5"
        assert operator.pane.table.has_focus
        await operator.press("b")
        await operator.until(lambda: operator.tab() == tab)
        await operator.until(lambda: key_of_row(operator) == row)
        await operator.press("b")
        assert operator.tab() == tab


async def test_a_jump_leaves_a_place_that_does_not_have_it_and_back_returns_there() -> None:
    world = world_of_one_worker()
    # Its worker, by the lease, has an instance elsewhere only.
    world.put(card(0x99, namespace="staging"), instance(0x99, namespace="prod"), lease=0x99)
    async with dashboard(world) as operator:
        await operator.select("staging", "backend", "generate")
        await operator.press("2", "o")
        await operator.until(lambda: operator.tab() == "instances")
        assert operator.at("id") == "99"
        assert not operator.dashboard.scope
        await operator.press("b")
        await operator.until(lambda: operator.tab() == "models")
        assert operator.dashboard.scope == ("staging", "backend", "generate")
        await operator.until(lambda: operator.node() == ("staging", "backend", "generate"))
        assert len(operator.pane.rows) == 1


async def test_a_jump_clears_a_filter_that_would_hide_where_it_goes() -> None:
    async with dashboard(world_of_one_worker()) as operator:
        await operator.press("2", "slash")
        await operator.type("tiny-llm")
        await operator.press("enter", "o")
        await operator.until(lambda: operator.tab() == "instances")
        await operator.until(lambda: operator.at("id") == "5")
        assert operator.filter.value == ""


@pytest.mark.parametrize(
    ("content", "tab"), [(instance(0xABC), "1"), (card(0xABC), "2")], ids=["instance", "card alone"]
)
async def test_o_goes_from_an_instance_and_from_a_card_without_one_to_the_worker(
    content: KeyAndValue, tab: str
) -> None:
    world = World(leases=False)
    # Its worker is the second one.
    world.put(channel(5), content)
    async with dashboard(world) as operator:
        await operator.press(tab, "o")
        await operator.until(lambda: operator.tab() == "workers")
        assert operator.at("id") == "abc"
        await operator.press("b")
        await operator.until(lambda: operator.tab() != "workers")


@pytest.mark.parametrize(
    ("content", "tab", "text"),
    [
        (source(0x11, 0), "4", "Its worker is unknown."),
        (card(0xABC), "3", "Its worker is abc, which has no instance."),
    ],
)
async def test_where_there_is_nothing_to_go_to_the_person_is_told(
    content: KeyAndValue, tab: str, text: str
) -> None:
    world = World(leases=False)
    world.put(content)
    async with dashboard(world) as operator:
        await operator.press(tab, "o")
        await operator.until(lambda: text in operator.told())
        before = operator.tab()
        await operator.press("b")
        assert operator.tab() == before


async def test_key_id_and_json_of_the_selected_row_are_copied() -> None:
    async with dashboard(world_of_one_worker()) as operator:
        await operator.go_to("id", "5")
        await operator.press("y")
        assert operator.app.clipboard == "v1/instances/prod/backend/generate/5"
        await operator.press("i")
        assert operator.app.clipboard == "5"
        await operator.press("Y")
        assert json.loads(operator.app.clipboard) == json.loads(instance(5)[1])
        assert len(operator.told()) == 3


async def test_what_is_copied_is_plain_text() -> None:
    world = World(leases=False)
    key = "v1/instances/prod/\x1b[31m‮back\nend/generate/1".encode()
    world.put(
        (key, b'{"a": "\xc2\x9b31m\\u001b[0m", "b\\u202e": 1}'),
        (b"v1/instances/z", b"\x1b]0;x\x07"),
    )
    async with dashboard(world) as operator:
        await operator.press("y")
        assert operator.app.clipboard == (
            "v1/instances/prod/\\x1b[31m\\xe2\\x80\\xaeback\\x0aend/generate/1"
        )
        await operator.press("Y")
        assert set(operator.app.clipboard) <= {"\n", *map(chr, range(32, 127))}
        assert "\\x9b31m" in operator.app.clipboard
        await operator.press("G", "Y")
        assert operator.app.clipboard == "\\x1b]0;x\\x07"
