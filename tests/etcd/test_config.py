"""What cannot be tried at all is said, with the setting's name and without secrets."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from backends.etcd import EtcdConfig, EtcdStore
from backends.etcd.config import parse_endpoint
from backends.store import Misconfigured
from tests.support.etcd_places import Opener
from tests.support.tls import TlsFiles
from tests.support.watching import V1


@pytest.mark.parametrize(
    ("text", "target", "url"),
    [
        ("http://etcd-0.etcd:2379", "etcd-0.etcd:2379", "http://etcd-0.etcd:2379"),
        ("https://10.0.0.1:2379/", "10.0.0.1:2379", "https://10.0.0.1:2379"),
        ("localhost:2379", "localhost:2379", "http://localhost:2379"),
        ("http://[::1]:2379", "[::1]:2379", "http://[::1]:2379"),
        ("[fe80::1]:2379", "[fe80::1]:2379", "http://[fe80::1]:2379"),
        ("http://etcd", "etcd:80", "http://etcd:80"),
        ("https://etcd.example.com", "etcd.example.com:443", "https://etcd.example.com:443"),
    ],
)
def test_an_endpoint_is_read(text: str, target: str, url: str) -> None:
    endpoint = parse_endpoint(text, tls=False)
    assert (endpoint.target, str(endpoint)) == (target, url)


def test_an_endpoint_without_a_scheme_is_tls_when_certificates_are_given() -> None:
    assert parse_endpoint("etcd:2379", tls=True).tls
    assert not parse_endpoint("http://etcd:2379", tls=True).tls


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ftp://etcd:2379",
        "nats://localhost:4222",
        "http://",
        "http://:2379",
        "http://etcd:port",
        "http://etcd:99999",
        "http://etcd:2379/v3",
        "http://e tcd:2379",
        "http://[::1:2379",
        "http://user:hunter2@etcd:2379",
    ],
)
def test_an_endpoint_that_cannot_be_read(text: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        EtcdConfig(endpoints=[text])
    assert caught.value.setting == "ETCD_ENDPOINTS"
    assert "hunter2" not in str(caught.value)


def test_the_address_names_every_endpoint() -> None:
    store = EtcdStore(EtcdConfig(endpoints=["a:1", "https://b:2", "a:1"]))
    assert store.address == "http://a:1,https://b:2"


@pytest.mark.parametrize(
    ("config", "setting"),
    [
        ({"username": "root"}, "ETCD_AUTH_PASSWORD"),
        ({"cert": "c.pem"}, "ETCD_AUTH_CLIENT_KEY"),
        ({"key": "k.pem"}, "ETCD_AUTH_CLIENT_CERT"),
    ],
)
def test_half_of_a_pair(config: dict[str, str], setting: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        EtcdConfig(**config)  # type: ignore[arg-type]
    assert caught.value.setting == setting


def test_no_secret_is_shown() -> None:
    pem = "-----BEGIN PRIVATE KEY-----\nhunter2"
    config = EtcdConfig(username="root", password="hunter2", ca=pem, cert=pem, key=pem)
    assert "hunter2" not in repr(config)


async def test_a_pem_file_that_is_not_there(open_store: Opener, tmp_path: Path) -> None:
    store = open_store("https://localhost:1", ca=tmp_path / "no.pem")
    with pytest.raises(Misconfigured, match="No such file") as caught:
        await store.snapshot(V1)
    assert caught.value.setting == "ETCD_AUTH_CA"


@pytest.mark.parametrize("content", [b"no certificate", b"\xff\xfe\x00"])
async def test_a_file_that_is_not_pem(open_store: Opener, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "ca.pem").write_bytes(content)
    store = open_store("https://localhost:1", ca=tmp_path / "ca.pem")
    with pytest.raises(Misconfigured, match="not a PEM file") as caught:
        await store.snapshot(V1)
    assert caught.value.setting == "ETCD_AUTH_CA"


async def test_a_certificate_that_cannot_be_read(open_store: Opener) -> None:
    pem = "-----BEGIN CERTIFICATE-----\nhunter2\n-----END CERTIFICATE-----\n"
    with pytest.raises(Misconfigured) as caught:
        await open_store("https://localhost:1", ca=pem).snapshot(V1)
    assert caught.value.setting == "ETCD_AUTH_CA"
    assert "hunter2" not in str(caught.value)


@pytest.fixture
def encrypted_key(tls: TlsFiles, tmp_path: Path) -> Path:
    key = tmp_path / "encrypted.key"
    command = f"openssl pkcs8 -topk8 -passout pass:hunter2 -in {tls.client_key} -out {key}"
    subprocess.run(command.split(), check=True, capture_output=True)
    return key


async def test_a_key_with_a_passphrase(
    open_store: Opener, tls: TlsFiles, encrypted_key: Path
) -> None:
    store = open_store("https://localhost:1", ca=tls.ca, cert=tls.client_cert, key=encrypted_key)
    with pytest.raises(Misconfigured, match="passphrase") as caught:
        await store.snapshot(V1)
    assert caught.value.setting == "ETCD_AUTH_CLIENT_KEY"


@pytest.mark.parametrize("scheme", ["http", "HTTP", "Https"])
def test_a_scheme_is_the_same_in_any_case(scheme: str) -> None:
    (endpoint,) = EtcdConfig(endpoints=[f"{scheme}://a:1"]).parsed_endpoints()
    assert str(endpoint) == f"{scheme.lower()}://a:1"
