"""`dyntop check -o prometheus`: the findings as metrics for a textfile collector."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from backends.dynamo.ids import Kind
from backends.liveness.judge import Verdict
from tests.cli.conftest import Here
from tests.support.etcd_server import EtcdServer
from tests.support.frontends import frontend
from tests.support.registered import MALFORMED, card, instance
from tests.support.registering import grant, put, put_worker, refusing
from tests.support.running import Ended, dyntop, put_file
from tui.cli.shared import check_metrics

LABELS = {"kind", "namespace", "component", "model", "verdict", "role"}
"""All labels that any of them has."""


def read(ended: Ended) -> dict[str, dict[tuple[str, ...], float]]:
    """Return each metric's values by its labels in the order of their names, without the prefix."""
    text = ended.out.decode()
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(text):
        assert family.type == "gauge"
        assert family.documentation
        assert family.name.startswith("dyntop_check_")
        values = found.setdefault(family.name.removeprefix("dyntop_check_"), {})
        for sample in family.samples:
            assert sample.name == family.name
            labels = tuple(sample.labels[name] for name in sorted(sample.labels))
            assert set(sample.labels) <= LABELS
            assert labels not in values
            values[labels] = sample.value
        assert f"# HELP {family.name} " in text
        assert f"# TYPE {family.name} gauge\n" in text
    return found


def as_in_json(records: list[dict[str, Any]]) -> Counter[tuple[str, ...]]:
    names = ("component", "kind", "model_name", "namespace", "verdict")
    return Counter(tuple(one.get(name) or "" for name in names) for one in records)


def test_it_has_the_findings_of_the_json(etcd: EtcdServer, in_etcd: dict[str, str]) -> None:
    put_worker(etcd)
    for dead in (0xDEAD, 0xBEEF):
        put(etcd, card(dead))
    put(etcd, MALFORMED)
    ended = dyntop("check", "-o", "prometheus", env=in_etcd)
    told = dyntop("check", "-o", "json", env=in_etcd)
    assert (ended.code, ended.err) == (told.code, told.err) == (1, ended.err)
    found = read(ended)
    assert found["findings"] == dict(as_in_json(told.records))
    assert found["findings"]["backend", "model", "acme/tiny-llm", "prod", "orphaned"] == 2

    assert len(found["records"]) == len(Kind) * len(Verdict)
    assert {labels: number for labels, number in found["records"].items() if number} == {
        ("endpoint", "live"): 2,
        ("endpoint", "malformed"): 1,
        ("model", "live"): 2,
        ("model", "orphaned"): 2,
        ("event_channel", "live"): 1,
        ("event_source", "live"): 1,
    }
    assert found["findings_left_out"] == found["models_left_out"] == {(): 0}
    assert found["complete"] == {(): 1}


def test_it_has_how_models_are_served(etcd: EtcdServer, in_etcd: dict[str, str]) -> None:
    put_worker(etcd)
    put(etcd, card(0xDEAD, "acme/dead"))
    found = read(dyntop("check", "-o", "prometheus", env=in_etcd))
    assert found["model_served"] == {("acme/tiny-llm",): 1, ("acme/SQL",): 1, ("acme/dead",): 0}
    assert found["routable_workers"]["acme/tiny-llm", "aggregated"] == 1
    assert found["workers"]["acme/tiny-llm", "aggregated"] == 1
    assert found["routable_workers"]["acme/dead", "aggregated"] == 0
    for model, served in found["model_served"].items():
        assert dyntop("check", "--model", *model, env=in_etcd).code == 1 - served
    ended = dyntop("check", "--model", "acme/none", "-o", "prometheus", env=in_etcd)
    assert (ended.code, read(ended)["model_served"]) == (1, {("acme/none",): 0})


def test_what_frontends_do_not_serve_is_a_finding_there_too(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    for model in ("acme/ours", "acme/new"):
        worker = grant(etcd)
        put(etcd, instance(worker), worker)
        put(etcd, card(worker, model), worker)
    with frontend("acme/ours") as url:
        ended = dyntop("check", "-o", "prometheus", "--metrics", url, env=in_etcd)
    assert ended.code == 1
    found = read(ended)
    assert found["findings"] == {("", "model", "acme/new", "", "not served"): 1}
    assert found["model_served"] == {("acme/new",): 0, ("acme/ours",): 1}
    assert found["complete"] == {(): 1}


def test_what_could_not_be_asked_makes_it_incomplete(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    put_worker(etcd)
    silent = ("--metrics", f"http://{refusing()}")
    found = read(dyntop("check", "-o", "prometheus", *silent, env=in_etcd))
    assert (found["complete"], found["unasked_addresses"]) == ({(): 0}, {(): 1})


def test_it_has_the_time_of_the_look_and_addresses_that_are_of_no_use(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    worker = grant(etcd)
    put(etcd, instance(worker, address="0.0.0.0:9"), worker)
    first = read(dyntop("check", "-o", "prometheus", env=in_etcd))
    second = read(dyntop("check", "-o", "prometheus", env=in_etcd))
    assert first["unusable_addresses"] == {(): 1}
    assert 1.7e9 < first["timestamp_seconds"][()] < second["timestamp_seconds"][()]


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_any_name_is_a_label_that_can_be_read(encoding: str, tmp_path: Path) -> None:
    names = ['a"b', "a\\b", "a\nb", "a\\nb", "\x1b]0;owned\x07", "é", "n" * 5000, ""]
    for number, name in enumerate(names):
        put_file(tmp_path, *card(number + 1, name))
    where = ("--file-store", str(tmp_path))
    ended = dyntop("check", "-o", "prometheus", *where, env={"PYTHONIOENCODING": encoding})
    found = read(ended)
    assert sum(found["findings"].values()) == len(names)
    models = {labels[2] for labels in found["findings"]}
    assert {'a"b', "a\\b", "a\\nb", "\\x1b]0;owned\\x07"} <= models
    assert ("é" if encoding == "utf-8" else "\\xe9") in models
    assert all(line.isprintable() for line in ended.out.decode().split("\n"))
    assert max(map(len, ended.lines)) < 1_000


def test_there_are_no_more_series_than_a_bound(
    tmp_path: Path, here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check_metrics, "MOST_SERIES", 3)
    for number in range(10):
        put_file(tmp_path, b"v1/mdc/prod/c%d/generate/1" % number, card(1, f"m{number}")[1])
    put_file(tmp_path, b"v1/mdc/prod/c9/generate/2", b"{}")
    put_file(tmp_path, b"v1/mdc/prod/c9/generate/3", b"{}")
    found = read(here("check", "-o", "prometheus", "--file-store", str(tmp_path)))
    assert len(found["findings"]) == 3
    assert sum(found["findings"].values()) + found["findings_left_out"][()] == 12
    # The most frequent are listed.
    assert 2 in found["findings"].values()
    assert len(found["model_served"]) == 3
    assert found["models_left_out"] == {(): 7}
