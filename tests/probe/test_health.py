"""`/health` of a system server: what it says of its endpoints, and at which price."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from backends.probe.health import OTHER, REPEAT, Health
from backends.probe.types import Finding, ProbeAnswer
from tests.support.peers import Peer, refusing, saying, silent

AMPLE = 60.0
LIMIT = 1.0
"""Seconds, for peers that would be waited for in vain."""


class Clock:
    """A time that a test sets."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def health(clock: Clock) -> Health:
    return Health(clock)


def body(**endpoints: str) -> bytes:
    """As 1.6.1 sends it."""
    uptime = {"secs": 2, "nanos": 1}
    return json.dumps({"status": "notready", "uptime": uptime, "endpoints": endpoints}).encode()


def response(status: str, body: bytes = b"") -> bytes:
    head = f"HTTP/1.1 {status}\r\ncontent-type: text/plain\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


class SystemServer(Peer):
    """One that answers as 1.6.1 does, and keeps the first lines of what it was asked."""

    def __init__(self, status: str, body: bytes) -> None:
        super().__init__(self._answer)
        self.status, self.body = status, body
        self.asked: list[str] = []

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.asked.append(request.partition("\r\n")[0])
        if request.startswith("GET"):
            writer.write(response(self.status, self.body))
        else:
            writer.write(response("405 Method Not Allowed"))


@pytest.mark.parametrize(
    ("status", "body", "text"),
    [
        ("200 OK", body(generate="ready"), "answers; its endpoints are ready"),
        (
            "503 Service Unavailable",
            body(generate="ready", clear_kv_blocks="ready"),
            "answers; its endpoints are ready",
        ),
        (
            "503 Service Unavailable",
            body(generate="notready", clear_kv_blocks="ready"),
            "answers; not ready: generate",
        ),
        (
            "503 Service Unavailable",
            body(a="notready", b="notready", c="notready", d="notready", e="notready"),
            "answers; not ready: a, b, c and 2 more",
        ),
        ("503 Service Unavailable", body(), "answers; it serves no endpoint yet"),
        ("200 OK", body(**{"\x1b[2J": "notready"}), "answers; not ready: ?"),
        ("200 OK", b'{"endpoints": ["generate"]}', "answers with HTTP 200"),
        ("200 OK", b"[" * 5000, "answers with HTTP 200"),
        ("404 Not Found", b"Route not found", "answers with HTTP 404"),
    ],
)
async def test_the_endpoints_are_what_counts_and_not_the_status(
    health: Health, status: str, body: bytes, text: str
) -> None:
    async with SystemServer(status, body).serving() as server:
        found = await health.ask(server.address, AMPLE, fully=True)
    assert found == Finding(ProbeAnswer.ANSWERS, text)


async def test_a_server_that_is_well_is_asked_in_full_each_time(health: Health) -> None:
    server = SystemServer("200 OK", body(generate="ready"))
    async with server.serving():
        for _ in range(3):
            await health.ask(server.address, AMPLE, fully=False)
    assert server.asked == ["GET /health HTTP/1.0"] * 3


async def test_a_server_that_logs_each_question_as_an_error_is_spared(
    health: Health, clock: Clock
) -> None:
    server = SystemServer("503 Service Unavailable", body(generate="notready"))
    expected = Finding(ProbeAnswer.ANSWERS, "answers; not ready: generate")
    async with server.serving():
        for _ in range(3):
            assert await health.ask(server.address, AMPLE, fully=False) == expected
        gently = "OPTIONS /health HTTP/1.0"
        assert server.asked == ["GET /health HTTP/1.0", gently, gently]

        # In full again: when somebody wants to know, and after a while.
        server.asked.clear()
        await health.ask(server.address, AMPLE, fully=True)
        clock.now += REPEAT
        await health.ask(server.address, AMPLE, fully=False)
        assert server.asked == ["GET /health HTTP/1.0"] * 2

        server.asked.clear()
        server.status, server.body = "200 OK", body(generate="ready")
        clock.now += REPEAT
        for _ in range(2):
            found = await health.ask(server.address, AMPLE, fully=False)
            assert found.text == "answers; its endpoints are ready"
        assert server.asked == ["GET /health HTTP/1.0"] * 2


async def test_a_server_that_is_spared_is_still_found_dead(health: Health) -> None:
    server = SystemServer("503 Service Unavailable", body(generate="ready"))
    async with server.serving():
        await health.ask(server.address, AMPLE, fully=False)
    found = await health.ask(server.address, AMPLE, fully=False)
    assert found == Finding(ProbeAnswer.REFUSED, "refuses connections")


async def test_a_server_that_says_nothing_is_silent(health: Health) -> None:
    async with Peer(silent).serving() as peer:
        found = await health.ask(peer.address, LIMIT, fully=True)
    assert found == Finding(
        ProbeAnswer.SILENT, "accepts connections but does not answer GET /health within 1 s"
    )


async def test_a_server_that_never_ends_is_not_listened_to_for_ever(health: Health) -> None:
    async def babble(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(response("200 OK").replace(b"-length: 0", b"-length: 99999999"))
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()

    async with Peer(babble).serving() as peer:
        found = await health.ask(peer.address, AMPLE, fully=True)
    assert found == Finding(ProbeAnswer.ANSWERS, "answers with HTTP 200")


@pytest.mark.parametrize("said", [b"SSH-2.0-OpenSSH_9.2\r\n", b"", b"HTTP/1.1 9999 x\r\n\r\n"])
async def test_who_does_not_speak_http_is_no_system_server(health: Health, said: bytes) -> None:
    async with Peer(saying(said, reads=True)).serving() as peer:
        found = await health.ask(peer.address, AMPLE, fully=True)
    # On this host there is no proxy or tunnel that could have said it in its place.
    assert found == replace(OTHER, answer=ProbeAnswer.SILENT)


async def test_no_proxy_is_used(health: Health, monkeypatch: pytest.MonkeyPatch) -> None:
    with refusing() as nowhere:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://{nowhere}")
        async with SystemServer("200 OK", body(generate="ready")).serving() as server:
            found = await health.ask(server.address, AMPLE, fully=True)
    assert found.answer is ProbeAnswer.ANSWERS
