from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from backends.file import FileStore

OpenStore = Callable[..., FileStore]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder that is not there yet."""
    return tmp_path / "store"


@pytest.fixture
def bucket(root: Path) -> Path:
    """The folder of `v1/instances`, as Dynamo makes it."""
    folder = root / "v1" / "instances"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
async def open_store(root: Path) -> AsyncIterator[OpenStore]:
    """Opens stores on `root`, as separate processes would, and closes them after the test."""
    opened: list[FileStore] = []

    def open_one(**settings: Any) -> FileStore:
        opened.append(FileStore(root, **{"poll_interval": 0.1} | settings))
        return opened[-1]

    yield open_one
    for store in opened:
        await store.aclose()


@pytest.fixture(params=[True, False], ids=["notices", "polling alone"])
def notifications(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)
