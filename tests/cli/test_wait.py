"""`dyntop wait` and `dyntop check --model` on real stores."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from tests.support.etcd_server import EtcdServer
from tests.support.registered import KeyAndValue, card, instance
from tests.support.registering import grant, listening, put, refusing
from tests.support.running import AtTerminal, Ended, dyntop, put_file

MODEL = "acme/tiny-llm"
WORKER, OTHER = 0xA907, 0xB907


def of_role(worker: int, role: str, needs: list[list[str]]) -> KeyAndValue:
    """A card with a worker type, on a component of that name."""
    key, value = card(worker, component=role)
    body: dict[str, Any] = json.loads(value)
    body["card_json"] |= {"worker_type": role, "needs": needs}
    return key, json.dumps(body).encode()


def times_out(seconds: str, known: str, env: dict[str, str]) -> tuple[Ended, str]:
    """Wait in vain until that is known: on a busy machine its time may be over before it is. What
    came of it, and the seconds."""
    for limit in (seconds, "10", "40"):
        ended = dyntop("wait", "--model", MODEL, "--timeout", limit, env=env)
        assert ended.code == 5
        if known in ended.err:
            break
    return ended, limit


def test_check_of_a_model_says_how_many_are_routable_by_role_and_why_not(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    decode, prefill = grant(etcd), grant(etcd)
    put(etcd, instance(decode, component="decode"), decode)
    put(etcd, of_role(decode, "decode", [["prefill"]]), decode)
    ended = dyntop("check", "--model", MODEL, env=in_etcd)
    assert ended.code == 1
    assert "unroutable" in ended.lines[1]
    where = f"in etcd ({etcd.endpoint})"
    assert ended.one_sentence() == (
        f"model {MODEL} is not served, routable 0 of 1: decode 0/1; "
        f"not served in prod: no routable prefill worker {where}"
    )
    (found,) = dyntop("check", "--model", MODEL, "-o", "json", env=in_etcd).records
    assert (found["verdict"], found["routable"]) == ("unroutable", False)
    assert found["not_routable"] == "needs not met"
    put(etcd, instance(prefill, component="prefill"), prefill)
    put(etcd, of_role(prefill, "prefill", [["decode"]]), prefill)
    ended = dyntop("check", "--model", MODEL, env=in_etcd)
    assert (ended.code, ended.out) == (0, b"")
    assert ended.one_sentence() == (
        f"model {MODEL} is served, routable 2 of 2: decode 1/1, prefill 1/1 {where}"
    )


def test_check_counts_every_kind_of_finding_and_names_an_unknown_model(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    one, other = grant(etcd), grant(etcd)
    put(etcd, card(one), one)
    for worker, length in ((one, 1), (other, 2)):
        put(etcd, instance(worker, component="b"), worker)
        key, value = card(worker, "acme/b", component="b")
        body = json.loads(value)
        body["card_json"]["context_length"] = length
        put(etcd, (key, json.dumps(body).encode()), worker)
    ended = dyntop("check", env=in_etcd)
    assert ended.code == 1
    told = "3 of 5 records are not live (2 conflict, 1 drained) in etcd"
    assert ended.one_sentence().startswith(told)
    ended = dyntop("check", "--model", "acme/b", env=in_etcd)
    assert ended.code == 1
    told = ended.one_sentence()
    assert told.startswith(
        "model acme/b is served by one sort of its cards only, routable 1 of 2: "
    )
    assert "2 workers with 2 sorts of card: a frontend serves one" in told
    ended = dyntop("check", "--model", "acme/none", env=in_etcd)
    assert (ended.code, ended.out) == (1, b"")
    assert ended.one_sentence().startswith("no model or adapter acme/none is registered in etcd")


def test_wait_follows_until_so_many_workers_are_routable_and_until_it_is_gone(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    with listening() as address:
        one, other = grant(etcd), grant(etcd)
        put(etcd, card(one), one)
        put(etcd, instance(one, address=address), one)
        ended = dyntop("wait", "--model", MODEL, "--timeout", "30", env=in_etcd)
        assert (ended.code, ended.out) == (0, b"")
        assert "is served, routable 1 of 1" in ended.err
        with AtTerminal("wait", "--model", MODEL, "--workers", "2", env=in_etcd) as waiting:
            waiting.wait_for("waiting for 2 workers")
            put(etcd, card(other), other)
            waiting.wait_for("1 without an instance")
            put(etcd, instance(other, address=address), other)
            assert waiting.end() == (0, "")
        with AtTerminal("wait", "--model", MODEL, "--gone", env=in_etcd) as waiting:
            waiting.wait_for("waiting for it to be gone")
            for worker in (one, other):
                etcd.etcdctl("lease", "revoke", f"{worker:x}")
            assert waiting.end() == (0, "")
    ended, seconds = times_out("0.5", "is registered", in_etcd)
    assert f"not within {seconds} s: no model or adapter {MODEL} is registered" in ended.err


def test_a_worker_that_refuses_connections_is_not_waited_for_successfully(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    one = grant(etcd)
    put(etcd, card(one), one)
    put(etcd, instance(one, address=refusing()), one)
    ended, _ = times_out("2", "1 dead", in_etcd)
    assert "routable 0 of 1: aggregated 0/1; 1 dead" in ended.err


def test_wait_in_a_file_store(folder: Path, in_folder: dict[str, str]) -> None:
    with listening() as address, AtTerminal("wait", "--model", MODEL, env=in_folder) as waiting:
        waiting.wait_for("is registered")
        ended = dyntop("check", "--model", MODEL, env=in_folder)
        assert ended.code == 1
        put_file(folder, *card(WORKER))
        put_file(folder, *instance(WORKER, address=address))
        assert waiting.end() == (0, "")
    assert dyntop("check", "--model", MODEL, env=in_folder).code == 0
    for path in folder.rglob("*"):
        if path.is_file():
            os.utime(path, (time.time() - 60, time.time() - 60))
    assert dyntop("check", "--model", MODEL, env=in_folder).code == 1
