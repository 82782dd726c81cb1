"""`dyntop record` writes down what happened, and `dyntop events` tells it of that alone."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from backends.recording.lines import (
    AnyLine,
    DeleteLine,
    DrainsLine,
    EndLine,
    EntryLine,
    FigureReading,
    GapLine,
    Header,
    LeasesLine,
    LostLine,
    MetricsLine,
    PutLine,
)
from tests.support.etcd_server import EtcdServer
from tests.support.frontends import frontend
from tests.support.recordings import lines_in
from tests.support.registered import card, instance
from tests.support.registering import grant, put, put_worker
from tests.support.running import COMMAND, DEADLINE, Watching, dyntop, environment
from tests.support.waiting import wait_for
from tui.cli.arguments.bounds import age, age_text, size, size_text

SHORT = 9
"""Seconds of a lease that is to run out. On a busy machine a much shorter one ends before the first
renewal."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "night.dyntop"


def until_line(file: Path, kind: type[AnyLine], number: int = 1) -> list[AnyLine]:
    """Wait until a recording has so many lines of a kind, and return all lines."""

    def found() -> list[AnyLine]:
        lines = lines_in(file) if file.exists() else []
        return lines if sum(isinstance(one, kind) for one in lines) >= number else []

    return wait_for(found, f"{number} {kind.__name__}")


def events(file: Path, env: dict[str, str]) -> list[Any]:
    ended = dyntop("events", str(file), "-o", "json", env=env)
    assert ended.code == 0, ended.err
    return list(json.loads(ended.out))


def test_it_says_what_it_records_and_ends_in_order(
    etcd: EtcdServer, in_etcd: dict[str, str], file: Path
) -> None:
    worker, keys = put_worker(etcd)
    with Watching(str(file), "--max-age", "7d", env=in_etcd, command="record") as recording:
        said = recording.complaint()
        assert f"recording {len(keys)} keys of etcd at {etcd.endpoint}" in said
        assert f"into {file} (at most 1G and the last 7d; nothing is probed)" in said
        put(etcd, instance(worker, endpoint="other"), worker)
        until_line(file, PutLine)
        recording.process.send_signal(signal.SIGTERM)
        assert recording.process.wait(DEADLINE) == 0
        assert recording.rest_of_complaints() == []

    lines = lines_in(file)
    assert sum(isinstance(one, EntryLine) for one in lines) == len(keys)
    assert isinstance(lines[-1], EndLine)
    assert lines[-1].why == "SIGTERM"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [one["event"] for one in events(file, in_etcd)].count("added") == 1


def test_what_was_written_before_a_kill_is_read_and_the_file_is_never_replaced(
    etcd: EtcdServer, in_etcd: dict[str, str], file: Path
) -> None:
    worker, _ = put_worker(etcd)
    with Watching(str(file), env=in_etcd, command="record") as recording:
        recording.complaint()
        put(etcd, instance(worker, endpoint="other"), worker)
        until_line(file, PutLine)
        recording.process.kill()
        recording.process.wait(DEADLINE)
    assert "added" in [one["event"] for one in events(file, in_etcd)]
    before = file.read_bytes()

    with Watching(str(file), env=in_etcd, command="record") as recording:
        recording.complaint()
        wait_for(lambda: file.read_bytes() != before, "another recording")
        assert recording.interrupt() == 0
    assert file.with_name("night.dyntop.1").read_bytes() == before
    assert isinstance(lines_in(file)[-1], EndLine)


def test_a_death_a_drain_an_adapter_and_a_restart_are_told_of_the_recording_alone(
    in_etcd: dict[str, str], file: Path
) -> None:
    with EtcdServer() as etcd, ExitStack() as renewals:
        env = in_etcd | {"ETCD_ENDPOINTS": etcd.endpoint}
        killed = grant(etcd, SHORT)
        renewals.enter_context(etcd.keeping_alive(killed))
        put(etcd, instance(killed), killed)
        worker, keys = put_worker(etcd)
        with Watching(str(file), env=env, command="record") as recording:
            recording.complaint()
            until_line(file, LeasesLine)
            # As if its worker was killed.
            renewals.close()
            until_line(file, DeleteLine)
            put(etcd, card(worker, "acme/new", "acme/new"), worker)
            until_line(file, PutLine)
            drained = dyntop("drain", f"{worker:x}", "--yes", env=env)
            assert drained.code == 0, drained.err
            until_line(file, DrainsLine)
            etcd.kill()
            until_line(file, LostLine)
            assert "still recording" in recording.complaint()
            etcd.start()
            until_line(file, GapLine)
            recording.until_complaint("is read again")
            assert recording.interrupt() == 0

    told = events(file, env)
    removed = {one["id"]["key"]: one for one in told if one["event"] == "removed"}
    of_killed = next(one for key, one in removed.items() if key.endswith(f"{killed:x}"))
    assert of_killed["reason"]["kind"] == "lease ran out"
    instances = [key for key in keys if "/instances/" in key]
    assert {removed[key]["reason"]["kind"] for key in instances} <= {"deleted", "another dyntop"}
    added = [one["id"]["key"] for one in told if one["event"] == "added"]
    assert any(key.endswith("acme_new") for key in added)
    assert {"lost", "resynced"} <= {one["event"] for one in told}
    drains = [one for one in lines_in(file) if isinstance(one, DrainsLine)]
    assert any(mark.worker == f"{worker:x}" for mark in drains[-1].drains)


