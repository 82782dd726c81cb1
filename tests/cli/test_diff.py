"""`dyntop list --revision` and `dyntop diff`: what was registered, on a real etcd."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import yaml

from backends.store import Refused
from tests.cli.conftest import Here
from tests.support.etcd_places import QUICK, switch_auth_on
from tests.support.etcd_server import EtcdServer
from tests.support.registered import card, channel, instance
from tests.support.registering import grant, put, put_worker, refusing
from tests.support.running import dyntop

MOVED = "10.0.0.99:9000"


def newest(etcd: EtcdServer) -> int:
    answer = json.loads(etcd.etcdctl("get", "none", "-w", "json"))
    revision: int = answer["header"]["revision"]
    return revision


def keys_of(out: bytes) -> set[str]:
    return set(out.decode().split())


def test_each_kind_and_output_is_listed_as_it_was(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    worker, keys = put_worker(etcd)
    then = newest(etcd)
    expected = {
        (what, output): dyntop("list", what, "-o", output, env=in_etcd)
        for what in ("all", "models", "workers")
        for output in ("table", "wide", "json", "ndjson", "yaml", "name")
    }
    etcd.etcdctl("lease", "revoke", f"{worker:x}")
    put(etcd, instance(grant(etcd)))
    at = f"--revision={then}"
    for (what, output), before in expected.items():
        ended = dyntop("list", what, "-o", output, at, env=in_etcd)
        assert (ended.code, ended.out) == (0, before.out), (what, output)
        past = f"the past: etcd ({etcd.endpoint}) at revision {then}; it is at {then + 2} now"
        assert (past in ended.err) is (output not in ("json", "ndjson", "yaml")), (what, output)
    named = dyntop("list", "models", f"{worker:x}", "-o", "name", at, env=in_etcd)
    assert keys_of(named.out) == {key for key in keys if key.startswith("v1/mdc/")}
    none = dyntop("list", "-n", "other", at, env=in_etcd)
    assert (none.code, none.out) == (0, b"")
    assert f"nothing found in etcd ({etcd.endpoint}) at revision {then} in namespace" in none.err


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--liveness",), "--liveness asks leases"),
        (("--probe",), "--probe asks leases"),
        (("--watch",), "--watch prints what comes"),
        (("--sort", "ttl"), "ttl asks leases"),
        (("--columns", "id,routable"), "routable asks leases"),
    ],
)
def test_what_is_only_known_now_does_not_go_with_a_revision(
    options: tuple[str, ...], why: str, here: Here
) -> None:
    ended = here("list", "--revision", "3", *options, "--endpoints", f"http://{refusing()}")
    assert (ended.code, ended.out) == (2, b"")
    assert why in ended.one_sentence()


def test_a_difference_is_what_came_went_or_holds_something_else(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    stays, moves, goes = (grant(etcd) for _ in range(3))
    for worker in (stays, moves, goes):
        put(etcd, instance(worker), worker)
    first = newest(etcd)
    put(etcd, instance(stays), stays)
    put(etcd, instance(moves, address=MOVED), moves)
    etcd.etcdctl("lease", "revoke", f"{goes:x}")
    comes = grant(etcd)
    put(etcd, card(comes), comes)
    last = newest(etcd)
    put(etcd, instance(comes), comes)

    between = ("diff", "--from", str(first), "--to", str(last))
    ended = dyntop(*between, "-o", "json", env=in_etcd)
    assert ended.code == 1
    found = {
        (change["record"] or change["previous"])["instance_id"]: change for change in ended.records
    }
    assert {worker: change["change"] for worker, change in found.items()} == {
        f"{moves:x}": "changed",
        f"{goes:x}": "removed",
        f"{comes:x}": "added",
    }
    (field,) = found[f"{moves:x}"]["fields"]
    assert (field["path"], field["after"]) == ("transport.tcp", MOVED)
    assert found[f"{goes:x}"]["previous"]["lease"] == f"{goes:x}"
    assert {change["verdict"] for change in (found[f"{comes:x}"]["record"],)} == {None}

    lines = dyntop(*between, "-o", "ndjson", env=in_etcd).lines
    assert [json.loads(line) for line in lines] == ended.records
    assert yaml.safe_load(dyntop(*between, "-o", "yaml", env=in_etcd).out) == ended.records

    table = dyntop(*between, env=in_etcd)
    assert f"transport.tcp 10.0.0.{moves % 256}:9000 → {MOVED}" in table.out.decode()
    assert f"from revision {first} to {last} of etcd" in table.err
    assert "1 added, 1 removed, 1 changed; the store keeps no time" in table.err

    until_now = dyntop("diff", "endpoints", "--from", str(last), "-o", "json", env=in_etcd)
    assert [change["change"] for change in until_now.records] == ["added"]
    same = dyntop("diff", "--from", str(last), "-n", "elsewhere", env=in_etcd)
    assert (same.code, same.out) == (0, b"")
    assert "nothing changed" in same.err


def test_events_are_every_change_in_between_in_order(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    first = newest(etcd)
    since = ("diff", "--from", str(first))
    worker = grant(etcd)
    key = put(etcd, instance(worker), worker)
    put(etcd, instance(worker), worker)
    etcd.etcdctl("del", key)
    put(etcd, instance(worker, address=MOVED), worker)
    put(etcd, channel(worker), worker)
    etcd.etcdctl("lease", "revoke", f"{worker:x}")
    ended = dyntop(*since, "--events", "-o", "json", env=in_etcd)
    assert ended.code == 1
    assert [(change["revision"] - first, change["change"]) for change in ended.records] == [
        (1, "added"),
        (2, "changed"),
        (3, "removed"),
        (4, "added"),
        (5, "added"),
        (6, "removed"),
        (6, "removed"),
    ]
    assert [change["fields"] for change in ended.records] == [None, [], *[None] * 5]
    assert {change["time"] for change in ended.records} == {None}
    header, *rows = dyntop(*since, "--events", env=in_etcd).lines
    assert header.split()[:2] == ["REVISION", "CHANGE"]
    steps = [int(row.split()[0]) - first for row in rows]
    assert steps == [1, 2, 3, 4, 5, 6, 6]
    assert "written again, the same" in rows[1]
    # Nothing is left of it.
    assert dyntop(*since, env=in_etcd).code == 0
    whole = dyntop("diff", "--from", "oldest", "--events", "-o", "ndjson", env=in_etcd).lines
    assert [json.loads(line) for line in whole[-7:]] == ended.records


def test_what_is_compacted_or_to_come_is_said_and_is_trouble(state: dict[str, str]) -> None:
    # One of its own: others look for early revisions in the shared one.
    with EtcdServer() as etcd:
        in_etcd = state | {"ETCD_ENDPOINTS": etcd.endpoint}
        key = put(etcd, instance(7))
        etcd.etcdctl("del", key)
        last = newest(etcd)
        etcd.etcdctl("compact", str(last))
        for command in (("list", "--revision"), ("diff", "--from"), ("diff", "--events", "--from")):
            ended = dyntop(*command, str(last - 1), env=in_etcd)
            assert (ended.code, ended.out) == (2, b"")
            sentence = f"revision {last - 1} is compacted: the oldest that etcd at {etcd.endpoint}"
            assert f"{sentence} still has is {last}" in ended.one_sentence()
        ended = dyntop("diff", "--from", str(last), "--to", str(last + 1), env=in_etcd)
        assert ended.code == 2
        assert f"revision {last + 1} is still to come" in ended.one_sentence()


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("diff",), "--from: name the earlier revision"),
        (("diff", "--from", "0"), "'0' is no revision: it is a number from 1 on, or oldest"),
        (("diff", "--from", "now"), "or oldest"),
        (("diff", "--from", "2", "--to", "oldest"), "or now"),
        (
            ("diff", "--from", "2", "--backend", "memory"),
            "dyntop record writes what comes into a file, from now on",
        ),
        (("list", "--revision", "2", "--backend", "memory"), "only what is registered now"),
    ],
)
def test_what_cannot_be_compared_is_a_sentence_and_code_2(
    command: tuple[str, ...], said: str, here: Here
) -> None:
    ended = here(*command)
    assert (ended.code, ended.out) == (2, b"")
    assert said in ended.one_sentence()


def test_revisions_in_the_wrong_order_are_named(etcd: EtcdServer, in_etcd: dict[str, str]) -> None:
    put(etcd, instance(7))
    last = newest(etcd)
    ended = dyntop("diff", "--from", str(last), "--to", str(last - 1), env=in_etcd)
    assert ended.code == 2
    assert f"{last - 1} is before {last}" in ended.one_sentence()


@pytest.mark.parametrize("far", [1, 2**63], ids=["the next", "more than a request can name"])
def test_a_revision_that_is_still_to_come_is_said_wherever_it_is_named(
    far: int, etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    put(etcd, instance(7))
    last = newest(etcd)
    commands = (("list", "--revision"), ("diff", "--from"), ("diff", "--from", f"{last}", "--to"))
    for command in commands:
        ended = dyntop(*command, str(last + far), env=in_etcd)
        assert (ended.code, ended.out) == (2, b"")
        assert f"revision {last + far} is still to come" in ended.one_sentence()


def test_trouble_that_is_1_elsewhere_is_2_here(monkeypatch: pytest.MonkeyPatch, here: Here) -> None:
    def refuse(*_: object) -> int:
        raise Refused("http://db:2379", "out of order")

    for command, code in (("diff", 2), ("list", 1)):
        monkeypatch.setattr(f"tui.cli.commands.{command}.run", refuse)
        ended = here(*([command, "--from", "1"] if command == "diff" else [command]))
        assert ended.code == code


@pytest.fixture
def guarded() -> Iterator[EtcdServer]:
    with EtcdServer(*QUICK, "--bcrypt-cost=4") as server:
        put(server, instance(7))
        put(server, card(7))
        switch_auth_on(server)
        yield server


def test_a_user_who_may_read_a_part_is_told_that_it_is_one(guarded: EtcdServer) -> None:
    joe = {
        "ETCD_ENDPOINTS": guarded.endpoint,
        "ETCD_AUTH_USERNAME": "joe",
        "ETCD_AUTH_PASSWORD": "secret",
    }
    listed = dyntop("list", "--revision", "3", "-o", "json", env=joe)
    compared = dyntop("diff", "--from", "1", "-o", "json", env=joe)
    assert (listed.code, compared.code) == (4, 4)
    assert [one["kind"] for one in listed.records] == ["endpoint"]
    assert [one["record"]["kind"] for one in compared.records] == ["endpoint"]
    assert "not all is compared: no permission to read" in compared.err
    assert dyntop("diff", "models", "--from", "1", env=joe).code == 4


def test_hostile_values_reach_neither_the_terminal_nor_the_json_raw(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    since = ("diff", "--from", str(newest(etcd)), "--events", "-o")
    for value in (b'{"a\x7f\xc2\x9b":1e400,"b":"\\u001b[2J"}', b'{"b":"\\u009b"}', b"\xff"):
        etcd.etcdctl("put", "v1/claims/x", input=value)
    for output in ("table", "json", "yaml"):
        ended = dyntop(*since, output, env=in_etcd)
        assert ended.code == 1
        assert all(line.isprintable() for line in ended.lines)
    _, second, third = dyntop(*since, "json", env=in_etcd).records
    assert [field["path"] for field in second["fields"]] == ["a\x7f\x9b", "b"]
    assert third["fields"] is None
