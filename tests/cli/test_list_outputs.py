"""`dyntop list -o wide|ndjson|yaml`: the same records in other forms."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.cli.conftest import Here
from tests.cli.test_list import HOSTILE, VALUES
from tests.support.etcd_server import EtcdServer
from tests.support.registered import MALFORMED, card, channel, instance
from tests.support.registering import grant, put, put_worker
from tests.support.running import dyntop, put_file


@pytest.mark.parametrize("what", [("all",), ("all", "--liveness"), ("workers",), ("models", "x")])
def test_each_output_for_programs_has_the_same_objects(
    what: tuple[str, ...], etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    put_worker(etcd)
    put(etcd, MALFORMED)
    as_json, lines, as_yaml = (
        dyntop("list", *what, "-o", output, env=in_etcd) for output in ("json", "ndjson", "yaml")
    )
    assert as_json.code == lines.code == as_yaml.code
    expected = as_json.records
    found = [[json.loads(line) for line in lines.lines], yaml.safe_load(as_yaml.out)]
    for records in (expected, *found):
        for record in records:
            # It runs down between the commands.
            record.pop("ttl_remaining")
            record.pop("evidence")
            record.pop("evidence_data")
    assert found == [expected, expected]
    assert as_yaml.out.isascii()
    assert len(lines.lines) == len(expected)


def test_any_value_is_in_yaml_what_it_is_in_json(tmp_path: Path, here: Here) -> None:
    stored = [value for value, _ in VALUES]
    stored += [b'"2026-11-21"', b'"1e3"', b'{"yes": "no", "id": "7e12"}', b'"a\\u0000\\u001bb"']
    for number, value in enumerate(stored):
        put_file(tmp_path, b"v1/claims/%d" % number, value)
    put_file(tmp_path, f"v1/instances/{HOSTILE}/\x85/e/1".encode(), HOSTILE.encode() + b"\xff")
    put_file(tmp_path, b"v1/instances/\xed\xa0\x80/\xff/e/1", b'{"namespace":"\\ud800"}')
    put_file(tmp_path, b"v1/mdc/n/c/e/1", b'{"card_json":{"display_name":"\\ud800"}}')
    where = ("--file-store", str(tmp_path))
    ended = here("list", "-o", "yaml", *where)
    assert yaml.safe_load(ended.out) == here("list", "-o", "json", *where).records
    assert all(line.isprintable() for line in ended.out.decode().split("\n"))


@pytest.mark.parametrize(("output", "empty"), [("ndjson", b""), ("yaml", b"[]\n")])
@pytest.mark.parametrize("what", ["all", "workers"])
def test_nothing_is_an_empty_list_and_no_message(output: str, empty: bytes, what: str) -> None:
    ended = dyntop("list", what, "--backend", "memory", "-o", output)
    assert (ended.code, ended.out, ended.err) == (0, empty, "")


def test_wide_has_what_the_table_leaves_out(etcd: EtcdServer, in_etcd: dict[str, str]) -> None:
    worker = grant(etcd)
    keys = [put(etcd, one, worker) for one in (instance(worker), card(worker), channel(worker))]
    usual, wide = (
        dyntop("list", "-o", output, "--liveness", env=in_etcd).lines
        for output in ("table", "wide")
    )
    assert set(usual[0].split()) < set(wide[0].split())
    assert {"HOST", "RELEASE", "REVISION", "WORKER", "KEY", "EVIDENCE"} <= set(wide[0].split())
    assert not {"HOST", "RELEASE", "REVISION", "WORKER", "KEY"} & set(usual[0].split())
    stored = etcd.entries()
    for key in keys:
        (row,) = (line for line in wide[1:] if key in line)
        assert f"{worker:x}" in row
        assert str(stored[key.encode()].mod_revision) in row.split()
        assert " s left" in row
    (row,) = (line for line in wide if line.startswith("endpoint"))
    assert f"10.0.0.{worker % 256}" in row.split()


def test_wide_workers_have_their_host_and_evidence(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    worker = grant(etcd)
    put(etcd, instance(worker, address="gpu-7:9000"), worker)
    header, row = dyntop("list", "workers", "-o", "wide", "--liveness", env=in_etcd).lines
    assert {"ROLE", "LEASE", "HOST", "STATE", "EVIDENCE"} <= set(header.split())
    assert row.split().count(f"{worker:x}") == 2
    assert {"worker", "gpu-7", "live"} <= set(row.split())
    assert row.endswith(" s left")
