"""The header never lies: how it stands with the store, how old the data is, and what is wrong."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence

from backends.memory import MemoryStore
from backends.store import Loading, Lost, Resync, StoreEvent
from tests.support.operating import LOST, Operator, World, dashboard
from tests.support.registered import instance
from tui.runtime.textual_theme import rich_colour
from tui.widgets.detail_pane import DetailPane
from tui.widgets.header import StoreHeader


def world_of_two() -> World:
    world = World(leases=False)
    world.put(instance(1), instance(2))
    return world


async def test_a_lost_store_is_disconnected_and_the_last_data_stays_and_is_marked() -> None:
    world = world_of_two()
    async with dashboard(world) as operator:
        assert "● connected  memory this process" in operator.header()
        world.keyspace.break_off(LOST)
        await operator.until(lambda: "✗ disconnected since" in operator.header())
        await operator.until_shown("the connection to this process broke off")
        assert "connected  memory" not in operator.header()
        assert operator.rows("id") == ["1", "2"]
        assert operator.branches()[0] == "all namespaces 2"
        for part in (operator.tree, operator.pane.table, operator.main.query_one(DetailPane)):
            assert part.has_class("-stale")
        # What processes say themselves is as true as before.
        await operator.open("metrics")
        for part in (operator.pane.table, operator.main.query_one(DetailPane)):
            await operator.until(lambda part=part: not part.has_class("-stale"))  # type: ignore[misc]
        await operator.open("models")
        await operator.until(lambda: operator.main.query_one(DetailPane).has_class("-stale"))


async def test_the_age_of_the_data_is_told_when_it_is_more_than_a_few_seconds() -> None:
    world = world_of_two()
    async with dashboard(world) as operator:
        assert "old" not in operator.header()
        world.keyspace.break_off(LOST)
        await operator.until_shown("disconnected since")
        world.now += 75
        await operator.until(lambda: "data 1m old" in operator.header())
        world.keyspace.mend()
        await operator.until(lambda: "connected" in operator.header().split("memory")[0])
        await operator.until(lambda: "old" not in operator.header())


async def test_after_it_is_back_the_differences_are_shown_and_the_mark_goes() -> None:
    world = world_of_two()
    async with dashboard(world) as operator:
        await operator.go_to("id", "2")
        world.keyspace.break_off(LOST)
        await operator.until_shown("disconnected")
        world.keyspace.delete(instance(1)[0])
        world.put(instance(3))
        assert operator.rows("id") == ["1", "2"]
        world.keyspace.mend()
        await operator.until(lambda: operator.rows("id") == ["2", "3"])
        await operator.until_shown("● connected")
        assert operator.at("id") == "2"
        assert not operator.pane.table.has_class("-stale")
        assert "broke off" not in operator.text()


class Scripted(MemoryStore):
    """Its watch tells what a test puts into the queue."""

    def __init__(self, world: World) -> None:
        super().__init__(world.keyspace)
        self.events: asyncio.Queue[StoreEvent] = asyncio.Queue()

    async def watch(self, prefixes: Sequence[bytes]) -> AsyncGenerator[StoreEvent, None]:
        while True:
            yield await self.events.get()

    def tell(self, *events: StoreEvent) -> None:
        for event in events:
            self.events.put_nowait(event)

    def everything(self) -> Resync:
        return self.keyspace.read([b""])


def no_counts(operator: Operator) -> bool:
    """Whether no number is shown as if it were a count."""
    counted = re.search(r"\d+ (instance|model|channel)", operator.text())
    labels = [*operator.tabs(), *operator.branches()]
    return counted is None and not any(label[-1].isdigit() for label in labels)


async def test_while_connecting_there_is_a_screen_and_there_are_no_counts() -> None:
    world = world_of_two()
    async with dashboard(world, store=Scripted(world), complete=False) as operator:
        await operator.until_shown("◌ connecting", "Reading memory this process")
        assert no_counts(operator)
        for tab in "234":
            await operator.press(tab)
            assert no_counts(operator)
        world.now += 65
        await operator.until_shown("connecting for 1m")


async def test_loading_shows_how_far_it_is_and_no_counts_until_it_is_whole() -> None:
    world = world_of_two()
    store = Scripted(world)
    async with dashboard(world, store=store, complete=False) as operator:
        store.tell(Loading(1000, None))
        await operator.until_shown("◌ loading 1,000")
        store.tell(Loading(2000, 20000))
        await operator.until_shown("◌ loading 2,000 of 20,000")
        assert no_counts(operator)
        store.tell(store.everything())
        await operator.until_shown("● connected", "2 instances")
        assert "loading" not in operator.header()
        assert operator.rows("id") == ["1", "2"]


async def test_a_store_that_was_never_reached_is_disconnected_and_has_no_counts() -> None:
    world = world_of_two()
    world.keyspace.break_off(LOST)
    async with dashboard(world, complete=False) as operator:
        await operator.until_shown(
            "✗ not connected, trying since", "Not connected to memory this process"
        )
        assert "disconnected" not in operator.text()
        assert no_counts(operator)
        world.keyspace.mend()
        await operator.until_shown("● connected", "2 instances")


async def test_it_is_disconnected_until_it_is_resynced_even_while_it_loads() -> None:
    world = world_of_two()
    store = Scripted(world)
    store.tell(store.everything())
    async with dashboard(world, store=store) as operator:
        store.tell(Lost(LOST), Loading(1, 2))
        await operator.until_shown("✗ disconnected since", "1 of 2")
        store.tell(store.everything())
        await operator.until_shown("● connected")


def is_green(operator: Operator) -> bool:
    """Whether the header's link is in the colour that says that nothing at all is wrong."""
    line = operator.main.query_one(StoreHeader)._line()
    at = line.plain.index("●")
    styles = [str(span.style) for span in line.spans if span.start <= at < span.end]
    return rich_colour(operator.app.theme_variables, "text-success") in styles


