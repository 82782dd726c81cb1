"""On a real etcd the dashboard shows of a revision what `dyntop list --revision` prints."""

from __future__ import annotations

import json

from tests.support import registered
from tests.support.etcd_places import Opener, switch_auth_on
from tests.support.etcd_server import EtcdServer
from tests.support.operating import Operator, dashboard
from tests.support.registered import KeyAndValue
from tests.support.running import dyntop_meanwhile
from tui.screens.past import PastScreen


def put(server: EtcdServer, *entries: KeyAndValue) -> int:
    revision = 0
    for key, value in entries:
        answer = server.etcdctl("put", key.decode(), value.decode(), "-w", "json")
        revision = json.loads(answer)["header"]["revision"]
    return revision


async def go_to(operator: Operator, revision: int) -> None:
    await operator.press("colon")
    await operator.type(f"rev {revision}\r")

    def is_there() -> bool:
        # While it is read for long, the header names it, too.
        screen, header = operator.app.screen, operator.header()
        is_shown = f"revision {revision} " in header and "reading" not in header
        return isinstance(screen, PastScreen) and is_shown

    await operator.until(is_there, f"revision {revision}")


def shown(operator: Operator) -> list[str]:
    return sorted(key.decode() for key in operator.dashboard.view.cluster.records)


async def test_each_revision_is_what_list_prints(open_store: Opener, etcd: EtcdServer) -> None:
    put(etcd, *map(registered.instance, (1, 2)), registered.card(1), registered.MALFORMED)
    etcd.etcdctl("del", registered.instance(1)[0].decode())
    put(etcd, (b"other/key", b"x"))
    last = put(etcd, registered.channel(5), registered.source(5, 2), registered.instance(3))
    env = {"ETCD_ENDPOINTS": etcd.endpoint}
    async with dashboard(store=open_store(etcd), size=(130, 40)) as operator:
        for revision in (last, 3, last - 1, 1, 5, 2, 7):
            await go_to(operator, revision)
            args = ("list", "all", "--revision", str(revision), "-o", "json")
            listed = json.loads((await dyntop_meanwhile(*args, env=env)).out)
            assert shown(operator) == sorted(one["key"] for one in listed), revision
            assert operator.rows("id") == sorted(
                f"{one['instance_id']}" for one in listed if one["kind"] == "endpoint"
            )


async def test_who_may_read_only_a_part_sees_that_part_and_that_it_is_one(
    open_store: Opener, etcd: EtcdServer
) -> None:
    put(etcd, *map(registered.instance, (1, 2)), registered.card(1), registered.instance(3))
    switch_auth_on(etcd)
    store = open_store(etcd, username="joe", password="secret")
    async with dashboard(store=store, size=(130, 40)) as operator:
        await operator.press("[")
        await operator.until(lambda: "revision 3 " in operator.header(), "revision 3")
        assert operator.rows("id") == ["1", "2"]
        assert "no permission to read event channels (v1/event_channels/)" in operator.text()


async def test_compacted_meanwhile_is_said_with_the_oldest_that_is_left(
    open_store: Opener, etcd: EtcdServer
) -> None:
    last = put(etcd, *map(registered.instance, range(1, 8)))
    async with dashboard(store=open_store(etcd), size=(130, 40)) as operator:
        await operator.press("[")
        await operator.until(lambda: f"revision {last - 1} " in operator.header())
        etcd.etcdctl("compact", str(last - 2))
        await operator.press("[", "[", "[")
        await operator.until(lambda: any(f"{last - 2}" in one for one in operator.told()))
        assert "PAST" in operator.header()
        await go_to(operator, last - 2)
        assert operator.rows("id") == ["1", "2", "3", "4", "5"]
