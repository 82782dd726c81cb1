"""A user of etcd who may read a part only is told which kinds of records are missing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.etcd_server import EtcdServer
from tests.support.registering import put_worker
from tests.support.running import AtTerminal, dyntop

MODEL = "acme/tiny-llm"
MISSING = (
    "no permission to read event channels (v1/event_channels/), event sources (v1/event_sources/), "
    "other keys (v1/), what Dynamo up to 0.5 registers (instances/, mdc/, models/), "
    "endpoint instances (v1/instances/) but v1/instances/prod/"
)


@pytest.fixture
def guarded() -> Iterator[EtcdServer]:
    """With a user `half` who may read cards, and the instances of one namespace."""
    with EtcdServer() as etcd:
        put_worker(etcd)
        for command in (
            "role add part",
            "role grant-permission part --prefix=true read v1/mdc/",
            "role grant-permission part --prefix=true read v1/instances/prod/",
            "user add half:s3cret",
            "user grant-role half part",
            "user add root:s3cret",
            "user grant-role root root",
            "auth enable",
        ):
            etcd.etcdctl(*command.split())
        etcd.client_flags = ["--user", "root:s3cret"]
        yield etcd


@pytest.fixture
def half(guarded: EtcdServer, state: dict[str, str]) -> dict[str, str]:
    """The environment that leads there as that user."""
    user = {"ETCD_AUTH_USERNAME": "half", "ETCD_AUTH_PASSWORD": "s3cret"}
    return state | user | {"ETCD_ENDPOINTS": guarded.endpoint}


def test_what_may_not_be_read_is_named_by_kind_whichever_command_asks(
    guarded: EtcdServer, half: dict[str, str]
) -> None:
    listed = dyntop("list", "-o", "name", env=half)
    assert (listed.code, len(listed.lines)) == (4, 4)
    assert listed.one_sentence() == f"not all is listed: {MISSING}"
    for command in (
        ("check",),
        ("check", "--model", MODEL),
        ("show", MODEL),
        # It may be served, or not: that is not waited for.
        ("wait", "--model", MODEL),
        ("list", "workers"),
        ("unregister", "--stale", "--yes"),
    ):
        ended = dyntop(*command, env=half)
        assert (ended.code, ended.out) == (4, b""), command
        assert f"denies this user the request ({MISSING})" in ended.one_sentence()
    assert len(guarded.entries()) == 6


def test_a_wait_from_which_a_part_is_taken_goes_on_until_all_may_be_read(
    guarded: EtcdServer, half: dict[str, str]
) -> None:
    grant = ("role", "grant-permission", "part", "--prefix=true", "read", "")
    guarded.etcdctl(*grant)
    with AtTerminal("wait", "--model", "acme/none", env=half) as waiting:
        waiting.wait_for("no model or adapter acme/none is registered")
        guarded.etcdctl("role", "revoke-permission", "part", "", "--prefix=true")
        guarded.restart()
        waiting.wait_for("no permission to read event channels (v1/event_channels/)")
        waiting.wait_for("still waiting")
