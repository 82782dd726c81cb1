"""How it looks. Each picture was looked at before it was kept; what is asserted first is text."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

import pytest
from textual.pilot import Pilot

from backends.dynamo.ids import Kind
from backends.memory import MemoryStore
from backends.store import Cause, Unreachable
from tests.snapshots.world import (
    LOADING,
    Clock,
    StuckStore,
    app,
    demo,
    hard_to_draw,
    live,
    loaded,
    main_screen,
    scraped,
    settled,
    troubled,
    until,
    worker,
)
from tests.support.registered import card, channel, instance
from tests.support.remembering import RememberingWorld
from tui.app import DyntopApp
from tui.dialogs.outcomes import OutcomesScreen
from tui.dialogs.question import QuestionScreen
from tui.state.reported_removals import proposals
from tui.state.store_state import LinkState

INSTANCES = frozenset({Kind.ENDPOINT})

SIZES = pytest.mark.parametrize("size", [(120, 40), (80, 24), (60, 20)], ids=str)
"""Of screens that are laid out in another way at each."""
ENDS = pytest.mark.parametrize("size", [(120, 40), (60, 20)], ids=str)
"""Of what has to fit into such a layout, with all of its columns and with the fewest."""
LARGE = pytest.mark.parametrize("size", [(120, 40)], ids=str)
"""Of other contents in such a layout: what they say is held by tests/tui, as text."""


class Compare(Protocol):
    def __call__(
        self,
        app: DyntopApp,
        *,
        terminal_size: tuple[int, int] = ...,
        run_before: Callable[[Pilot[None]], Awaitable[None]] = ...,
    ) -> bool: ...


def pressing(*keys: str) -> Callable[[Pilot[None]], Awaitable[None]]:
    """Wait for the data, press the keys, wait for what they ask for."""

    async def run_before(pilot: Pilot[None]) -> None:
        await loaded(pilot)
        for key in keys:
            await pilot.press(key)
        await settled(pilot)

    return run_before


async def readable(pilot: Pilot[None]) -> None:
    """Wait until a question has been there for long enough to be answered."""

    def answerable() -> bool:
        return isinstance(pilot.app.screen, QuestionScreen) and pilot.app.screen.can_be_read

    await until(pilot, answerable)


@SIZES
def test_populated(snap_compare: Compare, size: tuple[int, int]) -> None:
    clock = Clock()
    assert snap_compare(app(demo(clock), clock), terminal_size=size, run_before=pressing())


@pytest.mark.parametrize("size", [(120, 40), (80, 24)], ids=str)
def test_overview(snap_compare: Compare, size: tuple[int, int]) -> None:
    clock = Clock()
    world = troubled(clock)

    async def run_before(pilot: Pilot[None]) -> None:
        await loaded(pilot)
        await main_screen(pilot).dashboard.figures.metrics.round()
        await live(pilot, world, clock, 5)
        await main_screen(pilot).dashboard.figures.metrics.round()
        await settled(pilot)

    shown = app(world, clock, first_tab="overview")
    assert snap_compare(shown, terminal_size=size, run_before=run_before)


@ENDS
def test_models_with_lora_children_open(snap_compare: Compare, size: tuple[int, int]) -> None:
    clock = Clock()
    keys = ("2", "end", "right", "down", "right")
    assert snap_compare(app(demo(clock), clock), terminal_size=size, run_before=pressing(*keys))


@ENDS
def test_event_channels_with_their_sources(snap_compare: Compare, size: tuple[int, int]) -> None:
    clock = Clock()
    assert snap_compare(app(demo(clock), clock), terminal_size=size, run_before=pressing("4"))


@ENDS
def test_requests(snap_compare: Compare, size: tuple[int, int]) -> None:
    clock = Clock()
    world = demo(clock)

    async def run_before(pilot: Pilot[None]) -> None:
        await loaded(pilot)
        await scraped(pilot, world, clock)
        await pilot.press("G", "l", "j")
        await settled(pilot)

    assert snap_compare(app(world, clock), terminal_size=size, run_before=run_before)


@ENDS
def test_events(snap_compare: Compare, size: tuple[int, int]) -> None:
    clock = Clock()
    world = demo(clock)

    async def run_before(pilot: Pilot[None]) -> None:
        await loaded(pilot)
        await live(pilot, world, clock, 30)
        # A worker that stopped, opened to its keys.
        await pilot.press("7", "j", "j", "right")
        await settled(pilot)

    assert snap_compare(app(world, clock), terminal_size=size, run_before=run_before)


def test_other_keys(snap_compare: Compare) -> None:
    clock = Clock()
    assert snap_compare(app(demo(clock), clock), terminal_size=(120, 40), run_before=pressing("8"))


@ENDS
def test_empty(snap_compare: Compare, size: tuple[int, int]) -> None:
    clock = Clock()
    assert snap_compare(app(MemoryStore(), clock), terminal_size=size, run_before=pressing())


def test_connecting(snap_compare: Compare) -> None:
    async def run_before(pilot: Pilot[None]) -> None:
        assert main_screen(pilot).dashboard.view.store.link is LinkState.CONNECTING

    clock = Clock()
    assert snap_compare(app(StuckStore(), clock), terminal_size=(120, 40), run_before=run_before)


def test_loading_shows_how_far_it_is_and_no_counts(snap_compare: Compare) -> None:
    async def run_before(pilot: Pilot[None]) -> None:
        screen = main_screen(pilot)
        await until(pilot, lambda: screen.dashboard.view.store.link is LinkState.LOADING)

    clock = Clock()
    assert snap_compare(
        app(StuckStore(LOADING), clock), terminal_size=(120, 40), run_before=run_before
    )


@ENDS
def test_disconnected(snap_compare: Compare, size: tuple[int, int]) -> None:
    clock = Clock()
    world = demo(clock)

    async def run_before(pilot: Pilot[None]) -> None:
        screen = await loaded(pilot)
        world.keyspace.break_off(Unreachable("http://etcd-0:2379", Cause.REFUSED))
        await until(pilot, lambda: screen.dashboard.view.store.link is LinkState.DISCONNECTED)
        await settled(pilot)
        clock.now += 75
        screen._tick()
        await settled(pilot)

    assert snap_compare(app(world, clock), terminal_size=size, run_before=run_before)


def test_never_connected(snap_compare: Compare) -> None:
    clock = Clock()
    world = demo(clock)
    world.keyspace.break_off(Unreachable("http://etcd-0:2379", Cause.REFUSED))

    async def run_before(pilot: Pilot[None]) -> None:
        screen = main_screen(pilot)
        await until(pilot, lambda: screen.dashboard.view.store.link is LinkState.DISCONNECTED)

    assert snap_compare(app(world, clock), terminal_size=(120, 40), run_before=run_before)


def test_an_alarm_of_the_store(snap_compare: Compare) -> None:
    clock = Clock()
    world = demo(clock)

    async def run_before(pilot: Pilot[None]) -> None:
        screen = await loaded(pilot)
        world.keyspace.warn("alarm NOSPACE on member 8e9e05c52164694d")
        await until(pilot, lambda: bool(screen.dashboard.view.store.warnings))

    assert snap_compare(app(world, clock), terminal_size=(120, 40), run_before=run_before)


@ENDS
def test_filter(snap_compare: Compare, size: tuple[int, int]) -> None:
    clock = Clock()
    keys = ("slash", *"canary gen", "enter")
    assert snap_compare(app(demo(clock), clock), terminal_size=size, run_before=pressing(*keys))


def test_filter_without_a_match(snap_compare: Compare) -> None:
    clock = Clock()
    keys = ("slash", *"nowhere", "enter")
    assert snap_compare(app(demo(clock), clock), terminal_size=(80, 24), run_before=pressing(*keys))


@LARGE
def test_late_and_unreachable(snap_compare: Compare, size: tuple[int, int]) -> None:
    clock = Clock()

    async def run_before(pilot: Pilot[None]) -> None:
        screen = await loaded(pilot)
        screen.active.sort_by("state")
        await pilot.press("g")
        await settled(pilot)

    assert snap_compare(app(troubled(clock), clock), terminal_size=size, run_before=run_before)


@LARGE
def test_only_what_is_not_live(snap_compare: Compare, size: tuple[int, int]) -> None:
    clock = Clock()
    assert snap_compare(
        app(troubled(clock), clock), terminal_size=size, run_before=pressing("exclamation_mark")
    )


def test_nothing_that_is_not_live(snap_compare: Compare) -> None:
    clock = Clock()
    keys = ("exclamation_mark",)
    assert snap_compare(
        app(MemoryStore(), clock), terminal_size=(80, 24), run_before=pressing(*keys)
    )


@ENDS
def test_workers(snap_compare: Compare, size: tuple[int, int]) -> None:
    clock = Clock()
    assert snap_compare(app(troubled(clock), clock), terminal_size=size, run_before=pressing("3"))


@LARGE
@pytest.mark.parametrize("tab", ["1", "3"])
def test_gone_and_come_back(snap_compare: Compare, size: tuple[int, int], tab: str) -> None:
    clock = Clock()
    world = demo(clock)
    killed = worker(world, "prod/prefill", 1)
    killed.alive = False

    async def run_before(pilot: Pilot[None]) -> None:
        screen = await loaded(pilot)
        await live(pilot, world, clock, 45)
        await pilot.press(tab)
        await settled(pilot)
        rows = screen.active.rows
        gone = next(row for row in rows if killed.id in (row.key, getattr(row, "lease", None)))
        assert screen.active.select(gone.key)
        await settled(pilot)

    assert snap_compare(app(world, clock), terminal_size=size, run_before=run_before)


@LARGE
def test_marks(snap_compare: Compare, size: tuple[int, int]) -> None:
    clock = Clock()
    keys = ("space", "j", "space", "j", "j", "v")
    assert snap_compare(app(demo(clock), clock), terminal_size=size, run_before=pressing(*keys))


@SIZES
def test_drain_dialog_for_an_instance(snap_compare: Compare, size: tuple[int, int]) -> None:
    clock = Clock()
    assert snap_compare(app(demo(clock), clock), terminal_size=size, run_before=pressing("d"))


@LARGE
def test_drain_dialog_for_marked_workers(snap_compare: Compare, size: tuple[int, int]) -> None:
    clock = Clock()
    keys = ("3", "space", "space", "d", *"drain")
    assert snap_compare(app(demo(clock), clock), terminal_size=size, run_before=pressing(*keys))


@ENDS
def test_dialog_for_what_another_host_refuses(snap_compare: Compare, size: tuple[int, int]) -> None:
    clock = Clock()
    world = troubled(clock)
    keys = ("slash", *f"{worker(world, 'prod/prefill', 1).id:x}", "enter", "d")
    assert snap_compare(app(world, clock), terminal_size=size, run_before=pressing(*keys))


@SIZES
def test_clean_up(snap_compare: Compare, size: tuple[int, int]) -> None:
    clock = Clock()
    keys = ("c", "down", "space")
    assert snap_compare(app(troubled(clock), clock), terminal_size=size, run_before=pressing(*keys))


@ENDS
def test_undo_dialog(snap_compare: Compare, size: tuple[int, int]) -> None:
    clock = Clock()
    world = demo(clock)
    drained = f"{worker(world, 'prod/backend').id:x}"

    async def run_before(pilot: Pilot[None]) -> None:
        screen = await loaded(pilot)
        await pilot.press("slash", *drained, "enter", "d")
        await readable(pilot)
        await pilot.press(*drained, "enter")
        await until(pilot, lambda: screen.dashboard.view.tombstones.of(INSTANCES) != [])
        await settled(pilot)
        pilot.app.clear_notifications()
        await live(pilot, world, clock, 6)
        await pilot.press("u")
        await settled(pilot)

    assert snap_compare(app(world, clock), terminal_size=size, run_before=run_before)


@ENDS
def test_outcomes(snap_compare: Compare, size: tuple[int, int]) -> None:
    clock = Clock()
    world = demo(clock)

    async def run_before(pilot: Pilot[None]) -> None:
        screen = await loaded(pilot)
        await pilot.press("c")
        await readable(pilot)
        # It is written again while the person still looks.
        key = next(iter(proposals(screen.dashboard.view))).key
        revision = world.keyspace.put(key, b"{}")
        await until(pilot, lambda: screen.dashboard.view.cluster.records[key].revision == revision)
        await pilot.press("Y")
        await until(pilot, lambda: isinstance(pilot.app.screen, OutcomesScreen))
        pilot.app.clear_notifications()
        await settled(pilot)

    assert snap_compare(app(world, clock), terminal_size=size, run_before=run_before)


@LARGE
def test_unregister_dialog_for_a_model(snap_compare: Compare, size: tuple[int, int]) -> None:
    clock = Clock()
    assert snap_compare(
        app(demo(clock), clock), terminal_size=size, run_before=pressing("2", "end", "d")
    )


@LARGE
def test_conflict(snap_compare: Compare, size: tuple[int, int]) -> None:
    clock = Clock()
    keys = ("slash", *"the body names", "enter")
    assert snap_compare(app(demo(clock), clock), terminal_size=size, run_before=pressing(*keys))


def test_unregister_dialog_for_a_conflict(snap_compare: Compare) -> None:
    clock = Clock()
    keys = ("slash", *"the body names", "enter", "d")
    assert snap_compare(
        app(demo(clock), clock), terminal_size=(120, 40), run_before=pressing(*keys)
    )


@LARGE
def test_malformed_record(snap_compare: Compare, size: tuple[int, int]) -> None:
    clock = Clock()
    keys = ("slash", *"not json", "enter")
    assert snap_compare(app(demo(clock), clock), terminal_size=size, run_before=pressing(*keys))


@pytest.mark.parametrize(
    ("tab", "size"),
    [*((tab, (120, 40)) for tab in "12348"), ("1", (60, 20)), ("2", (60, 20))],
    ids=str,
)
def test_long_wide_and_hostile_names(
    snap_compare: Compare, size: tuple[int, int], tab: str
) -> None:
    clock = Clock()
    store = MemoryStore(hard_to_draw())
    assert snap_compare(app(store, clock), terminal_size=size, run_before=pressing(tab))


def test_frozen(snap_compare: Compare) -> None:
    clock = Clock()
    world = demo(clock)

    async def run_before(pilot: Pilot[None]) -> None:
        screen = await loaded(pilot)
        await pilot.press("f")
        for number in range(3):
            world.keyspace.put(b"v1/instances/prod/new/generate/%x" % number, b"{}")
        await until(pilot, lambda: screen.dashboard.view.waiting == 3)

    assert snap_compare(app(world, clock), terminal_size=(120, 40), run_before=run_before)


def test_read_only_in_one_namespace(snap_compare: Compare) -> None:
    clock = Clock()
    dashboard = app(demo(clock), clock, read_only=True, namespace="prod")
    assert snap_compare(dashboard, terminal_size=(120, 40), run_before=pressing())


@ENDS
def test_columns(snap_compare: Compare, size: tuple[int, int]) -> None:
    clock = Clock()
    keys = pressing("3", "C", "j", "J", "j", "space")
    assert snap_compare(app(demo(clock), clock), terminal_size=size, run_before=keys)


@SIZES
def test_help(snap_compare: Compare, size: tuple[int, int]) -> None:
    clock = Clock()
    assert snap_compare(
        app(demo(clock), clock), terminal_size=size, run_before=pressing("question_mark")
    )


def test_the_past(snap_compare: Compare) -> None:
    clock = Clock()
    kept = RememberingWorld()
    for number in range(1, 6):
        kept.put(instance(number), card(number), channel(number), lease=number)
    kept.keyspace.end_lease(3)

    async def run_before(pilot: Pilot[None]) -> None:
        await loaded(pilot)
        clock.now += 90
        kept.put(instance(6), lease=6)
        await until(pilot, lambda: main_screen(pilot).dashboard.view.cluster.count_instances() == 5)
        await pilot.press("[")
        await until(pilot, lambda: getattr(pilot.app.screen, "past", None) is not None)
        await until(pilot, lambda: bool(pilot.app.screen.past.past))  # type: ignore[attr-defined]
        clock.now += 30
        pilot.app.screen._tick()  # type: ignore[attr-defined]
        await settled(pilot)

    dashboard = app(kept.store, clock, first_tab="overview")
    assert snap_compare(dashboard, terminal_size=(100, 30), run_before=run_before)


def test_full_detail(snap_compare: Compare) -> None:
    clock = Clock()
    keys = ("2", "end", "right", "end", "enter")
    assert snap_compare(app(demo(clock), clock), terminal_size=(80, 24), run_before=pressing(*keys))


def test_tree_called_over_a_narrow_screen(snap_compare: Compare) -> None:
    clock = Clock()
    assert snap_compare(app(demo(clock), clock), terminal_size=(60, 20), run_before=pressing("t"))
