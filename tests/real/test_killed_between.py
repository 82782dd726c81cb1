"""dyntop killed in the middle of a removal: nothing is half done, and what went can come back."""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from backends.removal.audit.location import default_path
from backends.removal.audit.operation import Item
from tests.support.dashboard import Dashboard
from tests.support.dynamo import DynamoClient, DynamoWorker
from tests.support.etcd_server import EtcdEntry, EtcdServer
from tests.support.running import dyntop
from tests.support.waiting import wait_for
from tui.cli.shared.audit_file import audit_at


class Removal:
    """A yes to draining one instance of a real worker, while etcd does not answer."""

    def __init__(self, etcd: EtcdServer, worker: DynamoWorker, dashboard: Dashboard) -> None:
        self.etcd = etcd
        self.worker = worker
        self.dashboard = dashboard
        self.key = worker.instance_key()
        self.before = self.entry()
        self.audit = default_path(dashboard.env)
        assert self.before is not None

    def entry(self) -> EtcdEntry | None:
        """What etcd has under the key now."""
        return self.etcd.entries(self.key).get(self.key.encode())

    def ask(self) -> None:
        """Open the question."""
        self.dashboard.wait_for_rows("● live", self.worker.instance_id, count=2)
        self.dashboard.filter(f"{self.worker.instance_id} generate")
        self.dashboard.wait_for(lambda _: len(self.dashboard.table()) == 1)
        self.dashboard.wait_for_rows("● live", self.worker.instance_id, count=1)
        self.dashboard.press("d")
        self.dashboard.wait_for("Drain 2 instances?")
        self.dashboard.choose_endpoint_alone()

    def say_yes(self) -> None:
        """With etcd stopped: what the store is asked for now waits."""
        self.etcd.pause()
        self.dashboard.answer_by_typing(self.worker.instance_id, to="unregister")

    def kill(self) -> None:
        """SIGKILL of dyntop: it writes nothing more and tells nobody."""
        self.dashboard.signal(signal.SIGKILL)
        assert self.dashboard.wait_for_end() == -signal.SIGKILL

    def written(self) -> list[Item]:
        """What the audit holds of it. Cut off, or of another key, it would not be here."""
        trail = audit_at(self.audit).read()
        assert trail.unreadable == 0
        return [item for act in trail.acts for item in act.items]

    def assert_written_whole(self) -> None:
        """Exactly what was in etcd before, and not what came of it, which nobody knew."""
        assert self.before is not None
        (item,) = self.written()
        assert item.entry.key == self.key.encode()
        assert item.entry.value == self.before.value
        assert item.entry.lease == self.before.lease
        assert item.entry.revision == str(self.before.mod_revision)
        assert item.outcome is None
        (act,) = dyntop("history", "-o", "json", env=self.dashboard.env).records
        assert [(one["key"], one["outcome"]) for one in act["keys"]] == [(self.key, None)]

    def restore(self) -> tuple[int, str]:
        """Put it back in a new process: the exit code, and all that it says."""
        act = audit_at(self.audit).acts()[-1].id
        ended = dyntop("restore", act, env=self.dashboard.env)
        return ended.code, ended.out.decode() + ended.err


@pytest.fixture
def removal(etcd: EtcdServer, tmp_path: Path) -> Iterator[Removal]:
    """Asked for, with no answer yet."""
    with (
        DynamoWorker(etcd, publishers=False) as worker,
        Dashboard(etcd, state=tmp_path) as dashboard,
    ):
        removal = Removal(etcd, worker, dashboard)
        removal.ask()
        try:
            yield removal
        finally:
            etcd.resume()


@contextmanager
def locked(audit: Path) -> Iterator[None]:
    """Keep every dyntop from writing to an audit, as another one does for a moment."""
    lock = audit.with_name(f"{audit.name}.lock")
    lock.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def wait_until_written(removal: Removal) -> None:
    """Until the audit says that the key is being removed."""
    wait_for(removal.written, "what is being removed, in the audit")


def test_killed_before_it_is_written_down_nothing_is_removed(removal: Removal) -> None:
    with locked(removal.audit):
        removal.say_yes()
        removal.kill()
    removal.etcd.resume()
    assert removal.written() == []
    assert removal.entry() == removal.before


def test_killed_while_the_store_is_asked_it_is_there_as_it_was_or_can_be_put_back(
    removal: Removal,
) -> None:
    removal.say_yes()
    wait_until_written(removal)
    removal.kill()
    removal.etcd.resume()
    # Whether etcd still got the question is chance; that there are only these two is not.
    found = removal.entry()
    print(f"after the kill the key is {'gone' if found is None else 'there'}")
    assert found in (None, removal.before)
    removal.assert_written_whole()
    assert_can_be_put_back(removal)


def test_killed_before_the_outcome_is_written_down_it_can_be_put_back(removal: Removal) -> None:
    with DynamoClient(removal.etcd) as client:
        client.wait_for_instances({removal.worker.instance_id})
        removal.say_yes()
        wait_until_written(removal)
        with locked(removal.audit):
            removal.etcd.resume()
            wait_for(lambda: removal.entry() is None, "the key gone")
            removal.kill()
        client.wait_for_instances(set())
        removal.assert_written_whole()

        assert_can_be_put_back(removal)
        client.wait_for_instances({removal.worker.instance_id})
        assert [frame["pid"] for frame in client.generate()] == [removal.worker.process.pid]


def test_what_registered_again_after_the_kill_is_not_overwritten(removal: Removal) -> None:
    removal.say_yes()
    wait_until_written(removal)
    with locked(removal.audit):
        removal.etcd.resume()
        wait_for(lambda: removal.entry() is None, "the key gone")
        removal.kill()
    removal.worker.register_endpoint()
    registered_again = wait_for(removal.entry, "the instance again")
    code, told = removal.restore()
    assert code == 1
    assert f"{removal.key}: not put back: the key exists again" in told
    assert removal.entry() == registered_again


def assert_can_be_put_back(removal: Removal) -> None:
    """It is there again under its lease, or still is and nothing was written over it."""
    assert removal.before is not None
    was_there = removal.entry()
    code, told = removal.restore()
    now = removal.entry()
    assert now is not None
    assert (now.value, now.lease) == (removal.before.value, removal.before.lease)
    if was_there is None:
        assert (code, told) == (0, f"put back {removal.key}\n")
    else:
        assert (code, now) == (1, removal.before)
        assert f"{removal.key}: not put back: the key exists again" in told
