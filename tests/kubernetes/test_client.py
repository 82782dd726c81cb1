"""Requests to an API server: credentials, waits, errors, and what is left at the end."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from backends.kubernetes import KubernetesConfig
from backends.kubernetes.access import Access, load
from backends.kubernetes.client import KubeClient
from backends.kubernetes.errors import Busy, PathNotFound
from backends.kubernetes.resources import WORKERS
from backends.store import Cause, Forbidden, NotAuthorised, Refused, StoreError, Unreachable
from backends.store.resync_loop import PositionLost
from tests.support.kubernetes.standin import StandIn
from tests.support.listening import listening
from tests.support.tls import TlsFiles
from tests.support.watching import DEADLINE

VERSION = "/version"
TOKEN = "a-secret-token"


class Clock:
    """A clock that is moved by sleeping."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


async def test_a_request_says_who_asks_and_in_what_form(
    server: StandIn, config: KubernetesConfig, tmp_path: Path
) -> None:
    server.kubeconfig(tmp_path / "kubeconfig", token=TOKEN)
    client = KubeClient(config)
    assert (await client.get(VERSION))["major"] == "1"
    (seen,) = server.seen
    assert seen.token == f"Bearer {TOKEN}"
    assert (seen.headers["Accept"], seen.headers["User-Agent"]) == ("application/json", "dyntop")
    await client.aclose()


async def test_names_and_selectors_reach_the_server_as_they_are(
    server: StandIn, client: KubeClient
) -> None:
    path = WORKERS.path("default", "../../api/v1/pods/a?b#c %")
    await client.request("GET", path, (("labelSelector", "a/b=c&d"),))
    assert server.seen[0].path == "/apis/nvidia.com/v1alpha1/namespaces/default/" + (
        "dynamoworkermetadatas/../../api/v1/pods/a?b#c %"
    )
    assert server.seen[0].query == {"labelSelector": "a/b=c&d"}


async def test_credentials_that_are_refused_once_are_read_again(
    server: StandIn, config: KubernetesConfig, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("old")
    server.kubeconfig(tmp_path / "kubeconfig", tokenFile="token")
    server.tokens = {"Bearer old"}
    client = KubeClient(config)
    await client.get(VERSION)
    server.tokens = {"Bearer new"}
    (tmp_path / "token").write_text("new")
    assert (await client.get(VERSION))["major"] == "1"
    assert [one.token for one in server.seen] == ["Bearer old", "Bearer old", "Bearer new"]
    await client.aclose()


async def test_credentials_that_are_refused_twice_are_no_credentials(
    server: StandIn, client: KubeClient
) -> None:
    server.tokens = {"Bearer other"}
    with pytest.raises(NotAuthorised) as raised:
        await client.get(VERSION)
    assert not isinstance(raised.value, Forbidden)
    assert len(server.seen) == 2


async def test_many_requests_that_are_refused_at_once_read_the_credentials_once(
    server: StandIn, config: KubernetesConfig, tmp_path: Path
) -> None:
    reads: list[bool] = []

    async def counting(config: KubernetesConfig, refused: bool) -> Access:
        reads.append(refused)
        return await load(config, refused)

    server.kubeconfig(tmp_path / "kubeconfig", token="old")
    server.tokens = {"Bearer new"}
    client = KubeClient(config, load=counting)
    await client.access()
    server.kubeconfig(tmp_path / "kubeconfig", token="new")
    await asyncio.gather(*(client.get(VERSION) for _ in range(8)))
    assert reads == [False, True]
    await client.aclose()


@pytest.mark.parametrize(("status", "after"), [(429, "7"), (503, "7"), (429, None), (429, "soon")])
async def test_a_busy_server_is_left_alone_for_as_long_as_it_asks(
    server: StandIn, config: KubernetesConfig, status: int, after: str | None
) -> None:
    clock = Clock()
    client = KubeClient(config, clock=clock, sleep=clock.sleep)
    server.fail(status, times=2, retry_after=after)
    assert (await client.get(VERSION))["major"] == "1"
    seconds = 7.0 if after == "7" else 1.0
    assert clock.slept == [seconds, seconds]
    await client.aclose()


async def test_a_server_that_stays_busy_is_an_error_and_other_requests_wait_too(
    server: StandIn, config: KubernetesConfig
) -> None:
    clock = Clock()
    client = KubeClient(config, clock=clock, sleep=clock.sleep)
    server.fail(429, times=3, retry_after="9999")
    with pytest.raises(Busy):
        await client.get(VERSION)
    await client.get(VERSION)
    assert clock.slept == [30.0, 30.0, 30.0]
    await client.aclose()


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (403, Forbidden),
        (404, PathNotFound),
        (410, PositionLost),
        (409, Refused),
        (422, Refused),
        (500, Unreachable),
        (503, Unreachable),
        (504, Unreachable),
    ],
)
async def test_each_status_is_an_error_with_the_servers_own_words(
    server: StandIn, client: KubeClient, status: int, error: type[StoreError]
) -> None:
    server.fail(status)
    with pytest.raises(error, match=r"made up"):
        await client.get(VERSION)


