"""What cannot be put back is said before it is removed, and not removed by the way."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec import structs
from msgspec.structs import replace

from backends.memory import MemoryStore
from backends.store import NoPuts, Resync
from tests.support.operating import Operator, World, dashboard
from tests.support.registered import MALFORMED, card, instance
from tui.dialogs.clean_up import CleanUpScreen
from tui.dialogs.undo import UndoDialog

FULL = NoPuts("the store is out of space (alarm NOSPACE)")
UNREAD = "this user may not read it"
KEY = instance(0xA7)[0]
SIZES = [(110, 30), (80, 24)]


class PartlyRead(MemoryStore):
    """Some of its values may not be read by this user."""

    unread: frozenset[bytes] = frozenset([KEY])

    async def snapshot(self, prefixes: Sequence[bytes]) -> Resync:
        found = await super().snapshot(prefixes)
        return replace(
            found,
            entries=tuple(
                structs.replace(entry, head=b"", unread=UNREAD)
                if entry.key in self.unread
                else entry
                for entry in found.entries
            ),
        )


def world() -> World:
    made = World()
    made.put(instance(0xA7), card(0xA7), lease=0xA7)
    made.put(instance(0xB2), lease=0xB2)
    return made


@pytest.mark.parametrize("size", SIZES)
async def test_an_alarm_raised_while_a_question_is_open_is_said_in_it(
    size: tuple[int, int],
) -> None:
    here = world()
    async with dashboard(here, size=size) as operator:
        await operator.unregister()
        assert "cannot be undone" not in operator.text()
        here.keyspace.forbid_puts(FULL)
        await operator.until_shown("This cannot be undone now: the store is out of space")
        await operator.until_shown("Type a7 to drain")
        await operator.type("a7\r")
        await operator.until(operator.told)
        assert operator.told() == [
            "Drained 1 instance. u puts it back, once the store takes puts again."
        ]
        # So it is in the question about undoing.
        await operator.press("u")
        await operator.until_asked(UndoDialog)
        await operator.until_shown("This cannot be done now: the store is out of space")
        here.keyspace.forbid_puts()
        await operator.until_not_shown("cannot be done now")


async def test_an_alarm_is_said_where_all_that_is_stale_is_proposed() -> None:
    here = World()
    here.put(MALFORMED)
    async with dashboard(here, size=(80, 24)) as operator:
        here.keyspace.forbid_puts(FULL)
        await operator.until(lambda: operator.dashboard.view.store.no_puts)
        await operator.press("c")
        await operator.until_asked(CleanUpScreen)
        await operator.until_shown("This cannot be undone now: the store is out of space")


@pytest.mark.parametrize("size", SIZES)
async def test_what_may_not_be_read_is_removed_by_its_typed_id_alone(
    size: tuple[int, int],
) -> None:
    here = world()
    store = PartlyRead(here.keyspace)
    async with dashboard(here, store=store, size=size) as operator:
        await select(operator, "a7")
        await operator.until_shown("? unknown")
        await operator.unregister()
        await operator.until_shown(
            "This cannot be undone: its value is unknown", UNREAD, "Type a7 to drain"
        )
        assert "Undo with u" not in operator.text()
        await operator.press("Y")
        await operator.until_shown("Type a7")
        assert here.find(KEY) is not None


async def test_what_may_not_be_read_is_left_out_among_others() -> None:
    here = world()
    async with dashboard(here, store=PartlyRead(here.keyspace)) as operator:
        await operator.press("asterisk")
        await operator.unregister()
        await operator.until_shown("Drain 1 instance?", "Type b2 to drain")
        (told,) = operator.told()
        assert told.startswith("Left out 1 key that cannot be read here")


async def test_without_an_audit_it_is_said_that_only_this_dyntop_can_undo_it() -> None:
    async with dashboard(world(), writes_down=False) as operator:
        await operator.unregister()
        await operator.until_shown("Nothing is written down (--no-audit)")


async def select(operator: Operator, worker: str) -> None:
    ids = operator.rows("id")
    for _ in range(ids.index(worker)):
        await operator.press("down")
