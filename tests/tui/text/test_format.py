"""How things are said: a state is a glyph and a word, and no number says more than is known."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.discovery.cluster import FirstSeen
from backends.discovery.history import EventType
from backends.dynamo.ids import Kind
from backends.liveness.judge import Verdict
from tests.support import registered
from tests.support.registered import record
from tui.text import format


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0s"),
        (0.9, "0s"),
        (59.9, "59s"),
        (60, "1m"),
        (3599, "59m"),
        (3600, "1h"),
        (2 * 86400 - 1, "47h"),
        (2 * 86400, "2d"),
        (400 * 86400, "400d"),
    ],
)
def test_a_duration_is_rounded_down(seconds: float, text: str) -> None:
    assert format.duration(seconds) == text


@given(st.floats(0, 86400 * 999))
def test_a_duration_is_four_characters_at_most_and_never_more_than_has_passed(
    seconds: float,
) -> None:
    text = format.duration(seconds)
    unit = {"s": 1, "m": 60, "h": 3600, "d": 86400}[text[-1]]
    assert len(text) <= 4
    assert int(text[:-1]) * unit <= seconds


@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [
        (0, "instance", "0 instances"),
        (1, "instance", "1 instance"),
        (1234, "instance", "1,234 instances"),
        (1_234_567, "unknown key", "1,234,567 unknown keys"),
        (2, "entry", "2 entries"),
        (1, "entry", "1 entry"),
    ],
)
def test_a_count_has_commas_and_the_right_number(number: int, noun: str, text: str) -> None:
    assert format.count(number, noun) == text


def test_every_state_has_a_glyph_a_word_and_a_meaning_of_its_own() -> None:
    for part in ("glyph", "word"):
        assert len({getattr(state, part) for state in format.MEANINGS}) == len(format.MEANINGS)
    assert all(len(state.in_column) <= 13 for state in format.MEANINGS)
    assert len({state.in_column for state in format.MEANINGS}) == len(format.MEANINGS)
    assert set(format.STATES) == set(Verdict)
    assert set(format.MEANINGS) == {*format.STATES.values(), format.GONE}


def test_everything_that_happens_and_every_kind_has_its_name() -> None:
    assert set(format.EVENT_GLYPHS) == set(EventType)
    assert set(format.KIND_NAMES) == set(format.SHORT_KIND_NAMES) == set(Kind)


def test_what_was_there_at_the_start_is_seen_for_longer_than_this() -> None:
    assert format.seen(FirstSeen(10.0, was_there=True), 100.0) == ">1m"
    assert format.seen(FirstSeen(10.0, was_there=False), 100.0) == "1m"


def test_ids_are_hex_and_what_is_missing_is_a_dash() -> None:
    assert format.hex_id(0x7D7BA1FD) == "7d7ba1fd"
    assert format.hex_id(0) == "0"
    assert format.hex_id(None) == format.NOTHING


def test_a_record_is_named_by_its_place_and_a_model_by_its_name_too() -> None:
    assert format.name_of(record(registered.instance(1))) == "prod/backend/generate"
    assert format.name_of(record(registered.card(1))) == "prod/backend/generate acme/tiny-llm"
    assert format.name_of(record(registered.UNKNOWN)) == format.NOTHING


def test_a_transport_is_kind_and_address() -> None:
    one = record(registered.instance(1, address="10.0.0.1:9000/1/prod"))
    assert format.transport_of(one) == "tcp 10.0.0.1:9000/1/prod"
    assert format.short_transport(one) == "tcp 10.0.0.1:9000"
    assert format.short_transport(record(registered.channel(1))) == "Zmq tcp://10.0.0.1:5557"
    assert format.transport_of(record(registered.MALFORMED)) == format.NOTHING


@pytest.mark.parametrize(
    ("transport", "shown"),
    [
        ({"nats_tcp": "prod_backend.generate-1a"}, "nats_tcp"),
        ({"nats_tcp": "prod_backend.generate-1b"}, "nats_tcp prod_backend.generate-1b"),
        ({"http": "http://10.0.0.1:8000/v1/generate"}, "http http://10.0.0.1:8000"),
        ({"http": "http://10.0.0.1:8000"}, "http http://10.0.0.1:8000"),
        ({"tcp": "[fd00::1]:9000/1a/generate"}, "tcp [fd00::1]:9000"),
        ({"carrier": "pigeon/1"}, "carrier pigeon/1"),
    ],
)
def test_what_repeats_the_names_of_a_row_is_left_out_of_its_transport(
    transport: dict[str, str], shown: str
) -> None:
    key, value = registered.instance(0x1A)
    body = json.loads(value) | {"transport": transport}
    assert format.short_transport(record((key, json.dumps(body).encode()))) == shown


@pytest.mark.parametrize(
    ("prefix", "shown"),
    [
        ("namespace.prod.component.backend", "Nats"),
        ("namespace.other.component.backend", "Nats namespace.other.component.backend"),
    ],
)
def test_the_subject_of_a_channel_is_shown_if_it_is_not_as_its_names(
    prefix: str, shown: str
) -> None:
    key, value = registered.channel(7)
    transport = {"kind": "Nats", "config": {"subject_prefix": prefix}}
    body = json.loads(value) | {"transport": transport}
    assert format.short_transport(record((key, json.dumps(body).encode()))) == shown


def test_a_worker_that_cannot_be_told_is_unknown() -> None:
    assert format.worker_word(record(registered.instance(1)), 26) == "1a"
    assert format.worker_word(record(registered.source(7, 0)), None) == "unknown (worker_id is 0)"
    assert format.worker_word(record(registered.channel(7)), None) == "unknown"


def test_a_revision_of_the_nats_store_is_its_number_and_whose() -> None:
    assert format.revision_word("4711") == "4711"
    made = "5@2026-11-21T18:16:26.004062104Z"
    assert format.revision_word(made) == "5 of the bucket made 2026-11-21 18:16:26"
    assert format.revision_word("a@b") == "a@b"


def test_every_verdict_has_a_sign_of_its_own() -> None:
    assert set(format.STATES) == set(Verdict)
    assert len({state.glyph for state in format.MEANINGS}) == len(format.MEANINGS)
