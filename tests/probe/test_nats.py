"""What a real NATS server's services list, and what is said where there is none."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import nats
import pytest
from nats.aio.msg import Msg
from nats.micro import add_service
from nats.micro.request import Request
from nats.micro.service import EndpointConfig, ServiceConfig

from backends.nats.config import NatsConfig
from backends.nats.scatter_gather import DEFAULT_LIMITS, GatherLimits
from backends.probe.nats import LISTED, NOT_SET_UP, REACHED, UNLISTED, UNREAD, Nats
from backends.probe.types import NATS_SERVER, Finding, ProbeAnswer
from tests.support.nats_server import NatsServer
from tests.support.peers import refusing

AMPLE = 60.0
LIMIT = 2.0
"""Seconds, for what would be waited for in vain."""

GENERATE = "prod_backend.generate-7d7b"
CLEAR = "prod_backend.clear_kv_blocks-7d7b"
DEAD = "prod_backend.generate-dead"
"""Of the same service as the others."""
OTHER = "prod_prefill.generate-7d7b"


@pytest.fixture(scope="module")
def server() -> Iterator[NatsServer]:
    with NatsServer() as server:
        yield server


@contextlib.asynccontextmanager
async def asking(
    config: NatsConfig | None, limits: GatherLimits = DEFAULT_LIMITS
) -> AsyncIterator[Nats]:
    prober = Nats(config, limits=limits)
    try:
        yield prober
    finally:
        await prober.aclose()


@contextlib.asynccontextmanager
async def serving(url: str, *subjects: str) -> AsyncIterator[list[str]]:
    """The micro service of one worker; yields the requests to its endpoints, as they come."""
    requests: list[str] = []

    async def take(request: Request) -> None:
        requests.append(request.subject)

    client = await nats.connect(url, allow_reconnect=False)
    try:
        name = subjects[0].partition(".")[0]
        service = await add_service(client, ServiceConfig(name=name, version="1.2.1"))
        for number, subject in enumerate(subjects):
            endpoint = EndpointConfig(name=f"e{number}", subject=subject, handler=take)
            await service.add_endpoint(endpoint)
        await client.flush()
        yield requests
    finally:
        await client.close()


async def comes_to(prober: Nats, expected: Mapping[str, Finding]) -> None:
    """Where one of these is waited for in vain: on a busy machine the limit may pass before the
    others answer, so that it is asked once more with a longer one."""
    for limit in (LIMIT, 6 * LIMIT):
        found = await prober.ask([*expected], limit)
        if found == expected:
            break
    assert found == expected


async def test_what_a_service_lists_answers_and_what_none_lists_is_silent(
    server: NatsServer,
) -> None:
    config = NatsConfig(servers=(server.url,))
    async with (
        serving(server.url, GENERATE, CLEAR) as requests,
        serving(server.url, OTHER) as others,
        asking(config) as prober,
    ):
        found = await prober.ask([GENERATE, CLEAR, OTHER], AMPLE)
        assert found == dict.fromkeys([GENERATE, CLEAR, OTHER], LISTED)
        await comes_to(prober, {GENERATE: LISTED, DEAD: UNLISTED})
    # Nothing was sent to a model.
    assert requests == others == []


async def test_two_workers_of_a_component_are_told_apart(server: NatsServer) -> None:
    async with asking(NatsConfig(servers=(server.url,))) as prober:
        async with serving(server.url, GENERATE), serving(server.url, DEAD):
            assert await prober.ask([GENERATE, DEAD], AMPLE) == {GENERATE: LISTED, DEAD: LISTED}
        async with serving(server.url, GENERATE):
            await comes_to(prober, {GENERATE: LISTED, DEAD: UNLISTED})


async def test_that_there_is_no_service_is_known_without_waiting(server: NatsServer) -> None:
    async with asking(NatsConfig(servers=(server.url,))) as prober:
        async with asyncio.timeout(60):
            found = await prober.ask([GENERATE, OTHER], 3600.0)
    assert found == {GENERATE: UNLISTED, OTHER: UNLISTED}


async def test_services_of_any_number_are_asked(server: NatsServer) -> None:
    many = [f"prod_c{number}.generate-1" for number in range(100)]
    async with serving(server.url, GENERATE), asking(NatsConfig(servers=(server.url,))) as prober:
        await comes_to(prober, dict.fromkeys(many, UNLISTED) | {GENERATE: LISTED})


async def test_an_answer_that_is_none_is_passed_over(server: NatsServer) -> None:
    odd = [b"", b"{", b"[]", b'{"endpoints": 1}', b'{"endpoints": [[]]}', b'{"endpoints": [{}]}']
    client = await nats.connect(server.url, allow_reconnect=False)
    try:

        async def reply(message: Msg) -> None:
            for data in [*odd, b'{"endpoints": [{"subject": ["' + b"x" * 9 + b'"]}]}']:
                await client.publish(message.reply, data)

        await client.subscribe("$SRV.INFO.prod_backend", cb=reply)
        await client.flush()
        async with serving(server.url, GENERATE), asking(NatsConfig((server.url,))) as prober:
            assert await prober.ask([GENERATE], AMPLE) == {GENERATE: LISTED}
    finally:
        await client.close()


async def test_answers_that_could_not_be_read_are_no_evidence(server: NatsServer) -> None:
    narrow = GatherLimits(most_waiting=10)
    async with serving(server.url, GENERATE), asking(NatsConfig((server.url,)), narrow) as prober:
        await comes_to(prober, {GENERATE: UNREAD})


async def test_without_nats_nothing_is_known() -> None:
    async with asking(None) as prober:
        assert await prober.ask([GENERATE], LIMIT) == {GENERATE: NOT_SET_UP}
    with refusing() as nowhere:
        async with asking(NatsConfig(servers=(f"nats://{nowhere}",))) as prober:
            found = await prober.ask([GENERATE], AMPLE)
    # No request gets there, whether its worker runs or not.
    assert found[GENERATE].answer is ProbeAnswer.AWAY
    assert found[GENERATE].text == "cannot be asked: NATS refuses connections"


async def test_a_server_that_was_away_is_connected_again(server: NatsServer) -> None:
    async with asking(NatsConfig(servers=(server.url,))) as prober:
        async with serving(server.url, GENERATE):
            assert await prober.ask([GENERATE], AMPLE) == {GENERATE: LISTED}
        server.kill()
        # On the connection that there was nothing may be heard; on the next one it is refused.
        answers = [(await prober.ask([GENERATE], LIMIT))[GENERATE].answer for _ in range(2)]
        assert answers[0] in (ProbeAnswer.UNTRIED, ProbeAnswer.AWAY)
        assert answers[1] is ProbeAnswer.AWAY
        server.start()
        async with serving(server.url, GENERATE):
            assert await prober.ask([GENERATE], AMPLE) == {GENERATE: LISTED}


async def test_a_server_that_is_stopped_is_no_evidence_against_workers(server: NatsServer) -> None:
    async with asking(NatsConfig(servers=(server.url,))) as prober:
        assert await prober.ask([GENERATE], AMPLE) == {GENERATE: UNLISTED}
        server.pause()
        for _ in range(2):  # on the connection that there is, and on a new one
            found = await prober.ask([GENERATE], LIMIT)
            assert found[GENERATE].answer is ProbeAnswer.UNTRIED
            assert found[GENERATE].text == "cannot be asked: NATS does not answer in time"
        server.resume()
        assert await prober.ask([GENERATE], AMPLE) == {GENERATE: UNLISTED}


async def test_the_next_server_is_tried(server: NatsServer) -> None:
    with refusing() as nowhere:
        async with asking(NatsConfig(servers=(f"nats://{nowhere}", server.url))) as prober:
            assert await prober.ask([GENERATE], AMPLE) == {GENERATE: UNLISTED}


@pytest.mark.parametrize(
    ("flags", "right", "wrong"),
    [
        (
            ("--user", "dyntop", "--pass", "secret"),
            NatsConfig(username="dyntop", password="secret", token="not looked at"),
            NatsConfig(username="dyntop", password="other"),
        ),
        (("--auth", "secret"), NatsConfig(token="secret"), NatsConfig(token="other")),
    ],
)
async def test_who_may_ask_is_told_and_who_may_not_learns_nothing(
    flags: tuple[str, ...],
    right: NatsConfig,
    wrong: NatsConfig,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    from dataclasses import replace

    caplog.set_level(logging.DEBUG)
    with NatsServer(*flags) as server:
        async with asking(replace(right, servers=(server.url,))) as prober:
            assert await prober.ask([GENERATE], AMPLE) == {GENERATE: UNLISTED}
        async with asking(replace(wrong, servers=(server.url,))) as prober:
            found = await prober.ask([GENERATE], AMPLE)
        assert found[GENERATE].answer is ProbeAnswer.UNTRIED
    # Not a word on the screen that somebody else draws on.
    assert [record for record in caplog.records if record.name.startswith("nats")] == []
    assert capfd.readouterr() == ("", "")


async def test_a_user_who_may_not_ask_services_learns_nothing_of_workers(tmp_path: Path) -> None:
    """Else every worker would be called unreachable."""
    config = tmp_path / "nats.conf"
    config.write_text(
        "authorization { timeout: 60, users = ["
        "{ user: all, password: secret },"
        '{ user: joe, password: secret, permissions: { publish: { deny: ["$SRV.>"] } } }'
        "] }"
    )
    with NatsServer("-c", str(config)) as server:
        url = server.url.replace("nats://", "nats://all:secret@")
        async with serving(url, GENERATE):
            denied = NatsConfig((server.url,), username="joe", password="secret")
            async with asking(denied) as prober:
                found = await prober.ask([GENERATE], LIMIT)
            assert found[GENERATE].answer is ProbeAnswer.UNTRIED
            assert "does not let this user ask" in found[GENERATE].text
            allowed = NatsConfig((server.url,), username="all", password="secret")
            async with asking(allowed) as prober:
                assert await prober.ask([GENERATE], AMPLE) == {GENERATE: LISTED}


def test_the_settings_are_dynamos() -> None:
    assert NatsConfig.from_environment({}) == NatsConfig()
    assert NatsConfig.from_environment({"NATS_SERVER": ""}) == NatsConfig()
    given = {
        "NATS_SERVER": "nats://a:4222, nats://b:4222",
        "NATS_AUTH_USERNAME": "u",
        "NATS_AUTH_PASSWORD": "p",
        "NATS_AUTH_TOKEN": "t",
        "NATS_AUTH_NKEY": "n",
        "NATS_AUTH_CREDENTIALS_FILE": "c",
        "NATS_TLS_CA_CERT_PATH": "ca",
        "NATS_TLS_CLIENT_CERT_PATH": "cert",
        "NATS_TLS_CLIENT_KEY_PATH": "key",
    }
    servers = ("nats://a:4222", "nats://b:4222")
    assert NatsConfig.from_environment(given) == NatsConfig(
        servers, "u", "p", "t", "n", "c", "ca", "cert", "key"
    )


def test_no_secret_is_in_the_text_of_the_settings() -> None:
    config = NatsConfig(("nats://u:secret@a",), "u", "secret", "secret", "secret")
    assert "secret" not in repr(config)


async def test_files_that_cannot_be_read_are_no_evidence(server: NatsServer) -> None:
    config = NatsConfig(servers=(server.url,), ca_cert="/nowhere/ca.pem")
    async with asking(config) as prober:
        found = await prober.ask([GENERATE], AMPLE)
    assert found[GENERATE].answer is ProbeAnswer.UNTRIED


async def test_whether_nats_can_be_reached_is_told_of_the_channels_that_it_carries() -> None:
    channel = NATS_SERVER.address
    with NatsServer() as server:
        async with asking(NatsConfig(servers=(server.url,))) as prober:
            assert await prober.ask([channel], AMPLE) == {channel: REACHED}
            both = await prober.ask([channel, GENERATE], AMPLE)
            assert both == {channel: REACHED, GENERATE: UNLISTED}
            server.kill()
            found = await prober.ask([channel, GENERATE], LIMIT)
            assert found[channel].answer is ProbeAnswer.AWAY
            # By then the client may know that the server refuses, or only that it is not there.
            assert found[GENERATE].answer in (ProbeAnswer.UNTRIED, ProbeAnswer.AWAY)
            assert (await prober.ask([channel], LIMIT))[channel].answer is ProbeAnswer.AWAY
            server.start()
            assert await prober.ask([channel], AMPLE) == {channel: REACHED}
    async with asking(None) as prober:
        assert (await prober.ask([channel], LIMIT))[channel].answer is ProbeAnswer.UNTRIED


async def test_a_user_whom_nats_does_not_accept_tells_nothing_of_whether_it_is_there() -> None:
    channel = NATS_SERVER.address
    with NatsServer("--auth", "secret") as server:
        async with asking(NatsConfig(servers=(server.url,), token="other")) as prober:
            assert (await prober.ask([channel], AMPLE))[channel].answer is ProbeAnswer.UNTRIED
