from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from importlib import import_module
from pathlib import Path

import pytest

from backends.store import Store
from tests.support.harness import Harness
from tests.support.nats_server import NatsServer

HARNESSES = {
    "memory": "MemoryHarness",
    "file": "FileHarness",
    "etcd": "EtcdHarness",
    "nats": "NatsHarness",
    "kubernetes": "KubernetesHarness",
    "kubernetes_standin": "KubernetesStandinHarness",
}
"""Each store under test; the class lives in `tests/contract/{store}_harness.py`."""


@pytest.fixture(scope="module")
def nats_server() -> Iterator[NatsServer]:
    """One for all: each test begins by deleting what the one before left."""
    with NatsServer() as server:
        yield server


@pytest.fixture(params=HARNESSES)
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Harness]:
    module = import_module(f"tests.contract.{request.param}_harness")
    harness: Harness = getattr(module, HARNESSES[request.param])(tmp_path)
    if request.param == "nats":
        vars(harness)["server"] = request.getfixturevalue("nats_server")
    if request.param == "kubernetes":
        vars(harness)["server"] = request.getfixturevalue("stoppable_kubernetes")
    await harness.start()
    try:
        yield harness
    finally:
        await harness.stop()


@pytest.fixture
async def open_store(place: Harness) -> AsyncIterator[Callable[[], Store]]:
    """Opens stores on the place, as separate processes would, and closes them after the test."""
    opened: list[Store] = []

    def open_one() -> Store:
        opened.append(place.open())
        return opened[-1]

    yield open_one
    for store in opened:
        await store.aclose()


@pytest.fixture
async def store(open_store: Callable[[], Store]) -> Store:
    return open_store()
