"""`:` goes to what is typed, from anywhere on the main screen and back."""

from __future__ import annotations

from tests.support.operating import Operator, World, dashboard
from tests.support.registered import card, instance
from tui.state.navigation.go_to import WORDS


def world() -> World:
    found = World(leases=False)
    found.put(instance(0xABC1, address="10.1.1.1:9000"), card(0xABC1, "acme/tiny"))
    found.put(instance(0xDEF3, namespace="staging", address="10.1.1.2:9000"))
    return found


async def given(operator: Operator, text: str) -> None:
    await operator.press("colon")
    await operator.type(text)
    await operator.press("enter")


async def test_an_id_goes_to_its_worker_and_b_goes_back() -> None:
    async with dashboard(world()) as operator:
        await operator.press("7")
        await given(operator, "0xdef3")
        await operator.until(lambda: operator.tab() == "workers")
        await operator.until(lambda: operator.at("id") == "def3")
        await operator.press("b")
        await operator.until(lambda: operator.tab() == "events")


async def test_what_the_filter_hides_is_gone_to() -> None:
    async with dashboard(world()) as operator:
        await operator.press("slash")
        await operator.type("tiny")
        await operator.press("enter")
        await given(operator, "id def3")
        await operator.until(lambda: operator.at("id") == "def3")
        assert operator.dashboard.view.filter == ""
        assert not operator.filter.display or not operator.filter.value


async def test_a_namespace_is_selected_and_a_host_filtered() -> None:
    async with dashboard(world()) as operator:
        await given(operator, "ns staging")
        await operator.until(lambda: operator.dashboard.scope == ("staging",))
        await given(operator, "host 10.1.1.1")
        await operator.until(lambda: operator.tab() == "workers")
        await operator.until(lambda: operator.rows("id") == ["abc1"])
        await operator.until(lambda: operator.breadcrumb().split() == ["filter", "“host=10.1.1.1”"])
        await given(operator, "all")
        await operator.until(lambda: len(operator.rows("id")) == 2)


async def test_tab_takes_the_suggestion() -> None:
    async with dashboard(world()) as operator:
        await operator.press("colon")
        await operator.type("model ac")
        await operator.until_shown("model acme/tiny")
        await operator.press("tab")
        await operator.until_shown(" go to   model acme/tiny")
        await operator.press("enter")
        await operator.until(lambda: operator.tab() == "models")
        assert operator.at("name") == "▸ acme/tiny"


async def test_what_is_not_found_is_said_and_nothing_changes() -> None:
    async with dashboard(world()) as operator:
        await given(operator, "nowhere")
        await operator.until(lambda: any("nowhere is no command" in one for one in operator.told()))
        assert operator.tab() == "instances"
        assert operator.pane.table.has_focus


async def test_keys_typed_into_it_are_text_and_esc_leaves_all_as_it_was() -> None:
    async with dashboard(world()) as operator:
        await operator.type(":d/2q:")
        await operator.until_shown(" go to   d/2q:")
        assert operator.on_main
        await operator.press("escape")
        await operator.until(lambda: operator.pane.table.has_focus)
        assert operator.tab() == "instances"
        assert len(operator.rows("id")) == 2


async def test_the_palette_has_each_word_with_its_key_and_does_what_the_line_does() -> None:
    async with dashboard(world()) as operator:
        listed = {one.title: one for one in operator.app.get_system_commands(operator.main)}
        assert listed[":workers"].help == "Show the tab Workers. Key: 3"
        assert listed[":stale"].help == "Show only records that are not live. Key: !"
        assert {title.split()[0] for title in listed if title.startswith(":")} == {
            f":{word.word}" for word in WORDS
        }
        await operator.press("ctrl+p")
        await operator.type(":workers\r")
        await operator.until(lambda: operator.on_main and operator.tab() == "workers")
        await operator.press("ctrl+p")
        await operator.type(":host")
        await operator.until_shown(":host HOST, NODE or POD")
        await operator.press("enter")
        await operator.until_shown(" go to   host ")
        await operator.type("10.1.1.2\r")
        await operator.until(lambda: operator.rows("id") == ["def3"])
