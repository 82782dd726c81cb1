"""A short walk through real clusters: what dyntop says equals what requests get.

`make truth` walks through all that there is.
"""

from __future__ import annotations

import pytest

from tests.truth.cluster import cluster_on, installed
from tests.truth.looking import Looker
from tests.truth.situations import at_a_glance

pytestmark = pytest.mark.skipif(
    not installed(), reason="the package ai-dynamo is not installed here: run `make cluster`"
)


def test_what_dyntop_says_equals_what_requests_get() -> None:
    with cluster_on("etcd") as cluster, Looker(cluster) as looker:
        found = {moment.name: looker.look(moment).differences for moment in at_a_glance(cluster)}
    assert found == dict.fromkeys(found, ())
    assert len(found) > 1
