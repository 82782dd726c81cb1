"""Passwords, tokens, keys and URLs with credentials are in no message, however they are written and
whoever repeats them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import grpc
import pytest

from backends.connections import NatsKvConnection
from backends.etcd import EtcdConfig, EtcdStore, rpc
from backends.etcd.config import parse_endpoint
from backends.etcd.connection import Connection
from backends.etcd.errors import TokenRejected, translate
from backends.nats.config import NatsConfig
from backends.redact import MASK, path_or_mask, without
from backends.store import NotAuthorised, StoreError
from tests.cli.conftest import Here
from tests.hostile.repeating import Words, permissions_violation, refused_call, repeating
from tests.support.running import Ended, Watching
from tests.support.seeing import lists, looking
from tui.text.errors import explain

SECRET = "Hunter2"
PEM = f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----"

URLS = [
    f"http://root:{SECRET}@127.0.0.1:1",
    f"root:{SECRET}@127.0.0.1:1",
    f"http://root:{SECRET}%40127.0.0.1:1",
    f"http://root:{SECRET}",
    f"http://root:{SECRET},x@127.0.0.1:1",
    f"http://{SECRET}@",
    f"http://root:{SECRET}#@127.0.0.1:1",
    f"http://root:{SECRET}/x@127.0.0.1:1",
    f"http://root:{SECRET}?@127.0.0.1:1",
    f"http://[{SECRET}@127.0.0.1",
    f"//root:{SECRET}@127.0.0.1:1",
    f"http:/root:{SECRET}@127.0.0.1:1",
    f"http://127.0.0.1:1/?token={SECRET}",
    f"http://127.0.0.1:1/#{SECRET}",
    f"http://ro ot:{SECRET}@127.0.0.1:1",
]


def assert_one_sentence_without(ended: Ended) -> None:
    assert ended.code in (2, 3), ended.err
    assert SECRET.lower() not in ended.one_sentence().lower()
    assert SECRET.encode() not in ended.out


@pytest.mark.parametrize("url", [url for url in URLS if url != URLS[1]])
def test_an_address_with_a_password_is_not_repeated(here: Here, url: str) -> None:
    with pytest.raises(StoreError) as caught:
        EtcdConfig(endpoints=[part for part in url.split(",") if part])
    for text in (str(caught.value), repr(caught.value), explain(caught.value).sentence):
        assert SECRET not in text
    nats = url.replace("http", "nats")
    assert_one_sentence_without(here("--backend", "nats", "list", env={"NATS_SERVER": nats}))
    where = {"DYN_FILE_KV": "/nowhere", "DYN_DISCOVERY_BACKEND": "file"}
    assert_one_sentence_without(here("list", env=where | {"DYNTOP_METRICS": url}))
    assert_one_sentence_without(here("stats", env=where | {"NATS_SERVER": nats}))


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("setting", ["endpoints", "nats", "metrics"])
def test_a_context_with_a_password_is_refused_without_repeating_it(
    here: Here, tmp_path: Path, url: str, setting: str
) -> None:
    (tmp_path / "dyntop").mkdir()
    quoted = url.replace("http", "nats") if setting == "nats" else url
    (tmp_path / "dyntop" / "contexts.toml").write_text(f'[p]\n{setting} = "{quoted}"\n')
    if setting == "endpoints" and "@" not in url:
        ended = here("--context", "p", "list", "all", env={"XDG_CONFIG_HOME": str(tmp_path)})
    else:
        where = ("--backend", "nats") if setting == "nats" else ("--file-store", "/nowhere")
        ended = here("--context", "p", *where, "list", env={"XDG_CONFIG_HOME": str(tmp_path)})
    assert_one_sentence_without(ended)


@pytest.mark.parametrize("text", [PEM, PEM.removeprefix("-----"), PEM.replace("\n", " "), SECRET])
@pytest.mark.parametrize(
    "name",
    [
        *("NATS_AUTH_CREDENTIALS_FILE", "NATS_TLS_CA_CERT_PATH", "NATS_AUTH_NKEY"),
        *("NATS_TLS_CLIENT_CERT_PATH", "NATS_TLS_CLIENT_KEY_PATH", "NATS_AUTH_TOKEN"),
        "NATS_AUTH_PASSWORD",
    ],
)
def test_a_key_in_the_place_of_a_path_is_not_repeated(here: Here, name: str, text: str) -> None:
    env = {"NATS_SERVER": "nats://127.0.0.1:1", name: text}
    assert_one_sentence_without(here("--backend", "nats", "list", env=env))


@pytest.mark.parametrize("text", [PEM, PEM.removeprefix("-----"), PEM.replace("\n", " "), SECRET])
@pytest.mark.parametrize("setting", ["ca", "cert", "key"])
async def test_a_key_in_the_place_of_an_etcds_path_is_not_repeated(setting: str, text: str) -> None:
    given = {"cert": "/nowhere.pem", "key": "/nowhere.pem"} if setting != "ca" else {}
    given[setting] = text
    config = EtcdConfig(
        endpoints=["https://127.0.0.1:1"],
        ca=given.get("ca"),
        cert=given.get("cert"),
        key=given.get("key"),
    )
    store = EtcdStore(config)
    with pytest.raises(StoreError) as caught:
        await store.snapshot([b"v1/"])
    await store.aclose()
    assert SECRET not in explain(caught.value).sentence
    assert SECRET not in repr(config)


@pytest.mark.parametrize("path", ["/etc/etcd/ca.pem", "ca.pem", "../tls/ca", "/etc/pki"])
def test_a_path_is_named(path: str) -> None:
    assert path_or_mask(path) == path


def test_a_secret_is_found_in_whatever_case() -> None:
    said = without(f"no user {SECRET.lower()}, said {SECRET}", (SECRET, None, ""))
    assert said == f"no user {MASK}, said {MASK}"


async def repeat(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> None:
    """As an etcd, or a proxy before one, that says back what it was told."""
    said = f"etcdserver: no: {request.name} {request.password} \x1b[2J\u202e"
    await context.abort(grpc.StatusCode.INVALID_ARGUMENT, said)


async def test_a_server_that_repeats_the_password_is_quoted_without_it() -> None:
    server = grpc.aio.server()
    login: grpc.RpcMethodHandler[Any, Any] = grpc.unary_unary_rpc_method_handler(
        repeat, request_deserializer=rpc.AuthenticateRequest.FromString
    )
    handlers = {"Authenticate": login}
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("etcdserverpb.Auth", handlers),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    endpoint = f"http://127.0.0.1:{port}"
    store = EtcdStore(EtcdConfig(endpoints=[endpoint], username="root", password=SECRET))
    try:
        with pytest.raises(StoreError) as caught:
            await store.snapshot([b"v1/"])
    finally:
        await store.aclose()
        await server.stop(None)
    sentence = explain(caught.value).sentence
    assert f"no: root {MASK} \\x1b[2J\\u202e" in sentence
    assert SECRET not in str(caught.value)


async def test_what_an_etcd_says_of_a_watch_is_quoted_without_the_password() -> None:
    connection = Connection(parse_endpoint("127.0.0.1:1", tls=False), None, 1.0, (SECRET,))
    error = connection.error_for(f"etcdserver: permission denied for {SECRET}")
    await connection.aclose()
    assert isinstance(error, NotAuthorised)
    assert error.detail == f"permission denied for {MASK}"


def test_an_error_of_etcd_is_known_though_the_password_is_one_of_its_words() -> None:
    error = translate("a", None, "etcdserver: invalid auth token", ("auth",))
    assert isinstance(error, TokenRejected)


OTHERS = ("nats://ann:Her-s3cret@n-1:4222", "Bearer abcdefgh", PEM.replace("\n", " "))
"""Nobody told dyntop these; they are known by their form."""


@pytest.mark.parametrize("words", [permissions_violation, refused_call])
@pytest.mark.parametrize("way", ["password", "token", "url", "token in the url"])
async def test_a_nats_server_that_repeats_credentials_is_quoted_without_them_everywhere(
    words: Words, way: str, tmp_path: Path
) -> None:
    async with repeating(words, *OTHERS) as where:
        server, env = f"nats://{where}", dict[str, str]()
        match way:
            case "password":
                env = {"NATS_AUTH_USERNAME": "joe", "NATS_AUTH_PASSWORD": SECRET}
            case "token":
                env = {"NATS_AUTH_TOKEN": SECRET}
            case "url":
                server = f"nats://joe:{SECRET}@{where}"
            case _:
                server = f"nats://{SECRET}@{where}"
        env |= {"NATS_SERVER": server, "DYNTOP_LOG": str(tmp_path / "log")}
        config = NatsConfig.from_environment(env)
        async with looking(NatsKvConnection(config=config)) as operator:
            await operator.until_shown("not connected, trying since")
            await operator.until(lambda: MASK in operator.text())
            screens = [operator.text()]
            await operator.press("7")
            screens.append(operator.text())
        ended = await lists(env, "--backend", "nats")
        assert ended.code in (1, 4)
        assert MASK in ended.one_sentence()
        with await asyncio.to_thread(Watching, "--backend", "nats", env=env) as watching:
            complaint = await asyncio.to_thread(watching.complaint)
        assert MASK in complaint
        told = [ended.err, complaint, (tmp_path / "log").read_text(), *screens]
        for secret in (SECRET, "her-s3cret", "abcdefgh"):
            assert secret.lower() not in "".join(told).lower()
