"""The play of taps: made-up messages, as they would come over a wire."""

from __future__ import annotations

import time
from functools import partial

from backends.demo.cluster import Demo
from backends.demo.taps import DemoTaps
from backends.discovery.discovery import Discovery
from backends.dynamo.ids import Kind
from backends.dynamo.queries import Query
from backends.dynamo.records import EventChannel
from backends.tap import TapLink, decode
from tests.tap.conftest import running, until


async def channels(world: Demo) -> list[EventChannel]:
    records = await Discovery(world.store).list(Query(frozenset({Kind.EVENT_CHANNEL})))
    return [record for record in records if isinstance(record, EventChannel)]


async def test_every_publisher_that_lives_is_heard_and_decoded() -> None:
    world = Demo()
    taps = DemoTaps(world, time.time)
    found = await channels(world)
    for topic, words in (("kv-events", "block"), ("kv_metrics", "kv_used_blocks=")):
        channel = next(one for one in found if one.id.topic == topic)
        async with running(taps.open(channel)) as tap:
            await until(partial(bool, tap.recent))
            assert tap.standing.link is TapLink.CONNECTED
            (publisher,) = tap.statistics.publishers()
            assert publisher.id == channel.id.instance_id
            decoded = decode(tap.recent[0].message)
            assert decoded.problem is None
            assert words in decoded.summary


async def test_a_publisher_that_died_is_not_connected() -> None:
    world = Demo()
    channel = (await channels(world))[0]
    worker = world.worker_at(str(channel.id.instance_id))
    assert worker is not None
    async with running(DemoTaps(world, time.time).open(channel)) as tap:
        await until(lambda: tap.standing.link is TapLink.CONNECTED)
        worker.alive = False
        await until(lambda: tap.standing.link is TapLink.LOST)
