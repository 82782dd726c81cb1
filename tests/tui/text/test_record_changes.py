"""What is different in a record is said in few words, and is exported as it is."""

from __future__ import annotations

import pytest

from backends.discovery.past_records import RecordChange
from backends.dynamo.parse import read
from backends.dynamo.records import AnyRecord
from backends.store import Entry, Revision
from tui.text.past.record_changes import (
    TOO_LARGE,
    change_text,
    exported_fields,
    kind_of_change,
)


def record(value: bytes, lease: int | None = None, unread: str = "") -> AnyRecord:
    return read(Entry(b"v1/claims/x", value, Revision("1"), lease, unread=unread))


@pytest.mark.parametrize(
    ("previous", "now", "kind", "text"),
    [
        (None, record(b"1"), "added", ""),
        (record(b"1"), None, "removed", ""),
        (record(b"", unread="its value is compacted"), None, "removed", "its value is compacted"),
        (record(b"", unread="compacted"), record(b"1"), "changed", "compacted"),
        (record(b"1", 0x1A), record(b"1", 0x2B), "changed", "lease 1a → 2b"),
        (record(b"1", 0x1A), record(b"2"), "changed", "lease 1a → none; value 1 → 2"),
        (record(b'{"a":"x","c":""}'), record(b'{"b":[1],"c":null}'), "changed", (
            'a gone: x; c "" → null; b new: [1]'
        )),
        (record(b'{"a":1}'), record(b'{"a": 1}'), "changed", "the same fields, spelled otherwise"),
        (record(b"1", 7), record(b"1", 7), "changed", "written again, the same"),
        (record(b"\xff"), record(b"1"), "changed", "another value, which is no JSON"),
        (record(b'{"a":1}'), record(b'{"a":1e999}'), "changed", f'a 1 → "{TOO_LARGE}"'),
        (record(b"1"), record(b'"%s"' % (b"x" * 99)), "changed", f"value 1 → {'x' * 47}…"),
    ],
)  # fmt: skip
def test_a_difference_in_words(
    previous: AnyRecord | None, now: AnyRecord | None, kind: str, text: str
) -> None:
    change = RecordChange(now, previous)
    assert kind_of_change(change) == kind
    assert change_text(change) == text


def test_exported_fields_have_a_value_only_where_there_was_the_field() -> None:
    before, after = record(b'{"a":null,"b":1,"c":1}'), record(b'{"b":2,"c":1e999,"d":null}')
    assert exported_fields(RecordChange(after, before)) == [
        {"path": "a", "before": None},
        {"path": "b", "before": 1, "after": 2},
        {"path": "c", "before": 1, "after": TOO_LARGE},
        {"path": "d", "after": None},
    ]
    assert exported_fields(RecordChange(None, before)) is None
