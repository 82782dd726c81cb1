"""`dyntop check --host` and `check -n`: whether a place is alive, as `--model` of a model."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Here
from tests.support.etcd_server import EtcdServer
from tests.support.registered import card, channel, instance, source
from tests.support.registering import grant, put, put_old_file
from tests.support.running import dyntop, put_file


def put_at(etcd: EtcdServer, host: str, namespace: str = "prod") -> int:
    """Register an instance at a host and a card, on one lease."""
    worker = grant(etcd)
    put(etcd, instance(worker, namespace=namespace, address=f"{host}:9000"), worker)
    put(etcd, card(worker, namespace=namespace), worker)
    return worker


def test_a_host_of_live_workers_is_0(etcd: EtcdServer, in_etcd: dict[str, str]) -> None:
    put_at(etcd, "gpu-1")
    put_at(etcd, "gpu-1")
    put_at(etcd, "gpu-10")
    ended = dyntop("check", "--host", "GPU-1", env=in_etcd)
    assert (ended.code, ended.out) == (0, b"")
    expected = f"all 4 records are live at host GPU-1 in etcd ({etcd.endpoint})"
    assert ended.one_sentence() == expected


def test_a_finding_of_another_host_is_none_of_this_one(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    put_at(etcd, "gpu-1")
    put(etcd, instance(0xDEAD, address="gpu-2:9000"))
    assert dyntop("check", env=in_etcd).code == 1
    assert dyntop("check", "--host", "gpu-1", env=in_etcd).code == 0
    ended = dyntop("check", "--host", "gpu-2", "-o", "json", env=in_etcd)
    assert ended.code == 1
    assert [one["instance_id"] for one in ended.records] == ["dead"]
    assert "1 of 1 record is not live (1 unleased) at host gpu-2" in ended.err


def test_all_that_the_workers_of_a_host_have_is_checked(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    """A card names no host: it is its worker's."""
    worker = put_at(etcd, "gpu-1")
    put(etcd, card(worker, "acme/SQL", "acme/SQL", component="other"), worker)
    ended = dyntop("check", "--host", "gpu-1", "-o", "json", env=in_etcd)
    assert ended.code == 1
    assert [(one["kind"], one["component"]) for one in ended.records] == [("model", "other")]
    # Filters go with it.
    assert dyntop("check", "endpoints", "--host", "gpu-1", env=in_etcd).code == 0


def test_a_publisher_without_an_instance_is_at_the_host_of_its_channel(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    worker = grant(etcd)
    put(etcd, channel(0x51, host="gpu-3"), worker)
    put(etcd, source(0x51, worker), worker)
    ended = dyntop("check", "--host", "gpu-3", env=in_etcd)
    assert ended.code == 0
    assert "all 2 records are live" in ended.err


@pytest.mark.parametrize("what", ["all", "endpoints"])
def test_a_host_where_nothing_is_registered_is_1(
    what: str, etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    put_at(etcd, "gpu-11")
    ended = dyntop("check", what, "--host", "gpu-1l", env=in_etcd)
    assert (ended.code, ended.out) == (1, b"")
    sentence = ended.one_sentence()
    assert sentence.startswith("nothing found at host gpu-1l in etcd")
    assert sentence.endswith("(did you mean gpu-11?)")
    ended = dyntop("check", "--host", "\x1b]0;x\x07", env=in_etcd)
    assert ended.code == 1
    ended.one_sentence()


def test_a_namespace_on_the_command_line_must_have_something_alive(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    put_at(etcd, "gpu-1")
    assert dyntop("check", "-n", "prod", env=in_etcd).code == 0
    ended = dyntop("check", "-n", "staging", env=in_etcd)
    assert (ended.code, ended.out) == (1, b"")
    assert "nothing found" in ended.one_sentence()
    # Of the environment, and of no namespace, it is no demand.
    assert dyntop("check", env=in_etcd | {"DYN_NAMESPACE": "staging"}).code == 0
    assert dyntop("check", "-n", "", "-c", "none", env=in_etcd).code == 0
    assert dyntop("check", "-n", "prod", "--host", "gpu-1", env=in_etcd).code == 0
    assert dyntop("check", "-n", "staging", "--host", "gpu-1", env=in_etcd).code == 1


def test_what_is_dead_or_not_known_is_not_alive(tmp_path: Path, here: Here) -> None:
    where = ("--file-store", str(tmp_path))
    put_old_file(tmp_path, instance(1, address="gpu-1:9000"))
    assert here("check", "--host", "gpu-1", *where).code == 1
    put_file(tmp_path, b"v1/claims/prod/x", b"{}")
    assert here("check", "-n", "prod", "-c", "none", *where).code == 1


def test_a_host_does_not_go_with_a_model(here: Here) -> None:
    ended = here("check", "--host", "gpu-1", "--model", "x", "--demo")
    assert (ended.code, ended.out) == (2, b"")
    assert "not allowed with" in ended.one_sentence()


def test_of_the_demo_each_host_is_known_by_its_address(here: Here) -> None:
    hosts = here("list", "--demo", "endpoints", "--columns", "host", "--no-headers").lines
    host = next(host for host in hosts if host != "<none>")
    ended = here("check", "--demo", "--host", host)
    assert f"at host {host} in memory" in ended.err
    assert "nothing found" not in ended.err
