"""Host, role, ranks and release in a row: what the records of its process show, and no more."""

from __future__ import annotations

import json

import pytest

from backends.dynamo.ids import Kind
from tests import corpus
from tests.agreement.seeds import made_of
from tests.agreement.worlds import healthy
from tests.support.operating import Operator, World, dashboard
from tests.support.registered import KeyAndValue, channel, instance, source

CLUSTERS = {release.name: release.entries for release in corpus.load_clusters()}
WIDE = (200, 40)


def world_of(name: str) -> World:
    """A recorded cluster, each process on its lease."""
    world = World()
    for entry in CLUSTERS[name]:
        assert entry.lease is not None
        world.put((entry.key, entry.value), lease=entry.lease)
    return world


def card_of(worker: int, **members: object) -> KeyAndValue:
    key = f"v1/mdc/prod/backend/generate/{worker:x}".encode()
    body = {
        "type": "Model",
        "namespace": "prod",
        "component": "backend",
        "endpoint": "generate",
        "instance_id": worker,
        "card_json": {"display_name": "acme/tiny-llm", **members},
    }
    return key, json.dumps(body).encode()


def shown(operator: Operator, *columns: str) -> list[tuple[str, ...]]:
    return list(zip(*(operator.rows(column) for column in columns), strict=True))


OF_1_4 = [
    ("prod/a", "127.0.0.1", "aggregated", "2", "1.4+"),
    ("prod/decode", "127.0.0.1", "decode", "1", "1.4+"),
    ("prod/prefill", "127.0.0.1", "prefill", "1", "1.4+"),
]
COLUMNS = ("host", "role", "ranks", "release")


async def test_all_three_tabs_show_the_same_of_a_process() -> None:
    async with dashboard(world_of("1.4.2-mocker-dp2-disagg-router"), size=WIDE) as operator:
        wanted = {(f"{place}/generate", *rest) for place, *rest in OF_1_4}
        await operator.until(lambda: wanted == {*shown(operator, "name", *COLUMNS)})
        await operator.until_shown("HOST", "ROLE", "RANKS", "RELEASE")
        await operator.press("3")
        workers = {*OF_1_4, ("(frontend) prod/a, prod/decode, prod/prefill", *FRONTEND)}
        await operator.until(lambda: workers == {*shown(operator, "where", *COLUMNS)})
        await operator.press("2")
        for _ in operator.pane.rows:
            await operator.press("l", "j", "j", "j", "j")
        await operator.until(lambda: wanted <= {*cards_of(operator)})


FRONTEND = ("127.0.0.1", "frontend", "–", "1.4+")


def cards_of(operator: Operator) -> list[tuple[str, ...]]:
    rows = shown(operator, "name", *COLUMNS)
    return [(name.strip(" ·"), *rest) for name, *rest in rows]


async def test_what_the_records_do_not_show_is_not_guessed() -> None:
    world = World()
    world.put(instance(1), lease=1)
    async with dashboard(world, size=WIDE) as operator:
        assert shown(operator, *COLUMNS) == [("10.0.0.1", "–", "–", "0.7+")]
        await operator.press("3")
        await operator.until(lambda: shown(operator, *COLUMNS) == [("10.0.0.1", "–", "–", "0.7+")])


async def test_a_card_that_comes_later_gives_the_row_of_its_instance_a_role() -> None:
    world = World()
    world.put(instance(1), lease=1)
    async with dashboard(world, size=WIDE) as operator:
        await operator.until_shown("0.7+")
        later = {"worker_type": "prefill", "runtime_config": {"data_parallel_size": 4}}
        world.put(card_of(1, **later), lease=1)
        await operator.until(lambda: shown(operator, "role", "ranks") == [("prefill", "4")])
        await operator.until_shown("prefill", "4")


async def test_in_kubernetes_the_host_is_the_node() -> None:
    made = made_of(healthy, objects=True)
    async with dashboard(made.world, probes=made.answers, size=WIDE) as operator:
        nodes = {one.entry.owner.node for one in operator.pane.rows if one.entry.owner is not None}
        assert nodes - {""}
        assert {*operator.rows("host")} == nodes
        for tab in "32":
            await operator.press(tab, "l")
            await operator.until(lambda: nodes <= {*operator.rows("host")})


def on_one_address(*workers: int) -> World:
    world = World()
    for worker in workers:
        world.put(instance(worker, address=f"10.0.0.7:9000/{worker:x}/generate"), lease=worker)
    world.put(instance(0x99, address="10.0.0.7:9001"), lease=0x99)
    return world


