"""Messages are filtered by words and by fields of what is decoded."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.tap import MatchingMessages, MessageFilter, NumberedMessage
from backends.tap.messages import TapMessage, of_zmq
from tests.support.wire import frames, removed, stored

STORED = [stored(0x1F2E, parent=10)]
METRICS = {"worker_id": 0x7D7BA1FD239531DC, "dp_rank": 12, "ok": True, "load": 0.5, "no": None}


def message(content: Any, sequence: int = 4) -> TapMessage:
    return of_zmq(frames(content, publisher=0xAB12, sequence=sequence), 100.0)


@pytest.mark.parametrize(
    ("text", "content", "expected"),
    [
        ("", STORED, True),
        ("stored", STORED, True),
        ("STORED 1 block", STORED, True),
        ("removed", STORED, False),
        ("kv-events ab12", STORED, True),
        ("7d7b", STORED, True),
        ("block_hash:1f2e", STORED, True),
        ("stored.parent_hash:a", STORED, True),
        ("event.parent_hash:a", STORED, False),
        ("data:stored", STORED, True),
        ("data:removed", [removed(1)], True),
        ("stored data:removed", STORED, False),
        ("dp_rank:12", METRICS, True),
        ("dp_rank=12", METRICS, True),
        ("dp_rank:1", METRICS, False),
        ("worker_id:7d7ba1fd", METRICS, True),
        ("ok:true", METRICS, True),
        ("no:null", METRICS, True),
        ("load:0.5 dp_rank:12", METRICS, True),
        ("load:0.5 dp_rank:13", METRICS, False),
        ("sequence:4", METRICS, True),
        ("sequence:40", METRICS, False),
        ("publisher:ab1", METRICS, True),
        ("publisher:b12", METRICS, False),
        ("worker:7d7b", METRICS, True),
        ("topic:kv", METRICS, True),
        ("nothing:1", METRICS, False),
    ],
)
def test_a_message_matches_by_every_word_and_field(text: str, content: Any, expected: bool) -> None:
    assert MessageFilter.parse(text).matches(message(content), worker=0x7D7B) is expected


@given(st.text(max_size=40), st.binary(max_size=200))
def test_no_filter_and_no_message_make_it_fail(text: str, body: bytes) -> None:
    odd = TapMessage(1.0, None, None, "t", len(body), body)
    assert MessageFilter.parse(text).matches(odd) in (True, False)


def test_each_message_is_looked_at_once_and_those_that_passed_by_are_counted() -> None:
    several = [NumberedMessage(n, message(STORED, n)) for n in range(1, 41)]
    found = MatchingMessages(lambda one: one.number % 2 == 0, ring=3)
    found.look(several[:10], lambda: True)
    found.look(several[:10], lambda: True)
    assert (found.matching, found.looked_at, found.missed) == (5, 10, 0)
    assert [one.number for one in found.last] == [6, 8, 10]
    times = iter([True, True, False])
    found.look(several[19:], lambda: next(times))
    assert (found.matching, found.looked_at, found.missed) == (6, 12, 9)
    found.look(several[25:], lambda: True)
    assert (found.looked_at, found.missed) == (12 + 15, 9 + 4)
