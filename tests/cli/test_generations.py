"""The namespaces of a deployment's generations, as Dynamo forms them."""

from __future__ import annotations

from pathlib import Path

from tests.support.etcd_server import EtcdServer
from tests.support.registered import instance
from tests.support.running import dyntop

STALE = instance(0x1000000002, namespace="prod-7b13b437", address="127.0.0.1:9")


def test_a_worker_pod_sees_its_own_generation(etcd: EtcdServer, in_etcd: dict[str, str]) -> None:
    """Case: its `DYN_NAMESPACE` alone names a namespace in which nothing is."""
    etcd.etcdctl("put", STALE[0].decode(), input=STALE[1])
    pod = in_etcd | {"DYN_NAMESPACE": "prod", "DYN_NAMESPACE_WORKER_SUFFIX": "7b13b437"}
    ended = dyntop("check", env=pod)
    assert ended.code == 1
    assert "prod-7b13b437 (DYN_NAMESPACE and DYN_NAMESPACE_WORKER_SUFFIX)" in ended.err
    frontend = in_etcd | {"DYN_NAMESPACE": "prod", "DYN_NAMESPACE_PREFIX": "prod"}
    assert dyntop("check", env=frontend).code == 1
    assert dyntop("list", "-n", "prod-*", "-o", "name", env=in_etcd).lines == [STALE[0].decode()]


def test_where_nothing_is_the_namespaces_beside_are_named(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    etcd.etcdctl("put", STALE[0].decode(), input=STALE[1])
    for command in (("check",), ("list",), ("list", "workers")):
        told = dyntop(*command, "-n", "prod", env=in_etcd).one_sentence()
        assert "; there is prod-7b13b437: -n 'prod*' takes all that begin so" in told, command
    assert "there is" not in dyntop("check", "-n", "other", env=in_etcd).one_sentence()


def test_what_names_one_thing_names_the_namespaces_beside_too_where_nothing_is(
    etcd: EtcdServer, in_etcd: dict[str, str], tmp_path: Path
) -> None:
    etcd.etcdctl("put", STALE[0].decode(), input=STALE[1])
    of_prod = in_etcd | {"DYN_NAMESPACE": "prod"}
    there = "; there is prod-7b13b437: -n 'prod*' takes all that begin so"
    for command, code in (
        (("show", "1000000002"), 1),
        (("drain", "--dry-run", "1000000002"), 1),
        (("check", "--model", "acme/tiny-llm"), 1),
        (("unregister", "--stale", "--dry-run"), 0),
    ):
        ended = dyntop(*command, env=of_prod)
        assert ended.code == code
        assert ended.one_sentence().endswith(f"in namespace prod (DYN_NAMESPACE){there}"), command
    # Of a name that is not there among others that are, nothing is guessed.
    key, value = instance(0x1000000003, namespace="prod")
    etcd.etcdctl("put", key.decode(), input=value)
    assert "there is" not in dyntop("show", "1000000002", env=of_prod).one_sentence()
    # A report is of that namespace, and says so.
    ended = dyntop("report", str(tmp_path / "it"), "--probe", "never", env=of_prod)
    assert "has 1 key of etcd at " in ended.one_sentence()
    assert " in namespace prod (DYN_NAMESPACE), " in ended.one_sentence()


def test_of_a_generation_that_is_not_there_the_others_are_named(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    pod = in_etcd | {"DYN_NAMESPACE": "prod", "DYN_NAMESPACE_WORKER_SUFFIX": "nosuch"}
    assert "there is" not in dyntop("check", env=pod).one_sentence()
    for name, told in (
        ("production", "; there is production: -n 'prod*' takes all that begin so"),
        ("prod", "; there is prod, production: -n 'prod*' takes all that begin so"),
        ("prod-7b13b437", "; there is prod-7b13b437: -n 'prod-*' takes all that begin so"),
    ):
        key, value = instance(0x1000000003, namespace=name)
        etcd.etcdctl("put", key.decode(), input=value)
        for command in (("check",), ("list",), ("list", "workers")):
            ended = dyntop(*command, env=pod)
            assert ended.code == 0
            assert told in ended.one_sentence(), command
    # A flag goes before the environment, and names another.
    assert "there is" not in dyntop("check", "-n", "prod-nosuch", env=pod).one_sentence()
