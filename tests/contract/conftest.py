from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from importlib import import_module
from pathlib import Path

import pytest

from backends.store import Store
from tests.contract.harness import Harness

HARNESSES = {
    "memory": "MemoryHarness",
    "file": "FileHarness",
    "etcd": "EtcdHarness",
}
"""Each store under test; the class lives in `tests/contract/{store}_harness.py`."""


@pytest.fixture(params=HARNESSES)
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Harness]:
    module = import_module(f"tests.contract.{request.param}_harness")
    harness: Harness = getattr(module, HARNESSES[request.param])(tmp_path)
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
