"""What real Dynamo releases count, as the library, the dashboard and the command show it."""

from __future__ import annotations

import asyncio
import contextlib
import time
import urllib.request
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass

import pytest
from prometheus_client.parser import text_string_to_metric_families

from backends.discovery.discovery import Discovery
from backends.dynamo.ids import Kind
from backends.dynamo.queries import Query
from backends.dynamo.records import EndpointInstance
from backends.etcd import EtcdConfig, EtcdStore
from backends.memory import Keyspace, MemoryStore
from backends.nats.config import NatsConfig
from backends.services.exposition import PREFIX, exposition
from backends.services.latest import LatestStats
from backends.services.overview import Answering, Usage, subjects, total
from backends.services.scraper import ServiceScraper
from backends.store import Store
from tests.real.released import NEWEST, ReleasedClient, ReleasedWorker
from tests.support.dynamo import discovery_environment
from tests.support.etcd_places import QUICK
from tests.support.etcd_server import EtcdServer
from tests.support.namespace import NotAllowed, own_network
from tests.support.nats_server import NatsServer
from tests.support.operating import Operator, dashboard
from tests.support.ports import LOOPBACK, free_ports
from tests.support.running import dyntop
from tui.text.services import NOBODY

OLD, NEWER = "0.6.1", "1.2.1"


@dataclass(frozen=True)
class Place:
    """An etcd and a NATS, and a worker of one release on both."""

    etcd: EtcdServer
    nats: NatsServer
    worker: ReleasedWorker
    begun: float
    """When the worker had not started yet, in POSIX seconds."""

    @property
    def subject(self) -> str:
        return f"prod_backend.generate-{self.worker.instance_id}"

    def store(self) -> Store:
        if self.worker.release != OLD:
            return EtcdStore(EtcdConfig(endpoints=[self.etcd.endpoint]))
        # gRPC keeps its threads for as long as this process runs: those that it began in a network
        # of a test's own would stay there, and so would all it connects later.
        keyspace = Keyspace()
        for key, entry in self.etcd.entries().items():
            if entry.lease:
                keyspace.grant(entry.lease, 3600.0)
            keyspace.put(key, entry.value, entry.lease or None)
        return MemoryStore(keyspace)

    def scraper(self) -> ServiceScraper:
        return ServiceScraper(NatsConfig((self.nats.url,)), clock=time.time)

    def client(self) -> ReleasedClient:
        return ReleasedClient(self.worker.release, self.etcd, self.nats)

    @contextlib.asynccontextmanager
    async def dashboard(self) -> AsyncGenerator[Operator, None]:
        """The dashboard on it, with the open tab that shows what is counted."""
        store, scraper = self.store(), self.scraper()
        try:
            async with dashboard(store=store, services=scraper) as operator:
                assert operator.dashboard.figures.services is not None
                operator.dashboard.figures.services.interval = 0.2
                await operator.press("5")
                yield operator
        finally:
            await scraper.aclose()
            await store.aclose()

    async def look(self, board: LatestStats) -> list[Usage]:
        """Scrape once more, and join it to what is registered."""
        store, scraper = self.store(), self.scraper()
        try:
            listed = await Discovery(store).list(Query(frozenset({Kind.ENDPOINT})))
            records = [one for one in listed if isinstance(one, EndpointInstance)]
            board.take(await scraper.scrape(subjects(records)))
            return board.usages(records)
        finally:
            await scraper.aclose()
            await store.aclose()


@contextlib.contextmanager
def place(release: str, request_plane: str = "nats", **env: str) -> Iterator[Place]:
    begun = time.time()
    with (
        EtcdServer(*QUICK) as etcd,
        NatsServer() as nats,
        ReleasedWorker(release, etcd, nats, request_plane=request_plane, env=env) as worker,
    ):
        yield Place(etcd, nats, worker, begun)


@pytest.fixture(scope="module", params=[OLD, NEWER])
def served(request: pytest.FixtureRequest) -> Iterator[Place]:
    """A worker of a release that is called over NATS."""
    if request.param != OLD:
        with place(request.param, **system_server()) as there:
            yield there
        return
    try:
        # Clients of 0.6 wait for their answers on the machine's own address.
        with own_network(), place(OLD, DYN_SYSTEM_ENABLED="true", **system_server()) as there:
            yield there
    except NotAllowed as reason:
        pytest.skip(str(reason))


def system_server() -> dict[str, str]:
    return {"DYN_SYSTEM_HOST": LOOPBACK, "DYN_SYSTEM_PORT": str(free_ports(1)[0])}


async def count(there: Place) -> int:
    """Requests as of now."""
    counted = total(await there.look(LatestStats())).requests
    assert counted is not None
    return counted


def line(operator: Operator) -> str:
    return next(row for row in operator.lines() if "answered" in row or "figures of" in row)


