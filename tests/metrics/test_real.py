"""Figures of a real frontend and a real worker of Dynamo 1.6.1, as a real client asks them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from backends.connections import EtcdConnection, open_store
from backends.metrics import catalogue
from backends.metrics.catalogue import MetricOwner
from backends.metrics.latest import LatestMetrics
from backends.metrics.rates import WorkerLabels
from backends.metrics.scrape_targets import ScrapeTarget, given
from backends.metrics.scraper import Scraper
from tests.support.dynamo import DynamoClient, DynamoFrontend, DynamoWorker
from tests.support.etcd_places import QUICK
from tests.support.etcd_server import EtcdServer
from tests.support.metrics_screen import open_metrics
from tests.support.operating import Operator, dashboard
from tests.support.ports import free_ports
from tests.support.waiting import wait_for

MODEL = "acme/tiny-llm"
TOKENS = 5
"""Of each answer."""


@dataclass(frozen=True)
class Deployment:
    etcd: EtcdServer
    worker: DynamoWorker
    frontend: DynamoFrontend
    client: DynamoClient


@pytest.fixture(scope="module")
def deployment() -> Iterator[Deployment]:
    (port,) = free_ports(1)
    env = {"DYN_SYSTEM_PORT": str(port), "DYN_SELF_HOST_METADATA": "1"}
    with (
        EtcdServer(*QUICK) as etcd,
        DynamoWorker(etcd, publishers=False, loras=["acme/sql"], tokens=TOKENS, env=env) as worker,
        DynamoFrontend(etcd) as frontend,
        DynamoClient(etcd) as client,
    ):
        wait_for(lambda: frontend.models() == {MODEL, "acme/sql"}, "both models at the frontend")
        client.wait_for_instances({worker.instance_id})
        yield Deployment(etcd, worker, frontend, client)


@asynccontextmanager
async def scraper_of(deployment: Deployment) -> AsyncIterator[Scraper]:
    targets = given("--metrics", [deployment.frontend.url])
    scraper = Scraper(targets, reveals=True, here=True, clock=time.time)
    try:
        yield scraper
    finally:
        await scraper.aclose()


def server_of(deployment: Deployment) -> ScrapeTarget:
    port = deployment.worker.environment()["DYN_SYSTEM_PORT"]
    return ScrapeTarget(base=f"http://127.0.0.1:{port}", given=False)


async def test_the_figures_are_what_was_asked_for(deployment: Deployment) -> None:
    server = server_of(deployment)
    async with scraper_of(deployment) as scraper:
        (frontend,) = scraper.given
        board = LatestMetrics()
        # The first request makes the series; what came before a scrape is in none of its rates.
        await asyncio.to_thread(deployment.frontend.complete, MODEL)
        board.take(await asyncio.gather(*map(scraper.ask, (frontend, server))))
        assert board.known[frontend].figures.models[MODEL].request_rate is None

        for _ in range(4):
            assert await asyncio.to_thread(deployment.frontend.complete, MODEL)
        for _ in range(3):
            await asyncio.to_thread(deployment.client.generate)
        board.take(await asyncio.gather(*map(scraper.ask, (frontend, server))))

    assert board.known[frontend].kinds == {MetricOwner.FRONTEND}
    assert board.known[frontend].served == frozenset({MODEL, "acme/sql"})
    flow = board.known[frontend].figures.models[MODEL]
    assert flow.seconds is not None
    assert flow.request_rate is not None
    assert flow.token_rate is not None
    assert flow.request_rate * flow.seconds == pytest.approx(4)
    assert flow.token_rate * flow.seconds == pytest.approx(4 * TOKENS)
    assert flow.first_token.total == 4
    assert flow.between_tokens.total == 4 * (TOKENS - 1)
    first, between = (one.quantile(0.5) for one in (flow.first_token, flow.between_tokens))
    assert first is not None
    assert between is not None
    assert first.value > 0
    # Each 10 ms by the worker's clock; those that a busy frontend takes up late come together.
    assert between.value > 0
    print(f"at the frontend: first token {first.value:.4f} s, next {between.value:.4f} s")

    known = board.known[server]
    assert known.kinds == {MetricOwner.WORKER}
    assert known.served is None
    worker = deployment.worker
    place = WorkerLabels(worker.namespace, worker.component, "generate", worker.instance_id)
    assert known.figures.endpoints.keys() >= {place, place._replace(endpoint="clear_kv_blocks")}
    rate = known.figures.endpoints[place].request_rate
    assert rate is not None
    assert known.figures.process.seconds is not None
    assert rate * known.figures.process.seconds == pytest.approx(4 + 3)
    assert known.figures.process.first_response.total == 4 + 3
    # Of what is expected of 1.6.1, only what an engine tells is missing here.
    assert [one.names for one in known.missing] == [(catalogue.KV_USE, catalogue.KV_USE_BEFORE)]
    assert [one.names[0] for one in board.known[frontend].missing] == [
        catalogue.WORKER_BLOCKS,
        catalogue.TOTAL_BLOCKS,
    ]


@asynccontextmanager
async def at_the_dashboard(deployment: Deployment) -> AsyncIterator[Operator]:
    store = open_store(EtcdConnection(endpoints=(deployment.etcd.endpoint,)))
    try:
        async with (
            scraper_of(deployment) as scraper,
            dashboard(store=store, scrapes=scraper, size=(180, 45)) as operator,
        ):
            operator.dashboard.figures.metrics.interval = 0.5
            yield operator
    finally:
        await store.aclose()


async def test_the_tab_shows_the_requests_of_a_real_client(deployment: Deployment) -> None:
    async with at_the_dashboard(deployment) as operator:
        await open_metrics(operator)
        await operator.until(lambda: f"▸ {MODEL}" in operator.rows("name"), "the model")
        await operator.go_to("name", f"▸ {MODEL}")
        assert operator.at("state") == "● served"

        async def asks() -> None:
            while True:
                await asyncio.to_thread(deployment.frontend.complete, MODEL)

        asking = asyncio.create_task(asks())
        try:
            await operator.until(lambda: operator.at("requests") not in ("–", "0"), "requests")
            await operator.until(lambda: operator.at("ttft50") != "–", "a time to first token")
            await operator.until(lambda: operator.at("itl99") != "–", "a latency between tokens")
            await operator.press("l", "j")
            worker = f"  · backend {deployment.worker.instance_id}"
            assert operator.at("name") == worker
            await operator.until(lambda: operator.at("requests") not in ("–", "0"), "its requests")
            assert operator.detail()["joined"] == "its metrics name it"
            print(operator.text())
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)


async def test_what_is_registered_and_not_served_is_marked(deployment: Deployment) -> None:
    etcd, worker = deployment.etcd, deployment.worker
    mine = next(key for key in worker.registered() if key.startswith("v1/mdc") and "sql" not in key)
    value = etcd.entries(mine)[mine.encode()].value
    # A card whose files cannot be had from where it says they are: the frontend gives it up.
    (nobody,) = free_ports(1)
    server = server_of(deployment).base.encode()
    other = value.replace(MODEL.encode(), b"acme/refused")
    other = other.replace(server, f"http://127.0.0.1:{nobody}".encode())
    key = mine.replace(worker.instance_id, "77")
    async with at_the_dashboard(deployment) as operator:
        await open_metrics(operator)
        await operator.until(lambda: f"▸ {MODEL}" in operator.rows("name"), "the model")
        try:
            await asyncio.to_thread(etcd.etcdctl, "put", key, input=other)
            # It has no instance either, which alone leaves it unserved.
            await operator.go_to("name", "· ↛ acme/refused")
            assert operator.at("state") == "↛ unroutable"
            assert operator.detail()["served"].startswith("registered but not served")
            assert "acme/refused" not in await asyncio.to_thread(deployment.frontend.models)

            await operator.go_to("name", f"· ✗ 127.0.0.1:{nobody}")
            assert operator.detail()["state"] == "failing: it refuses connections"
            assert operator.detail()["known"] == "revealed by a model card"
            assert operator.detail()["answered"] == "never"
        finally:
            await asyncio.to_thread(etcd.etcdctl, "del", key)
        await operator.until(lambda: operator.rows("name") == [f"▸ {MODEL}"], "as it was")


async def test_what_is_served_and_not_registered_is_marked(deployment: Deployment) -> None:
    # A dashboard that looks into another namespace does not see its card.
    store = open_store(EtcdConnection(endpoints=(deployment.etcd.endpoint,)))
    try:
        async with (
            scraper_of(deployment) as scraper,
            dashboard(store=store, scrapes=scraper, namespace="test") as operator,
        ):
            await open_metrics(operator)
            await operator.until(lambda: f"· ≠ {MODEL}" in operator.rows("name"), "the model")
            await operator.go_to("name", f"· ≠ {MODEL}")
            assert "no card in namespace test" in operator.detail()["state"]
    finally:
        await store.aclose()
