"""Listening in on event channels: what publishers publish, as it comes.

    tap = Taps(nats, here=True, clock=time.time).open(channel)
    task = asyncio.create_task(tap.run())
    ...
    tap.standing, tap.statistics, [decode(heard.message) for heard in tap.recent]

A tap only listens. It goes to the addresses of its own channel and nowhere else, and ends when its
task is cancelled. `pyzmq`, `msgpack` and `nats-py` are imported when they are first needed.
"""

from backends.tap.decoding import Decoded, decode, payload_bytes, summary
from backends.tap.inbox import Inbox
from backends.tap.messages import Message
from backends.tap.opening import OpensTaps, Taps
from backends.tap.routes import NatsRoute, NoRoute, Route, ZmqRoute, route_of
from backends.tap.standing import SILENCE, Link, Standing
from backends.tap.statistics import Publisher, Statistics
from backends.tap.tap import Heard, Tap

__all__ = [
    "SILENCE",
    "Decoded",
    "Heard",
    "Inbox",
    "Link",
    "Message",
    "NatsRoute",
    "NoRoute",
    "OpensTaps",
    "Publisher",
    "Route",
    "Standing",
    "Statistics",
    "Tap",
    "Taps",
    "ZmqRoute",
    "decode",
    "payload_bytes",
    "route_of",
    "summary",
]
