"""Every reason why etcd cannot be reached is told apart from the others."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from grpc import StatusCode, aio

from backends.etcd import EtcdStore
from backends.etcd.errors import translate
from backends.store import Cause, Misconfigured, Unreachable
from tests.support.etcd_places import Opener
from tests.support.etcd_server import EtcdServer
from tests.support.listening import listening
from tests.support.nats_server import NatsServer
from tests.support.ports import LOOPBACK, free_ports
from tests.support.running import dyntop
from tests.support.tls import TlsFiles
from tests.support.waiting import wait_for
from tests.support.watching import V1


async def unreachable(store: EtcdStore) -> Unreachable:
    with pytest.raises(Unreachable) as caught:
        await store.snapshot(V1)
    return caught.value


def bare(server: EtcdServer) -> str:
    """Its host and port without the scheme."""
    return server.endpoint.partition("://")[2]


async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


def server_context(files: TlsFiles) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.server_cert, files.server_key)
    context.set_alpn_protocols(["h2"])
    return context


@contextmanager
def http_server(folder: Path) -> Iterator[int]:
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "http.server", "--bind", LOOPBACK, str(port)]
    with (folder / "http.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, stdout=log, stderr=log, env={"PYTHONUNBUFFERED": "1"}
        )
    try:
        wait_for(lambda: b"Serving" in (folder / "http.log").read_bytes(), "http server")
        yield port
    finally:
        process.kill()
        process.wait()


async def test_nothing_listens(open_store: Opener) -> None:
    (port,) = free_ports(1)
    error = await unreachable(open_store(f"http://{LOOPBACK}:{port}"))
    assert (error.cause, error.address) == (Cause.REFUSED, f"http://{LOOPBACK}:{port}")
    assert isinstance(error.__cause__, aio.AioRpcError)


async def test_nothing_listens_with_tls(open_store: Opener, tls: TlsFiles) -> None:
    (port,) = free_ports(1)
    error = await unreachable(open_store(f"https://{LOOPBACK}:{port}", ca=tls.ca))
    assert error.cause is Cause.REFUSED


async def test_a_name_that_does_not_exist(open_store: Opener) -> None:
    assert (await unreachable(open_store("http://no-such-host.invalid:2379"))).cause is Cause.NAME


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_server_that_says_nothing(open_store: Opener, scheme: str) -> None:
    async with listening(silent) as port:
        error = await unreachable(open_store(f"{scheme}://{LOOPBACK}:{port}"))
    assert error.cause is Cause.TIMEOUT


async def test_plain_text_to_a_tls_server(open_store: Opener, etcd_tls: EtcdServer) -> None:
    error = await unreachable(open_store(f"http://{bare(etcd_tls)}"))
    assert error.cause is Cause.TLS_EXPECTED


async def test_plain_text_to_a_server_that_asks_for_client_certificates(
    open_store: Opener, etcd_mutual_tls: EtcdServer
) -> None:
    error = await unreachable(open_store(f"http://{bare(etcd_mutual_tls)}"))
    assert error.cause is Cause.TLS_EXPECTED


async def test_tls_to_a_plain_server(open_store: Opener, etcd: EtcdServer, tls: TlsFiles) -> None:
    error = await unreachable(open_store(f"https://{bare(etcd)}", ca=tls.ca))
    assert error.cause is Cause.PLAIN_EXPECTED


async def test_an_authority_that_we_do_not_trust(
    open_store: Opener,
    etcd_tls: EtcdServer,
    foreign_tls: TlsFiles,
) -> None:
    error = await unreachable(open_store(etcd_tls, ca=foreign_tls.ca))
    assert error.cause is Cause.CERTIFICATE
    assert (await unreachable(open_store(etcd_tls))).cause is Cause.CERTIFICATE


def test_the_program_keeps_what_grpc_writes_of_a_handshake_off_standard_error(
    etcd_tls: EtcdServer, foreign_tls: TlsFiles
) -> None:
    """It would be written over the screen."""
    env = {"ETCD_ENDPOINTS": etcd_tls.endpoint, "ETCD_AUTH_CA": str(foreign_tls.ca)}
    done = dyntop("list", env=env)
    (line,) = done.err.splitlines()
    assert "certificate" in line


async def test_a_certificate_for_another_name(open_store: Opener, tls: TlsFiles) -> None:
    async with listening(silent, "127.0.0.2", context=server_context(tls)) as port:
        error = await unreachable(open_store(f"https://127.0.0.2:{port}", ca=tls.ca))
    assert error.cause is Cause.CERTIFICATE
    assert "name" in error.detail


@pytest.fixture
def expired(tls: TlsFiles, tmp_path: Path) -> Path:
    """The server's certificate, signed by itself, that ended yesterday."""
    path = tmp_path / "expired.pem"
    command = f"openssl x509 -in {tls.server_cert} -days -1 -signkey {tls.server_key} -out {path}"
    subprocess.run(command.split(), check=True, capture_output=True)
    return path


