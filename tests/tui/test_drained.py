"""A drain is seen by every dyntop: who did it from the audit, otherwise from the store alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.removal.audit.audit import Audit
from backends.removal.audit.operation import Item
from tests.support.operating import START, World, dashboard
from tests.support.registered import card, channel, instance, source
from tests.support.removing import PUT_BACK, REMOVED

WORKER = 0xA7
KEY = instance(WORKER)[0]
REST = [card(WORKER), card(WORKER, lora="acme/sql"), channel(0x11), source(0x11, WORKER)]
ALONE = "drained or deleted, its lease is alive"


def leased() -> World:
    world = World()
    world.put(instance(WORKER), *REST, lease=WORKER)
    return world


def another(path: Path) -> Audit:
    """The audit as another process on this machine writes it."""
    return Audit(path, clock=lambda: START, user="joe", host="node-1")


async def test_a_key_that_went_elsewhere_shows_its_worker_as_drained() -> None:
    world = leased()
    async with dashboard(world) as operator:
        await operator.press("3")
        await operator.until(lambda: operator.rows("state") == ["● live"])
        world.keyspace.delete(KEY)
        await operator.until(lambda: operator.rows("state") == ["▽ drained"])
        await operator.until_shown(ALONE)
        world.put(instance(WORKER), lease=WORKER)
        await operator.until(lambda: operator.rows("state") == ["● live"])


@pytest.mark.parametrize("before", [True, False], ids=["before it began", "while it runs"])
async def test_what_another_process_drained_says_by_whom_until_it_is_put_back(
    tmp_path: Path, before: bool
) -> None:
    world, path = leased(), tmp_path / "audit.jsonl"
    audit, entry = another(path), world.find(KEY)
    assert entry is not None

    def drain() -> str:
        act = audit.begin("drain", "memory", "this process", [Item(1, entry, "live", ())])
        world.keyspace.delete(KEY)
        audit.finish(act, {KEY: REMOVED})
        return act.id

    act_id = drain() if before else ""
    async with dashboard(world, audit=path) as operator:
        await operator.press("2")
        if not before:
            await operator.until(lambda: operator.rows("state") == ["● live"])
            act_id = drain()
        await operator.until(lambda: operator.rows("state") == ["▽ drained"])
        await operator.until_shown("drained by joe on node-1")
        # The detail of the card has the command.
        await operator.press("l", "j", "j")
        await operator.until_shown(f"drained by joe on node-1: dyntop restore {act_id}")
        found = audit.find(act_id)
        assert found is not None
        world.put(instance(WORKER), lease=WORKER)
        audit.put_back(found, {KEY: PUT_BACK})
        await operator.until(lambda: operator.rows("state")[0] == "● live")


async def test_this_dyntops_own_drain_says_so() -> None:
    async with dashboard(leased()) as operator:
        await operator.drain("a7")
        await operator.press("3")
        await operator.until(lambda: operator.rows("state") == ["▽ drained"])
        await operator.until_shown("this dyntop drained its worker")
