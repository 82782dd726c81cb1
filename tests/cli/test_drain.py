"""`dyntop drain`: a worker's instances and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.cli.conftest import CARD, INSTANCE, Here
from tests.support.etcd_server import EtcdServer
from tests.support.registered import card, instance
from tests.support.registering import grant, listening, put, put_worker, refusing
from tests.support.running import AtTerminal, dyntop


@contextmanager
def serving(text: str) -> Iterator[str]:
    """A process with these metrics; its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/metrics" else 404)
            self.end_headers()
            self.wfile.write(text.encode() if self.path == "/metrics" else b"")

        def log_message(self, *_: object) -> None:
            """Not on the tests' standard error."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def instances(keys: list[str]) -> list[str]:
    return [key for key in keys if key.startswith("v1/instances/")]


def test_only_the_workers_instances_go(etcd: EtcdServer, in_etcd: dict[str, str]) -> None:
    worker, keys = put_worker(etcd)
    other = grant(etcd)
    stays = put(etcd, instance(other), other)
    ended = dyntop("--probe", "never", "drain", "--yes", f"0x{worker:016X}", env=in_etcd)
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
    ended = dyntop("drain", "--dry-run", "--probe=never", f"{worker:x}", env=in_etcd)
    assert (ended.code, ended.lines) == (0, [f"would remove {key}" for key in instances(keys)])
    assert (
        "the worker keeps 2 model cards, 1 event channel, 1 event source and its lease" in ended.err
    )
    assert "acme/tiny-llm: no worker serves it then" in ended.err
    assert "Clients stop routing to this instance." in ended.err
    assert len(etcd.entries()) == len(keys)


def test_it_asks_the_addresses_before_it_drains(etcd: EtcdServer, in_etcd: dict[str, str]) -> None:
    worker, nobody = grant(etcd), refusing()
    put(etcd, instance(worker, address=nobody), worker)
    ended = dyntop("drain", "--dry-run", f"{worker:x}", env=in_etcd)
    assert ended.code == 0
    assert "  verdict   unreachable\n" in ended.err
    assert f"  evidence  {nobody} refuses connections\n" in ended.err
    for never in (["drain", "--probe=never"], ["--probe", "never", "drain"]):
        ended = dyntop(*never, "--dry-run", f"{worker:x}", env=in_etcd)
        assert "  verdict   live\n" in ended.err
    with listening() as somebody:
        put(etcd, instance(worker, address=somebody), worker)
        for wanted, verdict in (("connect", "live"), ("deep", "unreachable")):
            probe = f"--probe={wanted}"
            ended = dyntop("drain", "--dry-run", probe, f"{worker:x}", env=in_etcd)
            assert f"  verdict   {verdict}\n" in ended.err


def test_what_is_left_counts_no_worker_that_is_dead(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    worker, dead = grant(etcd), grant(etcd)
    put(etcd, card(worker), worker)
    put(etcd, instance(dead, address=refusing()), dead)
    put(etcd, card(dead), dead)
    with listening() as somebody:
        put(etcd, instance(worker, address=somebody), worker)
        ended = dyntop("drain", "--dry-run", f"{worker:x}", env=in_etcd)
    assert ended.code == 0
    assert "acme/tiny-llm: no worker serves it then" in ended.err
    assert ended.lines == [f"would remove {instance(worker)[0].decode()}"]


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


@pytest.mark.parametrize("instance_id", ["1", "ffffffffffffffff", "12345678901234567", "10g"])
def test_an_instance_that_is_not_there_is_refused(
    instance_id: str, in_folder: dict[str, str], here: Here
) -> None:
    ended = here("drain", "--yes", instance_id, env=in_folder)
    assert (ended.code, ended.out) == (1, b"")
    assert f"no endpoint instance of {instance_id} in file" in ended.one_sentence()


def test_one_that_is_drained_already_is_said_to_be(
    etcd: EtcdServer, in_etcd: dict[str, str], tmp_path: Path
) -> None:
    worker, _ = put_worker(etcd)
    command = ("drain", "--yes", "--probe=never", f"{worker:x}")
    act = dyntop(*command, env=in_etcd).act
    for state, by in (
        (in_etcd.get("XDG_STATE_HOME"), f"dyntop restore {act} puts it back"),
        (str(tmp_path / "elsewhere"), "drained or deleted, its lease is alive"),
    ):
        env = in_etcd | ({} if state is None else {"XDG_STATE_HOME": state})
        ended = dyntop(*command, env=env)
        assert (ended.code, ended.out) == (1, b"")
        said = ended.one_sentence()
        assert said.startswith(f"{worker:x} has no endpoint instance in etcd")
        assert ", nothing to drain: drained " in said
        assert said.endswith(by)
    # What is left of a worker that ended was not drained.
    put(etcd, card(0xDEAD))
    said = dyntop("drain", "--yes", "dead", env=in_etcd).one_sentence()
    assert said.startswith("no endpoint instance of dead in etcd")


def test_of_a_model_or_a_place_the_workers_are_named(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    first, second = sorted(grant(etcd) for _ in range(2))
    for worker in (first, second):
        put(etcd, card(worker), worker)
    for name, word in (("acme/tiny-llm", "model"), ("prod/backend/generate", "place")):
        for there, named in (
            ([], "none of it has an endpoint instance"),
            ([first], f"its worker is {first:x}"),
            ([first, second], f"name the id of one of {first:x} and {second:x}"),
        ):
            for worker in there:
                put(etcd, instance(worker), worker)
            ended = dyntop("drain", "--yes", name, env=in_etcd)
            assert (ended.code, ended.out) == (1, b"")
            said = ended.one_sentence()
            assert said.startswith(f"{name} is a {word} in etcd")
            assert said.endswith(f", and one worker is drained at a time: {named}")
        for worker in (first, second):
            etcd.etcdctl("del", instance(worker)[0].decode())


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


def test_a_worker_that_refuses_does_not_count_among_those_that_stay(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    with listening() as address:
        serving_one, dead = grant(etcd), grant(etcd)
        for worker, at in ((serving_one, address), (dead, refusing())):
            put(etcd, instance(worker, address=at), worker)
            put(etcd, card(worker), worker)
        ended = dyntop("drain", "--dry-run", f"{serving_one:x}", env=in_etcd)
        assert (ended.code, len(ended.lines)) == (0, 1)
        assert "acme/tiny-llm: no worker serves it then" in ended.err
        ended = dyntop("drain", "--dry-run", "--probe=never", f"{serving_one:x}", env=in_etcd)
        assert "acme/tiny-llm: 1 of 2 stays routable" in ended.err


def test_of_several_ids_on_one_lease_the_one_that_is_named_is_drained(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    lease = grant(etcd)
    one, other = (put(etcd, instance(number), lease) for number in (0xF2, 0xF3))
    command = ("drain", "--dry-run", "--probe=never")
    for name, keys in (
        ("f2", [one]),
        ("f3", [other]),
        (other, [other]),
        (f"{lease:x}", [one, other]),
    ):
        ended = dyntop(*command, name, env=in_etcd)
        assert ended.lines == [f"would remove {key}" for key in keys]
    assert "the worker keeps 1 instance and its lease" in dyntop(*command, "f3", env=in_etcd).err


def test_a_later_process_says_who_drained_it_and_another_machine_that_it_is_drained(
    etcd: EtcdServer, in_etcd: dict[str, str], tmp_path: Path
) -> None:
    worker, keys = put_worker(etcd)
    act = dyntop("drain", "--yes", "--probe=never", f"{worker:x}", env=in_etcd).act
    elsewhere = in_etcd | {"XDG_STATE_HOME": str(tmp_path / "elsewhere")}
    for env, text in (
        (in_etcd, f"dyntop restore {act} puts it back"),
        (elsewhere, "drained or deleted, its lease is alive"),
    ):
        ended = dyntop("check", "-o", "json", env=env)
        assert ended.code == 1
        left = {one["key"]: one for one in ended.records}
        assert {*left} == {*keys} - set(instances(keys))
        assert {one["verdict"] for one in left.values()} == {"drained"}
        assert [one["evidence"] for one in left.values() if text not in one["evidence"][0]] == []
        listed = dyntop("list", "--liveness", "-o", "json", env=env).records
        assert {one["verdict"] for one in listed} == {"drained"}
        assert text in dyntop("show", f"{worker:x}", env=env).out.decode()
    assert dyntop("restore", act, env=in_etcd).code == 0
    assert "drained" not in dyntop("check", env=in_etcd).out.decode()


def test_it_says_what_the_worker_still_has_to_do_where_metrics_tell(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    worker, _ = put_worker(etcd)
    place = f'dynamo_endpoint="generate",worker_id="{worker:x}"'
    text = f"dynamo_component_inflight_requests{{{place}}} %d\n"
    for requests, said in ((3, "3 in flight"), (0, "idle: safe to stop")):
        with serving(text % requests) as url:
            command = ("--metrics", url, "drain", "--yes", "--probe=never", f"{worker:x}")
            ended = dyntop(*command, env=in_etcd)
        assert f"requests at {worker:x}: {said}" in ended.err
        assert dyntop("restore", ended.act, env=in_etcd).code == 0


def test_a_store_without_pods_has_no_drain_that_lasts(
    in_folder: dict[str, str], here: Here
) -> None:
    worker = INSTANCE.decode().rpartition("/")[2]
    ended = here("drain", "--lasting", "--yes", "--probe", "never", worker, env=in_folder)
    assert (ended.code, ended.out) == (1, b"")
    assert "no drain that lasts: file has no such act: only in Kubernetes" in ended.err
    assert INSTANCE.decode() in here("list", "-o", "name", env=in_folder).lines
