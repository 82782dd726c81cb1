"""Nothing is removed that is not in the audit first, and what was removed can be put back."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from backends import acts as acts_module
from backends.acts import Acts, Condemned, NotFound, WrongStore
from backends.audit import NOT_DONE, NOT_KNOWN, Act, Audit, AuditFailed
from backends.discovery import Discovery
from backends.memory import Keyspace, MemoryStore
from backends.reading import read
from backends.store import (
    Cause,
    Entry,
    Outcome,
    PutBack,
    Refused,
    Removal,
    Revision,
    Unreachable,
)
from tests import registered

NOON = 1795262400.0
"""2026-11-21, 12:00 UTC."""
ROOT = Path(__file__).parent.parent.parent
LEASE = 0x1A
DEADLINE = 20.0
"""Seconds after which a test gives up waiting."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "dyntop" / "audit.jsonl"


@pytest.fixture
def audit(path: Path) -> Audit:
    return Audit(path, clock=lambda: NOON, user="kim", host="node-1")


@pytest.fixture
def acts(discovery: Discovery, audit: Audit) -> Acts:
    return Acts(discovery, audit)


@pytest.fixture
def unaudited(discovery: Discovery) -> Acts:
    return Acts(discovery, None, clock=lambda: NOON)


def put(keyspace: Keyspace, worker: int, lease: int | None = None) -> Condemned:
    """Registers an instance; it as a person would say yes to it."""
    key, value = registered.instance(worker)
    keyspace.put(key, value, lease)
    return condemned(keyspace, key)


def condemned(keyspace: Keyspace, key: bytes) -> Condemned:
    entry = keyspace.find(key)
    assert entry is not None
    return Condemned(read(entry), "stale", ("nothing listens at 10.0.0.1:9000",))


def there(keyspace: Keyspace) -> dict[bytes, tuple[bytes, int | None]]:
    return {entry.key: (entry.value, entry.lease) for entry in keyspace.read([b""]).entries}


def outcomes_in(audit: Audit) -> list[list[str | None]]:
    return [[item.outcome for item in act.items] for act in audit.acts()]


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE):
        # A thread may make it true, so there is no event to wait for.
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def ended(task: asyncio.Task[object]) -> None:
    """Waits for a task that was cancelled, which must tell that it was."""
    async with asyncio.timeout(DEADLINE):
        with pytest.raises(asyncio.CancelledError):
            await task


class Slow(MemoryStore):
    """Asks nobody before `go` is set; then does it, and waits for `answer` before it says so."""

    def __init__(self, keyspace: Keyspace) -> None:
        super().__init__(keyspace)
        self.asked = asyncio.Event()
        self.go = asyncio.Event()
        self.answer = asyncio.Event()

    async def delete(self, targets: Mapping[bytes, Revision]) -> dict[bytes, Outcome]:
        self.asked.set()
        await self.go.wait()
        outcomes = await super().delete(targets)
        await self.answer.wait()
        return outcomes

    async def put_back(self, entry: Entry) -> PutBack:
        self.asked.set()
        await self.go.wait()
        return await super().put_back(entry)


# Removing.


async def test_what_was_removed_is_in_the_audit_with_all_that_is_known_of_it(
    keyspace: Keyspace, acts: Acts, audit: Audit
) -> None:
    keyspace.grant(LEASE, 10.0)
    first, second = put(keyspace, 1, LEASE), put(keyspace, 2)
    done = await acts.remove("clean up", [first, second])
    assert done.outcomes == dict.fromkeys([first.record.key, second.record.key], Removal.REMOVED)
    assert done.audit_problem is None
    assert there(keyspace) == {}
    (act,) = audit.acts()
    assert (act.id, act.kind, act.store, act.address) == (
        done.id,
        "clean up",
        "memory",
        "this process",
    )
    assert (act.user, act.host, act.at) == ("kim", "node-1", NOON)
    assert [item.entry for item in act.items] == [first.record.entry, second.record.entry]
    assert [item.number for item in act.items] == [1, 2]
    assert {(item.verdict, item.evidence, item.outcome) for item in act.items} == {
        ("stale", ("nothing listens at 10.0.0.1:9000",), "removed")
    }


async def test_it_is_in_the_audit_before_the_store_is_asked(
    keyspace: Keyspace, audit: Audit
) -> None:
    store = Slow(keyspace)
    target = put(keyspace, 1)
    removing = asyncio.create_task(Acts(Discovery(store), audit).remove("drain", [target]))
    await store.asked.wait()
    assert outcomes_in(audit) == [[None]]
    assert target.record.key in there(keyspace)
    store.go.set()
    store.answer.set()
    await removing
    assert outcomes_in(audit) == [["removed"]]


