"""Whatever happens, the view equals the world, and nothing goes that was not seen so.

`DYNTOP_TEST_EXAMPLES=200` drives each store through that many worlds instead of a few.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backends.dynamo.queries import EVERYTHING
from backends.store import Entry
from tests.contract.etcd_harness import EtcdHarness
from tests.contract.file_harness import FileHarness
from tests.contract.memory_harness import MemoryHarness
from tests.faults.model import WORKERS, Model, ReadsWorld, Step, What, World
from tests.support.harness import Harness

EXAMPLES = int(os.environ.get("DYNTOP_TEST_EXAMPLES", "0"))

OFTEN = (What.PUT, What.PUT, What.SEE, What.REMOVE)
"""What has to come together for a removal to meet a change."""
steps = st.lists(
    st.builds(
        Step, st.sampled_from((*What, *OFTEN)), st.integers(0, WORKERS - 1), st.integers(0, 9)
    ),
    min_size=10,
    max_size=30,
)


def examples(few: int) -> settings:
    return settings(
        max_examples=EXAMPLES or few,
        deadline=None,
        derandomize=not EXAMPLES,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )


class Kept(EtcdHarness):
    """On a server that runs already, and is emptied first."""

    async def start(self) -> None:
        self.server.etcdctl("del", "--prefix", "")
        await super().start()

    async def stop(self) -> None:
        await self.forwarder.cut()


def told(entries: Iterable[Entry]) -> World:
    return {entry.key: (entry.revision, entry.value) for entry in entries}


async def drive(place: Harness, world: ReadsWorld, steps: list[Step]) -> None:
    await place.start()
    try:
        async with Model.running(place, world) as model:
            await model.take(steps)
    finally:
        await place.stop()


@given(steps)
@examples(40)
def test_memory(steps: list[Step]) -> None:
    place = MemoryHarness(Path())

    async def world() -> World:
        return told(place.keyspace.read([b""]).entries)

    asyncio.run(drive(place, world, steps))


@given(steps)
@examples(15)
def test_a_folder(steps: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = FileHarness(Path(folder))

        async def world() -> World:
            # A file's revision is what a store makes of it; this one knows nothing of before.
            store = place.open()
            return told((await store.snapshot(EVERYTHING.prefixes)).entries)

        asyncio.run(drive(place, world, steps))


@pytest.fixture(scope="module")
def kept() -> Iterator[Kept]:
    harness = Kept(Path())
    with harness.server:
        yield harness


@given(steps=steps)
@examples(5)
def test_etcd(kept: Kept, steps: list[Step]) -> None:
    async def world() -> World:
        entries = await asyncio.to_thread(kept.server.entries)
        return {key: (str(one.mod_revision), one.value) for key, one in entries.items()}

    asyncio.run(drive(kept, world, steps))
