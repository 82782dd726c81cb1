"""Which releases can have written what a process registered, by what real releases wrote."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from msgspec.structs import replace

from backends.discovery.cluster import Cluster, FirstSeen
from backends.dynamo.parse import read
from backends.dynamo.releases import Releases, of_processes, releases_of
from backends.liveness.workers import Worker, worker
from tests import corpus
from tests.support import registered
from tests.support.registered import record

SINGLE = {release.name: release.entries for release in corpus.load()}
CLUSTERS = {release.name: release.entries for release in corpus.load_clusters()}
OBJECTS = {release.name: release.entries for release in corpus.load_objects()}


def number(name: str) -> tuple[int, int]:
    major, minor, *_ = name.split(".")
    return int(major), int(minor)


def processes(name: str) -> list[Worker]:
    cluster = Cluster()
    for entry in CLUSTERS[name]:
        cluster.put(read(entry), FirstSeen(0.0, was_there=True))
    found = (worker(cluster, one) for one in cluster.workers())
    return [one for one in found if one is not None]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("0.5.1-nats", "≤0.5"),
        ("0.6.1-nats", "0.6"),
        ("0.8.1-tcp", "0.7+"),
        ("1.0.2-tcp", "0.9–1.3"),
        ("1.2.1-nats-eventplane-nats", "1.2–1.3"),
        ("1.4.2-tcp", "1.4+"),
        ("1.6.1-nats-eventplane-nats", "1.5+"),
        ("1.6.1-tcp", "1.5+"),
    ],
)
def test_records_show_a_range_of_releases(name: str, shown: str) -> None:
    assert str(releases_of(map(read, SINGLE[name]))) == shown


@pytest.mark.parametrize("name", SINGLE | CLUSTERS | OBJECTS)
def test_the_release_that_wrote_a_record_is_always_in_its_range(name: str) -> None:
    for entry in (SINGLE | CLUSTERS | OBJECTS)[name]:
        found = releases_of([read(entry)])
        if found is not None:
            assert found.first is None or found.first <= number(name), entry.key
            assert found.last is None or number(name) <= found.last, entry.key


@pytest.mark.parametrize("name", CLUSTERS)
def test_the_release_of_a_process_is_in_the_range_of_all_its_records(name: str) -> None:
    for process in processes(name):
        found = process.releases
        assert found is not None
        assert found.first is None or found.first <= number(name)
        assert found.last is None or number(name) <= found.last


def test_what_shows_nothing_and_what_contradicts_itself_has_no_release() -> None:
    old = next(one for one in map(read, SINGLE["0.5.1-nats"]))
    new = next(one for one in map(read, SINGLE["1.6.1-tcp"]))
    assert releases_of([]) is None
    assert releases_of([record(registered.UNKNOWN), record(registered.MALFORMED)]) is None
    assert releases_of([old, new]) is None


def test_a_member_that_is_named_in_a_text_is_no_member() -> None:
    key, value = registered.instance(1)
    body = json.loads(value) | {"device_type": 'say "request_plane_codec": now'}
    found = releases_of([record((key, json.dumps(body, separators=(",", ":")).encode()))])
    assert found == Releases((1, 2), None)


def test_a_tag_inside_of_a_card_is_no_tag_of_its_body() -> None:
    card = next(one for one in map(read, SINGLE["0.6.1-nats"]) if one.key.startswith(b"v1/mdc/"))
    body = json.loads(card.entry.value) | {"more": {"type": "Model"}}
    value = json.dumps(body, separators=(",", ":")).encode()
    assert releases_of([record((card.key, value))]) == Releases((0, 6), (0, 6))


def test_processes_are_counted_by_what_all_their_records_show() -> None:
    told = {name: {str(one) for one in of_processes(map(read, SINGLE[name]))} for name in SINGLE}
    assert told["1.6.1-tcp"] == {"1.5+"}
    assert told["0.6.1-nats"] == {"0.6"}
    old, new = (
        next(one for one in SINGLE[name] if one.key.startswith(b"v1/instances/"))
        for name in ("0.6.1-nats", "1.6.1-tcp")
    )
    both = [read(replace(one, lease=7)) for one in (old, new)]
    assert of_processes(both) == Counter({None: 1})
    assert not of_processes([])
