"""Taps: listen to event channels, and show what publishers publish.

    tap = Taps(nats, here=True, clock=time.time).open(channel)
    task = asyncio.create_task(tap.run())
    ...
    tap.standing, tap.statistics, [decode(one.message) for one in tap.recent]

A tap only listens. It connects only to the addresses of its own channel, and ends when its task is
cancelled. `pyzmq`, `msgpack` and `nats-py` are imported on first use.
"""

from backends.tap.decoding import Decoded, decode, payload_bytes, summary
from backends.tap.filtering import MatchingMessages, MessageFilter
from backends.tap.inbox import Inbox
from backends.tap.link import SILENCE, TapLink, TapStanding
from backends.tap.messages import TapMessage
from backends.tap.open import MOST_TAPPED, OpensTaps, Taps
from backends.tap.routes import NatsRoute, NoRoute, Route, SeveralRoutes, ZmqRoute, route_of
from backends.tap.statistics import Publisher, Statistics
from backends.tap.tap import NumberedMessage, Tap

__all__ = [
    "MOST_TAPPED",
    "SILENCE",
    "Decoded",
    "Inbox",
    "MatchingMessages",
    "MessageFilter",
    "NatsRoute",
    "NoRoute",
    "NumberedMessage",
    "OpensTaps",
    "Publisher",
    "Route",
    "SeveralRoutes",
    "Statistics",
    "Tap",
    "TapLink",
    "TapMessage",
    "TapStanding",
    "Taps",
    "ZmqRoute",
    "decode",
    "payload_bytes",
    "route_of",
    "summary",
]
