"""A filter may name a time, a kind and a namespace; every other word is searched for."""

from __future__ import annotations

import pytest

from backends.dynamo.records import AnyRecord
from tests.support.registered import UNKNOWN, card, channel, instance, record, source
from tui.state.conditions import Conditions, conditions_of

INSTANCE, CARD, LORA = (record(one) for one in (instance(1), card(1), card(1, lora="sql")))
NESTED = record(instance(2, "prod.canary"))
OTHER = record(instance(3, "prod2"))
EVERY = (INSTANCE, CARD, LORA, *map(record, (channel(5), source(5, 1), UNKNOWN)))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", Conditions()),
        ("10m", Conditions(since=600.0)),
        ("since=2H", Conditions(since=7200.0)),
        ("90s 10m", Conditions(since=90.0)),
        ("10 10d 1m2 since: since:10 ago:10m", None),
        ("Sql 10m", Conditions(words=("sql",), since=600.0)),
        ("kind:Model", Conditions(kinds=("model",), record_kinds=("model",))),
        ("kind:stopped", Conditions(kinds=("stopped",))),
        ("ns:prod namespace=b", Conditions(namespaces=("prod", "b"))),
        ("kind: ns:", None),
        ("instance_id: 12", Conditions(words=("instance_id:12",))),
    ],
)
def test_a_filter_is_taken_apart(text: str, found: Conditions | None) -> None:
    """None: each word is one to search for."""
    wanted = Conditions(words=tuple(text.split())) if found is None else found
    assert conditions_of(text) == wanted


@pytest.mark.parametrize(
    ("text", "fit"),
    [
        ("kind:endpoint", [INSTANCE]),
        ("kind:inst", [INSTANCE]),
        ("kind:model", [CARD, LORA]),
        ("kind:lora", [LORA]),
        ("kind:event", list(EVERY[3:5])),
        ("kind:chan kind:inst", [INSTANCE, EVERY[3]]),
        ("10m", list(EVERY)),
        # Of what happened alone.
        ("kind:stopped", list(EVERY)),
    ],
)
def test_a_kind_is_named_by_its_beginning_in_json_or_in_tables(
    text: str, fit: list[AnyRecord]
) -> None:
    assert [one for one in EVERY if conditions_of(text).fit(one)] == fit


def test_a_namespace_is_named_whole_and_has_those_nested_in_it() -> None:
    there = [INSTANCE, NESTED, OTHER]
    for text, fit in (
        ("prod", there[:2]),
        ("prod*", there),
        ("pro", []),
        ("prod.canary", [NESTED]),
    ):
        assert [one for one in there if conditions_of(f"ns:{text}").fit(one)] == fit, text