async def test_a_certificate_that_expired(open_store: Opener, tls: TlsFiles, expired: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(expired, tls.server_key)
    context.set_alpn_protocols(["h2"])
    async with listening(silent, context=context) as port:
        error = await unreachable(open_store(f"https://{LOOPBACK}:{port}", ca=expired))
    assert error.cause is Cause.CERTIFICATE
    assert "expired" in error.detail


async def test_no_client_certificate_where_one_is_asked_for(
    open_store: Opener, etcd_mutual_tls: EtcdServer, tls: TlsFiles
) -> None:
    error = await unreachable(open_store(etcd_mutual_tls, ca=tls.ca))
    assert error.cause is Cause.CERTIFICATE
    assert "the server" in error.detail


async def test_a_client_certificate_of_another_authority(
    open_store: Opener, etcd_mutual_tls: EtcdServer, tls: TlsFiles, foreign_tls: TlsFiles
) -> None:
    store = open_store(
        etcd_mutual_tls, ca=tls.ca, cert=foreign_tls.client_cert, key=foreign_tls.client_key
    )
    assert (await unreachable(store)).cause is Cause.CERTIFICATE


async def test_a_key_of_another_certificate(
    open_store: Opener, etcd_mutual_tls: EtcdServer, tls: TlsFiles, foreign_tls: TlsFiles
) -> None:
    store = open_store(etcd_mutual_tls, ca=tls.ca, cert=tls.client_cert, key=foreign_tls.client_key)
    with pytest.raises(Misconfigured) as caught:
        await store.snapshot(V1)
    assert caught.value.setting == "ETCD_AUTH_CLIENT_CERT"


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_an_http_server(
    open_store: Opener, tmp_path: Path, tls: TlsFiles, scheme: str
) -> None:
    with http_server(tmp_path) as port:
        error = await unreachable(open_store(f"{scheme}://{LOOPBACK}:{port}", ca=tls.ca))
    assert (error.cause, error.detail) == (Cause.NOT_THIS_STORE, "an HTTP server answers")


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_nats_server(open_store: Opener, tls: TlsFiles, scheme: str) -> None:
    with NatsServer() as nats:
        error = await unreachable(open_store(f"{scheme}://{LOOPBACK}:{nats.ports[0]}", ca=tls.ca))
    assert (error.cause, error.detail) == (Cause.NOT_THIS_STORE, "a NATS server answers")


async def test_an_https_server(open_store: Opener, tls: TlsFiles) -> None:
    context = server_context(tls)
    context.set_alpn_protocols(["http/1.1"])
    async with listening(silent, context=context) as port:
        error = await unreachable(open_store(f"https://{LOOPBACK}:{port}", ca=tls.ca))
    assert (error.cause, error.detail) == (Cause.NOT_THIS_STORE, "an HTTPS server answers")


async def test_another_grpc_server(open_store: Opener) -> None:
    server = aio.server()
    port = server.add_insecure_port(f"{LOOPBACK}:0")
    await server.start()
    try:
        error = await unreachable(open_store(f"http://{LOOPBACK}:{port}"))
    finally:
        await server.stop(None)
    assert error.cause is Cause.NOT_THIS_STORE


async def test_a_call_on_a_closed_store(open_store: Opener, etcd: EtcdServer) -> None:
    store = open_store(etcd)
    await store.snapshot(V1)
    await store.aclose()
    assert (await unreachable(store)).cause is Cause.LOST


async def test_a_call_under_way_while_the_store_is_closed(
    open_store: Opener, etcd: EtcdServer
) -> None:
    store = open_store(etcd)
    await store.snapshot(V1)
    etcd.pause()
    call = asyncio.create_task(store.snapshot(V1))
    await asyncio.sleep(0)
    await store.aclose()
    with pytest.raises(Unreachable):
        await call


@pytest.mark.parametrize(
    "reason", ["", ", possibly due to previous leader failure", ", possibly due to connection lost"]
)
def test_a_request_that_the_cluster_may_yet_carry_out_is_not_one_that_it_did_not_take(
    reason: str,
) -> None:
    error = translate(LOOPBACK, StatusCode.UNAVAILABLE, f"etcdserver: request timed out{reason}")
    assert isinstance(error, Unreachable)
    # Causes after which a call that changes something is not made again elsewhere.
    assert error.cause is Cause.TIMEOUT
