"""`dyntop stats`: what NATS services count, for scripts."""

from __future__ import annotations

import argparse
import io
import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from backends.services.overview import join
from tests.cli.conftest import Here
from tests.support.nats_server import NatsServer
from tests.support.peers import refusing
from tests.support.running import COMMAND, DEADLINE, environment
from tests.support.saying import endpoint, nats_instance, said, scraped
from tui.cli.commands import stats

COMPONENTS = ["backend", "prefill"]
"""Of the demo, those with two workers each on NATS."""


def test_a_table_has_totals_before_what_they_are_of(here: Here) -> None:
    ended = here("--demo", "stats")
    assert (ended.code, ended.err) == (0, "")
    header, *rows = (line.split() for line in ended.lines)
    assert header[:5] == ["NAMESPACE", "COMPONENT", "ENDPOINT", "INSTANCE", "ANSWER"]
    assert [row[:3] for row in rows if row[2] == "total"] == [
        ["prod.canary", component, "total"] for component in COMPONENTS
    ]
    assert sum("answers" in row for row in rows) == 8


def test_json_adds_up_and_filters_leave_out(here: Here) -> None:
    everything = here("--demo", "stats", "-o", "json").records
    assert {one["component"] for one in everything} == set(COMPONENTS)
    found = here("stats", "--demo", "-c", "backend", "-e", "generate", "-o", "json").records
    assert [one["level"] for one in found] == ["component", "endpoint", "instance", "instance"]
    component, endpoint, *instances = found
    assert component["requests"] == endpoint["requests"]
    assert sum(one["requests"] for one in instances) == endpoint["requests"]
    assert {one["rate"] for one in found} == {None}
    assert (component["answers"], component["silent"], component["unregistered"]) == (2, 0, 0)
    assert instances[0]["subject"].startswith("prod_canary_backend.generate-")
    assert instances[0]["data"]["kv_total_blocks"] == 2048
    begins = here("stats", "--demo", "-c", "back*", "-e", "gen*", "-o", "json").records
    assert [one["subject"] for one in begins] == [one["subject"] for one in found]
    assert here("--demo", "-n", "staging", "stats", "-o", "json").records == []


def test_prometheus_text_can_be_read(here: Here) -> None:
    ended = here("--demo", "stats", "-o", "prometheus")
    found = {one.name: one for one in text_string_to_metric_families(ended.out.decode())}
    requests = found["dynamo_component_nats_service_requests_total"]
    assert requests.type == "gauge"
    labels = [sample.labels for sample in requests.samples]
    assert labels == [
        {
            "dynamo_namespace": "prod.canary",
            "dynamo_component": component,
            "service_name": f"prod_canary_{component}",
        }
        for component in COMPONENTS
    ]


def test_nothing_in_prometheus_text_reaches_the_terminal_raw(
    capsys: pytest.CaptureFixture[str],
) -> None:
    (one,) = join(scraped(said("stats", endpoint())), [nats_instance(1)], {})
    odd = replace(one, namespace="p\x1b[31m\x9b\u202e\udcff")
    stats._print([odd], argparse.Namespace(output="prometheus", interval=None), lambda: 0.0)
    out = capsys.readouterr().out
    assert "requests_total{" in out
    assert not {"\x1b", "\x9b", "\u202e", "\udcff"} & set(out)


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_any_name_is_a_label_that_can_be_read(
    encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(written, encoding))
    (one,) = join(scraped(said("stats", endpoint())), [nats_instance(1)], {})
    names = ["é", 'a"b', "a\\b", "n" * 5000]
    odd = [replace(one, component=name) for name in names]
    stats._print(odd, argparse.Namespace(output="prometheus", interval=None), lambda: 0.0)
    text = written.getvalue().decode(encoding)
    families = text_string_to_metric_families(text)
    found = {one.labels["dynamo_component"] for family in families for one in family.samples}
    assert {"é" if encoding == "utf-8" else "\\xe9", 'a"b', "a\\b"} < found
    assert max(map(len, found)) < 1_000


