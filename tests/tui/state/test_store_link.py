"""The store is followed again whatever stopped it, nothing is lost, and it is said meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager, contextmanager, suppress
from itertools import pairwise

from backends.discovery.discovery import Discovery, Resynced, WatchEvent
from backends.dynamo.ids import Kind
from backends.dynamo.queries import Query
from backends.dynamo.records import AnyRecord
from backends.memory import Keyspace, MemoryStore
from backends.store import Cause, Lifetime, Unreachable
from tests.support.registered import instance
from tui.state.cluster_view import ClusterView
from tui.state.narrowing import STEP
from tui.state.store_link import StoreLink
from tui.state.store_state import LinkState
from tui.state.watchdog import FIRST_GAP, SILENT_AFTER, Trouble

DEADLINE = 60.0
"""Seconds; never waited for unless something is broken."""
EVERYTHING = Query(frozenset(Kind))


class Screen:
    """Takes in what it is handed, unless a test says otherwise, as a dashboard's screen does."""

    def __init__(self, view: ClusterView) -> None:
        self._view = view
        self.is_stuck = False
        """It takes everything in, and shows nothing."""
        self.fault: Exception | None = None
        self.reported: list[Exception] = []
        self.questions: list[Callable[[], None]] = []
        """Not answered while it was stuck."""
        self.links: list[LinkState] = []

    def prepare(self, batch: list[WatchEvent]) -> Iterator[None]:
        for event in batch:
            if isinstance(event, Resynced) and not self._view.complete:
                yield from self._view.load(event, 0.0)

    def take_in(self, batch: list[WatchEvent]) -> None:
        if self.fault is not None:
            raise self.fault
        self._view.take(batch, 0.0)

    def when_shown(self, answer: Callable[[], None]) -> bool:
        if self.is_stuck:
            self.questions.append(answer)
        else:
            asyncio.get_running_loop().call_soon(answer)
        return True

    def show_link(self) -> None:
        self.links.append(self._view.store.link)

    def report(self, fault: Exception) -> None:
        self.reported.append(fault)

    def go_on(self) -> None:
        self.is_stuck = False
        for answer in self.questions:
            answer()
        self.questions.clear()


class Followed:
    """A link to a memory store, by a clock that stands until a test lets it go on."""

    def __init__(self, step: int = STEP) -> None:
        """`step`: records of a first snapshot that are taken in at once."""
        self.keyspace = Keyspace()
        self.view = ClusterView(0.0, Lifetime.TOUCHED, step=step)
        self.screen = Screen(self.view)
        self.now = 1000.0
        self.watches = 0
        """At present."""
        self.most_watches = 0
        self.begun = 0
        self.ends: asyncio.Event = asyncio.Event()
        """The watches end, without an error."""
        self.breaks: Exception | None = None
        """What watches raise when they begin."""
        self.is_mute = False
        """Watches deliver nothing, and signs of life neither."""
        self._discovery = Discovery(MemoryStore(self.keyspace))
        self.link = StoreLink(
            self._watch, self.view, self.screen, clock=lambda: self.now, looking=0.001
        )
        self.link.may_show.set()

    async def _watch(self, known: Mapping[bytes, AnyRecord]) -> AsyncGenerator[WatchEvent, None]:
        self.begun += 1
        self.watches += 1
        self.most_watches = max(self.watches, self.most_watches)
        try:
            if self.breaks is not None:
                raise self.breaks
            async with aclosing(self._discovery.watch(EVERYTHING, known)) as events:
                while True:
                    coming = asyncio.ensure_future(anext(events))
                    ending = asyncio.ensure_future(self.ends.wait())
                    try:
                        await asyncio.wait((coming, ending), return_when="FIRST_COMPLETED")
                        if self.ends.is_set():
                            return
                        event = await coming
                    finally:
                        for one in (coming, ending):
                            one.cancel()
                        await asyncio.wait((coming, ending))
                    if self.is_mute:
                        await asyncio.Event().wait()
                    yield event
        finally:
            self.watches -= 1

    def put(self, *workers: int) -> None:
        for worker in workers:
            self.keyspace.put(*instance(worker))

    async def until(self, holds: Callable[[], object], *, passing: float = 0.0) -> None:
        """`passing`: seconds that pass with each look."""
        async with asyncio.timeout(DEADLINE):
            while not holds():
                self.now += passing
                await asyncio.sleep(0.002)

    def keys(self) -> set[bytes]:
        """What there is in the store."""
        return {entry.key for entry in self.keyspace.read([b""]).entries}

    async def until_true(self, *, passing: float = 0.0) -> None:
        """The view equals the store, and is said to be connected."""

        def is_true() -> bool:
            link = self.view.store.link
            return link is LinkState.CONNECTED and self.view.registered().keys() == self.keys()

        await self.until(is_true, passing=passing)


