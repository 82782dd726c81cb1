"""NATS with a certificate that nobody signed, passwords in URLs, and how a scheme is written."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backends.nats.check import check_settings
from backends.nats.config import NatsConfig
from backends.store import Cause, Misconfigured, NotAuthorised, Unreachable
from tests.nats.test_access import failure, reads_and_writes
from tests.support.nats_places import Opener
from tests.support.nats_server import NatsServer
from tests.support.running import Ended, dyntop
from tests.support.tls import TlsFiles
from tui.text.errors import explain


@pytest.fixture(scope="module")
def private(tls: TlsFiles) -> Iterator[NatsServer]:
    """PortAnswer TLS with a certificate of an authority that this machine does not know."""
    flags = ("--tls", "--tlscert", str(tls.server_cert), "--tlskey", str(tls.server_key))
    with NatsServer(*flags) as server:
        yield server


@pytest.fixture(scope="module")
def closed() -> Iterator[NatsServer]:
    """Has one user, with a comma in the password."""
    with NatsServer("--user", "joe", "--pass", "pa,ss") as server:
        yield server


def with_scheme(server: NatsServer, scheme: str, who: str = "") -> str:
    return server.url.replace("nats://", f"{scheme}://{who}")


def stats(**env: str) -> Ended:
    """What comes of asking, once this machine is quick enough to connect in the second there is."""
    for _ in range(5):
        ended = dyntop("--backend", "memory", "stats", env=env)
        if "in time" not in ended.err:
            break
    return ended


@pytest.mark.parametrize("value", ["1", "true", "TRUE", "True", "on", "yes", " 1"])
async def test_any_certificate_is_taken_by_what_dynamo_takes_for_yes(
    private: NatsServer, open_store: Opener, value: str
) -> None:
    config = NatsConfig.from_environment(
        {"NATS_SERVER": with_scheme(private, "tls"), "NATS_TLS_INSECURE": value}
    )
    assert config.tls_insecure
    await open_store(config).snapshot([b"v1/"])


@pytest.mark.parametrize("value", ["", "0", "false", "garbage", "t", "y", "enabled"])
def test_all_else_is_a_no(value: str) -> None:
    assert not NatsConfig.from_environment({"NATS_TLS_INSECURE": value}).tls_insecure


async def test_where_any_certificate_is_taken_no_authority_is_read_and_plain_text_is_as_well(
    private: NatsServer, closed: NatsServer, open_store: Opener
) -> None:
    named = NatsConfig(
        servers=(with_scheme(private, "tls"),), ca_cert="/nowhere", tls_insecure=True
    )
    await reads_and_writes(open_store, named)
    plain = NatsConfig(servers=(closed.url,), username="joe", password="pa,ss", tls_insecure=True)
    await reads_and_writes(open_store, plain)
    asked_for = NatsConfig(servers=(with_scheme(closed, "tls"),), tls_insecure=True)
    error = await failure(open_store, asked_for)
    assert isinstance(error, Unreachable)
    assert error.cause is Cause.PLAIN_EXPECTED


async def test_an_unknown_authority_is_said_with_the_setting_that_names_one(
    private: NatsServer, open_store: Opener
) -> None:
    url = with_scheme(private, "tls")
    error = await failure(open_store, NatsConfig(servers=(url,)))
    assert isinstance(error, Unreachable)
    assert error.cause is Cause.CERTIFICATE
    assert "check NATS_TLS_CA_CERT_PATH" in explain(error, "nats").sentence
    ended = stats(NATS_SERVER=url)
    assert ended.code == 3
    assert "check NATS_TLS_CA_CERT_PATH" in ended.one_sentence()
    assert "NATS_AUTH" not in ended.err
    assert stats(NATS_SERVER=url, NATS_TLS_INSECURE="1").code == 0


async def test_a_password_in_a_url_is_taken_as_it_is_written_and_a_refusal_says_so(
    closed: NatsServer, open_store: Opener
) -> None:
    url = with_scheme(closed, "nats", "joe:pa%2Css@")
    error = await failure(open_store, NatsConfig(servers=(url,)))
    assert isinstance(error, NotAuthorised)
    sentence = explain(error, "nats").sentence
    assert "is not percent-decoded" in sentence
    assert "NATS_AUTH_PASSWORD" in sentence
    ended = stats(NATS_SERVER=url)
    assert ended.code == 4
    assert "is not percent-decoded" in ended.one_sentence()
    assert "NATS_AUTH_PASSWORD" in ended.err
    assert "%2Css" not in ended.err
    right = {"NATS_AUTH_USERNAME": "joe", "NATS_AUTH_PASSWORD": "pa,ss"}
    assert stats(NATS_SERVER=closed.url, **right).code == 0


async def test_a_password_that_is_written_with_a_percent_sign_is_that_password(
    open_store: Opener,
) -> None:
    with NatsServer("--user", "joe", "--pass", "pa%2Css") as server:
        config = NatsConfig(servers=(with_scheme(server, "nats", "joe:pa%2Css@"),))
        await reads_and_writes(open_store, config)


@pytest.mark.parametrize("scheme", ["NATS", "Nats", "TLS"])
async def test_a_scheme_is_the_same_in_any_case(
    closed: NatsServer, private: NatsServer, open_store: Opener, tls: TlsFiles, scheme: str
) -> None:
    if scheme != "TLS":
        config = NatsConfig((with_scheme(closed, scheme),), username="joe", password="pa,ss")
    else:
        config = NatsConfig((with_scheme(private, scheme),), ca_cert=str(tls.ca))
    await reads_and_writes(open_store, config)
    assert open_store(config).address.startswith(scheme.lower() + "://")


@pytest.mark.parametrize("scheme", ["nats+tls", "ws", "wss", "http"])
async def test_another_scheme_is_named_as_none_that_can_be_used(
    closed: NatsServer, open_store: Opener, scheme: str
) -> None:
    error = await failure(open_store, NatsConfig((with_scheme(closed, scheme),)))
    assert isinstance(error, Misconfigured)
    assert "nats://host:port or tls://host:port" in error.problem


def encrypted(key: Path) -> Path:
    """A client's key with a passphrase, for which OpenSSL would ask at the terminal."""
    path = key.with_suffix(".encrypted")
    subprocess.run(
        ("openssl", "pkcs8", "-topk8", "-passout", "pass:secret", "-in", key, "-out", path),
        check=True,
        capture_output=True,
    )
    return path


