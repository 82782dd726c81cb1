"""What is named on a command line, in `drain`, `show` and `list`: however its id is written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.etcd_server import EtcdServer
from tests.support.registered import card, channel, instance
from tests.support.registering import grant, put
from tests.support.running import AtTerminal, dyntop

OTHERS_ID = 0x1234567890ABC1
"""Of a program that is not Dynamo's: its lease has another id."""


def put_other(etcd: EtcdServer) -> int:
    lease = grant(etcd)
    put(etcd, instance(OTHERS_ID, address="10.1.2.3:9000/1234/generate"), lease)
    put(etcd, card(OTHERS_ID, "acme/tiny"), lease)
    return lease


def test_every_spelling_names_the_same_worker(etcd: EtcdServer, in_etcd: dict[str, str]) -> None:
    lease = put_other(etcd)
    key = instance(OTHERS_ID)[0].decode()
    for name in (
        f"{OTHERS_ID:x}",
        f"{OTHERS_ID:X}",
        f"0x{OTHERS_ID:016X}",
        str(OTHERS_ID),
        f"instance_id={OTHERS_ID}",
        f'"instance_id": {OTHERS_ID},',
        f"{lease:x}",
        key,
        f"prod/backend/generate/{OTHERS_ID:x}",
        "10.1.2.3:9000",
        "tcp://10.1.2.3:9000",
        "10.1.2.3",
    ):
        ended = dyntop("drain", "--dry-run", "--probe=never", name, env=in_etcd)
        assert (ended.code, ended.lines) == (0, [f"would remove {key}"]), (name, ended.err)
    assert "dyntop: the worker keeps 1 model card and its lease\n" in ended.err


