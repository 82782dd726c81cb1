"""An act is read as it was written, whatever it was and whatever else is in the file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.removal.audit.audit import Audit
from backends.removal.audit.operation import NOT_DONE, NOT_KNOWN, Item, new_id
from backends.removal.outcomes import outcome_of
from backends.store import (
    Cause,
    Entry,
    Mode,
    Owner,
    Readiness,
    Refused,
    Revision,
    Unreachable,
)
from tests.support.auditing import KEY, NOON, audit_at, begin, item
from tests.support.removing import CHANGED, LEASE_GONE, PUT_BACK, REMOVED, THERE


def test_an_act_is_read_as_it_was_written(audit: Audit) -> None:
    first = item(1, lease=0xFFFF_FFFF_FFFF_FFFF)
    second = item(2, b"v1/mdc/prod/backend/generate/1a", b'{"a": 1}', expired_at=NOON - 5)
    written = audit.begin("clean up", "etcd", "http://etcd:2379", [first, second])
    (read,) = audit.acts()
    assert read == written
    assert (read.kind, read.store, read.address) == ("clean up", "etcd", "http://etcd:2379")
    assert (read.user, read.host, read.at) == ("kim", "node-1", NOON)
    assert read.items == (first, second)


@given(st.binary(max_size=40), st.binary(max_size=40), st.none() | st.integers(0, 2**64 - 1))
@settings(deadline=None)
def test_any_bytes_come_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, key: bytes, value: bytes, lease: int | None
) -> None:
    audit = audit_at(tmp_path_factory.mktemp("any") / "audit.jsonl")
    entry = Entry(key, value, Revision("7"), lease)
    begin(audit, Item(1, entry, "stale", ()))
    assert [one.entry for act in audit.acts() for one in act.items] == [entry]


@given(st.text(max_size=40), st.text(max_size=40))
@settings(deadline=None)
def test_any_text_comes_back_and_a_line_is_printable_ascii(
    tmp_path_factory: pytest.TempPathFactory, value: str, verdict: str
) -> None:
    audit = audit_at(tmp_path_factory.mktemp("any") / "audit.jsonl")
    entry = Entry(KEY, value.encode(), Revision("7"))
    begin(audit, Item(1, entry, verdict, (verdict,)))
    (line,) = audit.path.read_bytes().splitlines()
    assert all(0x20 <= byte < 0x7F for byte in line)
    assert json.loads(line)["value"] == value
    (read,) = audit.acts()[0].items
    assert (read.entry, read.verdict, read.evidence) == (entry, verdict, (verdict,))


def test_control_characters_are_text_and_what_is_not_utf_8_is_base64(audit: Audit) -> None:
    odd = "\0\x1b[2J\x7f\x9b\u2028\U0001f600"
    begin(audit, item(1, odd.encode(), b"\xed\xa0\x80"))
    line = json.loads(audit.path.read_bytes())
    assert (line["key"], line["value_base64"]) == (odd, "7aCA")
    assert all(0x20 <= byte < 0x7F for byte in audit.path.read_bytes().rstrip(b"\n"))
    assert "key_base64" not in line
    assert "value" not in line


def test_texts_with_lone_surrogates_are_written_so_that_every_tool_takes_them(path: Path) -> None:
    audit = Audit(path, clock=lambda: NOON, user="kim\udcff", host="node-1")
    written = begin(audit)
    assert written.user == "kim\\udcff"
    assert audit.acts() == [written]


def test_a_lease_is_lower_case_hex_and_a_line_says_its_version(audit: Audit) -> None:
    begin(audit, item(lease=0xA907))
    line = json.loads(audit.path.read_bytes())
    assert (line["v"], line["line"], line["lease"]) == (1, "removing", "a907")


def test_outcomes_are_read_with_their_items(audit: Audit) -> None:
    outcomes = {
        b"1": REMOVED,
        b"2": CHANGED,
        b"3": outcome_of(Refused("etcd:2379", "out of space")),
        b"4": outcome_of(Unreachable("etcd:2379", Cause.TIMEOUT)),
        b"5": outcome_of(Unreachable("etcd:2379", Cause.REFUSED)),
    }
    act = begin(audit, *(item(number, b"%d" % number) for number in range(1, 7)))
    audit.finish(act, outcomes)
    (read,) = audit.acts()
    assert read == act.with_outcomes(outcomes)
    assert [(one.outcome, one.problem) for one in read.items] == [
        ("removed", ""),
        ("changed", ""),
        (NOT_DONE, "etcd:2379: out of space"),
        (NOT_KNOWN, "timeout: etcd:2379"),
        (NOT_DONE, "refused: etcd:2379"),
        (None, ""),
    ]
    # What was not recorded and what nobody answered for may have been removed.
    assert [one.may_be_removed for one in read.items] == [True, False, False, True, False, True]


def test_what_was_put_back_stays_so_whatever_comes_of_later_attempts(audit: Audit) -> None:
    act = begin(audit, item(1, b"1"), item(2, b"2"))
    audit.put_back(act, {b"1": PUT_BACK, b"2": outcome_of(Refused("etcd", "no"))})
    (first,) = audit.acts()
    assert [one.restored for one in first.items] == ["put back", NOT_DONE]
    assert [one.can_be_undone for one in first.items] == [False, True]
    audit.put_back(act, {b"1": THERE, b"2": LEASE_GONE})
    (second,) = audit.acts()
    assert [one.restored for one in second.items] == ["put back", "lease gone"]
    assert [one.restored_at for one in second.items] == [NOON, NOON]
    assert second.left_to_undo() is None


def test_an_act_is_found_by_its_id_and_an_item_by_its_number(audit: Audit) -> None:
    begin(audit)
    act = begin(audit, item(1, b"1"), item(2, b"2"))
    assert audit.find(act.id) == act
    found = audit.find(f"{act.id}.2")
    assert found is not None
    assert found.items == (act.items[1],)
    assert audit.find(f"{act.id}.3") is None
    assert audit.find("20261121-120000") is None


def test_ids_begin_with_the_second_and_none_is_given_twice(
    audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    digits = iter(["00ff", "00ff", "00ff", "3f2a"])
    monkeypatch.setattr("secrets.token_hex", lambda _: next(digits))
    assert begin(audit).id == "20261121-120000-00ff"
    assert begin(audit).id == "20261121-120000-3f2a"
    assert next(digits, None) is None


def test_ids_sort_as_time_goes() -> None:
    assert new_id(NOON, ()) < new_id(NOON + 1, ()) < new_id(NOON + 86400, ())


def test_without_a_file_there_are_no_acts_and_reading_makes_none(audit: Audit) -> None:
    assert audit.acts() == []
    assert audit.find("20261121-120000-00ff") is None
    assert not audit.path.parent.exists()


def test_half_a_line_is_skipped_and_counted_and_the_next_begins_on_its_own(audit: Audit) -> None:
    first = begin(audit)
    with audit.path.open("ab") as file:
        file.write(b'{"v":1,"line":"removing","id":"2026')
    assert audit.read().unreadable == 1
    second = begin(audit)
    trail = audit.read()
    assert (trail.acts, trail.unreadable) == ((first, second), 1)


def test_a_whole_line_that_only_lacks_its_end_is_read(audit: Audit) -> None:
    first = begin(audit)
    audit.path.write_bytes(audit.path.read_bytes().rstrip(b"\n"))
    assert audit.acts() == [first]
    second = begin(audit)
    trail = audit.read()
    assert (trail.acts, trail.unreadable) == ((first, second), 0)


@pytest.mark.parametrize(
    "line",
    [
        b"\0\0\0\0",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b'{"v":2,"line":"outcome","id":"x","at":1.0,"outcomes":[]}',
        b'{"v":1,"line":"forgotten","id":"x"}',
        b'{"v":1,"line":"outcome","id":"x","at":NaN,"outcomes":[]}',
        b"[" * 10_000,
    ],
)
def test_a_line_that_is_not_of_this_version_is_skipped_and_counted(
    audit: Audit, line: bytes
) -> None:
    act = begin(audit)
    with audit.path.open("ab") as file:
        file.write(line + b"\n")
    trail = audit.read()
    assert (trail.acts, trail.unreadable) == ((act,), 1)


@pytest.mark.parametrize(
    "change",
    [
        lambda line: line.pop("key"),
        lambda line: line.pop("value"),
        lambda line: line.update(key=None, key_base64="?"),
        lambda line: line.update(lease="0x1a"),
        lambda line: line.update(item=0),
        lambda line: line.update(kind="revoke"),
    ],
)
def test_a_removing_line_that_lacks_something_is_skipped_and_counted(
    audit: Audit, change: Callable[[dict[str, Any]], object]
) -> None:
    begin(audit)
    line = json.loads(audit.path.read_bytes())
    change(line)
    audit.path.write_text(json.dumps(line) + "\n")
    trail = audit.read()
    assert (trail.acts, trail.unreadable) == ((), 1)


def test_a_field_that_a_later_version_adds_is_left_alone(audit: Audit) -> None:
    act = begin(audit)
    line = json.loads(audit.path.read_bytes())
    audit.path.write_text(json.dumps(line | {"ticket": "OPS-1"}) + "\n")
    assert audit.acts() == [act]


def test_the_owner_of_an_entry_is_kept_as_far_as_putting_back_needs_it(audit: Audit) -> None:
    owner = Owner(
        "dynamo",
        "prod-0-engine",
        "object-uid",
        Mode.CONTAINER,
        applied_at=NOON,
        pod_name="prod-0",
        pod_uid="pod-uid",
        readiness=Readiness.DISCOVERABLE,
        node="node-1",
    )
    entry = Entry(KEY + b"@dynamo/prod-0-engine", b"{}", Revision("7"), owner=owner)
    begin(audit, Item(1, entry, "not ready", ()))
    (act,) = audit.acts()
    (read,) = act.items
    assert read.entry.owner == Owner(
        "dynamo",
        "prod-0-engine",
        "object-uid",
        Mode.CONTAINER,
        pod_name="prod-0",
        pod_uid="pod-uid",
    )
    assert read.entry.plain_key == KEY