async def test_workers_at_one_host_and_port_are_marked_and_named_in_the_detail() -> None:
    world = on_one_address(0xA1, 0xA2, 0xA3)
    async with dashboard(world, size=WIDE) as operator:
        await operator.press("3")
        await operator.until(lambda: operator.rows("id") == ["99", "a1 ≡3", "a2 ≡3", "a3 ≡3"])
        await operator.until_shown("a1 ≡3")
        await operator.press("j")
        together = "3 workers at 10.0.0.7:9000, as a rule one process: a1, a2, a3"
        await operator.until(lambda: operator.detail().get("process") == together)
        world.keyspace.end_lease(0xA2)
        await operator.until(lambda: operator.rows("id") == ["99", "a1 ≡2", "a3 ≡2"])
        await operator.until_shown("a1 ≡2", "a3 ≡2")
        world.keyspace.end_lease(0xA3)
        await operator.until(lambda: operator.rows("id") == ["99", "a1"])


async def test_a_filter_hides_rows_and_not_how_many_share_an_address() -> None:
    async with dashboard(on_one_address(0xA1, 0xA2), size=WIDE) as operator:
        await operator.press("3", "slash", "a", "1", "enter")
        await operator.until(lambda: operator.rows("id") == ["a1 ≡2"])


@pytest.mark.parametrize("address", ["0.0.0.0:9000", "10.0.0.7:0"])
async def test_an_address_that_no_client_can_use_makes_no_neighbours(address: str) -> None:
    world = World()
    for worker in (1, 2):
        world.put(instance(worker, address=address), lease=worker)
    async with dashboard(world, size=WIDE) as operator:
        await operator.press("3")
        await operator.until(lambda: operator.rows("id") == ["1", "2"])


def with_internal(*workers: int) -> World:
    world = World()
    for worker in workers:
        internal = instance(worker, endpoint=f"worker_kv_query_source_{worker:x}")
        publisher = 0x100 + worker
        there = [instance(worker), internal, channel(publisher), source(publisher, worker)]
        world.put(*there, lease=worker)
    return world


OPEN = ["all namespaces 2", "  prod 2", "    backend 2"]


async def test_the_tree_counts_workers_and_folds_internal_endpoints_until_asked_for() -> None:
    async with dashboard(with_internal(1, 2), size=WIDE) as operator:
        await operator.until(lambda: operator.branches() == OPEN)
        operator.tree.root.expand_all()
        await operator.until(lambda: operator.branches() == [*OPEN, "      generate 2"])
        assert len(operator.pane.rows) == 2
        await operator.press("e")
        internal = [f"      worker_kv_query_source_{one} 1" for one in (1, 2)]
        await operator.until(lambda: operator.branches() == [*OPEN, "      generate 2", *internal])
        assert len(operator.pane.rows) == 4
        assert "Shows 2 instances of internal endpoints." in operator.told()
        await operator.select("prod", "backend", "worker_kv_query_source_1")
        await operator.press("e")
        await operator.until(lambda: operator.branches() == [*OPEN, "      generate 2"])
        assert operator.node() == ("prod", "backend")
        assert len(operator.pane.rows) == 2


async def test_internal_endpoints_that_come_later_are_folded_and_a_filter_finds_them() -> None:
    world = with_internal(1)
    async with dashboard(world, size=WIDE) as operator:
        operator.tree.root.expand_all()
        world.put(instance(2, endpoint="worker_kv_query_source_2"), lease=2)
        await operator.until(lambda: operator.branches()[0] == "all namespaces 2")
        assert not any("worker_kv" in one for one in operator.branches())
        await operator.press("slash", *"source_2", "enter")
        await operator.until(lambda: any("worker_kv_query" in one for one in operator.branches()))
        instances = operator.dashboard.shown.keys(Kind.ENDPOINT)
        assert len(operator.pane.rows) == len(instances) == 1


async def test_a_worker_with_one_instance_that_is_late_counts_as_not_live_once() -> None:
    world = World()
    for worker in (1, 2):
        world.put(instance(worker), instance(worker, endpoint="clear"), lease=worker)
    async with dashboard(world, size=WIDE) as operator:
        await operator.until(lambda: operator.branches()[0] == "all namespaces 2")
        world.renewed(1, ago=41.0)
        await operator.until(lambda: operator.branches()[0] == "all namespaces 1/2 !2")
        world.keyspace.delete(instance(1, endpoint="clear")[0])
        await operator.until(lambda: operator.branches()[0] == "all namespaces 1/2 !1")
        world.keyspace.end_lease(1)
        await operator.until(lambda: operator.branches()[0] == "all namespaces 1")


async def test_a_place_of_frontends_alone_has_no_number() -> None:
    world = with_internal(1)
    world.put(instance(9, component="web", endpoint="router-discovery"), lease=9)
    async with dashboard(world, size=WIDE) as operator:
        await operator.until(lambda: "    web" in operator.branches())
        assert operator.branches()[:2] == ["all namespaces 1", "  prod 1"]
