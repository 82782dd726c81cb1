"""What the publishers of the demo publish: real envelopes, made up here, over no network."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable
from typing import Any, NoReturn

from backends.demo.cluster import Demo
from backends.records import EventChannel
from backends.tap.messages import KEPT, of_nats
from backends.tap.routes import route_of
from backends.tap.standing import SILENCE, Link
from backends.tap.tap import RING, Drop, Hear, Tap, Tell

INTERVAL = 0.1
"""Seconds between two looks at what there is to publish."""
WAVE = 20.0
"""Seconds from one rush of requests to the next."""


class DemoTaps:
    """Opens taps on the channels of a play."""

    def __init__(self, world: Demo, clock: Callable[[], float]) -> None:
        """`clock` gives POSIX seconds."""
        self._world = world
        self._clock = clock

    def open(self, channel: EventChannel, *, kept: int = KEPT, ring: int = RING) -> Tap:
        """A tap on a channel."""
        listener = _Listener(self._world, channel, self._clock, kept)
        return Tap(route_of(channel, here=True), listener, self._clock, ring=ring)


class _Listener:
    def __init__(
        self, world: Demo, channel: EventChannel, clock: Callable[[], float], kept: int
    ) -> None:
        self._world = world
        self._channel = channel
        self._clock = clock
        self._kept = kept
        self._random = random.Random(channel.id.instance_id)
        self._sequence = self._random.randrange(1000, 90_000)
        self._stored: list[int] = []

    async def run(self, hear: Hear, tell: Tell, drop: Drop) -> NoReturn:
        """Publish, as long as the worker does."""
        channel, quiet = self._channel, 0.0
        owed = 0.0
        while True:
            await asyncio.sleep(INTERVAL)
            # Its worker is who registered something with its id in it.
            worker = self._world.worker_at(str(channel.id.instance_id))
            if worker is None or not worker.alive:
                tell(Link.LOST, "its publisher refuses connections")
                continue
            if worker.hangs:
                quiet += INTERVAL
                said = "its publisher sends no ZMTP greeting within 1 s"
                tell(Link.CONNECTED, said if quiet > SILENCE else "")
                continue
            quiet = 0.0
            tell(Link.CONNECTED, "")
            owed += self._rate() * INTERVAL
            while owed >= 1:
                owed -= 1
                hear(
                    of_nats(
                        channel.id.topic or "", self._envelope(worker.id), self._clock(), self._kept
                    )
                )

    def _rate(self) -> float:
        """Messages a second."""
        if self._channel.id.topic != "kv-events":
            return 1.0
        wave = 1 + math.sin(self._clock() * 2 * math.pi / WAVE)
        return 4 + 9 * wave * self._random.random()

    def _envelope(self, worker: int) -> bytes:
        import msgpack

        content: Any = [self._event(worker)]
        if self._channel.id.topic != "kv-events":
            content = {
                "worker_id": worker,
                "dp_rank": 0,
                "active_decode_blocks": self._random.randrange(200, 900),
                "active_prefill_tokens": self._random.randrange(0, 4096),
                "kv_used_blocks": self._random.randrange(4000, 22_000),
            }
        self._sequence += 1
        envelope = {
            "publisher_id": self._channel.id.instance_id,
            "sequence": self._sequence,
            "published_at": int(self._clock() * 1000),
            "topic": self._channel.id.topic,
            "payload": msgpack.packb(content),
        }
        packed: bytes = msgpack.packb(envelope)
        return packed

    def _event(self, worker: int) -> dict[str, Any]:
        if len(self._stored) > 60 or (self._stored and self._random.random() < 0.3):
            gone = [self._stored.pop(0) for _ in range(min(len(self._stored), 4))]
            data: dict[str, Any] = {"removed": {"block_hashes": gone}}
        else:
            parent = self._stored[-1] if self._stored and self._random.random() < 0.7 else None
            new = [self._random.getrandbits(64) for _ in range(self._random.randrange(1, 9))]
            self._stored += new
            blocks = [
                {
                    "block_hash": one,
                    "tokens_hash": self._random.getrandbits(64),
                    "mm_extra_info": None,
                }
                for one in new
            ]
            stored = {"parent_hash": parent, "start_position": None, "blocks": blocks}
            data = {"stored": stored}
        event = {"event_id": self._sequence, "data": data, "dp_rank": 0}
        return {"worker_id": worker, "storage_tier": "device", "event": event}
