"""What a person sees of a store, and whether that is what an independent reading has."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from backends.connections import Connection, EtcdConnection, open_store
from backends.dynamo.keys import INSTANCES, unspell
from tests.support.etcd_server import EtcdServer
from tests.support.operating import Operator, dashboard
from tests.support.registered import KeyAndValue
from tests.support.running import Ended, dyntop_meanwhile
from tui.state.store_state import LinkState

World = Mapping[bytes, bytes]
"""Keys and values, as something else than dyntop reads them."""


@asynccontextmanager
async def looking(connection: Connection) -> AsyncIterator[Operator]:
    """The dashboard, on a store that is opened as the program opens it."""
    store = open_store(connection)
    try:
        async with dashboard(store=store, size=(120, 40), complete=False) as operator:
            yield operator
    finally:
        await store.aclose()


@asynccontextmanager
async def looking_at(*servers: EtcdServer | str, **settings: Any) -> AsyncIterator[Operator]:
    """The same at etcd; `settings` are those of `EtcdConnection`."""
    async with looking(EtcdConnection(endpoints=endpoints(*servers), **settings)) as operator:
        yield operator


def endpoints(*servers: EtcdServer | str) -> tuple[str, ...]:
    return tuple(one if isinstance(one, str) else one.endpoint for one in servers)


def leading_to(*servers: EtcdServer | str, **more: str) -> dict[str, str]:
    """The environment that leads a command to an etcd."""
    return {"ETCD_ENDPOINTS": ",".join(endpoints(*servers))} | more


async def begins(operator: Operator, world: World) -> None:
    """The dashboard shows that world, before anything goes wrong."""
    await operator.until(lambda: held(operator) == world, f"{sorted(world)}")
    await operator.until_shown("● connected")


async def shows(operator: Operator, world: World, env: Mapping[str, str], *flags: str) -> None:
    """The dashboard comes to show that world and no other, and so does `dyntop list`."""
    await begins(operator, world)
    ids = sorted(_id(key) for key in world if key.startswith(INSTANCES))
    await operator.until(lambda: sorted(operator.rows("id")) == ids, f"the rows {ids}")
    assert await listed(env, *flags) == {key: json.loads(value) for key, value in world.items()}


def held(operator: Operator) -> dict[bytes, bytes]:
    records = operator.dashboard.view.cluster.records
    return {key: record.entry.value for key, record in records.items()}


async def listed(env: Mapping[str, str], *flags: str) -> dict[bytes, Any]:
    """Keys and values of `dyntop list`, which succeeds."""
    ended = await lists(env, *flags)
    assert ended.code == 0, ended.err
    return {unspell(one["key"]): one["value"] for one in ended.records}


async def lists(env: Mapping[str, str], *flags: str) -> Ended:
    """What comes of `dyntop list`."""
    return await dyntop_meanwhile(*flags, "list", "all", "-o", "json", env=env)


async def shows_loss(
    operator: Operator, why: str, env: Mapping[str, str], *flags: str, code: int = 3
) -> None:
    """The dashboard and `dyntop list` come to say so, each in one sentence."""
    # To draw the screen again and again costs more than to ask.
    await operator.until(lambda: operator.dashboard.view.store.link is LinkState.DISCONNECTED)
    was_connected = operator.dashboard.view.store.last_contact is not None
    since = "✗ disconnected since" if was_connected else "✗ not connected, trying since"
    await operator.until_shown(since)
    # A sentence goes on in the next line.
    await operator.until(lambda: why in " ".join(operator.text().split()), why)
    for _ in range(5):
        ended = await lists(env, *flags)
        # On a busy machine a limit may pass before the reason is found.
        if why in ended.err or "did not answer in time" not in ended.err:
            break
    assert ended.code == code, ended.err
    assert why in ended.one_sentence()


def put(server: EtcdServer, *registered: KeyAndValue, lease: str | None = None) -> None:
    """As something else than dyntop writes it."""
    under = [] if lease is None else [f"--lease={lease}"]
    for key, value in registered:
        server.etcdctl("put", *under, key.decode(), input=value)


def _id(key: bytes) -> str:
    return key.rpartition(b"/")[2].decode()
