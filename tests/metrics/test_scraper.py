"""Asking over HTTP: what comes of those who answer, and of those who do not."""

from __future__ import annotations

import asyncio
import base64
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr

from backends.metrics.scraper import (
    CONCURRENCY,
    MOST_BYTES_OF_REVEALED,
    MOST_SERIES_OF_REVEALED,
    Answer,
    Scraper,
)
from backends.metrics.targets import Target, given
from backends.probe.names import MOST_AT_A_TIME
from backends.threads import in_daemon_thread
from tests.metrics.texts import SAMPLES
from tests.servers import free_ports

FRONTEND = (SAMPLES / "frontend-1.6.1.txt").read_bytes()
WORKER = (SAMPLES / "worker-1.6.1.txt").read_bytes()
MODELS = {"object": "list", "data": [{"id": "Acme/Tiny-LLM", "object": "model"}]}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(**handlers: Handler | bytes) -> AsyncIterator[str]:
    """A server with a path for each name; the URL of it. Bytes are sent as they are."""
    app = web.Application()
    for path, handler in handlers.items():
        app.router.add_get(f"/{path}", _sending(handler) if isinstance(handler, bytes) else handler)

    async def models(_: web.Request) -> web.Response:
        return web.json_response(MODELS)

    app.router.add_get("/v1/models", models)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    (port,) = free_ports(1)
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


def _sending(body: bytes) -> Handler:
    async def send(_: web.Request) -> web.Response:
        return web.Response(body=body)

    return send


async def scraped(*urls: str, **options: float) -> list[Answer]:
    targets = given("--metrics", urls)
    limits = {"time_limit": 3.0, "most_bytes": 1 << 20} | options
    scraper = Scraper(
        targets,
        reveals=True,
        here=True,
        clock=time.time,
        time_limit=limits["time_limit"],
        most_bytes=int(limits["most_bytes"]),
    )
    try:
        return await asyncio.gather(*map(scraper.ask, targets))
    finally:
        await scraper.aclose()


async def test_a_frontend_is_asked_what_it_serves_and_a_worker_is_not() -> None:
    async with serving(metrics=FRONTEND) as frontend, serving(metrics=WORKER) as worker:
        found = await scraped(frontend, f"{worker}/metrics")
    assert [one.trouble for one in found] == ["", ""]
    assert found[0].served == frozenset({"Acme/Tiny-LLM"})
    assert found[1].served is None
    assert all(one.scrape is not None and one.scrape.at == one.at for one in found)


async def test_one_that_fails_does_not_keep_others_from_answering() -> None:
    (port,) = free_ports(1)
    async with serving(metrics=WORKER) as worker:
        found = await scraped(f"http://127.0.0.1:{port}", worker)
    assert found[0].trouble == "refuses connections"
    assert found[0].scrape is None
    assert found[1].trouble == ""


