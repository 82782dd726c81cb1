"""What tests of the documents share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.world import World, made_world
from tests.support.etcd_server import EtcdServer
from tests.support.nats_server import NatsServer


@pytest.fixture(scope="module")
def nats() -> Iterator[NatsServer]:
    with NatsServer() as server:
        yield server


@pytest.fixture
def world(etcd: EtcdServer, nats: NatsServer, tmp_path: Path) -> Iterator[World]:
    with made_world(etcd, nats, tmp_path) as world:
        yield world
