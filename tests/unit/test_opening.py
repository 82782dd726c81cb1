"""What the settings open."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.connect import EtcdConnection, FileConnection, MemoryConnection, NatsKvConnection
from backends.nats.config import NatsConfig
from tui.opening import is_here


@pytest.mark.parametrize(
    ("endpoints", "here"),
    [
        (("http://localhost:2379",), True),
        (("http://127.0.0.1:2379", "https://[::1]:2379"), True),
        (("http://etcd-0:2379",), False),
        (("http://127.0.0.1:2379", "http://10.0.0.1:2379"), False),
    ],
)
def test_an_etcd_elsewhere_has_the_loopback_addresses_of_other_machines(
    endpoints: tuple[str, ...], here: bool
) -> None:
    assert is_here(EtcdConnection(endpoints=endpoints)) is here


def test_a_folder_and_memory_are_here() -> None:
    assert is_here(FileConnection(root=Path("/data")))
    assert is_here(MemoryConnection())


def test_a_nats_is_where_its_servers_are() -> None:
    assert is_here(NatsKvConnection(config=NatsConfig(servers=("localhost:4222",))))
    assert not is_here(NatsKvConnection(config=NatsConfig(servers=("nats://nats-0:4222",))))