async def test_what_cannot_be_written_down_is_not_removed(
    keyspace: Keyspace, acts: Acts, path: Path
) -> None:
    target = put(keyspace, 1)
    path.parent.write_bytes(b"in the way")
    with pytest.raises(AuditFailed):
        await acts.remove("unregister", [target])
    assert target.record.key in there(keyspace)
    assert acts.last() is None


async def test_an_outcome_that_cannot_be_written_down_is_told_and_can_be_undone(
    keyspace: Keyspace, acts: Acts, audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = put(keyspace, 1)
    problem = AuditFailed(audit.path, "no space left on device")

    def fails(*_: object) -> None:
        raise problem

    with monkeypatch.context() as broken:
        broken.setattr(audit, "finish", fails)
        done = await acts.remove("unregister", [target])
    assert done.outcomes == {target.record.key: Removal.REMOVED}
    assert done.audit_problem is problem
    assert outcomes_in(audit) == [[None]]
    undone = await acts.undo()
    assert undone is not None
    assert undone.outcomes == {target.record.key: PutBack.DONE}


async def test_each_key_has_an_outcome_of_its_own(
    keyspace: Keyspace, acts: Acts, audit: Audit
) -> None:
    removed, changed, gone = put(keyspace, 1), put(keyspace, 2), put(keyspace, 3)
    put(keyspace, 2)
    keyspace.delete(gone.record.key)
    done = await acts.remove("clean up", [removed, changed, gone])
    assert list(done.outcomes.values()) == [Removal.REMOVED, Removal.CHANGED, Removal.GONE]
    assert outcomes_in(audit) == [["removed", "changed", "gone"]]


async def test_an_error_of_the_store_is_an_outcome(
    keyspace: Keyspace, acts: Acts, audit: Audit
) -> None:
    target = put(keyspace, 1)
    error = Unreachable("memory", Cause.TIMEOUT)
    keyspace.break_off(error)
    done = await acts.remove("unregister", [target])
    assert done.outcomes == {target.record.key: error}
    assert outcomes_in(audit) == [[NOT_KNOWN]]


async def test_no_target_is_no_act(acts: Acts, audit: Audit) -> None:
    done = await acts.remove("clean up", [])
    assert (done.id, done.outcomes, done.audit_problem) == (None, {}, None)
    assert audit.acts() == []


async def test_a_key_named_twice_is_one_item(keyspace: Keyspace, acts: Acts, audit: Audit) -> None:
    target = put(keyspace, 1)
    await acts.remove("unregister", [target, target])
    assert outcomes_in(audit) == [["removed"]]


# Being cancelled, and killed.


async def test_an_answer_that_comes_soon_after_being_cancelled_is_still_written_down(
    keyspace: Keyspace, audit: Audit
) -> None:
    store = Slow(keyspace)
    acts = Acts(Discovery(store), audit, grace=DEADLINE)
    target = put(keyspace, 1)
    removing = asyncio.create_task(acts.remove("unregister", [target]))
    store.go.set()
    await until(lambda: there(keyspace) == {})
    removing.cancel()
    store.answer.set()
    await ended(removing)
    assert outcomes_in(audit) == [["removed"]]
    last = acts.last()
    assert last is not None
    assert last.items[0].outcome == "removed"


async def test_an_outcome_that_is_being_written_is_not_lost_by_being_cancelled(
    keyspace: Keyspace, acts: Acts, audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing, go_on = threading.Event(), threading.Event()
    finish = audit.finish

    def waits(act: Act, outcomes: Mapping[bytes, Outcome]) -> None:
        writing.set()
        assert go_on.wait(DEADLINE)
        finish(act, outcomes)

    monkeypatch.setattr(audit, "finish", waits)
    target = put(keyspace, 1)
    removing = asyncio.create_task(acts.remove("unregister", [target]))
    await until(writing.is_set)
    removing.cancel()
    go_on.set()
    await ended(removing)
    assert outcomes_in(audit) == [["removed"]]


async def test_a_store_that_does_not_answer_holds_nobody_up_who_is_cancelled(
    keyspace: Keyspace, audit: Audit
) -> None:
    store = Slow(keyspace)
    acts = Acts(Discovery(store), audit, grace=0.01)
    target = put(keyspace, 1)
    removing = asyncio.create_task(acts.remove("drain", [target]))
    store.go.set()
    await until(lambda: there(keyspace) == {})
    removing.cancel()
    await ended(removing)
    # It was removed and nobody knows: it is in the audit, and can be put back.
    assert outcomes_in(audit) == [[None]]
    undone = await acts.undo()
    assert undone is not None
    assert undone.outcomes == {target.record.key: PutBack.DONE}
    assert acts.drained == {}


async def test_being_cancelled_while_it_writes_it_removes_nothing(
    keyspace: Keyspace, acts: Acts, audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing, go_on = threading.Event(), threading.Event()
    begin = audit.begin

    def waits(*arguments: object) -> Act:
        writing.set()
        assert go_on.wait(DEADLINE)
        return begin(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(audit, "begin", waits)
    target = put(keyspace, 1)
    removing = asyncio.create_task(acts.remove("unregister", [target]))
    await until(writing.is_set)
    removing.cancel()
    await ended(removing)
    go_on.set()
    await until(lambda: len(audit.acts()) == 1)
    assert target.record.key in there(keyspace)
    assert acts.last() is None


KILLED = """
import asyncio, sys, time
from collections.abc import Mapping
from pathlib import Path
from backends.acts import Acts, Condemned
from backends.audit import Audit
from backends.discovery import Discovery
from backends.memory import Keyspace, MemoryStore
from backends.reading import read

removes = sys.argv[2] == "after"

class Hangs(MemoryStore):
    async def delete(self, targets):
        if removes:
            await super().delete(targets)
        print("asked", len(self.keyspace.read([b""]).entries), flush=True)
        await asyncio.Event().wait()

async def main():
    keyspace = Keyspace()
    keyspace.grant(0x1a, 60.0)
    keyspace.put(b"v1/instances/prod/backend/generate/1a", b"\\xff\\x00value", 0x1a)
    keyspace.put(b"v1/mdc/prod/backend/generate/1b", b"{}")
    audit = Audit(Path(sys.argv[1]), clock=time.time, user="kim", host="node-1")
    targets = [Condemned(read(entry), "stale", ("why",)) for entry in keyspace.read([b""]).entries]
    await Acts(Discovery(Hangs(keyspace)), audit).remove("drain", targets)

asyncio.run(main())
"""


def killed(path: Path, when: str) -> str:
    """What a process says once its store was asked, when it is killed; the store hangs."""
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path), when],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
        finally:
            process.kill()
        _, complaints = process.communicate(timeout=DEADLINE)
    assert (process.returncode, complaints) == (-signal.SIGKILL, "")
    return said


@pytest.mark.parametrize(("when", "left"), [("before", 2), ("after", 0)])
async def test_killed_while_it_removes_it_loses_nothing(
    keyspace: Keyspace, audit: Audit, path: Path, when: str, left: int
) -> None:
    assert await asyncio.to_thread(killed, path, when) == f"asked {left}\n"
    trail = audit.read()
    assert trail.unreadable == 0
    (act,) = trail.acts
    assert (act.kind, act.user, act.host) == ("drain", "kim", "node-1")
    entries = [
        Entry(b"v1/instances/prod/backend/generate/1a", b"\xff\x00value", Revision("1"), 0x1A),
        Entry(b"v1/mdc/prod/backend/generate/1b", b"{}", Revision("2")),
    ]
    assert [item.entry for item in act.items] == entries
    assert {(item.verdict, item.evidence, item.outcome) for item in act.items} == {
        ("stale", ("why",), None)
    }
    # A later run, in which one of the keys was never removed, or came back.
    keyspace.grant(0x1A, 60.0)
    keyspace.put(entries[1].key, b"another")
    restored = await Acts(Discovery(MemoryStore(keyspace)), audit).restore(act.id)
    assert restored.outcomes == {entries[0].key: PutBack.DONE, entries[1].key: PutBack.THERE}
    assert there(keyspace) == {
        entries[0].key: (b"\xff\x00value", 0x1A),
        entries[1].key: (b"another", None),
    }
    (act,) = audit.acts()
    assert [item.restored for item in act.items] == ["put back", "there"]


# Putting back.


async def test_what_was_removed_comes_back_under_its_lease_in_a_later_run(
    keyspace: Keyspace, discovery: Discovery, acts: Acts, audit: Audit
) -> None:
    keyspace.grant(LEASE, 10.0)
    targets = [put(keyspace, 1, LEASE), put(keyspace, 2)]
    before = there(keyspace)
    done = await acts.remove("drain", targets)
    assert done.id is not None
    restored = await Acts(discovery, audit).restore(done.id)
    assert set(restored.outcomes.values()) == {PutBack.DONE}
    assert there(keyspace) == before
    assert audit.acts() == [restored.act]
    assert {(item.restored, item.restored_at) for item in restored.act.items} == {
        ("put back", NOON)
    }


async def test_one_item_comes_back_alone(
    keyspace: Keyspace, discovery: Discovery, acts: Acts, audit: Audit
) -> None:
    targets = [put(keyspace, 1), put(keyspace, 2)]
    done = await acts.remove("clean up", targets)
    for later in (acts, Acts(discovery, audit)):
        restored = await later.restore(f"{done.id}.2")
        assert list(restored.outcomes) == [targets[1].record.key]
    assert list(there(keyspace)) == [targets[1].record.key]


async def test_a_key_that_came_back_is_never_overwritten(keyspace: Keyspace, acts: Acts) -> None:
    target = put(keyspace, 1)
    await acts.remove("unregister", [target])
    keyspace.put(target.record.key, b"newer")
    undone = await acts.undo()
    assert undone is not None
    assert undone.outcomes == {target.record.key: PutBack.THERE}
    assert there(keyspace) == {target.record.key: (b"newer", None)}
    assert acts.last() is None


async def test_what_hung_on_a_lease_that_ended_does_not_come_back(
    keyspace: Keyspace, acts: Acts, audit: Audit
) -> None:
    keyspace.grant(LEASE, 10.0)
    target = put(keyspace, 1, LEASE)
    await acts.remove("unregister", [target])
    keyspace.end_lease(LEASE)
    undone = await acts.undo()
    assert undone is not None
    assert undone.outcomes == {target.record.key: PutBack.LEASE_GONE}
    assert there(keyspace) == {}
    assert [item.restored for act in audit.acts() for item in act.items] == ["lease gone"]


async def test_what_was_never_removed_is_not_put_back(
    keyspace: Keyspace, acts: Acts, audit: Audit
) -> None:
    target = put(keyspace, 1)
    keyspace.delete(target.record.key)
    done = await acts.remove("unregister", [target])
    assert done.id is not None
    restored = await acts.restore(done.id)
    assert restored.outcomes == {}
    assert [item.outcome for item in restored.act.items] == ["gone"]
    assert there(keyspace) == {}


async def test_an_id_that_is_not_there_is_told(acts: Acts, unaudited: Acts) -> None:
    for one in (acts, unaudited):
        with pytest.raises(NotFound) as failed:
            await one.restore("20261121-120000-3f2a")
        assert failed.value.wanted == "20261121-120000-3f2a"


@pytest.mark.parametrize(("name", "address"), [("etcd", "this process"), ("memory", "elsewhere")])
async def test_nothing_is_put_into_another_store(
    keyspace: Keyspace,
    acts: Acts,
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
        await Acts(Discovery(other), audit).restore(done.id)
    assert failed.value.recorded == ("memory", "this process")
    assert failed.value.here == (name, address)
    assert there(keyspace) == {}


async def test_what_was_put_back_and_went_again_can_be_put_back_again_by_its_id(
    keyspace: Keyspace, acts: Acts
) -> None:
    target = put(keyspace, 1)
    done = await acts.remove("unregister", [target])
    assert done.id is not None
    await acts.undo()
    keyspace.delete(target.record.key)
    assert acts.last() is None
    restored = await acts.restore(done.id)
    assert restored.outcomes == {target.record.key: PutBack.DONE}


async def test_what_the_store_did_not_answer_to_can_be_undone_once_more(
    keyspace: Keyspace, acts: Acts, audit: Audit
) -> None:
    target = put(keyspace, 1)
    await acts.remove("unregister", [target])
    error = Unreachable("memory", Cause.REFUSED)
    keyspace.break_off(error)
    undone = await acts.undo()
    assert undone is not None
    assert undone.outcomes == {target.record.key: error}
    assert [item.restored for act in audit.acts() for item in act.items] == [NOT_DONE]
    keyspace.mend()
    undone = await acts.undo()
    assert undone is not None
    assert undone.outcomes == {target.record.key: PutBack.DONE}


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

    acts = Acts(Discovery(Full(keyspace)), audit)
    targets = [refused, *(put(keyspace, worker) for worker in range(21, 61))]
    await acts.remove("clean up", targets)
    undone = await acts.undo()
    assert undone is not None
    assert undone.outcomes.pop(refused.record.key) is error
    assert set(undone.outcomes) == set(there(keyspace))
    assert set(undone.outcomes.values()) == {PutBack.DONE}
    assert len(undone.outcomes) == 40


async def test_a_store_that_is_away_is_not_asked_for_every_key(
    keyspace: Keyspace, audit: Audit
) -> None:
    asked: list[bytes] = []
    error = Unreachable("memory", Cause.TIMEOUT)

    class Away(MemoryStore):
        async def put_back(self, entry: Entry) -> PutBack:
            asked.append(entry.key)
            raise error

    acts = Acts(Discovery(Away(keyspace)), audit)
    targets = [put(keyspace, worker) for worker in range(1, 101)]
    await acts.remove("clean up", targets)
    undone = await acts.undo()
    assert undone is not None
    assert undone.outcomes == {target.record.key: error for target in targets}
    assert len(asked) == acts_module.AT_A_TIME


async def test_putting_back_that_cannot_be_written_down_is_told(
    keyspace: Keyspace, acts: Acts, path: Path
) -> None:
    target = put(keyspace, 1)
    await acts.remove("unregister", [target])
    os.unlink(path)
    os.mkdir(path)
    undone = await acts.undo()
    assert undone is not None
    assert undone.outcomes == {target.record.key: PutBack.DONE}
    assert undone.audit_problem is not None
    assert acts.last() is None


async def test_what_was_put_back_before_being_cancelled_is_written_down(
    keyspace: Keyspace, audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acts_module, "AT_A_TIME", 1)
    first, second = put(keyspace, 1), put(keyspace, 2)

    class Stops(MemoryStore):
        async def put_back(self, entry: Entry) -> PutBack:
            if entry.key == second.record.key:
                await asyncio.Event().wait()
            return await super().put_back(entry)

    acts = Acts(Discovery(Stops(keyspace)), audit, grace=0.2)
    await acts.remove("unregister", [first, second])
    undoing = asyncio.create_task(acts.undo())
    await until(lambda: first.record.key in there(keyspace))
    undoing.cancel()
    await ended(undoing)
    await until(lambda: audit.acts()[0].items[0].restored is not None)
    assert [item.restored for item in audit.acts()[0].items] == ["put back", None]
    last = acts.last()
    assert last is not None
    assert [item.entry.key for item in last.items] == [second.record.key]


# Undo.


async def test_undo_goes_back_one_act_at_a_time(keyspace: Keyspace, acts: Acts) -> None:
    first, second = put(keyspace, 1), put(keyspace, 2)
    await acts.remove("unregister", [first])
    await acts.remove("drain", [second])
    for target in (second, first):
        last = acts.last()
        assert last is not None
        assert [item.entry for item in last.items] == [target.record.entry]
        undone = await acts.undo()
        assert undone is not None
        assert undone.outcomes == {target.record.key: PutBack.DONE}
    assert acts.last() is None
    assert await acts.undo() is None


async def test_what_a_question_showed_is_what_is_put_back(keyspace: Keyspace, acts: Acts) -> None:
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
    acts = Acts(Discovery(store), audit)
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
    keyspace: Keyspace, discovery: Discovery, acts: Acts, audit: Audit
) -> None:
    await acts.remove("unregister", [put(keyspace, 1)])
    assert Acts(discovery, audit).last() is None


async def test_without_an_audit_undo_works_within_this_run(
    keyspace: Keyspace, unaudited: Acts
) -> None:
    target = put(keyspace, 1)
    done = await unaudited.remove("unregister", [target])
    assert (done.id, done.audit_problem) == (None, None)
    last = unaudited.last()
    assert last is not None
    assert (last.at, last.user, last.host) == (NOON, "", "")
    undone = await unaudited.undo()
    assert undone is not None
    assert (undone.outcomes, undone.audit_problem) == ({target.record.key: PutBack.DONE}, None)
    assert unaudited.last() is None


async def test_the_oldest_acts_are_forgotten_and_the_newest_never(
    keyspace: Keyspace, unaudited: Acts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acts_module, "KEPT_ITEMS", 3)
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


# Drained.


async def test_what_was_drained_is_remembered_until_it_is_put_back(
    keyspace: Keyspace, acts: Acts
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
    keyspace: Keyspace, acts: Acts
) -> None:
    drained = put(keyspace, 1)
    await acts.remove("drain", [drained])
    put(keyspace, 1)
    await acts.undo()
    assert acts.drained == {}


async def test_what_is_drained_cannot_be_changed_from_outside(
    keyspace: Keyspace, acts: Acts
) -> None:
    await acts.remove("drain", [put(keyspace, 1)])
    with pytest.raises(TypeError):
        acts.drained[b"other"] = NOON  # type: ignore[index]
