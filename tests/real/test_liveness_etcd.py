"""Real workers on etcd that are killed or stopped: the dashboard says so while they are listed."""

from __future__ import annotations

import json
import re
import socket
import time
from pathlib import Path

import pytest

from tests.support.dashboard import Dashboard
from tests.support.dynamo import DynamoWorker, registered_keys
from tests.support.etcd_places import QUICK
from tests.support.etcd_server import EtcdEntry, EtcdServer
from tests.support.waiting import wait_for
from tui.text.detail import JUST_NOW

ENDPOINTS = 2
"""Of a worker."""
LEASE_TTL = 20
"""Seconds; Dynamo 1.6.1's own are 30."""
LONG_LEASE_TTL = 60
"""Seconds. Even half of it, after which a lease is late, outlasts what is looked at meanwhile."""


def seconds_left(etcd: EtcdServer, worker: DynamoWorker) -> int:
    """Of a worker's lease, rounded down; below 0 once there is none."""
    answer = etcd.etcdctl("lease", "timetolive", worker.instance_id, "--write-out", "json")
    left: int = json.loads(answer)["ttl"]
    return left


def entries_of(etcd: EtcdServer, keys: set[str]) -> dict[str, EtcdEntry]:
    """What etcd holds of these keys, with the revisions that tell whether they were rewritten."""
    entries = etcd.entries("v1/").items()
    return {key.decode(): entry for key, entry in entries if key.decode() in keys}


def assert_accepts_connections(etcd: EtcdServer, worker: DynamoWorker) -> None:
    """The kernel still takes connections for a worker, whatever the worker itself does."""
    body = json.loads(etcd.entries()[worker.instance_key().encode()].value)
    host, _, port = body["transport"]["tcp"].partition("/")[0].rpartition(":")
    socket.create_connection((host, int(port)), 10).close()


def test_a_killed_worker_is_unreachable_while_its_keys_stand(
    etcd: EtcdServer, tmp_path: Path
) -> None:
    with (
        DynamoWorker(etcd, component="other", publishers=False),
        DynamoWorker(etcd, publishers=False) as worker,
        Dashboard(etcd, state=tmp_path) as dashboard,
    ):
        dashboard.wait_for_rows("● live", worker.instance_id, count=ENDPOINTS)
        keys = worker.registered()
        start = time.monotonic()
        worker.kill()
        dashboard.wait_for_rows("✗ unreachable", worker.instance_id, count=ENDPOINTS)
        print(f"from kill -9 to unreachable: {time.monotonic() - start:.2f} s")
        assert keys <= registered_keys(etcd)

        # One of two workers, and not the other one.
        dashboard.wait_for("all namespaces 1/2 !")
        dashboard.wait_for("findings")
        dashboard.wait_for_rows("● live", "prod/other/", count=ENDPOINTS)
        dashboard.show_rows_of(worker.instance_id, ENDPOINTS)
        dashboard.wait_for("refuses connections")


def test_a_lease_that_is_not_renewed_is_late_before_it_ends(
    etcd: EtcdServer, tmp_path: Path
) -> None:
    with (
        DynamoWorker(etcd, publishers=False, lease_ttl=LEASE_TTL) as worker,
        Dashboard(etcd, "--probe", "never", state=tmp_path) as dashboard,
    ):
        dashboard.wait_for_rows("● live", worker.instance_id, count=ENDPOINTS)
        keys = worker.registered()
        worker.kill()
        wait_for(lambda: seconds_left(etcd, worker) < LEASE_TTL // 2, "half of the lease over")
        start = time.monotonic()
        dashboard.wait_for_rows("◐ late", worker.instance_id, count=ENDPOINTS)
        print(f"from half of the lease to late: {time.monotonic() - start:.2f} s")
        dashboard.wait_for(f"the keep-alive at {LEASE_TTL // 2} s was missed")

        dashboard.wait_for_rows("† gone", worker.instance_id, count=ENDPOINTS)
        assert not registered_keys(etcd)
        # Nobody was asked, so nothing else was ever said of it.
        dashboard.open("Events")
        dashboard.wait_for_rows("○ expired", "lease ran out", count=1)
        dashboard.press("g", "l")
        dashboard.wait_for_rows("- removed", count=len(keys))


@pytest.mark.usefixtures("network")
def test_a_stopped_worker_with_zmq_publishers_is_unreachable_until_it_goes_on(
    tmp_path: Path,
) -> None:
    with (
        EtcdServer(*QUICK) as etcd,
        DynamoWorker(etcd, event_plane="zmq") as worker,
        Dashboard(etcd, state=tmp_path) as dashboard,
    ):
        dashboard.wait_for_rows("● live", worker.instance_id, count=ENDPOINTS)
        before = entries_of(etcd, worker.registered())
        start = time.monotonic()
        worker.pause()
        dashboard.wait_for_rows("✗ unreachable", worker.instance_id, count=ENDPOINTS)
        print(f"from SIGSTOP to unreachable: {time.monotonic() - start:.2f} s")
        assert_accepts_connections(etcd, worker)
        assert entries_of(etcd, {*before}) == before

        start = time.monotonic()
        worker.resume()
        dashboard.wait_for_rows("● live", worker.instance_id, count=ENDPOINTS)
        print(f"from SIGCONT to live: {time.monotonic() - start:.2f} s")
        # It never lost its lease, so it never had to register again.
        assert entries_of(etcd, {*before}) == before


def test_a_stopped_worker_without_them_is_unreachable_once_it_is_probed(
    etcd: EtcdServer, tmp_path: Path
) -> None:
    # Its publishers are on a NATS server, which goes on whatever becomes of the worker.
    with (
        DynamoWorker(etcd, event_plane="nats", lease_ttl=LONG_LEASE_TTL) as worker,
        Dashboard(etcd, state=tmp_path) as dashboard,
    ):
        dashboard.wait_for_rows("● live", worker.instance_id, count=ENDPOINTS)
        before = entries_of(etcd, worker.registered())
        worker.pause()
        # So long after it was stopped, what is of now was asked since.
        left = seconds_left(etcd, worker) - JUST_NOW
        wait_for(lambda: seconds_left(etcd, worker) < left, "that evidence of before is old")
        dashboard.wait_for(lambda text: re.search(r"accepts connections +\(now\)", text))
        assert len(dashboard.rows_with("● live", worker.instance_id)) == ENDPOINTS

        start = time.monotonic()
        dashboard.press("p")
        dashboard.wait_for_rows("✗ unreachable", worker.instance_id, count=ENDPOINTS)
        print(f"from p to unreachable: {time.monotonic() - start:.2f} s")
        assert_accepts_connections(etcd, worker)
        assert entries_of(etcd, {*before}) == before

        worker.resume()
        dashboard.press("p")
        dashboard.wait_for_rows("● live", worker.instance_id, count=ENDPOINTS)
        assert entries_of(etcd, {*before}) == before
