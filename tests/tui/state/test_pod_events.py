"""Reading what Kubernetes writes down about the pods of the detail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from msgspec.structs import replace

from backends.store import Cause, Forbidden, Owner, PodEvent, PodExistence, StoreError, Unreachable
from backends.store.pods import PodWarning
from tests.support.moved_timer import MovedTimer, settle
from tests.support.owned import READY
from tui.state.pod_events import MOST_PODS, PodEventsPoller

FAILED = PodEvent("Unhealthy", "it failed", True, 1, 1.0, 2.0)
OTHER = replace(READY, name="prod-backend-worker-1", pod_uid="uid-2")


class Answering:
    """Pods of which each has its events, or an error."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[PodEvent, ...] | StoreError] = {}
        self.asked: list[str] = []

    async def existence(self, owner: Owner) -> PodExistence:
        raise AssertionError(f"nobody asks about {owner}")

    async def warnings(self) -> tuple[PodWarning, ...]:
        raise AssertionError("nobody asks about all pods")

    async def events(self, namespace: str, uid: str) -> tuple[PodEvent, ...]:
        self.asked.append(uid)
        found = self.answers.get(uid, ())
        if isinstance(found, StoreError):
            raise found
        return found


class Reading:
    """A poller that runs, its pods and its timer."""

    def __init__(self) -> None:
        self.pods = Answering()
        self.timer = MovedTimer()
        self.poller = PodEventsPoller(self.pods, self.timer, interval=10.0)
        self.found = 0

    def came(self) -> None:
        self.found += 1


@asynccontextmanager
async def reading() -> AsyncIterator[Reading]:
    one = Reading()
    task = asyncio.create_task(one.poller.run(one.came))
    try:
        yield one
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_the_events_of_the_shown_pod_are_read_at_once_and_then_at_intervals() -> None:
    async with reading() as one:
        one.poller.watch([READY, READY])
        assert one.poller.of(READY) is None
        await settle()
        assert one.poller.of(READY) == ()
        one.pods.answers["uid-1"] = (FAILED,)
        await one.timer.advance(10.0)
        assert one.poller.of(READY) == (FAILED,)
        assert one.pods.asked == ["uid-1", "uid-1"]
        assert one.found == 2


async def test_another_pod_is_read_at_once_and_the_one_before_no_more() -> None:
    async with reading() as one:
        one.poller.watch([READY])
        await settle()
        one.poller.watch([OTHER])
        await one.timer.advance(10.0)
        assert one.pods.asked == ["uid-1", "uid-2", "uid-2"]
        assert one.poller.of(READY) is None


async def test_nothing_is_read_while_nothing_is_shown_or_the_view_is_frozen() -> None:
    async with reading() as one:
        one.pods.answers["uid-1"] = (FAILED,)
        one.poller.watch([READY])
        await settle()
        one.poller.watch([READY], reads=False)
        await one.timer.advance(60.0)
        assert one.poller.of(READY) == (FAILED,)
        one.poller.watch([])
        await one.timer.advance(60.0)
        assert one.pods.asked == ["uid-1"]


async def test_an_object_without_a_pod_and_a_store_without_pods_are_not_asked() -> None:
    async with reading() as one:
        one.poller.watch([replace(READY, pod_name="", pod_uid="")])
        await one.timer.advance(10.0)
        assert one.pods.asked == []
    poller = PodEventsPoller(None)
    poller.watch([READY])
    assert poller.of(READY) is None


async def test_what_was_read_stays_while_the_server_does_not_answer() -> None:
    async with reading() as one:
        one.pods.answers["uid-1"] = (FAILED,)
        one.poller.watch([READY])
        await settle()
        one.pods.answers["uid-1"] = Unreachable("kube", Cause.TIMEOUT)
        await one.timer.advance(10.0)
        assert one.poller.of(READY) == (FAILED,)
        refusal = one.pods.answers["uid-1"] = Forbidden("kube", "events is forbidden")
        await one.timer.advance(10.0)
        assert one.poller.of(READY) == refusal


async def test_of_many_objects_with_one_id_the_pods_of_the_first_are_read() -> None:
    async with reading() as one:
        one.poller.watch([replace(READY, pod_uid=f"uid-{n}") for n in range(20)])
        await settle()
        assert one.pods.asked == [f"uid-{n}" for n in range(MOST_PODS)]
