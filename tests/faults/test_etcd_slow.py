"""An etcd each of whose answers takes long, or the handshake too: what a person sees of it."""

from __future__ import annotations

import json
from contextlib import suppress

from backends.etcd import EtcdConfig, EtcdStore
from backends.etcd.client import Client
from backends.etcd.rpc import STATUS, StatusRequest
from backends.etcd.watch_stream import WatchLimits
from backends.store import Unreachable
from tests.support.etcd_places import QUICK, stored
from tests.support.etcd_server import EtcdServer
from tests.support.forwarders import Forwarder, HeldForwarder, SlowForwarder
from tests.support.operating import dashboard
from tests.support.ports import LOOPBACK
from tests.support.registered import instance
from tests.support.seeing import held as shown
from tests.support.seeing import leading_to, lists, put

DELAY = 2.0
"""Seconds between a question and its answer."""
LONG = 600.0
"""Seconds: no test waits for anything as long."""


def patient(forwarder: Forwarder, **limits: float) -> EtcdStore:
    """A store that waits for answers as long as they are held back."""
    limits = {"request_timeout": LONG, "last_dial_timeout": LONG, **limits}
    return EtcdStore(EtcdConfig(endpoints=[url(forwarder)], **limits))  # type: ignore[arg-type]


def url(forwarder: Forwarder) -> str:
    return f"http://{LOOPBACK}:{forwarder.port}"


async def comes_without_being_lost(store: EtcdStore, held: HeldForwarder, etcd: EtcdServer) -> None:
    async with dashboard(store=store, size=(120, 40), complete=False) as operator:
        links: list[str] = []

        def link() -> str:
            links.append(operator.dashboard.view.store.link.value)
            return links[-1]

        await held.until(lambda: link() == "loading")
        await operator.until_shown("loading 0 of 2")
        await held.until(lambda: link() == "connected")
        assert shown(operator) == stored(etcd)
        put(etcd, instance(3))
        await held.until(lambda: link() == "connected" and shown(operator) == stored(etcd))
        await operator.until_shown("3 instances")
        assert "disconnected" not in links


def test_an_answer_that_takes_2_s_is_within_all_limits() -> None:
    limits = EtcdConfig()
    assert limits.last_dial_timeout > DELAY
    assert limits.request_timeout > DELAY
    watch = WatchLimits()
    assert watch.silence > watch.heartbeat_interval + DELAY


async def test_one_whose_answers_are_slow_is_loading_then_connected_never_lost() -> None:
    with EtcdServer(*QUICK) as etcd:
        put(etcd, instance(1), instance(2))
        held = HeldForwarder(etcd.ports[0])
        await held.open()
        store = patient(held)
        await comes_without_being_lost(store, held, etcd)
        await store.aclose()
        await held.cut()


async def test_of_one_that_takes_2_s_for_each_answer_all_is_listed() -> None:
    with EtcdServer(*QUICK) as etcd:
        put(etcd, instance(1), instance(2))
        slow = SlowForwarder(etcd.ports[0], DELAY)
        await slow.open()
        for _ in range(5):
            ended = await lists(leading_to(url(slow)))
            # On a busy machine a limit may pass all the same.
            if ended.code == 0:
                break
        assert ended.code == 0, ended.err
        found = {one["key"].encode(): one["value"] for one in ended.records}
        assert found == {key: json.loads(value) for key, value in stored(etcd).items()}
        await slow.cut()


SHORT = 0.1
"""Seconds that an endpoint gets where there is another: here less than the handshake takes."""


async def test_one_whose_handshake_is_slow_too_is_not_given_up_where_there_is_no_other() -> None:
    with EtcdServer(*QUICK) as etcd:
        put(etcd, instance(1), instance(2))
        held = HeldForwarder(etcd.ports[0], handshake=3 * SHORT)
        await held.open()
        store = patient(held, dial_timeout=SHORT)
        await comes_without_being_lost(store, held, etcd)
        await store.aclose()
        await held.cut()


async def test_the_time_for_an_answer_begins_once_a_slow_server_accepts_the_connection() -> None:
    with EtcdServer(*QUICK) as etcd:
        # The limits are gRPC's own, which knows no other clock: where the machine gave no time, all
        # of it is tried longer.
        for unit in (SHORT, 8 * SHORT):
            slow = SlowForwarder(etcd.ports[0], 20 * unit, handshake=20 * unit)
            await slow.open()
            limits = EtcdConfig(
                endpoints=[url(slow)],
                dial_timeout=unit,
                last_dial_timeout=30 * unit,
                request_timeout=30 * unit,
            )
            client = Client(limits)
            leader = 0
            with suppress(Unreachable):
                leader = (await client.call(STATUS, StatusRequest())).leader
            await client.aclose()
            await slow.cut()
            if leader:
                break
        assert leader


async def test_of_several_the_slow_one_is_left_soon() -> None:
    with EtcdServer(*QUICK) as etcd:
        slow = SlowForwarder(etcd.ports[0], 0.0, handshake=LONG)
        await slow.open()
        urls = [f"http://{LOOPBACK}:{slow.port}", etcd.endpoint]
        client = Client(EtcdConfig(endpoints=urls, dial_timeout=SHORT, last_dial_timeout=LONG))
        assert (await client.call(STATUS, StatusRequest())).leader
        await client.aclose()
        await slow.cut()