def test_a_worker_is_listed_and_shown_by_its_id_with_its_lease_beside(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    lease = put_other(etcd)
    put(etcd, channel(7), lease)
    header, row = dyntop("list", "workers", env=in_etcd).lines
    assert header.split()[:2] == ["WORKER", "LEASE"]
    assert row.split()[:2] == ["1234567890abc1", f"{lease:x}"]
    (one,) = dyntop("list", "workers", "-o", "json", env=in_etcd).records
    assert (one["worker"], one["leases"]) == ("1234567890abc1", [f"{lease:x}"])
    assert one["instance_ids"] == ["1234567890abc1"]
    assert len(one["keys"]) == 3
    assert dyntop("list", "workers", "-o", "name", env=in_etcd).lines == ["1234567890abc1"]

    text = dyntop("show", f"{OTHERS_ID}", env=in_etcd).out.decode()
    assert f"1234567890abc1, in decimal {OTHERS_ID}" in text
    (leases,) = [line for line in text.splitlines() if line.startswith("lease ")]
    assert leases.split()[1] == f"{lease:x}"
    assert leases.endswith(" left")
    assert "● live  instance prod/backend/generate" in text
    whole = dyntop("show", "10.1.2.3", "-o", "json", env=in_etcd).records
    assert (whole["worker"], whole["verdict"], len(whole["records"])) == (
        "1234567890abc1",
        "live",
        3,
    )


def test_drained_by_its_id_it_is_put_back(etcd: EtcdServer, in_etcd: dict[str, str]) -> None:
    lease = put_other(etcd)
    key, value = instance(OTHERS_ID, address="10.1.2.3:9000/1234/generate")
    ended = dyntop("drain", "--yes", "1234567890abc1", env=in_etcd)
    assert (ended.code, ended.lines) == (0, [f"removed {key.decode()}"])
    assert key not in etcd.entries()
    assert dyntop("restore", ended.act, env=in_etcd).code == 0
    assert (etcd.entries()[key].value, etcd.entries()[key].lease) == (value, lease)


def test_what_is_ambiguous_is_listed_and_asked(etcd: EtcdServer, in_etcd: dict[str, str]) -> None:
    unasked = ("--probe=never",)
    for worker in (0x10, 10):
        put(etcd, instance(worker, address="10.9.9.9:1"), grant(etcd))
    for name in ("10", "10.9.9.9", "10.9.9.9:1"):
        for command in (("drain", "--yes", *unasked), ("drain", "--dry-run", *unasked), ("show",)):
            ended = dyntop(*command, name, env=in_etcd)
            assert (ended.code, ended.out) == (1, b""), (command, name)
            assert "  a  prod/backend  10.9.9.9:1" in ended.err
            assert "  10  prod/backend  10.9.9.9:1" in ended.err
    assert dyntop("drain", "--dry-run", *unasked, "0x10", env=in_etcd).code == 0
    with AtTerminal("drain", *unasked, "10", env=in_etcd) as asked:
        asked.answer("Type its id:", b"a\n")
        asked.answer("Type a to drain it:", b"a\n")
        code, out = asked.end()
    assert (code, out) == (0, f"removed {instance(10)[0].decode()}\n")


def test_a_frontend_is_not_drained_as_a_worker(etcd: EtcdServer, in_etcd: dict[str, str]) -> None:
    lease = grant(etcd)
    put(etcd, instance(lease, endpoint="router-discovery"), lease)
    ended = dyntop("drain", "--yes", f"{lease:x}", env=in_etcd)
    assert (ended.code, ended.out) == (1, b"")
    assert "not a worker but the frontend process" in ended.one_sentence()
    header, row = dyntop("list", "workers", env=in_etcd).lines
    assert (header.split()[1], row.split()[1]) == ("ROLE", "frontend")


def test_list_takes_names_as_kubectl_does(etcd: EtcdServer, in_etcd: dict[str, str]) -> None:
    lease = put_other(etcd)
    other = grant(etcd)
    put(etcd, instance(other), other)
    key = instance(OTHERS_ID)[0].decode()
    for arguments in (
        ("endpoints", str(OTHERS_ID)),
        ("endpoints", "-n", "prod", f"{lease:x}"),
        ("-n", "prod", "endpoints", "10.1.2.3"),
    ):
        ended = dyntop("list", *arguments, "-o", "name", env=in_etcd)
        assert (ended.code, ended.lines) == (0, [key]), arguments
    both = dyntop("list", "workers", f"{OTHERS_ID:x}", f"{other:x}", "-o", "name", env=in_etcd)
    assert sorted(both.lines) == sorted([f"{OTHERS_ID:x}", f"{other:x}"])
    ended = dyntop("list", "models", "acme/tiny", "nowhere", "-o", "json", env=in_etcd)
    assert (ended.code, len(ended.records)) == (1, 1)
    assert ended.one_sentence().startswith("nothing is named nowhere in etcd")


@pytest.mark.parametrize("name", ["acme/tiny", "ACME/Tiny"])
def test_a_model_is_shown_with_its_cards(
    name: str, etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    put_other(etcd)
    text = dyntop("show", name, env=in_etcd).out.decode()
    assert "● live  model acme/tiny" in text
    assert "1 worker" in text
    whole = dyntop("show", name, "-o", "json", env=in_etcd).records
    assert (whole["model"], len(whole["records"])) == ("acme/tiny", 1)
    assert "routable 1 of 1: aggregated 1/1" in text
    told = {name: whole[name] for name in ("served", "workers", "routable", "not_routable")}
    assert told == {"served": True, "workers": 1, "routable": 1, "not_routable": {}}
    # Drained, no request reaches it.
    etcd.etcdctl("del", instance(OTHERS_ID)[0].decode())
    text = dyntop("show", name, env=in_etcd).out.decode()
    assert "routable 0 of 1: aggregated 0/1; 1 without an instance" in text
    assert "acme/tiny: no instance" in dyntop("show", f"{OTHERS_ID:x}", env=in_etcd).out.decode()


def test_the_cards_of_a_conflict_are_compared_field_by_field(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    workers = [grant(etcd) for _ in range(3)]
    for number, worker in enumerate(workers):
        put(etcd, instance(worker), worker)
        key, value = card(worker)
        body = json.loads(value)
        body["card_json"] |= {"context_length": 2048 if number else 4096, "slug": f"s{number}"}
        put(etcd, (key, json.dumps(body).encode()), worker)
    lines = dyntop("show", "acme/tiny-llm", "--compare", env=in_etcd).lines
    found = sorted(line.split("  ")[3].partition(",")[0] for line in lines[:2])
    assert found == ["1 worker", "2 workers"]
    assert lines[2].startswith("≠ 1 field of Dynamo's checksum (as of 1.6.1): a running frontend")
    marked = [line for line in lines[4:] if line[0] in "≠~"]
    assert marked == ["≠ context_length (effective)", "~ slug"]
    whole = dyntop("show", "acme/tiny-llm", "--compare", "-o", "json", env=in_etcd).records
    assert sorted(one["workers"] for one in whole["cards"]) == [1, 2]
    differing = {one["path"]: one for one in whole["fields"] if one["differs"]}
    assert {*differing["context_length (effective)"]["values"]} == {"2048", "4096"}
    assert [one["in_checksum"] for one in differing.values()] == [True, False]
    assert whole["whole"] is True
    # Also of the worker that is in the conflict; of a model without one there is nothing.
    assert dyntop("show", f"{workers[0]:x}", "--compare", env=in_etcd).lines[2] == lines[2]
    etcd.etcdctl("del", card(workers[0])[0].decode())
    ended = dyntop("show", "acme/tiny-llm", "--compare", env=in_etcd)
    assert ended.code == 1
    assert "no worker set of acme/tiny-llm has several sorts of card" in ended.err


def test_an_adapter_whose_base_is_not_registered_is_shown_with_its_worker(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    put(etcd, card(OTHERS_ID, "acme/tiny", "acme/sql"), grant(etcd))
    assert "1 worker" in dyntop("show", "acme/sql", env=in_etcd).out.decode()


def test_a_model_of_which_one_worker_is_drained_is_not_called_drained(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    served, drained = grant(etcd), grant(etcd)
    put(etcd, instance(served), served)
    for worker in (served, drained):
        put(etcd, card(worker), worker)
        put(etcd, card(worker, lora="acme/sql"), worker)
    lines = dyntop("show", "acme/tiny-llm", env=in_etcd).lines
    assert lines[0] == "▽ 2 drained  model acme/tiny-llm"
    (told,) = [line for line in lines if line.startswith("serving")]
    assert told.split("  ")[-1].strip() == (
        "routable 1 of 2: aggregated 1/2; 1 without an instance"
    )
    # The same fact in the same words, of an adapter.
    ended = dyntop("check", "--model", "acme/tiny-llm", env=in_etcd)
    assert "; 1 without an instance in etcd" in ended.one_sentence()
    ended = dyntop("check", "--model", "acme/sql", env=in_etcd)
    assert ended.one_sentence().startswith(
        "adapter acme/sql is served, routable 1 of 2; 1 without an instance in etcd"
    )


def test_a_key_is_shown_with_its_value(etcd: EtcdServer, in_etcd: dict[str, str]) -> None:
    put_other(etcd)
    key, value = instance(OTHERS_ID, address="10.1.2.3:9000/1234/generate")
    text = dyntop("show", key.decode(), env=in_etcd).out.decode()
    assert f'"instance_id": {OTHERS_ID}' in text
    (whole,) = [dyntop("show", key.decode(), "-o", "json", env=in_etcd).records]
    assert (whole["key"], whole["value"]) == (key.decode(), json.loads(value))
    ended = dyntop("show", "nothing", env=in_etcd)
    assert (ended.code, ended.out) == (1, b"")
    assert ended.one_sentence().startswith("nothing is named nothing in etcd")


def test_in_a_file_store_it_is_drained_by_its_id_and_put_back_under_its_own_file_name(
    tmp_path: Path, state: dict[str, str]
) -> None:
    """Such a server encodes only `/` in its file names."""
    key, value = instance(OTHERS_ID, namespace="my-team_a", address="127.0.0.1:9")
    bucket = tmp_path / "v1" / "instances"
    bucket.mkdir(parents=True)
    name = "my-team_a%2Fbackend%2Fgenerate%2F1234567890abc1"
    (bucket / name).write_bytes(value)
    where = ("--file-store", str(tmp_path))
    for arguments in (("list", "workers"), ("list", "endpoints", str(OTHERS_ID))):
        listed = dyntop(*arguments, "-n", "my-team_a", "-o", "json", *where, env=state).records
        assert len(listed) == 1
        assert listed[0].get("malformed") is None
        assert listed[0].get("conflict") is None
    ended = dyntop("drain", "--yes", str(OTHERS_ID), *where, env=state)
    assert (ended.code, ended.lines) == (0, [f"removed {key.decode()}"])
    assert list(bucket.iterdir()) == []
    assert dyntop("restore", ended.act, *where, env=state).code == 0
    assert [path.name for path in bucket.iterdir()] == [name]
    assert (bucket / name).read_bytes() == value
