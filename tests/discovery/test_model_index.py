"""The models among some cards are those that a fresh look at them would find, whatever came."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from backends.discovery import models
from backends.discovery.cluster import Cluster
from backends.discovery.model_index import ModelIndex
from backends.dynamo.ids import Kind
from backends.dynamo.records import ModelCard
from tests.support.events import Event, events


def fresh(cluster: Cluster) -> dict[str, set[bytes]]:
    """The keys of each model's cards."""
    return {
        model.name: {
            one.key
            for cards in (model.cards, *(each.cards for each in model.adapters))
            for one in cards
        }
        for model in models.group(cluster.of_type(ModelCard), cluster)
    }


@given(events, st.integers(1, 5))
def test_kept_names_are_those_of_a_fresh_look_and_each_that_differs_is_told(
    told: list[Event], at_once: int
) -> None:
    cluster = Cluster()
    names = ModelIndex(cluster)
    before: dict[str, set[bytes]] = {}
    for number in range(0, len(told), at_once):
        for event in told[number : number + at_once]:
            cluster.apply(event, 0.0)
        changed = cluster.take_changes().keys
        touched = names.amend(changed)
        after = fresh(cluster)
        assert {name: {one.key for one in names.cards(name)} for name in after} == after
        assert len(names) == len(after)
        every = before.keys() | after.keys()
        assert {name for name in every if before.get(name) != after.get(name)} <= touched
        before = after
        some = list(cluster.keys(Kind.MODEL))[::2]
        cards = [one for one in cluster.of_type(ModelCard) if one.key in some]
        assert names.count(some) == len(models.group(cards, cluster))
