"""The messages of the demo's publishers: real envelopes with invented content, without a
network.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from backends.demo.cluster import Demo
from backends.dynamo.records import EventChannel
from backends.tap.link import SILENCE, TapLink, TapState
from backends.tap.messages import KEPT, of_nats
from backends.tap.open import MOST_TAPPED
from backends.tap.routes import SeveralRoutes, merged, route_of
from backends.tap.tap import RING, Drop, Receive, ReportState, Tap
from backends.tap.together import Together

INTERVAL = 0.1
"""Seconds between two checks for messages to publish."""
WAVE = 20.0
"""Seconds from one rush of requests to the next."""


class DemoTaps:
    """Opens taps on the demo's channels."""

    def __init__(self, world: Demo, clock: Callable[[], float]) -> None:
        """`clock` returns POSIX seconds."""
        self._world = world
        self._clock = clock

    def open(self, channel: EventChannel, *, kept: int = KEPT, ring: int = RING) -> Tap:
        """Open a tap on a channel."""
        return self.open_all([channel], kept=kept, ring=ring)

    def open_all(
        self, channels: Sequence[EventChannel], *, kept: int = KEPT, ring: int = RING
    ) -> Tap:
        """Open one tap on several channels."""
        chosen = channels[:MOST_TAPPED]
        listeners = [_Listener(self._world, one, self._clock, kept) for one in chosen]
        routes = merged(route_of(one, here=True) for one in chosen)
        route = routes[0] if len(routes) == 1 else SeveralRoutes(tuple(routes))
        listener = listeners[0] if len(listeners) == 1 else Together(listeners)
        return Tap(route, listener, self._clock, ring=ring)


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

    async def run(self, receive: Receive, report: ReportState, drop: Drop) -> NoReturn:
        """Publish while the worker does."""
        channel, quiet = self._channel, 0.0
        owed = 0.0
        while True:
            await asyncio.sleep(INTERVAL)
            # Its worker is the one with a registered value that has its id.
            worker = self._world.worker_at(str(channel.id.instance_id))
            if worker is None or not worker.alive:
                report(TapState(TapLink.LOST, "its publisher refuses connections"))
                continue
            if worker.hangs:
                quiet += INTERVAL
                silent = "its publisher sends no ZMTP greeting within 1 s"
                report(TapState(TapLink.CONNECTED, silent if quiet > SILENCE else ""))
                continue
            quiet = 0.0
            report(TapState(TapLink.CONNECTED))
            owed += self._rate() * INTERVAL
            while owed >= 1:
                owed -= 1
                receive(
                    of_nats(
                        channel.id.topic or "", self._envelope(worker.id), self._clock(), self._kept
                    )
                )

    def _rate(self) -> float:
        """Return the messages a second."""
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
