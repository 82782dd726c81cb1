"""TLS as it should be and as it should not: what a person sees of it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.etcd_places import QUICK, stored
from tests.support.etcd_server import EtcdServer
from tests.support.registered import instance
from tests.support.seeing import leading_to, looking_at, put, shows, shows_loss
from tests.support.tls import TlsFiles


@pytest.fixture(scope="module")
def asking(tls: TlsFiles) -> Iterator[EtcdServer]:
    """PortAnswer TLS only, and asks for the client's certificate."""
    with EtcdServer(*QUICK, tls=tls, client_certificates=True) as server:
        put(server, instance(1))
        yield server


class Expired(EtcdServer):
    """Its certificate, which it signed itself, ended yesterday."""

    def command(self) -> list[str]:
        assert self.tls is not None
        ended = self.directory / "expired.pem"
        key = self.tls.server_key
        make = f"openssl x509 -in {self.tls.server_cert} -days -1 -signkey {key} -out {ended}"
        subprocess.run(make.split(), check=True, capture_output=True)
        return [*super().command(), "--cert-file", str(ended)]

    @property
    def certificate(self) -> Path:
        return self.directory / "expired.pem"


def naming(**paths: Path) -> tuple[dict[str, str], dict[str, str]]:
    """The same files as settings of a connection, and as an environment."""
    settings = {name: str(path) for name, path in paths.items()}
    return settings, {f"ETCD_AUTH_{name.upper()}": str(path) for name, path in paths.items()}


async def test_a_private_authority_and_a_client_s_certificate(
    asking: EtcdServer, tls: TlsFiles
) -> None:
    settings, env = naming(ca=tls.ca, client_cert=tls.client_cert, client_key=tls.client_key)
    async with looking_at(asking, **settings) as operator:
        await shows(operator, stored(asking), leading_to(asking, **env))


async def test_no_certificate_where_one_is_asked_for(asking: EtcdServer, tls: TlsFiles) -> None:
    settings, env = naming(ca=tls.ca)
    async with looking_at(asking, **settings) as operator:
        await shows_loss(operator, "a certificate was not accepted", leading_to(asking, **env))


async def test_a_certificate_of_another_authority(
    asking: EtcdServer, tls: TlsFiles, foreign_tls: TlsFiles
) -> None:
    settings, env = naming(
        ca=tls.ca, client_cert=foreign_tls.client_cert, client_key=foreign_tls.client_key
    )
    async with looking_at(asking, **settings) as operator:
        await shows_loss(operator, "a certificate was not accepted", leading_to(asking, **env))


async def test_a_server_whose_authority_is_not_trusted(
    asking: EtcdServer, foreign_tls: TlsFiles
) -> None:
    settings, env = naming(ca=foreign_tls.ca)
    async with looking_at(asking, **settings) as operator:
        await shows_loss(operator, "check ETCD_AUTH_CA", leading_to(asking, **env))


async def test_a_server_whose_certificate_expired(tls: TlsFiles) -> None:
    with Expired(*QUICK, tls=tls) as server:
        settings, env = naming(ca=server.certificate)
        async with looking_at(server, **settings) as operator:
            await shows_loss(operator, "certificate has expired", leading_to(server, **env))


async def test_plain_text_where_tls_is_expected(asking: EtcdServer) -> None:
    plain = asking.endpoint.replace("https", "http")
    async with looking_at(plain) as operator:
        await shows_loss(operator, "speaks TLS: write https://", leading_to(plain))


async def test_tls_where_plain_text_is_expected(etcd: EtcdServer, tls: TlsFiles) -> None:
    encrypted = etcd.endpoint.replace("http", "https")
    settings, env = naming(ca=tls.ca)
    async with looking_at(encrypted, **settings) as operator:
        env = leading_to(encrypted, **env)
        await shows_loss(operator, "speaks plain text, not TLS: write http://", env)