async def test_a_redirect_is_not_followed(server: StandIn, client: KubeClient) -> None:
    server.redirect = "https://me:pw@login.example.com/sign-in?token=abc"
    with pytest.raises(Unreachable, match=r"it redirects to https://") as raised:
        await client.request("PATCH", VERSION, body={})
    assert raised.value.cause is Cause.NOT_THIS_STORE
    assert "pw" not in str(raised.value)
    assert "abc" not in str(raised.value)


async def test_a_server_that_is_away_refuses_and_one_that_hangs_is_given_up(
    server: StandIn, config: KubernetesConfig
) -> None:
    client = KubeClient(config, timeout=0.2)
    server.hang(times=None)
    for ask in (client.get(VERSION), _first_line(client)):
        with pytest.raises(Unreachable) as raised:
            await ask
        assert raised.value.cause is Cause.TIMEOUT
    await server.stop()
    with pytest.raises(Unreachable) as raised:
        await client.get(VERSION)
    assert raised.value.cause is Cause.REFUSED
    await client.aclose()


async def _first_line(client: KubeClient) -> None:
    async with client.stream(VERSION, (), 60.0) as lines:
        await anext(lines)


async def test_what_is_no_http_is_not_this_store(tmp_path: Path) -> None:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"-ERR unknown\r\n\r\n")

    async with listening(say) as port:
        with pytest.raises(Unreachable) as raised:
            await _ask(tmp_path, f"http://127.0.0.1:{port}")
    assert raised.value.cause is Cause.NOT_THIS_STORE


async def _ask(tmp_path: Path, url: str, user: Any = None, **cluster: Any) -> Any:
    config = {
        "current-context": "lab",
        "clusters": [{"name": "lab", "cluster": {"server": url, **cluster}}],
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "me"}}],
        "users": [{"name": "me", "user": user or {}}],
    }
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(config))
    client = KubeClient(KubernetesConfig(kubeconfig=str(path)))
    try:
        return await client.get(VERSION)
    finally:
        await client.aclose()


