"""Whether a ZMQ socket greets: its process does that itself, on accept and before it is spoken to.

So a process that is stopped or hung does not, though the kernel accepts connections for it. The
peer is asked on a new connection each time: it greets only once, and libzmq ends a connection
that does not greet back within 30 s (measured). A greeting costs a worker of 1.6.1 140 µs and no
line in its log.
"""

from __future__ import annotations

from backends.probe.addresses import Address
from backends.probe.dialling import connected, found_by
from backends.probe.types import Answer, Finding

SIGNATURE = 10
"""Bytes: 0xFF, eight of padding, 0x7F. ZMTP 3.x, greeting; rfc.zeromq.org/spec/23."""

GREETS = Finding(Answer.ANSWERS, "sends its ZMTP greeting")

# On that port listens somebody else by now, so the publisher that had it is not there any more.
# For who wants its events that is the same as silence.
OTHER = Finding(Answer.SILENT, "sends something else than a ZMTP greeting")
NONE = Finding(Answer.SILENT, "closes the connection without a ZMTP greeting")


async def ask(address: Address, time_limit: float) -> Finding:
    """Wait for the greeting. Never raises; takes at most `time_limit` seconds."""

    async def greeting() -> Finding:
        async with connected(address, time_limit) as (reader, _):
            received = b""
            while len(received) < SIGNATURE and received[:1] in (b"", b"\xff"):
                chunk = await reader.read(SIGNATURE - len(received))
                if not chunk:
                    return OTHER if received else NONE
                received += chunk
        genuine = len(received) == SIGNATURE and received[0] == 0xFF and received[-1] == 0x7F
        return GREETS if genuine else OTHER

    return await found_by(greeting, time_limit, "sends no ZMTP greeting")