async def test_why_it_failed_is_said_in_words() -> None:
    async def moved(_: web.Request) -> web.Response:
        raise web.HTTPFound("http://127.0.0.1:1/elsewhere")

    async def missing(_: web.Request) -> web.Response:
        raise web.HTTPNotFound

    async def breaks_off(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async with (
        serving(metrics=moved) as first,
        serving(metrics=missing) as second,
        serving(metrics=breaks_off) as third,
        serving(metrics=b"dynamo_component_uptime_seconds {\n") as fourth,
        serving(metrics=b"#" * (1 << 20) + b"\n\n") as fifth,
    ):
        found = await scraped(first, second, third, fourth, fifth)
        assert [one.trouble for one in found] == [
            "answers with HTTP 302",
            "answers with HTTP 404",
            "breaks connections off",
            "sends something else than Prometheus text: a line of it is no sample",
            "sends more than 1 MB",
        ]


async def test_what_speaks_no_http_is_said_to_speak_none() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f hello\r\n\r\n")
        await writer.drain()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        (found,) = await scraped(f"http://127.0.0.1:{port}")
        assert found.trouble == "sends something else than HTTP"
        (found,) = await scraped(f"https://127.0.0.1:{port}")
        assert found.trouble == "does not speak TLS as it should"


async def test_who_does_not_answer_in_time_is_not_waited_for() -> None:
    async def hangs(_: web.Request) -> web.Response:
        await asyncio.sleep(60)
        return web.Response()

    async def drips(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"# and so on\n")
            await asyncio.sleep(0.02)

    async with serving(metrics=hangs) as one, serving(metrics=drips) as other:
        began = time.monotonic()
        found = await scraped(one, other, time_limit=0.3)
        assert time.monotonic() - began < 5
    assert {one.trouble for one in found} == {"does not answer within 0.3 s"}


async def test_a_name_that_does_not_resolve_is_said_to_be_so() -> None:
    (found,) = await scraped("http://no-such-host.invalid:1")
    assert found.trouble == "has a name that does not resolve here"


async def test_user_and_password_go_to_their_own_server_alone_and_are_never_shown() -> None:
    seen = []

    async def guarded(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization"))
        return web.Response(body=WORKER)

    async with serving(metrics=guarded) as guard, serving(metrics=guarded) as other:
        host = guard.removeprefix("http://")
        found = await scraped(f"http://joe:s3cret@{host}", other)
    wanted = "Basic " + base64.b64encode(b"joe:s3cret").decode()
    assert sorted(seen, key=str) == [wanted, None]
    assert str(found[0].target) == f"http://***@{host}"
    assert "s3cret" not in repr(found)


async def test_no_more_than_so_many_are_asked_at_a_time() -> None:
    under_way, most = 0, 0

    async def count(_: web.Request) -> web.Response:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.02)
        under_way -= 1
        return web.Response(body=b"dynamo_component_uptime_seconds 1\n")

    async with serving(metrics=count) as server:
        host = server.removeprefix("http://")
        # Different users, since the same URL is asked once.
        targets = [
            Target(base=f"http://{host}", user=SecretStr(f"u{n}")) for n in range(3 * CONCURRENCY)
        ]
        scraper = Scraper(targets, reveals=False, here=True, clock=time.time)
        try:
            found = await asyncio.gather(*map(scraper.ask, targets))
        finally:
            await scraper.aclose()
    assert not any(one.trouble for one in found)
    assert 1 < most <= CONCURRENCY


async def test_who_answered_waits_for_none_that_hangs() -> None:
    release = asyncio.Event()

    async def hangs(_: web.Request) -> web.Response:
        await release.wait()
        return web.Response()

    async with serving(metrics=hangs) as hanging, serving(metrics=WORKER) as server:
        slow = [
            Target(base=hanging, user=SecretStr(f"u{number}"), given=given)
            for number in range(CONCURRENCY)
            for given in (True, False)
        ]
        scraper = Scraper((), reveals=True, here=True, clock=time.time)
        asking = [asyncio.create_task(scraper.ask(target)) for target in slow]
        try:
            for given in (True, False):
                async with asyncio.timeout(2):
                    found = await scraper.ask(Target(base=server, given=given), proven=True)
                assert found.trouble == ""
        finally:
            release.set()
            await asyncio.gather(*asking)
            await scraper.aclose()


async def test_of_a_server_that_only_a_card_speaks_for_less_is_read() -> None:
    line = b'dynamo_frontend_inflight_requests{model="%d"} 1\n'
    many = b"".join(line % number for number in range(MOST_SERIES_OF_REVEALED + 5))
    large = many + b"# and so on\n" * (MOST_BYTES_OF_REVEALED // 12)
    async with serving(metrics=many) as first, serving(metrics=large) as second:
        scraper = Scraper((), reveals=True, here=True, clock=time.time)
        try:
            found = [
                await scraper.ask(Target(base=base, given=given))
                for base in (first, second)
                for given in (True, False)
            ]
        finally:
            await scraper.aclose()
    assert [one.scrape is not None and one.scrape.cut for one in found] == [
        False,
        True,
        False,
        False,
    ]
    assert [one.trouble for one in found] == ["", "", "", "sends more than 1 MB"]


async def test_a_name_from_a_store_elsewhere_is_not_asked_if_it_is_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    addresses = ["127.0.0.1", "169.254.169.254"]

    async def look_up(host: str, port: int, *, given: bool) -> list[str]:
        return addresses

    monkeypatch.setattr("backends.metrics.scraper.resolve", look_up)
    async with serving(metrics=WORKER) as server:
        port = server.rpartition(":")[2]
        troubles = []
        for given, here in ((False, False), (True, False), (False, True)):
            scraper = Scraper((), reveals=True, here=here, clock=time.time)
            target = Target(base=f"http://worker-0:{port}", given=given)
            troubles.append((await scraper.ask(target)).trouble)
            await scraper.aclose()
    assert troubles == [
        "was not asked: its name stands for whichever machine looks it up",
        "",
        "",
    ]


async def test_names_from_a_store_that_hang_keep_none_that_was_given_from_being_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    release, look_up = threading.Event(), socket.getaddrinfo

    def hangs(host: str, *rest: Any, **options: Any) -> Any:
        if host.endswith(".example"):
            release.wait(10)
            raise socket.gaierror(-3, "Temporary failure")
        return look_up(host, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", hangs)
    async with serving(metrics=WORKER) as server:
        port = server.rpartition(":")[2]
        scraper = Scraper((), reveals=True, here=True, clock=time.time, time_limit=0.2)
        patient = Scraper((), reveals=True, here=True, clock=time.time)
        hosts = [f"http://h{number}.example:1" for number in range(MOST_AT_A_TIME)]
        slow = [scraper.ask(Target(base=host, given=False)) for host in hosts]
        try:
            found = await asyncio.gather(*slow)
            assert {one.trouble for one in found} == {"does not answer within 0.2 s"}
            late = await scraper.ask(Target(base="http://late.example:1", given=False))
            assert late.unasked
            assert late.trouble == "was not asked: too many names are being looked up"
            given = await patient.ask(Target(base=f"http://localhost:{port}"))
            assert given.trouble == ""
        finally:
            release.set()
            await scraper.aclose()
            await patient.aclose()


def test_the_end_of_the_program_waits_for_nothing_that_is_parsed() -> None:
    release = threading.Event()

    async def parse() -> None:
        parsing = asyncio.create_task(in_daemon_thread(lambda: release.wait(10), "parse"))
        await asyncio.sleep(0.01)
        parsing.cancel()

    began = time.monotonic()
    asyncio.run(parse())
    assert time.monotonic() - began < 5
    release.set()


async def test_cancelling_leaves_nothing_behind() -> None:
    async def hangs(_: web.Request) -> web.Response:
        await asyncio.sleep(60)
        return web.Response()

    async with serving(metrics=hangs) as server:
        targets = given("--metrics", [server])
        scraper = Scraper(targets, reveals=True, here=True, clock=time.time)
        task = asyncio.create_task(scraper.ask(targets[0]))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await scraper.aclose()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_the_loop_goes_on_while_a_large_answer_is_parsed() -> None:
    line = b'dynamo_frontend_time_to_first_token_seconds_bucket{model="m%d",le="%d"} 7\n'
    large = b"".join(line % (model, le) for model in range(600) for le in range(30))
    large += b"vllm:something_else 1\n" * 40_000
    assert len(large) > 2_000_000
    gaps: list[float] = []

    async def beat() -> None:
        last = time.perf_counter()
        while True:
            await asyncio.sleep(0.001)
            now = time.perf_counter()
            gaps.append(now - last)
            last = now

    async with serving(metrics=large) as server:
        (found,) = await scraped(server, most_bytes=8 << 20)  # imports what it needs
        beating = asyncio.create_task(beat())
        began = time.perf_counter()
        (found,) = await scraped(server, most_bytes=8 << 20)
        took = time.perf_counter() - began
        beating.cancel()
    assert found.scrape is not None
    assert len(found.scrape.histograms) == 1
    print(f"{len(large):,} bytes: {took:.2f} s, longest gap of the loop {max(gaps) * 1e3:.0f} ms")
    # In one piece on the loop it would be one gap as long as all the rest.
    assert max(gaps) < max(0.1, took / 2)
