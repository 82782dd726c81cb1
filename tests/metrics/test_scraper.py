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

from backends.aio.daemon_thread import in_daemon_thread
from backends.aio.timer import Timer
from backends.metrics.parse import MetricsScrape, parsed
from backends.metrics.scrape_targets import ScrapeTarget, given
from backends.metrics.scraper import (
    CONCURRENCY,
    MOST_BYTES_OF_REVEALED,
    MOST_SERIES_OF_REVEALED,
    TIME_LIMIT,
    Scraper,
    ScrapeResult,
)
from backends.probe.dns import MOST_AT_A_TIME
from tests.metrics.texts import SAMPLES
from tests.support.listening import listening
from tests.support.moved_timer import MovedTimer
from tests.support.peers import refusing, until

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
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def _sending(body: bytes) -> Handler:
    async def send(_: web.Request) -> web.Response:
        return web.Response(body=body)

    return send


async def scraped(
    *urls: str, most_bytes: int = 1 << 20, timer: Timer | None = None
) -> list[ScrapeResult]:
    """By itself there is time without end: what is said then does not depend on the machine."""
    targets = given("--metrics", urls)
    scraper = Scraper(
        targets,
        reveals=True,
        here=True,
        clock=time.time,
        most_bytes=most_bytes,
        timer=timer or MovedTimer(),
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
    with refusing() as nobody:
        async with serving(metrics=WORKER) as worker:
            found = await scraped(f"http://{nobody}", worker)
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
            "drops connections",
            "sends something else than Prometheus text: one of its lines is not a sample",
            "sends more than 1 MB",
        ]


async def test_what_speaks_no_http_is_said_to_speak_none() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f hello\r\n\r\n")
        await writer.drain()
        await reader.read()

    async with listening(greet) as port:
        (found,) = await scraped(f"http://127.0.0.1:{port}")
        assert found.trouble == "sends something else than HTTP"
        (found,) = await scraped(f"https://127.0.0.1:{port}")
        assert found.trouble == "fails in the TLS handshake"


