"""Undo goes back one act at a time within a run, and a drained worker is known until then."""

from __future__ import annotations

import asyncio

import pytest

from backends.discovery.discovery import Discovery
from backends.memory import Keyspace
from backends.removal.audit.audit import Audit
from backends.removal.removals import Removals
from tests.support.auditing import NOON
from tests.support.removing import (
    PUT_BACK,
    Slow,
    put,
)


async def test_undo_goes_back_one_act_at_a_time(keyspace: Keyspace, acts: Removals) -> None:
    first, second = put(keyspace, 1), put(keyspace, 2)
    await acts.remove("unregister", [first])
    await acts.remove("drain", [second])
    for target in (second, first):
        last = acts.last()
        assert last is not None
        assert [item.entry for item in last.items] == [target.record.entry]
        undone = await acts.undo()
        assert undone is not None
        assert undone.outcomes == {target.record.key: PUT_BACK}
    assert acts.last() is None
    assert await acts.undo() is None


async def test_what_a_question_showed_is_what_is_put_back(
    keyspace: Keyspace, acts: Removals
) -> None:
    first, second = put(keyspace, 1), put(keyspace, 2)
    await acts.remove("unregister", [first])
    shown = acts.last()
    assert shown is not None
    await acts.remove("unregister", [second])
    restored = await acts.restore(shown)
    assert list(restored.outcomes) == [first.record.key]


async def test_undo_offers_only_what_was_removed_and_not_what_is_being_removed(
    keyspace: Keyspace, audit: Audit
) -> None:
    store = Slow(keyspace)
    acts = Removals(Discovery(store), audit)
    removed, changed = put(keyspace, 1), put(keyspace, 2)
    put(keyspace, 2)
    removing = asyncio.create_task(acts.remove("unregister", [removed, changed]))
    await store.asked.wait()
    assert acts.last() is None
    store.go.set()
    store.answer.set()
    await removing
    last = acts.last()
    assert last is not None
    assert [item.entry.key for item in last.items] == [removed.record.key]


async def test_undo_is_of_this_process_alone(
    keyspace: Keyspace, discovery: Discovery, acts: Removals, audit: Audit
) -> None:
    await acts.remove("unregister", [put(keyspace, 1)])
    assert Removals(discovery, audit).last() is None


async def test_without_an_audit_undo_works_within_this_run(
    keyspace: Keyspace, unaudited: Removals
) -> None:
    target = put(keyspace, 1)
    done = await unaudited.remove("unregister", [target])
    assert (done.id, done.audit_problem) == (None, None)
    last = unaudited.last()
    assert last is not None
    assert (last.at, last.user, last.host) == (NOON, "", "")
    undone = await unaudited.undo()
    assert undone is not None
    assert (undone.outcomes, undone.audit_problem) == ({target.record.key: PUT_BACK}, None)
    assert unaudited.last() is None


async def test_the_oldest_acts_are_forgotten_and_the_newest_never(
    keyspace: Keyspace, discovery: Discovery
) -> None:
    unaudited = Removals(discovery, None, kept_items=3)
    pairs = [[put(keyspace, worker), put(keyspace, worker + 1)] for worker in (1, 3)]
    for pair in pairs:
        await unaudited.remove("unregister", pair)
    undone = await unaudited.undo()
    assert undone is not None
    assert list(undone.outcomes) == [target.record.key for target in pairs[1]]
    assert unaudited.last() is None
    many = [put(keyspace, worker) for worker in range(5, 10)]
    await unaudited.remove("unregister", many)
    last = unaudited.last()
    assert last is not None
    assert len(last.items) == 5


async def test_what_was_drained_is_remembered_until_it_is_put_back(
    keyspace: Keyspace, acts: Removals
) -> None:
    drained, changed, other = put(keyspace, 1), put(keyspace, 2), put(keyspace, 3)
    put(keyspace, 2)
    await acts.remove("drain", [drained, changed])
    await acts.remove("unregister", [other])
    assert acts.drained == {drained.record.key: NOON}
    await acts.undo()
    assert acts.drained == {drained.record.key: NOON}
    await acts.undo()
    assert acts.drained == {}


async def test_what_came_back_by_itself_is_not_drained_any_more_once_that_is_known(
    keyspace: Keyspace, acts: Removals
) -> None:
    drained = put(keyspace, 1)
    await acts.remove("drain", [drained])
    put(keyspace, 1)
    await acts.undo()
    assert acts.drained == {}


async def test_what_is_drained_cannot_be_changed_from_outside(
    keyspace: Keyspace, acts: Removals
) -> None:
    await acts.remove("drain", [put(keyspace, 1)])
    with pytest.raises(TypeError):
        acts.drained[b"other"] = NOON  # type: ignore[index]
