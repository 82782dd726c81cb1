from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers import EtcdServer


@pytest.fixture(scope="module")
def etcd_of_module() -> Iterator[EtcdServer]:
    with EtcdServer() as server:
        yield server


@pytest.fixture
def etcd(etcd_of_module: EtcdServer) -> EtcdServer:
    """An empty etcd."""
    etcd_of_module.etcdctl("del", "--prefix", "")
    return etcd_of_module
