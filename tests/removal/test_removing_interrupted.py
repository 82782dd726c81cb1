"""Cancelled or killed while it removes, dyntop loses nothing of what it knows."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from backends.discovery.discovery import Discovery
from backends.memory import Keyspace, MemoryStore
from backends.removal.audit.audit import Audit
from backends.removal.audit.operation import Operation
from backends.removal.outcomes import KeyOutcome
from backends.removal.removals import Removals
from backends.store import (
    Entry,
    PutBack,
    Revision,
)
from tests.support.auditing import ROOT
from tests.support.removing import (
    DEADLINE,
    PUT_BACK,
    THERE,
    Slow,
    ended,
    outcomes_in,
    put,
    there,
    until,
)


async def test_an_answer_that_comes_soon_after_being_cancelled_is_still_written_down(
    keyspace: Keyspace, audit: Audit
) -> None:
    store = Slow(keyspace)
    acts = Removals(Discovery(store), audit, grace=DEADLINE)
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
    keyspace: Keyspace, acts: Removals, audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing, go_on = threading.Event(), threading.Event()
    finish = audit.finish

    def waits(act: Operation, outcomes: Mapping[bytes, KeyOutcome]) -> None:
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
    acts = Removals(Discovery(store), audit, grace=0.01)
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
    assert undone.outcomes == {target.record.key: PUT_BACK}
    assert acts.drained == {}


async def test_being_cancelled_while_it_writes_it_removes_nothing(
    keyspace: Keyspace, acts: Removals, audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing, go_on = threading.Event(), threading.Event()
    begin = audit.begin

    def waits(*arguments: object) -> Operation:
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
from backends.removal.removals import Removals
from backends.removal.removal_targets import RemovalTarget
from backends.removal.audit.audit import Audit
from backends.discovery.discovery import Discovery
from backends.memory import Keyspace, MemoryStore
from backends.dynamo.parse import read

removes = sys.argv[2] == "after"

class Hangs(MemoryStore):
    async def delete(self, entries):
        if removes:
            await super().delete(entries)
        print("asked", len(self.keyspace.read([b""]).entries), flush=True)
        await asyncio.Event().wait()

async def main():
    keyspace = Keyspace()
    keyspace.grant(0x1a, 60.0)
    keyspace.put(b"v1/instances/prod/backend/generate/1a", b"\\xff\\x00value", 0x1a)
    keyspace.put(b"v1/mdc/prod/backend/generate/1b", b"{}")
    audit = Audit(Path(sys.argv[1]), clock=time.time, user="kim", host="node-1")
    entries = keyspace.read([b""]).entries
    targets = [RemovalTarget(read(entry), "stale", ("why",)) for entry in entries]
    await Removals(Discovery(Hangs(keyspace)), audit).remove("drain", targets)

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
    restored = await Removals(Discovery(MemoryStore(keyspace)), audit).restore(act.id)
    assert restored.outcomes == {entries[0].key: PUT_BACK, entries[1].key: THERE}
    assert there(keyspace) == {
        entries[0].key: (b"\xff\x00value", 0x1A),
        entries[1].key: (b"another", None),
    }
    (act,) = audit.acts()
    assert [item.restored for item in act.items] == ["put back", "there"]


async def test_what_was_put_back_before_being_cancelled_is_written_down(
    keyspace: Keyspace, audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = put(keyspace, 1), put(keyspace, 2)

    class Stops(MemoryStore):
        async def put_back(self, entry: Entry) -> PutBack:
            if entry.key == second.record.key:
                await asyncio.Event().wait()
            return await super().put_back(entry)

    acts = Removals(Discovery(Stops(keyspace)), audit, grace=0.2, at_a_time=1)
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
