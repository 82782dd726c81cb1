"""Who is what, on screen: workers and other processes, generations, and what is selected where."""

from __future__ import annotations

import json
import re

import pytest

from tests.support.operating import Operator, World, dashboard
from tests.support.registered import card, channel, instance, source

OTHERS_ID, LEASE = 0x1234567890ABC1, 0x7865A225462BD50A
PREFIX = "inference-prod-qwen3-235b-a22b-instruct"
GENERATIONS = (f"{PREFIX}-7b13b437", f"{PREFIX}-9f8e7d6c")


def generations() -> World:
    """Two generations of one deployment, whose names differ at their ends."""
    world = World()
    for number, namespace in enumerate(GENERATIONS):
        for offset, component in enumerate(("backend", "prefill")):
            worker = 0x6000000000 + 2 * number + offset
            places = {"namespace": namespace, "component": component}
            world.put(
                instance(worker, **places),
                card(worker, "Qwen/Qwen3-235B-A22B-Instruct-2507", **places),
                lease=worker,
            )
    return world


async def open_tab(operator: Operator, key: str, tab: str) -> None:
    await operator.press(key)
    await operator.until(lambda: operator.tab() == tab)


@pytest.mark.parametrize("width", [120, 80, 60])
async def test_generations_can_be_told_apart_in_the_tree_and_in_rows(width: int) -> None:
    async with dashboard(generations(), size=(width, 30)) as operator:
        if width < 100:
            await operator.press("t")
        for end in ("7b13b437", "9f8e7d6c"):
            await operator.until_shown(f"{end} 2")
        if width < 100:
            await operator.press("t")
        await open_tab(operator, "2", "models")
        await operator.press("enter")
        await operator.until(lambda: len(operator.pane.rows) == 5)
        shown = [line for line in operator.text().splitlines() if "·" in line]
        rows = {line[line.index("·") :].split("  ")[0] for line in shown}
        assert len(rows) == 4, rows


@pytest.mark.parametrize("width", [100, 80, 60])
async def test_names_that_differ_in_one_part_are_not_cut_to_the_same(width: int) -> None:
    """Namespaces at their start, hosts within their first part, topics at their end."""
    world = World()
    for worker, place in ((1, "alpha"), (2, "omega")):
        namespace = f"team-{place}-prod-inference-qwen"
        address = f"ip-10-0-12-3{worker}.eu-west-1.compute.internal:9000"
        world.put(instance(worker, namespace=namespace, address=address), lease=worker)
        world.put(channel(worker, f"kv-events-of-rank-group-number-000{worker}"), lease=worker)
    async with dashboard(world, size=(width, 24)) as operator:
        for key, tab, start in (("1", "instances", "team"), ("4", "channels", "kv-events")):
            await open_tab(operator, key, tab)
            await operator.until(lambda: operator.rows("state") == ["● live"] * 2)
            rows = re.findall(rf"● live +({start}.*)", operator.text())
            assert len({row.split()[0] for row in rows}) == 2, rows
            hosts = [word for line in rows for word in line.split() if word.startswith("ip-")]
            assert len(hosts) == len(set(hosts)), rows


async def test_a_worker_is_known_by_its_instance_id_and_has_its_lease_beside_it() -> None:
    world = World()
    world.put(instance(OTHERS_ID), card(OTHERS_ID), lease=LEASE)
    async with dashboard(world, size=(150, 30)) as operator:
        await open_tab(operator, "3", "workers")
        assert operator.rows("id") == [f"{OTHERS_ID:x}"]
        detail = operator.detail()
        assert detail["worker"] == f"{OTHERS_ID:x}, in decimal {OTHERS_ID}"
        await operator.until(lambda: operator.detail()["lease"].startswith(f"{LEASE:x}  "))
        # After a failed keep-alive it puts the same keys under another lease.
        world.put(instance(OTHERS_ID), card(OTHERS_ID), lease=LEASE + 1)
        world.keyspace.end_lease(LEASE)
        await operator.until(lambda: operator.detail()["lease"].startswith(f"{LEASE + 1:x}  "))
        assert operator.rows("id") == [f"{OTHERS_ID:x}"]
        assert operator.tabs()[3] == "Workers 1"
        assert "↻" not in operator.text()


async def test_several_ids_on_one_lease_are_one_row_that_has_them_all() -> None:
    world = World()
    world.put(instance(0x10), instance(0x20), lease=LEASE)
    async with dashboard(world, size=(150, 30)) as operator:
        await open_tab(operator, "3", "workers")
        assert operator.rows("id") == ["2× 10"]
        shown = operator.pane.detail(operator.dashboard.inspector)
        assert shown is not None
        ids = [text for label, text in shown.fields if label in ("worker", " ")]
        assert ids[:2] == ["10, in decimal 16", "20, in decimal 32"]


async def test_one_of_several_ids_that_is_drained_and_put_back_is_no_worker_that_went() -> None:
    world = World()
    world.put(instance(0x10), instance(0x20), card(0x10), lease=LEASE)
    async with dashboard(world, size=(150, 30)) as operator:
        await open_tab(operator, "3", "workers")
        world.keyspace.delete(instance(0x20)[0])
        await operator.until(lambda: operator.rows("id") == ["10"])
        assert operator.gone("id") == []
        world.put(instance(0x20), lease=LEASE)
        await operator.until(lambda: operator.rows("id") == ["2× 10"])
        assert operator.gone("id") == []
        # All of them are gone with the lease, and come back under another.
        world.keyspace.end_lease(LEASE)
        await operator.until(lambda: operator.gone("id") == ["10", "20"])
        world.put(instance(0x10), instance(0x20), lease=LEASE + 1)
        await operator.until(lambda: operator.rows("id") == ["2× 10"])
        await operator.until(lambda: operator.gone("id") == [])


