"""`dyntop restore`: the same bytes under the same key and lease, and never over another."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import BODY, CARD, INSTANCE, Here
from tests.support.etcd_server import EtcdServer
from tests.support.registered import instance
from tests.support.registering import grant, put, put_worker
from tests.support.running import dyntop, put_file

KEY, OTHER = INSTANCE.decode(), CARD.decode()


def test_what_was_removed_comes_back_with_its_lease(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    worker, keys = put_worker(etcd)
    before = etcd.entries()
    act = dyntop("unregister", "--yes", *keys, env=in_etcd).act
    assert etcd.entries() == {}

    ended = dyntop("restore", "--dry-run", act, env=in_etcd)
    assert (ended.code, ended.lines) == (0, [f"would be put back {key}" for key in keys])
    assert etcd.entries() == {}

    # One of them, then all: what is there stays as it is.
    ended = dyntop("restore", f"{act}.2", env=in_etcd)
    assert (ended.code, ended.lines, ended.err) == (0, [f"put back {keys[1]}"], "")
    assert set(etcd.entries()) == {keys[1].encode()}
    ended = dyntop("restore", act, env=in_etcd)
    assert (ended.code, len(ended.lines)) == (1, 5)
    assert (
        ended.one_sentence()
        == f"{keys[1]}: not put back: the key exists again, and nothing is ever overwritten"
    )
    after = etcd.entries()
    assert {key: (one.value, one.lease) for key, one in after.items()} == {
        key: (one.value, one.lease) for key, one in before.items()
    }
    (told,) = dyntop("history", "-o", "json", env=in_etcd).records
    assert {item["restored"] for item in told["keys"]} == {"put back"}
    assert worker in {one.lease for one in after.values()}


def test_what_hung_on_a_lease_that_ended_cannot_come_back(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    worker = grant(etcd)
    key = put(etcd, instance(worker), worker)
    act = dyntop("unregister", "--yes", key, env=in_etcd).act
    etcd.etcdctl("lease", "revoke", f"{worker:x}")
    for flags in (["--dry-run"], []):
        ended = dyntop("restore", *flags, act, env=in_etcd)
        assert (ended.code, ended.out) == (1, b"")
        assert (
            ended.one_sentence()
            == f"{key}: cannot be put back: its lease has ended, so its worker is gone"
        )
    assert etcd.entries() == {}


def test_a_key_that_came_back_is_never_overwritten(folder: Path, in_folder: dict[str, str]) -> None:
    act = dyntop("unregister", "--yes", KEY, env=in_folder).act
    path = put_file(folder, INSTANCE, b"{}")
    for flags in (["--dry-run"], []):
        ended = dyntop("restore", *flags, act, env=in_folder)
        assert (ended.code, ended.out) == (1, b"")
        assert (
            ended.one_sentence()
            == f"{KEY}: not put back: the key exists again, and nothing is ever overwritten"
        )
    assert path.read_bytes() == b"{}"
    path.unlink()
    assert dyntop("restore", act, env=in_folder).code == 0
    assert path.read_bytes() == BODY


def test_another_store_is_refused_and_named(
    folder: Path, in_folder: dict[str, str], in_etcd: dict[str, str], etcd: EtcdServer
) -> None:
    act = dyntop("unregister", "--yes", KEY, env=in_folder).act
    for flags in ([], ["--dry-run"]):
        ended = dyntop("restore", *flags, act, env=in_etcd)
        assert (ended.code, ended.out) == (1, b"")
        assert f"removed from file ({folder})" in ended.one_sentence()
        assert "--file-store or DYN_FILE_KV" in ended.err
    assert etcd.entries() == {}


def test_an_act_that_is_not_there_is_said(in_folder: dict[str, str], here: Here) -> None:
    act = dyntop("unregister", "--yes", KEY, env=in_folder).act
    for wanted in ("20200101-000000-0000", f"{act}.2", f"{act}.", "\x1b[2J", ""):
        for flags in ([], ["--dry-run"]):
            ended = here("restore", *flags, wanted, env=in_folder)
            assert (ended.code, ended.out) == (1, b"")
            assert "`dyntop history`" in ended.one_sentence()


def test_what_was_not_removed_is_not_put_back(folder: Path, in_folder: dict[str, str]) -> None:
    dyntop("unregister", "--yes", KEY, env=in_folder)
    # It was gone before, and so is in no act of its own.
    ended = dyntop("unregister", "--yes", KEY, OTHER, env=in_folder)
    assert ended.code == 1
    assert dyntop("restore", ended.act, env=in_folder).lines == [f"put back {OTHER}"]
    assert dyntop("list", "-o", "name", env=in_folder).lines == [OTHER]


def test_it_is_refused_under_read_only_and_in_a_demo(in_folder: dict[str, str], here: Here) -> None:
    act = dyntop("unregister", "--yes", KEY, env=in_folder).act
    for flags, named in ((["--read-only"], "--read-only"), (["--demo"], "--demo")):
        ended = here("restore", *flags, act, env=in_folder)
        assert (ended.code, ended.out) == (1, b"")
        assert named in ended.one_sentence()
    ended = here("restore", "--read-only", "--dry-run", act, env=in_folder)
    assert (ended.code, ended.lines) == (0, [f"would be put back {KEY}"])


def test_a_store_that_is_not_there_is_3(
    folder: Path, in_folder: dict[str, str], here: Here
) -> None:
    act = dyntop("unregister", "--yes", KEY, env=in_folder).act
    folder.rename(folder.with_name("moved"))
    ended = here("restore", act, env=in_folder)
    assert (ended.code, ended.out) == (3, b"")
    assert "does not exist" in ended.err


def test_without_an_id_a_store_without_pods_has_nothing_to_list(
    in_folder: dict[str, str], here: Here
) -> None:
    ended = here("restore", env=in_folder)
    assert (ended.code, ended.out) == (2, b"")
    assert "ID: is missing: file has no pods to list instead" in ended.err
