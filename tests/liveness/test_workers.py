"""A worker is all that one process registered, taken together."""

from __future__ import annotations

from backends.discovery.cluster import Cluster, FirstSeen
from backends.dynamo.records import AnyRecord
from backends.liveness.judge import Verdict
from backends.liveness.workers import SEVERITY, worker, workers, worst
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
