"""Models are grouped by name, with their adapters below the base that the same worker serves."""

from __future__ import annotations

from backends.discovery import models
from backends.discovery.cluster import Cluster, FirstSeen
from backends.discovery.models import Model
from backends.dynamo.records import AnyRecord, ModelCard
from tests.support import registered
from tests.support.registered import KeyAndValue, card, record


def grouped(*contents: KeyAndValue) -> list[Model]:
    cluster, cards = Cluster(), []
    for registration in contents:
        one: AnyRecord = record(registration)
        cluster.put(one, FirstSeen(0.0, was_there=True))
        if isinstance(one, ModelCard):
            cards.append(one)
    return models.group(cards, cluster)


def named(found: list[Model]) -> dict[str, tuple[int, dict[str, int]]]:
    """Per model: how many cards of its own, and of each adapter."""
    return {
        model.name: (
            len(model.cards),
            {adapter.name: len(adapter.cards) for adapter in model.adapters},
        )
        for model in found
    }


def test_one_name_served_by_many_workers_is_one_model() -> None:
    found = grouped(card(2), card(1), card(3, model="acme/big"))
    assert named(found) == {"acme/big": (1, {}), "acme/tiny-llm": (2, {})}
    assert [one.id.instance_id for one in found[1].cards] == [1, 2]


def test_models_and_adapters_are_in_the_order_of_their_names() -> None:
    found = grouped(card(1, "b"), card(1, "b", "z"), card(1, "b", "y"), card(2, "a"))
    assert [model.name for model in found] == ["a", "b"]
    assert [adapter.name for adapter in found[1].adapters] == ["y", "z"]


def test_an_adapter_belongs_to_the_base_that_its_own_worker_serves() -> None:
    # Its card names another base, as a path on that worker's disk may be.
    found = grouped(card(1, "acme/tiny-llm"), card(1, "/mnt/models/tiny", "acme/sql"))
    assert named(found) == {"acme/tiny-llm": (1, {"acme/sql": 1})}


def test_an_adapter_without_a_base_card_belongs_to_what_its_card_names() -> None:
    assert named(grouped(card(1, "acme/tiny-llm", "acme/sql"))) == {
        "acme/tiny-llm": (0, {"acme/sql": 1})
    }


def test_the_same_adapter_on_two_workers_is_one_adapter_with_two_cards() -> None:
    found = grouped(card(1), card(2), card(1, lora="acme/sql"), card(2, lora="acme/sql"))
    assert named(found) == {"acme/tiny-llm": (2, {"acme/sql": 2})}


def test_cards_that_cannot_be_read_are_listed_together() -> None:
    key, _ = card(1)
    found = grouped((key, b"{"), (key + b"0", b"nonsense"))
    assert named(found) == {models.UNNAMED: (2, {})}


def test_an_unreadable_adapter_is_named_by_its_key() -> None:
    key, _ = card(1, lora="acme/sql")
    assert named(grouped(card(1), (key, b"{"))) == {"acme/tiny-llm": (1, {"acme_sql": 1})}


def test_a_malformed_base_card_is_no_base() -> None:
    key, _ = card(1)
    found = grouped((key, b"{"), card(1, "acme/tiny-llm", "acme/sql"))
    assert named(found) == {models.UNNAMED: (1, {}), "acme/tiny-llm": (0, {"acme/sql": 1})}


def test_no_cards_are_no_models() -> None:
    assert grouped(registered.instance(1)) == []


def test_adapters_are_no_models_of_their_own() -> None:
    contents = [card(1), card(2), card(1, lora="acme/sql")]
    cluster, cards = Cluster(), []
    for content in contents:
        one = record(content)
        cluster.put(one, FirstSeen(0.0, was_there=True))
        assert isinstance(one, ModelCard)
        cards.append(one)
    assert len(models.group(cards, cluster)) == 1
