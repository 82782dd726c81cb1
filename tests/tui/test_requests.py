"""The Requests tab: what services count, joined to what is registered."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from backends.services.latest import LatestStats
from backends.services.parse import ServiceAnswers
from backends.services.types import NotScraped, StatsScrape
from tests.support import registered
from tests.support.moved_timer import MovedTimer
from tests.support.operating import LOST, Operator, World, dashboard
from tests.support.saying import endpoint, nats_entry, said, scraped
from tui.text.services import ASKING, NO_NATS, NOBODY, counted, empty_text, figure
from tui.widgets.panes.requests import MOST_AT_ONCE, RequestsPane


class SaidServices:
    """Answer as a test says; keep the `Services` protocol."""

    def __init__(self, world: World, *answers: bytes) -> None:
        self.world = world
        self.answers = answers
        self.trouble: NotScraped | None = None
        self.expected: list[set[str]] = []
        """What was expected at each scrape."""

    async def scrape(self, expected: Collection[str]) -> StatsScrape:
        self.expected.append(set(expected))
        if self.trouble is not None:
            raise self.trouble
        found = ServiceAnswers(expected)
        for answer in self.answers:
            found.take(answer, self.world.now)
        return found.scrape(self.world.now)

    async def aclose(self) -> None:
        """There is nothing to end."""


def world_of_two() -> World:
    world = World(leases=False)
    world.put(nats_entry(1), nats_entry(2), nats_entry(1, "clear"))
    world.put(registered.instance(7, component="router"))
    return world


def both(*counted: int) -> tuple[bytes, bytes]:
    """What two workers say; the first has two endpoints."""
    one = [endpoint("prod_backend.generate-1", counted[0]), endpoint("prod_backend.clear-1", 0)]
    two = endpoint("prod_backend.generate-2", counted[1], num_errors=3, last_error="500: no")
    return said("stats", *one), said("stats", two, id="two")


async def opened(operator: Operator) -> None:
    await operator.open("requests")
    await operator.until_shown("answered")


async def test_components_endpoints_and_instances_are_rows_with_their_totals() -> None:
    world = world_of_two()
    services = SaidServices(world, *both(10, 30))
    async with dashboard(world, services=services, timer=MovedTimer()) as operator:
        await operator.press("2", "1")
        # Only while the tab is open anybody is asked.
        assert services.expected == []
        await opened(operator)
        on_nats = {"prod_backend.generate-1", "prod_backend.generate-2", "prod_backend.clear-1"}
        assert services.expected == [on_nats]
        assert operator.rows("name") == ["▾ prod/backend", "  ▸ clear", "  ▸ generate"]
        assert operator.rows("requests") == ["40", "0", "40"]
        assert operator.rows("errors") == ["3", "0", "3"]
        assert operator.rows("mean") == ["1.00", "–", "1.00"]
        assert operator.rows("error") == ["500: no", "", "500: no"]
        await operator.press("j", "j", "l")
        assert operator.rows("name")[3:] == ["    · 1", "    · 2"]
        assert operator.rows("requests")[3:] == ["10", "30"]
        await operator.press("g", "h")
        assert operator.rows("name") == ["▸ prod/backend"]
        await operator.press("enter")
        assert len(operator.rows("name")) == 5
        # Acts are about the record of an instance.
        await operator.press("G", "y")
        assert operator.app.clipboard == "v1/instances/prod/backend/generate/2"
        await operator.press("o")
        await operator.until(lambda: operator.tab() == "instances")
        assert operator.at("id") == "2"
        await operator.press("b")
        await operator.until(lambda: operator.tab() == "requests")
        assert operator.at("name") == "    · 2"
        await operator.drain("2")
        await operator.until(lambda: len(world.keys()) == 3)


async def asked_again(operator: Operator) -> None:
    assert operator.dashboard.figures.services is not None
    await operator.dashboard.figures.services.round()


async def test_figures_and_rates_follow_each_scrape_with_the_cursor_on_its_row() -> None:
    world = world_of_two()
    services = SaidServices(world, *both(10, 30))
    async with dashboard(world, services=services, timer=MovedTimer()) as operator:
        await opened(operator)
        await operator.press("j", "j", "l", "j")
        assert operator.rows("rate") == ["–"] * 5
        services.answers, world.now = both(20, 5), world.now + 5
        await asked_again(operator)
        assert operator.rows("requests") == ["25", "0", "25", "20", "5"]
        # The second was started anew: how much it did before nobody knows, nor of both together.
        assert operator.rows("rate") == ["–", "0", "–", "2.00", "–"]
        assert operator.at("name") == "    · 1"
        assert operator.detail()["requests"] == "20, 2.00/s recently"
        services.answers, world.now = both(20, 15), world.now + 5
        await asked_again(operator)
        assert operator.rows("rate") == ["2.00", "0", "2.00", "0", "2.00"]
        world.now += 3
        operator.main._tick()
        await operator.until(lambda: operator.detail()["asked"] == "3s ago")
        await operator.until_shown("2 services answered 3s ago")
        # A frozen view asks nobody: when it goes on, it asks at once.
        await operator.press("f")
        services.answers = both(20, 40)
        await operator.press("j", "k")
        assert operator.rows("requests")[0] == "35"
        await operator.press("f")
        await operator.until(lambda: operator.rows("requests")[0] == "60")


async def test_the_silent_and_the_unregistered_are_called_so() -> None:
    world = world_of_two()
    stranger = said("stats", endpoint("jobs.run", 5), id="jobs", name="jobs")
    services = SaidServices(world, both(10, 30)[0], stranger)
    async with dashboard(world, services=services, timer=MovedTimer()) as operator:
        await opened(operator)
        assert operator.rows("name")[0] == "▾ jobs"
        assert operator.rows("answer") == [
            "◇ unregistered",
            "◇ unregistered",
            "○ 1 silent",
            "● answers",
            "○ 1 silent",
        ]
        await operator.until_shown("1 silent  1 unregistered")
        await operator.press("G", "l", "j", "j")
        assert operator.at("name") == "    ○ 2"
        assert operator.at("requests") == "–"
        assert "a paused one looks the same" in operator.detail()["answer"]
        # What is gone from the store and answers on is told from what was never there.
        world.keyspace.delete(nats_entry(1)[0])
        await operator.until(lambda: "    ◇ 1" in operator.rows("name"))
        await operator.pilot.resize_terminal(60, 20)
        await operator.until_shown("○ 2", "1 silent")


async def test_where_there_are_many_they_are_joined_anew_with_the_figures_only() -> None:
    world = World(leases=False)
    many = [nats_entry(number) for number in range(1, MOST_AT_ONCE + 2)]
    world.put(*many)
    services = SaidServices(world, *both(10, 30))
    async with dashboard(world, services=services, timer=MovedTimer()) as operator:
        await opened(operator)
        silent = f"○ {len(many) - 2} silent"
        await operator.until(lambda: operator.rows("answer")[0] == silent)
        world.keyspace.delete(many[-1][0])
        there = operator.dashboard.view.cluster.records
        await operator.until(lambda: len(there) == len(many) - 1)
        operator.main._tick()
        assert operator.rows("answer")[0] == silent
        await asked_again(operator)
        assert operator.rows("answer")[0] == f"○ {len(many) - 3} silent"


async def test_before_the_store_was_read_nobody_is_called_unregistered() -> None:
    world = world_of_two()
    world.keyspace.break_off(LOST)
    services = SaidServices(world, *both(10, 30))
    async with dashboard(world, services=services, timer=MovedTimer(), complete=False) as operator:
        await opened(operator)
        assert set(operator.rows("answer")) == {"● answers"}
        await operator.press("j", "l", "j")
        await operator.until(lambda: "not known to be registered" in operator.detail()["answer"])
        world.keyspace.mend()
        await operator.until(lambda: operator.rows("name")[0] == "▾ prod/backend")


async def test_the_place_in_the_tree_and_the_filter_narrow_it_and_it_sorts() -> None:
    world = world_of_two()
    world.put(nats_entry(5, component="prefill"))
    jobs = said("stats", endpoint("jobs.run", 5), id="jobs", name="jobs")
    services = SaidServices(world, *both(10, 30), jobs)
    async with dashboard(world, services=services, timer=MovedTimer(), size=(200, 40)) as operator:
        await opened(operator)
        assert [name for name in operator.rows("name") if name.startswith("▾")] == [
            "▾ jobs",
            "▾ prod/backend",
            "▾ prod/prefill",
        ]
        await operator.select("prod", "backend", "clear")
        assert operator.rows("name") == ["▾ prod/backend", "  ▸ clear"]
        await operator.select("prod", "router")
        assert operator.pane.table.empty_text == "None here"
        await operator.select()
        await operator.type("/generate-2\r")
        assert operator.rows("name") == ["▾ prod/backend", "  ▾ generate", "    · 2"]
        assert operator.rows("requests") == ["30"] * 3
        await operator.press("escape")
        await operator.type("/jobs\r")
        assert operator.rows("name") == ["▾ jobs", "  ▾ run", "    ◇ –"]
        await operator.press("escape")

        await operator.select("prod", "backend")
        await operator.go_to("name", "  ▸ generate")
        await operator.press("l")
        operator.pane.sort_by("requests")
        assert operator.rows("requests") == ["40", "40", "30", "10", "0"]
        # Each column both ways: what is below stays below.
        for column in operator.pane.table.columns:
            for _ in range(2):
                operator.pane.sort_by(column.id)
                names = operator.rows("name")
                at = names.index("  ▾ generate")
                assert {one.strip("· ") for one in names[at + 1 : at + 3]} == {"1", "2"}
                assert operator.at("name") == "  ▾ generate"


async def test_user_data_is_before_the_record_and_nothing_said_reaches_the_terminal_raw() -> None:
    world = world_of_two()
    evil = "\x1b[31mred\u202e[bold]x[/bold]\n\r\x07"
    texts = {"version": evil, "description": evil}
    told = [
        said("stats", endpoint("prod_backend.generate-1", 5, data={"waiting": 3})),
        said("stats", endpoint("prod_backend.generate-2", 5, data={evil: evil}), id="2", **texts),
        said(
            "stats", endpoint(f"evil.{evil}", 5, last_error=evil, num_errors=1), id=evil, name=evil
        ),
    ]
    async with dashboard(
        world, services=SaidServices(world, *told), timer=MovedTimer(), size=(160, 50)
    ) as operator:
        await opened(operator)
        await operator.press("G", "l", "j")
        await operator.until(lambda: operator.detail()["user data"] == '{"waiting":3}')
        assert operator.detail()["service"] == "prod_backend  1.2.1  id one"
        for keys in (("j",), ("g", "j", "l", "j")):
            await operator.press(*keys)
            await operator.until_shown("[bold]x[/bold]")
            assert not set("\x1b\u202e\x07\r") & set(operator.text())
        await operator.go_to("name", "    · 1")
        await operator.press("enter")
        await operator.until(lambda: not operator.on_main)
        await operator.until_shown('"waiting": 3', '"transport"')
        shown = operator.text()
        assert shown.index('"waiting": 3') < shown.index('"transport"')


async def test_of_one_namespace_strangers_are_not_shown() -> None:
    """Whether they are registered in another nobody looked."""
    world = world_of_two()
    jobs = said("stats", endpoint("jobs.run", 5), id="jobs", name="jobs")
    services = SaidServices(world, *both(1, 1), jobs)
    async with dashboard(
        world, services=services, timer=MovedTimer(), namespace="prod"
    ) as operator:
        await opened(operator)
        assert operator.rows("name")[0] == "▾ prod/backend"


async def test_without_nats_one_quiet_line_says_which_setting_names_it() -> None:
    async with dashboard(world_of_two()) as operator:
        await operator.open("requests")
        await operator.until_shown(NO_NATS)
        assert operator.rows("name") == []
        assert operator.text().count("NATS") == NO_NATS.count("NATS")
        assert operator.told() == []


async def test_a_nats_that_is_gone_is_a_line_and_the_last_figures_stay() -> None:
    world = world_of_two()
    services = SaidServices(world, *both(10, 30))
    services.trouble = NotScraped("NATS refuses connections")
    async with dashboard(world, services=services, timer=MovedTimer()) as operator:
        await operator.open("requests")
        await operator.until(lambda: "refuses connections since" in operator.pane.table.empty_text)
        services.trouble = None
        await asked_again(operator)
        await operator.until_shown("2 services answered")
        assert not operator.pane.table.has_class("-stale")
        services.trouble = NotScraped("NATS does not answer in time")
        world.now += 8
        await asked_again(operator)
        await operator.until_shown("NATS does not answer in time since", "figures of 8s ago")
        assert operator.rows("requests") == ["40", "0", "40"]
        assert operator.rows("answer") == ["? not asked"] * 3
        assert operator.rows("rate") == ["–"] * 3
        assert operator.pane.table.has_class("-stale")
        # Nor is anybody said to answer, or to be silent, anywhere else on the screen.
        world.put(nats_entry(3))
        await operator.until(lambda: "prod/backend" in (operator.at("name") or ""))
        assert operator.detail()["instances"].endswith(" not asked")
        assert "silent" not in operator.text()
        await operator.press("1")
        assert not operator.pane.table.has_class("-stale")


def test_that_no_service_answers_says_what_has_none() -> None:
    board = LatestStats()
    assert empty_text(board, "None here") == ASKING
    board.take(scraped(said("info")))
    assert empty_text(board, "None here") == NOBODY
    board.take(scraped(said("stats", endpoint())))
    assert empty_text(board, "None here") == "None here"


@pytest.mark.parametrize(
    ("number", "text"),
    [(None, "–"), (0, "0"), (0.001, "<0.01"), (0.5, "0.50"), (12.34, "12.3"), (1234.5, "1,234")],
)
def test_figures_are_short(number: float | None, text: str) -> None:
    assert figure(number) == text


def test_counts_fit_their_column() -> None:
    assert counted(9_999_999) == "9,999,999"
    assert counted(12_345_678) == "12.3M"
    assert all(len(counted(10**power)) <= 9 for power in range(20))


async def test_what_was_registered_after_services_were_asked_is_not_called_silent() -> None:
    world = world_of_two()
    services = SaidServices(world, *both(10, 30))
    async with dashboard(world, services=services, timer=MovedTimer()) as operator:
        await operator.open("requests")
        await operator.until_shown("2 services answered")
        world.now += 60
        world.put(nats_entry(3))
        await operator.until(lambda: operator.rows("answer")[0] == "? 1 not asked")
        assert "silent" not in operator.text()
        world.now += 60
        await asked_again(operator)
        await operator.until(lambda: operator.rows("answer")[0] == "○ 1 silent")


async def test_the_line_below_is_whole_again_once_there_is_room_for_it() -> None:
    world = world_of_two()
    services = SaidServices(world, *both(1, 1))
    async with dashboard(world, services=services, timer=MovedTimer(), size=(120, 40)) as operator:
        await opened(operator)
        # As it is where the text was made before the table had its width.
        operator.app.screen.query_one(RequestsPane).line.update("2 services …")
        await operator.until_shown("2 services …")
        await operator.pilot.resize_terminal(140, 40)
        await operator.until_shown("answered 0s ago")
