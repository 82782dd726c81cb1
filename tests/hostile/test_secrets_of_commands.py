"""Whatever fails, no command prints or logs a secret of its settings, with tracebacks neither."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Here, folder, in_folder
from tests.support.etcd_places import QUICK, switch_auth_on
from tests.support.etcd_server import EtcdServer
from tests.support.nats_server import NatsServer
from tests.support.ports import LOOPBACK
from tests.support.running import Ended, dyntop
from tests.support.tls import TlsFiles, make_tls

__all__ = ["folder", "in_folder"]

SEED = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"
NOWHERE = f"{LOOPBACK}:1"

KEY = "v1/instances/prod/backend/generate/1"
COMMANDS = (
    ("list",),
    ("list", "workers"),
    ("check", "--probe"),
    ("stats",),
    ("tap", "prod/backend/kv-events"),
    ("unregister", "--yes", KEY),
    ("unregister", "--yes", "--stale"),
    ("drain", "--yes", "1"),
    ("restore", "20261121-134501-3f2a"),
    ("history",),
)


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    return make_tls(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def nats() -> Iterator[NatsServer]:
    with NatsServer("--user", "joe", "--pass", "another") as server:
        yield server


@pytest.fixture(scope="module")
def etcd() -> Iterator[EtcdServer]:
    with EtcdServer(*QUICK) as server:
        switch_auth_on(server)
        yield server


@pytest.fixture
def secret(tls: TlsFiles, tmp_path: Path) -> dict[str, str]:
    """An environment full of secrets, and a log that has everything."""
    return {
        "ETCD_AUTH_USERNAME": "root",
        "ETCD_AUTH_PASSWORD": "s3cret-of-etcd",
        "ETCD_AUTH_CA": tls.ca.read_text(),
        "ETCD_AUTH_CLIENT_CERT": tls.client_cert.read_text(),
        "ETCD_AUTH_CLIENT_KEY": tls.client_key.read_text(),
        "NATS_SERVER": f"nats://joe:s3cret-of-url@{NOWHERE}",
        "NATS_AUTH_NKEY": SEED,
        "NATS_AUTH_TOKEN": "s3cret-of-token",
        "DYNTOP_METRICS": f"http://joe:s3cret-of-metrics@{NOWHERE}",
        "DYNTOP_LOG": str(tmp_path / "log"),
        "DYNTOP_LOG_LEVEL": "debug",
        "DYNTOP_DEBUG": "1",
    }


def assert_none_is_in(texts: str, env: dict[str, str]) -> None:
    key_lines = env["ETCD_AUTH_CLIENT_KEY"].splitlines()[1:-1]
    for one in ("s3cret", SEED, "PRIVATE KEY", *key_lines):
        assert one.lower() not in texts.lower()


def told(ended: Ended, env: dict[str, str]) -> str:
    return ended.out.decode() + ended.err + Path(env["DYNTOP_LOG"]).read_text()


NATS_FAILURES = {
    "unreachable": {},
    "wrong password": {"NATS_AUTH_USERNAME": "joe", "NATS_AUTH_PASSWORD": "s3cret-of-joe"},
    "wrong password in the url": {"NATS_SERVER": "nats://joe:s3cret-of-url@{nats}"},
    "wrong token": {"NATS_SERVER": "{nats}", "NATS_AUTH_NKEY": ""},
    "wrong token in the url": {"NATS_SERVER": "nats://s3cret-of-url@{nats}"},
    "wrong seed": {"NATS_SERVER": "{nats}", "NATS_AUTH_TOKEN": ""},
    "TLS wanted": {"NATS_SERVER": "tls://joe:s3cret-of-url@{nats}"},
    "a key where a path should be": {"NATS_TLS_CLIENT_KEY_PATH": "{key}"},
    "no URL": {"NATS_SERVER": "htp://joe:s3cret-of-url@{nats}"},
}


@pytest.mark.parametrize("failure", NATS_FAILURES)
@pytest.mark.parametrize("store", ["nats", "file"])
def test_with_nats(
    here: Here,
    in_folder: dict[str, str],
    secret: dict[str, str],
    nats: NatsServer,
    store: str,
    failure: str,
) -> None:
    where = nats.url.removeprefix("nats://")
    for name, text in NATS_FAILURES[failure].items():
        secret[name] = text.format(nats=where, key=secret["ETCD_AUTH_CLIENT_KEY"])
    env = in_folder | secret
    for command in COMMANDS:
        ended = here("--backend", store, *command, env=env)
        if store == "nats" and command != ("history",):
            assert ended.code != 0, command
        assert_none_is_in(told(ended, env), env)


@pytest.mark.parametrize(
    ("command", "endpoint", "code"),
    [
        pytest.param(("list",), "http://{etcd}", 4, id="wrong password"),
        pytest.param(("watch",), "http://{etcd}", 4, id="wrong password of a watch"),
        pytest.param(("check",), f"http://{NOWHERE}", 3, id="unreachable"),
        pytest.param(("drain", "--yes", "1"), "https://{etcd}", 3, id="TLS wanted"),
        pytest.param(("unregister", "-y", KEY), "http://u:s3cret-of-url@{etcd}", 2, id="in a URL"),
    ],
)
def test_with_etcd(
    secret: dict[str, str],
    etcd: EtcdServer,
    tmp_path: Path,
    command: tuple[str, ...],
    endpoint: str,
    code: int,
) -> None:
    env = secret | {
        "ETCD_ENDPOINTS": endpoint.format(etcd=etcd.endpoint.removeprefix("http://")),
        "XDG_STATE_HOME": str(tmp_path),
    }
    ended = dyntop(*command, env=env)
    assert ended.code == code, ended.err
    assert_none_is_in(told(ended, env), env)
