"""`dyntop report` puts what a bug report needs into one file, without secrets."""

from __future__ import annotations

import json
import stat
from pathlib import Path

from backends.recording.lines import (
    Checkpoint,
    DeleteLine,
    EndLine,
    EntryLine,
    Header,
    LeasesLine,
    ProbesLine,
    PutLine,
)
from backends.recording.reader import Recording
from tests.cli.conftest import Here
from tests.support.etcd_server import EtcdServer
from tests.support.recordings import lines_in, texts_in
from tests.support.registered import card, instance
from tests.support.registering import grant, put
from tests.support.running import Watching, dyntop
from tests.support.waiting import wait_for
from tui import __version__


def test_it_has_what_was_and_what_is_with_versions_and_settings(
    etcd: EtcdServer, in_etcd: dict[str, str], tmp_path: Path
) -> None:
    worker = grant(etcd)
    put(etcd, instance(worker), worker)
    key = put(etcd, card(worker), worker)
    etcd.etcdctl("del", key)
    path = tmp_path / "bug.dyntop"
    env = in_etcd | {"ETCD_AUTH_USERNAME": "", "NATS_AUTH_TOKEN": "s3cret-token"}

    ended = dyntop("report", str(path), "--probe", "never", env=env)

    assert ended.code == 0, ended.err
    assert f"{path} has 1 key of etcd at {etcd.endpoint}" in ended.one_sentence()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    lines = lines_in(path)
    first, second = (one for one in lines if isinstance(one, Header))
    assert first.report == second.report
    assert first.report is not None
    assert first.report["dyntop"] == __version__
    assert first.report["server"] == f"etcd {first.server}"
    assert first.server.startswith("3.")
    settings = {one["setting"]: one for one in first.report["settings"]}
    assert settings["endpoints"]["source"] == "ETCD_ENDPOINTS"
    assert first.report["set_and_not_used"] == ["NATS_AUTH_TOKEN"]
    assert b"s3cret" not in b"".join(texts_in(path.read_bytes()))
    before, now = (one for one in lines if isinstance(one, Checkpoint))
    assert (before.at, now.entries) == (None, 1)
    assert [type(one) for one in lines if isinstance(one, PutLine | DeleteLine)][-3:] == [
        PutLine,
        PutLine,
        DeleteLine,
    ]
    assert all(one.at is None for one in lines if isinstance(one, PutLine | DeleteLine))
    assert any(isinstance(one, LeasesLine) for one in lines)
    assert not any(isinstance(one, ProbesLine) for one in lines)
    assert isinstance(lines[-1], EndLine)
    Recording(str(path)).content(1)

    again = dyntop("report", str(path), "--probe", "never", env=in_etcd)
    assert again.code == 1
    assert "there already" in again.one_sentence()
    assert lines_in(path) == lines


def test_it_has_the_last_part_of_a_recording_which_events_reads(
    etcd: EtcdServer, in_etcd: dict[str, str], tmp_path: Path
) -> None:
    night, path = tmp_path / "night.dyntop", tmp_path / "bug.dyntop"
    worker = grant(etcd)
    with Watching(str(night), env=in_etcd, command="record") as recording:
        recording.complaint()
        put(etcd, instance(worker), worker)
        wait_for(
            lambda: night.exists() and any(isinstance(one, PutLine) for one in lines_in(night)),
            "the put",
        )
        assert recording.interrupt() == 0

    ended = dyntop("report", str(path), "--from", str(night), "--last", "10m", env=in_etcd)

    assert ended.code == 0, ended.err
    assert f"the last 10m of {night}" in ended.err
    lines = lines_in(path)
    assert any(isinstance(one, PutLine) and one.at is not None for one in lines)
    assert sum(isinstance(one, EntryLine) for one in lines) == 1
    events = dyntop("events", str(path), "-o", "json", env=in_etcd)
    assert events.code == 0, events.err
    assert "added" in [one["event"] for one in json.loads(events.out)]


def test_a_recording_that_cannot_be_read_is_named(in_etcd: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "diary").write_text("today")
    ended = dyntop("report", "bug", "--from", str(tmp_path / "diary"), env=in_etcd)
    assert ended.code == 2
    assert "diary" in ended.one_sentence()


def test_a_part_of_no_recording_is_refused(tmp_path: Path, here: Here) -> None:
    ended = here("--demo", "report", str(tmp_path / "it"), "--last", "1h")
    assert (ended.code, ended.out) == (2, b"")
    assert "--last: is of a recording: name one with --from" in ended.one_sentence()
    assert not (tmp_path / "it").exists()
