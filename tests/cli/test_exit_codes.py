"""3 and 4, each with its real cause and one sentence that says what to do; no secret in any."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Here
from tests.support.etcd_server import EtcdServer
from tests.support.nats_server import NatsServer
from tests.support.ports import LOOPBACK
from tests.support.registering import refusing
from tests.support.running import dyntop
from tests.support.tls import TlsFiles

SECRET = "s3cret-passw0rd"


@pytest.fixture(scope="module")
def etcd_with_tls(tls: TlsFiles) -> Iterator[EtcdServer]:
    with EtcdServer(tls=tls) as server:
        yield server


def test_nothing_listens() -> None:
    address = f"http://{refusing()}"
    ended = dyntop("list", "--endpoints", address)
    assert (ended.code, ended.out) == (3, b"")
    sentence = ended.one_sentence()
    assert f"nothing listens at {address}: is etcd running there?" in sentence
    assert "--endpoints or ETCD_ENDPOINTS" in sentence


def test_no_endpoint_of_several_can_be_reached() -> None:
    addresses = [f"http://{refusing()}" for _ in range(2)]
    ended = dyntop("list", env={"ETCD_ENDPOINTS": ",".join(addresses)})
    assert ended.code == 3
    assert all(address in ended.one_sentence() for address in addresses)


def test_a_name_that_is_none() -> None:
    ended = dyntop("list", "--endpoints", "http://no-such-host.invalid:2379")
    assert ended.code == 3
    assert "cannot be resolved" in ended.one_sentence()


def test_a_missing_folder(tmp_path: Path, here: Here) -> None:
    ended = here("list", "--backend", "file", env={"TMPDIR": str(tmp_path)})
    assert (ended.code, ended.out) == (3, b"")
    sentence = ended.one_sentence()
    assert f"{tmp_path}/dynamo_store_kv does not exist" in sentence
    assert "--file-store or DYN_FILE_KV" in sentence


def test_a_folder_that_is_none(tmp_path: Path, here: Here) -> None:
    (tmp_path / "file").touch()
    ended = here("list", "--file-store", str(tmp_path / "file"))
    assert ended.code == 3
    assert "not a file store" in ended.one_sentence()


@pytest.mark.usefixtures("permissions_bind")
def test_a_folder_that_may_not_be_read(tmp_path: Path) -> None:
    tmp_path.chmod(0)
    ended = dyntop("list", "--file-store", str(tmp_path))
    tmp_path.chmod(0o700)
    assert ended.code == 4
    assert "may not read" in ended.one_sentence()


def test_tls_is_expected(etcd_with_tls: EtcdServer) -> None:
    plain = etcd_with_tls.endpoint.replace("https", "http")
    ended = dyntop("list", "--endpoints", plain)
    assert ended.code == 3
    assert "speaks TLS: write https://" in ended.one_sentence()


def test_a_private_authority_is_to_be_named(etcd_with_tls: EtcdServer, tls: TlsFiles) -> None:
    where = ("list", "--endpoints", etcd_with_tls.endpoint, "-o", "json")
    ended = dyntop(*where)
    assert ended.code == 3
    assert "ETCD_AUTH_CA" in ended.one_sentence()
    # A path, or the PEM text itself.
    for authority in (str(tls.ca), tls.ca.read_text()):
        ended = dyntop(*where, env={"ETCD_AUTH_CA": authority})
        assert (ended.code, ended.records) == (0, [])


def test_plain_text_is_expected(etcd: EtcdServer) -> None:
    ended = dyntop("list", "--endpoints", etcd.endpoint.replace("http", "https"))
    assert ended.code == 3
    assert "write http://" in ended.one_sentence()


def test_another_server_is_not_etcd() -> None:
    with NatsServer() as nats:
        ended = dyntop("list", "--endpoints", nats.url.replace("nats", "http"))
    assert ended.code == 3
    assert "is not etcd" in ended.one_sentence()


def test_a_wrong_password_and_a_user_who_may_not() -> None:
    # Its passwords need not be hard to guess.
    with EtcdServer("--bcrypt-cost=4") as etcd:
        for command in (
            ["user", "add", f"root:{SECRET}"],
            ["user", "grant-role", "root", "root"],
            ["user", "add", f"nobody:{SECRET}"],
            ["auth", "enable"],
        ):
            etcd.etcdctl(*command)
        where = {"ETCD_ENDPOINTS": etcd.endpoint}
        right = where | {"ETCD_AUTH_USERNAME": "root", "ETCD_AUTH_PASSWORD": SECRET}
        assert dyntop("list", "-o", "json", env=right).records == []
        for env in (
            where,
            right | {"ETCD_AUTH_PASSWORD": f"{SECRET}-wrong"},
            right | {"ETCD_AUTH_USERNAME": "nobody"},
        ):
            ended = dyntop("list", "-o", "json", env=env | {"DYNTOP_DEBUG": ""})
            assert (ended.code, ended.out) == (4, b"")
            sentence = ended.one_sentence()
            assert "ETCD_AUTH_USERNAME" in sentence
            assert SECRET not in sentence
        key = "v1/instances/a/b/c/1"
        for command_ in (("watch",), ("unregister", "--yes", key)):
            assert dyntop(*command_, env=where).code == 4


@pytest.mark.parametrize("flag", [True, False])
def test_a_password_in_an_address_is_refused_and_not_repeated(flag: bool) -> None:
    address = f"http://root:{SECRET}@{LOOPBACK}:2379"
    args = ["--endpoints", address] if flag else []
    ended = dyntop("list", *args, env={} if flag else {"ETCD_ENDPOINTS": address})
    assert ended.code == 2
    assert SECRET not in ended.err
    assert "ETCD_AUTH_PASSWORD" in ended.one_sentence()


def test_a_key_that_is_given_as_text_is_never_repeated(tls: TlsFiles) -> None:
    pem = tls.client_key.read_text()
    for env in (
        {"ETCD_AUTH_CLIENT_KEY": pem},
        {"ETCD_AUTH_CLIENT_KEY": pem, "ETCD_AUTH_CLIENT_CERT": pem},
        {"ETCD_AUTH_CLIENT_KEY": pem[:-30], "ETCD_AUTH_CLIENT_CERT": pem},
    ):
        ended = dyntop("list", env=env | {"ETCD_ENDPOINTS": f"https://{LOOPBACK}:1"})
        assert ended.code in (2, 3)
        ended.one_sentence()
        assert not any(line in ended.err for line in pem.splitlines()[1:-1])