# 1.6.1 has services too where it is told to take the NATS request plane.
@pytest.mark.parametrize("served", [OLD, NEWER, NEWEST], indirect=True)
async def test_each_call_of_a_real_client_is_counted(served: Place) -> None:
    board = LatestStats()
    (before,) = await served.look(board)
    assert before.answering is Answering.ANSWERS
    assert before.subject == served.subject
    assert f"{before.records[0].id.instance_id:x}" == served.worker.instance_id
    assert before.service is not None
    assert before.service.version == served.worker.release
    # It is said in whole seconds, and by another clock of the same machine.
    assert served.begun - 2 <= (before.service.started or 0) <= time.time() + 2
    assert before.stats is not None
    assert before.stats.figures is not None
    had = before.stats.figures.requests
    with served.client() as client:
        client.call(7)
        # An exception of the worker's own code is a request like any other to its service.
        client.fail(3)
        (after,) = await served.look(board)
    assert after.stats is not None
    assert after.stats.figures is not None
    assert after.stats.figures.requests == had + 10
    assert after.stats.figures.errors == 0
    assert after.stats.figures.mean_ms is not None
    assert after.stats.figures.mean_ms > 0
    assert after.rate is not None
    assert after.rate > 0


async def test_the_count_rises_on_screen_and_a_stopped_worker_is_silent(served: Place) -> None:
    had = await count(served)
    async with served.dashboard() as operator:
        await operator.until(lambda: operator.rows("name") == ["▾ prod/backend", "  ▸ generate"])
        await operator.until(lambda: operator.rows("requests") == [str(had)] * 2)
        with served.client() as client:
            client.call(1)
            await operator.until(lambda: operator.rows("requests") == [str(had + 1)] * 2)
            client.call(4)
            await operator.until(lambda: operator.rows("requests") == [str(had + 5)] * 2)
        # Of the worker, its endpoint, its instance.
        await operator.press("j", "l", "j")
        assert operator.at("name") == f"    · {served.worker.instance_id}"
        await operator.until(lambda: operator.detail()["requests"].startswith(f"{had + 5}, "))
        assert operator.detail()["started"].endswith("ago")

        served.worker.pause()
        try:
            await operator.until(lambda: set(operator.rows("answer")) == {"○ silent"})
            assert set(operator.rows("requests")) == {"–"}
            await operator.until(lambda: "a paused one" in operator.detail()["answer"])
            assert operator.header().count("connected")
        finally:
            served.worker.resume()
        await operator.until(lambda: operator.rows("requests") == [str(had + 5)] * 3)


@pytest.mark.parametrize("served", [NEWER], indirect=True)
async def test_stopping_nats_changes_a_line_and_not_the_dashboard(served: Place) -> None:
    had = await count(served)
    async with served.dashboard() as operator:
        await operator.until(lambda: operator.rows("requests") == [str(had)] * 2)
        await operator.until(lambda: "1 service answered" in line(operator))
        served.nats.stop()
        await operator.until(lambda: "NATS refuses connections since" in line(operator))
        assert operator.rows("requests") == [str(had)] * 2
        assert operator.pane.table.has_class("-stale")
        await operator.press("1")
        assert operator.rows("id") == [served.worker.instance_id]
        assert not operator.pane.table.has_class("-stale")
        await operator.press("5")
        served.nats.start()
        await operator.until(lambda: "1 service answered" in line(operator))
        await operator.until(lambda: operator.rows("requests") == [str(had)] * 2)
        assert not operator.pane.table.has_class("-stale")


@pytest.mark.parametrize("served", [NEWER], indirect=True)
async def test_the_command_prints_the_same(served: Place) -> None:
    had = await count(served)
    env = {**discovery_environment(served.etcd), "NATS_SERVER": served.nats.url}
    component, endpoint, instance = dyntop("stats", "-o", "json", env=env).records
    assert component["requests"] == endpoint["requests"] == instance["requests"] == had
    assert instance["subject"] == served.subject
    assert instance["answer"] == "answers"


async def test_prometheus_text_is_what_a_real_worker_exposes(served: Place) -> None:
    port = served.worker.environment()["DYN_SYSTEM_PORT"]
    theirs = shapes(await asyncio.to_thread(read, f"http://{LOOPBACK}:{port}/metrics"))
    if served.worker.release == NEWER:
        assert theirs == set()
        return
    assert len(theirs) == 6
    assert shapes(exposition(await served.look(LatestStats()))) == theirs


def read(url: str) -> str:
    with urllib.request.urlopen(url, timeout=60) as answer:
        text: str = answer.read().decode()
        return text


def shapes(text: str) -> set[tuple[object, ...]]:
    """Name, type, help and labels of the metrics about services; Dynamo counts when it likes."""
    return {
        (family.name, family.type, family.documentation, *sorted(sample.labels.items()))
        for family in text_string_to_metric_families(text)
        if family.name.startswith(PREFIX)
        for sample in family.samples
    }


async def test_on_the_tcp_plane_nobody_answers_and_it_says_so() -> None:
    with place(NEWEST, "tcp") as there:
        async with there.dashboard() as operator:
            await operator.until(lambda: operator.pane.table.empty_text == NOBODY)
            assert operator.rows("name") == []
