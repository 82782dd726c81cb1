"""Every object that a real Dynamo release wrote to Kubernetes is read as what it is."""

from __future__ import annotations

import pytest

from backends.dynamo.ids import Kind
from backends.dynamo.parse import read
from backends.dynamo.records import AnyRecord
from backends.liveness.judge import Verdict
from backends.store import Lifetime
from tests import corpus
from tests.liveness.watched import NOW, Watched

RELEASES = {release.name: release for release in corpus.load_objects()}
POD, ENGINE_0, ENGINE_1 = "b072e4cdadd0e", "106e50ac2b7bb1", "1732db801c41c9"

ENDPOINTS = ["endpoint backend/clear_kv_blocks", "endpoint backend/generate"]
CARDS = ["model backend/generate", "model backend/generate"]
OLD_CHANNELS = ["event_channel kv_metrics"]
CHANNELS = ["event_channel backend/generate/kv-events", "event_channel backend/generate/kv_metrics"]
SOURCES = ["event_source backend/generate/kv-events"]
EXPECTED = {
    "0.8.1-full": (ENDPOINTS + CARDS, Verdict.LIVE),
    "0.8.1-stopped": (ENDPOINTS + CARDS, Verdict.NOT_READY),
    "1.0.2-endpoints": (ENDPOINTS, Verdict.LIVE),
    "1.0.2-full": (OLD_CHANNELS + ENDPOINTS + CARDS, Verdict.LIVE),
    "1.2.1-container": (OLD_CHANNELS + ENDPOINTS + CARDS, Verdict.LIVE),
    "1.2.1-full": (OLD_CHANNELS + ENDPOINTS + CARDS, Verdict.LIVE),
    "1.2.1-nats": (OLD_CHANNELS + ENDPOINTS + CARDS, Verdict.LIVE),
    "1.2.1-stopped": (ENDPOINTS + CARDS, Verdict.NOT_READY),
    "1.4.2-full": (CHANNELS + SOURCES + ENDPOINTS + CARDS, Verdict.LIVE),
    "1.4.2-stopped": (CARDS, Verdict.LEFTOVER),
    "1.6.1-container": (CHANNELS + SOURCES + ENDPOINTS + CARDS, Verdict.LIVE),
    "1.6.1-endpoints": (ENDPOINTS, Verdict.LIVE),
    "1.6.1-full": (CHANNELS + SOURCES + ENDPOINTS + CARDS, Verdict.LIVE),
    "1.6.1-nats": (CHANNELS + SOURCES + ENDPOINTS + CARDS, Verdict.LIVE),
    "1.6.1-stopped": (CARDS, Verdict.LEFTOVER),
}
"""Of each recording what each of its objects holds, and the verdict on all of that."""


def shown(record: AnyRecord) -> str:
    return f"{record.kind.value} {record.id.path().removeprefix('prod/')}"


@pytest.fixture(params=RELEASES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_every_recording_is_expected() -> None:
    assert RELEASES.keys() == EXPECTED.keys()


def test_each_object_has_what_its_process_registered(name: str) -> None:
    watched = watch(name)
    workers = {ENGINE_0, ENGINE_1} if "container" in name else {POD}
    assert {f"{one:x}" for one in watched.cluster.workers()} == workers
    for worker in workers:
        records = watched.cluster.registered_by(int(worker, 16))
        assert sorted(map(shown, records)) == sorted(EXPECTED[name][0])


def test_nothing_in_it_is_malformed_or_in_conflict(name: str) -> None:
    for record in map(read, RELEASES[name].entries):
        assert (record.malformed, record.conflict) == (None, None)


def test_its_verdict_is_that_of_the_process(name: str) -> None:
    watched = watch(name)
    for record in watched.cluster.records.values():
        assert watched.of(record) is EXPECTED[name][1]
        assert watched.verdicts.assessment(record, NOW).verdict is EXPECTED[name][1]


def test_a_model_is_served_by_what_is_ready_alone(name: str) -> None:
    watched = watch(name)
    cards = watched.cluster.count(Kind.MODEL)
    assert bool(watched.verdicts.serving.unserved) is (cards > 0 and "stopped" in name)
    assert watched.verdicts.serving.unserved_adapters == (
        {"acme/SQL-Adapter_v2"} if "stopped" in name else set()
    )


def watch(name: str) -> Watched:
    return Watched(*map(read, RELEASES[name].entries), lifetime=Lifetime.OWNED)
