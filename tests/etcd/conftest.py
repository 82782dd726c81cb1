from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from backends.etcd import EtcdConfig, EtcdStore, rpc
from backends.etcd.client import Client
from tests.support.etcd_places import QUICK, Opener, Spy
from tests.support.etcd_server import EtcdServer
from tests.support.tasks import no_task_is_left
from tests.support.tls import TlsFiles

__all__ = ["no_task_is_left"]


@pytest.fixture
def etcd() -> Iterator[EtcdServer]:
    """An empty etcd of this test's own."""
    with EtcdServer(*QUICK) as server:
        yield server


@pytest.fixture(scope="session")
def etcd_tls(tls: TlsFiles) -> Iterator[EtcdServer]:
    """An etcd that speaks TLS only. Shared: tests write nothing to it."""
    with EtcdServer(*QUICK, tls=tls) as server:
        yield server


@pytest.fixture(scope="session")
def etcd_mutual_tls(tls: TlsFiles) -> Iterator[EtcdServer]:
    """An etcd that asks for client certificates. Shared: tests write nothing to it."""
    with EtcdServer(*QUICK, tls=tls, client_certificates=True) as server:
        yield server


@pytest.fixture
async def open_store() -> AsyncIterator[Opener]:
    """Opens stores, and closes them after the test."""
    opened: list[EtcdStore] = []

    def open_one(
        *endpoints: str | EtcdServer,
        username: str | None = None,
        password: str | None = None,
        ca: str | Path | None = None,
        cert: str | Path | None = None,
        key: str | Path | None = None,
        page_size: int = 2000,
        lease_ttl: int = 30,
        request_timeout: float = 5.0,
        look_again: float = 30.0,
    ) -> EtcdStore:
        config = EtcdConfig(
            endpoints=[
                endpoint.endpoint if isinstance(endpoint, EtcdServer) else endpoint
                for endpoint in endpoints
            ],
            username=username,
            password=password,
            ca=str(ca) if ca else None,
            cert=str(cert) if cert else None,
            key=str(key) if key else None,
            page_size=page_size,
            lease_ttl=lease_ttl,
            request_timeout=request_timeout,
            look_again=look_again,
        )
        opened.append(EtcdStore(config))
        return opened[-1]

    yield open_one
    for store in opened:
        await store.aclose()


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> Spy:
    """Notes the requests that stores send."""
    return _spy(monkeypatch)


@pytest.fixture
def transactions(monkeypatch: pytest.MonkeyPatch) -> Spy:
    """Notes the transactions among them."""
    return _spy(monkeypatch, rpc.TXN)


def _spy(monkeypatch: pytest.MonkeyPatch, only: rpc.RpcMethod[Any, Any] | None = None) -> Spy:
    sent: Spy = []
    call = Client.call

    async def noting(
        client: Client,
        method: rpc.RpcMethod[Any, Any],
        request: rpc.Message,
        *,
        repeatable: bool = True,
    ) -> rpc.Message:
        if only in (None, method):
            sent.append(request)
        return await call(client, method, request, repeatable=repeatable)

    monkeypatch.setattr(Client, "call", noting)
    return sent


@pytest.fixture
def bursts(monkeypatch: pytest.MonkeyPatch) -> list[Spy]:
    """Notes the requests that stores send at once."""
    sent: list[Spy] = []
    call_all = Client.call_all

    def noting(
        client: Client, method: rpc.RpcMethod[Any, Any], requests: Sequence[rpc.Message]
    ) -> AsyncGenerator[rpc.Message, None]:
        sent.append(list(requests))
        return call_all(client, method, requests)

    monkeypatch.setattr(Client, "call_all", noting)
    return sent
