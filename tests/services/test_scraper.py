"""Asking the services of a real NATS server."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import nats
import pytest
from msgspec.structs import replace
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.micro import add_service
from nats.micro.request import Request
from nats.micro.service import EndpointConfig, ServiceConfig

from backends.aio.timer import LOOP, Timer
from backends.nats.config import NatsConfig
from backends.nats.scatter_gather import GatherLimits
from backends.services import parse
from backends.services.parse import AnswerLimits
from backends.services.scraper import DEFAULT_LIMITS, ScrapeLimits, ServiceScraper
from backends.services.types import NotScraped, RequestStats, StatsScrape
from tests.support.moved_timer import MovedTimer
from tests.support.nats_server import NatsServer
from tests.support.peers import refusing, until
from tests.support.saying import GENERATE, endpoint, said

SILENT = "prod_backend.generate-dead"

PATIENT = ScrapeLimits(time_limit=60.0)
"""What would be waited for in vain takes longer than the test may."""


@pytest.fixture(scope="module")
def server() -> Iterator[NatsServer]:
    with NatsServer() as server:
        yield server


@contextlib.asynccontextmanager
async def asking(
    config: NatsConfig, timer: Timer = LOOP, limits: ScrapeLimits = PATIENT
) -> AsyncIterator[ServiceScraper]:
    asked = ServiceScraper(config, clock=lambda: 1000.0, timer=timer, limits=limits)
    try:
        yield asked
    finally:
        await asked.aclose()


@contextlib.asynccontextmanager
async def connected(server: NatsServer, **user: str) -> AsyncIterator[Client]:
    client = await nats.connect(server.url, allow_reconnect=False, **user)
    try:
        yield client
    finally:
        await client.close()


@contextlib.asynccontextmanager
async def saying(server: NatsServer, *messages: bytes, **user: str) -> AsyncIterator[None]:
    """Whoever asks for statistics gets all of these."""
    async with connected(server, **user) as client:

        async def reply(message: Msg) -> None:
            for data in messages:
                await client.publish(message.reply, data)

        await client.subscribe("$SRV.STATS", cb=reply)
        await client.flush()
        yield


def subjects(scrape: StatsScrape) -> list[str]:
    return [stats.subject for service in scrape.services for stats in service.endpoints]


async def test_a_real_service_is_asked_and_no_endpoint_of_it(server: NatsServer) -> None:
    requests = []

    async def take(request: Request) -> None:
        requests.append(request.data)
        if request.data == b"fail":
            raise ValueError("asked to fail")
        await request.respond(b"")

    async with connected(server) as client, asking(NatsConfig((server.url,))) as asked:
        service = await add_service(client, ServiceConfig(name="prod_backend", version="1.2.1"))
        await service.add_endpoint(EndpointConfig(name="e", subject=GENERATE, handler=take))
        await client.flush()
        found = await asked.scrape([GENERATE])
        assert subjects(found) == [GENERATE]
        assert found.at == 1000.0
        assert requests == []
        await client.request(GENERATE, b"well", timeout=60)
        with contextlib.suppress(nats.errors.TimeoutError):
            await client.request(GENERATE, b"fail", timeout=0.2)

        async def figures_now() -> RequestStats:
            (service_found,) = (await asked.scrape([GENERATE])).services
            figures = service_found.endpoints[0].figures
            assert figures is not None
            return figures

        async with asyncio.timeout(60):
            while (figures := await figures_now()).requests < 2:
                pass
        assert (figures.requests, figures.errors) == (2, 1)
        assert "asked to fail" in figures.last_error
        assert requests == [b"well", b"fail"]


async def test_where_nobody_listens_it_is_over_at_once(server: NatsServer) -> None:
    async with asyncio.timeout(60), asking(NatsConfig((server.url,))) as asked:
        assert (await asked.scrape([SILENT])).services == ()


async def test_who_is_silent_is_waited_for_until_the_deadline(
    server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    timer, take, taken = MovedTimer(), parse.ServiceAnswers.take, asyncio.Event()

    def noting(self: parse.ServiceAnswers, data: bytes, moment: float) -> bool:
        taken.set()
        return take(self, data, moment)

    monkeypatch.setattr(parse.ServiceAnswers, "take", noting)
    async with (
        saying(server, said("stats", endpoint())),
        asking(NatsConfig((server.url,)), timer) as asked,
    ):
        start = timer.now()
        scrape = asyncio.create_task(asked.scrape([GENERATE, SILENT]))
        async with asyncio.timeout(60):
            await taken.wait()
            await timer.advance(PATIENT.time_limit - 0.1)
            assert not scrape.done()
            await timer.advance(0.1)
            found = await scrape
        assert subjects(found) == [GENERATE]
        # It answered before the others' time was over, and its rates are by that.
        assert found.services[0].moment == start


async def test_thousands_of_answers_and_odd_ones_are_taken_in_and_the_loop_goes_on(
    server: NatsServer,
) -> None:
    limits = replace(DEFAULT_LIMITS, answers=AnswerLimits(most_services=1500))
    many = [said("stats", endpoint(f"s.e{number}"), id=str(number)) for number in range(2000)]
    odd = [b"", b"{" * 50_000, said("stats", endpoint(data="x" * 500_000), id="0")]
    turns = 0

    async def other_work() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with (
        saying(server, *odd, *many),
        asking(NatsConfig((server.url,)), limits=limits) as asked,
        asyncio.TaskGroup() as group,
    ):
        working = group.create_task(other_work())
        found = await asked.scrape(["s.e0"])
        working.cancel()
    assert len(found.services) == 1500
    assert found.ignored >= 2
    assert found.left_out >= 500
    assert turns > 1000


async def told(config: NatsConfig) -> NotScraped:
    """Whatever it takes the server to say so."""
    timer = MovedTimer()
    async with asking(config, timer) as asked:
        scrape = asyncio.create_task(asked.scrape([]))
        await until(lambda: scrape.done() or asked._connection.denials, "what NATS says")
        if not scrape.done():
            # All that it says comes before the answer to this.
            await (await asked._connection.client()).flush(60)
            await timer.advance(PATIENT.time_limit)
        with pytest.raises(NotScraped) as caught:
            await scrape
    return caught.value


async def test_what_is_not_there_is_said_and_asked_again(
    tmp_path: Path,
) -> None:
    with refusing() as nowhere:
        why = await told(NatsConfig((f"nats://joe:secret@{nowhere}",)))
    assert (why.reason, why.denied) == ("NATS refuses connections", False)
    with NatsServer("--user", "joe", "--pass", "secret") as server:
        right = NatsConfig((server.url,), username="joe", password="secret")
        why = await told(dataclasses.replace(right, password="other"))
        assert (why.reason, why.denied) == ("NATS does not accept this user", True)
        async with asking(right) as asked:
            assert (await asked.scrape([])).services == ()
            server.kill()
            # On the connection that there was, nothing comes.
            asked._limits = replace(PATIENT, time_limit=1.0)
            with pytest.raises(NotScraped):
                await asked.scrape([])
            asked._limits = PATIENT
            server.start()
            assert (await asked.scrape([])).services == ()


async def test_who_may_ask_for_statistics_only_gets_them_and_others_are_told_what_they_may_not(
    tmp_path: Path,
) -> None:
    config = tmp_path / "nats.conf"
    config.write_text("""authorization { timeout: 60, users = [
        { user: worker, password: secret }
        { user: neither, password: secret, permissions: { publish: { deny: ["$SRV.>"] } } }
        { user: stats, password: secret, permissions: { publish: ["$SRV.STATS"] } }
        { user: deaf, password: secret, permissions: { subscribe: { deny: ["_INBOX.>"] } } }
    ] }""")
    with NatsServer("-c", str(config)) as server:
        user = NatsConfig((server.url,), password="secret")
        worker = {"user": "worker", "password": "secret"}
        async with (
            saying(server, said("stats", endpoint()), **worker),
            asking(dataclasses.replace(user, username="stats")) as asked,
        ):
            assert subjects(await asked.scrape([GENERATE])) == [GENERATE]
        for name, what in (("neither", "ask $SRV.STATS"), ("deaf", "get answers")):
            why = await told(dataclasses.replace(user, username=name))
            assert why.denied
            assert f"does not let this user {what}" in why.reason


async def test_who_says_that_nobody_listens_does_not_silence_a_worker(
    server: NatsServer,
) -> None:
    """Anybody may answer as the server does where nobody has subscribed."""
    limits = replace(PATIENT, gather=GatherLimits(no_responders_pause=30.0))
    async with (
        connected(server) as client,
        connected(server) as worker,
        asking(NatsConfig((server.url,)), limits=limits) as asked,
    ):

        async def deny(message: Msg) -> None:
            await client.publish(message.reply, b"", headers={"Status": "503"})
            if message.subject == "$SRV.STATS":
                await client.flush()
                await asyncio.sleep(2 * PATIENT.quiet)
                await worker.publish(message.reply, said("stats", endpoint()))

        for subject in ("$SRV.PING", "$SRV.INFO", "$SRV.STATS"):
            await client.subscribe(subject, cb=deny)
        await client.flush()
        async with asyncio.timeout(60):
            assert subjects(await asked.scrape([GENERATE])) == [GENERATE]


async def test_a_scrape_that_is_given_up_leaves_nothing(server: NatsServer) -> None:
    async with saying(server), asking(NatsConfig((server.url,))) as asked:
        scrape = asyncio.create_task(asked.scrape([SILENT]))
        async with asyncio.timeout(60):
            while True:
                client = asked._connection._client
                if client is not None and client._subs:
                    break
                await asyncio.sleep(0)
        scrape.cancel()
        with pytest.raises(asyncio.CancelledError):
            await scrape
        assert client._subs == {}
