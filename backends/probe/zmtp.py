"""Probe a ZMQ socket for its greeting, which the process itself sends on accept, before any
request.

A stopped or hung process does not, though its kernel accepts connections. Each probe makes a new
connection: the peer greets only once, and libzmq ends a connection that does not greet back within
30 s (measured). A greeting costs a worker of 1.6.1 140 µs and no line in its log.
"""

from __future__ import annotations

from backends.probe.addresses import Address
from backends.probe.connect import Attempt, connected, run_attempt
from backends.probe.types import Finding, ProbeAnswer

SIGNATURE = 10
"""Bytes: 0xFF, eight of padding, 0x7F. ZMTP 3.x, greeting; rfc.zeromq.org/spec/23."""

GREETS = Finding(ProbeAnswer.ANSWERS, "sends its ZMTP greeting")

# Another program has the port now, or a proxy or tunnel is in between.
OTHER = Finding(ProbeAnswer.UNREACHED, "sends something else than a ZMTP greeting")
NONE = Finding(ProbeAnswer.UNREACHED, "closes the connection without a ZMTP greeting")


async def ask(address: Address, time_limit: float) -> Finding:
    """Wait for the greeting. Never raises. Takes at most `time_limit` seconds."""

    async def greeting(attempt: Attempt) -> Finding:
        async with connected(address, time_limit, attempt) as (reader, _):
            received = b""
            while len(received) < SIGNATURE and received[:1] in (b"", b"\xff"):
                chunk = await reader.read(SIGNATURE - len(received))
                if not chunk:
                    return OTHER if received else NONE
                received += chunk
        genuine = len(received) == SIGNATURE and received[0] == 0xFF and received[-1] == 0x7F
        return GREETS if genuine else OTHER

    return await run_attempt(greeting, time_limit, "sends no ZMTP greeting")
