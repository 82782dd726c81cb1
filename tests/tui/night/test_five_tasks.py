"""Each of the five tasks of a night takes at most five keys, on 300 workers, in two windows.

What is pressed is read from the document, and what is on the screen then answers the question.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.docs.documents import table
from tests.support.operating import Operator, dashboard, read_leases
from tests.tui.night.cluster import Night
from tests.tui.night.pressing import DOCUMENT, HEADING, perform
from tui.config.preferences import Preferences

MOST_KEYS = 5
WRONG, MODEL, CHANGED, OUT, NAMED = range(5)

pytestmark = pytest.mark.parametrize("size", [(120, 40), (80, 24)], ids=["120x40", "80x24"])


@asynccontextmanager
async def opened(night: Night, size: tuple[int, int]) -> AsyncIterator[Operator]:
    """Open the dashboard as it is by itself, once it knows all leases."""
    chosen = Preferences(first_tab="overview")
    async with dashboard(night, probes=night.probes, size=size, preferences=chosen) as operator:
        await gathered(operator, night, "nothing: all 1,680 records are live")
        yield operator


async def gathered(operator: Operator, night: Night, *texts: str) -> None:
    """Have the dashboard read all leases, and probe what it wants to, until it shows these."""

    async def gather() -> None:
        while True:
            await read_leases(operator.dashboard)
            night.probes.tell()
            operator.dashboard.show_evidence()
            await asyncio.sleep(0.1)

    gathering = asyncio.create_task(gather())
    try:
        await operator.until_shown(*texts)
    finally:
        gathering.cancel()


def test_there_are_five_tasks(size: tuple[int, int]) -> None:
    assert len(table(DOCUMENT, HEADING)) == NAMED + 1


async def test_overview_says_what_is_wrong_where_and_why(size: tuple[int, int]) -> None:
    night = Night()
    dead = night.of("prod", "backend")[3]
    async with opened(night, size) as operator:
        night.kill(dead)
        night.advance(40)
        # Before any key, in one line for all that the worker registered.
        await gathered(operator, night, "✗ unreachable", "decode 59/60")
        lines = [one for one in operator.lines() if "✗ unreachable" in one and dead.host in one]
        assert len(lines) == 1
        assert "prod/backend" in lines[0]
        assert any(one in lines[0] for one in ("  refuses connections", "  refused"))
        # And what it does to its model, which is no longer whole.
        assert any("Qwen/Qwen3-32B" in one and "decode 59/60" in one for one in operator.lines())
        pressed = await perform(operator, WRONG, {})
        await operator.until(lambda: operator.tab() == "workers")
        await operator.until(lambda: operator.at("id") == f"{dead.id:x}")
        await operator.until_shown("refuses connections")
        assert pressed <= MOST_KEYS


async def test_a_model_says_which_workers_serve_it_on_which_hosts_and_why_one_does_not(
    size: tuple[int, int],
) -> None:
    night = Night()
    dead = night.of("prod", "embed")[3]
    async with opened(night, size) as operator:
        night.kill(dead)
        night.advance(40)
        await gathered(operator, night, "✗ unreachable")
        pressed = await perform(operator, MODEL, {"MODEL": "bge"})
        await operator.until(lambda: operator.tab() == "models")
        await operator.until_shown("19/20 routable", f"{dead.id:x} at {dead.host}")
        found = operator.detail()
        hosts = {one.host for one in night.of("prod", "embed")}
        assert all(host in found["aggregated"] for host in hosts)
        assert "refuses connections" in found["why not"]
        assert pressed <= MOST_KEYS


async def test_events_say_what_changed_in_the_last_ten_minutes(size: tuple[int, int]) -> None:
    night = Night()
    stopped, tuned = night.of("prod", "embed")[0], night.of("prod", "backend")[5]
    async with opened(night, size) as operator:
        night.load(tuned, "acme/old")
        await operator.until(lambda: len(operator.dashboard.view.cluster.records) == 1_681)
        for _ in range(24):
            night.advance(30)
        night.stop(stopped)
        night.load(tuned, "acme/new")
        await operator.until(lambda: operator.dashboard.view.tombstones)
        pressed = await perform(operator, CHANGED, {})
        await operator.until(lambda: operator.tab() == "events")
        await operator.until_shown("acme/new")
        # One line for the worker, with a reason; and nothing older than ten minutes.
        (line,) = [one for one in operator.lines() if "prod/embed" in one and "ended" in one]
        assert "lease" in line
        assert "acme/old" not in operator.text()
        assert pressed <= MOST_KEYS


async def test_a_node_is_taken_out_and_each_worker_of_it_says_how_it_stands(
    size: tuple[int, int],
) -> None:
    night = Night()
    host = night.of("prod", "backend")[3].host
    out = night.on_host(host)
    async with opened(night, size) as operator:
        names = {"HOST": host, "NUMBER": f"{len(out)}"}
        pressed = await perform(operator, OUT, names)
        await operator.until(lambda: operator.rows("state") == ["▽ drained"] * len(out))
        assert set(operator.rows("id")) == {f"{one.id:x}" for one in out}
        instances = [one for one in night.entries() if one.key.startswith(b"v1/instances/")]
        assert not [one for one in instances if one.lease in {worker.id for worker in out}]
        # Their processes run on, and no metrics tell of requests: so it does not say "safe".
        assert "safe to stop" not in operator.text()
        assert pressed <= MOST_KEYS


async def test_an_id_from_a_log_line_says_what_it_is_and_whether_it_lives(
    size: tuple[int, int],
) -> None:
    night = Night()
    worker = night.of("staging", "backend")[7]
    async with opened(night, size) as operator:
        for written in (f"{worker.id}", f"0x{worker.id:x}", f"{worker.host}:{worker.port}"):
            pressed = await perform(operator, NAMED, {"ID": written})
            await operator.until(lambda: operator.tab() == "workers")
            await operator.until(lambda: operator.at("id") == f"{worker.id:x}")
            await operator.until_shown(f"{worker.id:x}, in decimal", "● live")
            assert "registered" in operator.detail()
            await operator.press("0")
            assert pressed <= MOST_KEYS
