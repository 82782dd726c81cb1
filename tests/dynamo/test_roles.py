"""What a process is, by the keys of real clusters: workers, frontends, routers, agents."""

from __future__ import annotations

import pytest

from backends.discovery.cluster import Cluster, FirstSeen
from backends.dynamo.ids import Kind
from backends.dynamo.parse import read
from backends.dynamo.roles import Role, is_internal
from backends.liveness.workers import worker
from tests import corpus
from tests.support import registered
from tests.support.registered import record

CLUSTERS = {release.name: release.entries for release in corpus.load_clusters()}


def cluster_of(name: str) -> Cluster:
    cluster = Cluster()
    for entry in CLUSTERS[name]:
        cluster.put(read(entry), FirstSeen(0.0, was_there=True))
    return cluster


@pytest.mark.parametrize(
    ("name", "workers", "instances", "others"),
    [
        ("1.0.2-mocker-dp2-disagg-router", 3, 3, ["frontend"]),
        ("1.4.2-mocker-dp2-disagg-router", 3, 3, ["frontend"]),
        ("1.6.1-mocker-agg", 1, 1, []),
        ("1.6.1-mocker-disagg-dp2-three-frontends", 6, 6, ["frontend"] * 2),
        ("1.6.1-mocker-nats-dp2-frontend", 1, 1, ["frontend"]),
        (
            "1.6.1-mocker-nested-routers-agents",
            2,
            # Those of routers, agents and relays serve requests of their own.
            12,
            ["agent", "indexer", "relay", "router", "router", "router"],
        ),
    ],
)
def test_real_clusters_have_so_many_workers_and_these_beside_them(
    name: str, workers: int, instances: int, others: list[str]
) -> None:
    cluster = cluster_of(name)
    assert sorted(cluster.no_workers().values()) == others
    assert cluster.count_workers() == workers
    assert cluster.count_instances() == instances
    internal = cluster.count(Kind.ENDPOINT) - instances
    assert internal == sum(is_internal(one.id.endpoint) for one in cluster.records.values())


def test_a_process_is_a_worker_as_soon_as_it_has_an_instance_or_a_card() -> None:
    cluster = Cluster()
    seen = FirstSeen(0.0, was_there=False)
    # The order in which a worker of 1.6.1 registers itself.
    cluster.put(record(registered.channel(7, "active_sequences_events"), lease=1), seen)
    assert cluster.role(1) is Role.FRONTEND
    assert cluster.count_workers() == 0
    card = record(registered.card(1), lease=1)
    cluster.put(card, seen)
    assert cluster.role(1) is Role.WORKER
    cluster.discard(card.key)
    assert cluster.role(1) is Role.FRONTEND
    cluster.put(record(registered.instance(1), lease=1), seen)
    assert cluster.count_workers() == cluster.count_workers(("prod",)) == 1
    assert cluster.count_workers(("other",)) == 0


def test_an_internal_endpoint_counts_only_where_it_is_asked_for() -> None:
    cluster = Cluster()
    internal = "worker_kv_query_source_14000dc9875462"
    for endpoint in ("generate", internal):
        one = record(registered.instance(1, endpoint=endpoint), lease=1)
        cluster.put(one, FirstSeen(0.0, was_there=True))
    scopes = ((), ("prod",), ("prod", "backend"))
    assert [cluster.count_instances(scope) for scope in scopes] == [1, 1, 1]
    assert cluster.count_instances(("prod", "backend", internal)) == 1
    found = worker(cluster, 1)
    assert found is not None
    assert (len(found.instances), len(found.served), found.ranks) == (2, 1, 1)


def test_ranks_are_what_the_card_says_or_one_for_each_endpoint_of_theirs() -> None:
    cluster = cluster_of("1.6.1-mocker-disagg-dp2-three-frontends")
    found = worker(cluster, 0x2805A225580C6506)
    assert found is not None
    assert found.ranks == 2
    by_endpoints = Cluster()
    for rank in range(3):
        one = record(registered.instance(1, endpoint=f"worker_kv_indexer_query_dp{rank}"), lease=1)
        by_endpoints.put(one, FirstSeen(0.0, was_there=True))
    found = worker(by_endpoints, 1)
    assert found is not None
    assert (found.ranks, found.role) == (3, Role.WORKER)
