"""A tap on what real workers of Dynamo 1.6.1 publish, over ZMQ and over NATS."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.dynamo.parse import read
from backends.dynamo.records import EventChannel
from backends.nats.config import NatsConfig
from backends.store import Entry, Revision
from backends.tap import Tap, TapLink, Taps, decode
from backends.tap.zmq_listener import ZmqTimes
from tests.support.dynamo import DynamoWorker, registered_values
from tests.support.nats_server import NatsServer
from tests.support.running import dyntop_meanwhile
from tests.tap.conftest import running, until, until_connected

TIMES = 1000
"""Rounds of three events each."""


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as above:
        yield Path(above) / "kv"


def channel_of(folder: Path, topic: str) -> EventChannel:
    """The worker's channel of this topic."""
    found = [
        record
        for key, value in registered_values(folder).items()
        if isinstance(record := read(Entry(key.encode(), value, Revision("1"))), EventChannel)
        and record.id.topic == topic
    ]
    (channel,) = found
    return channel


async def hear_all(tap: Tap, worker: DynamoWorker, channel: EventChannel) -> None:
    """What is published is what is heard, and it is decoded as what it was."""
    await until_connected(tap)
    # A publisher hears of a subscription a moment after its connection stands (ZMQ).
    sent = 0
    while not tap.statistics.messages:
        await asyncio.to_thread(worker.publish_kv, [[sent]], [])
        sent += 1
        await asyncio.sleep(0.05)
    await until(lambda: last_sequence(tap) == sent - 1, "all that was sent to begin with")
    before, first = tap.statistics.messages, sent
    await asyncio.to_thread(worker.publish_kv, [[1, 2, -3]], [[1, 2], [5]], TIMES)
    await until(lambda: events_up_to(tap) == first + 3 * TIMES, "all events")
    assert tap.statistics.messages - before == 3 * TIMES
    publisher, *others = tap.statistics.publishers()
    assert not others
    assert publisher.id == channel.id.instance_id
    assert publisher.last == first + 3 * TIMES - 1
    assert (publisher.gaps, publisher.restarts, tap.statistics.dropped) == (0, 0, 0)
    said = {decode(heard.message).summary for heard in tap.recent}
    assert said <= {"stored 3 blocks", "removed 2 blocks", "removed 1 block"}
    assert len(said) == 3


def last_sequence(tap: Tap) -> int | None:
    return tap.statistics.publishers()[0].last


def events_up_to(tap: Tap) -> int:
    """How many events its worker published until the last that was heard."""
    payload = decode(tap.recent[-1].message).payload
    number: int = payload[-1]["event"]["event_id"]
    return number


@pytest.mark.usefixtures("network")
async def test_kv_events_over_zmq_are_counted_and_decoded_and_a_stopped_worker_is_found_out(
    folder: Path,
) -> None:
    taps = Taps(None, here=True, clock=time.time, zmq_times=ZmqTimes(silence=1.0))
    with DynamoWorker(folder, event_plane="zmq") as worker:
        channel = channel_of(folder, "kv-events")
        async with running(taps.open(channel)) as tap:
            await hear_all(tap, worker, channel)
            await until(lambda: tap.standing.answers, "silent, and its worker serves")
            worker.pause()
            await until(lambda: "sends no ZMTP greeting" in tap.standing.why, "a stopped worker")
            assert tap.standing.link is TapLink.CONNECTED
            worker.kill()
            await until(lambda: tap.standing.link is TapLink.LOST, "a dead worker")
            await until(lambda: tap.standing.why.endswith(" refuses connections"))


async def test_kv_events_over_nats_are_counted_and_decoded_and_printed(folder: Path) -> None:
    with NatsServer() as nats, DynamoWorker(folder, nats=nats) as worker:
        taps = Taps(NatsConfig(servers=(nats.url,)), here=True, clock=time.time)
        channel = channel_of(folder, "kv-events")
        async with running(taps.open(channel)) as tap:
            await hear_all(tap, worker, channel)
            env = {
                "DYN_DISCOVERY_BACKEND": "file",
                "DYN_FILE_KV": str(folder),
                "NATS_SERVER": nats.url,
            }
            printing = dyntop_meanwhile(
                "tap", "prod/backend/kv-events", "-o", "json", "--count", "2", env=env
            )
            printed = asyncio.create_task(printing)
            while not printed.done():
                await asyncio.to_thread(worker.publish_kv, [[7, 8]], [])
                await asyncio.sleep(0.05)
            ended = await printed
        assert ended.code == 0, ended.err
        lines = [json.loads(line) for line in ended.lines]
        assert [line["summary"] for line in lines] == ["stored 2 blocks"] * 2
        assert lines[0]["payload"][0]["worker_id"] == worker.instance_id
        assert lines[1]["sequence"] == lines[0]["sequence"] + 1


async def test_metrics_are_heard_by_name(folder: Path) -> None:
    with NatsServer() as nats, DynamoWorker(folder, nats=nats) as worker:
        taps = Taps(NatsConfig(servers=(nats.url,)), here=True, clock=time.time)
        async with running(taps.open(channel_of(folder, "kv_metrics"))) as tap:
            await until_connected(tap)
            await asyncio.to_thread(worker.publish)
            await until(lambda: tap.statistics.messages == 1)
            said = decode(tap.recent[-1].message).summary
            assert said == f"kv_used_blocks=1 worker_id={worker.instance_id} dp_rank=0"
