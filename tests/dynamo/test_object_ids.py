"""The instance id of a process in Kubernetes follows from the name of its object."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.dynamo.ids import Kind
from backends.dynamo.object_ids import instance_id_of
from backends.dynamo.parse import read
from tests import corpus

# Seen on Dynamo 0.8 to 1.6.
SEEN = {
    "prod-backend-worker-0": 0xD4111850C12A9,
    "prod-frontend-0": 0xF4978853590B7,
    "prod-backend-worker-0-engine-0": 0x19AD175167FE3D,
}


@pytest.mark.parametrize("name", SEEN)
def test_it_is_the_hash_that_every_release_makes(name: str) -> None:
    assert instance_id_of(name) == SEEN[name]


@pytest.mark.parametrize("release", corpus.load_objects(), ids=lambda one: one.name)
def test_real_processes_have_the_id_of_their_object(release: corpus.Release) -> None:
    found = 0
    for record in map(read, release.entries):
        if record.kind in (Kind.ENDPOINT, Kind.MODEL):
            assert record.entry.owner is not None
            assert record.id.instance_id == instance_id_of(record.entry.owner.name)
            found += 1
    assert found


@given(st.text())
def test_every_name_has_one_that_json_tools_can_hold(name: str) -> None:
    assert 0 <= instance_id_of(name) < 2**53
