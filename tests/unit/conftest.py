from __future__ import annotations

import pytest
from hypothesis import settings

from backends.discovery import Discovery
from backends.memory import Keyspace, MemoryStore

# The same examples in every run, and no stop-watch: these machines are shared.
settings.register_profile("dyntop", derandomize=True, deadline=None, database=None)
settings.load_profile("dyntop")


@pytest.fixture
def keyspace() -> Keyspace:
    return Keyspace()


@pytest.fixture
def discovery(keyspace: Keyspace) -> Discovery:
    return Discovery(MemoryStore(keyspace))
