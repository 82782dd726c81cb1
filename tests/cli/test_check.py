"""`dyntop check` on real stores."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Here
from tests.support.etcd_server import EtcdServer
from tests.support.registered import MALFORMED, UNKNOWN, card, channel, instance
from tests.support.registering import grant, listening, put, put_old_file, put_worker, refusing
from tests.support.running import dyntop, put_file

WORKER = 0xA907


def test_all_live_is_0_and_said(etcd: EtcdServer, in_etcd: dict[str, str]) -> None:
    put_worker(etcd)
    ended = dyntop("check", env=in_etcd)
    assert (ended.code, ended.out) == (0, b"")
    assert ended.one_sentence() == f"all 6 records are live in etcd ({etcd.endpoint})"
    ended = dyntop("check", "-o", "json", "endpoints", env=in_etcd)
    assert (ended.code, ended.records) == (0, [])
    assert "all 2 records are live" in ended.one_sentence()


def test_an_empty_store_is_0(in_etcd: dict[str, str]) -> None:
    ended = dyntop("check", env=in_etcd | {"DYN_NAMESPACE": "prod"})
    assert (ended.code, ended.out) == (0, b"")
    assert "nothing found" in ended.one_sentence()
    assert "prod (DYN_NAMESPACE)" in ended.err


def test_findings_are_1_and_come_with_their_evidence(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    put_worker(etcd)
    put(etcd, card(WORKER))
    put(etcd, MALFORMED)
    ended = dyntop("check", env=in_etcd)
    assert ended.code == 1
    header, *rows = ended.lines
    assert header.split() == ["VERDICT", "KIND", "NAME", "ID", "EVIDENCE"]
    assert [row.split()[:2] for row in rows] == [["malformed", "instance"], ["orphaned", "card"]]
    assert f"{WORKER:x}" in rows[1]
    assert rows[1].endswith(f"its worker {WORKER:x} has no instance and no lease")
    told = "2 of 8 records are not live (1 orphaned, 1 malformed) in etcd"
    assert ended.one_sentence().startswith(told)

    broken, left = dyntop("check", "-o", "json", env=in_etcd).records
    assert (broken["verdict"], broken["key"]) == ("malformed", MALFORMED[0].decode())
    assert (left["verdict"], left["worker"]) == ("orphaned", f"{WORKER:x}")
    shown = {one["evidence_kind"]: one for one in left["evidence_data"]}
    assert shown["worker gone"]["worker"] == f"{WORKER:x}"

    ended = dyntop("check", "models", "-c", "other", env=in_etcd)
    assert (ended.code, ended.out) == (0, b"")


def test_addresses_that_no_client_can_use_are_named_and_counted(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    unusable = {
        "0.0.0.0:9": "it stands for any address of a host",
        "fd00::1:9": "it is IPv6 without brackets",
        "[::]:9": "it stands for any address of a host",
        "10.0.0.1:0": "it has port 0",
        ":9000": "it has no host",
    }
    for address in unusable:
        worker = grant(etcd)
        put(etcd, instance(worker, address=f"{address}/1/p/b/g"), worker)
    lease = grant(etcd)
    key, value = channel(0x3000)
    put(etcd, (key, value.replace(b"tcp://10.0.0.1:5557", b"tcp://*:5557")), lease)
    unusable["tcp://*:5557"] = "it stands for any address of a host"
    for probe in ([], ["--probe"]):
        ended = dyntop("check", *probe, env=in_etcd)
        assert (ended.code, ended.out) == (0, b"")
        for address, why in unusable.items():
            assert f"dyntop: no client can connect to {address}: {why}" in ended.err, address
        assert "dyntop: 6 addresses in all that no client can connect to\n" in ended.err
        assert "dyntop: all 6 records are live by their leases in etcd" in ended.err


def test_a_model_at_an_address_that_no_client_can_use_is_not_served(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    worker = grant(etcd)
    put(etcd, instance(worker, address="0.0.0.0:9"), worker)
    key = put(etcd, card(worker), worker)
    for probe in ([], ["--probe"]):
        ended = dyntop("check", "--model", "acme/tiny-llm", *probe, "-o", "json", env=in_etcd)
        assert ended.code == 1
        assert (
            "model acme/tiny-llm is not served, routable 0 of 1: aggregated 0/1; "
            "1 with an address that no client can connect to in etcd"
        ) in ended.err
        (found,) = ended.records
        assert (found["key"], found["verdict"]) == (key, "unroutable")
        assert found["not_routable"] == "address unusable"


def test_only_a_probe_tells_that_nobody_listens(etcd: EtcdServer, in_etcd: dict[str, str]) -> None:
    with listening() as address:
        worker = grant(etcd)
        put(etcd, instance(worker, address=address), worker)
        assert dyntop("check", "endpoints", "--probe", env=in_etcd).code == 0
        # The kernel accepts; of the process that says nothing.
        ended = dyntop("check", "endpoints", "--probe=deep", "-o", "json", env=in_etcd)
        assert ended.code == 1
        assert {one["verdict"] for one in ended.records} == {"unreachable"}
        first = ended.records[0]["evidence_data"][0]
        assert (first["evidence_kind"], first["address"]) == ("probed", address)
        assert first["answer"] == "silent"
    assert dyntop("check", "endpoints", env=in_etcd).code == 0
    ended = dyntop("check", "endpoints", "--probe", env=in_etcd)
    assert ended.code == 1
    assert f"{address} refuses" in ended.lines[1]


def test_what_nats_would_carry_is_a_finding_where_it_refuses(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    """No request gets to a worker that lives by its lease, since NATS is gone."""
    worker = grant(etcd)
    key, value = instance(worker)
    put(etcd, (key, value.replace(b'"tcp"', b'"nats_tcp"')), worker)
    nats = ("--nats", refusing())
    ended = dyntop("check", "--probe", *nats, "-o", "json", env=in_etcd)
    assert ended.code == 1
    (found,) = ended.records
    assert found["verdict"] == "unreachable"
    first = found["evidence_data"][0]
    assert (first["evidence_kind"], first["method"], first["answer"]) == ("probed", "nats", "away")
    said = ended.err.splitlines()
    assert said[0].startswith("dyntop: 1 of 1 record is not live (1 unreachable) in etcd")
    assert "1 address could not be asked: " in said[1]
    assert said[1].endswith("NATS refuses connections")
    # Its worker is not to blame.
    ended = dyntop("unregister", "--stale", "--dry-run", *nats, env=in_etcd)
    assert (ended.code, ended.out) == (0, b"")


def test_an_expired_file_is_a_finding(folder: Path, in_folder: dict[str, str]) -> None:
    assert dyntop("check", env=in_folder).code == 0
    key = put_old_file(folder, card(WORKER))
    (found,) = dyntop("check", "-o", "json", env=in_folder).records
    assert (found["verdict"], found["key"]) == ("expired", key)


@pytest.mark.parametrize("output", ["table", "json"])
def test_what_a_store_holds_cannot_reach_the_terminal_as_more_than_text(
    output: str, tmp_path: Path
) -> None:
    name = b"v1/instances/\x1b]0;owned\x07/\xe2\x80\xae/\xff/1"
    put_file(tmp_path, name, b"\x1b[2J")
    put_file(tmp_path, *UNKNOWN)
    ended = dyntop("check", "-o", output, "--file-store", str(tmp_path))
    assert ended.code == 1
    assert all(line.isprintable() for line in ended.lines)
    assert ended.one_sentence().startswith("1 of 2 records is not live")


def test_a_store_that_is_not_there_is_3(tmp_path: Path, here: Here) -> None:
    ended = here("check", "--file-store", str(tmp_path / "missing"))
    assert (ended.code, ended.out) == (3, b"")
    ended.one_sentence()
    assert dyntop("check", "--endpoints", f"http://{refusing()}").code == 3


def test_what_is_registered_well_is_not_checked_for_findings_of_others(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    put(etcd, instance(WORKER, component="other"))
    put_worker(etcd)
    assert dyntop("check", "-c", "backend", env=in_etcd).code == 0
    assert dyntop("check", "-c", "other", env=in_etcd).code == 1
