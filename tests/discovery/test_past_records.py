"""Records of two moments are compared by what they hold."""

from __future__ import annotations

import pytest

from backends.discovery.discovery import Discovery
from backends.discovery.past_records import changes_between, compared
from backends.dynamo.parse import read
from backends.dynamo.queries import EVERYTHING
from backends.dynamo.records import AnyRecord
from backends.memory import MemoryStore
from backends.store import Entry, NoPast, Revision


def record(key: bytes, value: bytes, revision: str = "1", lease: int | None = None) -> AnyRecord:
    return read(Entry(key, value, Revision(revision), lease))


def test_what_came_went_or_holds_something_else_differs_in_the_order_of_keys() -> None:
    a, b, c = (b"v1/claims/%s" % name for name in (b"a", b"b", b"c"))
    before = [record(a, b"1"), record(b, b"1"), record(c, b"1", lease=7)]
    now = [record(c, b"1", lease=8), record(b"v1/claims/0", b"1"), record(b, b"2", "3")]
    found = compared(before, now)
    assert [(one.latest.key[-1:], one.previous is None, one.record is None) for one in found] == [
        (b"0", True, False),
        (b"a", False, True),
        (b"b", False, False),
        (b"c", False, False),
    ]


def test_what_was_written_again_with_the_same_value_under_the_same_lease_is_the_same() -> None:
    key = b"v1/claims/a"
    assert compared([record(key, b"1", "1", 7)], [record(key, b"1", "9", 7)]) == ()


async def test_a_store_that_keeps_no_past_says_so() -> None:
    discovery = Discovery(MemoryStore())
    with pytest.raises(NoPast):
        await discovery.list(EVERYTHING, 1)
    with pytest.raises(NoPast):
        await changes_between(discovery, EVERYTHING, 1, 2)
