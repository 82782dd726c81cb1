"""What each way of asking makes of what a peer does."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import threading
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import NoReturn

import pytest

from backends.probe import connect, request_plane, tcp, zmtp
from backends.probe.addresses import Address
from backends.probe.connect import finding_of_error
from backends.probe.types import Finding, ProbeAnswer
from tests.support.listening import Serve
from tests.support.peers import Peer, full, refusing, saying, silent, until

Ask = Callable[[Address, float], Awaitable[Finding]]

GREETING = b"\xff" + bytes(8) + b"\x7f"
"""The signature of ZMTP 3, as libzmq sends it on accept."""

REFUSAL = b"\x00\x00\x00\x25Server unavailable: unknown endpoint "
"""What the TCP plane of Dynamo 1.6.1 sent for an endpoint with an empty name."""

LIMIT = 1.0
"""Seconds, for peers that would be waited for in vain."""
AMPLE = 60.0
"""Seconds, for those that answer."""

ALL: list[Ask] = [tcp.ask, zmtp.ask, request_plane.ask]
names = pytest.mark.parametrize("ask", ALL, ids=["tcp", "zmtp", "plane"])


@names
async def test_a_port_at_which_nothing_listens_refuses(ask: Ask) -> None:
    with refusing() as address:
        found = await ask(address, AMPLE)
    assert found == Finding(ProbeAnswer.REFUSED, "refuses connections")
    assert found.local


@names
async def test_an_address_that_takes_no_connection_is_not_reached_or_here_silent(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with full() as address:
        here = await ask(address, LIMIT)
        monkeypatch.setattr(connect, "is_own", lambda _: False)
        there = await ask(address, LIMIT)
    # Between this host and its own address nothing drops packets: it is the queue that is full.
    assert (here.answer, there.answer) == (ProbeAnswer.SILENT, ProbeAnswer.UNREACHED)
    assert here.text == there.text == "does not accept connections within 1 s"


@names
async def test_a_name_that_does_not_resolve_is_no_evidence(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: object, **__: object) -> NoReturn:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert await ask(Address("worker-0", 9000), AMPLE) == Finding(
        ProbeAnswer.UNTRIED, "has a name that does not resolve here: name or service not known"
    )


@names
async def test_a_name_server_that_does_not_answer_is_no_evidence_and_blocks_nothing(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()

    def hang(*_: object, **__: object) -> NoReturn:
        over.wait(60)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0.001)
            turns += 1

    turning = asyncio.create_task(turn())
    try:
        # Half of it is for the name: long enough that the two ends are not taken for one.
        found = await ask(Address("worker-0", 9000), 2.0)
    finally:
        turning.cancel()
        over.set()
    assert found.answer is ProbeAnswer.UNTRIED
    assert "does not resolve" in found.text
    assert turns > 10


@names
async def test_every_address_of_a_name_is_tried(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    # The first refuses: nothing listens there on that port.
    infos = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, 0)) for ip in ("127.9.9.9", "127.0.0.1")
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: infos)
    async with Peer(saying(GREETING if ask is zmtp.ask else REFUSAL)).serving() as peer:
        found = await ask(Address("worker-0", peer.port), AMPLE)
    assert found.answer in (ProbeAnswer.ANSWERS, ProbeAnswer.ACCEPTS)


@pytest.mark.parametrize(
    ("number", "answer"),
    [
        (errno.ECONNREFUSED, ProbeAnswer.REFUSED),
        (errno.ECONNRESET, ProbeAnswer.UNREACHED),
        (errno.EHOSTUNREACH, ProbeAnswer.UNREACHED),
        (errno.ENETUNREACH, ProbeAnswer.UNREACHED),
        (errno.EACCES, ProbeAnswer.UNREACHED),
        (errno.EPERM, ProbeAnswer.UNREACHED),
        (errno.ENOPROTOOPT, ProbeAnswer.UNREACHED),  # ICMP: protocol unreachable
        (errno.EINVAL, ProbeAnswer.UNREACHED),  # a route of the kind `blackhole`
        (errno.EMFILE, ProbeAnswer.UNTRIED),
        (errno.EADDRNOTAVAIL, ProbeAnswer.UNTRIED),
        (errno.EAFNOSUPPORT, ProbeAnswer.UNTRIED),
    ],
)
def test_an_error_of_the_network_is_told_from_one_of_this_host(
    number: int, answer: ProbeAnswer
) -> None:
    found = finding_of_error(OSError(number, os.strerror(number)))
    assert found.answer is answer
    assert found.text


async def test_who_accepts_and_says_nothing_accepts_and_no_more() -> None:
    async with Peer(silent).serving() as peer:
        assert await tcp.ask(peer.address, AMPLE) == tcp.ACCEPTS
        await until(lambda: peer.accepted == 1 and peer.open == 0, "the end of the connection")


ZMTP_CASES: list[tuple[Serve, Finding]] = [
    (saying(GREETING, hangs=True), zmtp.GREETS),
    (saying(GREETING + b"\x03\x00NULL"), zmtp.GREETS),
    (saying(*(GREETING[n : n + 1] for n in range(10)), pause=0.01, hangs=True), zmtp.GREETS),
    (saying(GREETING[:5]), zmtp.OTHER),
    (saying(), zmtp.NONE),
    (saying(b"SSH-2.0-OpenSSH_9.2\r\n", hangs=True), zmtp.OTHER),
    (saying(b"\xff" * 10, hangs=True), zmtp.OTHER),
]


@pytest.mark.parametrize(("behaviour", "expected"), ZMTP_CASES)
async def test_only_a_zmtp_greeting_is_a_sign_of_a_zmq_socket(
    behaviour: Serve, expected: Finding, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Peer(behaviour).serving() as peer:
        here = await zmtp.ask(peer.address, AMPLE)
        monkeypatch.setattr(connect, "is_own", lambda _: False)
        there = await zmtp.ask(peer.address, AMPLE)
    assert there == expected
    # On this host there is no proxy or tunnel that could have said it in its place.
    at_fault = expected.answer is not ProbeAnswer.ANSWERS
    assert here == (replace(expected, answer=ProbeAnswer.SILENT) if at_fault else expected)


@pytest.mark.parametrize("behaviour", [silent, saying(GREETING[:9], hangs=True)])
async def test_who_accepts_and_does_not_greet_is_silent(behaviour: Serve) -> None:
    async with Peer(behaviour).serving() as peer:
        found = await zmtp.ask(peer.address, LIMIT)
    expected = "accepts connections but sends no ZMTP greeting within 1 s"
    assert found == Finding(ProbeAnswer.SILENT, expected)


@pytest.mark.parametrize(
    ("behaviour", "answer"),
    [
        (saying(REFUSAL, reads=True), ProbeAnswer.ANSWERS),
        (
            saying(REFUSAL[:2], REFUSAL[2:9], REFUSAL[9:], pause=0.01, reads=True),
            ProbeAnswer.ANSWERS,
        ),
        (saying(b"\x00\x00\x00\x13Unknown endpoint: x", reads=True), ProbeAnswer.ANSWERS),
        (saying(b"\x00\x00\x00\x00", reads=True), ProbeAnswer.ANSWERS),
        (saying(b"\x15\x03\x03\x00\x02\x022", reads=True), ProbeAnswer.ANSWERS),
        (saying(b"HTTP/1.1 400 Bad Request\r\n\r\n", reads=True), ProbeAnswer.SILENT),
        (saying(b"\xff\xff\xff\xff", reads=True), ProbeAnswer.SILENT),
        (saying(REFUSAL[:20], reads=True), ProbeAnswer.SILENT),
        (saying(b"\x00\x00", reads=True), ProbeAnswer.SILENT),
        (saying(reads=True), ProbeAnswer.SILENT),
        (saying(), ProbeAnswer.SILENT),
    ],
)
async def test_a_frame_is_a_sign_of_the_tcp_plane(behaviour: Serve, answer: ProbeAnswer) -> None:
    async with Peer(behaviour).serving() as peer:
        assert (await request_plane.ask(peer.address, AMPLE)).answer is answer


@pytest.mark.parametrize("behaviour", [silent, saying(REFUSAL[:20], hangs=True)])
async def test_a_plane_that_does_not_refuse_in_time_is_silent(behaviour: Serve) -> None:
    async with Peer(behaviour).serving() as peer:
        found = await request_plane.ask(peer.address, LIMIT)
    expected = (
        "accepts connections but does not answer a request for an unknown endpoint within 1 s"
    )
    assert found == Finding(ProbeAnswer.SILENT, expected)


async def test_the_plane_is_asked_for_an_endpoint_that_cannot_exist() -> None:
    frames: list[bytes] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
        frames.append(path + await reader.readexactly(6))
        writer.write(REFUSAL)

    async with Peer(take).serving() as peer:
        await request_plane.ask(peer.address, AMPLE)
    assert frames == [request_plane.NO_ENDPOINT + bytes(6)]
    # Neither `namespace.component.endpoint` nor `id/endpoint`, nor a name.
    assert not {b".", b"/"} & {frames[0][n : n + 1] for n in range(len(frames[0]))}
    assert b" " in request_plane.NO_ENDPOINT


async def test_a_held_connection_stays_and_tells_of_its_end() -> None:
    lost: list[bool] = []
    async with Peer(silent).serving() as peer:
        found, idle = await tcp.hold(peer.address, AMPLE, lambda: lost.append(True))
        assert (found, lost) == (tcp.ACCEPTS, [])
        assert idle is not None
        await until(lambda: peer.open == 1, "a connection")
    await until(lambda: lost == [True], "news of the end")
    idle.close()
    assert lost == [True]


async def test_of_a_connection_that_is_given_up_no_end_is_told() -> None:
    lost: list[bool] = []
    async with Peer(silent).serving() as peer:
        _, idle = await tcp.hold(peer.address, AMPLE, lambda: lost.append(True))
        assert idle is not None
        await until(lambda: peer.open == 1, "a connection")
        idle.close()
        await until(lambda: peer.open == 0, "the end of the connection")
    assert lost == []


async def test_who_speaks_unasked_on_a_held_connection_is_not_listened_to() -> None:
    lost: list[bool] = []
    async with Peer(saying(b"220 mail ready\r\n", hangs=True)).serving() as peer:
        await tcp.hold(peer.address, AMPLE, lambda: lost.append(True))
        await until(lambda: lost == [True], "the end of the connection")


async def test_what_cannot_be_connected_to_is_not_held() -> None:
    with refusing() as address:
        found, idle = await tcp.hold(address, AMPLE, lambda: None)
    assert (found.answer, idle) == (ProbeAnswer.REFUSED, None)
