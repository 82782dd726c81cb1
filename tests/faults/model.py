"""A world that a model drives through a store, and the two things that must always hold.

The view comes to equal the world, whatever happened between. And whatever a person removes goes
only in the revision that this person saw; what is put back replaces nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum

from backends.discovery.discovery import Discovery
from backends.dynamo.queries import EVERYTHING
from backends.dynamo.records import AnyRecord
from backends.removal.removal_targets import RemovalTarget
from backends.removal.removals import Removals
from tests.support.harness import Harness
from tests.support.registered import instance
from tests.support.removing import REMOVED
from tests.support.watching import DEADLINE
from tui.state.cluster_view import ClusterView
from tui.state.store_state import LinkState

World = dict[bytes, tuple[str, bytes]]
"""The revision and the value of each key."""
ReadsWorld = Callable[[], Awaitable[World]]

WORKERS = 4
"""Keys that are written and removed: few, so that steps meet each other."""
LAST = instance(99)[0]


class What(StrEnum):
    """What can happen to the world, or be done by the person who looks at it."""

    PUT = "put"
    DELETE = "delete"
    WORKER_ENDS = "worker ends"
    """Its lease does, and all that hangs on it goes. Nothing where there are no leases."""
    BREAK_OFF = "break off"
    MEND = "mend"
    SETTLE = "settle"
    """Wait until the view equals the world."""
    SEE = "see"
    """The person looks, once all is shown unless the store is away: this is what is acted on,
    whatever changes meanwhile."""
    REMOVE = "remove"
    UNDO = "undo"


@dataclass(frozen=True, slots=True)
class Step:
    what: What
    worker: int = 0
    """Which key; of what is seen, where to begin."""
    value: int = 0


class Model:
    """The world, a dashboard's data on it, and a person. `Model.running` makes one."""

    def __init__(self, place: Harness, discovery: Discovery, world: ReadsWorld) -> None:
        self._place = place
        self._world = world
        self._reader = discovery
        self._acts = Removals(discovery, None)
        self.view = ClusterView(time.time(), discovery.store.lifetime)
        self._broken = False
        self._leased = False
        """Whether the worker has a lease to end."""
        self._seen: dict[bytes, AnyRecord] = {}
        self._number = 0

    @classmethod
    @asynccontextmanager
    async def running(cls, place: Harness, world: ReadsWorld) -> AsyncIterator[Model]:
        """`world` reads it anew, apart from the store under test."""
        discovery = Discovery(place.open())
        model = cls(place, discovery, world)
        following = asyncio.create_task(model._follow())
        try:
            yield model
        finally:
            following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await following
            await discovery.store.aclose()

    async def take(self, steps: Sequence[Step]) -> None:
        """Let all of this happen; at the end the view equals the world."""
        for step in steps:
            await self._take(step)
        await self._mend()
        await self._settle()

    async def _follow(self) -> None:
        async with aclosing(self._reader.watch(EVERYTHING)) as events:
            async for event in events:
                self.view.take([event], time.time())

    async def _take(self, step: Step) -> None:
        key, body = instance(1 + step.worker)
        match step.what:
            case What.PUT:
                value = body[:-1] + b',"more":%d}' % step.value
                if self._broken:
                    await self._place.put_while_broken(key, value)
                else:
                    await self._place.put_by_a_worker(key, value)
                    self._leased = self._reader.store.lifetime.has_leases
            case What.DELETE:
                await self._delete(key)
            case What.WORKER_ENDS if self._leased and not self._broken:
                await self._place.end_the_worker()
                self._leased = False
            case What.BREAK_OFF if not self._broken:
                await self._place.break_off()
                self._broken = True
            case What.MEND:
                await self._mend()
            case What.SETTLE if not self._broken:
                await self._settle()
            case What.SEE:
                if not self._broken:
                    await self._settle()
                self._seen = dict(self.view.cluster.records)
            case What.REMOVE if not self._broken:
                await self._remove(step.worker)
            case What.UNDO if not self._broken:
                await self._undo()

    async def _delete(self, key: bytes) -> None:
        if self._broken:
            with contextlib.suppress(KeyError):  # of a key that is not there
                await self._place.delete_while_broken(key)
            return
        store = self._place.open()
        try:
            there = await store.get([key])
            await store.delete(there.values())
        finally:
            await store.aclose()

    async def _mend(self) -> None:
        if self._broken:
            await self._place.mend()
            self._broken = False

    def _view(self) -> World:
        records = self.view.cluster.records
        return {key: (record.revision, record.entry.value) for key, record in records.items()}

    async def _settle(self) -> None:
        # What is written last is seen last.
        self._number += 1
        await self._place.put_by_a_worker(LAST, b'{"number":%d}' % self._number)
        self._leased = self._reader.store.lifetime.has_leases
        world = await self._world()
        try:
            async with asyncio.timeout(DEADLINE):
                while not self._shows(world):  # noqa: ASYNC110 - what is awaited is elsewhere
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(f"{self._view()} is not {world}") from None

    def _shows(self, world: World) -> bool:
        return self._view() == world and self.view.store.link is LinkState.CONNECTED

    async def _remove(self, start: int) -> None:
        chosen = [record for _, record in sorted(self._seen.items())][start:]
        before = await self._world()
        done = await self._acts.remove(
            "unregister", [RemovalTarget(record, "unleased", ()) for record in chosen]
        )
        after = await self._world()
        for record in chosen:
            outcome = done.outcomes[record.key]
            same = before.get(record.key, ("", b""))[0] == record.revision
            assert (outcome == REMOVED) is same
            if same:
                del before[record.key]
        assert after == before

    async def _undo(self) -> None:
        before = await self._world()
        await self._acts.undo()
        after = await self._world()
        # Nothing that was there was touched.
        assert before.items() <= after.items()