def test_a_file_that_may_not_grow_ends_it_with_a_sentence(
    etcd: EtcdServer, in_etcd: dict[str, str], file: Path
) -> None:
    worker, _ = put_worker(etcd)
    limited = f"ulimit -f 32; exec {' '.join(COMMAND)} record {file}"
    process = subprocess.Popen(
        ["bash", "-c", limited],
        env=environment(in_etcd),
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stderr is not None
        assert "recording" in process.stderr.readline()
        key = b"v1/mdc/prod/backend/generate/%x" % worker
        for _ in range(3):
            put(etcd, (key, os.urandom(16_000).hex().encode()), worker)
        assert process.wait(DEADLINE) == 1
        assert f"recording ended: {file}: file too large" in process.stderr.read()
    assert file.stat().st_size <= 32 * 1024
    assert isinstance(lines_in(file)[0], Header)
    assert events(file, in_etcd)


def test_what_is_no_recording_is_left_alone(in_etcd: dict[str, str], file: Path) -> None:
    file.write_text("a diary")
    ended = dyntop("record", str(file), env=in_etcd)
    assert (ended.code, file.read_text()) == (1, "a diary")
    assert ended.one_sentence() == (
        f"recording ended: {file}: it is there, and not a recording: name another file"
    )


def test_figures_are_recorded_where_they_are_asked_for(
    etcd: EtcdServer, in_etcd: dict[str, str], file: Path
) -> None:
    put(etcd, card(1, "acme/tiny-llm"))
    counted = 'dynamo_frontend_inflight_requests{model="acme/tiny-llm"} 7'
    with (
        frontend("acme/tiny-llm", metrics=counted) as url,
        Watching(str(file), "--metrics", url, env=in_etcd, command="record") as recording,
    ):
        recording.complaint()
        # A first scrape may have none, or the server may not have answered by then.
        rows = wait_for(lambda: figures_in(file), "figures")
        assert recording.interrupt() == 0
    assert {one.of for one in rows} == {("model", "acme/tiny-llm")}
    header = lines_in(file)[0]
    assert isinstance(header, Header)
    assert (header.metrics, header.server[:2]) == ((url,), "3.")


def figures_in(file: Path) -> list[FigureReading]:
    lines = lines_in(file) if file.exists() else []
    return [row for line in lines if isinstance(line, MetricsLine) for row in line.rows]


def test_names_reach_the_terminal_as_plain_text(
    etcd: EtcdServer, in_etcd: dict[str, str], tmp_path: Path
) -> None:
    put(etcd, (b"v1/instances/pr\x1b[31mod/backend/generate/1", b"\x1b[31m"))
    file = tmp_path / "night\x1b[31m.dyntop"
    with Watching(str(file), env=in_etcd, command="record") as recording:
        said = recording.complaint()
        wait_for(file.exists, "the file")
        assert recording.interrupt() == 0
        said += "".join(recording.rest_of_complaints())
    assert "\x1b" not in said


def test_a_store_that_cannot_be_reached_leaves_no_file(file: Path) -> None:
    env = {"ETCD_ENDPOINTS": "http://127.0.0.1:1"}
    assert dyntop("record", str(file), env=env).code == 3
    assert not file.exists()


@pytest.mark.parametrize(
    ("text", "number", "again"),
    [
        ("1M", 2**20, "1M"),
        ("500m", 500 * 2**20, "500M"),
        ("1.5G", 3 * 2**29, "1536M"),
        ("2T", 2**41, "2T"),
    ],
)
def test_a_size_is_read_as_it_is_written(text: str, number: int, again: str) -> None:
    assert size(text) == number
    assert size_text(number) == again


@pytest.mark.parametrize(
    ("text", "number", "again"),
    [("90m", 5400.0, "90m"), ("12h", 43_200.0, "12h"), ("1w", 604_800.0, "7d")],
)
def test_an_age_is_read_as_it_is_written(text: str, number: float, again: str) -> None:
    assert age(text) == number
    assert age_text(number) == again


def test_none_is_no_bound() -> None:
    assert (size("none"), age("none")) == (None, None)


@pytest.mark.parametrize("text", ["", "1", "M", "1K", "-1G", "nanG", "infG", "1e99T", "1X", "٣M "])
def test_what_is_no_size_is_refused(text: str) -> None:
    ended = dyntop("record", "x", f"--max-size={text}")
    assert ended.code == 2
    assert "--max-size" in ended.err


@pytest.mark.parametrize("text", ["", "7", "d", "1s", "-1d", "nand", "1y"])
def test_what_is_no_age_is_refused(text: str) -> None:
    ended = dyntop("record", "x", f"--max-age={text}")
    assert ended.code == 2
    assert "--max-age" in ended.err