async def test_a_frontend_has_a_row_with_its_role_and_counts_as_no_worker() -> None:
    world = World()
    world.put(instance(1), card(1), lease=1)
    world.put(channel(0x77, "active_sequences_events"), lease=2)
    async with dashboard(world, size=(150, 30)) as operator:
        await open_tab(operator, "3", "workers")
        assert operator.rows("id") == ["2", "1"] or operator.rows("id") == ["1", "2"]
        assert operator.tabs()[3] == "Workers 1"
        assert "1 worker " in operator.header()
        where = dict(zip(operator.rows("id"), operator.rows("where"), strict=True))
        assert where == {"1": "prod/backend", "2": "(frontend) prod/backend"}
        await operator.press("end" if operator.rows("id")[1] == "2" else "home")
        await operator.until(lambda: "frontend" in operator.detail())


async def test_sixteen_ranks_are_one_instance_of_one_worker() -> None:
    world = World()
    world.put(instance(1), card(1), lease=1)
    for rank in range(16):
        world.put(instance(1, endpoint=f"worker_kv_query_source_{rank:x}"), lease=1)
    async with dashboard(world, size=(150, 40)) as operator:
        assert operator.branches()[0] == "all namespaces 1"
        assert operator.tabs()[1] == "Instances 1"
        assert "1 instance  1 worker" in operator.header()
        assert operator.rows("name") == ["prod/backend/generate"]
        await open_tab(operator, "3", "workers")
        assert operator.rows("endpoints") == ["1"]
        assert operator.rows("ranks") == ["16"]
        # What a filter finds has rows all the same, and counts.
        await open_tab(operator, "1", "instances")
        await operator.press("slash", *"source_3", "enter")
        await operator.until(lambda: operator.tabs()[1] == "Instances 1")
        assert operator.rows("name") == ["prod/backend/worker_kv_query_source_3"]
        assert operator.branches()[0] == "matches 1"


async def test_the_tree_says_of_which_namespace_it_is() -> None:
    world = World()
    world.put(instance(1), lease=1)
    async with dashboard(world, namespace="prod", namespace_source="--namespace") as operator:
        assert operator.branches()[0] == "ns prod 1"
        assert "all namespaces" not in operator.text()


async def test_what_is_selected_is_named_below_the_header_also_without_the_tree() -> None:
    world = generations()
    async with dashboard(world, size=(120, 30)) as operator:
        operator.tree.select_scope((GENERATIONS[0], "backend"))
        await operator.until(lambda: len(operator.pane.rows) == 1)
        assert operator.breadcrumb().strip() == f"{GENERATIONS[0]} › backend"
        await operator.press("t")
        await operator.until(lambda: not operator.tree.is_shown)
        assert operator.breadcrumb().strip() == f"{GENERATIONS[0]} › backend"


async def test_a_sources_worker_is_told_in_its_row_as_in_its_detail() -> None:
    world = World()
    world.put(instance(0xA907), channel(0x51), source(0x51, 0), lease=0xA907)
    async with dashboard(world, size=(150, 30)) as operator:
        await operator.until(lambda: operator.tabs()[4] == "Event channels 1")
        await open_tab(operator, "4", "channels")
        await operator.until(lambda: len(operator.pane.rows) == 2)
        assert operator.rows("worker") == ["a907", "a907"]
        await operator.press("down")
        await operator.until(lambda: operator.detail().get("worker", "").startswith("a907"))
        assert operator.detail()["about"] == "worker a907 (its own worker_id is 0)"


async def test_the_worker_type_is_of_what_is_there() -> None:
    world = World()
    for worker, worker_type in ((1, "prefill"), (2, "decode")):
        key, value = card(worker)
        body = json.loads(value)
        body["card_json"]["worker_type"] = worker_type
        world.put(instance(worker), (key, json.dumps(body).encode()), lease=worker)
    async with dashboard(world, size=(150, 30)) as operator:
        await open_tab(operator, "2", "models")
        assert operator.rows("role") == ["decode, prefill"]
        world.keyspace.end_lease(1)
        await operator.until(lambda: operator.rows("role") == ["decode"])


async def test_where_a_namespace_has_nothing_the_generations_beside_it_are_named() -> None:
    """Workers of a deployment's generation register in another namespace than `DYN_NAMESPACE`."""
    there = "Nothing is registered in namespace inference-prod; there is "
    async with dashboard(generations(), namespace="inference-prod", size=(160, 30)) as operator:
        await operator.until_shown(there + GENERATIONS[0])
        await open_tab(operator, "1", "instances")
        await operator.until_shown(there)
        assert "-n 'inference-prod*' takes all that begin so" in " ".join(operator.text().split())


async def test_where_nothing_begins_as_a_namespace_workers_may_still_come() -> None:
    async with dashboard(generations(), namespace="other", size=(160, 30)) as operator:
        await operator.until_shown("Nothing is registered in namespace other yet: workers show up")
