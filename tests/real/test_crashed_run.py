"""What a crashed run of real workers leaves behind goes by one `c` and one `Y`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.support.dashboard import Dashboard, leading_to
from tests.support.dynamo import DynamoWorker, Store, registered_keys
from tests.support.etcd_places import QUICK
from tests.support.etcd_server import EtcdServer
from tests.support.running import dyntop

WORKERS = 3
ENDPOINTS = 2
"""Of a worker."""


@pytest.fixture(params=["etcd", "file"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    if request.param == "etcd":
        with EtcdServer(*QUICK) as etcd:
            yield etcd
    else:
        with TemporaryDirectory() as above:
            yield Path(above) / "kv"


@pytest.fixture
def run(store: Store) -> Iterator[list[DynamoWorker]]:
    """Workers whose channels have addresses of their own, as in whole clusters by default."""
    with ExitStack() as stack:
        workers = [
            DynamoWorker(store, component=f"set-{n}", loras=["acme/sql"], event_plane="zmq")
            for n in range(WORKERS)
        ]
        yield [stack.enter_context(worker) for worker in workers]


def test_one_c_and_one_yes_leave_the_store_clean(
    store: Store, run: list[DynamoWorker], tmp_path: Path
) -> None:
    with Dashboard(store, state=tmp_path) as dashboard:
        dashboard.wait_for_rows("● live", count=WORKERS * ENDPOINTS)
        keys = registered_keys(store)
        for worker in run:
            worker.kill()
        # At once: their leases, or files, are still good for a while.
        dashboard.press("c")
        dashboard.wait_for(f"Clean up {len(keys)} stale keys?")
        dashboard.say_yes(f"Clean up {len(keys)} stale keys?")
        dashboard.wait_for("Cleaned up")
        assert registered_keys(store) == set()


def test_the_command_does_the_same(store: Store, run: list[DynamoWorker], tmp_path: Path) -> None:
    keys = registered_keys(store)
    for worker in run:
        worker.kill()
    ended = dyntop("unregister", "--stale", "--yes", env=leading_to(store, tmp_path))
    assert ended.code == 0, ended.err
    assert {*ended.lines} == {f"removed {key}" for key in keys}
    assert registered_keys(store) == set()