@asynccontextmanager
async def following() -> AsyncGenerator[Followed, None]:
    followed = Followed()
    followed.put(1, 2)
    task = asyncio.create_task(followed.link.run())
    try:
        await followed.until_true()
        yield followed
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    assert followed.watches == 0
    assert followed.most_watches == 1


@contextmanager
def world_goes_on(followed: Followed) -> Iterator[None]:
    """Meanwhile a record comes, one changes and one goes."""
    yield
    followed.put(3)
    followed.keyspace.put(*instance(2, address="10.9.9.9:1"))
    followed.keyspace.delete(instance(1)[0])


async def test_a_watch_that_ends_without_a_word_begins_again_and_nothing_is_lost() -> None:
    async with following() as followed:
        with world_goes_on(followed):
            followed.ends.set()
            await followed.until(lambda: followed.view.store.link is LinkState.NOT_UPDATING)
            assert followed.view.store.trouble is Trouble.ENDED
        followed.ends.clear()
        followed.now += FIRST_GAP
        await followed.until_true()
        events = [one.type.value for one in followed.view.events()[:4]]
        # As after any gap: what differs, and that it was read again.
        assert events.count("resynced") == 1
        assert followed.begun == 2


async def test_an_event_that_cannot_be_taken_in_is_reported_once_and_read_again_later() -> None:
    async with following() as followed:
        followed.screen.fault = KeyError("a fault")
        followed.put(3)
        await followed.until(lambda: followed.view.store.trouble is Trouble.FAILED)
        for begun in (2, 3, 4):
            await followed.until(lambda begun=begun: followed.begun == begun, passing=1.0)  # type: ignore[misc]
        assert followed.screen.reported == [followed.screen.fault]
        assert followed.view.store.link is LinkState.NOT_UPDATING
        followed.screen.fault = None
        await followed.until(lambda: followed.begun == 5, passing=1.0)
        await followed.until_true()


async def test_a_watch_that_raises_is_begun_again_less_and_less_often() -> None:
    async with following() as followed:
        followed.breaks = RuntimeError("a defect")
        followed.ends.set()
        await followed.until(lambda: followed.begun == 2, passing=1.0)
        starts = [followed.now]
        for begun in (3, 4, 5):
            await followed.until(lambda begun=begun: followed.begun == begun, passing=0.25)  # type: ignore[misc]
            starts.append(followed.now)
        gaps = [after - before for before, after in pairwise(starts)]
        assert gaps == sorted(gaps)
        # Of 40: on a busy machine it is seen some steps late that one began.
        assert gaps[-1] > 30.0
        followed.breaks = None
        followed.ends.clear()
        await followed.until(lambda: followed.begun == 6, passing=1.0)
        await followed.until_true()


async def test_a_connected_store_that_falls_silent_is_read_again() -> None:
    async with following() as followed:
        followed.is_mute = True
        await followed.until(lambda: followed.view.store.trouble is Trouble.SILENT, passing=1.0)
        with world_goes_on(followed):
            followed.is_mute = False
        # It may have begun again while it was mute.
        await followed.until_true(passing=1.0)
        assert followed.begun >= 2


async def test_a_store_that_is_lost_may_be_silent() -> None:
    async with following() as followed:
        followed.keyspace.break_off(Unreachable("etcd", Cause.LOST))
        await followed.until(lambda: followed.view.store.link is LinkState.DISCONNECTED)
        followed.is_mute = True
        until = followed.now + 3 * SILENT_AFTER
        await followed.until(lambda: followed.now >= until, passing=1.0)
        assert followed.view.store.link is LinkState.DISCONNECTED
        assert followed.begun == 1


