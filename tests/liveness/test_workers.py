"""A worker is all that one process registered, taken together."""

from __future__ import annotations

import json

from backends.discovery.cluster import Cluster, FirstSeen
from backends.dynamo.parse import read
from backends.dynamo.records import AnyRecord
from backends.liveness.judge import Verdict
from backends.liveness.workers import SEVERITY, worker, workers, worst
from tests import corpus
from tests.support import registered
from tests.support.registered import record


def cluster_of(*records: AnyRecord) -> Cluster:
    cluster = Cluster()
    for one in records:
        cluster.put(one, FirstSeen(0.0, was_there=True))
    return cluster


def test_on_etcd_everything_on_one_lease_is_one_worker() -> None:
    everything = [
        record(registered.instance(1), lease=1),
        record(registered.instance(1, endpoint="clear_kv_blocks"), lease=1),
        record(registered.card(1), lease=1),
        record(registered.card(1, lora="acme/sql"), lease=1),
        record(registered.channel(77), lease=1),
        record(registered.source(77, 0), lease=1),
    ]
    cluster = cluster_of(*everything, record(registered.instance(2), lease=2))
    found = worker(cluster, 1)
    assert found is not None
    assert sorted(one.key for one in found.records) == sorted(one.key for one in everything)
    assert [len(found.instances), len(found.cards), len(found.adapters)] == [2, 1, 1]
    assert [len(found.channels), len(found.sources), len(found.others)] == [1, 1, 0]
    assert found.components == ["prod/backend"]
    assert found.models == ["acme/tiny-llm"]


def test_without_leases_it_is_the_instance_id_and_the_sources_tell_whose_channels_are() -> None:
    mine = [
        record(registered.instance(1)),
        record(registered.card(1)),
        record(registered.channel(77)),
        record(registered.source(77, 1)),
    ]
    nobodys = [record(registered.channel(78)), record(registered.source(79, 0))]
    cluster = cluster_of(*mine, *nobodys)
    found = worker(cluster, 1)
    assert found is not None
    assert {one.key for one in found.records} == {one.key for one in mine}
    assert worker(cluster, 78) is None
    assert [one.id for one in workers(cluster, cluster.records.values())] == [1]


def test_the_worst_verdict_stands_for_all_and_every_verdict_has_its_rank() -> None:
    assert worst([Verdict.LIVE, Verdict.LATE, Verdict.LIVE]) is Verdict.LATE
    assert worst([Verdict.LATE, Verdict.UNREACHABLE]) is Verdict.UNREACHABLE
    assert worst([]) is Verdict.UNKNOWN
    assert set(SEVERITY) == set(Verdict)


def told(name: str) -> list[tuple[list[str], list[str], int | None]]:
    """The hosts, roles and ranks of each process of a recorded cluster, by its components."""
    entries = next(one.entries for one in corpus.load_clusters() if one.name == name)
    cluster = cluster_of(*map(read, entries))
    found = [one for number in cluster.workers() if (one := worker(cluster, number)) is not None]
    found.sort(key=lambda one: (one.components, one.id))
    return [(one.hosts, one.roles, one.ranks_shown) for one in found]


HERE = ["127.0.0.1"]


def test_host_role_and_ranks_are_what_records_show() -> None:
    assert told("1.4.2-mocker-dp2-disagg-router") == [
        (HERE, ["aggregated"], 2),
        (HERE, ["frontend"], None),
        (HERE, ["decode"], 1),
        (HERE, ["prefill"], 1),
    ]


def test_to_1_3_cards_show_no_role_but_prefill() -> None:
    roles = [roles for _, roles, _ in told("1.0.2-mocker-dp2-disagg-router")]
    assert sorted(roles) == [[], [], ["frontend"], ["prefill"]]


def test_on_nats_there_is_no_host_unless_a_channel_has_one() -> None:
    assert {tuple(hosts) for hosts, _, _ in told("1.6.1-mocker-nats-dp2-frontend")} == {()}
    key, value = registered.instance(1)
    body = json.loads(value) | {"transport": {"nats_tcp": "prod_backend.generate-1"}}
    on_nats = record((key, json.dumps(body).encode()), lease=1)
    there = worker(cluster_of(on_nats, record(registered.channel(7), lease=1)), 1)
    assert there is not None
    assert there.hosts == ["10.0.0.1"]
    alone = worker(cluster_of(on_nats), 1)
    assert alone is not None
    assert alone.hosts == []


def test_what_no_record_shows_is_not_guessed() -> None:
    one = worker(cluster_of(record(registered.instance(1), lease=1)), 1)
    assert one is not None
    assert (one.roles, one.ranks_shown) == ([], None)
