"""Only a name that a terminal shows as it is, and a command takes as a name, is offered."""

from __future__ import annotations

import pytest

from backends.dynamo import lookup
from backends.dynamo.keys import unspell
from tests.support.registered import card, instance, record
from tui.cli.completion import record_names
from tui.cli.completion.offered_names import LONGEST, offered_names


@pytest.mark.parametrize("name", ["Qwen/Qwen3-8B", "a b", "$(x)", "`x`", "'", "~", "=l", "模 型"])
def test_a_name_that_a_terminal_shows_as_it_is_is_offered(name: str) -> None:
    assert [*offered_names([name, name, "other"], name[:1])] == [name]


@pytest.mark.parametrize(
    "name",
    ["", "a\nb", "a\tb", "\x1b[2J", "a\x7f", "a\x9b", "a\u202eb", "a\u200bb", "a\u00a0b", "\ud800"],
)
def test_a_name_that_it_would_not_is_left_out(name: str) -> None:
    assert [*offered_names([name], "")] == []


def test_a_name_that_is_an_option_or_very_long_is_left_out() -> None:
    assert [*offered_names(["-x", "--yes", "-", "x" * (LONGEST + 1)], "")] == []


def test_a_key_with_bytes_that_are_not_shown_is_spelled_and_names_that_key() -> None:
    key = b"v1/instances/a\n\xff\\ b/\xe2\x80\xae/$(x)/1"
    (name,) = record_names.keys([record((key, b"{}"))])
    assert [*offered_names([name], "v1/")] == [name]
    assert unspell(name) == key


def test_what_a_filter_takes_for_a_beginning_is_left_out() -> None:
    keys = (b"v1/instances/a*/b*c/*/1", b"v1/instances/a b/b;c/$e/2", b"v1/event_channels/n/c/t*/3")
    records = [record((key, b"{}")) for key in keys]
    assert {*record_names.namespaces(records)} == {"a b", "n"}
    assert {*record_names.components(records)} == {"b;c", "c"}
    assert {*record_names.endpoints(records)} == {"$e"}
    assert {*record_names.topics(records)} == set()


def test_names_by_which_a_record_is_not_found_are_left_out() -> None:
    found = record(instance(1, address="(a b):9000/x"))
    assert record_names.looked_up(record_names.hosts, [found], "") == set()
    found = record(instance(1, address="a b:9000/x"))
    assert record_names.looked_up(record_names.hosts, [found], "") == {"a b"}
    keys = record_names.looked_up(record_names.keys, [record((b"v1/mdc/a/b/c/(1)", b"{}"))], "")
    assert keys == set()


@pytest.mark.parametrize("name", ["(acme)", "acme (v2)", "'acme'", '"', " acme ", "id: x", "`x`"])
def test_each_model_is_found_by_the_name_that_is_offered(name: str) -> None:
    found = record(card(1, name))
    assert record_names.looked_up(record_names.models, [found], "") == {name}
    assert lookup.MatchedField.MODEL in lookup.parse(name).meanings(found, None)