@pytest.fixture
async def secure(tls: TlsFiles) -> AsyncIterator[StandIn]:
    """A server that asks for a client's certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(tls.ca))
    context.load_cert_chain(tls.server_cert, tls.server_key)
    context.verify_mode = ssl.CERT_REQUIRED
    async with StandIn(context) as one:
        yield one


def certificate(tls: TlsFiles) -> dict[str, str]:
    return {
        "client-certificate": str(tls.client_cert),
        "client-key-data": base64.b64encode(tls.client_key.read_bytes()).decode(),
    }


async def test_certificates_of_both_sides_are_used(
    secure: StandIn, tls: TlsFiles, tmp_path: Path
) -> None:
    authority = {"certificate-authority": str(tls.ca)}
    user = certificate(tls)
    assert (await _ask(tmp_path, secure.url, user, **authority))["major"] == "1"
    unchecked = {"insecure-skip-tls-verify": True}
    assert (await _ask(tmp_path, secure.url, user, **unchecked))["major"] == "1"
    name = {"tls-server-name": "localhost"}
    assert (await _ask(tmp_path, secure.url, user, **authority, **name))["major"] == "1"


async def test_a_certificate_that_is_not_trusted_or_of_another_name_is_said(
    secure: StandIn, tls: TlsFiles, tmp_path: Path
) -> None:
    user = certificate(tls)
    wrong: list[dict[str, Any]] = [
        {},
        {"certificate-authority": str(tls.ca), "tls-server-name": "kubernetes"},
    ]
    for cluster in wrong:
        with pytest.raises(Unreachable) as raised:
            await _ask(tmp_path, secure.url, user, **cluster)
        assert raised.value.cause is Cause.CERTIFICATE
    with pytest.raises(Unreachable):
        await _ask(tmp_path, secure.url, {}, **{"certificate-authority": str(tls.ca)})


async def test_tls_to_a_plain_server_and_plain_to_one_with_tls(
    server: StandIn, secure: StandIn, tls: TlsFiles, tmp_path: Path
) -> None:
    with pytest.raises(Unreachable) as raised:
        await _ask(tmp_path, server.url.replace("http:", "https:"))
    assert raised.value.cause is Cause.PLAIN_EXPECTED
    with pytest.raises(Unreachable):
        await _ask(tmp_path, secure.url.replace("https:", "http:"))


async def test_a_proxy_is_asked_for_the_server(tmp_path: Path) -> None:
    asked: list[bytes] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")

    async with listening(refuse) as port:
        proxy = {"proxy-url": f"http://me:pw@127.0.0.1:{port}"}
        with pytest.raises(Unreachable, match=r"the proxy answers 407") as raised:
            await _ask(tmp_path, "https://api.example.com:6443", **proxy)
    assert asked[0].startswith(b"CONNECT api.example.com:6443 ")
    assert b"Proxy-Authorization: Basic bWU6cHc=" in asked[0]
    assert "pw" not in str(raised.value)


async def test_lines_of_a_stream_may_be_long_and_come_in_pieces(
    server: StandIn, client: KubeClient
) -> None:
    long = b'{"a":"' + b"x" * 1_500_000 + b'"}'
    params = (("watch", "true"), ("timeoutSeconds", "60"))
    async with client.stream(WORKERS.path("default"), params, 60.0) as lines:
        await server.until_watched()
        server.send(long[:700_000])
        server.send(long[700_000:] + b"\n\n{}\n")
        assert await anext(lines) == long
        assert await anext(lines) == b"{}"
        server.send(b"half of a li")
        server.end_watches()
        assert [line async for line in lines] == []


async def test_a_line_without_an_end_is_given_up(
    server: StandIn, client: KubeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backends.kubernetes.client.LONGEST_LINE", 1000)
    params = (("watch", "true"), ("timeoutSeconds", "60"))
    async with client.stream(WORKERS.path("default"), params, 60.0) as lines:
        await server.until_watched()
        server.send(b"x" * 2000)
        with pytest.raises(Refused, match=r"an event of more than 1000 bytes"):
            await anext(lines)


def descriptors() -> set[str]:
    """What this process has open, each with what it is."""
    found = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            found.add(f"{name} {os.readlink(f'/proc/self/fd/{name}')}")
        except OSError:
            continue
    return found


@pytest.mark.parametrize("what", ["nothing", "request", "stream", "loading", "renewing"])
async def test_closing_leaves_neither_task_nor_connection_whatever_is_under_way(
    server: StandIn, config: KubernetesConfig, what: str
) -> None:
    before, tasks = descriptors(), asyncio.all_tasks()
    waits = asyncio.Event()

    async def loading(config: KubernetesConfig, refused: bool) -> Access:
        if what == "loading" or refused:
            await waits.wait()
        return await load(config)

    client = KubeClient(config, load=loading)
    if what != "loading":
        await client.get(VERSION)
    if what in ("request", "stream"):
        server.hang(times=None)
    if what == "renewing":
        server.tokens = {"none"}
    ask = _first_line(client) if what == "stream" else client.get(VERSION)
    under_way = asyncio.create_task(ask)
    if what != "loading":
        await server.until_seen("list", "version", 2)
    if what == "nothing":
        await under_way
    await client.aclose()
    waits.set()
    if what != "nothing":
        with pytest.raises(Unreachable):
            await under_way
    with pytest.raises(Unreachable, match=r"closed"):
        await client.get(VERSION)
    await server.stop()

    def left() -> set[str]:
        return {*map(str, asyncio.all_tasks() - tasks), *descriptors() - before}

    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DEADLINE):
            while left():  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.01)
    assert left() == set()


async def test_nothing_that_is_shown_before_the_first_request_is_made_up(
    config: KubernetesConfig,
) -> None:
    client = KubeClient(config)
    assert (client.place, client.address) == ("current context", "the current context")
    await client.access()
    assert client.place == "context lab, namespace default"
    await client.aclose()


async def test_a_file_that_hangs_stops_nothing_else(
    server: StandIn, config: KubernetesConfig, tmp_path: Path
) -> None:
    """As one of a home directory on a network may."""
    pipe = tmp_path / "token"
    os.mkfifo(pipe)
    server.kubeconfig(tmp_path / "kubeconfig", tokenFile=str(pipe))
    client = KubeClient(config)
    under_way = asyncio.create_task(client.get(VERSION))
    # Until the file is opened there by a thread of its own, nothing can be written.
    async with asyncio.timeout(60.0):
        while True:
            await asyncio.sleep(0.01)
            try:
                writer = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
                break
            except OSError:
                assert not under_way.done()
    os.write(writer, b"of the pipe")
    os.close(writer)
    await under_way
    assert server.seen[-1].token == "Bearer of the pipe"
    await client.aclose()
