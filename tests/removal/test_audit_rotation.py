"""Full files are put away and read all the same; the latest acts are found without reading all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from backends.removal.audit.audit import Audit
from tests.support.auditing import KEY, NOON, audit_at, begin, names
from tests.support.removing import PUT_BACK, REMOVED


def test_a_full_file_is_put_away_and_read_all_the_same(path: Path) -> None:
    audit = audit_at(path, rotate_at=1, kept=3)
    acts = [begin(audit) for _ in range(4)]
    assert names(path) == ["audit.jsonl", "audit.jsonl.1", "audit.jsonl.2", "audit.jsonl.3"]
    assert audit.acts() == acts
    acts.append(begin(audit))
    assert audit.acts() == acts[1:]
    assert len(names(path)) == 4


def test_an_outcome_in_a_later_file_finds_its_act(path: Path) -> None:
    audit = audit_at(path, rotate_at=1, kept=2)
    act = begin(audit)
    audit.finish(act, {KEY: REMOVED})
    assert names(path) == ["audit.jsonl", "audit.jsonl.1"]
    assert audit.acts() == [act.with_outcomes({KEY: REMOVED})]
    audit.put_back(act, {KEY: PUT_BACK})
    begin(audit)
    # The act's own line is not kept any more, what came of it says nothing then.
    assert [one.id for one in audit.acts()] != [act.id]
    assert audit.read().unreadable == 0


def test_a_file_grows_to_its_limit_first(path: Path) -> None:
    begin(audit_at(path))
    size = path.stat().st_size
    audit = audit_at(path, rotate_at=2 * size)
    begin(audit)
    assert names(path) == ["audit.jsonl"]
    begin(audit)
    assert names(path) == ["audit.jsonl", "audit.jsonl.1"]


def test_a_rotation_that_was_cut_off_loses_nothing_more(path: Path) -> None:
    audit = audit_at(path, rotate_at=1, kept=3)
    acts = [begin(audit) for _ in range(4)]
    # As after a crash with 3 overwritten and 2 not filled again.
    os.replace(path.with_name("audit.jsonl.2"), path.with_name("audit.jsonl.3"))
    acts.append(begin(audit))
    assert audit.acts() == acts[1:]


def test_the_latest_acts_are_those_at_the_end_also_of_other_processes(
    audit: Audit, path: Path
) -> None:
    assert audit.latest_acts() == ()
    first = begin(audit)
    assert [act.id for act in audit.latest_acts()] == [first.id]
    other = audit_at(path)
    second = begin(other)
    other.finish(second, {KEY: REMOVED})
    assert [act.id for act in audit.latest_acts()] == [first.id, second.id]
    assert audit.latest_acts()[-1].items[0].outcome == "removed"
    # Only what fits into the tail is read: the first line of it is cut off, and left out.
    third = begin(other)
    short = Audit(
        path, clock=lambda: NOON, user="kim", host="node-1", tail=path.stat().st_size - 10
    )
    assert [act.id for act in short.latest_acts()][-2:] == [second.id, third.id]
    assert first.id not in [act.id for act in short.latest_acts()]


def test_the_latest_acts_are_read_only_when_the_file_changed(
    audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(audit)
    acts = audit.latest_acts()
    monkeypatch.setattr("backends.removal.audit.audit.trail_of", None)
    assert audit.latest_acts() is acts
