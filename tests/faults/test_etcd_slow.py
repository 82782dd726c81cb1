"""An etcd each of whose answers takes long, or the handshake too: what a person sees of it."""

from __future__ import annotations

import asyncio
import json

from backends.etcd import EtcdConfig, EtcdStore
from backends.etcd.client import Client
from backends.etcd.rpc import STATUS, StatusRequest
from tests.contract.etcd_harness import Forwarder
from tests.etcd.places import QUICK, stored
from tests.faults.seeing import held, leading_to, listed, looking_at, put
from tests.registered import instance
from tests.servers import LOOPBACK, EtcdServer
from tests.tui.operating import Operator, dashboard

DELAY = 2.0
"""Seconds between a question and its answer."""


class SlowForwarder(Forwarder):
    """Passes on at once what is asked, and late what is answered."""

    def __init__(self, port: int, delay: float = DELAY, *, handshake: float = 0.0) -> None:
        """`handshake` is the delay, in seconds, of the first answer to a connection."""
        super().__init__(port)
        self._delay = delay
        self._handshake = handshake

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        loop = asyncio.get_running_loop()
        is_answer = writer.get_extra_info("peername")[1] != self._to
        delay = self._handshake if is_answer else 0.0
        try:
            while received := await reader.read(65536):
                loop.call_later(delay, writer.write, received)
                delay = self._delay if is_answer else 0.0
        except OSError:
            pass
        finally:
            writer.transport.abort()
            self._writers.discard(writer)


async def comes_without_being_lost(operator: Operator, etcd: EtcdServer, through: str) -> None:
    """`through` is where the slow one listens, for `dyntop list` too."""
    # Both wait at the same time.
    listing = asyncio.create_task(listed(leading_to(through)))
    links: list[str] = []

    def link() -> str:
        links.append(operator.main.monitor.store.link.value)
        return links[-1]

    await operator.until(lambda: link() == "loading")
    await operator.until_shown("loading 0 of 2")
    await operator.until(lambda: link() == "connected")
    world = stored(etcd)
    assert held(operator) == world
    assert await listing == {key: json.loads(value) for key, value in world.items()}
    put(etcd, instance(3))
    await operator.until(lambda: link() == "connected" and held(operator) == stored(etcd))
    await operator.until_shown("3 instances")
    assert "disconnected" not in links


async def test_one_that_takes_2_s_for_each_answer_is_loading_then_connected_never_lost() -> None:
    with EtcdServer(*QUICK) as etcd:
        put(etcd, instance(1), instance(2))
        slow = SlowForwarder(etcd.ports[0])
        await slow.open()
        through = f"http://{LOOPBACK}:{slow.port}"
        async with looking_at(through) as operator:
            await comes_without_being_lost(operator, etcd, through)
        await slow.cut()


SHORT = 0.1
"""Seconds that an endpoint gets where there is another: here less than the handshake takes."""


async def test_one_whose_handshake_is_slow_too_is_not_given_up_where_there_is_no_other() -> None:
    with EtcdServer(*QUICK) as etcd:
        put(etcd, instance(1), instance(2))
        slow = SlowForwarder(etcd.ports[0], 3 * SHORT, handshake=3 * SHORT)
        await slow.open()
        through = f"http://{LOOPBACK}:{slow.port}"
        store = EtcdStore(EtcdConfig(endpoints=[through], dial_timeout=SHORT))
        async with dashboard(store=store, size=(120, 40), complete=False) as operator:
            await comes_without_being_lost(operator, etcd, through)
        await store.aclose()
        await slow.cut()


async def test_the_time_for_an_answer_begins_once_a_slow_server_accepts_the_connection() -> None:
    with EtcdServer(*QUICK) as etcd:
        slow = SlowForwarder(etcd.ports[0], 3 * SHORT, handshake=3 * SHORT)
        await slow.open()
        client = Client(
            EtcdConfig(
                endpoints=[f"http://{LOOPBACK}:{slow.port}"],
                dial_timeout=SHORT,
                request_timeout=4 * SHORT,
            )
        )
        assert (await client.call(STATUS, StatusRequest())).leader
        await client.aclose()
        await slow.cut()


async def test_of_several_the_slow_one_is_left_soon() -> None:
    with EtcdServer(*QUICK) as etcd:
        slow = SlowForwarder(etcd.ports[0], handshake=60.0)
        await slow.open()
        urls = [f"http://{LOOPBACK}:{slow.port}", etcd.endpoint]
        client = Client(EtcdConfig(endpoints=urls, dial_timeout=SHORT, last_dial_timeout=60.0))
        assert (await client.call(STATUS, StatusRequest())).leader
        await client.aclose()
        await slow.cut()
