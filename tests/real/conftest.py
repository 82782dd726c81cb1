from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.etcd_places import QUICK
from tests.support.etcd_server import EtcdServer


@pytest.fixture
def etcd() -> Iterator[EtcdServer]:
    """An empty etcd of this test's own."""
    with EtcdServer(*QUICK) as server:
        yield server
