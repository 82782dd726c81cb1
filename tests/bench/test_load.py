"""The load has the shape that figures are told for."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest

from backends.dynamo.ids import Kind
from backends.dynamo.parse import read
from backends.dynamo.records import AnyRecord, ModelCard
from backends.store import Entry, Revision
from bench.load import COMPONENTS, ENDPOINTS, NAMESPACES, Load, in_order
from tests.corpus import load as load_corpus

SIZE = 240


def lease_of(worker: int) -> int:
    return 0x694D000000000000 + worker


@cache
def records() -> list[AnyRecord]:
    load = Load(SIZE)
    return [
        read(Entry(key, value, Revision("1"), lease_of(worker), None))
        for worker in range(load.workers)
        for key, value in load.records_of(worker, lease_of(worker))
    ]


def test_there_are_as_many_cards_as_instances() -> None:
    kinds = Counter(record.kind for record in records())

    assert kinds == {Kind.ENDPOINT: SIZE, Kind.MODEL: SIZE}


def test_all_of_it_reads_as_dynamo_writes_it() -> None:
    found = records()

    assert not [record for record in found if record.malformed or record.conflict or record.note]
    assert len({record.key for record in found}) == len(found)


def test_every_lease_holds_four_records_of_the_instance_that_it_names() -> None:
    leases = Counter(record.lease for record in records())

    assert set(leases.values()) == {4}
    assert all(record.id.instance_id == record.lease for record in records())


def test_names_are_of_five_namespaces_twenty_components_and_three_endpoints_in_each() -> None:
    found = [record.id for record in records() if record.kind is Kind.ENDPOINT]

    assert len({at.namespace for at in found}) == NAMESPACES == 5
    components = {(at.namespace, at.component) for at in found}
    assert len(components) == COMPONENTS == 20
    endpoints = {(at.namespace, at.component, at.endpoint) for at in found}
    assert len(endpoints) == COMPONENTS * len(ENDPOINTS) == 60


@pytest.mark.parametrize(("size", "expected"), [(100, 50), (10_000, 5_000), (20_000, 5_000)])
def test_one_model_has_half_of_all_cards_but_no_more_than_5000(size: int, expected: int) -> None:
    load = Load(size)
    workers = Counter(load.model_of(worker) for worker in range(load.workers))

    assert workers[load.models[0]] * 2 == load.large_group == expected
    assert set(workers) == set(load.models)
    assert len(load.models) == 13


def test_cards_are_as_large_as_a_recorded_one() -> None:
    (release,) = (release for release in load_corpus() if release.name == "1.6.1-tcp")
    recorded = next(e for e in release.entries if e.key.startswith(b"v1/mdc/prod/backend/generate"))
    cards = [record for record in records() if isinstance(record, ModelCard)]

    assert all(
        abs(len(card.entry.value) - len(recorded.value)) < len(recorded.value) * 0.1
        for card in cards
    )


def test_instances_are_in_the_order_of_their_paths_and_then_of_their_ids() -> None:
    load = Load(100)
    found = in_order(
        [one for w in reversed(range(load.workers)) for one in load.instances_of(w, lease_of(w))]
    )

    assert [one.key for one in found] == sorted(one.key for one in found)
