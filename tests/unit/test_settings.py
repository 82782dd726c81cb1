"""From the environment and flags to settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from backends.connect import EtcdConnection, FileConnection, MemoryConnection, open_store
from backends.file import FileStore
from backends.memory import MemoryStore
from backends.store import Misconfigured
from tui.settings import Settings

SECRET = "s3cret"
PEM = f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----\n"


def settings(environ: dict[str, str] | None = None, **flags: Any) -> Settings:
    return Settings.from_environment(environ or {}, **flags)


def etcd(environ: dict[str, str] | None = None, **flags: Any) -> EtcdConnection:
    connection = settings(environ, **flags).connection
    assert isinstance(connection, EtcdConnection)
    return connection


def test_with_nothing_set_it_is_etcd_at_home() -> None:
    found = settings()
    assert found.connection == EtcdConnection(endpoints=("http://localhost:2379",))
    assert (found.namespace, found.namespace_source) == (None, None)
    assert (found.read_only, found.demo) == (False, False)


def test_etcd_is_read_from_dynamos_names() -> None:
    connection = etcd(
        {
            "DYN_DISCOVERY_BACKEND": "etcd",
            "ETCD_ENDPOINTS": "http://a:1, https://b:2,",
            "ETCD_AUTH_USERNAME": "root",
            "ETCD_AUTH_PASSWORD": SECRET,
            "ETCD_AUTH_CA": "/ca.pem",
            "ETCD_AUTH_CLIENT_CERT": PEM,
            "ETCD_AUTH_CLIENT_KEY": PEM,
        }
    )
    assert connection.endpoints == ("http://a:1", "https://b:2")
    assert connection.username == "root"
    assert connection.password is not None
    assert connection.password.get_secret_value() == SECRET
    assert connection.ca is not None
    assert connection.ca.get_secret_value() == "/ca.pem"
    assert connection.client_key is not None
    assert connection.client_key.get_secret_value() == PEM


def test_no_text_of_the_settings_has_a_secret() -> None:
    names = ("ETCD_AUTH_PASSWORD", "ETCD_AUTH_CA", "ETCD_AUTH_CLIENT_CERT", "ETCD_AUTH_CLIENT_KEY")
    found = settings(dict.fromkeys(names, PEM))
    for text in (repr(found), str(found), found.model_dump_json(), repr(found.model_dump())):
        assert SECRET not in text


@pytest.mark.parametrize(
    ("environ", "root"),
    [
        ({"DYN_FILE_KV": "/kv"}, "/kv"),
        ({"DYN_FILE_KV": "/kv", "TMPDIR": "/t"}, "/kv"),
        ({"DYN_FILE_KV": "", "TMPDIR": "/t"}, "/t/dynamo_store_kv"),
        ({"TMPDIR": ""}, "/tmp/dynamo_store_kv"),
        ({}, "/tmp/dynamo_store_kv"),
        # As Python gives on what is not UTF-8.
        ({"DYN_FILE_KV": "/kv\udcff"}, "/kv\udcff"),
    ],
)
def test_the_file_stores_folder(environ: dict[str, str], root: str) -> None:
    expected = FileConnection(root=Path(root))
    assert settings(environ | {"DYN_DISCOVERY_BACKEND": "file"}).connection == expected
    assert settings(environ, backend="file").connection == expected


def test_a_flag_goes_before_the_environment() -> None:
    environ = {"DYN_DISCOVERY_BACKEND": "file", "ETCD_ENDPOINTS": "http://a:1", "DYN_FILE_KV": "/a"}
    assert etcd(environ, backend="etcd").endpoints == ("http://a:1",)
    assert etcd(environ, backend="etcd", endpoints="http://b:2").endpoints == ("http://b:2",)
    assert isinstance(settings(environ, backend="memory").connection, MemoryConnection)
    # Whoever names an address or a folder need not name the store.
    assert etcd(environ, endpoints="b:2").endpoints == ("b:2",)
    assert etcd(environ, backend="auto", endpoints="b:2").endpoints == ("b:2",)
    folder = settings({"DYN_DISCOVERY_BACKEND": "kubernetes"}, file_store="/b").connection
    assert folder == FileConnection(root=Path("/b"))


@pytest.mark.parametrize(
    ("environ", "flags", "setting", "said"),
    [
        ({"DYN_DISCOVERY_BACKEND": "kubernetes"}, {}, "DYN_DISCOVERY_BACKEND", "kubernetes"),
        ({"DYN_DISCOVERY_BACKEND": "mem"}, {"backend": "auto"}, "DYN_DISCOVERY_BACKEND", "--demo"),
        ({"DYN_DISCOVERY_BACKEND": "ETCD"}, {}, "DYN_DISCOVERY_BACKEND", "'ETCD'"),
        ({}, {"backend": "nats"}, "--backend", "not built yet"),
        ({}, {"backend": "file", "endpoints": "a:1"}, "--endpoints", "file was chosen"),
        ({}, {"backend": "etcd", "file_store": "/a"}, "--file-store", "etcd was chosen"),
        ({}, {"endpoints": "a:1", "file_store": "/a"}, "--file-store", "etcd was chosen"),
        ({}, {"file_store": ""}, "--file-store", "no folder"),
        ({"DYNTOP_READ_ONLY": "oui"}, {}, "DYNTOP_READ_ONLY", "'oui'"),
        ({"ETCD_AUTH_PASSWORD": "\udcffs3cret"}, {}, "ETCD_AUTH_PASSWORD", "is not UTF-8"),
    ],
)
def test_what_cannot_be_used_is_named(
    environ: dict[str, str], flags: dict[str, Any], setting: str, said: str
) -> None:
    with pytest.raises(Misconfigured) as raised:
        settings(environ, **flags)
    assert raised.value.setting == setting
    assert said in raised.value.problem
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    ("environ", "flag", "namespace", "source"),
    [
        ({"DYN_NAMESPACE": "prod"}, None, "prod", "DYN_NAMESPACE"),
        ({"DYN_NAMESPACE": "prod"}, "test", "test", "--namespace"),
        ({"DYN_NAMESPACE": "prod"}, "", None, None),
        ({"DYN_NAMESPACE": ""}, None, None, None),
        ({}, "test", "test", "--namespace"),
        # As ids have it.
        ({}, "a\udcff", "a\\xff", "--namespace"),
    ],
)
def test_the_namespace_and_who_said_so(
    environ: dict[str, str], flag: str | None, namespace: str | None, source: str | None
) -> None:
    found = settings(environ, namespace=flag)
    assert (found.namespace, found.namespace_source) == (namespace, source)


@pytest.mark.parametrize(
    ("text", "read_only"), [("1", True), ("Yes", True), ("0", False), ("", False), ("off", False)]
)
def test_read_only_from_the_environment(text: str, read_only: bool) -> None:
    assert settings({"DYNTOP_READ_ONLY": text}).read_only is read_only
    assert settings({"DYNTOP_READ_ONLY": text}, read_only=True).read_only


def test_a_demo_needs_nothing_and_minds_nothing() -> None:
    found = settings({"DYN_DISCOVERY_BACKEND": "kubernetes"}, demo=True, backend="nats")
    assert found.demo
    assert isinstance(found.connection, MemoryConnection)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        settings().read_only = True


async def test_a_connection_becomes_its_store(tmp_path: Path) -> None:
    assert isinstance(open_store(MemoryConnection()), MemoryStore)
    store = open_store(FileConnection(root=tmp_path))
    assert isinstance(store, FileStore)
    assert store.address == str(tmp_path)
    opened = open_store(EtcdConnection(endpoints=("https://a:1", "b:2")))
    assert (opened.name, opened.address) == ("etcd", "https://a:1,http://b:2")
    await opened.aclose()
    with pytest.raises(Misconfigured):
        open_store(EtcdConnection(username="root"))
