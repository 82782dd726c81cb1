"""What came of an unregister: what changed or went meanwhile, and what the store refused."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from backends.discovery.reasons import ReasonKind
from backends.memory import MemoryStore
from backends.store import Cause, Entry, Forbidden, Outcome, Removal, StoreError, Unreachable
from tests.support.operating import Operator, World, dashboard
from tests.support.registered import card, instance
from tests.tui.unregistering import KEY, LIVING, WORKER, agree, keys_of, there, world_of_two
from tui.widgets.panes.pane import Pane


def last_reason(operator: Operator) -> ReasonKind | None:
    """Why the last event of the history happened."""
    why = [one.why for one in operator.dashboard.view.history][-1]
    return None if why is None else why.kind


async def test_of_keys_that_all_went_it_does_not_say_that_they_may_be_alive() -> None:
    world = World()
    world.put(*LIVING[:2], lease=WORKER)
    async with dashboard(world) as operator:
        await operator.unregister()
        await operator.until_shown("Drain 2 instances?")
        for key, _ in LIVING[:2]:
            world.keyspace.delete(key)
        await operator.until_shown("there is nothing left to remove.")
        await operator.until_not_shown("may be alive")
        await operator.until_not_shown("belong to")
        # Nothing is removed any more, so nothing follows from it.
        assert "Clients stop routing" not in operator.text()
        assert "Undo with u" not in operator.text()


async def test_what_changed_meanwhile_stays_and_the_person_is_told() -> None:
    world = world_of_two()
    async with dashboard(world) as operator:
        await operator.unregister()
        world.put(instance(WORKER, address="10.9.9.9:1"))
        await agree(operator)
        await operator.until(operator.told)
        assert operator.told() == [f"Changed meanwhile, so it was not removed: {KEY.decode()}"]
        assert world.find(KEY) is not None
        assert there(operator) == ["a7", "b2"]


async def test_what_went_meanwhile_is_told() -> None:
    world = world_of_two()
    async with dashboard(world) as operator:
        await operator.unregister()
        world.keyspace.delete(KEY)
        await operator.until(lambda: there(operator) == ["b2"])
        await operator.until_shown("nothing left to remove.", "† gone meanwhile")
        await agree(operator)
        await operator.until(operator.told)
        assert operator.told() == [f"Gone already: {KEY.decode()}"]


async def test_of_several_keys_those_that_are_as_shown_are_removed() -> None:
    world = World()
    world.put(card(1), card(2))
    async with dashboard(world) as operator:
        await operator.press("2")
        await operator.unregister()
        world.put(card(2))
        await operator.until_shown("1 key changed meanwhile and stays.")
        await operator.until_shown("~ changed meanwhile: it stays")
        await agree(operator)
        await operator.until(lambda: len(operator.told()) == 2)
        assert operator.told() == [
            "Unregistered 1 model card. u puts it back.",
            "Unregistered 1 of 2 keys: 1 changed meanwhile, so it was not removed.",
        ]
        assert world.keys() == keys_of(card(2))


class Failing(MemoryStore):
    """Removes nothing and says why."""

    error: StoreError = Unreachable("this process", Cause.TIMEOUT)

    async def delete(self, entries: Iterable[Entry]) -> dict[bytes, Outcome]:
        return {entry.key: self.error for entry in entries}


class Denying(Failing):
    error = Forbidden("this process", "permission denied")


@pytest.mark.parametrize(
    ("failing", "text"), [(Failing, "did not answer in time"), (Denying, "permission denied")]
)
async def test_an_error_of_the_store_is_told_and_the_row_stays(
    failing: type[Failing], text: str
) -> None:
    world = world_of_two()
    async with dashboard(world, store=failing(world.keyspace)) as operator:
        await operator.unregister()
        await agree(operator)
        await operator.until(operator.told)
        assert text in operator.told()[0]
        assert there(operator) == ["a7", "b2"]
        # Not dyntop's doing, then.
        world.keyspace.delete(KEY)
        await operator.until(lambda: there(operator) == ["b2"])
        assert last_reason(operator) is not ReasonKind.THIS_DYNTOP


class Unheard(MemoryStore):
    """Says that it removed, and its watch has not told of it yet."""

    async def delete(self, entries: Iterable[Entry]) -> dict[bytes, Outcome]:
        return {entry.key: Removal.REMOVED for entry in entries}


async def test_the_row_goes_only_when_the_store_confirms() -> None:
    world = world_of_two()
    async with dashboard(world, store=Unheard(world.keyspace)) as operator:
        await operator.unregister()
        await agree(operator)
        await operator.until(lambda: operator.told() == ["Drained 1 instance. u puts it back."])
        assert there(operator) == ["a7", "b2"]
        world.keyspace.delete(KEY)
        await operator.until(lambda: there(operator) == ["b2"])
        assert last_reason(operator) is ReasonKind.THIS_DYNTOP


async def test_what_goes_before_the_dialog_is_there_harms_nothing() -> None:
    world = world_of_two()
    async with dashboard(world) as operator:
        records = operator.pane.selected()
        world.keyspace.delete(KEY)
        await operator.until(lambda: there(operator) == ["b2"])
        # As if the key had been pressed before the watch told of it.
        operator.pane.post_message(Pane.RemovalAsked(records))
        await operator.until(lambda: operator.in_dialog)
        await agree(operator)
        await operator.until(operator.told)
        assert operator.told() == [f"Gone already: {KEY.decode()}"]