async def test_who_does_not_answer_in_time_is_not_waited_for() -> None:
    timer, asked, dripped = MovedTimer(), asyncio.Event(), asyncio.Event()

    async def hangs(_: web.Request) -> web.Response:
        asked.set()
        await asyncio.Event().wait()
        return web.Response()

    async def drips(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"# and so on\n")
            dripped.set()
            await asyncio.sleep(0.001)

    async with serving(metrics=hangs) as one, serving(metrics=drips) as other:
        scraping = asyncio.create_task(scraped(one, other, timer=timer))
        async with asyncio.timeout(60):
            await asked.wait()
            await dripped.wait()
            await timer.advance(TIME_LIMIT - 0.1)
            assert not scraping.done()
            await timer.advance(0.1)
            found = await scraping
    assert {one.trouble for one in found} == {"does not answer within 4 s"}


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
            ScrapeTarget(base=f"http://{host}", user=f"u{n}") for n in range(3 * CONCURRENCY)
        ]
        scraper = Scraper(targets, reveals=False, here=True, clock=time.time, timer=MovedTimer())
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
            ScrapeTarget(base=hanging, user=f"u{number}", given=given)
            for number in range(CONCURRENCY)
            for given in (True, False)
        ]
        scraper = Scraper((), reveals=True, here=True, clock=time.time, timer=MovedTimer())
        asking = [asyncio.create_task(scraper.ask(target)) for target in slow]
        try:
            for given in (True, False):
                async with asyncio.timeout(60):
                    found = await scraper.ask(ScrapeTarget(base=server, given=given), proven=True)
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
        scraper = Scraper((), reveals=True, here=True, clock=time.time, timer=MovedTimer())
        try:
            found = [
                await scraper.ask(ScrapeTarget(base=base, given=given))
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
            scraper = Scraper((), reveals=True, here=here, clock=time.time, timer=MovedTimer())
            target = ScrapeTarget(base=f"http://worker-0:{port}", given=given)
            troubles.append((await scraper.ask(target)).trouble)
            await scraper.aclose()
    assert troubles == [
        "was not asked: its name resolves to the local machine",
        "",
        "",
    ]


async def test_names_from_a_store_that_hang_keep_none_that_was_given_from_being_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    release, look_up = threading.Event(), socket.getaddrinfo
    looked_up: list[str] = []

    def hangs(host: str, *rest: Any, **options: Any) -> Any:
        if host.endswith(".example"):
            looked_up.append(host)
            release.wait(60)
            raise socket.gaierror(-3, "Temporary failure")
        return look_up(host, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", hangs)
    async with serving(metrics=WORKER) as server:
        port = server.rpartition(":")[2]
        timer = MovedTimer()
        scraper = Scraper((), reveals=True, here=True, clock=time.time, timer=timer)
        patient = Scraper((), reveals=True, here=True, clock=time.time, timer=MovedTimer())
        hosts = [f"http://h{number}.example:1" for number in range(MOST_AT_A_TIME)]
        slow = [scraper.ask(ScrapeTarget(base=host, given=False)) for host in hosts]
        asking = asyncio.gather(*slow)
        try:
            await until(lambda: len(looked_up) == len(hosts), "look-ups")
            await timer.advance(TIME_LIMIT)
            found = await asking
            assert {one.trouble for one in found} == {"does not answer within 4 s"}
            late = await scraper.ask(ScrapeTarget(base="http://late.example:1", given=False))
            assert late.unasked
            assert late.trouble == "was not asked: too many names are being looked up"
            given = await patient.ask(ScrapeTarget(base=f"http://localhost:{port}"))
            assert given.trouble == ""
        finally:
            release.set()
            await scraper.aclose()
            await patient.aclose()


def test_the_end_of_the_program_waits_for_nothing_that_is_parsed() -> None:
    begun, release, over = threading.Event(), threading.Event(), threading.Event()

    def hangs() -> None:
        begun.set()
        release.wait(60)
        over.set()

    async def parse() -> None:
        parsing = asyncio.create_task(in_daemon_thread(hangs, "parse"))
        while not begun.is_set():  # noqa: ASYNC110 - it is set in a thread
            await asyncio.sleep(0.001)
        parsing.cancel()

    asyncio.run(parse())
    assert not over.is_set()
    release.set()


async def test_cancelling_leaves_nothing_behind() -> None:
    asked = asyncio.Event()

    async def hangs(_: web.Request) -> web.Response:
        asked.set()
        await asyncio.Event().wait()
        return web.Response()

    async with serving(metrics=hangs) as server:
        targets = given("--metrics", [server])
        scraper = Scraper(targets, reveals=True, here=True, clock=time.time, timer=MovedTimer())
        task = asyncio.create_task(scraper.ask(targets[0]))
        async with asyncio.timeout(60):
            await asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await scraper.aclose()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_the_loop_goes_on_while_a_large_answer_is_parsed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    line = b'dynamo_frontend_time_to_first_token_seconds_bucket{model="m%d",le="%d"} 7\n'
    large = b"".join(line % (model, le) for model in range(600) for le in range(30))
    large += b"vllm:something_else 1\n" * 40_000
    assert len(large) > 2_000_000
    turns = meanwhile = 0

    def noting(body: bytes, at: float, most: int) -> MetricsScrape:
        nonlocal meanwhile
        before = turns
        try:
            return parsed(body, at, most)
        finally:
            meanwhile = turns - before

    async def turn() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0.001)
            turns += 1

    monkeypatch.setattr("backends.metrics.scraper.parsed", noting)
    async with serving(metrics=large) as server:
        turning = asyncio.create_task(turn())
        (found,) = await scraped(server, most_bytes=8 << 20)
        turning.cancel()
    assert found.scrape is not None
    assert len(found.scrape.histograms) == 1
    # On the loop there would be none; in a single piece that keeps the interpreter, hardly one.
    assert meanwhile >= 5
