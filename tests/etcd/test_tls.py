"""TLS with a private authority, given as paths or as PEM text."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.etcd_places import Opener
from tests.support.etcd_server import EtcdServer
from tests.support.tls import TlsFiles
from tests.support.watching import V1


@pytest.mark.parametrize("as_text", [False, True])
async def test_a_private_authority(
    open_store: Opener, etcd_tls: EtcdServer, tls: TlsFiles, as_text: bool
) -> None:
    ca: str | Path = tls.ca.read_text() if as_text else tls.ca
    assert (await open_store(etcd_tls, ca=ca).snapshot(V1)).entries == ()


@pytest.mark.parametrize("as_text", [False, True])
async def test_client_certificates(
    open_store: Opener, etcd_mutual_tls: EtcdServer, tls: TlsFiles, as_text: bool
) -> None:
    paths = (tls.ca, tls.client_cert, tls.client_key)
    ca, cert, key = (path.read_text() if as_text else str(path) for path in paths)
    store = open_store(etcd_mutual_tls, ca=ca, cert=cert, key=key)
    assert (await store.snapshot(V1)).entries == ()


async def test_a_dns_name_without_a_scheme(
    open_store: Opener, etcd_tls: EtcdServer, tls: TlsFiles
) -> None:
    store = open_store(f"localhost:{etcd_tls.ports[0]}", ca=tls.ca)
    assert (await store.snapshot(V1)).entries == ()


async def test_a_file_that_comes_later_is_used(
    open_store: Opener, etcd_tls: EtcdServer, tls: TlsFiles, foreign_tls: TlsFiles, tmp_path: Path
) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_bytes(foreign_tls.ca.read_bytes())
    events = open_store(etcd_tls, ca=ca).watch(V1)
    kinds: list[str] = []
    try:
        async for event in events:
            kinds.append(type(event).__name__)
            if kinds[-1] == "Lost":
                ca.write_bytes(tls.ca.read_bytes())
            if kinds[-1] == "Resync":
                break
    finally:
        await events.aclose()
    assert kinds == ["Lost", "Loading", "Resync"]
