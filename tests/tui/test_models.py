"""The Models tab: models by name, open to adapters and cards."""

from __future__ import annotations

from tests import registered
from tests.registered import card, instance
from tests.tui.operating import Operator, World, dashboard
from tui.widgets.models import ModelRow


def world_of_models() -> World:
    world = World()
    world.put(card(1), card(2), card(3, "acme/big"))
    world.put(card(1, lora="acme/sql"), card(2, lora="acme/sql"), card(1, lora="acme/law"))
    world.put(instance(1), instance(2), instance(3))
    return world


def rows(operator: Operator) -> list[str]:
    """Level by indentation, kind and name; a plus where a row is open."""
    return [described(row) for row in operator.pane.rows if not operator.pane.is_faded(row)]


def described(row: ModelRow) -> str:
    what = "  " * row.level + row.kind
    return f"{what} {row.name}" + (" +" if row.opened else "")


def selected(operator: Operator) -> str:
    assert operator.pane.row is not None
    return described(operator.pane.row).strip()


async def test_a_model_is_a_row_with_its_workers_and_adapters_counted() -> None:
    async with dashboard(world_of_models()) as operator:
        await operator.press("2")
        assert rows(operator) == ["model acme/big", "model acme/tiny-llm"]
        assert operator.rows("workers") == ["1", "2"]
        assert operator.rows("loras") == ["", "2"]
        assert operator.tabs()[1] == "Models 2"
        assert "2 models" in operator.header()


async def test_a_model_opens_to_its_adapters_and_cards_and_closes_again() -> None:
    async with dashboard(world_of_models()) as operator:
        await operator.press("2", "j", "l")
        opened = [
            "model acme/big",
            "model acme/tiny-llm +",
            "  LoRA acme/law",
            "  LoRA acme/sql",
            "  card prod/backend/generate",
            "  card prod/backend/generate",
        ]
        assert rows(operator) == opened
        await operator.press("j", "j", "enter")
        assert rows(operator)[3:6] == ["  LoRA acme/sql +", *["    card prod/backend/generate"] * 2]
        assert operator.rows("id")[4:6] == ["1", "2"]
        await operator.press("j", "h")
        assert selected(operator) == "LoRA acme/sql +"
        await operator.press("left")
        assert rows(operator) == opened
        await operator.press("h", "h")
        assert rows(operator) == ["model acme/big", "model acme/tiny-llm"]
        assert selected(operator) == "model acme/tiny-llm"


async def test_what_is_open_stays_open_while_adapters_come_and_go() -> None:
    world = world_of_models()
    async with dashboard(world) as operator:
        await operator.press("2", "j", "l", "j", "j")
        assert selected(operator) == "LoRA acme/sql"
        world.keyspace.delete(card(1, lora="acme/law")[0])
        world.put(card(4, "acme/aaa"), card(4, "acme/aaa", "acme/zzz"))
        await operator.until(lambda: rows(operator)[0] == "model acme/aaa")
        assert rows(operator)[2:4] == ["model acme/tiny-llm +", "  LoRA acme/sql"]
        assert selected(operator) == "LoRA acme/sql"


async def test_the_detail_says_how_many_cards_a_row_stands_for() -> None:
    async with dashboard(world_of_models()) as operator:
        await operator.press("2", "j")
        await operator.until(lambda: "first of 2 cards" in operator.detail().get("of", ""))
        await operator.press("l", "j")
        await operator.until(lambda: operator.detail()["LoRA of"] == "acme/tiny-llm")
        await operator.until_shown("v1/mdc/prod/backend/generate/1/acme_law")


async def test_enter_on_a_card_opens_its_detail_in_full() -> None:
    async with dashboard(world_of_models()) as operator:
        await operator.press("2", "enter", "j", "enter")
        await operator.until(lambda: not operator.on_main)
        await operator.until_shown("v1/mdc/prod/backend/generate/3")


async def test_an_adapter_without_a_base_card_is_under_the_base_it_names() -> None:
    world = World()
    world.put(card(1, lora="acme/sql"))
    async with dashboard(world) as operator:
        await operator.press("2", "l")
        assert rows(operator) == ["model acme/tiny-llm +", "  LoRA acme/sql"]
        assert operator.rows("workers") == ["–", "1"]
        assert operator.tabs()[1] == "Models 1"


async def test_a_model_says_how_many_of_its_cards_are_not_well() -> None:
    world = World()
    world.put(card(1), lease=1)
    world.put(card(2), card(3))
    async with dashboard(world) as operator:
        await operator.press("2")
        assert operator.rows("state") == ["⊘ 2 orphaned"]


async def test_a_card_that_cannot_be_read_is_listed() -> None:
    world = World()
    world.put((card(1)[0], registered.MALFORMED[1]))
    async with dashboard(world) as operator:
        await operator.press("2", "l")
        assert rows(operator)[0] == "model (unreadable card) +"
        assert len(rows(operator)) == 2
        assert operator.rows("state") == ["! malformed", "! malformed"]


async def test_models_sort_by_every_column_with_their_children_below_them() -> None:
    async with dashboard(world_of_models()) as operator:
        await operator.press("2", "j", "l")
        for _ in operator.pane.columns:
            await operator.press("s")
            for _ in range(2):
                await operator.press("S")
                at = rows(operator).index("model acme/tiny-llm +")
                assert rows(operator)[at + 1 : at + 3] == ["  LoRA acme/law", "  LoRA acme/sql"]
                assert selected(operator) == "model acme/tiny-llm +"
