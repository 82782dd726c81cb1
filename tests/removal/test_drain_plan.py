"""A drain removes a worker's endpoint instances and nothing else, whichever row it begins at."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection

import pytest
from msgspec.structs import replace

from backends.discovery.cluster import Cluster, FirstSeen
from backends.dynamo.records import AnyRecord, EndpointInstance, ModelCard
from backends.removal.drain_plan import plan_drain, remaining_workers, same_process
from tests.support import registered
from tests.support.owned import READY, owned
from tests.support.registered import KeyAndValue, record

INTERNAL = "worker_kv_query_source_1f"


def worker(number: int, *extra: KeyAndValue) -> list[AnyRecord]:
    """All that one worker registers, on its lease."""
    contents = [
        registered.instance(number),
        registered.instance(number, endpoint=INTERNAL),
        registered.card(number),
        registered.channel(0x100 + number),
        registered.source(0x100 + number, number),
        *extra,
    ]
    return [record(one, lease=number) for one in contents]


def cluster_of(*records: AnyRecord) -> Cluster:
    cluster = Cluster()
    for one in records:
        cluster.put(one, FirstSeen(0.0, was_there=True))
    return cluster


def never(_: AnyRecord) -> bool:
    return False


def left(
    cluster: Cluster, gone: Collection[bytes], is_dead: Callable[[AnyRecord], bool]
) -> list[tuple[str, bool, int, int]]:
    """Name, whether it is an adapter, and the routable workers before and after."""
    return [
        (one.model, one.is_lora, one.before.most, one.after.most)
        for one in remaining_workers(cluster, gone, is_dead)
    ]


@pytest.mark.parametrize("begins_at", [0, 1, 2])
def test_from_an_instance_a_card_or_an_internal_endpoint_it_removes_all_instances(
    begins_at: int,
) -> None:
    mine = worker(1)
    cluster = cluster_of(*mine, *worker(2))
    drain = plan_drain(cluster, [mine[begins_at]])
    assert {one.key for one in drain.instances} == {one.key for one in mine[:2]}
    assert {one.key for one in drain.kept} == {one.key for one in mine[2:]}
    assert drain.workers == (1,)


def test_of_all_that_a_worker_registered_it_removes_the_same() -> None:
    mine = worker(1)
    cluster = cluster_of(*mine)
    assert plan_drain(cluster, mine) == plan_drain(cluster, mine[:1])


def test_a_model_drains_all_workers_that_serve_it() -> None:
    records = [*worker(1), *worker(2)]
    cluster = cluster_of(*records, *worker(3))
    drain = plan_drain(cluster, [one for one in records if isinstance(one, ModelCard)])
    assert drain.workers == (1, 2)
    assert len(drain.instances) == 4


def test_of_two_ids_on_one_lease_only_the_one_that_is_named_is_drained() -> None:
    shared = [record(registered.instance(number), lease=9) for number in (1, 2)]
    cards = [record(registered.card(number), lease=9) for number in (1, 2)]
    drain = plan_drain(cluster_of(*shared, *cards), [cards[1]])
    assert [one.key for one in drain.instances] == [shared[1].key]
    assert drain.workers == (2,)


def test_a_channel_drains_nothing() -> None:
    mine = worker(1)
    assert plan_drain(cluster_of(*mine), mine[3:]).instances == ()


def test_other_workers_of_the_same_process_are_named_and_those_of_others_are_not() -> None:
    def at(number: int, address: str) -> AnyRecord:
        return record(registered.instance(number, address=f"{address}/{number:x}/generate"))

    mine = [at(1, "10.0.0.1:9000")]
    others = [at(3, "10.0.0.1:9000"), at(2, "10.0.0.1:9000"), at(4, "10.0.0.1:9001")]
    instances = [one for one in mine if isinstance(one, EndpointInstance)]
    assert same_process(cluster_of(*mine, *others), instances) == [2, 3]


def test_workers_of_other_objects_at_the_same_address_are_other_processes() -> None:
    """E.g. in pods whose addresses are loopback ones."""
    mine, same, other = (
        owned(registered.instance(number), replace(READY, name=name))
        for number, name in ((1, "prod-0"), (2, "prod-0"), (3, "prod-1"))
    )
    assert isinstance(mine, EndpointInstance)
    assert same_process(cluster_of(mine, same, other), [mine]) == [2]


def test_it_says_how_many_workers_each_model_is_left_with() -> None:
    lora = registered.card(1, lora="acme/sql")
    records = [*worker(1, lora), *worker(2), *worker(3)]
    cluster = cluster_of(*records, record(registered.card(4, model="acme/other"), lease=4))
    gone = {one.key for one in plan_drain(cluster, records[:1]).instances}
    assert left(cluster, gone, never) == [
        ("acme/tiny-llm", False, 3, 2),
        ("acme/sql", True, 1, 0),
    ]


def test_workers_that_are_dead_or_have_no_instance_were_not_routable_before() -> None:
    records = [*worker(1), *worker(2), *worker(3)[2:]]
    cluster = cluster_of(*records)
    gone = {one.key for one in plan_drain(cluster, records[:1]).instances}

    def is_dead(one: AnyRecord) -> bool:
        return one.id.instance_id == 2

    assert left(cluster, gone, is_dead) == [("acme/tiny-llm", False, 1, 0)]


def test_an_internal_endpoint_alone_takes_no_model_away() -> None:
    mine = worker(1)
    cluster = cluster_of(*mine)
    assert left(cluster, {mine[1].key}, never) == []


def test_a_card_alone_is_a_worker_less_for_its_model() -> None:
    records = [*worker(1), *worker(2)]
    assert left(cluster_of(*records), {records[2].key}, never) == [("acme/tiny-llm", False, 2, 1)]


def test_a_role_that_another_needs_takes_the_model_with_it() -> None:
    def of_role(number: int, role: str, other: str) -> list[AnyRecord]:
        key, value = registered.card(number)
        body = json.loads(value)
        body["card_json"] |= {"worker_type": role, "needs": [[other]]}
        contents = [registered.instance(number), (key, json.dumps(body).encode())]
        return [record(one, lease=number) for one in contents]

    records = [*of_role(1, "prefill", "decode"), *of_role(2, "decode", "prefill")]
    cluster = cluster_of(*records)
    gone = {one.key for one in plan_drain(cluster, records[:1]).instances}
    (of_model,) = remaining_workers(cluster, gone, never)
    assert (of_model.before.most, of_model.after.most) == (2, 0)
    assert of_model.missing == ("prefill",)
    # Of what is left of neither role none is missed by the other.
    both = {one.key for one in plan_drain(cluster, records).instances}
    (of_model,) = remaining_workers(cluster, both, never)
    assert (of_model.before.most, of_model.after.most, of_model.missing) == (2, 0, ())
    # Before, too: what was not served is not said to go on.
    (of_model,) = remaining_workers(cluster, gone, lambda one: one.id.instance_id == 1)
    assert (of_model.before.most, of_model.after.most) == (0, 0)
