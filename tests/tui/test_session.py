"""What the settings open."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.connections import EtcdConnection, FileConnection, MemoryConnection, NatsKvConnection
from backends.liveness.gathering import Probing
from backends.nats.config import NatsConfig
from tui.config.settings import Settings
from tui.session import is_local, open_session


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
    assert is_local(EtcdConnection(endpoints=endpoints)) is here


def test_a_folder_and_memory_are_here() -> None:
    assert is_local(FileConnection(root=Path("/data")))
    assert is_local(MemoryConnection())


def test_a_nats_is_where_its_servers_are() -> None:
    assert is_local(NatsKvConnection(config=NatsConfig(servers=("localhost:4222",))))
    assert not is_local(NatsKvConnection(config=NatsConfig(servers=("nats://nats-0:4222",))))


@pytest.mark.parametrize("probing", [Probing.NEVER, Probing.VISIBLE])
async def test_who_probes_nobody_scrapes_only_whom_a_person_named(
    tmp_path: Path, probing: Probing
) -> None:
    settings = Settings.from_environment(
        {}, file_store=str(tmp_path), metrics=["http://a:1"], probing=probing, no_audit=True
    )
    async with open_session(settings) as session:
        assert [target.base for target in session.scrapes.given] == ["http://a:1"]
        assert session.scrapes.reveals is (probing is not Probing.NEVER)
        assert session.scrapes.here
