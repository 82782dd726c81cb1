"""An etcd each of whose answers takes 2 s: what a person sees of it."""

from __future__ import annotations

import asyncio

from tests.contract.etcd_harness import Forwarder
from tests.etcd.places import QUICK, stored
from tests.faults.seeing import held, looking_at, put
from tests.registered import instance
from tests.servers import LOOPBACK, EtcdServer

DELAY = 2.0
"""Seconds between a question and its answer."""


class SlowForwarder(Forwarder):
    """Passes on at once what is asked, and late what is answered; a connection is made at once."""

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        loop = asyncio.get_running_loop()
        delay = 0.0
        is_answer = writer.get_extra_info("peername")[1] != self._to
        try:
            while received := await reader.read(65536):
                loop.call_later(delay, writer.write, received)
                delay = DELAY if is_answer else 0.0
        except OSError:
            pass
        finally:
            writer.transport.abort()
            self._writers.discard(writer)


async def test_one_that_takes_2_s_for_each_answer_is_loading_then_connected_never_lost() -> None:
    with EtcdServer(*QUICK) as etcd:
        put(etcd, instance(1), instance(2))
        slow = SlowForwarder(etcd.ports[0])
        await slow.open()
        async with looking_at(f"http://{LOOPBACK}:{slow.port}") as operator:
            links: list[str] = []

            def link() -> str:
                links.append(operator.main.monitor.store.link.value)
                return links[-1]

            await operator.until(lambda: link() == "loading")
            await operator.until_shown("loading 0 of 2")
            await operator.until(lambda: link() == "connected")
            assert held(operator) == stored(etcd)
            put(etcd, instance(3))
            await operator.until(lambda: link() == "connected" and held(operator) == stored(etcd))
            await operator.until_shown("3 instances")
            assert "disconnected" not in links
        await slow.cut()
