"""What frontends serve beside what is registered."""

from __future__ import annotations

import json

import pytest

from backends.dynamo.records import ModelCard
from backends.dynamo.registration import ModelSpec
from backends.metrics.served import LONGEST_NAME, MOST_MODELS, Listed, compare, listed, names_of
from tests.support import registered


def test_the_lists_of_real_frontends_are_read() -> None:
    # Of 1.6.1; 0.6.1 calls a model an `object`.
    for kind in ("model", "object"):
        answer = {"object": "list", "data": [{"id": "acme/sql", "object": kind, "created": 1}]}
        assert listed(json.dumps(answer).encode()) == Listed(frozenset({"acme/sql"}), cut=False)
    assert listed(b'{"object":"list","data":[]}') == Listed(frozenset(), cut=False)


@pytest.mark.parametrize(
    "body", [b"", b"Not Found", b"[]", b'{"data":{}}', b"\xff", b"[" * 100_000, b'{"data":']
)
def test_what_is_no_list_is_none(body: bytes) -> None:
    assert listed(body) is None


def test_what_is_odd_in_a_list_is_left_out_and_it_is_bounded() -> None:
    odd = b'{"data":[{"id":7},{"id":""},"x",null,{},{"id":"a"}]}'
    assert listed(odd) == Listed(frozenset({"a"}), cut=False)
    many = {"data": [{"id": str(number)} for number in range(2 * MOST_MODELS)]}
    found = listed(json.dumps(many).encode())
    assert found is not None
    assert (len(found.names), found.cut) == (MOST_MODELS, True)
    long = {"data": [{"id": "a" * (LONGEST_NAME + 1)}, {"id": "b" * LONGEST_NAME}]}
    assert listed(json.dumps(long).encode()) == Listed(frozenset({"b" * LONGEST_NAME}), cut=True)


def in_prod(*names: str) -> dict[str, set[str | None]]:
    return {name: {"prod"} for name in names}


def test_of_a_namespace_that_no_frontend_is_known_to_look_at_nothing_is_said() -> None:
    lists = {"f0": frozenset({"a"})}
    registered: dict[str, set[str | None]] = {"a": {"prod"}, "b": {"other"}, "c": {"prod"}}
    found = compare(lists, registered)
    assert (found["b"].by, found["b"].not_by, found["b"].differs) == ((), (), False)
    assert (found["c"].not_by, found["c"].differs) == (("f0",), True)
    # Of one in both namespaces it is not known which of them it lists; of one in both it is said.
    registered |= {"a": {"prod", "other"}}
    assert not compare(lists, registered)["c"].differs
    assert not compare({"f0": frozenset()}, registered)["c"].differs
    # What it counts requests of, or did, it looks at as well.
    registered |= {"d": {"other"}}
    assert compare(lists, registered, listed_by={"f0": {"a", "d"}})["b"].not_by == ("f0",)


def test_what_a_cut_list_does_not_have_may_be_served_all_the_same() -> None:
    lists = {"f0": frozenset({"a"}), "f1": frozenset({"b"})}
    found = compare(lists, in_prod("a", "b", "c"), cut={"f0"})
    assert (found["b"].not_by, found["b"].differs) == ((), False)
    # The other one says all that it serves.
    assert (found["c"].not_by, found["c"].differs) == (("f1",), True)
    assert not compare({"f0": frozenset({"a"})}, in_prod("c"), cut={"f0"})["c"].differs


def test_a_card_has_its_own_name_and_its_aliases() -> None:
    about = {"display_name": "acme/big", "aliases": ["big", 7, ""]}
    spec = ModelSpec(namespace="prod", component="backend", endpoint="generate", card=about)
    record = registered.record(spec.entry(1))
    assert isinstance(record, ModelCard)
    assert names_of(record) == {"acme/big", "big"}
    lora = registered.record(registered.card(1, lora="acme/SQL_v2"))
    assert isinstance(lora, ModelCard)
    assert names_of(lora) == {"acme/SQL_v2"}


def test_both_differences_are_found() -> None:
    lists = {"f0": frozenset({"a", "ghost"}), "f1": frozenset({"a", "b"})}
    found = compare(lists, in_prod("a", "b", "new"))
    assert {name: one.differs for name, one in found.items()} == {
        "a": False,
        "b": False,
        "ghost": True,
        "new": True,
    }
    assert (found["b"].by, found["b"].not_by) == (("f1",), ("f0",))
    assert not found["ghost"].registered
    assert not any(one.differs for one in compare({}, in_prod("a")).values())
