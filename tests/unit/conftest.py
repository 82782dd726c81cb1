from __future__ import annotations

import pytest

from backends.discovery import Discovery
from backends.memory import Keyspace, MemoryStore


@pytest.fixture
def keyspace() -> Keyspace:
    return Keyspace()


@pytest.fixture
def discovery(keyspace: Keyspace) -> Discovery:
    return Discovery(MemoryStore(keyspace))
