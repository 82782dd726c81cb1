"""What probes find at a real worker of Dynamo that runs, is stopped, or is killed."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from backends.dynamo.parse import read
from backends.nats.config import NatsConfig
from backends.probe.probe_targets import targets_of
from backends.probe.prober import Prober
from backends.probe.types import ProbeAnswer, ProbeMethod, ProbeResult, ProbeTarget
from backends.store import Entry, Revision
from tests.support.dynamo import DynamoWorker
from tests.support.etcd_places import QUICK
from tests.support.etcd_server import EtcdServer
from tests.support.nats_server import NatsServer
from tests.support.peers import until
from tests.support.ports import free_ports
from tests.support.waiting import wait_for


@pytest.fixture
def etcd() -> Iterator[EtcdServer]:
    with EtcdServer(*QUICK) as server:
        yield server


def targets(etcd: EtcdServer, method: ProbeMethod) -> list[ProbeTarget]:
    """What is to be asked in this way of all that is registered."""
    entries = [
        Entry(key, entry.value, Revision(str(entry.mod_revision)))
        for key, entry in etcd.entries("v1/").items()
    ]
    found = {target for entry in entries for target in targets_of(read(entry))}
    return sorted(target for target in found if target.method is method)


def make_prober(nats: NatsServer | None = None) -> Prober:
    config = None if nats is None else NatsConfig(servers=(nats.url,))
    return Prober(nats=config, clock=time.time, random=random.random)


async def asked(
    target: ProbeTarget, *, deep: bool = False, nats: NatsServer | None = None
) -> ProbeAnswer:
    """What is found there now."""
    prober = make_prober(nats)
    try:
        (reading,) = await prober.once([target], deep=deep)
    finally:
        await prober.aclose()
    return reading.answer


async def test_the_tcp_plane_of_a_worker(etcd: EtcdServer) -> None:
    with DynamoWorker(etcd, publishers=False) as worker:
        # Both endpoints of the worker are served at one address.
        (target,) = targets(etcd, ProbeMethod.TCP)
        before = len(worker.recent_log())
        assert await asked(target) is ProbeAnswer.ACCEPTS
        assert worker.recent_log()[before:] == ""
        assert await asked(target, deep=True) is ProbeAnswer.ANSWERS
        wait_for(lambda: worker.recent_log()[before:], "the price of a deep probe")
        (line,) = worker.recent_log()[before:].splitlines()
        assert "WARN" in line
        assert "No handler found for endpoint: dyntop asks" in line

        worker.pause()
        assert await asked(target) is ProbeAnswer.ACCEPTS
        assert await asked(target, deep=True) is ProbeAnswer.SILENT
        worker.resume()
        assert await asked(target, deep=True) is ProbeAnswer.ANSWERS

        worker.kill()
        assert await asked(target) is ProbeAnswer.REFUSED
        assert await asked(target, deep=True) is ProbeAnswer.REFUSED


@pytest.mark.usefixtures("network")
async def test_the_zmq_publishers_of_a_worker() -> None:
    with EtcdServer(*QUICK) as etcd, DynamoWorker(etcd, event_plane="zmq") as worker:
        publishers = targets(etcd, ProbeMethod.ZMTP)
        assert len(publishers) == 2
        before = len(worker.recent_log())
        for target in publishers:
            assert await asked(target) is ProbeAnswer.ANSWERS
        worker.pause()
        for target in publishers:
            assert await asked(target) is ProbeAnswer.SILENT
        worker.resume()
        for target in publishers:
            assert await asked(target) is ProbeAnswer.ANSWERS
        assert worker.recent_log()[before:] == ""
        worker.kill()
        for target in publishers:
            assert await asked(target) is ProbeAnswer.REFUSED


async def test_the_system_server_of_a_worker(etcd: EtcdServer) -> None:
    (port,) = free_ports(1)
    env = {"DYN_SYSTEM_PORT": str(port), "DYN_SELF_HOST_METADATA": "1"}
    with DynamoWorker(etcd, publishers=False, env=env) as worker:
        (target,) = targets(etcd, ProbeMethod.HEALTH)
        (reading,) = await make_prober().once([target])
        assert reading.answer is ProbeAnswer.ANSWERS
        assert reading.text == "answers; its endpoints are ready"

        # Its status is 503 all the same, which it logs; again and again, that would be a plague.
        await until(lambda: "503" in worker.recent_log(), "the first answer in its log")
        before = len(worker.recent_log())
        async with running([target], interval=0.1) as told:
            await until(lambda: len(told) >= 5, "readings")
        assert {reading.text for reading in told} == {"answers; its endpoints are ready"}
        await until(lambda: "503" in worker.recent_log()[before:], "the answer in its log")
        assert worker.recent_log()[before:].count("503") == 1

        worker.pause()
        assert await asked(target) is ProbeAnswer.SILENT
        worker.kill()
        assert await asked(target) is ProbeAnswer.REFUSED


@contextlib.asynccontextmanager
async def running(
    wanted: list[ProbeTarget], interval: float = 2.0
) -> AsyncIterator[list[ProbeResult]]:
    """What a prober that runs tells of these, as it comes."""
    told: list[ProbeResult] = []
    prober = Prober(nats=None, clock=time.time, random=random.random, interval=interval)
    prober.want(wanted)
    task = asyncio.create_task(prober.run(told.extend))
    try:
        yield told
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await prober.aclose()


@pytest.mark.usefixtures("network")
async def test_a_death_is_told_soon_and_at_no_cost_before() -> None:
    with EtcdServer(*QUICK) as etcd, DynamoWorker(etcd, event_plane="zmq") as worker:
        wanted = targets(etcd, ProbeMethod.TCP) + targets(etcd, ProbeMethod.ZMTP)
        before = len(worker.recent_log())
        async with running(wanted) as told:
            await until(lambda: {reading.target for reading in told} == {*wanted}, "all of them")
            assert not any(reading.answer.failed for reading in told)
            assert worker.recent_log()[before:] == ""

            told.clear()
            died_at = time.time()
            worker.kill()
            await until(
                lambda: {r.target for r in told if r.answer is ProbeAnswer.REFUSED} == {*wanted},
                "refusals",
                timeout=60,
            )
            for target in wanted:
                at = min(r.at for r in told if r.target == target and r.answer.failed)
                print(f"from kill -9 to the reading, {target}: {at - died_at:.3f} s")


async def test_a_worker_of_the_nats_plane(etcd: EtcdServer) -> None:
    with (
        NatsServer() as nats,
        DynamoWorker(etcd, publishers=False, request_plane="nats", nats=nats) as worker,
    ):
        endpoints = targets(etcd, ProbeMethod.NATS)
        assert len(endpoints) == 2
        for target in endpoints:
            assert await asked(target, nats=nats) is ProbeAnswer.ANSWERS
        worker.pause()
        assert await asked(endpoints[0], nats=nats) is ProbeAnswer.SILENT
        worker.kill()
        for target in endpoints:
            assert await asked(target, nats=nats) is ProbeAnswer.SILENT


async def test_a_shutdown_is_not_held_up_by_a_held_connection(etcd: EtcdServer) -> None:
    with DynamoWorker(etcd, publishers=False) as worker:
        (target,) = targets(etcd, ProbeMethod.TCP)
        async with running([target]) as told:
            await until(lambda: told, "a reading")
            worker.terminate()
            assert await asyncio.to_thread(worker.wait_for_end) == 0
            await until(lambda: told[-1].answer is ProbeAnswer.REFUSED, "the end")
