"""Listing in pages, and watching over cuts, ends and expired versions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

from backends.kubernetes import objects
from backends.kubernetes.client import KubeClient
from backends.kubernetes.list_watch import ListWatch, ObjectChange
from backends.kubernetes.resources import SLICES, WORKERS
from backends.store import Cause, Refused, Unreachable
from backends.store.resync_loop import PositionLost
from tests.support.kubernetes import shapes
from tests.support.kubernetes.standin import StandIn, event, status_event
from tests.support.watching import DEADLINE


def lister(client: KubeClient, **options: Any) -> ListWatch:
    async def no_pause(seconds: float) -> None:
        await asyncio.sleep(0)

    return ListWatch(client, WORKERS, "default", objects.worker_object, sleep=no_pause, **options)


def names(found: list[Any]) -> list[str]:
    return [one.path[1] for one in found]


def fill(server: StandIn, number: int) -> list[str]:
    made = [f"w{n:03}" for n in range(number)]
    for name in made:
        server.store.put("dynamoworkermetadatas", shapes.worker(name))
    return made


@asynccontextmanager
async def watched(one: ListWatch, version: str) -> AsyncIterator[Any]:
    async with aclosing(one.watch(version)) as changes:

        async def following() -> ObjectChange:
            async with asyncio.timeout(DEADLINE):
                return await anext(changes)

        yield following


async def test_a_list_is_read_in_pages_at_one_version(server: StandIn, client: KubeClient) -> None:
    expected = fill(server, 7)
    version = str(server.store.version)
    progress: list[int] = []
    found = await lister(client, page=3).list(progress.append)
    assert (names(found.items), found.version) == (expected, version)
    assert progress == [3, 6, 7]
    assert [one.query.get("limit") for one in server.requests("list")] == ["3"] * 3


async def test_an_empty_list_is_empty(client: KubeClient) -> None:
    assert (await lister(client).list()).items == []


async def test_an_expired_page_begins_the_list_again(server: StandIn, client: KubeClient) -> None:
    expected = fill(server, 5)
    server.fail(410, "list", query="continue")
    assert names((await lister(client, page=3).list()).items) == expected


async def test_a_list_that_expires_each_time_is_asked_for_in_one_answer(
    server: StandIn, client: KubeClient
) -> None:
    expected = fill(server, 5)
    server.fail(410, "list", query="continue", times=None)
    assert names((await lister(client, page=3).list()).items) == expected
    assert "limit" not in server.requests("list")[-1].query


async def test_what_is_no_list_is_said(server: StandIn, client: KubeClient) -> None:
    found = ListWatch(client, WORKERS, "", objects.worker_object)
    found._path = "/version"
    with pytest.raises(Refused, match=r"/version: the answer is no list"):
        await found.list()


async def test_only_what_a_selector_selects_is_read(server: StandIn, client: KubeClient) -> None:
    server.store.put("endpointslices", shapes.endpoint_slice("in"))
    server.store.put("endpointslices", shapes.endpoint_slice("out", enabled=False))
    slices = ListWatch(client, SLICES, "default", objects.endpoint_slice)
    listed = await slices.list()
    assert names(listed.items) == ["in"]
    async with watched(slices, listed.version) as following:
        change = asyncio.create_task(following())
        await server.until_watched("endpointslices")
        server.store.put("endpointslices", shapes.endpoint_slice("in", enabled=False))
        gone = await change
    assert (gone.item.path, gone.gone) == (("default", "in"), True)


async def test_a_watch_tells_each_change_after_a_version(
    server: StandIn, client: KubeClient
) -> None:
    version = str(server.store.version)
    fill(server, 1)
    async with watched(lister(client), version) as following:
        first = await following()
        server.store.delete(("dynamoworkermetadatas", "default", "w000"), {})
        second = await following()
    assert [(one.item.path[1], one.gone) for one in (first, second)] == [
        ("w000", False),
        ("w000", True),
    ]


@pytest.mark.parametrize("rest", [b"", b'{"type":"MODIFIED","object":{"metada'])
async def test_a_watch_that_is_cut_goes_on_from_its_last_version(
    server: StandIn, client: KubeClient, rest: bytes
) -> None:
    version = str(server.store.version)
    fill(server, 1)
    async with watched(lister(client), version) as following:
        await following()
        seen = str(server.store.version)
        change = asyncio.create_task(following())
        await server.cut(rest)
        await server.until_watched(times=2)
        server.store.put("dynamoworkermetadatas", shapes.worker("later"))
        assert (await change).item.path[1] == "later"
    assert [one.query["resourceVersion"] for one in server.requests("watch")] == [version, seen]


async def test_a_quiet_watch_that_is_cut_goes_on_too(server: StandIn, client: KubeClient) -> None:
    async with watched(lister(client), str(server.store.version)) as following:
        change = asyncio.create_task(following())
        await server.until_watched()
        await server.cut()
        await server.until_watched(times=2)
        fill(server, 1)
        assert (await change).item.path[1] == "w000"


async def test_a_bookmark_moves_the_version_and_is_no_change(
    server: StandIn, client: KubeClient
) -> None:
    async with watched(lister(client), str(server.store.version)) as following:
        change = asyncio.create_task(following())
        await server.until_watched()
        server.store.put("pods", shapes.pod("p", "u"))
        marked = str(server.store.version)
        server.bookmark()
        server.end_watches()
        await server.until_watched(times=2)
        fill(server, 1)
        await change
    assert server.requests("watch")[1].query["resourceVersion"] == marked


async def test_the_end_by_the_time_limit_is_no_gap(server: StandIn, client: KubeClient) -> None:
    async with watched(lister(client), str(server.store.version)) as following:
        change = asyncio.create_task(following())
        for times in range(1, 4):
            await server.until_watched(times=times)
            server.end_watches()
        fill(server, 1)
        assert (await change).item.path[1] == "w000"
    limits = {int(one.query["timeoutSeconds"]) for one in server.requests("watch")}
    assert max(limits) <= 290
    assert min(limits) >= 240


async def test_watches_that_end_at_once_are_not_asked_for_without_a_pause(
    server: StandIn, client: KubeClient
) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await asyncio.sleep(0)

    watch = ListWatch(
        client, WORKERS, "default", objects.worker_object, clock=lambda: 5.0, sleep=sleep
    )
    async with watched(watch, str(server.store.version)) as following:
        change = asyncio.create_task(following())
        for times in range(1, 4):
            await server.until_watched(times=times)
            server.bookmark()
            server.end_watches()
        await server.until_watched(times=4)
        fill(server, 1)
        await change
    assert slept == [1.0, 1.0, 1.0]


async def test_silence_is_noticed(server: StandIn, client: KubeClient) -> None:
    one = lister(client, longest_silence=0.1)
    async with watched(one, str(server.store.version)) as following:
        change = asyncio.create_task(following())
        await server.until_watched(times=3)
        fill(server, 1)
        assert (await change).item.path[1] == "w000"


async def test_a_version_that_the_server_forgot_is_a_lost_position(
    server: StandIn, client: KubeClient
) -> None:
    version = str(server.store.version)
    fill(server, 1)
    server.store.forget()
    async with watched(lister(client), version) as following:
        with pytest.raises(PositionLost):
            await following()
    server.fail(410, "watch")
    async with watched(lister(client), version) as following:
        with pytest.raises(PositionLost):
            await following()


async def test_versions_that_went_back_are_a_lost_position(
    server: StandIn, client: KubeClient
) -> None:
    """A watch from a version to come would be silent until then."""
    fill(server, 3)
    async with watched(lister(client), str(server.store.version)) as following:
        change = asyncio.create_task(following())
        await server.until_watched()
        server.wipe()
        server.end_watches()
        with pytest.raises(PositionLost):
            await change
    server.store.version = 5000
    async with watched(lister(client), "5000") as following:
        change = asyncio.create_task(following())
        await server.until_watched(times=2)
        server.send(event("ADDED", {"metadata": {"name": "a", "resourceVersion": "4999"}}))
        with pytest.raises(PositionLost):
            await change


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (status_event(500), Unreachable),
        (b'{"type":"ERROR"}\n', Unreachable),
        (b'{"type":"ADDED"}\n', Refused),
        (b"[]\n", Refused),
        (b'{"type":"MOD\n', Refused),
    ],
)
async def test_what_is_no_event_ends_the_watch_with_an_error(
    server: StandIn, client: KubeClient, line: bytes, error: type[Exception]
) -> None:
    async with watched(lister(client), str(server.store.version)) as following:
        change = asyncio.create_task(following())
        await server.until_watched()
        server.send(line)
        if error is Unreachable:
            # As a cut: the next watch tells whether the server is there.
            await server.until_watched(times=2)
            fill(server, 1)
            assert (await change).item.path[1] == "w000"
        else:
            with pytest.raises(error):
                await change


async def test_a_server_that_is_away_is_an_error(server: StandIn, client: KubeClient) -> None:
    async with watched(lister(client), str(server.store.version)) as following:
        change = asyncio.create_task(following())
        await server.until_watched()
        await server.stop()
        with pytest.raises(Unreachable) as raised:
            await change
    assert raised.value.cause in (Cause.REFUSED, Cause.LOST)


async def test_an_event_of_a_megabyte_and_a_half_is_read(
    server: StandIn, client: KubeClient
) -> None:
    big = shapes.worker("big", {"model_cards": {"a/b/c/1": {"template": "x" * 1_500_000}}})
    async with watched(lister(client), str(server.store.version)) as following:
        change = asyncio.create_task(following())
        await server.until_watched()
        server.send(event("ADDED", big))
        (entry,) = (await change).item.entries
    assert len(entry.value) > 1_500_000
