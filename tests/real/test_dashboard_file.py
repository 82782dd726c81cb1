"""The dashboard in a real terminal on a real file store with real workers."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.dashboard import Dashboard, assert_shows_all, listed
from tests.support.dynamo import DynamoClient, DynamoWorker, registered_keys

ADAPTER = "acme/SQL_v2"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that is not there yet: the first worker creates it."""
    # Not pytest's: of a long path there is so much to show that the header leaves out counts.
    with tempfile.TemporaryDirectory() as above:
        yield Path(above) / "kv"


@pytest.fixture
def dashboard(folder: Path) -> Iterator[Dashboard]:
    with Dashboard(folder) as dashboard:
        dashboard.wait_for("does not exist")
        yield dashboard


def test_a_killed_workers_rows_stay_expired_until_somebody_sweeps(
    folder: Path, dashboard: Dashboard
) -> None:
    with DynamoWorker(folder, publishers=False) as worker:
        assert_shows_all(dashboard, registered_keys(folder))

        worker.unregister_endpoint()
        dashboard.wait_for_rows("† gone", worker.instance_id, count=1)
        start = time.monotonic()
        worker.register_endpoint()
        dashboard.wait_for_rows("● live", worker.instance_id, count=2)
        print(f"from registering to the screen: {time.monotonic() - start:.3f} s")

        keys = registered_keys(folder)
        start = time.monotonic()
        worker.kill()
        dashboard.wait_for_rows("○ expired", worker.instance_id, count=2)
        print(f"from kill -9 to expired: {time.monotonic() - start:.1f} s")
        assert registered_keys(folder) == keys
        assert_shows_all(dashboard, keys)
        assert all(record["expired_at"] is not None for record in listed(folder))

        start = time.monotonic()
        with DynamoClient(folder) as client:
            dashboard.wait_for_rows("† gone", worker.instance_id, count=2)
            print(f"from the start of a client to leaving: {time.monotonic() - start:.1f} s")
            assert client.instance_ids() == set()
            # It swept only the bucket that it watches.
            left = {key for key in keys if not key.startswith("v1/instances/")}
            assert registered_keys(folder) == left
            dashboard.hide_gone()
            assert_shows_all(dashboard, left)

        dashboard.open("Events")
        dashboard.wait_for(lambda _: dashboard.rows_with("○ expired", "worker"))
        dashboard.wait_for(lambda _: dashboard.rows_with("- removed", "swept by"))


def test_what_is_unregistered_is_gone_from_a_real_client(
    folder: Path, dashboard: Dashboard
) -> None:
    with (
        DynamoWorker(folder, publishers=False) as target,
        DynamoWorker(folder, publishers=False) as other,
        DynamoClient(folder) as client,
    ):
        client.wait_for_instances({target.instance_id, other.instance_id})
        dashboard.wait_for(lambda _: dashboard.counts().get("Instances") == 4)
        keys = registered_keys(folder)

        dashboard.filter(f"{target.instance_id} generate")
        row = ["prod/backend/generate", target.instance_id]
        dashboard.wait_for(lambda _: [cells[1:3] for cells in dashboard.table()] == [row])
        dashboard.drain(target.instance_id)
        dashboard.wait_for_rows("† gone", target.instance_id, count=1)
        client.wait_for_instances({other.instance_id})
        left = {key for key in keys if not key.endswith(f"/{target.instance_id}") or "/mdc/" in key}
        assert registered_keys(folder) == left
        assert target.running

        dashboard.clear_filter()
        dashboard.hide_gone()
        assert_shows_all(dashboard, left)
        dashboard.open("Events")
        dashboard.wait_for("drained by this dyntop")


def test_after_a_folder_was_away_the_screen_equals_it(folder: Path, dashboard: Dashboard) -> None:
    with DynamoWorker(folder, component="lora", loras=[ADAPTER]) as worker:
        assert_shows_all(dashboard, registered_keys(folder))
        counts, rows = dashboard.counts(), [row[1:4] for row in dashboard.table()]

        worker.pause()
        away = folder.rename(folder.with_name("away"))
        dashboard.wait_for("✗ disconnected since")
        assert {**dashboard.counts(), "Events": 0} == {**counts, "Events": 0}
        assert [row[1:4] for row in dashboard.table()] == rows

        away.rename(folder)
        worker.resume()
        worker.unregister_endpoint()
        dashboard.wait_for("● connected")
        dashboard.wait_for_rows("† gone", worker.instance_id, count=1)
        dashboard.hide_gone()
        keys = registered_keys(folder)
        assert_shows_all(dashboard, keys)
        assert {record["key"] for record in listed(folder)} == keys
