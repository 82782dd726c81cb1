"""A store that takes its time over what was asked: what it is at is said, until its outcome is."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from backends.memory import Keyspace, MemoryStore
from backends.store import Cause, Entry, Outcome, PutBack, Unreachable
from tests.support.operating import Operator, World, dashboard
from tests.support.registered import instance
from tui.dialogs.undo import UndoDialog

KEY, _ = REGISTERED = instance(0xA7)
REMOVING = "◌ removing 1 key"
PUTTING_BACK = "◌ putting 1 key back"
TOLD = "Drained 1 instance. u puts it back."


class Hanging(MemoryStore):
    """Answers nothing while it hangs."""

    def __init__(self, keyspace: Keyspace) -> None:
        super().__init__(keyspace)
        self.answers = asyncio.Event()

    async def delete(self, entries: Iterable[Entry]) -> dict[bytes, Outcome]:
        await self.answers.wait()
        return await super().delete(entries)

    async def put_back(self, entry: Entry) -> PutBack:
        await self.answers.wait()
        return await super().put_back(entry)


class GivenUp(Hanging):
    """Hangs until that was long enough."""

    async def delete(self, entries: Iterable[Entry]) -> dict[bytes, Outcome]:
        await self.answers.wait()
        return {entry.key: Unreachable("this process", Cause.TIMEOUT) for entry in entries}


def world_of_one() -> World:
    world = World()
    world.put(REGISTERED)
    return world


def says_at_once(operator: Operator) -> None:
    """Whatever is not done at once is said to be under way."""
    operator.dashboard.under_way.after = 0.0


async def put_back(operator: Operator) -> None:
    """Ask for it, and say yes."""
    await operator.press("u")
    await operator.until_asked(UndoDialog)
    await operator.press("Y")


async def test_a_removal_that_takes_a_while_is_said_to_be_under_way_until_its_outcome_is_told() -> (
    None
):
    world = world_of_one()
    store = GivenUp(world.keyspace)
    async with dashboard(world, store=store) as operator:
        says_at_once(operator)
        await operator.drain("a7")
        await operator.until(lambda: REMOVING in operator.header())
        assert operator.told() == []
        store.answers.set()
        await operator.until(lambda: "did not answer in time" in "".join(operator.told()))
        await operator.until(lambda: REMOVING not in operator.header())


async def test_an_undo_that_takes_a_while_is_said_too_and_in_a_narrow_window() -> None:
    world = world_of_one()
    store = Hanging(world.keyspace)
    async with dashboard(world, store=store, size=(50, 30)) as operator:
        says_at_once(operator)
        store.answers.set()
        await operator.drain("a7")
        await operator.until(lambda: operator.told() == [TOLD])
        store.answers.clear()
        await put_back(operator)
        await operator.until(lambda: PUTTING_BACK in operator.header())
        store.answers.set()
        await operator.until(lambda: operator.told() == [TOLD, "Put back 1 instance."])
        await operator.until(lambda: PUTTING_BACK not in operator.header())


async def test_each_of_several_is_said_for_as_long_as_it_takes() -> None:
    world = world_of_one()
    world.put(instance(0xB2))
    store = Hanging(world.keyspace)
    async with dashboard(world, store=store) as operator:
        says_at_once(operator)
        await operator.drain("a7")
        await operator.go_to("id", "b2")
        await operator.drain("b2")
        await operator.until(lambda: operator.header().count(REMOVING) == 2)
        store.answers.set()
        await operator.until(lambda: len(operator.told()) == 2)
        await operator.until(lambda: REMOVING not in operator.header())


async def test_what_is_done_soon_is_not_said_to_be_under_way_afterwards() -> None:
    world = world_of_one()
    async with dashboard(world) as operator:
        under_way = operator.dashboard.under_way
        under_way.after = 0.1
        await operator.drain("a7")
        await operator.until(lambda: operator.told() == [TOLD])
        # Later than it would have been said.
        later = asyncio.Event()
        asyncio.get_running_loop().call_later(under_way.after, later.set)
        await later.wait()
        assert under_way.texts == []


async def test_quitting_meanwhile_ends_without_a_fault() -> None:
    world = world_of_one()
    store = Hanging(world.keyspace)
    async with dashboard(world, store=store) as operator:
        says_at_once(operator)
        await operator.drain("a7")
        await operator.until(lambda: REMOVING in operator.header())
        app = operator.app
        (worker,) = (one for one in operator.main.workers if one.group == "removals")
        app.exit()
        await operator.until(lambda: worker.is_cancelled)
        # Its answer comes in the moment that it gets for that.
        assert world.find(KEY) is not None
        store.answers.set()
    assert app.fault is None
    assert world.find(KEY) is None
