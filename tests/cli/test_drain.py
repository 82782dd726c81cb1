"""`dyntop drain`: a worker's instances and nothing else."""

from __future__ import annotations

import pytest

from tests.cli.conftest import CARD, INSTANCE, Here
from tests.cli.registering import grant, put, put_worker
from tests.cli.running import AtTerminal, dyntop
from tests.registered import instance
from tests.servers import EtcdServer


def instances(keys: list[str]) -> list[str]:
    return [key for key in keys if key.startswith("v1/instances/")]


def test_only_the_workers_instances_go(etcd: EtcdServer, in_etcd: dict[str, str]) -> None:
    worker, keys = put_worker(etcd)
    other = grant(etcd)
    stays = put(etcd, instance(other), other)
    ended = dyntop("drain", "--yes", f"0x{worker:016X}", env=in_etcd)
    assert (ended.code, ended.lines) == (0, [f"removed {key}" for key in instances(keys)])
    assert ended.one_sentence() == f"undo with: dyntop restore {ended.act}"
    left = {key.decode() for key in etcd.entries()}
    assert left == {stays, *keys} - set(instances(keys))

    (act,) = dyntop("history", "-o", "json", env=in_etcd).records
    assert (act["id"], act["act"]) == (ended.act, "drain")
    assert [item["verdict"] for item in act["keys"]] == ["live", "live"]

    ended = dyntop("restore", ended.act, env=in_etcd)
    assert (ended.code, ended.err) == (0, "")
    stored = etcd.entries()
    assert {key.decode() for key in stored} == {stays, *keys}
    assert {stored[key.encode()].lease for key in keys} == {worker}


def test_a_dry_run_shows_what_would_go_and_what_stays(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    worker, keys = put_worker(etcd)
    ended = dyntop("drain", "--dry-run", f"{worker:x}", env=in_etcd)
    assert (ended.code, ended.lines) == (0, [f"would remove {key}" for key in instances(keys)])
    assert f"what stays of {worker:x}: 2 cards, 1 channel, 1 source" in ended.err
    assert "Clients stop routing to this instance." in ended.err
    assert len(etcd.entries()) == len(keys)


def test_the_person_types_the_id_once_more(in_folder: dict[str, str]) -> None:
    worker = INSTANCE.decode().rpartition("/")[2]
    for answer, end in (
        (b"yes\n", (1, "")),
        (b"\x04", (1, "")),
        (worker[:-1].encode() + b"\n", (1, "")),
        (worker.encode() + b"\n", (0, f"removed {INSTANCE.decode()}\n")),
    ):
        with AtTerminal("drain", worker, env=in_folder) as asked:
            asked.answer("to drain it:", answer)
            assert asked.end() == end, asked.shown
    assert dyntop("list", "-o", "name", env=in_folder).lines == [CARD.decode()]


@pytest.mark.parametrize("instance_id", ["1", "ffffffffffffffff"])
def test_an_instance_that_is_not_there_is_refused(
    instance_id: str, in_folder: dict[str, str], here: Here
) -> None:
    ended = here("drain", "--yes", instance_id, env=in_folder)
    assert (ended.code, ended.out) == (1, b"")
    assert f"no endpoint instance of {instance_id} in file" in ended.one_sentence()


def test_one_in_another_namespace_is_not_there(in_folder: dict[str, str], here: Here) -> None:
    worker = INSTANCE.decode().rpartition("/")[2]
    ended = here("drain", "--yes", worker, env=in_folder | {"DYN_NAMESPACE": "other"})
    assert (ended.code, ended.out) == (1, b"")
    assert "other (DYN_NAMESPACE)" in ended.one_sentence()


def test_it_is_refused_without_a_terminal_under_read_only_and_in_a_demo(
    in_folder: dict[str, str], here: Here
) -> None:
    worker = INSTANCE.decode().rpartition("/")[2]
    assert "--yes" in dyntop("drain", worker, env=in_folder).err
    for env, flags, named in (
        (in_folder, ["--read-only"], "--read-only"),
        (in_folder | {"DYNTOP_READ_ONLY": "1"}, [], "DYNTOP_READ_ONLY"),
        ({}, ["--demo"], "--demo"),
    ):
        ended = here("drain", "--yes", *flags, worker, env=env)
        assert (ended.code, ended.out) == (1, b"")
        assert named in ended.one_sentence()
    assert len(dyntop("list", "-o", "name", env=in_folder).lines) == 2
