"""The dashboard in a real terminal on a real etcd with real workers."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from tests.support.dashboard import Dashboard, assert_shows_all, listed
from tests.support.dynamo import DynamoClient, DynamoWorker, registered_keys
from tests.support.etcd_server import EtcdServer

ADAPTER = "acme/SQL_v2"
LEFTOVER = "v1/instances/prod/old/generate/1a2b"


@pytest.fixture
def dashboard(etcd: EtcdServer) -> Iterator[Dashboard]:
    """The dashboard on that etcd, which is empty."""
    with Dashboard(etcd) as dashboard:
        dashboard.wait_for("Nothing is registered yet")
        yield dashboard


def assert_lists_all(etcd: EtcdServer) -> None:
    """`dyntop list` prints what `etcdctl get` does."""
    entries = etcd.entries("v1/")
    assert {
        record["key"]: (record["revision"], record["lease"], record["value"])
        for record in listed(etcd)
    } == {
        key.decode(): (
            str(entry.mod_revision),
            f"{entry.lease:x}" if entry.lease else None,
            json.loads(entry.value),
        )
        for key, entry in entries.items()
    }


def test_workers_appear_and_leave_when_their_lease_ends(
    etcd: EtcdServer, dashboard: Dashboard
) -> None:
    with (
        DynamoWorker(etcd, component="lora", loras=[ADAPTER]) as staying,
        DynamoWorker(etcd, lease_ttl=12) as dying,
    ):
        assert_shows_all(dashboard, registered_keys(etcd))
        assert_lists_all(etcd)

        dying.unregister_endpoint()
        dashboard.wait_for_rows("† gone", dying.instance_id, count=1)
        start = time.monotonic()
        dying.register_endpoint()
        dashboard.wait_for_rows("● live", dying.instance_id, count=2)
        print(f"from registering to the screen: {time.monotonic() - start:.3f} s")

        keys = dying.registered()
        start = time.monotonic()
        dying.kill()
        dashboard.wait_for_rows("† gone", dying.instance_id, count=2)
        print(f"from kill -9 to leaving, of a lease of 12 s: {time.monotonic() - start:.1f} s")
        assert not keys & registered_keys(etcd)
        dashboard.hide_gone()
        assert_shows_all(dashboard, staying.registered())

        dashboard.open("Events")
        dashboard.wait_for_rows("○ expired", "lease ran out", count=1)
        dashboard.press("g", "l")
        # All that it died with, and the instance that went before.
        dashboard.wait_for_rows("- removed", count=len(keys) + 1)
        assert len(dashboard.rows_with("- removed", "instance")) == 3
        dashboard.wait_for("lease ran out: not renewed for")


def test_what_is_unregistered_is_gone_from_a_real_client(
    etcd: EtcdServer, dashboard: Dashboard
) -> None:
    with (
        DynamoWorker(etcd, publishers=False) as target,
        DynamoWorker(etcd, publishers=False) as other,
        DynamoClient(etcd) as client,
    ):
        both = {target.instance_id, other.instance_id}
        client.wait_for_instances(both)
        kept = target.registered() - {target.instance_key()}
        dashboard.wait_for(lambda _: dashboard.counts().get("Instances") == 4)

        dashboard.filter(f"{target.instance_id} generate")
        row = ["prod/backend/generate", target.instance_id]
        dashboard.wait_for(lambda _: [cells[1:3] for cells in dashboard.table()] == [row])
        dashboard.press("d")
        screen = dashboard.wait_for("Drain 2 instances?")
        assert target.instance_key() in screen
        assert etcd.endpoint in screen
        dashboard.press("escape")
        dashboard.wait_until_gone("Drain 2 instances?")
        assert client.instance_ids() == both

        dashboard.press("d")
        dashboard.choose_endpoint_alone()
        dashboard.answer_by_typing(target.instance_id, to="unregister")
        dashboard.wait_for_rows("† gone", target.instance_id, count=1)
        client.wait_for_instances({other.instance_id})
        assert target.instance_key() not in registered_keys(etcd)
        # That key alone: its worker runs on and keeps the rest.
        assert target.running
        assert target.registered() == kept

        dashboard.clear_filter()
        dashboard.open("Events")
        dashboard.wait_for_rows("drained", target.instance_id, count=1)
        dashboard.wait_for("drained by this dyntop")


def test_after_a_restart_the_screen_equals_etcd(etcd: EtcdServer, dashboard: Dashboard) -> None:
    with (
        DynamoWorker(etcd, component="lora", loras=[ADAPTER]) as worker,
        DynamoWorker(etcd, publishers=False),
    ):
        # What nobody's lease will ever remove.
        etcd.etcdctl("put", LEFTOVER, input=etcd.entries()[worker.instance_key().encode()].value)
        assert_shows_all(dashboard, registered_keys(etcd))
        counts, rows = dashboard.counts(), [row[1:3] for row in dashboard.table()]

        etcd.stop()
        dashboard.wait_for("✗ disconnected since")
        assert {**dashboard.counts(), "Events": 0} == {**counts, "Events": 0}
        assert [row[1:3] for row in dashboard.table()] == rows

        etcd.start()
        etcd.etcdctl("del", LEFTOVER)
        dashboard.wait_for("● connected")
        dashboard.wait_for_rows("† gone", "prod/old/generate", count=1)
        dashboard.hide_gone()
        assert_shows_all(dashboard, registered_keys(etcd))
        assert_lists_all(etcd)


def test_after_a_wipe_the_screen_is_empty(etcd: EtcdServer, dashboard: Dashboard) -> None:
    with DynamoWorker(etcd, publishers=False) as worker:
        dashboard.wait_for_rows(worker.instance_id, count=2)
        etcd.wipe()
        dashboard.wait_for("0 instances  0 workers  0 models  0 channels")
        dashboard.wait_for("● connected")
        dashboard.wait_for_rows("† gone", worker.instance_id, count=2)
        dashboard.hide_gone()
        dashboard.wait_for("Nothing is registered yet")
        assert registered_keys(etcd) == set()
        assert_shows_all(dashboard, set())
        assert listed(etcd) == []
