"""A model in a few lines, and cards beside each other."""

from __future__ import annotations

import json

from backends.discovery.cluster import Cluster, FirstSeen
from backends.dynamo.records import ModelCard
from backends.liveness.tracker import LivenessTracker
from backends.store import Lifetime
from tests.support.registered import card, instance, record
from tui.text.cards.card_comparison import (
    ComparedCards,
    comparison_of_marked,
    comparison_of_sorts,
    field_detail,
    heading,
    short_value,
)
from tui.text.cards.model_summary import MOST_HOSTS, summarise, summary_detail

NAME = "acme/tiny-llm"


def cluster_of(lengths: list[int], *, without_instance: tuple[int, ...] = ()) -> Cluster:
    """Workers 1, 2, … with cards of these context lengths, each first seen a minute later."""
    cluster = Cluster()
    for worker, tokens in enumerate(lengths, 1):
        key, value = card(worker)
        body = json.loads(value)
        body["card_json"]["context_length"] = tokens
        seen = FirstSeen(60.0 * worker, was_there=worker == 1)
        cluster.put(record((key, json.dumps(body).encode()), lease=worker), seen)
        if worker not in without_instance:
            cluster.put(record(instance(worker), lease=worker), seen)
    return cluster


def cards(cluster: Cluster) -> list[ModelCard]:
    return sorted(cluster.of_type(ModelCard), key=lambda one: one.key)


def tracked(cluster: Cluster) -> LivenessTracker:
    tracker = LivenessTracker(cluster, Lifetime.LEASED)
    tracker.update(cluster.records)
    return tracker


def fields(cluster: Cluster, now: float = 600.0) -> list[tuple[str, str]]:
    tracker = tracked(cluster)
    found = summarise(NAME, cards(cluster), cluster, tracker.serving, tracker.of)
    detail = summary_detail(
        "title",
        "",
        found,
        now,
        reason_of=lambda _: "the reason",
        path_of=lambda _: "",
        compare_key="=",
    )
    return [*detail.fields]


def test_a_worker_without_requests_is_named_with_its_host_and_the_reason() -> None:
    found = fields(cluster_of([8, 8, 8], without_instance=(2,)))
    assert found[:2] == [
        ("aggregated", "2/3 routable  ? unknown 10.0.0.1, 10.0.0.3"),
        ("why not", "2 ▽ drained: the reason"),
    ]
    assert [label for label, _ in found[2:]] == ["workers", " ", " "]


def test_in_a_conflict_each_sort_has_its_hosts_its_age_and_its_fields() -> None:
    found = [text for label, text in fields(cluster_of([8, 8, 16]))]
    assert found[0] == "1–2/3 routable  ≠ conflict 10.0.0.1, 10.0.0.2, 10.0.0.3"
    first, second, rule = found[1:4]
    assert first.endswith(" 2 workers on 10.0.0.1, 10.0.0.2, for >9m")
    assert second.endswith(" 1 worker on 10.0.0.3, for 7m; differs in context_length")
    assert rule == (
        "a running frontend keeps the sort that it accepted first, a new one takes either; "
        "= compares them"
    )


def test_many_workers_without_requests_are_counted_by_state() -> None:
    found = fields(cluster_of([8] * 9, without_instance=tuple(range(2, 10))))
    assert found[0] == ("aggregated", "1/9 routable  ? unknown 10.0.0.1; ▽ 8 drained")
    assert found[6] == (" ", "… 8 workers in all")


def test_many_hosts_are_named_up_to_a_number_and_counted() -> None:
    found = dict(fields(cluster_of([8] * 40)))
    assert found["aggregated"].count("10.0.0.") == MOST_HOSTS
    assert found["aggregated"].endswith("… 40 hosts in all")


def test_of_a_conflict_one_card_of_each_sort_is_compared_the_oldest_first() -> None:
    cluster = cluster_of([16, 8, 8, 4])
    compared = comparison_of_sorts(NAME, cards(cluster), tracked(cluster).serving, cluster)
    assert isinstance(compared, ComparedCards)
    lines = heading(compared, 600.0)
    assert [line.split("  ")[:2] for line in lines[:3]] == [["A", "1"], ["B", "2"], ["C", "4"]]
    assert "2 workers" in lines[1]
    assert lines[1].endswith("for 8m")
    assert lines[3].startswith("≠ 1 field of Dynamo's checksum (as of 1.6.1): a running frontend")
    assert lines[3].endswith("it refuses the other workers")
    (field,) = compared.comparison.differing
    assert field.values == ("16", "8", "4")
    assert field_detail(compared, field).json.split("\n")[:2] == ["A  1", "16"]


def test_what_cannot_be_compared_is_a_sentence() -> None:
    cluster = cluster_of([8, 8])
    same = comparison_of_sorts(NAME, cards(cluster), tracked(cluster).serving, cluster)
    assert same == (
        f"Nothing to compare: no worker set of {NAME} has several sorts of card. "
        "Mark two rows to compare their cards."
    )
    one = comparison_of_marked(cards(cluster)[:1], cluster, "=")
    assert one == "= compares 2 to 4 cards: mark another row with a card."
    many = comparison_of_marked(cards(cluster) * 3, cluster, "=")
    assert many == "= compares 2 to 4 cards: 6 cards are marked."
    cut = record((card(9)[0], b'{"type": "Model", "na'), lease=9)
    assert isinstance(cut, ModelCard)
    found = comparison_of_marked([*cards(cluster)[:1], cut], cluster, "=")
    assert isinstance(found, str)
    assert found.startswith("Nothing to compare: the card of 9 cannot be read: ")


def test_cards_of_two_worker_sets_are_not_said_to_make_a_frontend_refuse_one() -> None:
    cluster = cluster_of([8])
    elsewhere = record(card(2, component="other"), lease=2)
    cluster.put(elsewhere, FirstSeen(60.0, was_there=False))
    compared = comparison_of_marked(cards(cluster), cluster, "=")
    assert isinstance(compared, ComparedCards)
    (line,) = heading(compared, 600.0)[2:]
    assert line == "≠ 1 field of Dynamo's checksum; 1.6.1 compares no two worker sets"


def test_of_long_values_the_part_that_differs_is_shown() -> None:
    paths = [f"/models/a-long-folder/rev-{n}/tokenizer.json" for n in (1, 2)]
    bodies = [card(1), card(2)]
    cluster = Cluster()
    for (key, value), path in zip(bodies, paths, strict=True):
        body = json.loads(value)
        body["card_json"]["user_data"] = path
        cluster.put(record((key, json.dumps(body).encode())), FirstSeen(0.0, was_there=False))
    compared = comparison_of_marked(cards(cluster), cluster, "=")
    assert isinstance(compared, ComparedCards)
    (field,) = compared.comparison.differing
    assert short_value(field, 0, 20) == "…der/rev-1/tokenizer.json"
    assert short_value(field, 1, 60) == paths[1]


def test_a_value_of_a_megabyte_leaves_room_for_those_of_the_other_cards() -> None:
    cluster = Cluster()
    for worker, data in ((1, "x" * 1_000_000), (2, "y")):
        key, value = card(worker)
        body = json.loads(value)
        body["card_json"]["user_data"] = data
        cluster.put(record((key, json.dumps(body).encode())), FirstSeen(0.0, was_there=False))
    compared = comparison_of_marked(cards(cluster), cluster, "=")
    assert isinstance(compared, ComparedCards)
    shown = field_detail(compared, compared.comparison.differing[0]).json
    assert "… and 985,000 characters more" in shown
    assert shown.endswith("B  2\ny")