async def test_an_alarm_of_the_store_is_shown_as_long_as_it_lasts() -> None:
    world = world_of_two()
    async with dashboard(world) as operator:
        await operator.until(lambda: is_green(operator))
        world.keyspace.warn("alarm NOSPACE on member 8e9e05c5", "\x1b[2J")
        await operator.until_shown("alarm NOSPACE on member 8e9e05c5", "\\x1b[2J")
        assert "● connected" in operator.header()
        assert not is_green(operator)
        world.keyspace.warn()
        await operator.until_not_shown("NOSPACE")
        assert is_green(operator)


async def test_an_empty_store_says_that_nothing_is_registered() -> None:
    world = World(leases=False)
    world.put(instance(1))
    async with dashboard(world) as operator:
        world.keyspace.delete(instance(1)[0])
        await operator.until_shown("0 instances", "† gone")
        await operator.press("x")
        await operator.until_shown("Nothing is registered yet")
        assert "all namespaces 0" in operator.text()
        world.put(instance(1))
        await operator.until(lambda: operator.rows("id") == ["1"])
        await operator.press("2")
        await operator.until_shown("None here")


async def test_a_namespace_that_narrows_the_view_is_named_on_screen_with_its_source() -> None:
    world = World(leases=False)
    world.put(instance(1), instance(2, namespace="prod.canary"), instance(3, namespace="product"))
    async with dashboard(world, namespace="prod", namespace_source="DYN_NAMESPACE") as operator:
        await operator.until_shown("prod (DYN_NAMESPACE)")
        assert sorted(operator.rows("id")) == ["1", "2"]
        world.keyspace.delete(instance(1)[0])
        world.keyspace.delete(instance(2, namespace="prod.canary")[0])
        await operator.press("x")
        await operator.until_shown("Nothing is registered in namespace prod yet")


async def test_changes_per_second_are_counted() -> None:
    world = world_of_two()
    async with dashboard(world) as operator:
        world.put(*(instance(number) for number in range(10, 20)))
        await operator.until(lambda: "1.0 changes/s" in operator.header())
        world.now += 11
        await operator.until(lambda: "0.0 changes/s" in operator.header())


async def test_that_all_is_on_screen_is_told_once_and_not_before() -> None:
    world = world_of_two()
    store = Scripted(world)
    told: list[str] = []
    async with dashboard(world, store=store, complete=False) as operator:
        operator.app._when_complete = lambda: told.append(operator.header())
        store.tell(Loading(1000, None))
        await operator.until_shown("◌ loading 1,000")
        assert not told
        for _ in range(2):
            store.tell(store.everything())
            await operator.until_shown("● connected", "2 instances")
        await operator.until(lambda: len(told) == 1)
        assert "2 instances" in told[0]