@pytest.mark.parametrize(
    ("names", "setting", "problem"),
    [
        ({"ca_cert": "server_key"}, "NATS_TLS_CA_CERT_PATH", "holds no certificate in PEM"),
        (
            {"client_cert": "client_cert"},
            "NATS_TLS_CLIENT_CERT_PATH",
            "holds no certificate with its key in PEM: name the key with NATS_TLS_CLIENT_KEY_PATH",
        ),
        (
            {"client_cert": "client_cert", "client_key": "server_key"},
            "NATS_TLS_CLIENT_CERT_PATH and NATS_TLS_CLIENT_KEY_PATH",
            "do not match, or are not PEM",
        ),
        (
            {"client_cert": "client_cert", "client_key": "encrypted"},
            "NATS_TLS_CLIENT_KEY_PATH",
            "its key is encrypted: name one that is not, for this user alone to read",
        ),
        ({"ca_cert": "pipe"}, "NATS_TLS_CA_CERT_PATH", "cannot be read (not a regular file)"),
    ],
)
def test_what_is_wrong_with_a_tls_file_is_said_without_asking_or_waiting(
    names: dict[str, str], setting: str, problem: str, tls: TlsFiles, tmp_path: Path
) -> None:
    os.mkfifo(pipe := tmp_path / "pipe")
    paths = {"pipe": pipe, "encrypted": encrypted(tls.client_key)}
    files: dict[str, Any] = {
        name: str(paths.get(of) or getattr(tls, of)) for name, of in names.items()
    }
    with pytest.raises(Misconfigured) as raised:
        check_settings(NatsConfig(servers=("tls://127.0.0.1:4222",), **files))
    assert raised.value.setting == setting
    assert raised.value.problem.endswith(problem)


def test_a_certificate_and_its_key_may_be_in_one_file(tls: TlsFiles, tmp_path: Path) -> None:
    both = tmp_path / "both.pem"
    both.write_bytes(tls.client_key.read_bytes() + tls.client_cert.read_bytes())
    config = NatsConfig(servers=("tls://127.0.0.1:4222",), client_cert=str(both))
    assert check_settings(config) is not None