async def test_a_screen_that_shows_nothing_is_not_said_to_be_connected_until_it_does() -> None:
    async with following() as followed:
        followed.screen.is_stuck = True
        followed.put(3)
        await followed.until(lambda: followed.view.store.trouble is Trouble.UNSHOWN, passing=1.0)
        since = followed.view.store.since
        assert followed.screen.links[-1] is LinkState.NOT_UPDATING
        await followed.until(lambda: followed.begun >= 4, passing=1.0)
        # One question waits, however often it is begun again.
        assert len(followed.screen.questions) == 1
        await followed.until(lambda: followed.view.store.trouble is Trouble.UNSHOWN, passing=1.0)
        assert followed.view.store.since == since
        with world_goes_on(followed):
            assert followed.view.store.again_at > followed.view.store.since + 20.0
        followed.screen.go_on()
        await followed.until_true()
        assert followed.screen.links[-1].value == "connected"
        assert followed.screen.reported == []


async def test_a_view_that_is_frozen_or_a_process_that_was_stopped_is_followed_all_the_time() -> (
    None
):
    async with following() as followed:
        followed.view.freeze(True)
        for worker in range(10, 40):
            followed.put(worker)
            await followed.until(lambda: followed.view.registered().keys() == followed.keys())
            # Each look comes after an hour in which the process did not run.
            followed.now += 3600.0
            await asyncio.sleep(0.002)
        assert followed.view.waiting == 30
        assert set(followed.screen.links) <= {LinkState.CONNECTED}
        assert followed.begun == 1


async def test_what_a_frozen_view_holds_back_is_known_when_all_is_read_again() -> None:
    async with following() as followed:
        followed.view.freeze(True)
        followed.put(3)
        followed.keyspace.delete(instance(1)[0])
        await followed.until(lambda: followed.view.waiting == 2)
        with world_goes_on(followed):
            followed.ends.set()
            await followed.until(lambda: followed.view.store.trouble is Trouble.ENDED)
        followed.ends.clear()
        followed.now += FIRST_GAP
        await followed.until_true()
        # Of all that was known only 2 and 3, which were written again, differ.
        assert followed.view.waiting == 4
        followed.view.freeze(False)
        assert followed.view.cluster.records.keys() == followed.keys()


async def test_before_the_screen_is_there_the_store_is_read_and_nothing_is_shown() -> None:
    followed = Followed()
    followed.link.may_show.clear()
    followed.put(1)
    task = asyncio.create_task(followed.link.run())
    try:
        await followed.until(lambda: followed.begun == 1)
        until = followed.now + 100.0
        await followed.until(lambda: followed.now >= until, passing=1.0)
        assert followed.view.store.link is LinkState.CONNECTING
        assert followed.begun == 1
        followed.link.may_show.set()
        await followed.until_true()
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_other_tasks_run_while_a_first_snapshot_is_taken_in() -> None:
    followed = Followed(step=1)
    followed.put(*range(1, 21))
    task = asyncio.create_task(followed.link.run())
    meanwhile: set[int] = set()
    try:
        while not followed.view.complete:
            meanwhile.add(len(followed.view.cluster.records))
            assert not followed.view.shown.records
            await asyncio.sleep(0)
        assert meanwhile > {1, 10, 20}
        await followed.until_true()
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_an_event_that_tells_of_a_loss_counts_as_being_told() -> None:
    """`disconnected` is what there is to say then, and not that nothing is taken in."""
    async with following() as followed:
        followed.keyspace.break_off(Unreachable("etcd", Cause.LOST))
        followed.ends.set()
        await followed.until(lambda: followed.view.store.trouble is Trouble.ENDED)
        followed.ends.clear()
        followed.now += FIRST_GAP
        await followed.until(lambda: followed.view.store.link is LinkState.DISCONNECTED)
        assert isinstance(followed.view.store.error, Unreachable)
        followed.keyspace.mend()
        await followed.until_true()