def test_with_an_interval_there_are_lines_and_rates_until_it_is_interrupted() -> None:
    with subprocess.Popen(
        [*COMMAND, "--demo", "stats", "-c", "backend", "-o", "json", "--interval", "0.2"],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            assert process.stdout is not None
            lines = (json.loads(line) for line in process.stdout)
            first = next(lines)
            assert first["rate"] is None
            again = next(line for line in lines if line["time"] != first["time"])
            assert (again["level"], again["component"]) == ("component", "backend")
            assert again["rate"] >= 0
            os.kill(process.pid, signal.SIGINT)
            assert process.wait(DEADLINE) == 130
        finally:
            process.kill()
            process.communicate()


def test_prometheus_text_is_of_one_moment(here: Here) -> None:
    """One text behind the other is none that anybody can read."""
    ended = here("--demo", "stats", "-o", "prometheus", "--interval", "1")
    assert (ended.code, ended.out) == (2, b"")
    assert "--interval: does not go with -o prometheus" in ended.one_sentence()


def test_an_interval_is_more_than_nothing(here: Here) -> None:
    for interval in ("0", "-1", "soon", "inf"):
        ended = here("--demo", "stats", "--interval", interval)
        assert ended.code == 2
        assert "--interval" in ended.one_sentence()


def test_without_nats_it_is_a_matter_of_usage(here: Here, in_folder: dict[str, str]) -> None:
    for arguments in (("stats",), ("--nats", "", "stats")):
        ended = here(*arguments, env=in_folder)
        assert ended.code == 2
        assert "NATS_SERVER" in ended.one_sentence()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NATS_SERVER", "http://127.0.0.1:4222"),
        ("NATS_SERVER", "nats://127.0.0.1:99999"),
        ("NATS_TLS_CA_CERT_PATH", "/nowhere/ca.pem"),
        ("NATS_TLS_CA_CERT_PATH", __file__),
        ("NATS_AUTH_CREDENTIALS_FILE", "/nowhere/user.creds"),
        ("NATS_AUTH_CREDENTIALS_FILE", __file__),
    ],
)
def test_a_setting_for_nats_that_cannot_work_is_named_as_the_store_names_it(
    name: str, value: str, here: Here, in_folder: dict[str, str]
) -> None:
    with refusing() as nowhere:
        env = {"NATS_SERVER": f"nats://{nowhere}", **in_folder, name: value}
        counted, listed = here("stats", env=env), here("--backend", "nats", "list", env=env)
    assert counted.code == listed.code == 2
    what = listed.err.partition(": ")[2].rpartition("the context: ")[2]
    assert what in counted.err
    assert name[:9] in counted.err


def test_a_nats_or_store_that_cannot_be_reached_is_3(
    here: Here, in_folder: dict[str, str], tmp_path: Path
) -> None:
    with refusing() as nowhere:
        with_secret = in_folder | {"NATS_SERVER": f"nats://joe:secret@{nowhere}"}
        ended = here("stats", env=with_secret)
        assert ended.code == 3
        assert "NATS refuses connections" in ended.one_sentence()
        assert "secret" not in ended.err
        nothing = in_folder | {"DYN_FILE_KV": str(tmp_path / "nothing")}
        assert here("stats", "--nats", str(nowhere), env=nothing).code == 3


@pytest.mark.parametrize("password", ["right", "wrong"])
def test_who_is_not_let_in_is_4_and_where_nobody_answers_it_is_said(
    here: Here, in_folder: dict[str, str], password: str
) -> None:
    with NatsServer("--user", "joe", "--pass", "right") as nats:
        user = {"NATS_AUTH_USERNAME": "joe", "NATS_AUTH_PASSWORD": password}
        ended = here("stats", env=in_folder | user | {"NATS_SERVER": nats.url})
    assert ended.code == (0 if password == "right" else 4)
    assert ended.out == b""
    said = "no NATS service found" if password == "right" else "does not accept this user"
    assert said in ended.one_sentence()
