"""`dyntop watch` on real stores."""

from __future__ import annotations

import os
import re
import subprocess
from datetime import datetime
from pathlib import Path

from tests.cli.conftest import BODY, CARD, CARD_BODY, INSTANCE
from tests.support.etcd_server import EtcdServer
from tests.support.running import COMMAND, DEADLINE, Watching, environment, put_file

ID = ["kind", "key", "namespace", "component", "endpoint", "topic", "instance_id", "model_suffix"]


def test_first_what_is_there_then_a_resync_then_changes(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    etcd.etcdctl("put", INSTANCE.decode(), input=BODY)
    etcd.etcdctl("put", "registry/pods/x", "1")
    with Watching(env=in_etcd) as watching:
        added, resync = watching.until_resync()
        assert list(added) == ["event", "time", "record"]
        assert added["event"] == "added"
        assert added["record"]["key"] == INSTANCE.decode()
        assert added["record"]["instance_id"] == "7d7ba1fd23957b1c"
        assert added["record"]["ttl_remaining"] is None
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", added["time"])
        assert datetime.fromisoformat(added["time"]) <= datetime.fromisoformat(resync["time"])
        assert list(resync) == ["event", "time", "revision"]
        assert int(resync["revision"]) >= int(added["record"]["revision"])

        etcd.etcdctl("put", CARD.decode(), input=CARD_BODY)
        assert watching.event()["record"]["model_name"] == "Qwen/Qwen3-32B"
        # A changed value is added again.
        etcd.etcdctl("put", CARD.decode(), input=b"{}")
        assert watching.event()["record"]["malformed"] is not None
        etcd.etcdctl("del", INSTANCE.decode())
        removed = watching.event()
        assert list(removed) == ["event", "time", "id", "why", "reason"]
        assert removed["event"] == "removed"
        assert list(removed["id"]) == ID
        assert list(removed["id"].values())[:2] == ["endpoint", INSTANCE.decode()]
        assert removed["why"] == "deleted; it had no lease"
        assert removed["reason"] == {"kind": "no lease"}

        assert watching.interrupt() == 130
        assert watching.rest_of_complaints() == []


def test_after_a_gap_the_differences_then_a_resync(in_etcd: dict[str, str]) -> None:
    # Its own server: it is killed.
    with EtcdServer() as etcd:
        env = in_etcd | {"ETCD_ENDPOINTS": etcd.endpoint}
        etcd.etcdctl("put", INSTANCE.decode(), input=BODY)
        etcd.etcdctl("put", CARD.decode(), input=CARD_BODY)
        with Watching(env=env) as watching:
            assert len(watching.until_resync()) == 3
            etcd.kill()
            complaint = watching.complaint()
            assert complaint.startswith("dyntop: ")
            assert "still watching" in complaint
            # What changed is not there to be told one by one: another etcd stands there, without
            # the instance.
            etcd.wipe()
            etcd.etcdctl("put", CARD.decode(), input=CARD_BODY)
            events = watching.until_resync()
            while not any(event.get("record", {}).get("key") == CARD.decode() for event in events):
                events.append(watching.event())
            gone = [event["id"]["key"] for event in events if event["event"] == "removed"]
            assert INSTANCE.decode() in gone
            assert watching.process.poll() is None


def test_filters_are_those_of_list(folder: Path, in_folder: dict[str, str]) -> None:
    with Watching("models", "-n", "prod", "-o", "json", env=in_folder) as watching:
        added, resync = watching.until_resync()
        assert added["record"]["key"] == CARD.decode()
        assert resync["revision"] == ""
        put_file(folder, b"v1/mdc/other/c/e/1", CARD_BODY)
        put_file(folder, CARD + b"/lora", CARD_BODY)
        assert watching.event()["record"]["model_suffix"] == "lora"


def test_a_store_that_is_not_there_at_the_start_ends_it(tmp_path: Path) -> None:
    missing = ("--file-store", str(tmp_path / "missing"))
    refused = ("--endpoints", "http://127.0.0.1:1")
    for where in (missing, refused):
        with Watching(*where) as watching:
            assert watching.process.wait(DEADLINE) == 3
            (complaint,) = watching.rest_of_complaints()
            assert complaint.startswith("dyntop: ")


def test_the_demo_lives() -> None:
    with Watching("--demo") as watching:
        assert len(watching.until_resync()) > 50
        assert watching.event()["event"] in ("added", "removed")


def test_it_ends_when_nobody_reads_though_nothing_happens(in_folder: dict[str, str]) -> None:
    reader, writer = os.pipe()
    process = subprocess.Popen(
        [*COMMAND, "watch"], env=environment(in_folder), stdout=writer, stderr=subprocess.PIPE
    )
    os.close(writer)
    with os.fdopen(reader, "rb") as lines:
        for line in lines:
            if b'"resync"' in line:
                break
    _, complaints = process.communicate(timeout=DEADLINE)
    assert (process.returncode, complaints) == (141, b"")


def test_ctrl_c_ends_it_also_while_nobody_takes_its_lines(
    folder: Path, in_folder: dict[str, str]
) -> None:
    """As `dyntop watch | less` does: the pipe is full, so the write blocks."""
    put_file(folder, b"v1/claims/large", b"x" * 1_000_000)
    reader, writer = os.pipe()
    process = subprocess.Popen(
        [*COMMAND, "watch"], env=environment(in_folder), stdout=writer, stderr=subprocess.PIPE
    )
    os.close(writer)
    # The first bytes are here, and most of the rest does not fit into a pipe.
    assert os.read(reader, 1)
    process.send_signal(2)
    _, complaints = process.communicate(timeout=DEADLINE)
    os.close(reader)
    assert (process.returncode, complaints) == (130, b"")
