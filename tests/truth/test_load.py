"""A drain and its undoing cost no request: workers are drained and restored under load."""

from __future__ import annotations

import pytest

from tests.truth.cluster import StoreKind, cluster_on, installed
from tests.truth.load import drain_under_load

pytestmark = pytest.mark.skipif(
    not installed(), reason="the package ai-dynamo is not installed here: run `make cluster`"
)
REQUESTS = 300
"""Twenty a second. `make truth` makes five times as many."""


@pytest.mark.parametrize("kind", ["etcd", "file"])
def test_drains_and_restores_under_load_lose_no_request(kind: StoreKind) -> None:
    with cluster_on(kind) as cluster:
        load = drain_under_load(cluster, REQUESTS)
    assert len(load.answers) == REQUESTS
    assert load.rounds > 0
    assert load.lost == ()
