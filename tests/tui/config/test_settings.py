"""From the environment and flags to settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from backends.connections import (
    EtcdConnection,
    FileConnection,
    KubernetesConnection,
    MemoryConnection,
    NatsKvConnection,
    open_store,
)
from backends.file import FileStore
from backends.liveness.gathering import Probing
from backends.memory import MemoryStore
from backends.store import Misconfigured
from tui.config.context_file import Context
from tui.config.settings import Settings

SECRET = "s3cret"
PEM = f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----\n"


def settings(environ: dict[str, str] | None = None, **flags: Any) -> Settings:
    return Settings.from_environment(environ or {}, **flags)


def etcd(environ: dict[str, str] | None = None, **flags: Any) -> EtcdConnection:
    connection = settings(environ, **flags).connection
    assert isinstance(connection, EtcdConnection)
    return connection


def prod(**said: Any) -> Context:
    return Context(name="prod", source="--context", **said)


def test_with_nothing_set_it_is_etcd_at_home() -> None:
    found = settings()
    assert found.connection == EtcdConnection(endpoints=("http://localhost:2379",))
    assert (found.namespace, found.namespace_source) == (None, None)
    assert (found.read_only, found.demo) == (False, False)
    assert (found.context, found.context_source) == (None, None)


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
    assert connection.password == SECRET
    assert connection.ca == "/ca.pem"
    assert connection.client_key == PEM


def test_no_text_of_the_settings_has_a_secret() -> None:
    names = ("ETCD_AUTH_PASSWORD", "ETCD_AUTH_CA", "ETCD_AUTH_CLIENT_CERT", "ETCD_AUTH_CLIENT_KEY")
    found = settings(dict.fromkeys(names, PEM))
    for text in (repr(found), str(found)):
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
    ("environ", "flags", "connection"),
    [
        ({"DYN_DISCOVERY_BACKEND": "kubernetes"}, {}, KubernetesConnection()),
        ({}, {"backend": "kubernetes"}, KubernetesConnection()),
        ({}, {"kube_context": "eu"}, KubernetesConnection(context="eu")),
        ({}, {"kube_namespace": "dynamo"}, KubernetesConnection(namespace="dynamo")),
        ({}, {"kube_namespace": "*"}, KubernetesConnection(all_namespaces=True)),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, {}, KubernetesConnection()),
    ],
)
def test_kubernetes_is_chosen_by_its_flags_by_dynamos_name_and_in_a_pod(
    environ: dict[str, str], flags: dict[str, Any], connection: KubernetesConnection
) -> None:
    assert settings(environ, **flags).connection == connection


def test_a_pod_that_has_an_etcd_named_reads_etcd() -> None:
    in_a_pod = {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}
    assert etcd(in_a_pod | {"ETCD_ENDPOINTS": "http://a:1"}).endpoints == ("http://a:1",)
    assert etcd(in_a_pod | {"DYN_DISCOVERY_BACKEND": "etcd"})


def test_a_context_names_a_cluster_of_kubernetes() -> None:
    named = prod(backend="kubernetes", kube_context="eu", kube_namespace="dynamo")
    expected = KubernetesConnection(context="eu", namespace="dynamo")
    assert settings({}, context=named).connection == expected
    assert settings({}, context=named, kube_namespace="*").connection == KubernetesConnection(
        context="eu", all_namespaces=True
    )


@pytest.mark.parametrize(
    ("environ", "flags", "setting", "said"),
    [
        ({}, {"backend": "etcd", "kube_context": "a"}, "--kube-context", "etcd was chosen"),
        ({}, {"backend": "file", "kube_namespace": "a"}, "--kube-namespace", "file was chosen"),
        ({"DYN_DISCOVERY_BACKEND": "mem"}, {"backend": "auto"}, "DYN_DISCOVERY_BACKEND", "--demo"),
        ({"DYN_DISCOVERY_BACKEND": "ETCD"}, {}, "DYN_DISCOVERY_BACKEND", "'ETCD'"),
        ({}, {"backend": "nats", "nats": ","}, "--nats", "no server"),
        ({"NATS_AUTH_TOKEN": "\udcffs3cret"}, {"backend": "nats"}, "NATS_AUTH_TOKEN", "not UTF-8"),
        ({}, {"backend": "file", "endpoints": "a:1"}, "--endpoints", "file was chosen"),
        ({}, {"backend": "etcd", "file_store": "/a"}, "--file-store", "etcd was chosen"),
        ({}, {"endpoints": "a:1", "file_store": "/a"}, "--file-store", "etcd was chosen"),
        ({}, {"file_store": ""}, "--file-store", "no folder"),
        ({"DYNTOP_READ_ONLY": "oui"}, {}, "DYNTOP_READ_ONLY", "'oui'"),
        ({}, {"namespace": "p*d"}, "--namespace", "before its end"),
        ({}, {"namespace": "p**"}, "--namespace", "before its end"),
        ({"DYN_NAMESPACE": "*d"}, {}, "DYN_NAMESPACE", "before its end"),
        ({"DYN_NAMESPACE_PREFIX": "p*"}, {}, "DYN_NAMESPACE_PREFIX", "before its end"),
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
        (
            {"DYN_NAMESPACE": "prod", "DYN_NAMESPACE_WORKER_SUFFIX": "7b13b437"},
            None,
            "prod-7b13b437",
            "DYN_NAMESPACE and DYN_NAMESPACE_WORKER_SUFFIX",
        ),
        ({"DYN_NAMESPACE_WORKER_SUFFIX": "7b13b437"}, None, None, None),
        (
            {"DYN_NAMESPACE": "prod", "DYN_NAMESPACE_PREFIX": "prod-"},
            None,
            "prod-*",
            "DYN_NAMESPACE_PREFIX",
        ),
        ({"DYN_NAMESPACE_PREFIX": "prod"}, "", None, None),
        ({"DYN_NAMESPACE": ""}, None, None, None),
        ({}, "test", "test", "--namespace"),
        ({}, "test*", "test*", "--namespace"),
        ({}, "*", "*", "--namespace"),
        # As ids have it.
        ({}, "a\udcff", "a\\xff", "--namespace"),
    ],
)
def test_the_namespace_and_who_said_so(
    environ: dict[str, str], flag: str | None, namespace: str | None, source: str | None
) -> None:
    found = settings(environ, namespace=flag)
    assert (found.namespace, found.namespace_source) == (namespace, source)


def test_a_context_goes_before_the_environment_and_flags_before_it() -> None:
    environ = {"DYN_DISCOVERY_BACKEND": "file", "ETCD_ENDPOINTS": "http://a:1", "DYN_FILE_KV": "/a"}
    in_etcd = prod(backend="etcd", endpoints="http://b:2, c:3")
    assert etcd(environ, context=in_etcd).endpoints == ("http://b:2", "c:3")
    assert etcd(environ, context=in_etcd, backend="auto").endpoints == ("http://b:2", "c:3")
    assert etcd(environ, context=in_etcd, backend="etcd").endpoints == ("http://b:2", "c:3")
    assert etcd(environ, context=in_etcd, endpoints="d:4").endpoints == ("d:4",)
    in_folder = prod(backend="file", file_store="/b")
    for flags, root in (({}, "/b"), ({"file_store": "/c"}, "/c"), ({"backend": "file"}, "/b")):
        found = settings({"DYN_FILE_KV": "/a"}, context=in_folder, **flags).connection
        assert found == FileConnection(root=Path(root))
    # A flag that chooses the other store, where the context's address is none.
    assert settings(environ, context=in_etcd, backend="file").connection == FileConnection(
        root=Path("/a")
    )
    assert etcd(environ, context=in_folder, endpoints="d:4").endpoints == ("d:4",)


def test_what_a_context_does_not_say_comes_from_the_environment() -> None:
    environ = {
        "DYN_DISCOVERY_BACKEND": "file",
        "DYN_FILE_KV": "/a",
        "ETCD_ENDPOINTS": "http://a:1",
        "ETCD_AUTH_USERNAME": "root",
        "DYN_NAMESPACE": "test",
    }
    found = settings(environ, context=prod())
    assert found.connection == FileConnection(root=Path("/a"))
    assert (found.namespace, found.namespace_source) == ("test", "DYN_NAMESPACE")
    connection = etcd(environ, context=prod(backend="etcd"))
    assert (connection.endpoints, connection.username) == (("http://a:1",), "root")
    assert etcd(environ, context=prod(backend="etcd", endpoints="b:2")).username == "root"
    found = settings(environ, context=Context(name="prod", source="DYNTOP_CONTEXT"))
    assert (found.context, found.context_source) == ("prod", "DYNTOP_CONTEXT")


@pytest.mark.parametrize(
    ("said", "flag", "namespace", "source"),
    [
        ("prod", None, "prod", "context prod"),
        ("prod", "test", "test", "--namespace"),
        ("prod", "", None, None),
        # All of them, whatever the environment says.
        ("", None, None, None),
    ],
)
def test_the_namespace_of_a_context(
    said: str, flag: str | None, namespace: str | None, source: str | None
) -> None:
    found = settings({"DYN_NAMESPACE": "other"}, context=prod(namespace=said), namespace=flag)
    assert (found.namespace, found.namespace_source) == (namespace, source)


def test_what_one_makes_read_only_no_other_makes_writable() -> None:
    for environ in ({}, {"DYNTOP_READ_ONLY": "0"}, {"DYNTOP_READ_ONLY": "1"}):
        assert settings(environ, context=prod(read_only=True)).read_only
        assert settings(environ, context=prod(), read_only=True).read_only
    assert settings({"DYNTOP_READ_ONLY": "1"}, context=prod(read_only=False)).read_only
    assert not settings({"DYNTOP_READ_ONLY": "0"}, context=prod(read_only=False)).read_only


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


def test_unless_told_otherwise_it_probes_what_is_on_screen_and_asks_the_store_little() -> None:
    found = settings()
    assert (found.probing, found.lease_rate) == (Probing.VISIBLE, 50)
    assert not found.metrics_always
    found = settings(probing=Probing.NEVER, lease_rate=0.5, metrics_always=True)
    assert (found.probing, found.lease_rate) == (Probing.NEVER, 0.5)
    assert found.metrics_always


def test_nats_is_asked_only_where_one_is_named_and_the_flag_goes_first() -> None:
    assert settings().nats is None
    named = {"NATS_SERVER": "nats://a", "NATS_AUTH_TOKEN": "t"}
    found = settings(named).nats
    assert found is not None
    assert (found.servers, found.token) == (("nats://a",), "t")
    found = settings(named, nats="nats://b, c").nats
    assert found is not None
    assert (found.servers, found.token) == (("nats://b", "c"), "t")
    assert settings(named, nats="").nats is None


@pytest.mark.parametrize(
    ("environ", "audit"),
    [
        ({"XDG_STATE_HOME": "/state", "HOME": "/home/me"}, "/state/dyntop/audit.jsonl"),
        ({"XDG_STATE_HOME": "", "HOME": "/home/me"}, "/home/me/.local/state/dyntop/audit.jsonl"),
        ({"HOME": "/home/me"}, "/home/me/.local/state/dyntop/audit.jsonl"),
    ],
)
def test_where_removals_are_written_down(environ: dict[str, str], audit: str) -> None:
    assert settings(environ).audit == Path(audit)
    assert settings(environ, no_audit=True).audit is None
    # What is removed from a play is no matter of record.
    assert settings(environ, demo=True).audit is None


def test_a_user_without_a_home_can_look_and_has_no_file_to_write_removals_down_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.getuid", lambda: 4_000_000_000)
    assert settings().audit == Path("~/.local/state/dyntop/audit.jsonl")
    assert settings(no_audit=True).audit is None
    assert settings({"XDG_STATE_HOME": "/state"}).audit is not None


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(AttributeError, match="immutable"):
        settings().read_only = True  # type: ignore[misc]


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


def test_the_nats_store_is_where_a_flag_says_else_a_context_else_the_environment() -> None:
    environ = {"NATS_SERVER": "nats://a:1,nats://b:2", "NATS_AUTH_TOKEN": "s3cret"}
    context = Context(name="lab", source="--context", backend="nats", nats="nats://c:3")
    for found, servers in (
        (settings(environ, backend="nats"), ("nats://a:1", "nats://b:2")),
        (settings(environ, context=context), ("nats://c:3",)),
        (settings(environ, context=context, nats="d:4"), ("d:4",)),
        (settings({}, backend="nats"), ("nats://localhost:4222",)),
    ):
        assert isinstance(found.connection, NatsKvConnection)
        assert found.connection.config.servers == servers
        # Its services are asked there, too.
        assert found.nats == found.connection.config
        assert "s3cret" not in repr(found)


def test_a_nats_server_alone_chooses_no_store_and_is_asked_for_services() -> None:
    for found in (
        settings({}, nats="nats://a:1"),
        settings({}, context=Context(name="lab", source="--context", nats="nats://a:1")),
        settings({"NATS_SERVER": "nats://a:1"}),
    ):
        assert isinstance(found.connection, EtcdConnection)
        assert found.nats is not None
        assert found.nats.servers == ("nats://a:1",)
    assert settings({}).nats is None


def test_whose_metrics_are_scraped() -> None:
    environ = {"DYNTOP_METRICS": f"http://a:1, http://joe:{SECRET}@b:2/metrics"}
    found = settings(environ)
    assert [str(target) for target in found.metrics] == ["http://a:1", "http://***@b:2"]
    assert SECRET not in repr(found)
    assert settings().metrics == ()
    # A flag goes before a context, and that before the environment.
    context = prod(metrics="http://c:3,http://d:4")
    assert [one.base for one in settings(environ, context=context).metrics] == [
        "http://c:3",
        "http://d:4",
    ]
    flags = ["http://e:5", "f:6,http://g:7"]
    assert [one.base for one in settings(environ, context=context, metrics=flags).metrics] == [
        "http://e:5",
        "http://f:6",
        "http://g:7",
    ]
    assert settings(environ, context=context, metrics=[""]).metrics == ()
    # A play has processes of its own.
    assert settings(environ, demo=True).metrics == ()


@pytest.mark.parametrize("url", ["ftp://a", f"http://joe:{SECRET}@a:x", "http://a:1\udcff"])
def test_a_url_that_is_none_is_refused_and_no_password_repeated(url: str) -> None:
    for environ, flags, setting in (
        ({"DYNTOP_METRICS": url}, None, "DYNTOP_METRICS"),
        ({}, [url], "--metrics"),
    ):
        with pytest.raises(Misconfigured) as raised:
            settings(environ, metrics=flags)
        assert raised.value.setting == setting
        assert SECRET not in str(raised.value)
