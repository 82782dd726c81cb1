"""What was removed comes back as it was, in a later run too, and never over another."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

import pytest
from msgspec.structs import replace

from backends.discovery.discovery import Discovery
from backends.dynamo.parse import read
from backends.memory import Keyspace, MemoryStore
from backends.removal.audit.audit import Audit
from backends.removal.audit.operation import NOT_DONE, NOT_KNOWN
from backends.removal.errors import NotFound, WrongStore
from backends.removal.outcomes import KeyOutcome, OutcomeType
from backends.removal.removal_targets import RemovalTarget
from backends.removal.removals import Removals
from backends.store import (
    Cause,
    Entry,
    Outcome,
    PutBack,
    Refused,
    Unreachable,
)
from tests.support.auditing import NOON
from tests.support.removing import (
    LEASE,
    LEASE_GONE,
    PUT_BACK,
    REMOVED,
    THERE,
    put,
    there,
)


async def test_what_was_removed_comes_back_under_its_lease_in_a_later_run(
    keyspace: Keyspace, discovery: Discovery, acts: Removals, audit: Audit
) -> None:
    keyspace.grant(LEASE, 10.0)
    targets = [put(keyspace, 1, LEASE), put(keyspace, 2)]
    before = there(keyspace)
    done = await acts.remove("drain", targets)
    assert done.id is not None
    restored = await Removals(discovery, audit).restore(done.id)
    assert set(restored.outcomes.values()) == {PUT_BACK}
    assert there(keyspace) == before
    assert audit.acts() == [restored.act]
    assert {(item.restored, item.restored_at) for item in restored.act.items} == {
        ("put back", NOON)
    }


async def test_one_item_comes_back_alone(
    keyspace: Keyspace, discovery: Discovery, acts: Removals, audit: Audit
) -> None:
    targets = [put(keyspace, 1), put(keyspace, 2)]
    done = await acts.remove("clean up", targets)
    for later in (acts, Removals(discovery, audit)):
        restored = await later.restore(f"{done.id}.2")
        assert list(restored.outcomes) == [targets[1].record.key]
    assert list(there(keyspace)) == [targets[1].record.key]


async def test_a_key_that_came_back_is_never_overwritten(
    keyspace: Keyspace, acts: Removals
) -> None:
    target = put(keyspace, 1)
    await acts.remove("unregister", [target])
    keyspace.put(target.record.key, b"newer")
    undone = await acts.undo()
    assert undone is not None
    assert undone.outcomes == {target.record.key: THERE}
    assert there(keyspace) == {target.record.key: (b"newer", None)}
    assert acts.last() is None


async def test_what_hung_on_a_lease_that_ended_does_not_come_back(
    keyspace: Keyspace, acts: Removals, audit: Audit
) -> None:
    keyspace.grant(LEASE, 10.0)
    target = put(keyspace, 1, LEASE)
    await acts.remove("unregister", [target])
    keyspace.end_lease(LEASE)
    undone = await acts.undo()
    assert undone is not None
    assert undone.outcomes == {target.record.key: LEASE_GONE}
    assert there(keyspace) == {}
    assert [item.restored for act in audit.acts() for item in act.items] == ["lease gone"]


async def test_what_was_never_removed_is_not_put_back(
    keyspace: Keyspace, acts: Removals, audit: Audit
) -> None:
    target = put(keyspace, 1)
    keyspace.delete(target.record.key)
    done = await acts.remove("unregister", [target])
    assert done.id is not None
    restored = await acts.restore(done.id)
    assert restored.outcomes == {}
    assert [item.outcome for item in restored.act.items] == ["gone"]
    assert there(keyspace) == {}


async def test_an_id_that_is_not_there_is_told(acts: Removals, unaudited: Removals) -> None:
    for one in (acts, unaudited):
        with pytest.raises(NotFound) as failed:
            await one.restore("20261121-120000-3f2a")
        assert failed.value.wanted == "20261121-120000-3f2a"


@pytest.mark.parametrize(("name", "address"), [("etcd", "this process"), ("memory", "elsewhere")])
async def test_nothing_is_put_into_another_store(
    keyspace: Keyspace,
    acts: Removals,
    audit: Audit,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    address: str,
) -> None:
    target = put(keyspace, 1)
    done = await acts.remove("unregister", [target])
    assert done.id is not None
    other = MemoryStore(keyspace)
    monkeypatch.setattr(other, "name", name)
    monkeypatch.setattr(other, "address", address)
    with pytest.raises(WrongStore) as failed:
        await Removals(Discovery(other), audit).restore(done.id)
    assert failed.value.recorded == ("memory", "this process")
    assert failed.value.here == (name, address)
    assert there(keyspace) == {}


async def test_what_was_put_back_and_went_again_can_be_put_back_again_by_its_id(
    keyspace: Keyspace, acts: Removals
) -> None:
    target = put(keyspace, 1)
    done = await acts.remove("unregister", [target])
    assert done.id is not None
    await acts.undo()
    keyspace.delete(target.record.key)
    assert acts.last() is None
    restored = await acts.restore(done.id)
    assert restored.outcomes == {target.record.key: PUT_BACK}


async def test_what_the_store_did_not_answer_to_can_be_undone_once_more(
    keyspace: Keyspace, acts: Removals, audit: Audit
) -> None:
    target = put(keyspace, 1)
    await acts.remove("unregister", [target])
    error = Unreachable("memory", Cause.REFUSED)
    keyspace.break_off(error)
    undone = await acts.undo()
    assert undone is not None
    assert undone.outcomes == {target.record.key: KeyOutcome(OutcomeType.NOT_REACHED, error)}
    assert [item.restored for act in audit.acts() for item in act.items] == [NOT_DONE]
    keyspace.mend()
    undone = await acts.undo()
    assert undone is not None
    assert undone.outcomes == {target.record.key: PUT_BACK}


async def test_one_key_that_is_refused_does_not_keep_the_others_back(
    keyspace: Keyspace, audit: Audit
) -> None:
    refused = put(keyspace, 20)
    error = Refused("memory", "out of space")

    class Full(MemoryStore):
        async def put_back(self, entry: Entry) -> PutBack:
            if entry.key == refused.record.key:
                raise error
            return await super().put_back(entry)

    acts = Removals(Discovery(Full(keyspace)), audit)
    targets = [refused, *(put(keyspace, worker) for worker in range(21, 61))]
    await acts.remove("clean up", targets)
    undone = await acts.undo()
    assert undone is not None
    assert undone.outcomes.pop(refused.record.key) == KeyOutcome(OutcomeType.REFUSED, error)
    assert set(undone.outcomes) == set(there(keyspace))
    assert set(undone.outcomes.values()) == {PUT_BACK}
    assert len(undone.outcomes) == 40


async def test_a_store_that_is_away_is_not_asked_for_every_key_and_those_were_not_tried(
    keyspace: Keyspace, audit: Audit
) -> None:
    asked: list[bytes] = []
    error = Unreachable("memory", Cause.TIMEOUT)

    class Away(MemoryStore):
        async def put_back(self, entry: Entry) -> PutBack:
            asked.append(entry.key)
            raise error

    acts = Removals(Discovery(Away(keyspace)), audit, at_a_time=16)
    targets = [put(keyspace, worker) for worker in range(1, 101)]
    await acts.remove("clean up", targets)
    undone = await acts.undo()
    assert undone is not None
    assert len(asked) == 16
    came_of = [undone.outcomes[target.record.key] for target in targets]
    assert came_of[:16] == [KeyOutcome(OutcomeType.LEFT_OPEN, error)] * 16
    assert came_of[16:] == [KeyOutcome(OutcomeType.NOT_TRIED, error)] * 84
    # The audit does not say of those that it is not known what came of them.
    assert [item.restored for item in audit.acts()[0].items] == [NOT_KNOWN] * 16 + [NOT_DONE] * 84


async def test_putting_back_that_cannot_be_written_down_is_told(
    keyspace: Keyspace, acts: Removals, path: Path
) -> None:
    target = put(keyspace, 1)
    await acts.remove("unregister", [target])
    os.unlink(path)
    os.mkdir(path)
    undone = await acts.undo()
    assert undone is not None
    assert undone.outcomes == {target.record.key: PUT_BACK}
    assert undone.audit_problem is not None
    assert acts.last() is None


async def test_a_value_that_was_not_known_is_marked_so_and_never_put_back(
    keyspace: Keyspace, acts: Removals, audit: Audit
) -> None:
    key = b"v1/instances/prod/backend/generate/1a"
    revision = keyspace.put(key, b"")
    unread = read(Entry(key, b"", revision, unread="this user may not read it"))

    class Unreadable(MemoryStore):
        async def delete(self, entries: Iterable[Entry]) -> dict[bytes, Outcome]:
            return await super().delete(replace(entry, unread="") for entry in entries)

    acts = Removals(Discovery(Unreadable(keyspace)), audit)
    done = await acts.remove("unregister", [RemovalTarget(unread, "unknown", ("why",))])
    assert done.outcomes == {key: REMOVED}
    assert acts.last() is None
    line = json.loads(audit.path.read_text().splitlines()[0])
    assert line["value_unread"] == "this user may not read it"
    assert "value" not in line
    assert done.id is not None
    ((item,),) = [act.items for act in audit.acts()]
    assert (item.entry, item.can_be_undone) == (unread.entry, False)
    # By another dyntop, which has only what was written down.
    restored = await Removals(Discovery(MemoryStore(keyspace)), audit).restore(done.id)
    why = "this user may not read it"
    assert restored.outcomes == {key: KeyOutcome(OutcomeType.UNREAD, unread=why)}
    assert there(keyspace) == {}
